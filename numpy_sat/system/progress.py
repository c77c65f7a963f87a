"""The progress bar of every long loop, and notes that leave it whole."""

import sys
from typing import Any

from tqdm import tqdm

from numpy_sat.system import output


def bar(*args: Any, **options: Any) -> tqdm:
    """Return a tqdm progress bar. If the output is not a terminal, it is redrawn only every 20 seconds."""
    return tqdm(*args, mininterval=0.2 if sys.stderr.isatty() else 20, **options)


def note(text: str) -> None:
    """Print a note to stderr, above a progress bar if there is one."""
    tqdm.write(f"note: {output.printable(text)}", file=sys.stderr)
