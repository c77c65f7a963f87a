"""Reading images: any common file becomes 8-bit RGB, and a list of files one memory-mapped array of squares."""

import hashlib
import os
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from numpy_sat.data.dataset import CaptionedImage
from numpy_sat.system import progress
from numpy_sat.system.errors import InputError

MAX_PIXELS = 178_956_970  # where Pillow refuses too: half a gigabyte of RGB
CACHE_FORMAT = 1  # raise it when the same file would give other pixels
THREADS = 4  # Pillow decodes and resizes without the GIL

# EXIF orientation -> what makes the image upright (1, the usual one, needs nothing).
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

_opening = threading.Lock()


def open_image(path: Path) -> Image.Image:
    """Read an image as 8-bit RGB, upright, transparency on white; InputError says why a file is not one."""
    return _decode(Path(path), None)


def read_image(path: Path, size: int) -> np.ndarray:
    """Read an image, squeezed (not cropped) to uint8 (size, size, 3); raises InputError as `open_image`."""
    image = _decode(Path(path), 2 * size)
    # Pillow's bilinear filter widens with the factor, so it averages; reducing_gap only spares work on huge images.
    return np.array(image.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=3.0))


def load_images(images: list[CaptionedImage], size: int, cache: Path) -> np.ndarray:
    """Give all images as read-only uint8 (N, size, size, 3), mapped from a file in the folder `cache`.

    The file is made the first time, and again when an image's path, length or date changes. Raises InputError for
    an image that cannot be read and for a cache that cannot be written.
    """
    path = Path(cache) / cache_name("pictures", images, f"{size}", CACHE_FORMAT)
    cached = _open_cache(path, (len(images), size, size, 3))
    if cached is not None:
        return cached
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_cache(path, images, size)
    except OSError as error:
        raise InputError(
            f"{cache}: the cache of decoded images cannot be written ({error.strerror}); "
            "free some space, or name another folder in NUMPY_SAT_CACHE."
        ) from error
    remove_superseded(path)
    return np.lib.format.open_memmap(path, mode="r")


def _decode(path: Path, enough: int | None) -> Image.Image:
    """Read an image as upright RGB; where both sides stay at least `enough`, a JPEG may be decoded smaller."""
    _refuse_no_file(path)
    try:
        with _open_header(path) as image:
            if enough is not None:
                image.draft(None, (enough, enough))
            image.load()
            return _to_rgb(_upright(image))
    except Image.DecompressionBombError as error:
        raise InputError(f"{path} has more than {MAX_PIXELS:,} pixels; make it smaller first.") from error
    except UnidentifiedImageError as error:
        raise InputError(f"{path} is not an image, or of a kind Pillow does not know; use JPEG or PNG.") from error
    except PermissionError as error:
        raise InputError(f"{path} may not be read; change its permissions.") from error
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        raise InputError(
            f"{path} cannot be decoded ({error}); it may be damaged or cut short: get it again."
        ) from error


def _refuse_no_file(path: Path) -> None:
    """Raise InputError where there is no file, or nothing in it."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; name an image in it.")
    if _stat(path).st_size == 0:
        raise InputError(f"{path} is empty; get it again.")


def _stat(path: Path) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError as error:
        raise InputError(f"{path} cannot be found ({error.strerror}); check its name and folder.") from error


def _open_header(path: Path) -> Image.Image:
    """Open an image without decoding it, refusing more than MAX_PIXELS."""
    # Pillow warns from half of MAX_PIXELS on. Warning filters belong to the process, so one thread at a time.
    with _opening, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        image = Image.open(path)
    if image.width * image.height > MAX_PIXELS:  # Pillow's own limit may have been lifted
        image.close()
        raise Image.DecompressionBombError
    return image


def _upright(image: Image.Image) -> Image.Image:
    # Not ImageOps.exif_transpose: it also writes the EXIF block anew, which fails on damaged ones.
    try:
        orientation = image.getexif().get(ORIENTATION_TAG)
    except Exception:  # a damaged EXIF block does not spoil the image
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
    """Scale 16-bit grey to 8 bits: Pillow's own conversion would clip everything above 255 to white."""
    grey = np.asarray(image)
    if grey.min() < 0 or grey.max() > 65535:
        raise ValueError("grey values beyond 16 bits, for which white is undefined")
    return Image.fromarray(((grey.astype(np.uint32) + 128) // 257).astype(np.uint8))


def cache_name(kind: str, images: list[CaptionedImage], made: str, version: int) -> str:
    """Name a cache file <kind>-<set>-<key>.npy: <set> of the names, <key> of the files as they are and the version.

    Both are of what has been made of the images, too: other names lie beside each other, other files are superseded.
    """
    names = hashlib.sha256(made.encode())
    files = hashlib.sha256(f"{version} {made}".encode())
    # Folders are resolved once each; resolving 7,000 files would take longer than all the rest of a warm start.
    folders = {folder: str(folder.resolve()) for folder in {image.path.parent for image in images}}
    for image in images:
        stat = _stat(image.path)
        path = os.path.join(folders[image.path.parent], image.path.name)
        names.update(f"\0{image.name}".encode())
        files.update(f"\0{path}\0{stat.st_size}\0{stat.st_mtime_ns}".encode())
    return f"{kind}-{names.hexdigest()[:16]}-{files.hexdigest()[:32]}.npy"


def _open_cache(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """Map a cache file, or give None where it is absent, cut short or something else."""
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError):
        return None
    return array if array.shape == shape and array.dtype == np.uint8 else None


def _write_cache(path: Path, images: list[CaptionedImage], size: int) -> None:
    """Decode the images into a file beside `path` and move it there when it is whole."""
    part = path.with_suffix(f".{os.getpid()}.part")
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(images), size, size, 3)}
    pool = ThreadPoolExecutor(THREADS)
    try:
        # Written, not mapped: a full disk is then an OSError and not the end of the process.
        with part.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            squares = pool.map(lambda image: read_image(image.path, size), images)
            for square in progress.bar(squares, desc="reading images", total=len(images), unit=" images"):
                file.write(square)
        os.replace(part, path)
    finally:
        pool.shutdown(cancel_futures=True)
        part.unlink(missing_ok=True)


def remove_superseded(path: Path) -> None:
    """Remove the caches, those that end as this one does, of the same set of images as they were before."""
    same_set = path.name.rpartition("-")[0]
    for old in path.parent.glob(f"{same_set}-*{path.suffix}"):
        if old != path:
            try:
                old.unlink()
            except OSError:  # Windows keeps a file that another process maps; it goes the next time
                pass
