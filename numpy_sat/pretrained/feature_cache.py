"""What a net that is not trained makes of a data set's images: computed once, and kept on disk as float16.

Beside the array stands a checksum of every block of it that is done. So work that was interrupted goes on with the
first block that is not, and a block that something has changed since is noticed and computed anew. A block is always
encoded whole: a kernel may round otherwise for another number of images, and so the features are the same, bit for
bit, however often the work was interrupted.

float16 keeps three digits, which is more than a decoder needs, of numbers up to 65,504. Features beyond are refused
instead of scaled: VGG's are a thousandth of that, so it is a mistake that has made them, nearly always pixels on
another scale than the weights were trained with.
"""

import hashlib
import os
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from numpy_sat.data import batches, images
from numpy_sat.system import progress
from numpy_sat.system.errors import InputError
from numpy_sat.system.workspace import Workspace

FORMAT = 1  # raise it when the same net and image would give other features
BLOCK = 8  # images; more are not encoded faster
HALF = np.dtype("<f2")


class Net(NamedTuple):
    """A net as the cache sees it."""

    encode: Callable  # images (n, H, W, 3), float32 from -1 to 1, to annotations (n, L, D)
    size: int  # side of an image, pixels
    shape: Callable  # () to (L, D)
    digest: str  # of all that the annotations depend on besides the images


def net_of(encoder, params, stages, size, tuned=0):
    """The Net of an encoder: a module with encode(params, images, stages).

    tuned: how many of its last stages are left out, see encoders/__init__.py; params: those of the others alone.
    """
    workspace, part = Workspace(), {"stop": len(stages) - tuned} if tuned else {}

    def encode(images):
        with workspace.step():
            return encoder.encode(params, images, stages, **part).copy()  # the next call takes its place

    def shape():
        return encode(np.zeros((1, size, size, 3), np.float32)).shape[1:]

    return Net(encode, size, shape, digest(params, encoder.__name__, stages))


def digest(params, *described):
    """A text that is another one for other parameters, {name: array}, or for what else describes a net."""
    found = hashlib.sha256(repr(described).encode())
    for name in sorted(params):
        array = np.ascontiguousarray(params[name])
        found.update(f"\0{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        found.update(array)
    return found.hexdigest()


def load_features(listed, net, cache):
    """Give all images' features as read-only float16 (N, L, D), mapped from a file in the folder `cache`.

    listed: CaptionedImages; net: a Net. Features that are not there yet are computed, with a progress bar; after
    Ctrl-C the same call goes on where it was. Raises InputError for an image that cannot be read, for features that
    float16 cannot hold, and for a cache that cannot be written.
    """
    path = Path(cache) / images.cache_name("features", listed, f"{net.digest} {net.size}", FORMAT)
    part, sums = path.with_suffix(".part"), path.with_suffix(".sums")
    shape = (len(listed), *net.shape())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not _sound(path, sums, shape).all():
            if path.exists():
                os.replace(path, part)
            _complete(part, sums, listed, net, shape)
            with suppress(FileNotFoundError):  # another process was about the same, and was done first
                os.replace(part, path)
            for superseded in (path, part, sums):
                images.remove_superseded(superseded)
    except OSError as error:
        raise InputError(
            f"{cache}: the cache of features cannot be written ({error.strerror}); "
            "free some space, or name another folder in NUMPY_SAT_CACHE."
        ) from error
    return np.lib.format.open_memmap(path, mode="r")


def _sound(path, sums, shape):
    """Of every block, whether it is in the file and as it was written: (blocks,) bool."""
    starts = range(0, shape[0], BLOCK)
    nothing = np.zeros(len(starts), bool)
    try:
        array, noted = np.lib.format.open_memmap(path, mode="r"), np.fromfile(sums, "<u4")
    except (OSError, ValueError):
        return nothing
    if array.shape != shape or array.dtype != HALF or len(noted) != len(starts):
        return nothing
    return np.array([zlib.crc32(array[start : start + BLOCK]) for start in starts], "<u4") == noted


def _complete(part, sums, listed, net, shape):
    """Compute the blocks of a file that are not sound, or all of one that is yet to be made."""
    sound = _sound(part, sums, shape)
    if not sound.any():
        _make_room(part, sums, shape)
    missing = np.flatnonzero(~sound)
    of_each = [listed[start : start + BLOCK] for start in range(0, len(listed), BLOCK)]
    todo = [of_each[k] for k in missing]
    row = HALF.itemsize * int(np.prod(shape[1:]))
    first = os.path.getsize(part) - row * len(listed)  # where the header ends
    done = len(listed) - sum(map(len, todo))
    bar = progress.bar(desc="encoding images", total=len(listed), initial=done, unit=" images")
    # Written, not mapped: a full disk is then an OSError and not the end of the process.
    with bar, open(part, "r+b", buffering=0) as file, open(sums, "r+b", buffering=0) as noted:
        for k, block, images in zip(missing, todo, batches.prefetch(_read(todo, net.size)), strict=True):
            found = _half(net.encode(images), block)
            file.seek(first + int(k) * BLOCK * row)
            _write(file, found)
            noted.seek(4 * int(k))
            _write(noted, zlib.crc32(found).to_bytes(4, "little"))
            bar.update(len(block))


def _write(file, data):
    """All of it: one call may take only what there is room for, and the next one says that the disk is full."""
    data = memoryview(data).cast("B")
    while data:
        data = data[file.write(data) :]


def _make_room(part, sums, shape):
    """A file of the array's size with its header alone, and no sums."""
    header = {"descr": HALF.str, "fortran_order": False, "shape": shape}
    sums.write_bytes(bytes(4 * len(range(0, shape[0], BLOCK))))
    with open(part, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + HALF.itemsize * int(np.prod(shape)))


def _read(blocks, size):
    """Each block's images as the net takes them."""
    for block in blocks:
        yield batches.scale_pixels(np.stack([images.read_image(image.path, size) for image in block]))


def _half(a, block):
    """a: (n, L, D) of the n images of a block, as float16, contiguous."""
    with np.errstate(over="ignore"):
        half = np.ascontiguousarray(a, HALF)
    bad = ~np.isfinite(half).all(axis=(1, 2))
    if bad.any():
        which = int(bad.argmax())
        raise InputError(
            f"{block[which].path}: its features reach {np.abs(a[which]).max():.3g}, and 16 bits hold no more than "
            "65,504; is the preprocessing the one that the weights were trained with?"
        )
    return half
