"""Weights from files: both formats, both namings of the tensors, and damaged or wrong files."""

import json
import os
import pickle
import struct
import sys
import tracemalloc

import numpy as np
import pytest
import safetensors

from numpy_sat.encoders import vgg
from numpy_sat.pretrained import weights
from numpy_sat.system.errors import InputError

STAGES = ((4,), (5, 3))
KINDS = {"F32": "<f4", "F16": "<f2", "I64": "<i8"}


def entries_and_data(tensors):
    """Return the header entries of consecutive tensors {name: array}, and their bytes."""
    entries, data = {}, b""
    for name, array in tensors.items():
        kind = next(kind for kind, dtype in KINDS.items() if np.dtype(dtype) == array.dtype)
        span = [len(data), len(data) + array.nbytes]
        entries[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": span}
        data += array.tobytes()
    return entries, data


def packed(header, data):
    """Return the bytes of a file. header: a value that becomes JSON, or bytes."""
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(header)) + header + data


@pytest.fixture
def tensors(rng):
    """Return the tensors of a net with STAGES and of a classifier, with torchvision's names."""
    shapes = {**vgg.namings(STAGES)[0], "classifier.0.weight": (7, 9), "classifier.0.bias": (7,)}
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.fixture
def saved(tmp_path):
    """Return a function that writes tensors or bytes to a file and returns its path."""

    def save(content, name="net.safetensors"):
        path = tmp_path / name
        if not isinstance(content, dict):
            path.write_bytes(content)
        elif path.suffix == ".npz":
            np.savez(path, **content)
        else:
            path.write_bytes(packed(*entries_and_data(content)))
        return path

    return save


def load(path):
    return weights.load(path, vgg, STAGES, "imagenet")


@pytest.mark.parametrize("name", ["net.safetensors", "net.npz"])
def test_torchvisions_names(tensors, saved, name):
    params = load(saved(tensors, name))
    assert {name: array.shape for name, array in params.items()} == vgg.namings(STAGES)[1]
    assert all(array.dtype == np.float32 and array.flags.c_contiguous for array in params.values())
    for ours, theirs in (("conv1_1", "features.0"), ("conv2_1", "features.3"), ("conv2_2", "features.5")):
        W = tensors[f"{theirs}.weight"]
        assert all(params[f"{ours}.W"][p, q, c, o] == W[o, c, p, q] for o, c, p, q in np.ndindex(W.shape))
        np.testing.assert_array_equal(params[f"{ours}.b"], tensors[f"{theirs}.bias"])


def test_a_classifier_with_timms_names_is_ignored(tensors, saved):
    for name in ("pre_logits.fc1.weight", "pre_logits.fc2.bias", "head.fc.weight"):
        tensors[name] = np.zeros(3, np.float32)
    load(saved(tensors))
    with pytest.raises(InputError, match=r"net\.safetensors: not the weights of this net: unknown tail\.weight\.$"):
        load(saved({**tensors, "tail.weight": np.zeros(3, np.float32)}))


@pytest.mark.parametrize("name", ["net.safetensors", "net.npz"])
def test_files_with_our_names_contain_the_pixel_scaling(rng, saved, name):
    params = vgg.init_params(rng, STAGES)
    params["pixels.mean"] += 0.25
    loaded = load(saved(params, name))
    assert loaded.keys() == params.keys()
    assert all(np.array_equal(loaded[name], params[name]) for name in params)


def test_the_classifier_is_not_read(tensors, saved, monkeypatch):
    names, safe_open = [], safetensors.safe_open

    class Recorder:
        def __init__(self, *args, **options):
            self.file = safe_open(*args, **options)
            self.keys, self.get_slice = self.file.keys, self.file.get_slice

        def get_tensor(self, name):
            names.append(name)
            return self.file.get_tensor(name)

    monkeypatch.setattr(safetensors, "safe_open", Recorder)
    load(saved(tensors))
    assert sorted(names) == sorted(vgg.namings(STAGES)[0])


def test_all_dtypes(saved):
    """Read the same values from float32, float16 and bfloat16, which is the upper half of float32."""
    values = np.array([[1.0, -2.5, 0.15625], [1024.0, 0.0, -3.0]], np.float32)
    bits = (values.view(np.uint32) >> 16).astype("<u2")
    content = {"half": values.astype("<f2"), "single": values, "empty": np.zeros((0, 3), "<f4")}
    entries, data = entries_and_data(content)
    entries["brain"] = {"dtype": "BF16", "shape": [2, 3], "data_offsets": [len(data), len(data) + bits.nbytes]}
    entries = {"__metadata__": {"format": "pt"}, **entries}
    path = saved(packed(entries, data + bits.tobytes()))
    shapes = {"half": (2, 3), "single": (2, 3), "brain": (2, 3), "empty": (0, 3)}
    tensors = weights.read(path, [shapes])
    assert tensors.keys() == shapes.keys()
    for name in ("half", "single", "brain"):
        assert tensors[name].dtype == np.float32 and tensors[name].flags.writeable
        np.testing.assert_array_equal(tensors[name], values)
    assert tensors["empty"].shape == (0, 3)


def test_a_missing_package_is_named(tensors, saved, monkeypatch):
    for package in ("safetensors", "ml_dtypes"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, package, None)
            with pytest.raises(InputError, match=r"to read it, run: python -m pip install safetensors ml_dtypes$"):
                load(saved(tensors))
    load(saved(tensors, "net.npz"))


def test_spaces_that_pad_the_header(tensors, saved):
    entries, data = entries_and_data(tensors)
    load(saved(packed(json.dumps(entries).encode() + b"     ", data)))


def test_integers_are_refused_only_in_tensors_of_the_net(tensors, saved):
    tensors["classifier.steps"] = np.array(3, "<i8")
    load(saved(tensors))
    tensors["features.0.bias"] = np.zeros(4, "<i8")
    with pytest.raises(InputError, match=r"net\.safetensors: a tensor of dtype I64; only F32, F16, BF16 can be read"):
        load(saved(tensors))
    with pytest.raises(InputError, match=r"net\.npz: features\.0\.bias is int64, not floating-point"):
        load(saved(tensors, "net.npz"))


@pytest.mark.parametrize("name", ["net.safetensors", "net.npz"])
def test_wrong_tensors_are_named(tensors, saved, name):
    del tensors["features.5.bias"], tensors["features.0.weight"]
    tensors["features.1.weight"] = np.zeros(4, np.float32)
    tensors["features.3.weight"] = np.zeros((5, 4, 1, 1), np.float32)
    with pytest.raises(InputError) as raised:
        load(saved(tensors, name))
    assert str(raised.value).endswith(
        f"{name}: not the weights of this net: missing features.0.weight, features.5.bias; unknown features.1.weight; "
        "features.3.weight is (5, 4, 1, 1), not (5, 4, 3, 3)."
    )


def test_the_file_of_another_net(rng, saved):
    """Load VGG-19's file as VGG-16. The message names the first tensors and counts the others."""
    names, _ = vgg.namings(vgg.STAGES["vgg19"])
    path = saved({name: np.zeros(1, np.float32) for name in names})
    with pytest.raises(InputError, match=r"missing features\.17\.weight, .* and 2 more; unknown .* and 8 more; f"):
        weights.load(path, vgg, vgg.STAGES["vgg16"], "imagenet")


@pytest.mark.parametrize("name", ["net.safetensors", "net.npz"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_infinite_and_nan_values(tensors, saved, name, value):
    tensors["classifier.0.weight"][:] = np.nan  # as in torchvision's files for features only
    load(saved(tensors, name))
    tensors["features.3.bias"][2] = value
    with pytest.raises(InputError, match=r"features\.3\.bias contains infinite or NaN values; get the file again"):
        load(saved(tensors, name))


def broken(change):
    """Return a function of (header entries, data) that changes the first entry and returns the file's bytes."""

    def apply(entries, data):
        change(next(iter(entries.values())))
        return packed(entries, data)

    return apply


WRONG = {  # name: function that turns the entries and data of a valid file into the bytes of a damaged one
    "empty": lambda entries, data: b"",
    "less than the header's length": lambda entries, data: b"1234567",
    "text": lambda entries, data: b"<html>404 Not Found</html>",
    "a pickle": lambda entries, data: pickle.dumps(list(range(99))),
    "a header beyond the limit": lambda entries, data: struct.pack("<Q", 100_000_001) + bytes(99),
    "a header beyond all memory": lambda entries, data: struct.pack("<Q", 2**64 - 1) + bytes(99),
    "truncated header": lambda entries, data: packed(entries, data)[:50],
    "no JSON": lambda entries, data: packed(b"{nothing}", data),
    "no text": lambda entries, data: packed(b"\xff\xfe{}", data),
    "no header": lambda entries, data: bytes(8),
    "JSON without an end": lambda entries, data: packed(b"[" * 200_000, data),
    "deep JSON in an entry": lambda entries, data: packed(b'{"a": ' + b"[" * 200_000, data),
    "a list": lambda entries, data: packed(b"[]", b""),
    "a duplicate name": lambda entries, data: packed(json.dumps(entries)[:-1].encode() + b', "a": 1, "a": 2}', data),
    "truncated": lambda entries, data: packed(entries, data)[:-1],
    "bytes after the end": lambda entries, data: packed(entries, data + b"x"),
    "overlap": lambda entries, data: packed({**entries, "more": entries["features.0.weight"]}, data),
    "a gap": lambda entries, data: packed(
        {**entries, "more": {"dtype": "I8", "shape": [1], "data_offsets": [len(data) + 1, len(data) + 2]}},
        data + b"xx",
    ),
    "more numbers than bytes": broken(lambda entry: entry["shape"].append(2)),
    "a size beyond all memory": broken(lambda entry: entry.update(shape=[2**62, 2**62])),
    "reversed offsets": broken(lambda entry: entry["data_offsets"].reverse()),
    **{
        f"an entry with {change}": broken(lambda entry, change=change: entry.update(change))
        for change in (
            {"shape": [4, 3, 3, -3]},
            {"shape": [4, 3, 3, 3.0]},
            {"shape": [True]},
            {"shape": "433"},
            {"shape": None},
            {"dtype": 32},
            {"dtype": "F33"},
            {"data_offsets": [0]},
            {"data_offsets": [-4, 428]},
            {"data_offsets": {"0": 432}},
        )
    },
    **{
        f"an entry that is {entry}": lambda entries, data, entry=entry: packed({**entries, "x": entry}, data)
        for entry in (None, 3, "F32", [], {})
    },
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_safetensors_files(tensors, saved, wrong):
    path = saved(WRONG[wrong](*entries_and_data(tensors)))
    message = r"net\.safetensors: cut short, damaged or not a safetensors file \(.+\); get it again\.$"
    with pytest.raises(InputError, match=message) as raised:
        load(path)
    assert len(str(raised.value)) < len(str(path)) + 300 and "\n" not in str(raised.value)


def test_a_size_that_numpy_cannot_have(saved):
    path = saved(packed({"a": {"dtype": "F32", "shape": [0, 2**63], "data_offsets": [0, 0]}}, b""))
    with pytest.raises(InputError, match=r"net\.safetensors: damaged at a; get it again\.$"):
        weights.read(path, [{"a": (0, 2**63)}])


def test_truncation_and_changed_bytes_anywhere(tensors, saved):
    """Check that each file raises an InputError or has the shapes of the net."""
    content = packed(*entries_and_data(tensors))
    header = len(content) - sum(array.nbytes for array in tensors.values())
    for place in range(0, len(content), 97):
        with pytest.raises(InputError):
            load(saved(content[:place]))
    for place in range(0, header, 3):
        try:
            params = load(saved(content[:place] + bytes([content[place] ^ 5]) + content[place + 1 :]))
            assert {name: array.shape for name, array in params.items()} == vgg.namings(STAGES)[1]
        except InputError:
            pass


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("net.pth", b"PK", r"net\.pth: weights are read from \.safetensors or \.npz; a \.pth .* pickled objects"),
        ("net.npz", b"", r"net\.npz: cut short, or not an \.npz file"),
        ("net.npz", b"no archive at all", r"net\.npz: cut short, or not an \.npz file"),
        ("net.npz", b"\x93NUMPY", r"net\.npz: cut short, or not an \.npz file"),
    ],
)
def test_other_formats(saved, name, content, message):
    with pytest.raises(InputError, match=message):
        load(saved(content, name))


@pytest.mark.parametrize("name", ["none.safetensors", "none.npz"])
def test_missing_file(tmp_path, name):
    with pytest.raises(InputError, match=r"none\.\w+: cannot be read \(No such file or directory\)"):
        load(tmp_path / name)


def test_a_truncated_and_a_damaged_npz(tensors, saved):
    content = saved(tensors, "net.npz").read_bytes()
    with pytest.raises(InputError, match=r"cut\.npz: cut short, or not an \.npz file; get it again"):
        load(saved(content[: len(content) // 2], "cut.npz"))
    place = content.index(tensors["features.3.weight"].tobytes())
    with pytest.raises(InputError, match=r"bad\.npz: damaged at features\.3\.weight; get it again"):
        load(saved(content[:place] + b"xxxx" + content[place + 4 :], "bad.npz"))


def test_an_npz_with_pickled_objects(tensors, saved):
    tensors["features.0.bias"] = np.array([{}] * 4, dtype=object)
    with pytest.raises(InputError, match=r"net\.npz: refused, it holds pickled objects"):
        load(saved(tensors, "net.npz"))


def test_an_array_that_unpacks_to_more_than_the_net_needs_is_not_read(tensors, saved, tmp_path):
    """Check that shapes are compared before arrays are read: 80 MB unpack from a small file."""
    path = tmp_path / "bomb.npz"
    large = np.broadcast_to(np.float32(0), (2000, 10000))
    np.savez_compressed(path, **{**tensors, "features.0.weight": large, "classifier.more": large})
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"bomb\.npz: .*features\.0\.weight is \(2000, 10000\), not"):
            load(path)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
@pytest.mark.parametrize("name", ["net.npz", "net.safetensors"])
def test_a_pipe_is_refused(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match=f"{name}: a pipe or a device, not a file"):
        load(tmp_path / name)
