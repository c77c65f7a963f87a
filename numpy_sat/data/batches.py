"""Splits of a data set, and the batches that a model trains on.

The random choices of an epoch (order, captions, augmentation) depend only on the seed, the epoch and the image. An
interrupted training therefore continues exactly where it stopped. Only the epoch and the batch number are stored.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from numpy_sat.data.dataset import Example
from numpy_sat.data.vocabulary import END, START, Vocabulary, tokenize
from numpy_sat.system.errors import InputError
from numpy_sat.system.ranks import Share
from numpy_sat.system.streams import IMAGE, NOISE, ORDER, stream

if TYPE_CHECKING:
    from numpy_sat.experiment.recipe import Augmentation


class Split(NamedTuple):
    """One split in memory: N images (or phrases) and their captions."""

    names: tuple[str, ...]
    inputs: np.ndarray  # (N, ...) like Batch.inputs, but images are uint8 and features float16; may be a memory map
    captions: tuple[tuple[np.ndarray, ...], ...]  # word numbers per image and caption; <end> is last unless cut
    references: tuple[tuple[list, ...], ...]  # word lists per image and caption, not cut
    notes: tuple[str, ...]  # anything unusual about the split, one sentence each


class Batch(NamedTuple):
    """B captions of N images (or phrases). B / N consecutive captions belong to each image.

    T is the number of words of the longest caption, including <end>. The recipe decides what `inputs` holds:
    images, (N, H, W, 3) float32 from -1 to 1; features, (N, L, C), precomputed by the frozen stages of a pretrained
    encoder; or phrases, (N, L) integers.
    """

    inputs: np.ndarray  # (N, ...)
    words: np.ndarray  # (T, B) y_0 = <start>, y_1, ...: the words that the decoder reads
    targets: np.ndarray  # (T, B) y_1, ..., <end>: the words that it has to predict
    mask: np.ndarray  # (T, B) 1 at words, 0 at padding
    rows: np.ndarray | None = None  # (N,) indices of the images in the split
    weights: np.ndarray | None = None  # (B,) r - b of sampled captions, or (T, B) of their words, see samples.py
    share: Share | None = None  # the place of these images in a larger batch that several ranks share

    def lengths(self) -> np.ndarray:
        """Return the length of each caption, (B,). A word of mask 0 before the last real word counts, too."""
        real = self.mask > 0
        return np.where(real.any(axis=0), len(real) - real[::-1].argmax(axis=0), 0)


def make_split(
    examples: Sequence[Example],
    inputs: np.ndarray,
    vocabulary: Vocabulary,
    max_words: int,
    tokenize: Callable[[str], list[str]] = tokenize,
) -> Split:
    """Encode the captions of a split. Captions without any word of the vocabulary are left out and noted.

    Args:
        examples: N examples.
        inputs: (N, ...) their model inputs.
        vocabulary: the vocabulary that numbers the words.
        max_words: longer captions are cut to this length and get no <end>.
        tokenize: function from a caption to its words.
    Returns:
        The split.
    Raises:
        InputError: an example has no caption with a word of the vocabulary.
    """
    known = frozenset(vocabulary.words)
    references = tuple(_known_captions(example, known, tokenize) for example in examples)
    captions = tuple(
        tuple(_encode(words, vocabulary, max_words) for words in image_references) for image_references in references
    )
    dropped = sum(len(example.captions) for example in examples) - sum(map(len, captions))
    notes = (f"{dropped:,} captions without a known word are left out.",) if dropped else ()
    names = tuple(example.name for example in examples)
    return Split(names, inputs, captions, references, notes)


def exchange_captions(split: Split, share: float, seed: int) -> Split:
    """Replace captions by captions of other images, so that they are as noisy as captions from the web.

    Args:
        split: the split.
        share: probability that a caption is replaced.
        seed: seed of the run.
    Returns:
        The split, itself if the share is 0. Its references stay.
    """
    if not share:
        return split
    rng, captions = stream(seed, NOISE), []
    for n, own in enumerate(split.captions):
        others = rng.integers(1, len(split.captions), len(own)) + n  # never the image itself
        exchanged = [split.captions[k % len(split.captions)] for k in others]
        exchanged = [image_captions[rng.integers(len(image_captions))] for image_captions in exchanged]
        replaces = rng.random(len(own)) < share
        captions.append(tuple(b if is_other else a for a, b, is_other in zip(own, exchanged, replaces, strict=True)))
    return split._replace(captions=tuple(captions))


def _known_captions(example, known, tokenize):
    """Return an example's captions as word lists, those with at least one of the known words."""
    captions = tuple(words for words in map(tokenize, example.captions) if not known.isdisjoint(words))
    if not captions:
        raise InputError(
            f"{example.name}: none of its captions ({example.captions[0]!r}, ...) has a word of the vocabulary; "
            f"remove it from its split's list."
        )
    return captions


def _encode(words, vocabulary, max_words):
    numbers = vocabulary.encode(words)
    return np.array(numbers[:max_words] if len(numbers) > max_words else [*numbers, END])


def epoch_batches(
    split: Split,
    batch_size: int,
    captions_per_image: int,
    augmentation: "Augmentation",
    seed: int,
    epoch: int,
    first: int = 0,
    share: Share | None = None,
) -> Iterator[Batch]:
    """Yield the batches of one epoch, in random order. Images that do not fill a last batch are left out.

    Args:
        split: the split to read.
        batch_size: images per batch.
        captions_per_image: captions sampled per image, without repetition as long as the image has enough.
        augmentation: the random changes of each image.
        seed: seed of the run.
        epoch: number of the epoch, from 0.
        first: number of the first batch to yield.
        share: the images of each batch that this rank needs; None for all.
    """
    order = stream(seed, ORDER, epoch).permutation(len(split.names))
    for k in range(first, batches_per_epoch(split, batch_size)):
        rows = order[k * batch_size : (k + 1) * batch_size]
        if share:
            rows = rows[share.first : share.first + share.count]
        rngs = [stream(seed, IMAGE, epoch, int(row)) for row in rows]
        inputs = np.stack([_augment(split.inputs[row], augmentation, rng) for row, rng in zip(rows, rngs, strict=True)])
        captions = []
        for row, rng in zip(rows, rngs, strict=True):
            captions += _sample_captions(split.captions[row], captions_per_image, rng)
        yield make_batch(inputs, captions, rows)._replace(share=share)


def lengthened(batch: Batch, T: int) -> Batch:
    """Return the batch with padding up to T words."""
    missing = T - len(batch.words)
    if not missing:
        return batch
    fields = {"words": START, "targets": END, "mask": 0}
    return batch._replace(
        **{
            name: np.pad(getattr(batch, name), ((0, missing), (0, 0)), constant_values=value)
            for name, value in fields.items()
        }
    )


def prefetch(batches: Iterable) -> Iterator:
    """Yield the same batches. Another thread makes the next batch while the caller works on the current one."""
    batches = iter(batches)
    with ThreadPoolExecutor(1) as maker:
        future = maker.submit(next, batches, None)
        while (batch := future.result()) is not None:
            future = maker.submit(next, batches, None)
            yield batch


def batches_per_epoch(split: Split, batch_size: int) -> int:
    """Return the number of full batches in a split."""
    return len(split.names) // batch_size


def plain_batches(
    split: Split, batch_size: int, captions_per_image: int, first: int = 0, every: int = 1
) -> Iterator[Batch]:
    """Yield batches of all images in order, without augmentation.

    Each image comes with its first `captions_per_image` captions. If it has fewer, they are repeated.

    Args:
        split: the split to read.
        batch_size: images per batch.
        captions_per_image: captions of each image.
        first, every: yield the batches first, first + every, first + 2 every, ... only.
    """
    for start in range(first * batch_size, len(split.names), every * batch_size):
        rows = np.arange(start, min(start + batch_size, len(split.names)))
        captions = [
            split.captions[row][k % len(split.captions[row])] for row in rows for k in range(captions_per_image)
        ]
        yield make_batch(split.inputs[start : start + batch_size], captions, rows)


def make_batch(inputs: np.ndarray, captions: Sequence[np.ndarray], rows: np.ndarray | None = None) -> Batch:
    """Return the batch of some inputs and captions.

    Args:
        inputs: (N, ...) as in a Split; uint8 images are scaled.
        captions: B integer arrays; B / N consecutive captions belong to each image.
        rows: (N,) indices of the images in the split.
    """
    return Batch(scale_pixels(inputs), *arrange(captions), rows)


def arrange(captions: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Arrange captions as columns, padded to the longest.

    Args:
        captions: B integer sequences.
    Returns:
        words: (T, B) as in a Batch.
        targets: (T, B).
        mask: (T, B).
    """
    T, B = max(map(len, captions)), len(captions)
    words, targets = np.full((T, B), START), np.full((T, B), END)
    mask = np.zeros((T, B), np.float32)
    for b, caption in enumerate(captions):
        words[1 : len(caption), b] = caption[:-1]
        targets[: len(caption), b] = caption
        mask[: len(caption), b] = 1
    return words, targets, mask


def scale_pixels(inputs: np.ndarray) -> np.ndarray:
    """Scale uint8 images to float32 from -1 to 1. Return other inputs (features, phrases) unchanged."""
    return inputs.astype(np.float32) / 127.5 - 1 if inputs.dtype == np.uint8 else inputs


def _sample_captions(captions, count, rng):
    """Sample `count` captions of an image. None is repeated before all of them were used."""
    rounds = -(-count // len(captions))
    order = np.concatenate([rng.permutation(len(captions)) for _ in range(rounds)])
    return [captions[k] for k in order[:count]]


def _augment(image, augmentation, rng):
    if augmentation.horizontal_flip and rng.random() < 0.5:
        image = image[:, ::-1]
    if augmentation.random_crop < 1:
        image = _random_crop(image, augmentation.random_crop, rng)
    if augmentation.color_jitter:
        image = _color_jitter(image, augmentation.color_jitter, rng)
    if augmentation.random_shift:
        down, right = rng.integers(0, 2 * augmentation.random_shift + 1, 2)
        H, W, _ = image.shape
        margin = (augmentation.random_shift, augmentation.random_shift)
        image = np.pad(image, (margin, margin, (0, 0)), mode="edge")[down : down + H, right : right + W]
    return image


def _random_crop(image, min_share, rng):
    """Crop a random part of the image and resize it to the image's size.

    Args:
        image: (H, W, 3) uint8.
        min_share: smallest side of the crop, as a share of the image's side.
        rng: numpy Generator.
    """
    H, W, _ = image.shape
    share = rng.uniform(min_share, 1)
    rows, columns = round(share * H), round(share * W)
    top, left = rng.integers(0, H - rows + 1), rng.integers(0, W - columns + 1)
    box = (left, top, left + columns, top + rows)
    return np.asarray(Image.fromarray(image).resize((W, H), Image.Resampling.BILINEAR, box))


def _color_jitter(image, strength, rng):
    """Multiply contrast (distance from the mean) and brightness (the mean) by random factors of 1 +/- strength."""
    contrast, brightness = rng.uniform(1 - strength, 1 + strength, 2)
    mean = image.mean()
    return np.clip((image - mean) * contrast + mean * brightness, 0, 255).astype(np.uint8)
