"""Read text files that users have downloaded, exported or edited, and say what is wrong with one."""

import json
import re
from collections.abc import Container
from pathlib import Path
from typing import Any

from numpy_sat.data import file_kinds
from numpy_sat.system.errors import InputError, refuse_special

UTF16_STARTS = (b"\xff\xfe", b"\xfe\xff")
LFS_START = b"version https://git-lfs"
LINE_END = re.compile(r"\r\n|\r|\n")


def read(path: Path) -> str:
    """Read a file of UTF-8 text, with or without a byte order mark.

    Raises:
        InputError: the file cannot be read, or holds anything but UTF-8 text.
    """
    refuse_special(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        remedy = "correct the link" if path.is_symlink() else "change its permissions"
        raise InputError(f"{path} cannot be read ({error.strerror}); {remedy}.") from error
    _refuse_other_kinds(path, content)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, byte = _line(content, error.start), content[error.start]
        raise InputError(
            f"{path}, line {line}: the file is not UTF-8 text (byte 0x{byte:02x}); save it as UTF-8."
        ) from error
    if "\0" in text:
        raise InputError(
            f"{path}, line {_line(content, content.index(0))}: holds a zero byte, which text never does; "
            "the file is damaged: get it again."
        )
    return text


def read_lines(path: Path) -> list[str]:
    """Read the lines of a text file, without their ends. Raises InputError as `read` does."""
    return LINE_END.split(read(path))


def read_json(path: Path, keys: Container[str]) -> Any:
    """Read a JSON file, and keep only some of its entries, so that the others take no memory.

    Args:
        path: the file.
        keys: the keys to keep, in objects of any depth.
    Returns:
        Its value.
    Raises:
        InputError: the file cannot be read, or is not JSON.
    """
    try:
        return json.loads(read(path), object_hook=lambda entries: {k: v for k, v in entries.items() if k in keys})
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}, line {error.lineno}, column {error.colno}: not JSON ({error.msg}); "
            "the file may be cut short: get it again."
        ) from error
    except RecursionError as error:
        raise InputError(f"{path}: nested too deeply for a file of captions; get it again.") from error


def _refuse_other_kinds(path, content):
    """Raise InputError if the first bytes are those of something else than UTF-8 text."""
    if content.startswith(UTF16_STARTS):
        raise InputError(f"{path} is UTF-16 text; save it as UTF-8 (in a spreadsheet program: as CSV UTF-8).")
    if content.startswith(LFS_START):
        raise InputError(f"{path} is a pointer of Git LFS in place of the file; run git lfs pull in its folder.")
    if kind := file_kinds.kind_of(content[: file_kinds.START]):
        raise InputError(f"{path} is {kind}, not text; unpack or download the file again, or export it as CSV UTF-8.")


def _line(content, position):
    """Return the number of the line that holds a byte. Lines may end as on any system."""
    return len(re.findall(rb"\r\n|\r|\n", content[:position])) + 1
