"""Run a generator function in several Python processes, each on its part of the work.

A process starts as a new interpreter, not as a copy of this one. So it imports only what its function needs, and no
thread of this process is copied. It sends its results as lines of JSON.
"""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from numpy_sat.system import machine
from numpy_sat.system.errors import InputError

CODE = "from numpy_sat.system import processes; processes.main()"
PACKAGES = Path(__file__).parents[2]  # the folder of numpy_sat
OWN_GROUP = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)  # on Windows, Ctrl-C does not reach another group


def count(items: int, least: int) -> int:
    """Return the number of processes for some items: one for each core that may be used, or 1 for few items.

    Args:
        items: number of items.
        least: items for which the start of a process is worth its time.
    """
    return max(1, min(machine.THREADS, items // least)) if sys.executable else 1


@contextmanager
def alternating(activity: str, target: str, calls: Sequence[Sequence]) -> Iterator[Iterator[Any]]:
    """Start a process for each call. All of them have ended when the block is left.

    Args:
        activity: what they do, for messages.
        target: "module:function", a generator function. Arguments and results are values of JSON.
        calls: arguments of the function in each process.
    Yields:
        An iterator over the results, one of each process in turn. It raises OSError or InputError if the function
        does, and InputError if a process fails in another way.
    """
    workers = []
    try:
        workers += [_start(target, call) for call in calls]
        yield _results(activity, workers)
    finally:
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.communicate()


def _start(target, call):
    """Start one process and send it its call."""
    paths = os.pathsep.join(filter(None, (str(PACKAGES), os.environ.get("PYTHONPATH"))))
    worker = subprocess.Popen(
        [sys.executable, "-c", CODE],
        **dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"),
        env=os.environ | {"PYTHONPATH": paths, "NUMPY_SAT_THREADS": "1"},
        **dict(start_new_session=True, creationflags=OWN_GROUP),  # Ctrl-C reaches only this process, which ends them
    )
    with suppress(BrokenPipeError):  # it has already ended, and `_results` reports its exit code
        print(json.dumps([target, call]), file=worker.stdin, flush=True)
    return worker


def _results(activity, workers):
    """Yield the results of all workers in turn."""
    running = list(workers)
    while running:
        for worker in tuple(running):
            line = worker.stdout.readline()
            if line:
                yield _value(activity, *json.loads(line))
            elif worker.wait():
                raise _failure(activity, f"ended with exit code {worker.returncode}")
            else:
                running.remove(worker)


def _value(activity, kind, value):
    """Return a result, or raise the error that a process has sent."""
    if kind == "OSError":
        raise OSError(*value)
    if kind == "InputError":
        raise InputError(value)
    if kind != "result":
        raise _failure(activity, f"failed with {kind}: {value}")
    return value


def _failure(activity, what):
    return InputError(f"{activity}: a process {what}; with NUMPY_SAT_THREADS=1 this process does all the work itself.")


def main() -> None:
    """Compute the call on standard input. This is what a process runs."""
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # other output must not mix with the results
    target, call = json.loads(sys.stdin.readline())
    try:
        try:
            module, function = target.split(":")
            for value in getattr(importlib.import_module(module), function)(*call):
                print(json.dumps(["result", value]), file=lines, flush=True)
        except BrokenPipeError:
            raise
        except OSError as error:
            print(json.dumps(["OSError", [error.errno, error.strerror, error.filename]]), file=lines, flush=True)
        except InputError as error:
            print(json.dumps(["InputError", str(error)]), file=lines, flush=True)
        except Exception as error:
            print(json.dumps([type(error).__name__, str(error)]), file=lines, flush=True)
    except BrokenPipeError:  # the process that asked has ended
        os._exit(1)
