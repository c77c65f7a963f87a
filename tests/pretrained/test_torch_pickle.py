"""torch_pickle: what is read of torch.save's old files, and that nothing in them is ever run."""

import hashlib
import io
import os
import pickle
import struct
import subprocess
import sys
from collections import OrderedDict

import numpy as np
import pytest

from numpy_sat import pretrained
from numpy_sat.pretrained import torch_pickle
from numpy_sat.system.errors import InputError

ARRAYS = {
    "conv.weight": np.arange(24, dtype="<f4").reshape(2, 3, 2, 2),
    "bn.num_batches_tracked": np.array(7, "<i8"),
    "bn.bias": np.array([0.5, -1.5], "<f8"),
    "none of it": np.zeros((0, 3), "<f4"),
}
KINDS = {"<f4": "FloatStorage", "<f8": "DoubleStorage", "<i8": "LongStorage"}
MARKER = "it-has-run"


class Pickled:
    """Written into a pickle as a call: of a function by its name, or of a persistent storage."""

    def __init__(self, name=None, *args, persistent=None):
        self.name, self.args, self.persistent = name, args, persistent


class Writer(pickle._Pickler):
    """A pickler that writes names that need not exist."""

    def save(self, obj, save_persistent_id=True):
        if not isinstance(obj, Pickled):
            return super().save(obj, save_persistent_id)
        if obj.persistent is not None:
            self.save(obj.persistent)
            return self.write(pickle.BINPERSID)
        self.write(pickle.GLOBAL + obj.name.replace(" ", "\n").encode() + b"\n")
        if obj.args != (None,):
            self.save(obj.args)
            self.write(pickle.REDUCE)


def name_of(text):
    """The name alone, not a call."""
    return Pickled(text, None)


def pickled(*values):
    file = io.BytesIO()
    for value in values:
        Writer(file, 2).dump(value)
    return file.getvalue()


def tensor(key, array, start=0, size=None, shape=None, strides=None):
    kind = name_of(f"torch {KINDS[array.dtype.str]}")
    storage = Pickled(persistent=("storage", kind, key, "cpu", array.size if size is None else size, None))
    strides = strides or tuple(stride // array.itemsize for stride in array.strides)
    shape = array.shape if shape is None else shape
    return Pickled("torch._utils _rebuild_tensor_v2", storage, start, shape, strides, False, OrderedDict())


def storages(arrays):
    return b"".join(struct.pack("<q", array.size) + array.tobytes() for array in arrays)


def old_file(named=None, keys=None, after=None, magic=torch_pickle.MAGIC, protocol=torch_pickle.PROTOCOL):
    """A file as torch.save wrote it, of ARRAYS or of something else in the place of any part."""
    keys = [str(k) for k in range(len(ARRAYS))] if keys is None else keys
    if named is None:
        named = OrderedDict((name, tensor(str(k), array)) for k, (name, array) in enumerate(ARRAYS.items()))
        named._metadata = OrderedDict(version=1)  # as torch notes it
    return pickled(magic, protocol, {"little_endian": True}, named, keys) + (
        storages(ARRAYS.values()) if after is None else after
    )


def read(tmp_path, data):
    """What torch_pickle makes of these bytes, where they are the file that is expected."""
    path = tmp_path / "weights.pth"
    path.write_bytes(data)
    return torch_pickle.load(path, hashlib.sha256(data).hexdigest())


def test_what_was_saved(tmp_path):
    found = read(tmp_path, old_file())
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype and found[name].flags.writeable and found[name].flags.c_contiguous


def test_views_of_one_storage(tmp_path):
    """Tensors may share numbers, lie transposed and begin somewhere within."""
    numbers = np.arange(12, dtype="<f4")
    named = {
        "transposed": tensor("0", numbers, shape=(4, 3), strides=(1, 4)),
        "row": tensor("0", numbers, start=4, shape=(4,), strides=(1,)),
        "repeated": tensor("0", numbers, start=11, shape=(5,), strides=(0,)),
    }
    found = read(tmp_path, old_file(named, ["0"], storages([numbers])))
    np.testing.assert_array_equal(found["transposed"], numbers.reshape(3, 4).T)
    np.testing.assert_array_equal(found["row"], [4, 5, 6, 7])
    np.testing.assert_array_equal(found["repeated"], [11] * 5)


def test_as_torch_saves(tmp_path):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    torch.save(net.state_dict(), tmp_path / "saved.pth", _use_new_zipfile_serialization=False)
    found = read(tmp_path, (tmp_path / "saved.pth").read_bytes())
    assert list(found) == list(net.state_dict())
    for name, right in net.state_dict().items():
        np.testing.assert_array_equal(found[name], right.numpy())


class Reduced:
    """Pickles as a call of any function."""

    def __init__(self, function, *args):
        self.reduced = function, args

    def __reduce__(self):
        return self.reduced


def attacks(marker):
    """Values that, unpickled as Python does it, make the file `marker`."""
    program = f"open({str(marker)!r}, 'w')"
    yield "os.system", Reduced(os.system, f'"{sys.executable}" -c "{program}"')
    yield "builtins.exec", Reduced(exec, program)
    yield "a class", Reduced(subprocess.Popen, [sys.executable, "-c", program])
    yield "open", Reduced(open, str(marker), "w")


@pytest.mark.parametrize("which", ["os.system", "builtins.exec", "a class", "open", "chain", "eval"])
@pytest.mark.parametrize("place", ["alone", "magic", "value", "key", "in a tensor", "keys"])
def test_nothing_is_run(tmp_path, which, place):
    marker = tmp_path / MARKER
    if which == "eval":
        evil = Pickled("builtins eval", f"open({str(marker)!r}, 'w')")
    elif which == "chain":
        os_module = Pickled("builtins __import__", "os")
        evil = Pickled("builtins getattr", os_module, "getcwd")
    else:
        evil = dict(attacks(marker))[which]
    array = np.zeros(1, "<f4")
    data = {
        "alone": lambda: pickled(evil),
        "magic": lambda: old_file(magic=evil),
        "value": lambda: old_file({"W": evil}),
        "key": lambda: pickled(torch_pickle.MAGIC, torch_pickle.PROTOCOL, {}, [evil], []),
        "in a tensor": lambda: old_file({"W": tensor("0", array, start=evil)}, ["0"], storages([array])),
        "keys": lambda: old_file(keys=[evil]),
    }[place]()
    with pytest.raises(InputError, match=r"refused, it calls|cut short, damaged"):
        read(tmp_path, data)
    assert not marker.exists()


def test_these_attacks_are_real(tmp_path):
    """Python's own unpickler falls for them; else their refusal would say nothing."""
    for name, evil in attacks(tmp_path / MARKER):
        marker = tmp_path / MARKER
        result = pickle.loads(pickled(evil))
        if isinstance(result, subprocess.Popen):
            result.wait()
        elif isinstance(result, io.IOBase):
            result.close()
        assert marker.exists(), name
        marker.unlink()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.arange(3.0), "it calls"),  # an array, by numpy's own functions
        (Pickled("torch._utils _rebuild_parameter", 1), "it calls torch._utils _rebuild_parameter"),
        (Pickled("collections OrderedDict", [("a", 1)]), "it calls collections OrderedDict"),
        (Pickled("torch._utils _rebuild_tensor_v2", "0", 0, (1,), (1,)), "it changes what is no Storage"),
        (Pickled(persistent=("module", "os", "0", "cpu", 1, None)), "it refers to"),
        (Pickled(persistent=("storage", name_of("torch QInt8Storage"), "0", "cpu", 1, None)), "it refers to"),
        (b"bytes", "it calls _codecs encode"),
        (1.5, "it has the instruction BINFLOAT"),
        ({1, 2}, "it calls"),
        ("a text", "it holds what is no tensor"),
        (name_of("torch FloatStorage"), "it holds what is no tensor"),
    ],
)
def test_what_is_no_tensor_is_refused(tmp_path, value, message):
    with pytest.raises(InputError, match=f"refused, {message}"):
        read(tmp_path, old_file({"W": value}))


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02cos\nsystem\n(S'true'\ntR.",  # an instruction of the oldest protocol
        b"\x80\x02(S'true'\nios\nsystem\n.",  # INST
        b"\x80\x02(cos\nsystem\nS'true'\no.",  # OBJ
        b"\x80\x02cos\nsystem\n)\x81.",  # NEWOBJ
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",  # STACK_GLOBAL
        b"\x80\x02\x82\x01.",  # EXT1
        b"\x80\x02}N}b.",  # BUILD of None
        b"\x80\x02)}b.",  # BUILD of a tuple
        b"\x80\x05\x96\x01\x00\x00\x00\x00\x00\x00\x00a.",  # BYTEARRAY8
        b"\x80\x02h\x07.",  # a memo that is not there
        b"\x80\x02t.",  # a tuple since a mark that is not there
        b"\x80\x02R.",  # a call of nothing
        b"\x80\x02K\x01K\x02.",  # more than one value
        b"\x80\x02}]Ns.",  # a list for a key
        b"",
        b"PK\x03\x04 a zip, as torch.save writes today",
        b"not a pickle",
    ],
)
def test_other_programs(tmp_path, data):
    with pytest.raises(InputError, match=r"weights.pth: (refused|cut short)"):
        read(tmp_path, data)


@pytest.mark.parametrize(
    "changes",
    [
        dict(start=1),
        dict(start=-1),
        dict(shape=(13,), strides=(1,)),
        dict(shape=(2, 2), strides=(11, 1)),
        dict(shape=(2,), strides=(-1,), start=5),
        dict(shape=(-1, 2), strides=(1, 1)),
        dict(shape=(2.0,), strides=(1,)),
        dict(shape=(10**6, 10**6), strides=(0, 0)),  # 4 TB of one number
        dict(shape=(2, 2), strides=(1,)),
        dict(size=11),
        dict(size=13),
    ],
)
def test_tensors_stay_within_their_storage(tmp_path, changes):
    numbers = np.arange(12, dtype="<f4")
    with pytest.raises(InputError, match=r"refused|damaged"):
        read(tmp_path, old_file({"W": tensor("0", numbers, **changes)}, ["0"], storages([numbers])))


@pytest.mark.parametrize("keys", [[], ["0", "1", "2"], ["0", "1", "2", "3", "4"], ["0", "1", "2", "2"], [1, 2, 3, 4]])
def test_keys_are_those_of_the_tensors(tmp_path, keys):
    with pytest.raises(InputError, match=r"refused|damaged"):
        read(tmp_path, old_file(keys=keys))


@pytest.mark.parametrize("change", [dict(magic=1), dict(protocol=1002), dict(named=["W"]), dict(named={1: "W"})])
def test_other_files(tmp_path, change):
    with pytest.raises(InputError, match=r"refused|damaged"):
        read(tmp_path, old_file(**change))


def test_cut_short_anywhere(tmp_path):
    data = old_file()
    for length in [*range(0, len(data), 7), len(data) - 1]:
        with pytest.raises(InputError, match=r"weights.pth"):
            read(tmp_path, data[:length])
    with pytest.raises(InputError, match="more in it"):
        read(tmp_path, data + b"x")


def test_another_digest_is_refused_before_anything_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(torch_pickle, "_tensors", None)
    path = tmp_path / "weights.pth"
    path.write_bytes(old_file())
    with pytest.raises(InputError, match=r"not the file that is expected: its SHA-256 is [0-9a-f]{64}, not 0000"):
        torch_pickle.load(path, 64 * "0")


def test_no_file(tmp_path):
    with pytest.raises(InputError, match=r"absent.pth: cannot be read"):
        torch_pickle.load(tmp_path / "absent.pth", 64 * "0")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(pretrained, "PACKAGE", "numpy_sat_has_no_such_package")
    with pytest.raises(InputError, match=r"python -m pip install numpy-sat-has-no-such-package==0\.1\.0$") as raised:
        pretrained.lite0_file()
    assert "\n" not in str(raised.value)


def test_torch_is_not_imported():
    code = "import sys, numpy_sat.pretrained; assert 'torch' not in sys.modules and 'pickle' not in dir()"
    subprocess.run([sys.executable, "-c", code], check=True)
