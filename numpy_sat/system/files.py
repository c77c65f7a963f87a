"""Write files so that an interruption, a full disk or a second process never leaves half of one.

A process that is killed can leave a temporary file. The next one that writes the same file removes it.
"""

import errno
import glob
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from numpy_sat.system import lock
from numpy_sat.system.errors import refuse_special, writing

PART = ".part"  # the suffix of temporary files


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give the block a temporary file to write, which replaces `path` after the block.

    The temporary file has a name that no other process uses. It is removed after any error or interruption.

    Args:
        path: the file, which may exist.
    Yields:
        The path of the temporary file, in the same folder.
    Raises:
        InputError: the file cannot be written, or the path is a pipe or a device.
    """
    path = Path(path)
    refuse_special(path)
    temporary = private(path)
    try:
        remove_leftovers(path)
        with writing(path), lock.hold(temporary):
            yield temporary
            with open(temporary, "r+b") as file:  # otherwise a power failure could leave an empty file
                os.fsync(file.fileno())
            temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink()


def refuse_unwritable(path: Path) -> None:
    """Check that a file can be written, before the work whose result it will hold.

    Raises:
        InputError: the file cannot be written, or the path is a pipe or a device.
    """
    refuse_special(path)
    with writing(path):
        if os.path.isdir(path):
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        temporary = private(path)
        temporary.touch()
        temporary.unlink(missing_ok=True)  # another process may remove what looks like a leftover


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Returns:
        Its value.
    Raises:
        OSError: the file cannot be read.
        ValueError: it does not hold JSON, or the path is a pipe or a device (an InputError).
    """
    refuse_special(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def private(path: Path) -> Path:
    """Return the name of a temporary file beside `path` that no other process uses."""
    return path.with_name(f"{path.name}.{secrets.token_hex(6)}{PART}")


def remove_leftovers(path: Path) -> None:
    """Remove temporary files for `path` that killed processes have left."""
    remove_parts(path.parent, glob.escape(path.name))


def remove_parts(folder: Path, pattern: str) -> None:
    """Remove temporary files that killed processes have left. pattern: names of the files that they are for."""
    for temporary in folder.glob(f"{pattern}.*{PART}"):
        if lock.is_abandoned(temporary):
            with suppress(OSError):
                temporary.unlink()
