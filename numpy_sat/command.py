"""What every command does around its work: errors as sentences, an exit code."""

import sys

from numpy_sat.errors import InputError


def run(work):
    """Call work() and return the exit code: 0, 1 or what it returned; an InputError's sentence goes to stderr, 2."""
    try:
        return work() or 0
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
