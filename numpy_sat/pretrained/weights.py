"""Read a net's weights from a file that others made: .safetensors, or NumPy's .npz, never a pickle."""

import textwrap
from pathlib import Path

import numpy as np

from numpy_sat.system.errors import InputError

NAMED = 4  # tensors that a message lists before it counts
DTYPES = ("F32", "F16", "BF16")  # the safetensors format's names for them


def load(path, encoder, stages, preprocessing):
    """Load the parameters of a net, float32, from a file.

    Args:
        path: the file, .safetensors or .npz.
        encoder: a module with namings(stages), UNUSED and adopt(tensors, stages, preprocessing), as encoders/vgg.py.
        stages: the net's stages.
        preprocessing: the name of the scaling of pixels that the net was trained with.
    Returns:
        {name: array}, as the encoder names its parameters.
    Raises:
        InputError: the file cannot be read or holds another net.
    """
    return encoder.adopt(read(path, encoder.namings(stages), encoder.UNUSED), stages, preprocessing)


def read(path, namings, unused=()):
    """Read the tensors of a net under the names that the file has for them. Other tensors are not read.

    Args:
        path: the file, .safetensors or .npz.
        namings: the ways to name the tensors, each {name: shape}. The one with most of the file's names is taken.
        unused: the beginnings of names that may be in the file and are not needed.
    Returns:
        {name: array}, float32.
    Raises:
        InputError: a tensor is missing, unknown, of another shape or not finite, or the file is damaged.
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
    """Return the names of a file's tensors, a set, and a function that reads one as float32."""
    if path.suffix == ".safetensors":
        return _opened_safetensors(path)
    if path.suffix == ".npz":
        return _opened_npz(path)
    raise InputError(
        f"{path}: weights are read from .safetensors or .npz; a .pth or .pt holds pickled objects, which can run code "
        "when read."
    )


def _opened_safetensors(path):
    try:
        import ml_dtypes  # noqa: F401  It gives NumPy the bfloat16 that safetensors asks for.
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise InputError(f"{path}: to read it, run: python -m pip install safetensors ml_dtypes") from error
    try:
        path.open("rb").close()  # its error says why; that of safe_open does not
        file = safe_open(path, framework="numpy")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or 'not a file'}); check its name.") from error
    except SafetensorError as error:
        fault = textwrap.shorten(str(error), 200)
        raise InputError(f"{path}: cut short, damaged or not a safetensors file ({fault}); get it again.") from error

    def read_one(name):
        dtype = file.get_slice(name).get_dtype()
        if dtype not in DTYPES:
            raise InputError(f"{path}: a tensor of dtype {dtype}; only {', '.join(DTYPES)} can be read.")
        try:
            return file.get_tensor(name).astype(np.float32, copy=False)
        except (SafetensorError, ValueError) as error:  # of a size that NumPy cannot have
            raise InputError(f"{path}: damaged at {name}; get it again.") from error

    return set(file.keys()), read_one


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
