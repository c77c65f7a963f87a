"""The feature cache: interruption, damage, changes of net or images, and encoders that read features."""

import inspect
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from numpy_sat.data import batches, images
from numpy_sat.data.dataset import CaptionedImage
from numpy_sat.encoders import blind, convnet, lite, vgg
from numpy_sat.encoders import features as encoder
from numpy_sat.pretrained import feature_cache
from numpy_sat.system.errors import InputError

STAGES = ((16,), (16, 32))
SIDE = 12
N = 3 * feature_cache.BLOCK + 3


@pytest.fixture
def examples(tmp_path, rng):
    """Write N small images and return them as CaptionedImages."""
    folder = tmp_path / "images"
    folder.mkdir()
    for k in range(N):
        Image.fromarray(rng.integers(0, 256, (15, 17, 3), np.uint8)).save(folder / f"{k}.png")
    return [CaptionedImage(f"{k}.png", folder / f"{k}.png", ("a",)) for k in range(N)]


@pytest.fixture
def params(rng):
    return vgg.init_params(rng, STAGES)


@pytest.fixture
def net(params):
    return feature_cache.net_of(vgg, params, STAGES, SIDE)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache" / "below"


@pytest.fixture
def sizes():
    """Return a list that counting_net fills with the number of images in each call."""
    return []


def counting_net(net, sizes, stop=None):
    """Return a net that appends the size of each block to `sizes`. Call number `stop` raises KeyboardInterrupt."""

    def encode(images):
        if len(sizes) == stop:
            raise KeyboardInterrupt
        sizes.append(len(images))
        return net.encode(images)

    return net._replace(encode=encode)


def files(cache):
    return sorted(path.suffix for path in cache.iterdir())


def test_the_features_of_each_image(examples, params, net, cache):
    features = feature_cache.load_features(examples, net, cache)
    assert (features.shape, features.dtype) == ((N, 6 * 6, 32), np.float16)
    assert isinstance(features, np.memmap) and not features.flags.writeable
    pixels = np.stack([images.read_image(image.path, SIDE) for image in examples])
    expected = vgg.encode(params, batches.scale_pixels(pixels), STAGES)
    np.testing.assert_allclose(features, expected, rtol=1e-3, atol=1e-4)


def test_the_second_call_encodes_nothing(examples, net, cache, sizes):
    first = feature_cache.load_features(examples, counting_net(net, sizes), cache)
    assert sizes == [8, 8, 8, 3]
    second = feature_cache.load_features(examples, counting_net(net, sizes), cache)
    np.testing.assert_array_equal(second, first)
    assert len(sizes) == 4 and files(cache) == [".npy", ".sums"]


@pytest.mark.parametrize("stop", [0, 1, 3])
def test_interruption_does_not_change_the_features(examples, net, cache, sizes, tmp_path, stop):
    expected = np.array(feature_cache.load_features(examples, net, tmp_path / "other"))
    with pytest.raises(KeyboardInterrupt):
        feature_cache.load_features(examples, counting_net(net, sizes, stop), cache)
    assert files(cache) == [".part", ".sums"] and len(sizes) == stop
    features = feature_cache.load_features(examples, counting_net(net, sizes), cache)
    assert sizes == [8, 8, 8, 3] and files(cache) == [".npy", ".sums"]
    assert features.tobytes() == expected.tobytes()
    (file,), (expected_file,) = (list(folder.glob("*.npy")) for folder in (cache, tmp_path / "other"))
    assert file.read_bytes() == expected_file.read_bytes()


def test_the_progress_bar_continues_after_an_interruption(examples, net, cache, capsys):
    with pytest.raises(KeyboardInterrupt):
        feature_cache.load_features(examples, counting_net(net, [], 2), cache)
    capsys.readouterr()
    feature_cache.load_features(examples, net, cache)
    out, err = capsys.readouterr()
    assert out == "" and "encoding images: 100%" in err and f" 16/{N} " in err and f" 0/{N} " not in err


def test_a_crash_between_a_block_and_its_checksum(examples, net, cache, sizes):
    """Check that a block without a checksum is computed again."""
    with pytest.raises(KeyboardInterrupt):
        feature_cache.load_features(examples, counting_net(net, sizes, 2), cache)
    (sums,) = cache.glob("*.sums")
    with open(sums, "r+b") as file:
        file.seek(4)
        file.write(bytes(4))
    features = feature_cache.load_features(examples, counting_net(net, sizes), cache)
    assert sizes == [8, 8, 8, 8, 3]
    np.testing.assert_array_equal(features, feature_cache.load_features(examples, net, cache))


@pytest.mark.parametrize("change", ["weight", "scale of pixels", "net", "size"])
def test_each_net_has_its_own_file(examples, params, net, cache, change):
    first = np.array(feature_cache.load_features(examples, net, cache))
    new_params = {name: array.copy() for name, array in params.items()}
    new_params["conv2_2.W"][1, 1, 3, 5] += change == "weight"
    new_params["pixels.mean"] += change == "scale of pixels"
    new_net = feature_cache.net_of(vgg, new_params, STAGES, 2 * SIDE if change == "size" else SIDE)
    if change == "net":
        new_net = feature_cache.net_of(convnet, params, STAGES, SIDE)
    assert (new_net.digest, new_net.size) != (net.digest, net.size)
    features = feature_cache.load_features(examples, new_net, cache)
    assert features.shape != first.shape or not np.array_equal(features, first)
    assert files(cache) == [".npy", ".npy", ".sums", ".sums"]
    np.testing.assert_array_equal(feature_cache.load_features(examples, net, cache), first)


def test_the_digest_depends_on_values_names_shapes_and_dtypes(params):
    x = np.arange(6, dtype=np.float32)
    variants = [{"x": x}, {"y": x}, {"x": x.reshape(2, 3)}, {"x": x.view(np.int32)}, {"x": x + 1}, {"x": x, "y": x}, {}]
    assert len({feature_cache.digest(variant) for variant in variants}) == len(variants)
    assert feature_cache.digest(dict(sorted(params.items(), reverse=True))) == feature_cache.digest(params)
    net = feature_cache.net_of(vgg, params, STAGES, SIDE)
    assert (
        net.digest
        == feature_cache.digest(params, vgg.__name__, STAGES)
        != feature_cache.digest(params, vgg.__name__, ((16,),))
    )


def test_a_changed_image_replaces_the_file(examples, net, cache, sizes):
    first = np.array(feature_cache.load_features(examples, net, cache))
    Image.new("RGB", (15, 17), "red").save(examples[9].path)
    os.utime(examples[9].path, ns=(0, 1))
    features = feature_cache.load_features(examples, counting_net(net, sizes), cache)
    assert sizes == [8, 8, 8, 3] and files(cache) == [".npy", ".sums"]
    assert [k for k in range(N) if not np.array_equal(features[k], first[k])] == [9]


def test_an_incomplete_file_of_changed_images_is_removed(examples, net, cache):
    with pytest.raises(KeyboardInterrupt):
        feature_cache.load_features(examples, counting_net(net, [], 1), cache)
    os.utime(examples[9].path, ns=(0, 1))
    feature_cache.load_features(examples, net, cache)
    assert files(cache) == [".npy", ".sums"]


@pytest.mark.parametrize(
    ("damage", "expected_sizes"),
    [
        (lambda data: data[:-5000] + bytes([data[-5000] ^ 1]) + data[-4999:], [3]),  # a bit, in the last block
        (lambda data: data[:-1], [8, 8, 8, 3]),
        (lambda data: data[:40], [8, 8, 8, 3]),
        (lambda data: b"", [8, 8, 8, 3]),
        (lambda data: b"no array" * 100, [8, 8, 8, 3]),
        (lambda data: data.replace(b"(27, 36, 32)", b"(27, 32, 36)"), [8, 8, 8, 3]),
        (lambda data: data.replace(b"<f2", b"<i2"), [8, 8, 8, 3]),
        (lambda data: data.replace(b"36, 32)", b"36, 32("), [8, 8, 8, 3]),
    ],
    ids=["a bit", "truncated", "truncated header", "empty", "another format", "shape", "dtype", "parentheses"],
)
def test_damage_is_detected_and_repaired(examples, net, cache, sizes, damage, expected_sizes):
    first = np.array(feature_cache.load_features(examples, net, cache))
    (file,) = cache.glob("*.npy")
    before = file.read_bytes()
    file.write_bytes(damage(before))
    assert file.read_bytes() != before
    features = feature_cache.load_features(examples, counting_net(net, sizes), cache)
    assert sizes == expected_sizes and files(cache) == [".npy", ".sums"]
    np.testing.assert_array_equal(features, first)
    assert file.read_bytes() == before


def test_zeros_of_a_power_failure_are_noticed_although_the_times_are_right(examples, net, cache, sizes, capsys):
    first = np.array(feature_cache.load_features(examples, net, cache))
    (file,) = cache.glob("*.npy")
    content, status = file.read_bytes(), file.stat()
    assert status.st_mtime_ns == next(cache.glob("*.sums")).stat().st_mtime_ns
    file.write_bytes(content[:128] + bytes(len(content) - 128))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    features = feature_cache.load_features(examples, counting_net(net, sizes), cache)
    assert sizes == [8, 8, 8, 3] and np.array_equal(features, first)
    assert f"{file}: the cache file is damaged; it is made again" in capsys.readouterr().err


def test_the_lock_of_a_process_that_was_killed_after_encoding_is_removed(examples, net, cache):
    feature_cache.load_features(examples, net, cache)
    files = sorted(cache.iterdir())
    (cache / f"{files[0].name.rpartition('-')[0]}.lock").touch()
    feature_cache.load_features(examples, net, cache)
    assert sorted(cache.iterdir()) == files


@pytest.mark.parametrize("damage", [lambda sums: sums.unlink(), lambda sums: sums.write_bytes(b"four" * 3)])
def test_without_checksums_all_blocks_are_computed_again(examples, net, cache, sizes, damage):
    feature_cache.load_features(examples, net, cache)
    damage(next(cache.glob("*.sums")))
    feature_cache.load_features(examples, counting_net(net, sizes), cache)
    assert sizes == [8, 8, 8, 3]


@pytest.mark.parametrize(("value", "text"), [(7e4, "7e\\+04"), (np.inf, "inf"), (np.nan, "nan")])
def test_features_that_float16_cannot_hold_are_refused(examples, net, cache, value, text):
    def encode(images):
        a = np.array(net.encode(images))
        a[2, 5, 7] = value
        return a

    with pytest.raises(
        InputError, match=rf"2\.png: its features reach {text}, and 16 bits .* 65,504; check that --prep"
    ):
        feature_cache.load_features(examples, net._replace(encode=encode), cache)
    feature_cache.load_features(examples, net, cache)


def test_the_largest_float16_number(examples, net, cache):
    net = net._replace(encode=lambda x: np.full((len(x), 36, 32), 65504.0))
    assert (feature_cache.load_features(examples, net, cache) == 65504).all()


def test_a_bad_image_is_named_and_finished_blocks_remain(examples, net, cache, sizes):
    path = examples[20].path
    content, stat = path.read_bytes(), path.stat()
    path.write_bytes(bytes(len(content)))
    os.utime(path, ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    with pytest.raises(InputError, match=r"20\.png is not an image"):
        feature_cache.load_features(examples, counting_net(net, sizes), cache)
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    feature_cache.load_features(examples, counting_net(net, sizes), cache)
    assert sizes == [8, 8, 8, 3]


def test_a_full_disk_is_reported_and_finished_blocks_remain(examples, net, cache, sizes, monkeypatch):
    write, calls = feature_cache._write, []

    def write_until_full(file, data):
        if len(calls) == 4:  # two blocks with their checksums
            raise OSError(28, "No space left on device")
        calls.append(write(file, data))

    monkeypatch.setattr(feature_cache, "_write", write_until_full)
    with pytest.raises(InputError, match=r"below: .* cannot be written \(No space left on device\); free some space"):
        feature_cache.load_features(examples, net, cache)
    monkeypatch.undo()
    feature_cache.load_features(examples, counting_net(net, sizes), cache)
    assert sizes == [8, 3]


def test_all_data_are_written_in_several_calls(rng):
    class SlowFile:
        written = b""

        def write(self, data):
            self.written += bytes(data[:5])
            return min(5, len(data))

    data = rng.standard_normal((3, 4)).astype(np.float16)
    file = SlowFile()
    feature_cache._write(file, data)
    assert file.written == data.tobytes()


def test_a_cache_that_cannot_be_written(examples, net, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file.* cannot be written \(.*\); .* NUMPY_SAT_CACHE"):
        feature_cache.load_features(examples, net, tmp_path / "file" / "cache")


def test_another_process_that_finishes_first(examples, net, cache):
    """Simulate another process that has computed the same features and renamed the file."""

    def encode(images):
        if (part := next(cache.glob("*.part"), None)) and len(images) < feature_cache.BLOCK:
            part.replace(Path(part).with_suffix(".npy"))
        return net.encode(images)

    features = feature_cache.load_features(examples, net._replace(encode=encode), cache)
    np.testing.assert_array_equal(features, feature_cache.load_features(examples, net, cache.parent / "other"))


@pytest.mark.parametrize(
    ("dtype", "expected_dtype"), [("float16", "float32"), ("float32", "float32"), ("float64", "float64")]
)
def test_the_features_encoder_without_tuned_stages_returns_its_inputs(rng, dtype, expected_dtype):
    annotations = rng.standard_normal((2, 9, 32)).astype(dtype)
    before = annotations.copy()
    stages = vgg, STAGES, 0
    assert encoder.init_params(rng, stages) == {} and encoder.size(stages) == 32
    a, cache = encoder.encode_forward({}, annotations, stages)
    assert a.dtype == expected_dtype and np.array_equal(a, annotations)
    np.testing.assert_array_equal(encoder.encode({}, annotations, stages), a)
    assert encoder.encode_backward(a, cache) == {}
    np.testing.assert_array_equal(annotations, before)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_features_encoder_computes_tuned_stages(rng, params, dtype):
    images = rng.standard_normal((2, 10, 10, 3)).astype("float64" if dtype == "float64" else "float32")
    stages, net_params = (vgg, STAGES, 1), {name: array.astype(images.dtype) for name, array in params.items()}
    features = vgg.encode(net_params, images, STAGES, stop=1).astype(dtype)
    assert features.shape == (2, 5 * 5, 16) and encoder.size(stages) == 32
    tuned_params = encoder.init_params(rng, stages, dtype=images.dtype)
    assert {name: array.shape for name, array in tuned_params.items()} == vgg.shapes(STAGES, start=1)
    assert not any(array.any() for array in tuned_params.values())
    tuned_params = {name: net_params[name] for name in tuned_params}
    expected, cache = vgg.encode_forward(net_params, images, STAGES)
    a, tuned_cache = encoder.encode_forward(tuned_params, features, stages)
    assert a.dtype == images.dtype and np.array_equal(encoder.encode(tuned_params, features, stages), a)
    np.testing.assert_allclose(a, expected, rtol=0, atol=1e-2 if dtype == "float16" else 1e-5)
    grads, expected_grads = encoder.encode_backward(a, tuned_cache), vgg.encode_backward(a, cache)
    assert grads.keys() == tuned_params.keys()
    for name, gradient in grads.items():
        error = np.linalg.norm(gradient - expected_grads[name]) / np.linalg.norm(expected_grads[name])
        assert error <= (1e-2 if dtype == "float16" else 1e-5), name


def test_the_digest_depends_on_tuned_stages(params):
    first = {name: params[name] for name in vgg.shapes(STAGES, stop=1)}
    net, part = feature_cache.net_of(vgg, params, STAGES, SIDE), feature_cache.net_of(vgg, first, STAGES, SIDE, 1)
    short = feature_cache.net_of(vgg, first, STAGES[:1], SIDE)  # the weights of `part`, but no pooling after them
    assert len({net.digest, part.digest, short.digest}) == 3
    assert (net.shape(), part.shape(), short.shape()) == ((36, 32), (36, 16), (144, 16))


def test_encoders_have_the_same_interface():
    """Check that all have the same functions with the same arguments, except `start` and `stop` at the end."""
    for module in (vgg, lite, encoder):
        for name in ("init_params", "encode_forward", "encode_backward", "encode", "size"):
            common, parameters = (inspect.signature(getattr(m, name)).parameters for m in (blind, module))
            more = list(parameters)[len(common) :]
            assert set(more) <= {"start", "stop"} and (not more or name.startswith("encode"))


def test_a_second_call_does_not_overwrite_features(net, rng):
    first, second = (rng.uniform(-1, 1, (1, SIDE, SIDE, 3)).astype(np.float32) for _ in range(2))
    features = net.encode(first)
    before = features.copy()
    net.encode(second)
    np.testing.assert_array_equal(features, before)
