"""The progress bar of every long loop."""

import sys

from tqdm import tqdm


def bar(*args, **options):
    """Return a tqdm progress bar. It is redrawn every 20 seconds only where the output is not a terminal."""
    return tqdm(*args, mininterval=0.2 if sys.stderr.isatty() else 20, **options)
