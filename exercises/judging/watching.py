"""Looking into a function while it runs: its local variables, and which of our functions it called."""

import sys
from contextlib import contextmanager


class Seen:
    """What was seen of functions: {code: local variables when it first returned}, in the order of their calls."""

    def __init__(self):
        self.locals, self.globals = {}, {}


@contextmanager
def watching(wanted):
    """Inside, functions whose frame satisfies wanted(frame) are watched; gives a Seen."""
    seen = Seen()

    def on_call(frame, event, argument):
        code = frame.f_code
        if code in seen.locals or not wanted(frame):
            return None
        seen.locals[code], seen.globals[code] = {}, frame.f_globals
        frame.f_trace_lines = False

        def on_return(frame, event, argument):
            if event == "return":
                seen.locals[code] = dict(frame.f_locals)
            return on_return

        return on_return

    before = sys.gettrace()
    sys.settrace(on_call)
    try:
        yield seen
    finally:
        sys.settrace(before)
