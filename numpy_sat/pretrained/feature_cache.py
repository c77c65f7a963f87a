"""The on-disk cache of features: a frozen net encodes the images of a data set once, as float16.

A second file holds a checksum for each finished block of images. So interrupted work continues with the first missing
block, and a damaged block is detected and computed again. A start compares all blocks with their checksums if the times
of the two files differ, that is, if either has changed or was copied. Otherwise it compares a few blocks.

A block is always encoded as a whole, because kernels may round differently for other numbers of images. So
interruptions do not change a single bit of the features.

float16 holds numbers up to 65,504 with three digits, which is more than a decoder needs. Larger features are refused,
not scaled. VGG's features are a thousand times smaller, so larger ones are a mistake: usually, the pixels are not
scaled as the weights expect.
"""

import hashlib
import os
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np

from numpy_sat.data import array_file, batches, images
from numpy_sat.data.dataset import CaptionedImage
from numpy_sat.system import mpi, progress, ranks
from numpy_sat.system.errors import InputError
from numpy_sat.system.workspace import Workspace

FORMAT = 1  # increase it when a change of the code changes the features of the same net and image
BLOCK = 8  # images per block; larger blocks are not encoded faster
HALF = np.dtype("<f2")


def keep(a: np.ndarray, examples: Sequence[CaptionedImage]) -> np.ndarray:
    """Return the annotations unchanged: the regions are the cells of the grid."""
    return a


class Net(NamedTuple):
    """A frozen net: its function, the sizes of its input and output, and its digest."""

    encode: Callable  # images (n, H, W, 3), float32 from -1 to 1 -> annotations (n, L, D)
    size: int  # side of an image, in pixels
    shape: Callable  # () -> the shape of an image's features, (L, D)
    digest: str  # hash of everything that determines the annotations of an image
    pool: Callable = keep  # (a (n, L, D), n CaptionedImages) -> (n, R, D') annotations of the regions to store


def net_of(encoder: ModuleType, params: dict[str, np.ndarray], stages: tuple, size: int, tuned: int = 0) -> Net:
    """Return the Net of the frozen stages of an encoder.

    Args:
        encoder: a module with encode(params, images, stages), see encoders/__init__.py.
        params: {name: array}, the parameters of the frozen stages.
        stages: the encoder's stages, including those that are tuned.
        size: side of an image, in pixels.
        tuned: number of last stages that are tuned, and left out here.
    """
    workspace, options = Workspace(), {"stop": len(stages) - tuned} if tuned else {}

    def encode(images):
        with workspace.step():
            return encoder.encode(params, images, stages, **options).copy()  # the next call overwrites the original

    def shape():
        return encode(np.zeros((1, size, size, 3), np.float32)).shape[1:]

    name = getattr(encoder, "NAME_IN_DIGESTS", encoder.__name__)
    return Net(encode, size, shape, digest(params, name, stages))


def digest(params: dict[str, np.ndarray], *description) -> str:
    """Return the SHA-256 of a net's parameters and description.

    Args:
        params: {name: array}.
        description: further values that describe the net, such as its stages.
    """
    sha256 = hashlib.sha256(repr(description).encode())
    for name in sorted(params):
        array = np.ascontiguousarray(params[name])
        sha256.update(f"\0{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        sha256.update(array)
    return sha256.hexdigest()


def load_features(examples: Sequence[CaptionedImage], net: Net, cache: Path) -> np.ndarray:
    """Load the features of a list of images from the cache. Compute missing ones first, with a progress bar.

    After Ctrl-C, the same call continues where the first one stopped. Ranks of one host share the work.

    Args:
        examples: N dataset.CaptionedImages.
        net: Net.
        cache: folder of the cache.
    Returns:
        (N, L, D) float16 array, read-only and memory-mapped.
    Raises:
        InputError: an image cannot be read, float16 cannot hold a feature, or the cache cannot be written.
    """
    group = ranks.current().on_host()
    path = Path(cache) / images.cache_name("features", examples, f"{net.digest} {net.size}", FORMAT)
    part, sums = path.with_suffix(".part"), path.with_suffix(".sums")
    shape = (len(examples), *net.shape())
    mpi.refuse_differences(group, {"cache of features (NUMPY_SAT_CACHE)": str(path)})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if group.from_first(_is_intact(path, sums, shape)):
            images.remove_abandoned_lock(path)
        else:
            # another process may compute the same features
            with images.shared_lock(group, path, "encoding images"):
                if not group.from_first(_intact_blocks(path, sums, shape).all()):
                    _encode_into(path, part, sums, examples, net, shape, group)
            if not _intact_blocks(path, sums, shape).all():
                raise InputError(f"{path}: differs from what was written; check the disk, or set NUMPY_SAT_CACHE.")
            _set_stamps(path, sums, array_file.new_stamp())
    except OSError as error:
        raise InputError(
            f"{cache}: the cache of features cannot be written ({error.strerror}); "
            "free some space, or name another folder in NUMPY_SAT_CACHE."
        ) from error
    return np.lib.format.open_memmap(path, mode="r")


def _is_intact(path, sums, shape):
    """Return True if the file is complete and undamaged.

    After a complete comparison with the checksums, both files get the same time. While they have it, a sample of blocks
    is compared, so that a start does not have to read the whole file.
    """
    try:
        stamp, sums_stamp = os.stat(path).st_mtime_ns, os.stat(sums).st_mtime_ns
    except OSError:
        return False
    is_unchanged = stamp == sums_stamp
    if not is_unchanged:
        stamp = array_file.new_stamp()
    blocks = len(range(0, shape[0], BLOCK))
    numbers = array_file.sample(blocks) if is_unchanged else range(blocks)
    if not _intact_blocks(path, sums, shape, numbers).all():
        return False
    _set_stamps(path, sums, stamp)
    return True


def _set_stamps(path, sums, stamp):
    for file in (path, sums):
        array_file.set_stamp(file, stamp)


def _intact_blocks(path, sums, shape, numbers=None):
    """Return a (blocks,) bool array: True for each block in the file that matches its checksum.

    With `numbers`, only these blocks are compared.
    """
    starts = range(0, shape[0], BLOCK)
    numbers = range(len(starts)) if numbers is None else numbers
    none, array = np.zeros(len(numbers), bool), array_file.map_npy(path, shape, HALF)
    try:
        checksums = np.fromfile(sums, "<u4")
    except (OSError, ValueError):
        return none
    if array is None or len(checksums) != len(starts):
        return none
    return array_file.block_checksums(array, starts, numbers) == checksums[list(numbers)]


def _encode_into(path, part, sums, examples, net, shape, group):
    """Compute the features that `path` lacks. Each rank of the group encodes some blocks, and the first one writes."""
    if group.is_first:
        images.note_damage(path)
        if path.exists():
            os.replace(path, part)
    is_intact = group.from_first(_intact_blocks(part, sums, shape))
    missing = np.flatnonzero(~is_intact)
    blocks = [examples[start : start + BLOCK] for start in range(0, len(examples), BLOCK)]
    missing_blocks = [blocks[k] for k in missing]
    features = ranks.gathered(_encoded(group.part(missing_blocks), net), len(missing_blocks), group)
    if not group.is_first:
        list(features)
        return
    if not is_intact.any():
        _allocate(part, sums, shape)
    _complete(part, sums, examples, missing, missing_blocks, features, shape)
    with suppress(FileNotFoundError):  # another process did the same work and finished first
        os.replace(part, path)
    for superseded in (path, part, sums):
        images.remove_superseded(superseded)


def _encoded(blocks, net):
    """Yield the features of each block of images."""
    for block, inputs in zip(blocks, batches.prefetch(_read(blocks, net.size)), strict=True):
        yield _half(net.pool(net.encode(inputs), block), block)


def _complete(part, sums, examples, missing, missing_blocks, features_of_blocks, shape):
    """Write the missing and damaged blocks of a file, and their checksums."""
    row_size = HALF.itemsize * int(np.prod(shape[1:]))  # bytes
    header_size = os.path.getsize(part) - row_size * len(examples)
    done = len(examples) - sum(map(len, missing_blocks))
    bar = progress.bar(desc="encoding images", total=len(examples), initial=done, unit=" images")
    # With write(), a full disk raises an OSError. With a memory map it would kill the process.
    with bar, open(part, "r+b", buffering=0) as file, open(sums, "r+b", buffering=0) as sums_file:
        for k, block, features in zip(missing, missing_blocks, features_of_blocks, strict=True):
            file.seek(header_size + int(k) * BLOCK * row_size)
            _write(file, features)
            sums_file.seek(4 * int(k))
            _write(sums_file, zlib.crc32(features).to_bytes(4, "little"))
            bar.update(len(block))
        for written in (file, sums_file):
            os.fsync(written.fileno())


def _write(file, data):
    """Write all data. On a full disk, one call may write a part, and the next call raises an OSError."""
    data = memoryview(data).cast("B")
    while data:
        data = data[file.write(data) :]


def _allocate(part, sums, shape):
    """Create a file of the array's final size that contains only its header, and a file of zero checksums."""
    header = {"descr": HALF.str, "fortran_order": False, "shape": shape}
    sums.write_bytes(bytes(4 * len(range(0, shape[0], BLOCK))))
    with open(part, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + HALF.itemsize * int(np.prod(shape)))


def _read(blocks, size):
    """Yield the images of each block as inputs of the net, (n, size, size, 3)."""
    for block in blocks:
        yield batches.scale_pixels(np.stack([images.read_image(image.path, size) for image in block]))


def _half(a, block):
    """Return the (n, L, D) annotations of a block's n images as contiguous float16.

    Raises:
        InputError: float16 cannot hold a feature. The message names the image.
    """
    with np.errstate(over="ignore"):
        half = np.ascontiguousarray(a, HALF)
    is_bad = ~np.isfinite(half).all(axis=(1, 2))
    if is_bad.any():
        row = int(is_bad.argmax())
        raise InputError(
            f"{block[row].path}: its features reach {np.abs(a[row]).max():.3g}, and 16 bits hold no more than "
            "65,504; check that --preprocessing is the one that the weights were trained with."
        )
    return half
