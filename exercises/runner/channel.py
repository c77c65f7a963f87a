"""Messages from the process that runs a learner's code to the process that started it, see isolation.py.

The messages go through a separate pipe. Each starts with a token that only the two processes know, so no output of the
learner's code is mistaken for a message.
"""

import contextlib
import faulthandler
import io
import json
import os
import sys
import time
from pathlib import Path

from numpy_sat.system import memory

VARIABLE = "NUMPY_SAT_CHANNEL"  # environment variable with the token of the messages
MEMORY = 4 * 2**30  # bytes
FILE_SIZE = 2**26  # bytes of each file that the code writes, including its output
PAUSE = 300  # seconds until the next message while only the library runs


class Channel:
    """The pipe to the process that started this one."""

    def __init__(self):
        """Move the pipe away from standard output, to which other code may write, and limit memory and file size."""
        settings = json.loads(os.environ.pop(VARIABLE, "{}"))
        self._token, self._beat = settings.get("token", ""), 0.0
        self._traceback = open(settings["traceback"], "w") if settings else sys.stderr
        self._pipe = os.dup(1)  # a new descriptor, which programs that the learner's code starts do not inherit
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._close)
        _limit_resources()

    def send(self, message: dict, seconds: float = PAUSE) -> None:
        """Send a message, and end this process if no other message follows within `seconds`."""
        faulthandler.dump_traceback_later(seconds, exit=True, file=self._traceback)
        line = f"{self._token}{json.dumps({**message, 'seconds': seconds})}\n".encode()
        try:
            while line:
                line = line[os.write(self._pipe, line) :]
        except (OSError, TypeError):  # the reader has ended, or this is a fork of the process, without the pipe
            os._exit(1)

    def beat(self, seconds: float) -> None:
        """Start the time limit again, at most once a second."""
        if time.monotonic() > self._beat + 1:
            self._beat = time.monotonic()
            self.send({}, seconds)

    def _close(self):
        """Close the pipe in a fork of this process."""
        with contextlib.suppress(OSError, TypeError):
            os.close(self._pipe)
        self._pipe = None


class Text(io.TextIOBase):
    """A text stream that a Channel sends as messages {"stream": "stdout" or "stderr", "text": text}."""

    def __init__(self, channel: Channel, stream: str, seconds: float):
        super().__init__()
        self._channel, self._stream, self._seconds, self._parts = channel, stream, seconds, []

    def write(self, text: str) -> int:
        """Keep the text until it is flushed."""
        self._parts.append(text)
        return len(text)

    def flush(self) -> None:
        """Send the text."""
        if self._parts:
            text, self._parts = "".join(self._parts), []
            self._channel.send({"stream": self._stream, "text": text}, self._seconds)


def memory_limit() -> int:
    """Return the memory limit of a learner's code in bytes: MEMORY, or half of the total memory if that is less."""
    return int(min(MEMORY, memory.total() / 2))


def _limit_resources():
    """Limit the size of files and the memory of this process, where the system can."""
    with contextlib.suppress(ImportError):  # Windows
        import resource

        _limit(resource, resource.RLIMIT_FSIZE, FILE_SIZE)
        with contextlib.suppress(OSError):  # only Linux has the file, and counts all memory as data
            pages = int(Path("/proc/self/statm").read_text().split()[5])
            _limit(resource, resource.RLIMIT_DATA, pages * resource.getpagesize() + memory_limit())


def _limit(resource, kind, value):
    with contextlib.suppress(OSError, ValueError):
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
