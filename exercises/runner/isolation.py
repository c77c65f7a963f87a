"""A separate process for a learner's code, with limits that the process that starts it enforces.

A learner's code may print, end Python, start programs, use up the memory, or never return and hold the interpreter's
lock. Its process therefore has a session of its own, which is killed as a whole. The verdict comes through a Channel,
and what the code prints is marked (learner_output.py). Where a system lacks one of the limits, the time limit holds.
"""

import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from exercises.runner import channel
from exercises.runner.learner_output import LearnerOutput

ROOT = Path(__file__).parents[2]
START = 300  # seconds until the first message: imports, and sometimes compilation
GRACE = 1.0  # seconds after the time limit, in which the process may still say where it is
POLL = 0.5  # seconds between checks of memory and number of processes
PROCESSES = 64  # at the same time
LONGEST = 2**28  # bytes of a message


_running = set()  # each Process that has started and not ended


def end_all() -> None:
    """End all processes that this program has started. Threads stop waiting for their messages."""
    for process in list(_running):
        process.end()


class Process:
    """A process that runs a module on a learner's code. Use it as a context, which ends the process and its children.

    Attributes:
        problem: why the process was ended, as the rest of a sentence; "" if it ended by itself or has not ended.
    """

    def __init__(self, module: str, *arguments: str):
        """Start `python -m module arguments`; the module sends messages through a channel.Channel."""
        self.problem = self._frames = ""
        self._token, self._messages = os.urandom(16).hex(), queue.SimpleQueue()
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
            self._traceback = folder / "traceback"
            written = stack.enter_context(open(folder / "output", "wb"))
            self._output = LearnerOutput(stack.enter_context(open(folder / "output", "rb")))
            settings = json.dumps({"token": self._token, "traceback": str(self._traceback)})
            path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=written,
                env=os.environ | {"PYTHONPATH": path, "PYTHONUTF8": "1", channel.VARIABLE: settings},
                start_new_session=True,
            )
            stack.callback(self._kill)
            threading.Thread(target=self._read, daemon=True).start()
            self._stack = stack.pop_all()
        _running.add(self)

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_) -> None:
        _running.discard(self)
        self._stack.close()

    def messages(self) -> Iterator[dict]:
        """Yield the messages of the process until it ends or exceeds a limit.

        At its time limit, the process writes which lines it is running and ends. If it does not, this one ends it.
        """
        seconds, limit = START, time.monotonic() + START
        while True:
            try:
                message = self._messages.get(timeout=POLL)
            except queue.Empty:
                self._output.show()
                self.problem = self._excess()
                if not self.problem and time.monotonic() > limit + GRACE:
                    self.problem = _time_out(seconds)
                if self.problem:
                    return
                continue
            self._output.show()
            if message is None:
                with contextlib.suppress(OSError):  # the process has ended before it has opened the file
                    self._frames = self._traceback.read_text(errors="replace")
                if self._frames:
                    self.problem = _time_out(seconds)
                return
            seconds = message.pop("seconds")
            limit = time.monotonic() + seconds
            yield message

    def place(self, *paths: Path) -> str:
        """Return the line of these files that was running at the time limit, as the end of a sentence, or ""."""
        for path, line in re.findall(r'File "(.*)", line (\d+)', self._frames):
            if path in map(str, paths):
                file = f" of {Path(path).name}" if len(paths) > 1 else ""
                return f", at line {line}{file}: does that loop end?"
        return ""

    def _read(self):
        """Put the messages into the queue, and None at the end. Lines without the token are no messages."""
        token = self._token.encode()
        while line := self._process.stdout.readline(LONGEST):
            if token in line:
                with contextlib.suppress(ValueError):
                    self._messages.put(json.loads(line.partition(token)[2]))
        self._messages.put(None)

    def _excess(self):
        """Return which limit the processes of the session exceed, or ""."""
        memory = _session(self._process.pid)
        if len(memory) > PROCESSES:
            return f"starts more than {PROCESSES} processes"
        if sum(memory.values()) > channel.memory_limit():
            return f"uses more than {channel.memory_limit() / 2**30:.1f} GB of memory"
        return ""

    def end(self) -> None:
        """End all processes of the session."""
        if self._process.returncode is not None:  # ended before: another process may have its number now
            return
        if os.name == "nt":
            command = ["taskkill", "/F", "/T", "/PID", str(self._process.pid)]
            subprocess.run(command, capture_output=True, check=False)
        else:
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
            for process in _session(self._process.pid):  # those in a process group of their own
                with contextlib.suppress(OSError):
                    os.kill(process, signal.SIGKILL)

    def _kill(self):
        """End the process, and show the rest of its output."""
        self.end()
        self._process.wait()
        self._output.show(end=True)


def _time_out(seconds):
    return f"is still running after {seconds:g} seconds"


def _session(leader):
    """Return {process id: bytes of memory} of the processes of a session; empty if the system has no /proc."""
    memory = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = path.read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[3]) == leader and fields[0] != "Z":
                memory[int(path.parent.name)] = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    return memory
