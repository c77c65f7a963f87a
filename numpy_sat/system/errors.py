"""The exception that commands print as a message to the user."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# {errno: what to do about an error of writing}
_ADVICE = {
    errno.ENOENT: "create its folder or choose another place",
    **dict.fromkeys((errno.EEXIST, errno.EISDIR, errno.ENOTDIR), "choose another name"),
    **dict.fromkeys((errno.EACCES, errno.EPERM), "change the permissions or choose another place"),
}


class InputError(ValueError):
    """An unusable input of the program. The message names it, says what is wrong, and says what to do."""


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Turn an OSError of the block, which writes `path`, into an InputError that names the file.

    Args:
        path: the file.
    Raises:
        InputError: the file cannot be written.
    """
    try:
        yield
    except OSError as error:
        reason, advice = error.strerror or error, _ADVICE.get(error.errno, "free some space or choose another place")
        raise InputError(f"{path}: cannot be written ({reason}); {advice}.") from error


def refuse_special(path: str | Path) -> None:
    """Raise InputError if the path is a pipe or a device. Reading it could wait forever, or never end.

    A path that does not exist, or cannot be looked up, passes: opening it says why.
    """
    with suppress(OSError):
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise InputError(f"{path}: a pipe or a device, not a file; name a file.")


def shortened(text: str, length: int = 60) -> str:
    """Return the text, cut to a length with "..." at its end."""
    return text if len(text) <= length else text[: length - 3] + "..."
