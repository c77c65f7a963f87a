"""Test batches: sampling, masks, augmentation and continuation."""

import threading

import numpy as np
import pytest
from PIL import Image

from numpy_sat.data import batches, images
from numpy_sat.data.dataset import CaptionedImage
from numpy_sat.data.vocabulary import END, START, UNK, Vocabulary
from numpy_sat.experiment.recipe import Augmentation
from numpy_sat.system.streams import stream

PLAIN = Augmentation()


@pytest.fixture
def split(rng):
    """Return a split of 10 images.

    All pixels of an image hold its number. Caption k of image p repeats the word 100 (p + 1) + k, k + 1 times.
    """
    pixels = np.repeat(np.arange(10, dtype=np.uint8), 4 * 4 * 3).reshape(10, 4, 4, 3)
    captions = tuple(
        tuple(np.array([100 * (p + 1) + k] * (k + 1) + [END]) for k in range(2 if p == 3 else 5)) for p in range(10)
    )
    return batches.Split(tuple(f"{p}.jpg" for p in range(10)), pixels, captions, (), ())


def equal_batches(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def numbers(batch):
    """Return the images' numbers, read from their pixels."""
    return np.rint((batch.inputs[:, 0, 0, 0] + 1) * 127.5).astype(int)


def test_words_targets_and_mask():
    batch = batches.make_batch(np.zeros((1, 4, 4, 3), np.uint8), [np.array([7, 8, END]), np.array([9, END])])
    assert batch.words.T.tolist() == [[START, 7, 8], [START, 9, START]]
    assert batch.targets.T.tolist() == [[7, 8, END], [9, END, END]]
    assert batch.mask.T.tolist() == [[1, 1, 1], [1, 1, 0]]
    assert batch.inputs.dtype == batch.mask.dtype == np.float32


def test_the_lengths_of_captions():
    """Check captions of three, two, no and four words, and a word that does not count before the last one."""
    mask = np.array([[1, 1, 0, 1, 1], [1, 1, 0, 1, 0], [1, 0, 0, 1, 0], [0, 0, 0, 1, 0.5]])
    np.testing.assert_array_equal(batches.Batch(None, None, None, mask).lengths(), [3, 2, 0, 4, 4])


def test_pixels_are_scaled_to_minus_one_to_one():
    assert batches.scale_pixels(np.array([0, 255], np.uint8)).tolist() == [-1, 1]


def test_an_epoch_has_every_image_once(split):
    rows = np.concatenate([numbers(b) for b in batches.epoch_batches(split, 5, 2, PLAIN, seed=0, epoch=0)])
    assert sorted(rows) == list(range(10))


def test_every_epoch_has_a_different_order(split):
    orders = {
        tuple(np.concatenate([numbers(b) for b in batches.epoch_batches(split, 5, 1, PLAIN, 0, epoch)]))
        for epoch in range(4)
    }
    assert len(orders) == 4


def test_captions_follow_their_image_and_differ(split):
    for batch in batches.epoch_batches(split, 5, 2, PLAIN, seed=0, epoch=0):
        first = batch.targets[0].reshape(5, 2)
        assert (first // 100 - 1 == numbers(batch)[:, None]).all()
        assert (first[:, 0] != first[:, 1]).all()


def test_more_captions_than_an_image_has(split):
    for batch in batches.epoch_batches(split, 5, 4, PLAIN, seed=0, epoch=0):
        for p, words in zip(numbers(batch), batch.targets[0].reshape(5, 4), strict=True):
            assert len(set(words)) == min(4, len(split.captions[p]))


def test_seed_and_epoch_determine_the_batches(split):
    augmentation = Augmentation(horizontal_flip=True, random_shift=2)
    first, again, other_epoch, other_seed = (
        list(batches.epoch_batches(split, 5, 2, augmentation, seed, epoch))
        for seed, epoch in [(1, 2), (1, 2), (1, 3), (2, 2)]
    )
    assert all(equal_batches(a, b) for a, b in zip(first, again, strict=True))
    assert not equal_batches(first[0], other_epoch[0]) and not equal_batches(first[0], other_seed[0])


def test_an_epoch_continues_in_the_middle(split):
    augmentation = Augmentation(horizontal_flip=True, random_shift=2)
    all_batches = list(batches.epoch_batches(split, 2, 2, augmentation, 0, 1))
    rest = list(batches.epoch_batches(split, 2, 2, augmentation, 0, 1, first=3))
    assert len(all_batches) == 5 and len(rest) == 2
    assert all(equal_batches(a, b) for a, b in zip(all_batches[3:], rest, strict=True))


def test_augmentation_flips_and_shifts(rng):
    image = rng.integers(0, 255, (1, 6, 6, 3), dtype=np.uint8)
    split = batches.Split(("a",), image, ((np.array([5, END]),),), (), ())

    def variants(augmentation):
        samples = (next(batches.epoch_batches(split, 1, 1, augmentation, 0, epoch)).inputs for epoch in range(40))
        return {np.rint((x + 1) * 127.5).astype(np.uint8).tobytes() for x in samples}

    assert variants(PLAIN) == {image.tobytes()}
    assert variants(Augmentation(True, 0)) == {image.tobytes(), image[:, :, ::-1].tobytes()}
    padded = np.pad(image[0], ((1, 1), (1, 1), (0, 0)), mode="edge")
    shifted = {padded[i : i + 6, j : j + 6].tobytes() for i in range(3) for j in range(3)}
    assert variants(Augmentation(False, 1)) <= shifted and len(variants(Augmentation(False, 1))) > 5


def test_plain_batches_keep_the_order_and_all_images(split):
    plain = list(batches.plain_batches(split, 4, 5))
    assert np.concatenate([numbers(b) for b in plain]).tolist() == list(range(10))
    assert [len(b.inputs) for b in plain] == [4, 4, 2]
    assert plain[0].targets[0, 15:].tolist() == [400, 401, 400, 401, 400]  # image 3 has two captions


def test_captions_are_numbered_and_cut(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.jpg")
    vocabulary = Vocabulary.build([["a", "red", "dog"]], 1)
    examples = [CaptionedImage("a.jpg", tmp_path / "a.jpg", ("A red dog .", "A red, red dog!", "A cat", "Quux"))]
    split = batches.make_split(examples, images.load_images(examples, 4, tmp_path), vocabulary, max_words=3)
    a, red, dog = vocabulary.encode(["a", "red", "dog"])
    assert [caption.tolist() for caption in split.captions[0]] == [[a, red, dog, END], [a, red, red], [a, UNK, END]]
    assert split.references[0][1] == ["a", "red", "red", "dog"]
    assert split.notes == ("1 captions without a known word are left out.",)


def test_streams_differ_by_key():
    keys = [(0, 1), (1, 1), (1, 1, 0), (1, 0), (2, 0, 0), (2, 0, 1), (2, 1, 0), (3, 0)]
    samples = {stream(0, *key).integers(2**62) for key in keys} | {stream(1, *keys[0]).integers(2**62)}
    assert len(samples) == len(keys) + 1
    assert stream(0, 2, 5).integers(2**62) == stream(0, 2, 5).integers(2**62)


def test_prefetch_keeps_batches_and_their_order(split):
    direct = list(batches.epoch_batches(split, 2, 3, PLAIN, seed=1, epoch=0))
    prefetched = list(batches.prefetch(batches.epoch_batches(split, 2, 3, PLAIN, seed=1, epoch=0)))
    assert len(prefetched) == len(direct) == 5
    assert all(equal_batches(a, b) for a, b in zip(prefetched, direct, strict=True))


def test_another_thread_prefetches_one_batch():
    threads, yielded = [], []

    def slow():
        for k in range(5):
            threads.append(threading.get_ident())
            yielded.append(k)
            yield k

    for k in batches.prefetch(slow()):
        assert len(yielded) <= k + 2
    assert threading.get_ident() not in threads


def test_prefetch_raises_errors_of_the_thread():
    def failing():
        yield 1
        raise ZeroDivisionError

    prefetched = batches.prefetch(failing())
    assert next(prefetched) == 1
    with pytest.raises(ZeroDivisionError):
        next(prefetched)


def test_no_thread_remains_after_an_early_exit():
    before = threading.active_count()
    for _ in batches.prefetch(iter(range(10))):
        break
    assert threading.active_count() == before


def test_random_crop_cuts_out_a_part_and_enlarges_it(rng):
    """Check that a crop of a ramp is a ramp over fewer values that fills the image."""
    ramp = np.broadcast_to(np.arange(0, 200, 2, dtype=np.uint8)[:, None, None], (100, 100, 3))
    spans = []
    for _ in range(200):
        crop = batches._random_crop(ramp, 0.5, rng)
        assert crop.shape == ramp.shape and crop.dtype == np.uint8 and (np.diff(crop[:, 0, 0].astype(int)) >= 0).all()
        spans.append((int(crop[-1, 0, 0]) - int(crop[0, 0, 0])) / 198)
    assert 0.48 < min(spans) < 0.55 and 0.95 < max(spans) <= 1
    np.testing.assert_array_equal(batches._random_crop(ramp, 1.0, rng), ramp)


def test_color_jitter_changes_contrast_and_brightness(rng):
    image = rng.integers(80, 160, (20, 20, 3)).astype(np.uint8)
    means, stds = [], []
    for _ in range(200):
        changed = batches._color_jitter(image, 0.2, rng)
        assert changed.dtype == np.uint8
        means.append(changed.mean() / image.mean())
        stds.append(changed.std() / image.std())
    for ratios in (means, stds):
        assert 0.78 < min(ratios) < 0.84 and 1.16 < max(ratios) < 1.22


def test_augmentation_is_deterministic():
    pixels = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)
    captions = tuple((np.array([5, 6, END]),) for _ in pixels)
    split = batches.Split(tuple("abcd"), pixels, captions, ((),) * 4, ())
    augmentation = Augmentation(True, 2, 0.7, 0.2)
    first, again, plain = (
        next(batches.epoch_batches(split, 4, 1, kind, 3, 0))
        for kind in (augmentation, augmentation, Augmentation(True, 2))
    )
    np.testing.assert_array_equal(first.inputs, again.inputs)
    assert not np.array_equal(first.inputs, plain.inputs)


def test_a_share_of_the_captions_is_exchanged():
    """Check that exchanged captions are those of other images, and the same for the same seed."""
    captions = tuple(tuple(np.array([n, k]) for k in range(5)) for n in range(400))
    split = batches.Split((), np.zeros(0), captions, (), ())
    exchanged = batches.exchange_captions(split, 0.3, seed=1).captions
    owner = np.array([[caption[0] for caption in image] for image in exchanged])
    assert owner.shape == (400, 5) and len(np.unique(owner)) > 350
    assert (owner != np.arange(400)[:, None]).mean() == pytest.approx(0.3, abs=0.04)
    again = batches.exchange_captions(split, 0.3, seed=1).captions
    assert all(np.array_equal(a, b) for x, y in zip(exchanged, again, strict=True) for a, b in zip(x, y, strict=True))
    assert batches.exchange_captions(split, 0.0, seed=1) is split
    owner = np.array([[caption[0] for caption in image] for image in batches.exchange_captions(split, 1.0, 2).captions])
    assert (owner != np.arange(400)[:, None]).all()
