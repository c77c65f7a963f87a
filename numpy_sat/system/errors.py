"""The one exception that commands turn into a sentence for the user."""

from contextlib import contextmanager, suppress


class InputError(ValueError):
    """An input of the program is unusable. The message names it, says what is wrong, and what to do."""


@contextmanager
def writing(path, aside=None):
    """Turn an OSError while `path` is written into an InputError that names it.

    aside: the temporary file that is renamed to `path` in the end; it is removed if that fails.
    """
    try:
        yield
    except OSError as error:
        if aside is not None:
            with suppress(OSError):
                aside.unlink(missing_ok=True)
        reason = error.strerror or error
        raise InputError(f"{path}: cannot be written ({reason}); free some space or choose another place.") from error
