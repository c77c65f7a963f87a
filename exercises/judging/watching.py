"""Recording the local variables of functions while they run."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Recording:
    """The local variables of watched functions when they first returned, by code object, in the order of the calls."""

    def __init__(self):
        self.locals, self.globals = {}, {}


@contextmanager
def watching(selects: Callable[[FrameType], bool]) -> Iterator[Recording]:
    """Record the functions that run inside this context.

    Args:
        selects: selects(frame) returns True for the functions to record.
    Yields:
        The Recording.
    """
    recording = Recording()

    def on_call(frame, event, argument):
        code = frame.f_code
        if code in recording.locals or not selects(frame):
            return None
        recording.locals[code], recording.globals[code] = {}, frame.f_globals
        frame.f_trace_lines = False

        def on_return(frame, event, argument):
            if event == "return":
                recording.locals[code] = dict(frame.f_locals)
            return on_return

        return on_return

    before = sys.gettrace()
    sys.settrace(on_call)
    try:
        yield recording
    finally:
        sys.settrace(before)
