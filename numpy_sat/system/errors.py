"""The one exception that commands turn into a sentence for the user."""

from contextlib import contextmanager, suppress


class InputError(ValueError):
    """Something handed to the program is unusable; the message names it, what is wrong and what to do."""


@contextmanager
def writing(path, aside=None):
    """Turn an OSError while `path` is written, or looked for in order to be, into an InputError that names it.

    aside: the file it is written to before it is renamed, removed if that fails.
    """
    try:
        yield
    except OSError as error:
        if aside is not None:
            with suppress(OSError):
                aside.unlink(missing_ok=True)
        reason = error.strerror or error
        raise InputError(f"{path}: cannot be written ({reason}); free some space or choose another place.") from error
