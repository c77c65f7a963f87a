"""Store the parameters of a shipped captioner in few bytes: large matrices with a byte per weight, the rest as float16.

    W_io ~ scale_o q_io        q: integers from -127 to 127        scale_o = max_i |W_io| / 127

Each output channel o, a column of the matrix, has a scale of its own. So a channel of small weights loses no more of
its precision than one of large weights. Small arrays keep float16: they save little, and the errors of an encoder's
first stages grow in all stages after them. The file holds q under the name of the parameter, and the scales under this
name with `.scale`.
"""

import numpy as np

SCALE = ".scale"  # end of the names of scales
LARGEST_INTEGER = 127
LARGE = 2**14  # numbers of a matrix from which on it is stored with a byte per weight


def compress(params: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the arrays to store.

    Args:
        params: float32 arrays by name.
    Returns:
        Arrays by name: int8 with float32 scales for large matrices, float16 for the others. The latter are infinite
        where a number is above 65,504, the largest of float16.
    """
    arrays = {}
    for name, array in params.items():
        if array.ndim != 2 or array.size < LARGE:
            with np.errstate(over="ignore"):
                arrays[name] = array.astype(np.float16)
            continue
        # scale_o = max_i |W_io| / 127; a channel of zeros may have any scale
        scale = np.abs(array).max(axis=0) / np.float32(LARGEST_INTEGER)
        scale[scale == 0] = 1
        arrays[name] = np.rint(array / scale).astype(np.int8)
        arrays[name + SCALE] = scale
    return arrays


def expand(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return float32 parameters by name from stored arrays. Arrays of other types than int8 and float16 stay as is."""
    params = {}
    for name, array in _without_scales(arrays).items():
        if array.dtype == np.int8:
            params[name] = array * arrays[name + SCALE]
        else:
            params[name] = array.astype(np.float32) if array.dtype == np.float16 else array
    return params


def is_sound(arrays: dict[str, np.ndarray]) -> bool:
    """Return True if all scales of int8 arrays are positive, and no larger than the largest number of float16."""
    scales = [arrays[name + SCALE] for name, array in arrays.items() if array.dtype == np.int8]
    return all(((scale > 0) & (scale <= np.finfo(np.float16).max)).all() for scale in scales)


def expand_headers(headers: dict) -> dict:
    """Return the headers of parameters as they are after `expand`.

    Args:
        headers: {name: npz.Header}.
    Returns:
        {name: npz.Header}. An int8 array whose scales do not fit keeps its header, and so fits no model.
    """
    float32 = np.dtype(np.float32)

    def after(name, header):
        scale = headers.get(name + SCALE)
        fits = scale is not None and (scale.shape, scale.dtype) == (header.shape[-1:], float32)
        is_compressed = header.dtype == np.float16 or (header.dtype == np.int8 and fits)
        return header._replace(dtype=float32) if is_compressed else header

    return {name: after(name, header) for name, header in _without_scales(headers).items()}


def _without_scales(arrays):
    """Return arrays or headers by name, without the scales of int8 arrays."""
    scales = {name + SCALE for name, array in arrays.items() if array.dtype == np.int8}
    return {name: array for name, array in arrays.items() if name not in scales}
