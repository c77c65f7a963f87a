"""Locks between processes, so that two of them never write the same files.

The operating system releases a lock when the process that holds it ends, however it ends. So no lock outlives a crash.
"""

import errno
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from numpy_sat.system import output
from numpy_sat.system.errors import InputError, writing

if os.name == "nt":
    import msvcrt
else:
    import fcntl

NAME = ".lock"  # the file in a folder that `folder_lock` locks
DAY = 24 * 3600  # seconds
PAUSE = 0.2  # seconds between two attempts to get a lock
BYTE = 1 << 30  # the byte that Windows locks; nobody can read a locked byte, so it is far behind the holder's name
LOCKED = {errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK}


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder of results during the block, so that no second process writes there.

    A missing folder is created. It is removed again if it is still empty after the block.

    Raises:
        InputError: another process holds the lock, or the folder cannot be written. The message names the process.
    """
    new_folders = [path for path in (folder, *folder.parents) if not path.exists()]
    path, file = folder / NAME, None
    try:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            file, _ = _try_lock(path)
        if file is None:
            raise InputError(f"{folder}: {_holder(path)} writes here; wait until it ends, or choose another --out.")
        yield
    finally:
        _release(file, path)
        with suppress(OSError):
            for new_folder in new_folders:
                new_folder.rmdir()


@contextmanager
def waiting_lock(path: Path, activity: str = "") -> Iterator[bool]:
    """Hold the lock of a file during the block. Wait until other processes release it.

    Args:
        path: the file to lock, which holds nothing else. It is created, and removed after the block.
        activity: what the holder does, for the message to a user who waits; "" for no message.
    Yields:
        True; False if the file system has no locks, so that other processes may run the block at the same time.
    Raises:
        OSError: the file cannot be written.
    """
    file, is_exclusive = _try_lock(path)
    if file is None and activity:
        output.show(f"{activity}: waiting for {_holder(path)}, which does the same", sys.stderr)
    while file is None:
        time.sleep(PAUSE)
        file, is_exclusive = _try_lock(path)
    try:
        yield is_exclusive
    finally:
        _release(file, path)


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Create a temporary file, and lock it during the block, so that `is_abandoned` returns False.

    Windows does not rename open files. So nothing is locked there.

    Raises:
        OSError: the file cannot be created.
    """
    if os.name == "nt":
        yield
        return
    with open(path, "ab") as file:
        with suppress(OSError):  # this file system has no locks
            _lock(file)
        yield


def is_abandoned(path: Path) -> bool:
    """Return True if the process that held a file with `hold` has ended without removing it.

    Without locks, a file of more than a day counts as left.
    """
    try:
        if os.name != "nt":
            with open(path, "r+b") as file:
                _lock(file)
                return True
    except OSError as error:
        if error.errno in LOCKED:
            return False
    with suppress(OSError):
        return time.time() - os.stat(path).st_mtime > DAY
    return False


def _try_lock(path):
    """Return the open file and True after locking it, or None and False if another process holds its lock.

    On a file system without locks, return the open file and False.
    """
    while True:
        file = open(path, "a+b")
        try:
            _lock(file)
        except OSError as error:
            if error.errno in LOCKED:
                file.close()
                return None, False
            output.show(f"{path}: this file system has no locks; let only one process write here", sys.stderr)
            return file, False
        with suppress(OSError):
            if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                break
        file.close()  # the previous holder has removed this file since it was opened here
    try:
        file.truncate(0)
        start_time = time.strftime("%Y-%m-%d %H:%M:%S %z")
        file.write(f"process {os.getpid()} on {platform.node()} (started at {start_time})".encode())
        file.flush()
    except OSError:
        _release(file, path)
        raise
    return file, True


def _lock(file):
    """Lock an open file. Raise OSError if another process has locked it, or if the file system has no locks."""
    if os.name == "nt":
        file.seek(BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _release(file, path):
    """Remove a file that _try_lock returned, and release its lock. Do nothing for None."""
    if file is None:
        return
    if os.name == "nt":  # an open file cannot be removed, also not one that another process has opened since
        file.close()
    with suppress(OSError):
        path.unlink()
    file.close()


def _holder(path):
    """Return a text that names the process that holds a lock."""
    with suppress(OSError):
        if text := path.read_bytes().decode(errors="replace"):
            return text
    return "another process"
