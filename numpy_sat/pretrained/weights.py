"""A net's weights from a file that others made: .safetensors, or NumPy's .npz, never a pickle."""

from pathlib import Path

import numpy as np

from numpy_sat.pretrained import safetensors
from numpy_sat.system.errors import InputError

NAMED = 4  # tensors that a message lists before it counts


def load(path, encoder, stages, preprocessing):
    """The parameters of a net, float32, from a file.

    encoder: a module with namings(stages), UNUSED and adopt(found, stages, preprocessing), as encoders/vgg.py.
    Raises InputError where the file cannot be read or is not this net's.
    """
    return encoder.adopt(read(path, encoder.namings(stages), encoder.UNUSED), stages, preprocessing)


def read(path, namings, unused=()):
    """The tensors of a net, {name: float32 array}, under the names that the file has for them.

    namings: the ways to name them, each {name: shape}; the one that most of the file's names belong to counts.
    unused: how names begin that may be there for nothing. Only what counts is read. Raises InputError that names what
    is missing, unknown or of another shape, and for files that are cut short, damaged or hold what is no number.
    """
    names, read_one = _opened(Path(path))
    naming = max(namings, key=lambda naming: len(names & naming.keys()))
    unknown = [name for name in sorted(names - naming.keys()) if not name.startswith(tuple(unused))]
    found = {name: read_one(name) for name in naming if name in names}
    misfits = [
        f"{name} is {found[name].shape}, not {shape}"
        for name, shape in naming.items()
        if name in found and found[name].shape != shape
    ]
    complaints = [("missing", [name for name in naming if name not in names]), ("unknown", unknown), ("", misfits)]
    if any(listed for _, listed in complaints):
        told = "; ".join(f"{fault} {_some(listed)}".strip() for fault, listed in complaints if listed)
        raise InputError(f"{path}: not the weights of this net: {told}.")
    for name, array in found.items():
        if not np.isfinite(array).all():
            raise InputError(f"{path}: {name} holds what is no number; get it again.")
    return found


def _some(listed):
    more = len(listed) - NAMED
    return ", ".join(listed[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _opened(path):
    """The names of a file's tensors, a set, and a function that reads one as float32."""
    if path.suffix == ".safetensors":
        tensors = safetensors.tensors(path)
        return tensors.keys(), lambda name: safetensors.read(path, tensors[name])
    if path.suffix == ".npz":
        return _opened_npz(path)
    raise InputError(
        f"{path}: weights are read from .safetensors or .npz; a .pth or .pt holds pickled objects, which can run code "
        "when read."
    )


def _opened_npz(path):
    try:
        file = np.load(path, allow_pickle=False)
        names = set(file.files)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or 'not an .npz file'}).") from error
    except Exception as error:  # numpy and zipfile raise nearly anything on damaged files
        raise InputError(f"{path}: cut short, or not an .npz file; get it again.") from error

    def read_one(name):
        try:
            array = file[name]
        except Exception as error:
            if "allow_pickle" in str(error):
                raise InputError(f"{path}: refused, it holds pickled objects, which can run code when read.") from error
            raise InputError(f"{path}: damaged at {name}; get it again.") from error
        if array.dtype.kind != "f":
            raise InputError(f"{path}: {name} is {array.dtype}, and not floating-point.")
        return array.astype(np.float32)

    return names, read_one
