"""Test that torch_file reads the old files of torch.save, and that nothing in a file is ever run."""

import hashlib
import io
import os
import pickle
import struct
import subprocess
import sys
import tracemalloc
from collections import OrderedDict

import numpy as np
import pytest

from numpy_sat import pretrained
from numpy_sat.pretrained import torch_file
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
    """A value that Writer pickles as a call of a function by its name, or as a reference to a storage."""

    def __init__(self, name=None, *args, persistent=None):
        self.name, self.args, self.persistent = name, args, persistent


class Writer(pickle._Pickler):
    """A pickler that can write names of functions that do not exist."""

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
    """Return a value that is pickled as a name alone, without a call."""
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


def old_file(named=None, keys=None, after=None, magic=torch_file.MAGIC, protocol=torch_file.PROTOCOL):
    """Return the bytes that the old torch.save writes for ARRAYS, or with other values in place of any part."""
    keys = [str(k) for k in range(len(ARRAYS))] if keys is None else keys
    if named is None:
        named = OrderedDict((name, tensor(str(k), array)) for k, (name, array) in enumerate(ARRAYS.items()))
        named._metadata = OrderedDict(version=1)  # as in torch's state dicts
    return pickled(magic, protocol, {"little_endian": True}, named, keys) + (
        storages(ARRAYS.values()) if after is None else after
    )


def read(tmp_path, data):
    """Return what torch_file reads from a file with these bytes and the right digest."""
    path = tmp_path / "weights.pth"
    path.write_bytes(data)
    return torch_file.load(path, hashlib.sha256(data).hexdigest())


def test_round_trip(tmp_path):
    tensors = read(tmp_path, old_file())
    assert list(tensors) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(tensors[name], array)
        assert tensors[name].dtype == array.dtype
        assert tensors[name].flags.writeable and tensors[name].flags.c_contiguous


def test_views_of_one_storage(tmp_path):
    """Read tensors that share numbers, are transposed, or start inside their storage."""
    numbers = np.arange(12, dtype="<f4")
    named = {
        "transposed": tensor("0", numbers, shape=(4, 3), strides=(1, 4)),
        "row": tensor("0", numbers, start=4, shape=(4,), strides=(1,)),
        "repeated": tensor("0", numbers, start=11, shape=(5,), strides=(0,)),
    }
    tensors = read(tmp_path, old_file(named, ["0"], storages([numbers])))
    np.testing.assert_array_equal(tensors["transposed"], numbers.reshape(3, 4).T)
    np.testing.assert_array_equal(tensors["row"], [4, 5, 6, 7])
    np.testing.assert_array_equal(tensors["repeated"], [11] * 5)


def test_files_of_torch(tmp_path):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    torch.save(net.state_dict(), tmp_path / "saved.pth", _use_new_zipfile_serialization=False)
    tensors = read(tmp_path, (tmp_path / "saved.pth").read_bytes())
    assert list(tensors) == list(net.state_dict())
    for name, expected in net.state_dict().items():
        np.testing.assert_array_equal(tensors[name], expected.numpy())


class Reduced:
    """A value that is pickled as a call of any function."""

    def __init__(self, function, *args):
        self.reduced = function, args

    def __reduce__(self):
        return self.reduced


def attacks(marker):
    """Yield values that create the file `marker` when Python unpickles them."""
    program = f"open({str(marker)!r}, 'w')"
    yield "os.system", Reduced(os.system, f'"{sys.executable}" -c "{program}"')
    yield "builtins.exec", Reduced(exec, program)
    yield "a class", Reduced(subprocess.Popen, [sys.executable, "-c", program])
    yield "open", Reduced(open, str(marker), "w")


@pytest.mark.parametrize("attack", ["os.system", "builtins.exec", "a class", "open", "chain", "eval"])
@pytest.mark.parametrize("place", ["alone", "magic", "value", "key", "in a tensor", "keys"])
def test_nothing_is_run(tmp_path, attack, place):
    marker = tmp_path / MARKER
    if attack == "eval":
        evil = Pickled("builtins eval", f"open({str(marker)!r}, 'w')")
    elif attack == "chain":
        os_module = Pickled("builtins __import__", "os")
        evil = Pickled("builtins getattr", os_module, "getcwd")
    else:
        evil = dict(attacks(marker))[attack]
    array = np.zeros(1, "<f4")
    data = {
        "alone": lambda: pickled(evil),
        "magic": lambda: old_file(magic=evil),
        "value": lambda: old_file({"W": evil}),
        "key": lambda: pickled(torch_file.MAGIC, torch_file.PROTOCOL, {}, [evil], []),
        "in a tensor": lambda: old_file({"W": tensor("0", array, start=evil)}, ["0"], storages([array])),
        "keys": lambda: old_file(keys=[evil]),
    }[place]()
    with pytest.raises(InputError, match=r"refused, it names \w+\.\w+; only tensors"):
        read(tmp_path, data)
    assert not marker.exists()


def test_the_attacks_work_on_pickle(tmp_path):
    """Check that Python's own unpickler runs the attacks. Otherwise the tests of their refusal would prove nothing."""
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
        (np.arange(3.0), "it names numpy"),  # an array, pickled as a call of a function of numpy
        (Pickled("torch._utils _rebuild_parameter", 1), "it names torch._utils._rebuild_parameter"),
        (Pickled("collections OrderedDict", [("a", 1)]), "it calls OrderedDict with items"),
        (
            Pickled("torch._utils _rebuild_tensor_v2", "0", 0, (1,), (2,)),
            "it describes a tensor with a str instead of a Storage",
        ),
        (Pickled(persistent=("module", "os", "0", "cpu", 1, None)), "it refers to"),
        (
            Pickled(persistent=("storage", name_of("torch QInt8Storage"), "0", "cpu", 1, None)),
            "it names torch.QInt8Storage",
        ),
        (b"bytes", "it names _codecs.encode"),
        (1.5, "it has the instruction BINFLOAT"),
        ({1, 2}, "it names __builtin__.set"),
        ("a text", "it holds something other than tensors"),
        (name_of("torch FloatStorage"), "it holds something other than tensors"),
    ],
)
def test_values_other_than_tensors_are_refused(tmp_path, value, message):
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
        b"\x80\x02h\x07.",  # a memo index without a value
        b"\x80\x02t.",  # a tuple without a mark
        b"\x80\x02R.",  # a call without a function
        b"\x80\x02K\x01K\x02.",  # more than one value
        b"\x80\x02}]Ns.",  # a list as a key
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
def test_wrong_storage_keys(tmp_path, keys):
    with pytest.raises(InputError, match=r"refused|damaged"):
        read(tmp_path, old_file(keys=keys))


@pytest.mark.parametrize("change", [dict(magic=1), dict(protocol=1002), dict(named=["W"]), dict(named={1: "W"})])
def test_other_files(tmp_path, change):
    with pytest.raises(InputError, match=r"refused|damaged"):
        read(tmp_path, old_file(**change))


def test_truncated_files(tmp_path):
    data = old_file()
    for length in [*range(0, len(data), 7), len(data) - 1]:
        with pytest.raises(InputError, match=r"weights.pth"):
            read(tmp_path, data[:length])
    with pytest.raises(InputError, match="it has more bytes than its storages"):
        read(tmp_path, data + b"x")


NAME, REBUILD = b"ccollections\nOrderedDict\n", b"ctorch._utils\n_rebuild_tensor_v2\n"
INSTRUCTIONS = {  # name: a program with one instruction that torch.save does not write
    "INST": b"(S'true'\nios\nsystem\n.",
    "OBJ": b"(cos\nsystem\nS'true'\no.",
    "NEWOBJ": NAME + b")\x81.",
    "NEWOBJ_EX": NAME + b")}\x92.",
    "EXT1": b"\x82\x01.",
    "EXT2": b"\x83\x01\x00.",
    "EXT4": b"\x84\x01\x00\x00\x00.",
    "STACK_GLOBAL": b"\x8c\x02os\x8c\x06system\x93.",
    "PERSID": b"Pstorage\n.",
    "DUP": b"}2.",
    "POP": b"}}0.",
    "POP_MARK": b"}(1.",
    "INT": b"I01\n.",
    "LONG": b"L" + b"9" * 4000 + b"L\n.",
    "LONG4": b"\x8b\x01\x00\x00\x00\x01.",
    "FLOAT": b"F1e9\n.",
    "BINFLOAT": b"G" + bytes(8) + b".",
    "STRING": b"S'a'\n.",
    "BINSTRING": b"T\x01\x00\x00\x00a.",
    "UNICODE": b"Va\n.",
    "BINUNICODE8": b"\x8d\x01" + bytes(7) + b"a.",
    "BINBYTES": b"B\x01\x00\x00\x00a.",
    "BINBYTES8": b"\x8e\x01" + bytes(7) + b"a.",
    "BYTEARRAY8": b"\x96\x01" + bytes(7) + b"a.",
    "NEXT_BUFFER": b"\x97.",
    "EMPTY_SET": b"\x8f.",
    "FROZENSET": b"(\x91.",
    "DICT": b"(d.",
    "LIST": b"(l.",
    "PUT": b"}p0\n.",
    "GET": b"g0\n.",
    "MEMOIZE": b"}\x94.",
    "FRAME": b"\x95" + bytes(8) + b".",
}


@pytest.mark.parametrize("name", INSTRUCTIONS)
def test_other_instructions(tmp_path, name):
    with pytest.raises(InputError, match="refused, it has the instruction "):
        read(tmp_path, b"\x80\x02" + INSTRUCTIONS[name])


def texts(count):
    """Return a program that pushes `count` short texts."""
    return b"X\x01\x00\x00\x00a" * count


HOSTILE = {  # name: (the program of a value, the message)
    "BUILD of a class": (NAME + b"}X\x05\x00\x00\x00itemsK\x01sb", "it changes a value that is not a list or dict"),
    "BUILD of a function": (REBUILD + b"}b", "it changes a value that is not a list or dict"),
    "BUILD of a function's defaults": (
        REBUILD + b"N}X\x0c\x00\x00\x00__defaults__K\x01\x85s\x86b",
        "it changes a value that is not a list or dict",
    ),
    "APPEND to a name": (NAME + b"K\x01a", "it changes a value that is not a list or dict"),
    "a distant memo index": (b"}r\xff\xff\xff\x7f", "it stores a value at memo index 2,147,483,647"),
    "a more distant memo index": (b"}r\xff\xff\xff\xff", "it stores a value at memo index 4,294,967,295"),
    "a tuple twice": (b"K\x01\x85q\x00h\x00\x86", "it uses a list, tuple or dict twice"),
    "a list in itself": (b"]q\x00h\x00a", "it uses a list, tuple or dict twice"),
    "doubled tuples": (
        b")q\x00" + b"".join(b"h%ch%c\x86q%c" % (k, k, k + 1) for k in range(100)),
        "it uses a list, tuple or dict twice",
    ),
    "deep tuples": (b"N" + b"\x85" * 90_000, "it nests values too deep"),
    "a deep tuple as a key": (b"}N" + b"\x85" * 90_000 + b"Ns", "it nests values too deep"),
    "deep lists": (b"]" * 40_000 + b"a" * 39_999, "it nests values too deep"),
    "deep dicts": (b"}" + b"K\x00}" * 20_000 + b"s" * 20_000, "it nests values too deep"),
    "deep calls": (b"N" + (b"q\x00" + NAME + b"h\x00\x85R") * 5_000, "it (uses|nests|names|calls)"),
    "deep marks": (b"(" * 90_000 + b"t" * 90_000, "it nests values too deep"),
    "many instructions": (b"(" + b"N" * 100_000 + b"t", "it has more than 100,000 instructions"),
    "values from below a mark": (b"N(\x86t", "it takes values that do not exist"),
    "a long text that is missing": (b"X\xff\xff\xff\xffa", "cut short"),
    "a long number that is missing": (b"\x8a\xffa", "cut short"),
    "more text than is read": (b"X\x80\x84\x1e\x00" + b"a" * 2_000_000, "cut short"),
    "names on many lines": (b"c" + b"a" * 2_000_000, "cut short"),
    "a name without end": (b"c" + b"a" * 900_000 + b"\nload\n", "refused, it names"),
    "a dict as a function": (b"})R", "cut short, damaged"),
    "a text as a function": (texts(1) + b")R", "cut short, damaged"),
    "a storage's class as a function": (b"ctorch\nFloatStorage\n)R", "cut short, damaged"),
    "arguments that are not a tuple": (NAME + b"]R", "cut short, damaged"),
    "arguments that are missing": (REBUILD + b")R", "cut short, damaged"),
    "a key without a hash": (b"}]Ns", "cut short, damaged"),
    "pairs without a value": (b"}(K\x01u", "cut short, damaged"),
    "a name of other modules": (b"ctorch.serialization\nload\n", r"it names torch\.serialization\.load"),
    "a dotted name": (b"ccollections\nOrderedDict.__init__\n", r"it names collections\.OrderedDict\.__init__"),
    "a module like torch": (b"ctorch.\nFloatStorage\n", r"it names torch\.\.FloatStorage"),
    "attributes of another type": (b"}N}K\x01K\x01s\x86b", "cut short, damaged"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_programs(tmp_path, name):
    """Check that each program is refused with little memory at any position in the file."""
    program, message = HOSTILE[name]
    whole = b"\x80\x02" + program + b"."
    before = pickled(torch_file.MAGIC, torch_file.PROTOCOL, {})
    tracemalloc.start()
    try:
        for data in (whole, before + whole, before + pickled({}) + whole):
            with pytest.raises(InputError, match=message) as raised:
                read(tmp_path, data)
            assert len(str(raised.value)) < len(str(tmp_path)) + 400 and "\n" not in str(raised.value)
        assert tracemalloc.get_traced_memory()[1] < 30_000_000  # bytes
    finally:
        tracemalloc.stop()


STORAGE = ("storage", name_of("torch FloatStorage"), "0", "cpu", 1, None)


@pytest.mark.parametrize(
    "reference",
    [
        (),
        STORAGE[:5],
        (*STORAGE, None),
        list(STORAGE[:1]),
        "storage",
        7,
        {},
        (*STORAGE[:1], "torch.FloatStorage", *STORAGE[2:]),
        (*STORAGE[:2], 0, *STORAGE[3:]),
        (*STORAGE[:2], None, *STORAGE[3:]),
        (*STORAGE[:4], "1", None),
        (*STORAGE[:4], -1, None),
        (*STORAGE[:4], None, None),
        (*STORAGE[:5], (1, 2)),
        (STORAGE, *STORAGE[1:]),
        (*STORAGE[:1], STORAGE[:1], *STORAGE[2:]),
    ],
)
def test_wrong_references_to_storages(tmp_path, reference):
    with pytest.raises(InputError, match="refused, it refers to something other than a storage of numbers"):
        read(tmp_path, old_file({"W": Pickled(persistent=reference)}))


def test_sizes_beyond_the_file(tmp_path):
    """Check that huge storages and many views of one storage cost no memory, and that huge sizes are not multiplied."""
    numbers = np.zeros(100_000, "<f4")
    with pytest.raises(InputError, match="a storage is cut short"):
        read(tmp_path, old_file({"W": tensor("0", numbers, size=2**40)}, ["0"], struct.pack("<q", 2**40)))
    with pytest.raises(InputError, match="cut short"):
        read(tmp_path, old_file({"W": tensor("0", numbers, size=2**70)}, ["0"], struct.pack("<q", 2**40)))
    views = {str(k): tensor("0", numbers) for k in range(200)}
    with pytest.raises(InputError, match="its tensors have more than 40,000,000 bytes"):
        read(tmp_path, old_file(views, ["0"], storages([numbers])))
    wide = tensor("0", numbers, shape=(2**2000,) * 1_000, strides=(0,) * 1_000)
    with pytest.raises(InputError, match="a tensor has an impossible size"):
        read(tmp_path, old_file({"W": wide}, ["0"], storages([numbers])))
    two = {"V": tensor("0", numbers), "W": tensor("0", numbers, size=50_000)}
    with pytest.raises(InputError, match="it describes one storage in two ways"):
        read(tmp_path, old_file(two, ["0"], storages([numbers])))


def test_a_file_of_another_size_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "weights.pth"
    with open(path, "wb") as file:
        file.truncate(10**11)  # bytes of a sparse file, which takes no space on the disk
    with pytest.raises(InputError, match="it has more than 40,000,000 bytes"):
        torch_file.load(path, 64 * "0")


def test_another_digest_is_refused_before_anything_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(torch_file, "_read_tensors", None)
    path = tmp_path / "weights.pth"
    path.write_bytes(old_file())
    with pytest.raises(InputError, match=r"not the expected file: its SHA-256 is [0-9a-f]{64}, not 0000"):
        torch_file.load(path, 64 * "0")


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"absent.pth: cannot be read"):
        torch_file.load(tmp_path / "absent.pth", 64 * "0")


def test_a_missing_package_is_named(monkeypatch):
    package = pretrained.PACKAGES["lite2"]._replace(module="numpy_sat_has_no_such_package")
    monkeypatch.setitem(pretrained.PACKAGES, "lite2", package)
    with pytest.raises(InputError, match=r"python -m pip install numpy-sat-has-no-such-package==0\.1\.0$") as raised:
        pretrained.lite_file("lite2")
    assert "\n" not in str(raised.value)


def test_torch_is_not_imported():
    code = "import sys, numpy_sat.pretrained; assert 'torch' not in sys.modules and 'pickle' not in dir()"
    subprocess.run([sys.executable, "-c", code], check=True)
