"""Run the checks in a separate process. Cache the results until the learner's file or the library changes."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from exercises.runner import isolation, lessons
from numpy_sat.system import machine
from numpy_sat.system.errors import InputError
from numpy_sat.system.files import replacing


class Result(NamedTuple):
    """The verdicts on an exercise."""

    number: int  # of the exercise
    verdicts: list  # a dict with the fields of judge.Verdict for each function
    complete: bool = True  # False: another Result follows, with the same verdicts and their findings

    @property
    def right(self) -> bool:
        """Return True if all functions are right."""
        return all(verdict["state"] == "right" for verdict in self.verdicts)

    @property
    def unwritten(self) -> bool:
        """Return True if no function is written yet."""
        return all(verdict["state"] == "unwritten" for verdict in self.verdicts)


def run(numbers: Iterable[int]) -> Iterator[Result]:
    """Judge exercises and yield one Result for each of them, in order."""
    return (result for result in _run_all(numbers) if result.complete)


def run_in_steps(number: int) -> Iterator[Result]:
    """Start to judge one exercise; yield its Result and, if something is wrong, again with the findings.

    Afterwards make its fault dictionaries, which the next check may need.

    Raises:
        InputError: there is no exercise with this number.
    """
    lessons.name(number)
    return _run_in_steps(number, _start([number]))


def _run_in_steps(number, worker):
    yield from _run_all([number], worker)
    _prepare(number)


def _start(numbers):
    return isolation.Process("exercises.runner.worker", *map(str, numbers))


def _run_all(numbers, worker=None):
    """Start workers until each exercise has a Result; a worker that ends early gives its exercise a verdict.

    Args:
        numbers: the exercises.
        worker: a worker that is already running, or None.
    """
    remaining = list(numbers)
    while remaining:
        paths = {number: _cache_path(number) for number in remaining}
        with worker or _start(remaining) as worker:
            last = None
            for message in worker.messages():
                last = Result(message["number"], message["verdicts"], message["complete"])
                if any(verdict["state"] == "running" for verdict in last.verdicts):
                    continue
                if last.complete:
                    remaining.remove(last.number)
                try:
                    yield last
                finally:  # saving takes longer than printing
                    if last.complete:
                        _save(last, paths[last.number])
                if not remaining:
                    return
            result = _unfinished(worker, remaining.pop(0), last)
            if worker.problem:
                _save(result, paths[result.number])
            yield result
        worker = None


def _unfinished(worker, number, last):
    """Return the Result of an exercise whose worker has ended without one.

    Args:
        worker: the isolation.Process.
        number: the exercise's number.
        last: the last Result of the worker, or None.
    """
    unknown = "the check ended without a verdict: does your code end Python?"
    if last is None or last.number != number:
        return Result(number, [{"name": "", "state": "wrong", "sentence": unknown, "arrays": [], "findings": []}])
    reason = worker.problem + worker.place(lessons.load(number).file) if worker.problem else ""
    verdicts = []
    for verdict in last.verdicts:
        if verdict["state"] == "running":
            sentence = f"{verdict['name'] or 'the import of the file'} {reason}" if reason else unknown
            verdict = {**verdict, "state": "wrong", "sentence": sentence}
        verdicts.append(verdict)
    return Result(number, verdicts)


def load_result(number: int) -> Result | None:
    """Return the cached Result of an exercise, or None if there is none for the current file and library."""
    path = _cache_path(number)
    try:
        return Result(number, json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def results(numbers: Sequence[int]) -> Iterator[Result]:
    """Yield the Result of each exercise in order, from the cache or judged now."""
    cached = {number: load_result(number) for number in numbers}
    new_results = run([number for number, result in cached.items() if result is None])
    for number in numbers:
        yield cached[number] or next(new_results)


def _prepare(number):
    """Start a process that makes the fault dictionaries that are missing. It runs on after this one has ended."""
    if lessons.load(number).has_tables():
        return
    command = [sys.executable, "-m", "exercises.runner.prepare", str(number)]
    path = os.pathsep.join([str(isolation.ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    subprocess.Popen(command, **streams, env=os.environ | {"PYTHONPATH": path}, start_new_session=True)


def _save(result, path):
    """Write the verdicts to the cache, unless the learner's file has changed since `path` was computed."""
    if path != _cache_path(result.number):
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(result.verdicts), encoding="utf-8")
    except (OSError, InputError):  # without the file, the exercise is judged again next time
        pass


def _cache_path(number):
    """Return the cache file of the verdicts. Its name changes with the library and the learner's file."""
    learner_file = lessons.EXERCISES / f"{lessons.names()[number]}.py"
    digest = hashlib.sha256(learner_file.read_bytes() if learner_file.exists() else b"").hexdigest()[:24]
    return machine.cache_folder() / "exercises" / f"{number:02}-{lessons.library_digest()}-{digest}.json"
