"""Record the local variables of functions while they run."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Recording:
    """The variables of watched functions, by code object, in the order of the first calls.

    Attributes:
        locals: {code: {name: value}} local variables at the end of the first call; empty until it returns.
        globals: {code: {name: value}} global variables of the function's module.
    """

    def __init__(self):
        self.locals, self.globals = {}, {}


@contextmanager
def watching(selects: Callable[[FrameType], bool]) -> Iterator[Recording]:
    """Record the variables of the functions that run inside this context.

    Args:
        selects: function of a frame that returns True if the frame's function is to be recorded.
    Yields:
        The Recording, which fills while the functions run.
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

    previous_trace = sys.gettrace()
    sys.settrace(on_call)
    try:
        yield recording
    finally:
        sys.settrace(previous_trace)
