"""Choose the folder of compiled kernels. Only this user may write to it.

numba stores kernels as pickles and machine code. Anyone who can write to their folder can run any code as this user.
The other caches (scenes, images, features) contain data only.
"""

import atexit
import hashlib
import os
import shutil
import stat
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from numpy_sat.system import output

KERNELS = Path(__file__).parents[1] / "kernels"
MONTH = 30 * 24 * 3600  # seconds
OTHERS = stat.S_IRWXG | stat.S_IRWXO  # all rights of the group and of other users
WRITABLE = stat.S_IWGRP | stat.S_IWOTH  # their right to write


def folder(caches: Path) -> str:
    """Return the folder of compiled kernels, NUMBA_CACHE_DIR or a folder in `caches`. It is created if necessary.

    Other users lose their rights to a folder in `caches`. If the folder is not safe even so, or cannot be created, the
    process gets a new folder, which is removed when it ends. A sentence on standard error says so.

    Args:
        caches: the folder of cached files.
    Returns:
        The path; empty if no folder can be created.
    """
    setting = os.environ.get("NUMBA_CACHE_DIR")
    try:
        return str(_named(Path(setting)) if setting else _folder_in(_writable(caches)))
    except OSError as error:
        problem = f"kernel cache {error.filename}: {error.strerror}"
        return _new_folder(problem, "NUMBA_CACHE_DIR" if setting else "NUMPY_SAT_CACHE")


def temporary() -> Path:
    """Return the folder of cached files of a user without a writable home folder."""
    return Path(tempfile.gettempdir()) / f"numpy_sat-{os.geteuid() if hasattr(os, 'geteuid') else 'cache'}"


def _folder_in(caches):
    """Return the folder for the current kernels. A change of any kernel's source leads to a new folder.

    numba checks only the file of the compiled function, not the files of the functions that it calls.
    """
    sources = b"".join(path.read_bytes() for path in sorted(KERNELS.glob("*.py")))
    current = caches / f"kernels-{hashlib.sha256(sources).hexdigest()[:16]}"
    if not current.exists():
        for old in caches.glob("kernels-*"):
            with suppress(OSError):  # another process may remove the folder at the same time
                if time.time() - old.stat().st_mtime > MONTH:
                    shutil.rmtree(old)
    return _closed(current)


def _writable(caches):
    """Return the folder of cached files, or `temporary()` if it is not writable. Close it if others can replace files.

    Raises:
        OSError: other users could replace what is in the folder.
    """
    try:
        caches.mkdir(parents=True, exist_ok=True)
        writable = os.access(caches, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        return _closed(temporary())
    status = _status(caches)
    if status is not None and status.st_mode & WRITABLE and not status.st_mode & stat.S_ISVTX:
        _close(caches)
    return caches


def _named(folder):
    """Return the folder that the user named, and create it if necessary. It may hold other files, so none is removed.

    Raises:
        OSError: the folder is a link, other users own it or can write to it, or it cannot be created.
    """
    folder = folder.absolute()  # the process, or one that it starts, may change its working directory
    folder.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
    status = _status(folder)
    if status is not None and status.st_mode & WRITABLE:
        raise OSError(None, "other users can write to it", folder)
    return folder


def _closed(folder):
    """Close a folder of kernels to other users, create it if necessary, and return it.

    If others could write to it, all its files are removed.

    Raises:
        OSError: the folder is a link, belongs to another user, or cannot be created.
    """
    folder = folder.absolute()
    folder.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
    status = _status(folder)
    if status is not None and status.st_mode & OTHERS:
        _close(folder)
        if status.st_mode & WRITABLE:
            for path in folder.iterdir():
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    return folder


def _close(folder):
    """Take all rights to a folder from other users.

    Raises:
        OSError: the file system does not keep modes.
    """
    folder.chmod(stat.S_IRWXU)
    if folder.stat().st_mode & WRITABLE:
        raise OSError(None, "other users can write to it", folder)


def _status(folder):
    """Return the status of a folder of this user, or None if the system has no owners.

    Raises:
        OSError: the folder is a link or belongs to another user.
    """
    if not hasattr(os, "geteuid"):
        return None
    status = folder.lstat()
    if stat.S_ISLNK(status.st_mode):
        raise OSError(None, "it is a link", folder)
    if status.st_uid != os.geteuid():
        raise OSError(None, "it belongs to another user", folder)
    return status


def _new_folder(problem, variable):
    """Return a new folder that is removed when the process ends, and say so; empty if it cannot be created."""
    try:
        new = tempfile.mkdtemp(prefix="numpy_sat-kernels-")
    except OSError:
        consequence = "kernels are compiled, but not stored"
        new = ""
    else:
        atexit.register(_remove, new, os.getpid())
        consequence = f"this process stores its kernels in {new}, and removes them when it ends"
    output.show(f"{problem}; {consequence}; set {variable} to a folder of your own to keep them.", sys.stderr)
    return new


def _remove(folder, process):
    """Remove the folder, unless this is a forked copy of the process that made it."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
