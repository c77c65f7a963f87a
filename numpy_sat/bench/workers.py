"""Worker processes that measure. They answer questions, one line of JSON for each question and answer.

numpy_sat and torch each get a process. The threads of a library spin for a while after their work is done and would
slow down the other library. A pause before every round has the same reason.
"""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from numpy_sat.bench.works import Work
from numpy_sat.system.errors import InputError

MIN_MILLISECONDS = 20  # milliseconds of a round; shorter works are repeated
PAUSE = 0.05  # seconds before a round


class Timed(NamedTuple):
    """A function to be measured."""

    call: Callable[[], object]
    check: Callable[[object], float] | None = None  # result of `call` to largest error, relative to the largest value
    scale: float = 1  # size of the whole work divided by the part that `call` computes


class Worker:
    """A Python process that runs `code`, which ends in `serve`."""

    def __init__(self, code: str, environment: dict[str, str] | None):
        self._process = subprocess.Popen(
            [sys.executable, "-c", code],
            **dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment),
            start_new_session=True,  # Ctrl-C reaches only the parent, which ends its workers
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.communicate()

    def ask(self, question: str, *args) -> Any:
        """Call the function of this name in the worker and return its result.

        Raises:
            InputError: the worker has ended.
        """
        try:
            print(json.dumps([question, *args]), file=self._process.stdin, flush=True)
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise InputError(
                "a measuring process ended (see above); if memory ran out, select fewer works with --work."
            )
        return json.loads(answer)


def serve(
    prepare_work: Callable[[Work, list[str]], dict[str, Timed]],
    questions: dict[str, Callable[[Callable], float]] | None = None,
    **more_functions: Callable,
) -> None:
    """Answer the questions on standard input: "ready", "prepare", "measure", and those of the other arguments.

    Args:
        prepare_work: returns {rung: Timed} of a work and rungs.
        questions: {question: function of a rung's call, without arguments}.
        more_functions: further functions by the names of their questions.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # other output must not mix with the answers
    ready = {}  # {rung: (Timed, calls per round)}

    def prepare(work, rungs):
        """Do all work that is not measured: inputs, compilation, a first call. Returns {rung: error or None}."""
        ready.clear()  # frees the memory before the next work allocates
        errors = {}
        for rung, timed in prepare_work(Work(*work), rungs).items():
            result = timed.call()
            errors[rung] = timed.check(result) if timed.check else None
            ready[rung] = timed, math.ceil(MIN_MILLISECONDS / milliseconds(timed.call))
        return errors

    def measure(rung):
        """Return the milliseconds of the whole work of a rung, the mean over the calls of a round."""
        timed, repeats = ready[rung]
        time.sleep(PAUSE)
        return timed.scale * milliseconds(timed.call, repeats)

    functions = {"ready": lambda: True, "prepare": prepare, "measure": measure, **more_functions}
    for question, function in (questions or {}).items():
        functions[question] = lambda rung, function=function: function(ready[rung][0].call)
    for line in sys.stdin:
        question, *args = json.loads(line)
        answer = json.dumps(functions[question](*args))
        try:
            print(answer, file=answers, flush=True)
        except BrokenPipeError:  # the process that asked has ended
            os._exit(1)


def milliseconds(call: Callable[[], object], repeats: int = 1) -> float:
    """Return the mean time of a call."""
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return 1000 * (time.perf_counter() - start) / repeats
