"""Images and captions as the arrays a model trains on.

The random choices of an epoch (order, captions, augmentation) follow from seed, epoch and image alone. So training that
was interrupted goes on exactly where it was, and only the epoch and the place in it are stored.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from PIL import Image

from numpy_sat.data.vocabulary import END, START, tokenize
from numpy_sat.system.errors import InputError
from numpy_sat.system.streams import IMAGE, ORDER, stream


class Split(NamedTuple):
    """One split, ready to be read: N images (or phrases) and their captions."""

    names: tuple[str, ...]
    inputs: np.ndarray  # (N, ...) as of Batch.inputs, but images are uint8 and features float16; perhaps a memory map
    captions: tuple[tuple[np.ndarray, ...], ...]  # of each image: its captions as integers, <end> last unless cut
    references: tuple[tuple[list, ...], ...]  # of each image: its captions as word lists, uncut
    notes: tuple[str, ...]  # what is unusual, a sentence each


class Batch(NamedTuple):
    """B captions of N images (or phrases), B / N consecutive ones of each; T words of the longest, <end> counted.

    `inputs` is always what the model's encoder reads. That is one of three kinds, as the recipe says:
    images, (N, H, W, 3) float32 from -1 to 1; features, (N, L, C), which the frozen stages of a pretrained encoder
    have computed of the images earlier; or phrases, (N, L) integers.
    """

    inputs: np.ndarray  # (N, ...)
    words: np.ndarray  # (T, B) y_0 = <start>, y_1, ..., what the decoder reads
    targets: np.ndarray  # (T, B) y_1, ..., <end>, what it is to predict
    mask: np.ndarray  # (T, B) 1 at words, 0 at padding
    rows: np.ndarray | None = None  # (N,) the images' places in the split
    weights: np.ndarray | None = None  # (B,) r - b of sampled captions, see self_critical.py


def make_split(examples, inputs, vocabulary, max_words, tokenize=tokenize):
    """Number the words of a split's captions. Captions without a word of the vocabulary are left out and noted.

    Args:
        examples: N dataset.Examples.
        inputs: (N, ...) their model inputs.
        vocabulary: vocabulary.Vocabulary.
        max_words: longer captions are cut there, without <end>.
        tokenize: function from a caption to its words.
    Returns:
        A Split.
    Raises:
        InputError: no caption of an example is left.
    """
    references = tuple(_known_captions(example, vocabulary, tokenize) for example in examples)
    captions = tuple(tuple(_number(words, vocabulary, max_words) for words in of_one) for of_one in references)
    lost = sum(len(example.captions) for example in examples) - sum(map(len, captions))
    notes = (f"{lost:,} captions without a known word are left out.",) if lost else ()
    names = tuple(example.name for example in examples)
    return Split(names, inputs, captions, references, notes)


def _known_captions(example, vocabulary, tokenize):
    """Return an example's captions as word lists, those with at least one word of the vocabulary."""
    known = tuple(words for words in map(tokenize, example.captions) if any(word in vocabulary for word in words))
    if not known:
        raise InputError(
            f"{example.name}: none of its captions ({example.captions[0]!r}, ...) has a word of the vocabulary; "
            f"take it out of its split's list."
        )
    return known


def _number(words, vocabulary, max_words):
    numbers = vocabulary.encode(words)
    return np.array(numbers[:max_words] if len(numbers) > max_words else [*numbers, END])


def epoch_batches(split, size, each, augmentation, seed, epoch, first=0):
    """Yield the batches of one epoch. Every image comes once; those that do not fill a last batch are left out.

    Args:
        split: Split.
        size: batch size, in images.
        each: captions per image, chosen without repetition as long as there are enough.
        augmentation: Augmentation.
        seed: of the run.
        epoch: counted from 0.
        first: number of the first batch to yield.
    """
    order = stream(seed, ORDER, epoch).permutation(len(split.names))
    for k in range(first, batches_per_epoch(split, size)):
        chosen = order[k * size : (k + 1) * size]
        rngs = [stream(seed, IMAGE, epoch, int(p)) for p in chosen]
        inputs = np.stack([_augment(split.inputs[p], augmentation, rng) for p, rng in zip(chosen, rngs, strict=True)])
        captions = [c for p, rng in zip(chosen, rngs, strict=True) for c in _draw(split.captions[p], each, rng)]
        yield make_batch(inputs, captions, chosen)


def made_ahead(batches):
    """Yield the same batches, each made by another thread while the one before it is being used."""
    batches = iter(batches)
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = maker.submit(next, batches, None)
            yield batch


def batches_per_epoch(split, size):
    """Return the number of full batches in a split."""
    return len(split.names) // size


def plain_batches(split, size, each):
    """Yield batches of all images in order, without augmentation.

    Each image has its first `each` captions. If it has fewer, they are repeated.
    """
    for start in range(0, len(split.names), size):
        rows = np.arange(start, min(start + size, len(split.names)))
        captions = [split.captions[p][k % len(split.captions[p])] for p in rows for k in range(each)]
        yield make_batch(split.inputs[start : start + size], captions, rows)


def make_batch(inputs, captions, rows=None):
    """Return a Batch.

    Args:
        inputs: (N, ...) as in a Split; uint8 images are scaled.
        captions: B integer arrays, B / N consecutive ones of each image.
        rows: (N,) the images' places in the split.
    """
    return Batch(scale_pixels(inputs), *arrange(captions), rows)


def arrange(captions):
    """Arrange captions as columns, padded to the longest.

    Args:
        captions: B integer sequences.
    Returns:
        words, targets, mask: (T, B) as in a Batch.
    """
    T, B = max(map(len, captions)), len(captions)
    words, targets = np.full((T, B), START), np.full((T, B), END)
    mask = np.zeros((T, B), np.float32)
    for b, caption in enumerate(captions):
        words[1 : len(caption), b] = caption[:-1]
        targets[: len(caption), b] = caption
        mask[: len(caption), b] = 1
    return words, targets, mask


def scale_pixels(inputs):
    """Scale uint8 images to float32 from -1 to 1; return other inputs (features, phrases) unchanged."""
    return inputs.astype(np.float32) / 127.5 - 1 if inputs.dtype == np.uint8 else inputs


def _draw(captions, each, rng):
    """Choose `each` of an image's captions; every one comes once before any comes again."""
    rounds = -(-each // len(captions))
    order = np.concatenate([rng.permutation(len(captions)) for _ in range(rounds)])
    return [captions[k] for k in order[:each]]


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


def _random_crop(image, least, rng):
    """Cut a random square out of an image and resize it to the image's size. least: its side, as a share, at least."""
    H, W, _ = image.shape
    share = rng.uniform(least, 1)
    rows, columns = round(share * H), round(share * W)
    top, left = rng.integers(0, H - rows + 1), rng.integers(0, W - columns + 1)
    box = (left, top, left + columns, top + rows)
    return np.asarray(Image.fromarray(image).resize((W, H), Image.Resampling.BILINEAR, box))


def _color_jitter(image, share, rng):
    """Change contrast (distances from the mean) and brightness (the mean) by random factors, up to `share`."""
    contrast, brightness = rng.uniform(1 - share, 1 + share, 2)
    middle = image.mean()
    return np.clip((image - middle) * contrast + middle * brightness, 0, 255).astype(np.uint8)
