"""Batches: what is drawn, masked, augmented, and that it can be gone on with."""

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
    """10 images whose pixels all hold their number; image p has captions of words 100 p + k, of unlike length."""
    pixels = np.repeat(np.arange(10, dtype=np.uint8), 4 * 4 * 3).reshape(10, 4, 4, 3)
    captions = tuple(
        tuple(np.array([100 * (p + 1) + k] * (k + 1) + [END]) for k in range(2 if p == 3 else 5)) for p in range(10)
    )
    return batches.Split(tuple(f"{p}.jpg" for p in range(10)), pixels, captions, (), ())


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def numbers(batch):
    """The images' numbers back from their pixels."""
    return np.rint((batch.inputs[:, 0, 0, 0] + 1) * 127.5).astype(int)


def test_words_targets_and_mask():
    batch = batches.make_batch(np.zeros((1, 4, 4, 3), np.uint8), [np.array([7, 8, END]), np.array([9, END])])
    assert batch.words.T.tolist() == [[START, 7, 8], [START, 9, START]]
    assert batch.targets.T.tolist() == [[7, 8, END], [9, END, END]]
    assert batch.mask.T.tolist() == [[1, 1, 1], [1, 1, 0]]
    assert batch.inputs.dtype == batch.mask.dtype == np.float32


def test_pixels_lie_between_minus_one_and_one():
    assert batches.scale_pixels(np.array([0, 255], np.uint8)).tolist() == [-1, 1]


def test_an_epoch_shows_every_image_once(split):
    shown = np.concatenate([numbers(b) for b in batches.epoch_batches(split, 5, 2, PLAIN, seed=0, epoch=0)])
    assert sorted(shown) == list(range(10))


def test_every_epoch_has_an_order_of_its_own(split):
    orders = {
        tuple(np.concatenate([numbers(b) for b in batches.epoch_batches(split, 5, 1, PLAIN, 0, epoch)]))
        for epoch in range(4)
    }
    assert len(orders) == 4


def test_captions_lie_beside_their_image_and_differ(split):
    for batch in batches.epoch_batches(split, 5, 2, PLAIN, seed=0, epoch=0):
        first = batch.targets[0].reshape(5, 2)
        assert (first // 100 - 1 == numbers(batch)[:, None]).all()
        assert (first[:, 0] != first[:, 1]).all()


def test_more_captions_than_a_image_has(split):
    for batch in batches.epoch_batches(split, 5, 4, PLAIN, seed=0, epoch=0):
        for p, words in zip(numbers(batch), batch.targets[0].reshape(5, 4), strict=True):
            assert len(set(words)) == min(4, len(split.captions[p]))


def test_seed_and_epoch_decide(split):
    augmentation = Augmentation(horizontal_flip=True, random_shift=2)
    one, again, other_epoch, other_seed = (
        list(batches.epoch_batches(split, 5, 2, augmentation, seed, epoch))
        for seed, epoch in [(1, 2), (1, 2), (1, 3), (2, 2)]
    )
    assert all(same(a, b) for a, b in zip(one, again, strict=True))
    assert not same(one[0], other_epoch[0]) and not same(one[0], other_seed[0])


def test_going_on_in_the_middle(split):
    augmentation = Augmentation(horizontal_flip=True, random_shift=2)
    whole = list(batches.epoch_batches(split, 2, 2, augmentation, 0, 1))
    rest = list(batches.epoch_batches(split, 2, 2, augmentation, 0, 1, first=3))
    assert len(whole) == 5 and len(rest) == 2
    assert all(same(a, b) for a, b in zip(whole[3:], rest, strict=True))


def test_augmentation_flips_and_shifts(rng):
    image = rng.integers(0, 255, (1, 6, 6, 3), dtype=np.uint8)
    split = batches.Split(("a",), image, ((np.array([5, END]),),), (), ())

    def seen(augmentation):
        drawn = (next(batches.epoch_batches(split, 1, 1, augmentation, 0, epoch)).inputs for epoch in range(40))
        return {np.rint((x + 1) * 127.5).astype(np.uint8).tobytes() for x in drawn}

    assert seen(PLAIN) == {image.tobytes()}
    assert seen(Augmentation(True, 0)) == {image.tobytes(), image[:, :, ::-1].tobytes()}
    padded = np.pad(image[0], ((1, 1), (1, 1), (0, 0)), mode="edge")
    shifted = {padded[i : i + 6, j : j + 6].tobytes() for i in range(3) for j in range(3)}
    assert seen(Augmentation(False, 1)) <= shifted and len(seen(Augmentation(False, 1))) > 5


def test_plain_batches_keep_the_order_and_the_rest(split):
    found = list(batches.plain_batches(split, 4, 5))
    assert np.concatenate([numbers(b) for b in found]).tolist() == list(range(10))
    assert [len(b.inputs) for b in found] == [4, 4, 2]
    assert found[0].targets[0, 15:].tolist() == [400, 401, 400, 401, 400]  # image 3 has two captions


def test_captions_are_numbered_and_cut(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.jpg")
    vocabulary = Vocabulary.build([["a", "red", "dog"]], 1)
    listed = [CaptionedImage("a.jpg", tmp_path / "a.jpg", ("A red dog .", "A red, red dog!", "A cat", "Quux"))]
    split = batches.make_split(listed, images.load_images(listed, 4, tmp_path), vocabulary, max_words=3)
    a, red, dog = vocabulary.encode(["a", "red", "dog"])
    assert [caption.tolist() for caption in split.captions[0]] == [[a, red, dog, END], [a, red, red], [a, UNK, END]]
    assert split.references[0][1] == ["a", "red", "red", "dog"]
    assert split.notes == ("1 captions without a known word are left out.",)


def test_streams_differ_by_purpose_and_place():
    keys = [(0, 1), (1, 1), (1, 1, 0), (1, 0), (2, 0, 0), (2, 0, 1), (2, 1, 0), (3, 0)]
    drawn = {stream(0, *key).integers(2**62) for key in keys} | {stream(1, *keys[0]).integers(2**62)}
    assert len(drawn) == len(keys) + 1
    assert stream(0, 2, 5).integers(2**62) == stream(0, 2, 5).integers(2**62)


def test_batches_made_ahead_are_the_same_and_in_order(split):
    drawn = list(batches.epoch_batches(split, 2, 3, PLAIN, seed=1, epoch=0))
    ahead = list(batches.prefetch(batches.epoch_batches(split, 2, 3, PLAIN, seed=1, epoch=0)))
    assert len(ahead) == len(drawn) == 5
    assert all(same(a, b) for a, b in zip(ahead, drawn, strict=True))


def test_one_batch_is_made_ahead_by_another_thread():
    makers, made = [], []

    def slow():
        for k in range(5):
            makers.append(threading.get_ident())
            made.append(k)
            yield k

    for k in batches.prefetch(slow()):
        assert len(made) <= k + 2
    assert set(makers) - {threading.get_ident()} == set(makers)


def test_an_error_in_the_making_reaches_the_user():
    def failing():
        yield 1
        raise ZeroDivisionError

    ahead = batches.prefetch(failing())
    assert next(ahead) == 1
    with pytest.raises(ZeroDivisionError):
        next(ahead)


def test_left_early_no_thread_remains():
    before = threading.active_count()
    for _ in batches.prefetch(iter(range(10))):
        break
    assert threading.active_count() == before


def test_random_crop_cuts_out_a_square_and_enlarges_it(rng):
    """An image of a ramp: what is cut out of it is a ramp over fewer values, from anywhere, all over the image."""
    ramp = np.broadcast_to(np.arange(0, 200, 2, dtype=np.uint8)[:, None, None], (100, 100, 3))
    spans = []
    for _ in range(200):
        seen = batches._random_crop(ramp, 0.5, rng)
        assert seen.shape == ramp.shape and seen.dtype == np.uint8 and (np.diff(seen[:, 0, 0].astype(int)) >= 0).all()
        spans.append((int(seen[-1, 0, 0]) - int(seen[0, 0, 0])) / 198)
    assert 0.48 < min(spans) < 0.55 and 0.95 < max(spans) <= 1
    np.testing.assert_array_equal(batches._random_crop(ramp, 1.0, rng), ramp)


def test_color_changes_contrast_and_brightness(rng):
    image = rng.integers(80, 160, (20, 20, 3)).astype(np.uint8)
    means, spreads = [], []
    for _ in range(200):
        seen = batches._color_jitter(image, 0.2, rng)
        assert seen.dtype == np.uint8
        means.append(seen.mean() / image.mean())
        spreads.append(seen.std() / image.std())
    for ratios in (means, spreads):
        assert 0.78 < min(ratios) < 0.84 and 1.16 < max(ratios) < 1.22


def test_an_augmented_epoch_is_the_same_every_time():
    pixels = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)
    captions = tuple((np.array([5, 6, END]),) for _ in pixels)
    split = batches.Split(tuple("abcd"), pixels, captions, ((),) * 4, ())
    kinds = Augmentation(True, 2, 0.7, 0.2)
    first, again, plain = (
        next(batches.epoch_batches(split, 4, 1, kind, 3, 0)) for kind in (kinds, kinds, Augmentation(True, 2))
    )
    np.testing.assert_array_equal(first.inputs, again.inputs)
    assert not np.array_equal(first.inputs, plain.inputs)
