"""Read images of common file formats as 8-bit RGB, and lists of images as one memory-mapped array."""

import contextlib
import hashlib
import importlib
import io
import os
import stat
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from numpy_sat.data import array_file, file_kinds
from numpy_sat.data.dataset import CaptionedImage
from numpy_sat.system import files, lock, machine, mpi, output, progress, ranks
from numpy_sat.system.errors import InputError

MAX_PIXELS = 178_956_970  # also Pillow's limit: half a gigabyte of RGB
CACHE_FORMAT = 2  # increase it when the layout changes, or when the same file gives different pixels
UNUSED = 60 * 24 * 3600  # seconds after which a cache file that nobody opens is removed
THREADS = max(4, machine.THREADS)  # Pillow decodes and resizes without the GIL; a slow disk keeps some of them waiting
# The formats that are read, by their names in Pillow. Others may start programs: Pillow hands EPS to Ghostscript.
FORMATS = ("JPEG", "MPO", "PNG", "GIF", "BMP", "DIB", "WEBP", "TIFF", "PPM", "JPEG2000", "AVIF", "HEIF")

# EXIF orientation -> the transposition that makes the image upright (orientation 1 needs none).
ORIENTATION_TAG = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_open_lock = threading.Lock()


class Upload(NamedTuple):
    """An image file that is in memory. Its text is its name."""

    name: str
    content: bytes

    def __str__(self):
        return self.name


def open_image(path: Path) -> Image.Image:
    """Read an image as upright 8-bit RGB. Transparent pixels are composited on white.

    Raises:
        InputError: the file cannot be read as an image.
    """
    return _decode(Path(path), None)


def read_image(source: Path | Upload, size: int) -> np.ndarray:
    """Read an image and resize it to a square. The aspect ratio is not kept, and nothing is cropped.

    Args:
        source: the image file.
        size: side of the square in pixels.
    Returns:
        (size, size, 3) uint8 RGB.
    Raises:
        InputError: the file cannot be read as an image.
    """
    image = _decode(source, 2 * size)
    # Pillow's bilinear filter widens with the factor, so it averages. reducing_gap only saves work on huge images.
    return np.array(image.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=3.0))


def read_small(source: Path | Upload, side: int) -> Image.Image:
    """Read an image as upright 8-bit RGB, and shrink it if its longer side has more than `side` pixels.

    Raises:
        InputError: the file cannot be read as an image.
    """
    image = _decode(source, side)
    image.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=3.0)
    return image


def check_image(path: Path) -> None:
    """Decode an image as coarsely as its format allows, which finds damage and files that are cut short.

    Raises:
        InputError: the file cannot be read as an image.
    """
    _decode(Path(path), 1)


def load_images(images: list[CaptionedImage], size: int, cache: Path) -> np.ndarray:
    """Load images as squares from a cache file, which is written first if needed.

    The cache file is replaced when the path, the length or the date of an image changes, or when it is damaged. Of
    several processes that need the same cache file, one writes it and the others wait. Ranks of a host share the work.

    Args:
        images: N images.
        size: side of the squares in pixels.
        cache: folder of cache files.
    Returns:
        (N, size, size, 3) uint8 RGB, a read-only memory map of the cache file.
    Raises:
        InputError: an image cannot be read, or the cache cannot be written.
    """
    path, shape = Path(cache) / cache_name("pictures", images, f"{size}", CACHE_FORMAT), (len(images), size, size, 3)
    array, group = array_file.open_array(path, shape, np.uint8), ranks.current().on_host()
    mpi.refuse_differences(group, {"cache of images (NUMPY_SAT_CACHE)": str(path)})
    if group.from_first(array is not None):
        remove_abandoned_lock(path)
    else:
        array = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with shared_lock(group, path, "reading images"):
                is_written = array_file.open_array(path, shape, np.uint8) is not None  # by another process
                if not group.from_first(is_written):
                    _write_cache(path, images, size, group)
        except OSError as error:
            raise InputError(
                f"{cache}: the cache of decoded images cannot be written ({error.strerror}); "
                "free some space, or set NUMPY_SAT_CACHE to another folder."
            ) from error
    if array is None:  # also on a rank that looked before another host wrote the file
        array = array_file.open_array(path, shape, np.uint8)
    if array is None:
        raise InputError(f"{path}: differs from what was written; check the disk, or set NUMPY_SAT_CACHE.")
    return array


def _decode(source: Path | Upload, min_side: int | None) -> Image.Image:
    """Read an image as upright RGB. A JPEG may be decoded smaller if both sides stay at least `min_side` pixels."""
    _refuse_no_file(source)
    try:
        with _open_header(source) as image:
            if min_side is not None:
                image.draft(None, (min_side, min_side))
            image.load()
            return _to_rgb(_upright(image))
    except Image.DecompressionBombError as error:
        raise InputError(f"{source} has more than {MAX_PIXELS:,} pixels; make it smaller first.") from error
    except UnidentifiedImageError as error:
        raise InputError(file_kinds.explain(source, _first_bytes(source))) from error
    except PermissionError as error:
        raise InputError(f"{source}: no permission to read it; change its permissions.") from error
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        raise InputError(
            f"{source} cannot be decoded ({error}); it may be damaged or cut short: get the file again."
        ) from error


def _first_bytes(source: Path | Upload) -> bytes:
    """Return the bytes that identify a file; none if it cannot be read."""
    if isinstance(source, Upload):
        return source.content[: file_kinds.START]
    try:
        with open(source, "rb") as file:
            return file.read(file_kinds.START)
    except OSError:
        return b""


def _refuse_no_file(source: Path | Upload) -> None:
    """Raise InputError if the file is missing, empty or a folder."""
    if isinstance(source, Upload):
        size = len(source.content)
    else:
        status = _stat(source)
        size = status.st_size
        if stat.S_ISDIR(status.st_mode):
            raise InputError(f"{source} is a folder; name an image in it.")
    if size == 0:
        raise InputError(f"{source} is empty; get the file again.")


def _stat(path: Path) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError as error:
        if address := file_kinds.web_address(path):
            raise InputError(f"{address} is a web address; download the image and name its file.") from error
        raise InputError(f"{path} cannot be found ({error.strerror}); check its name and folder.") from error


def _open_header(source: Path | Upload) -> Image.Image:
    """Open an image without decoding it. Raise DecompressionBombError if it has more than MAX_PIXELS."""
    with _without_warnings():
        file = io.BytesIO(source.content) if isinstance(source, Upload) else source
        image = Image.open(file, formats=_formats())
        if image.format == "TIFF":  # otherwise load() reads the EXIF block, and warns if it is damaged
            with suppress(Exception):
                image.getexif()
    if image.width * image.height > MAX_PIXELS:  # Pillow's own limit may have been lifted
        image.close()
        raise Image.DecompressionBombError
    return image


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Suppress Pillow's warnings: about images of more than half of MAX_PIXELS, and about damaged metadata."""
    with _open_lock, warnings.catch_warnings():  # filters are global: only one thread may change them at a time
        warnings.simplefilter("ignore")
        yield


@lru_cache
def _formats() -> tuple[str, ...]:
    """Return those FORMATS that the installed Pillow knows. Image.open raises KeyError for others."""
    Image.init()
    with suppress(ImportError):  # an optional package, which reads the photos of iPhones
        importlib.import_module("pillow_heif").register_heif_opener()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _upright(image: Image.Image) -> Image.Image:
    # ImageOps.exif_transpose also rewrites the EXIF block, which fails if the block is damaged.
    try:
        with _without_warnings():
            orientation = image.getexif().get(ORIENTATION_TAG)
    except Exception:  # the pixels of an image with a damaged EXIF block are still valid
        return image
    return image.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise ValueError("floating-point pixels, for which white is undefined")
    if image.mode.startswith("I"):
        image = _to_8_bit(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Scale 16-bit gray to 8 bits. Pillow's own conversion would clip all values above 255 to white."""
    gray = np.asarray(image)
    if gray.min() < 0 or gray.max() > 65535:
        raise ValueError("gray values beyond 16 bits, for which white is undefined")
    return Image.fromarray(((gray.astype(np.uint32) + 128) // 257).astype(np.uint8))


def cache_name(kind: str, images: list[CaptionedImage], content: str, version: int) -> str:
    """Return the name of a cache file, <kind>-<set>-<key>.npy.

    <set> identifies the image names, their folders and the content. <key> also identifies the image files and the
    version. Caches of different sets, such as two copies of a data set, lie side by side. A cache with another key of
    the same set is superseded.

    Args:
        kind: first part of the name.
        images: the images in the cache.
        content: text that identifies what was computed from each image, such as the size.
        version: version of the cache's format.
    """
    names = hashlib.sha256(content.encode())
    files = hashlib.sha256(f"{version} {content}".encode())
    # Resolve each folder once: resolving 7,000 files takes longer than the rest of a start with a full cache.
    folders = {folder: str(folder.resolve()) for folder in {image.path.parent for image in images}}
    for folder in sorted(set(folders.values())):
        names.update(f"\0{folder}".encode(errors="surrogateescape"))
    for image in images:
        status = _stat(image.path)
        path = os.path.join(folders[image.path.parent], image.path.name)
        names.update(f"\0{image.name}".encode(errors="surrogateescape"))
        files.update(f"\0{path}\0{status.st_size}\0{status.st_mtime_ns}".encode(errors="surrogateescape"))
    return f"{kind}-{names.hexdigest()[:16]}-{files.hexdigest()[:32]}.npy"


@contextlib.contextmanager
def cache_lock(path: Path, activity: str) -> Iterator[None]:
    """Let one process at a time write caches of the set of `path`. Remove what killed processes have left of them.

    Args:
        path: a cache file, named by `cache_name`.
        activity: what the holder does, for the message to a user who waits.
    Raises:
        OSError: the folder cannot be written.
    """
    with lock.waiting_lock(_lock_path(path), activity) as is_exclusive:
        if is_exclusive:
            files.remove_parts(path.parent, f"{_image_set(path)}-*")
        yield


@contextlib.contextmanager
def shared_lock(group: ranks.Group, path: Path, activity: str) -> Iterator[None]:
    """Let the ranks of a host write a cache together. The first one holds the lock of `cache_lock` and writes.

    The others leave the block when the first one has left it.
    """
    with cache_lock(path, activity) if group.is_first else contextlib.nullcontext():
        yield
        group.from_first(None)


def remove_abandoned_lock(path: Path) -> None:
    """Remove the file of a `cache_lock` that a killed process has left beside its complete cache file."""
    if _lock_path(path).exists():
        with suppress(OSError), cache_lock(path, "reading a cache"):
            pass


def _lock_path(path):
    return path.with_name(f"{_image_set(path)}.lock")


def _image_set(path):
    """Return the part of a cache file's name that identifies its set of images."""
    return path.name.rpartition("-")[0]


def note_damage(path: Path) -> None:
    """Tell the user if a cache file exists that cannot be used."""
    if path.exists():
        output.show(f"{path}: the cache file is damaged; it is made again", sys.stderr)


def remove_superseded(path: Path) -> None:
    """Remove older caches of the same set of images that have the same suffix as `path`, and unused ones of any set."""
    for old in path.parent.glob(f"{_image_set(path)}-*{path.suffix}"):
        if old != path:
            _remove(old)
    files.remove_parts(path.parent, f"{_image_set(path)}-*{path.suffix}")
    for old in path.parent.glob(f"{path.name.partition('-')[0]}-*{path.suffix}*"):
        with contextlib.suppress(OSError):
            status = old.stat()
            if time.time() - max(status.st_atime, status.st_mtime) > UNUSED:
                _remove(old)


def _remove(path):
    with contextlib.suppress(OSError):  # Windows keeps a file that another process maps; the next call removes it
        path.unlink()


def _write_cache(path: Path, images: list[CaptionedImage], size: int, group: ranks.Group) -> None:
    """Decode the images into a cache file. Each rank of the group decodes a part of them, and the first one writes."""
    pool = ThreadPoolExecutor(THREADS)
    try:
        own = pool.map(lambda image: read_image(image.path, size), group.part(images))
        squares = ranks.gathered(own, len(images), group)
        if not group.is_first:
            list(squares)
            return
        note_damage(path)
        bar = progress.bar(squares, desc="reading images", total=len(images), unit=" images")
        array_file.write(path, (len(images), size, size, 3), np.uint8, bar)
        remove_superseded(path)
    finally:
        pool.shutdown(cancel_futures=True)
