"""Fetching Flickr8k's two zips from a mirror and unpacking them: the work of python -m numpy_sat.flickr8k.

What has its final name is whole, whatever interrupted the work: a zip comes as NAME.part, which a later run goes on
with, and is renamed when its digest is right; it is unpacked aside, into a folder renamed when all members are there.
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
    """A zip of the mirror."""

    name: str
    size: int  # bytes
    md5: str


MIRROR = "https://github.com/jbrownlee/Datasets/releases/download/Flickr8k"
ARCHIVES = (  # digests as the R package torchvision checks them, in its R/dataset-flickr.R
    Archive("Flickr8k_text.zip", 2_340_801, "bf6c1abcb8e4a833b7f922104de18627"),
    Archive("Flickr8k_Dataset.zip", 1_115_419_746, "f18a1e2920de5bd84dae7cf08ec78978"),
)
ASIDE = (".numpy_sat-unpacking", "not", "finished")  # deeper than the reader looks
CHUNK = 1 << 16  # bytes
TIMEOUT, PAUSE = 30, 1  # seconds: without a byte; before a transfer that broke off is taken up again


class _BrokenOff(Exception):
    """The connection failed; the cause says how."""


def fetch(archive: Archive, root: Path) -> Path:
    """Return the path of the whole zip in `root`: the one that is there, or else the mirror's. Raises InputError."""
    path = root / archive.name
    if path.exists():
        if wrong := _difference(path, archive):
            raise InputError(f"{path} is not the zip of the mirror: {wrong}. Remove it, or unpack it yourself.")
        return path
    part = path.with_name(path.name + ".part")
    most, trouble = -1, None
    with progress.bar(desc=archive.name, total=archive.size, initial=_size(part), unit="B", unit_scale=True) as bar:
        while (come := _size(part)) < archive.size:
            if come <= most:  # the last try brought nothing new; nor does a server that begins anew each time
                raise _given_up(archive, root, come, trouble)
            if most >= 0:
                time.sleep(PAUSE)
            most, trouble = come, None
            try:
                _transfer(archive, part, root, bar)
            except _BrokenOff as broken:
                trouble = broken.__cause__
    if wrong := _difference(part, archive):
        part.unlink()
        raise InputError(
            f"{MIRROR}/{archive.name}: what came is damaged ({wrong}) and was removed. Try once more; if it is "
            f"damaged again, {_by_hand(root)}"
        )
    with writing(path):
        part.replace(path)
    return path


def _transfer(archive: Archive, part: Path, root: Path, bar: tqdm) -> None:
    """Add to `part` what one connection brings; raises _BrokenOff, or InputError if it is something else."""
    url, come = f"{MIRROR}/{archive.name}", _size(part)
    request = urllib.request.Request(url, headers={"Range": f"bytes={come}-"} if come else {})
    with _connection():
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    with response:
        goes_on = come > 0 and response.headers.get("Content-Range", "").startswith(f"bytes {come}-")
        come = come if goes_on else 0  # a server that knows no ranges sends all of it
        with _connection():
            chunk = response.read(CHUNK)
        if chunk and not goes_on and not chunk.startswith(b"PK\3\4"):
            kind = response.headers.get_content_type()
            raise InputError(
                f"{url}: what came is not a zip but {kind}, perhaps a page of the network you are in; see it in a "
                f"browser. If there is no way to the mirror, {_by_hand(root)}"
            )
        length = response.headers.get("Content-Length", "")
        if length.isdecimal() and come + int(length) != archive.size:
            raise InputError(
                f"{url}: the mirror has another file now, of {come + int(length):,} bytes, not {archive.size:,}; "
                f"{_by_hand(root)}"
            )
        bar.update(come - bar.n)
        with writing(part), part.open("ab" if goes_on else "wb") as file:
            while chunk and come <= archive.size:
                file.write(chunk)
                come += len(chunk)
                bar.update(len(chunk))
                with _connection():
                    chunk = response.read(CHUNK)


@contextlib.contextmanager
def _connection():
    """Tell what goes wrong with the connection from what goes wrong with the disk."""
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenOff from error


def _given_up(archive: Archive, root: Path, come: int, trouble: Exception | None) -> InputError:
    url = f"{MIRROR}/{archive.name}"
    if getattr(trouble, "code", None) in (404, 410):
        return InputError(f"{url} is gone ({trouble}); {_by_hand(root)}")
    if isinstance(trouble, urllib.error.URLError) and not isinstance(trouble, urllib.error.HTTPError):
        trouble = trouble.reason
    trouble = trouble or "the connection was closed"
    if come:
        return InputError(
            f"{url} broke off after {come:,} of {archive.size:,} bytes ({trouble}). They are kept: the same command "
            f"goes on from there. If it never gets further, {_by_hand(root)}"
        )
    return InputError(f"{url} cannot be fetched ({trouble}). Try later, or {_by_hand(root)}")


def _by_hand(root: Path) -> str:
    names = " and ".join(archive.name for archive in ARCHIVES)
    return (
        f"get {names} from elsewhere, put them into {root} and give the same command again. A copy that is unpacked "
        "already, of these zips or of the later single one with Images and captions.txt, is named by --root."
    )


def _difference(path: Path, archive: Archive) -> str:
    """Say how a file differs from the mirror's zip; nothing if it does not."""
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
    """Unpack a zip into a folder that is not there yet, whole or not at all. Raises InputError."""
    aside = folder.parent.joinpath(*ASIDE)
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not _is_litter(member)]
            for member in members:
                _refuse_outside(member, path)
            shutil.rmtree(folder.parent / ASIDE[0], ignore_errors=True)  # of a run that was killed
            aside.mkdir(parents=True)
            for member in progress.bar(members, desc=f"unpacking {path.name}", unit=" files"):
                archive.extract(member, aside)
        aside.rename(folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{path} is not a whole zip ({error}); remove it and give the same command again.") from error
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{folder}: cannot be unpacked ({reason}); free some space. {path} is kept.") from error
    finally:
        shutil.rmtree(folder.parent / ASIDE[0], ignore_errors=True)


def _is_litter(member: zipfile.ZipInfo) -> bool:
    """Whether macOS added it."""
    parts = PurePosixPath(member.filename).parts
    return "__MACOSX" in parts or parts[-1:] == (".DS_Store",)


def _refuse_outside(member: zipfile.ZipInfo, path: Path) -> None:
    """Refuse what could be written outside the folder, or lead there later."""
    parts = PurePosixPath(member.filename.replace("\\", "/")).parts
    if "/" in parts[:1] or ".." in parts or ":" in member.filename:
        raise InputError(f"{path}: its member {member.filename} would land outside the folder; do not trust this zip.")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise InputError(f"{path}: its member {member.filename} is a symbolic link; do not trust this zip.")
