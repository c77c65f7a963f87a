"""Run the checks in separate processes. Cache the results until the learner's file or the library changes."""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from exercises.runner import isolation, lessons
from numpy_sat.system import machine
from numpy_sat.system.errors import InputError
from numpy_sat.system.files import replacing


class Result(NamedTuple):
    """The verdicts on an exercise."""

    number: int  # of the exercise
    verdicts: list  # a dict with the fields of judge.Verdict for each function
    seconds: float  # from the start of the check to these verdicts
    complete: bool = True  # False: another Result follows, with the same verdicts and their findings

    @property
    def right(self) -> bool:
        """Return True if all functions are right."""
        return all(verdict["state"] == "right" for verdict in self.verdicts)

    @property
    def unwritten(self) -> bool:
        """Return True if no function is written yet."""
        return all(verdict["state"] == "unwritten" for verdict in self.verdicts)


def run_in_steps(number: int) -> Iterator[Result]:
    """Start to judge one exercise; yield its Result and, if something is wrong, again with the findings.

    Afterwards make its fault dictionaries, which the next check may need.

    Raises:
        InputError: there is no exercise with this number.
    """
    files = lessons.files([number])
    return _run_in_steps(number, files, _start(files))


def _run_in_steps(number, files, worker):
    yield from _run_all(files, worker)
    _prepare(number)


def _start(files):
    return isolation.Process("exercises.runner.worker", *(f"{number}={path}" for number, path in files.items()))


def _run_all(files, worker=None):
    """Start workers until each exercise has a Result; a worker that ends early gives its exercise a verdict.

    Args:
        files: {number of an exercise: path of the learner's file}.
        worker: a worker that is already running, or None.
    """
    remaining = dict(files)
    start = time.monotonic()
    while remaining:
        paths = {number: _cache_path(number, file) for number, file in remaining.items()}
        with worker or _start(remaining) as worker:
            last = None
            for message in worker.messages():
                seconds = time.monotonic() - start
                last = Result(message["number"], message["verdicts"], seconds, message["complete"])
                if any(verdict["state"] == "running" for verdict in last.verdicts):
                    continue
                file = remaining.pop(last.number) if last.complete else None
                try:
                    yield last
                finally:  # saving takes longer than printing
                    if last.complete:
                        _save(last, file, paths[last.number])
                if last.complete:
                    start = time.monotonic()
                if not remaining:
                    return
            number = next(iter(remaining))
            file = remaining.pop(number)
            result = _unfinished(worker, number, file, last)._replace(seconds=time.monotonic() - start)
            if worker.problem:
                _save(result, file, paths[number])
            yield result
            start = time.monotonic()
        worker = None


def _unfinished(worker, number, file, last):
    """Return the Result of an exercise whose worker has ended without one.

    Args:
        worker: the isolation.Process.
        number: the exercise's number.
        file: the path of the learner's file.
        last: the last Result of the worker, or None.
    """
    unknown = "the check ended without a verdict: does your code end Python?"
    if last is None or last.number != number:
        verdict = {"name": "", "state": "wrong", "sentence": unknown, "line": 0}
        return Result(number, [{**verdict, "arrays": [], "findings": [], "notes": []}], 0.0)
    reason = worker.problem + worker.place(file) if worker.problem else ""
    verdicts = []
    for verdict in last.verdicts:
        if verdict["state"] == "running":
            sentence = f"{verdict['name'] or 'the import of the file'} {reason}" if reason else unknown
            verdict = {**verdict, "state": "wrong", "sentence": sentence}
        verdicts.append(verdict)
    return Result(number, verdicts, 0.0)


def load_result(number: int, file: Path) -> Result | None:
    """Return the cached Result of an exercise, or None if there is none for the current file and library."""
    try:
        return Result(number, **json.loads(_cache_path(number, file).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def results(numbers: Sequence[int]) -> Iterator[Result]:
    """Yield the Result of each exercise in order, from the cache or judged now."""
    return results_of(lessons.files(numbers))


def results_of(files: Mapping[int, Path]) -> Iterator[Result]:
    """Yield the Result of each exercise in order, from the cache or judged now.

    Args:
        files: {number of an exercise: path of a learner's file}.
    """
    cached = {number: load_result(number, file) for number, file in files.items()}
    new_results = _run_all({number: file for number, file in files.items() if cached[number] is None})
    for number in files:
        yield cached[number] or next(result for result in new_results if result.complete)


def _prepare(number):
    """Start a process that makes the fault dictionaries that are missing. It runs on after this one has ended.

    If such a process is already running, the new one ends at once (prepare.py).
    """
    if lessons.load(number).has_tables():
        return
    command = [sys.executable, "-m", "exercises.runner.prepare", str(number)]
    path = os.pathsep.join([str(isolation.ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    subprocess.Popen(command, **streams, env=os.environ | {"PYTHONPATH": path}, start_new_session=True)


def _save(result, file, path):
    """Write the verdicts to the cache, unless the learner's file has changed since `path` was computed."""
    if path != _cache_path(result.number, file):
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(json.dumps({"verdicts": result.verdicts, "seconds": result.seconds}), encoding="utf-8")
    except (OSError, InputError):  # without the file, the exercise is judged again next time
        pass


def _cache_path(number, file):
    """Return the cache file of the verdicts. Its name changes with the library and the learner's file."""
    try:
        content = file.read_bytes() if file.is_file() else b""  # reading a pipe would wait forever
    except OSError:
        content = b""
    digest = hashlib.sha256(content).hexdigest()[:24]
    return machine.cache_folder() / "exercises" / f"{number:02}-{lessons.library_digest()}-{digest}.json"
