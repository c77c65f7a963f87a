"""Run the checks in a separate process. Cache the results until the learner's file or the library changes."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from exercises.runner import lessons
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
    """Judge one exercise. Yield the Result at once, and again with the findings if something is wrong."""
    return _run_all([number], "--prepare")


def _run_all(numbers, *options):
    """Start workers until each exercise has a Result. If a worker ends early, its exercise gets the verdict "wrong"."""
    remaining = list(numbers)
    while remaining:
        for result in _run_worker(remaining, *options):
            if result.complete:
                remaining.remove(result.number)
                _save(result)
            yield result
        if remaining:
            sentence = "the check ended without a verdict: does your code end Python?"
            verdict = {"name": "", "state": "wrong", "sentence": sentence, "arrays": [], "findings": []}
            yield Result(remaining.pop(0), [verdict])


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


def _run_worker(numbers, *options):
    """Start a worker and yield the Results that it reports.

    After the last Result, the worker may continue to run. It then makes the fault dictionaries for the next check.
    """
    command = [sys.executable, "-m", "exercises.runner.worker", *map(str, numbers), *options]
    root = lessons.EXERCISES.parent
    path = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PYTHONPATH": path, "PYTHONUTF8": "1"}
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root, env=environment, encoding="utf-8")
    remaining = set(numbers)
    try:
        for line in worker.stdout:
            report = json.loads(line)
            if report["complete"]:
                remaining.discard(report["number"])
            yield Result(report["number"], report["verdicts"], report["complete"])
            if not remaining:
                return
    finally:
        if remaining:
            worker.kill()
        worker.stdout.close()


def _save(result):
    path = _cache_path(result.number)
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
