"""The one exception that commands turn into a sentence for the user."""

from contextlib import contextmanager


class InputError(ValueError):
    """Something handed to the program is unusable; the message names it, what is wrong and what to do."""


@contextmanager
def writing(path):
    """Turn an OSError while `path` is written, or looked for in order to be, into an InputError that names it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{path}: cannot be written ({reason}); free some space or choose another place.") from error
