"""Processes that measure: a question and an answer at a time, each a line of JSON.

numpy_sat and torch get a process each: a library's threads spin for a while after their work is done, and would slow
the other's. For the same reason a pause comes before every round.
"""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from numpy_sat.bench.works import Work
from numpy_sat.system.errors import InputError

LEAST = 20  # milliseconds of a round: shorter works are repeated
PAUSE = 0.05  # seconds


class Timed(NamedTuple):
    """Something to be measured."""

    call: Callable[[], object]
    check: Callable[[object], float] | None = None  # its result's largest error, relative to the largest value
    scale: float = 1  # the whole work over what `call` does of it


class Worker:
    """A Python process that runs `code`, which ends in `serve`."""

    def __init__(self, code, environment):
        self._process = subprocess.Popen(
            [sys.executable, "-c", code],
            **dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment),
            start_new_session=True,  # Ctrl-C is for the parent, which ends its workers
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.communicate()

    def ask(self, question, *args):
        """What the worker's function of that name returns. Raises InputError where the worker has ended."""
        try:
            print(json.dumps([question, *args]), file=self._process.stdin, flush=True)
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise InputError("a measuring process ended (see above); if memory ran out, measure less with --work.")
        return json.loads(answer)


def serve(prepare_work, **more):
    """Answer questions until there are none: "ready", "prepare" a work, "measure" a rung of it, and those of `more`.

    prepare_work(work, rungs): {rung: Timed}.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what anybody else prints is no answer
    ready = {}  # rung: its Timed, and how often a round calls it

    def prepare(work, rungs):
        """All that is not to be counted: inputs, compilation, a first call. Returns {rung: error or None}."""
        ready.clear()  # before the next work takes its memory
        errors = {}
        for rung, timed in prepare_work(Work(*work), rungs).items():
            result = timed.call()
            errors[rung] = timed.check(result) if timed.check else None
            ready[rung] = timed, math.ceil(LEAST / milliseconds(timed.call))
        return errors

    def measure(rung):
        timed, repeats = ready[rung]
        time.sleep(PAUSE)
        return timed.scale * milliseconds(timed.call, repeats)

    functions = {"ready": lambda: True, "prepare": prepare, "measure": measure, **more}
    for line in sys.stdin:
        question, *args = json.loads(line)
        print(json.dumps(functions[question](*args)), file=answers, flush=True)


def milliseconds(call, repeats=1):
    """How long one call takes."""
    began = time.perf_counter()
    for _ in range(repeats):
        call()
    return 1000 * (time.perf_counter() - began) / repeats
