"""The progress bar of every long loop."""

import sys
from typing import Any

from tqdm import tqdm


def bar(*args: Any, **options: Any) -> tqdm:
    """Return a tqdm progress bar. If the output is not a terminal, it is redrawn only every 20 seconds."""
    return tqdm(*args, mininterval=0.2 if sys.stderr.isatty() else 20, **options)
