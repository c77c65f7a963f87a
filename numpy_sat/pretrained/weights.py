"""Read the weights of a net from a .safetensors or .npz file. Pickles are refused."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

from numpy_sat.system import npz
from numpy_sat.system.errors import InputError, refuse_special, shortened

MAX_NAMES = 4  # tensors that an error message names; it counts the others
DTYPES = ("F32", "F16", "BF16")  # dtypes that can be read, by their names in safetensors


def load(path: Path, encoder: ModuleType, stages: tuple, preprocessing: str) -> dict[str, np.ndarray]:
    """Load the parameters of a net from a file.

    Args:
        path: .safetensors or .npz file.
        encoder: a module with namings(stages), UNUSED and adopt(tensors, stages, preprocessing), as encoders/vgg.py.
        stages: stages of the net.
        preprocessing: name of the pixel scaling that the net was trained with.
    Returns:
        {name: float32 array}, with the encoder's parameter names.
    Raises:
        InputError: the file cannot be read, or holds another net.
    """
    return encoder.adopt(read(path, encoder.namings(stages), encoder.UNUSED), stages, preprocessing)


def read(path: Path, namings: Sequence[dict[str, tuple]], unused: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Read the tensors of a net with their names in the file. Other tensors are not read.

    Args:
        path: .safetensors or .npz file.
        namings: the possible names of the tensors, each a {name: shape}. The best match for the file is used.
        unused: prefixes of names that the file may contain and the net does not need.
    Returns:
        {name: float32 array}.
    Raises:
        InputError: a tensor is missing, unknown, of another shape or not finite, or the file is damaged.
    """
    refuse_special(path)
    shapes, read_tensor = _open(Path(path))
    naming = max(namings, key=lambda naming: len(shapes.keys() & naming.keys()))
    unknown = [name for name in sorted(shapes.keys() - naming.keys()) if not name.startswith(tuple(unused))]
    misfits = [
        f"{name} is {shapes[name]}, not {shape}"
        for name, shape in naming.items()
        if name in shapes and shapes[name] != shape
    ]
    faults = [("missing", [name for name in naming if name not in shapes]), ("unknown", unknown), ("", misfits)]
    if any(items for _, items in faults):
        message = "; ".join(f"{fault} {_shorten(items)}".strip() for fault, items in faults if items)
        raise InputError(f"{path}: not the weights of this net: {message}.")
    tensors = {name: read_tensor(name) for name in naming}
    for name, array in tensors.items():
        if not np.isfinite(array).all():
            raise InputError(f"{path}: {name} contains infinite or NaN values; get the file again.")
    return tensors


def _shorten(items):
    """Return the first few items as a text, with the number of the others."""
    more = len(items) - MAX_NAMES
    return ", ".join(map(shortened, items[:MAX_NAMES])) + (f" and {more} more" if more > 0 else "")


def _open(path):
    """Open a file. Return its tensors' shapes, {name: shape}, and a function that reads one tensor as float32."""
    if path.suffix == ".safetensors":
        return _open_safetensors(path)
    if path.suffix == ".npz":
        return _open_npz(path)
    raise InputError(
        f"{path}: weights are read from .safetensors or .npz; a .pth or .pt holds pickled objects, which can run code "
        "when read."
    )


def _open_safetensors(path):
    try:
        import ml_dtypes  # noqa: F401  It adds bfloat16 to NumPy, which safetensors needs.
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise InputError(f"{path}: to read it, run: python -m pip install safetensors ml_dtypes") from error
    try:
        path.open("rb").close()  # this error gives the reason, unlike the one of safe_open
        file = safe_open(path, framework="numpy")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or 'not a file'}); check its name.") from error
    except SafetensorError as error:
        fault = textwrap.shorten(str(error), 200)
        raise InputError(f"{path}: cut short, damaged or not a safetensors file ({fault}); get it again.") from error

    def read_tensor(name):
        dtype = file.get_slice(name).get_dtype()
        if dtype not in DTYPES:
            raise InputError(f"{path}: a tensor of dtype {dtype}; only {', '.join(DTYPES)} can be read.")
        try:
            return file.get_tensor(name).astype(np.float32, copy=False)
        except (SafetensorError, ValueError) as error:  # NumPy refuses the size
            raise InputError(f"{path}: damaged at {name}; get it again.") from error

    return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}, read_tensor


def _open_npz(path):
    try:
        file = npz.Npz(path)
    except InputError:
        raise
    except npz.DamagedArrayError as error:
        raise InputError(f"{path}: damaged at {shortened(error.args[0])}; get it again.") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or 'not an .npz file'}).") from error
    except Exception as error:  # damaged files make numpy and zipfile raise almost any exception
        raise InputError(f"{path}: cut short, or not an .npz file; get it again.") from error

    def read_tensor(name):
        dtype = file.headers[name].dtype
        if dtype.kind != "f":
            raise InputError(f"{path}: {name} is {dtype}, not floating-point.")
        try:
            return file.read(name).astype(np.float32)
        except Exception as error:
            raise InputError(f"{path}: damaged at {name}; get it again.") from error

    return {name: header.shape for name, header in file.headers.items()}, read_tensor
