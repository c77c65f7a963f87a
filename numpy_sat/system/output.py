"""Print text that users and data sets provide: captions, words, paths and names.

Control characters in such text could move the cursor, change the title of the window or hide lines. They are escaped.
"""

import re
import sys
from typing import TextIO

# Control characters of ASCII and Latin-1, line and paragraph separators, and characters that change the direction of
# the text. Surrogates stand for bytes of file names that are not UTF-8; no file and no figure can hold them.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
LAYOUT = "\n\t"


def printable(text: object, keep: str = "") -> str:
    r"""Return a text with its control characters escaped, such as \x1b.

    Args:
        text: the text, or an object whose str is the text.
        keep: control characters that are not escaped.
    """
    return CONTROL.sub(lambda match: match[0] if match[0] in keep else _escape(match[0]), str(text))


def show(text: str = "", file: TextIO | None = None) -> None:
    """Print text of one or more lines with its control characters escaped, except newlines and tabs.

    Args:
        text: the text.
        file: the stream; None for standard output.
    """
    print(printable(text, LAYOUT), file=file or sys.stdout)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
