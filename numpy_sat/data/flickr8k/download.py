"""Download Flickr8k's two zips from a mirror and unpack them, for python -m numpy_sat.flickr8k.

A file or folder with its final name is always complete, even after an interruption. A zip is downloaded to NAME.part,
which a later run continues, and renamed when its digest is correct. It is unpacked into a temporary folder, which is
renamed when it holds all members.
"""

import contextlib
import hashlib
import http.client
import shutil
import stat
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from tqdm import tqdm

from numpy_sat.system import progress
from numpy_sat.system.errors import InputError, writing


class Archive(NamedTuple):
    """A zip on the mirror."""

    name: str
    size: int  # bytes
    md5: str


MIRROR = "https://github.com/jbrownlee/Datasets/releases/download/Flickr8k"
ARCHIVES = (  # digests from the R package torchvision, R/dataset-flickr.R
    Archive("Flickr8k_text.zip", 2_340_801, "bf6c1abcb8e4a833b7f922104de18627"),
    Archive("Flickr8k_Dataset.zip", 1_115_419_746, "f18a1e2920de5bd84dae7cf08ec78978"),
)
DRAFT = (".numpy_sat-unpacking", "not", "finished")  # deeper than the depth that flickr8k.read searches
CHUNK = 1 << 16  # bytes
TIMEOUT, PAUSE = 30, 1  # seconds: longest wait for a byte; wait before an interrupted transfer continues


class _ConnectionFailed(Exception):
    """The connection failed. The cause holds the reason."""


def fetch(archive: Archive, root: Path) -> Path:
    """Return the path of the complete zip in `root`. Download it from the mirror if it is missing.

    Raises:
        InputError: the zip in `root` is a different file, or the download fails.
    """
    path = root / archive.name
    if path.exists():
        if difference := _difference(path, archive):
            raise InputError(f"{path} is not the mirror's zip: {difference}. Remove it, or unpack it yourself.")
        return path
    part = path.with_name(path.name + ".part")
    largest, failure = -1, None
    with progress.bar(desc=archive.name, total=archive.size, initial=_size(part), unit="B", unit_scale=True) as bar:
        while (size := _size(part)) < archive.size:
            if size <= largest:  # no progress, for example if the server always restarts from the first byte
                raise _download_error(archive, root, size, failure)
            if largest >= 0:
                time.sleep(PAUSE)
            largest, failure = size, None
            try:
                _transfer(archive, part, root, bar)
            except _ConnectionFailed as error:
                failure = error.__cause__
    if difference := _difference(part, archive):
        part.unlink()
        raise InputError(
            f"{MIRROR}/{archive.name}: the downloaded file is damaged ({difference}) and was removed. Try once more; "
            f"if it is damaged again, {_by_hand(root)}"
        )
    with writing(path):
        part.replace(path)
    return path


def _transfer(archive: Archive, part: Path, root: Path, bar: tqdm) -> None:
    """Append the bytes of one connection to `part`.

    Raises:
        _ConnectionFailed: the connection failed.
        InputError: the server sends a different file, or `part` cannot be written.
    """
    url, size = f"{MIRROR}/{archive.name}", _size(part)
    request = urllib.request.Request(url, headers={"Range": f"bytes={size}-"} if size else {})
    with _connection():
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    with response:
        continues = size > 0 and response.headers.get("Content-Range", "").startswith(f"bytes {size}-")
        size = size if continues else 0  # a server without range requests sends the whole file
        with _connection():
            chunk = response.read(CHUNK)
        if chunk and not continues and not chunk.startswith(b"PK\3\4"):
            kind = response.headers.get_content_type()
            raise InputError(
                f"{url}: the answer is not a zip but {kind}, perhaps a login page of your network; open it in a "
                f"browser. If you cannot reach the mirror, {_by_hand(root)}"
            )
        length = response.headers.get("Content-Length", "")
        if length.isdecimal() and size + int(length) != archive.size:
            raise InputError(
                f"{url}: the mirror now has a different file, of {size + int(length):,} bytes, not {archive.size:,}; "
                f"{_by_hand(root)}"
            )
        bar.update(size - bar.n)
        with writing(part), part.open("ab" if continues else "wb") as file:
            while chunk and size <= archive.size:
                file.write(chunk)
                size += len(chunk)
                bar.update(len(chunk))
                with _connection():
                    chunk = response.read(CHUNK)


@contextlib.contextmanager
def _connection():
    """Raise errors of the connection as _ConnectionFailed, to distinguish them from errors of the disk."""
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        raise _ConnectionFailed from error


def _download_error(archive: Archive, root: Path, size: int, failure: Exception | None) -> InputError:
    url = f"{MIRROR}/{archive.name}"
    if getattr(failure, "code", None) in (404, 410):
        return InputError(f"{url} no longer exists ({failure}); {_by_hand(root)}")
    if isinstance(failure, urllib.error.URLError) and not isinstance(failure, urllib.error.HTTPError):
        failure = failure.reason
    reason = failure or "the connection was closed"
    if size:
        return InputError(
            f"{url}: the download stopped after {size:,} of {archive.size:,} bytes ({reason}). They are kept: the same "
            f"command continues from there. If it makes no progress, {_by_hand(root)}"
        )
    return InputError(f"{url} cannot be downloaded ({reason}). Try later, or {_by_hand(root)}")


def _by_hand(root: Path) -> str:
    names = " and ".join(archive.name for archive in ARCHIVES)
    return (
        f"get {names} from elsewhere, put them into {root} and run the same command again. If you already have an "
        "unpacked copy of these zips, or of the later single zip with Images and captions.txt, name it with --root."
    )


def _difference(path: Path, archive: Archive) -> str:
    """Return how a file differs from the mirror's zip, or "" if it does not."""
    if _size(path) != archive.size:
        return f"{_size(path):,} bytes, not {archive.size:,}"
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return "" if digest.hexdigest() == archive.md5 else f"its MD5 is {digest.hexdigest()}, not {archive.md5}"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def unpack(path: Path, folder: Path) -> None:
    """Unpack a zip into a new folder. The folder appears only when it is complete.

    Raises:
        InputError: the zip is damaged or unsafe, or the folder cannot be written.
    """
    draft = folder.parent.joinpath(*DRAFT)
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not _is_macos_file(member)]
            for member in members:
                _refuse_outside(member, path)
            shutil.rmtree(folder.parent / DRAFT[0], ignore_errors=True)  # left by a killed run
            draft.mkdir(parents=True)
            for member in progress.bar(members, desc=f"unpacking {path.name}", unit=" files"):
                archive.extract(member, draft)
        draft.rename(folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(
            f"{path} is damaged or not a zip ({error}); remove it and run the same command again."
        ) from error
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{folder}: cannot be unpacked ({reason}); free some space. {path} is kept.") from error
    finally:
        shutil.rmtree(folder.parent / DRAFT[0], ignore_errors=True)


def _is_macos_file(member: zipfile.ZipInfo) -> bool:
    """Return True if the member is a file that macOS adds to zips."""
    parts = PurePosixPath(member.filename).parts
    return "__MACOSX" in parts or parts[-1:] == (".DS_Store",)


def _refuse_outside(member: zipfile.ZipInfo, path: Path) -> None:
    """Raise InputError if a member is a symbolic link or could be written outside the folder."""
    parts = PurePosixPath(member.filename.replace("\\", "/")).parts
    if "/" in parts[:1] or ".." in parts or ":" in member.filename:
        raise InputError(
            f"{path}: its member {member.filename} would be written outside the folder; do not trust this zip."
        )
    if stat.S_ISLNK(member.external_attr >> 16):
        raise InputError(f"{path}: its member {member.filename} is a symbolic link; do not trust this zip.")
