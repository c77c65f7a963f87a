"""Features kept on disk: the same bit for bit however often interrupted, whose they are, and what damages them."""

import inspect
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from numpy_sat.data import batches, images
from numpy_sat.data.dataset import CaptionedImage
from numpy_sat.encoders import blind, convnet, lite0, vgg
from numpy_sat.encoders import features as encoder
from numpy_sat.pretrained import feature_cache
from numpy_sat.system.errors import InputError

STAGES = ((16,), (16, 32))
SIDE = 12
N = 3 * feature_cache.BLOCK + 3


@pytest.fixture
def some(tmp_path, rng):
    """N small images."""
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
def encoded():
    """How many images each call encoded; filled by `counting`."""
    return []


def counting(net, encoded, stop=None):
    """The same net, noted; at call number `stop` the user presses Ctrl-C."""

    def encode(images):
        if len(encoded) == stop:
            raise KeyboardInterrupt
        encoded.append(len(images))
        return net.encode(images)

    return net._replace(encode=encode)


def files(cache):
    return sorted(path.suffix for path in cache.iterdir())


def test_they_are_what_the_net_makes_of_each_image(some, params, net, cache):
    found = feature_cache.load_features(some, net, cache)
    assert (found.shape, found.dtype) == ((N, 6 * 6, 32), np.float16)
    assert isinstance(found, np.memmap) and not found.flags.writeable
    pixels = np.stack([images.read_image(image.path, SIDE) for image in some])
    expected = vgg.encode(params, batches.scale_pixels(pixels), STAGES)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_the_second_time_nothing_is_encoded(some, net, cache, encoded):
    first = feature_cache.load_features(some, counting(net, encoded), cache)
    assert encoded == [8, 8, 8, 3]
    again = feature_cache.load_features(some, counting(net, encoded), cache)
    np.testing.assert_array_equal(again, first)
    assert len(encoded) == 4 and files(cache) == [".npy", ".sums"]


@pytest.mark.parametrize("stop", [0, 1, 3])
def test_interrupted_and_resumed_bit_for_bit(some, net, cache, encoded, tmp_path, stop):
    whole = np.array(feature_cache.load_features(some, net, tmp_path / "other"))
    with pytest.raises(KeyboardInterrupt):
        feature_cache.load_features(some, counting(net, encoded, stop), cache)
    assert files(cache) == [".part", ".sums"] and len(encoded) == stop
    found = feature_cache.load_features(some, counting(net, encoded), cache)
    assert encoded == [8, 8, 8, 3] and files(cache) == [".npy", ".sums"]
    assert found.tobytes() == whole.tobytes()
    (one,), (other,) = (list(folder.glob("*.npy")) for folder in (cache, tmp_path / "other"))
    assert one.read_bytes() == other.read_bytes()


def test_progress_is_told_and_goes_on_where_it_was(some, net, cache, capsys):
    with pytest.raises(KeyboardInterrupt):
        feature_cache.load_features(some, counting(net, [], 2), cache)
    capsys.readouterr()
    feature_cache.load_features(some, net, cache)
    out, err = capsys.readouterr()
    assert out == "" and "encoding images: 100%" in err and f" 16/{N} " in err and f" 0/{N} " not in err


def test_killed_between_a_block_and_its_sum(some, net, cache, encoded):
    """Or in the middle of a block: what has no sum is computed anew."""
    with pytest.raises(KeyboardInterrupt):
        feature_cache.load_features(some, counting(net, encoded, 2), cache)
    (sums,) = cache.glob("*.sums")
    with open(sums, "r+b") as file:
        file.seek(4)
        file.write(bytes(4))
    found = feature_cache.load_features(some, counting(net, encoded), cache)
    assert encoded == [8, 8, 8, 8, 3]
    np.testing.assert_array_equal(found, feature_cache.load_features(some, net, cache))


@pytest.mark.parametrize("change", ["weight", "scale of pixels", "net", "size"])
def test_other_weights_have_other_features_beside(some, params, net, cache, change):
    first = np.array(feature_cache.load_features(some, net, cache))
    other = {name: array.copy() for name, array in params.items()}
    other["conv2_2.W"][1, 1, 3, 5] += change == "weight"
    other["pixels.mean"] += change == "scale of pixels"
    changed = feature_cache.net_of(vgg, other, STAGES, 2 * SIDE if change == "size" else SIDE)
    if change == "net":
        changed = feature_cache.net_of(convnet, params, STAGES, SIDE)
    assert (changed.digest, changed.size) != (net.digest, net.size)
    found = feature_cache.load_features(some, changed, cache)
    assert found.shape != first.shape or not np.array_equal(found, first)
    assert files(cache) == [".npy", ".npy", ".sums", ".sums"]
    np.testing.assert_array_equal(feature_cache.load_features(some, net, cache), first)


def test_the_digest_is_of_values_names_shapes_and_dtypes(params):
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


def test_a_changed_image_replaces_them(some, net, cache, encoded):
    first = np.array(feature_cache.load_features(some, net, cache))
    Image.new("RGB", (15, 17), "red").save(some[9].path)
    os.utime(some[9].path, ns=(0, 1))
    found = feature_cache.load_features(some, counting(net, encoded), cache)
    assert encoded == [8, 8, 8, 3] and files(cache) == [".npy", ".sums"]
    assert [k for k in range(N) if not np.array_equal(found[k], first[k])] == [9]


def test_part_of_a_set_superseded_goes_too(some, net, cache):
    with pytest.raises(KeyboardInterrupt):
        feature_cache.load_features(some, counting(net, [], 1), cache)
    os.utime(some[9].path, ns=(0, 1))
    feature_cache.load_features(some, net, cache)
    assert files(cache) == [".npy", ".sums"]


@pytest.mark.parametrize(
    ("damage", "again"),
    [
        (lambda whole: whole[:-5000] + bytes([whole[-5000] ^ 1]) + whole[-4999:], [3]),  # a bit, in the last block
        (lambda whole: whole[:-1], [8, 8, 8, 3]),
        (lambda whole: whole[:40], [8, 8, 8, 3]),
        (lambda whole: b"", [8, 8, 8, 3]),
        (lambda whole: b"no array" * 100, [8, 8, 8, 3]),
        (lambda whole: whole.replace(b"(27, 36, 32)", b"(27, 32, 36)"), [8, 8, 8, 3]),
        (lambda whole: whole.replace(b"<f2", b"<i2"), [8, 8, 8, 3]),
    ],
    ids=["a bit", "cut", "cut in the header", "empty", "something else", "shape", "dtype"],
)
def test_damage_is_noticed_and_repaired(some, net, cache, encoded, damage, again):
    first = np.array(feature_cache.load_features(some, net, cache))
    (file,) = cache.glob("*.npy")
    before = file.read_bytes()
    file.write_bytes(damage(before))
    assert file.read_bytes() != before
    found = feature_cache.load_features(some, counting(net, encoded), cache)
    assert encoded == again and files(cache) == [".npy", ".sums"]
    np.testing.assert_array_equal(found, first)
    assert file.read_bytes() == before


@pytest.mark.parametrize("damage", [lambda sums: sums.unlink(), lambda sums: sums.write_bytes(b"four" * 3)])
def test_without_sums_nothing_is_believed(some, net, cache, encoded, damage):
    feature_cache.load_features(some, net, cache)
    damage(next(cache.glob("*.sums")))
    feature_cache.load_features(some, counting(net, encoded), cache)
    assert encoded == [8, 8, 8, 3]


@pytest.mark.parametrize(("value", "told"), [(7e4, "7e\\+04"), (np.inf, "inf"), (np.nan, "nan")])
def test_what_16_bits_cannot_hold_is_refused(some, net, cache, value, told):
    def encode(images):
        a = np.array(net.encode(images))
        a[2, 5, 7] = value
        return a

    with pytest.raises(InputError, match=rf"2\.png: its features reach {told}, and 16 bits .* 65,504; is the prep"):
        feature_cache.load_features(some, net._replace(encode=encode), cache)
    feature_cache.load_features(some, net, cache)


def test_the_largest_that_16_bits_hold(some, net, cache):
    found = feature_cache.load_features(some, net._replace(encode=lambda x: np.full((len(x), 36, 32), 65504.0)), cache)
    assert (found == 65504).all()


def test_a_bad_image_is_named_and_what_was_done_is_kept(some, net, cache, encoded):
    whole = some[20].path.read_bytes()
    stat = some[20].path.stat()
    some[20].path.write_bytes(bytes(len(whole)))
    os.utime(some[20].path, ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    with pytest.raises(InputError, match=r"20\.png is not an image"):
        feature_cache.load_features(some, counting(net, encoded), cache)
    some[20].path.write_bytes(whole)
    os.utime(some[20].path, ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    feature_cache.load_features(some, counting(net, encoded), cache)
    assert encoded == [8, 8, 8, 3]


def test_a_full_disk_is_told_and_what_was_done_is_kept(some, net, cache, encoded, monkeypatch):
    write, calls = feature_cache._write, []

    def until_full(file, data):
        if len(calls) == 4:  # two blocks with their sums
            raise OSError(28, "No space left on device")
        calls.append(write(file, data))

    monkeypatch.setattr(feature_cache, "_write", until_full)
    with pytest.raises(InputError, match=r"below: .* cannot be written \(No space left on device\); free some space"):
        feature_cache.load_features(some, net, cache)
    monkeypatch.undo()
    feature_cache.load_features(some, counting(net, encoded), cache)
    assert encoded == [8, 3]


def test_all_is_written_though_one_call_writes_less(rng):
    class Slow:
        written = b""

        def write(self, data):
            self.written += bytes(data[:5])
            return min(5, len(data))

    data = rng.standard_normal((3, 4)).astype(np.float16)
    file = Slow()
    feature_cache._write(file, data)
    assert file.written == data.tobytes()


def test_a_cache_that_cannot_be_written(some, net, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file.* cannot be written \(.*\); .* NUMPY_SAT_CACHE"):
        feature_cache.load_features(some, net, tmp_path / "file" / "cache")


def test_another_process_that_is_done_first(some, net, cache):
    """Both began at nothing; the other has moved the whole file to its place."""

    def encode(images):
        if (part := next(cache.glob("*.part"), None)) and len(images) < feature_cache.BLOCK:
            part.replace(Path(part).with_suffix(".npy"))
        return net.encode(images)

    found = feature_cache.load_features(some, net._replace(encode=encode), cache)
    np.testing.assert_array_equal(found, feature_cache.load_features(some, net, cache.parent / "other"))


@pytest.mark.parametrize(("given", "taken"), [("float16", "float32"), ("float32", "float32"), ("float64", "float64")])
def test_the_encoder_of_features_gives_what_it_is_given(rng, given, taken):
    annotations = rng.standard_normal((2, 9, 32)).astype(given)
    before = annotations.copy()
    sizes = vgg, STAGES, 0
    assert encoder.init_params(rng, sizes) == {} and encoder.size(sizes) == 32
    a, cache = encoder.encode_forward({}, annotations, sizes)
    assert a.dtype == taken and np.array_equal(a, annotations)
    np.testing.assert_array_equal(encoder.encode({}, annotations, sizes), a)
    assert encoder.encode_backward(a, cache) == {}
    np.testing.assert_array_equal(annotations, before)


@pytest.mark.parametrize("given", ["float16", "float32", "float64"])
def test_its_last_stages_are_computed(rng, params, given):
    images = rng.standard_normal((2, 10, 10, 3)).astype("float64" if given == "float64" else "float32")
    sizes, net = (vgg, STAGES, 1), {name: array.astype(images.dtype) for name, array in params.items()}
    cells = vgg.encode(net, images, STAGES, stop=1).astype(given)
    assert cells.shape == (2, 5 * 5, 16) and encoder.size(sizes) == 32
    own = encoder.init_params(rng, sizes, dtype=images.dtype)
    assert {name: array.shape for name, array in own.items()} == vgg.shapes(STAGES, start=1)
    assert not any(array.any() for array in own.values())
    own = {name: net[name] for name in own}
    expected, cache = vgg.encode_forward(net, images, STAGES)
    a, of_last = encoder.encode_forward(own, cells, sizes)
    assert a.dtype == images.dtype and np.array_equal(encoder.encode(own, cells, sizes), a)
    np.testing.assert_allclose(a, expected, rtol=0, atol=1e-2 if given == "float16" else 1e-5)
    found, grads = encoder.encode_backward(a, of_last), vgg.encode_backward(a, cache)
    assert found.keys() == own.keys()
    for name, gradient in found.items():
        error = np.linalg.norm(gradient - grads[name]) / np.linalg.norm(grads[name])
        assert error <= (1e-2 if given == "float16" else 1e-5), name


def test_stages_that_are_left_out_tell_nets_apart(params):
    first = {name: params[name] for name in vgg.shapes(STAGES, stop=1)}
    net, part = feature_cache.net_of(vgg, params, STAGES, SIDE), feature_cache.net_of(vgg, first, STAGES, SIDE, 1)
    whole = feature_cache.net_of(vgg, first, STAGES[:1], SIDE)  # of the same weights, but not pooled
    assert len({net.digest, part.digest, whole.digest}) == 3
    assert (net.shape(), part.shape(), whole.shape()) == ((36, 32), (36, 16), (144, 16))


def test_encoders_are_called_alike():
    """Same functions, same order of arguments; those of one alone come last."""
    for module in (vgg, lite0, encoder):
        for name in ("init_params", "encode_forward", "encode_backward", "encode", "size"):
            common, its_own = (inspect.signature(getattr(one, name)).parameters for one in (blind, module))
            more = list(its_own)[len(common) :]
            assert set(more) <= {"start", "stop"} and (not more or name.startswith("encode"))


def test_what_a_net_has_made_stays(net, rng):
    """The next image's features do not take its place."""
    first, second = (rng.uniform(-1, 1, (1, SIDE, SIDE, 3)).astype(np.float32) for _ in range(2))
    found = net.encode(first)
    before = found.copy()
    net.encode(second)
    np.testing.assert_array_equal(found, before)
