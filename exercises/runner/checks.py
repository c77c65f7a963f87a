"""Runs the checks, in a process of their own, and remembers what came out for just these files."""

import hashlib
import json
import os
import subprocess
import sys
from typing import NamedTuple

from exercises.runner import lessons
from numpy_sat.system import machine


class Result(NamedTuple):
    """An exercise's verdicts, as judge.Verdict writes them: a dict a function."""

    number: int
    verdicts: list
    complete: bool = True  # with where to look

    @property
    def right(self):
        """Whether all is right."""
        return all(verdict["state"] == "right" for verdict in self.verdicts)

    @property
    def unwritten(self):
        """Whether nothing is written yet."""
        return all(verdict["state"] == "unwritten" for verdict in self.verdicts)


def run(numbers):
    """Judge these exercises and yield the Result of each, in order."""
    return (result for result in _runs(numbers) if result.complete)


def watch(number):
    """Judge one exercise and yield its Result at once and, if something is wrong, again with where to look."""
    return _runs([number], "--prepare")


def _runs(numbers, *options):
    left = list(numbers)
    while left:
        for result in _run_worker(left, *options):
            if result.complete:
                left.remove(result.number)
                _remember(result)
            yield result
        if left:
            sentence = "the check ended without a verdict: does your code end Python?"
            verdict = {"name": "", "state": "wrong", "sentence": sentence, "arrays": [], "findings": []}
            yield Result(left.pop(0), [verdict])


def known(number):
    """The Result of an exercise if it was judged with just these files, else None."""
    path = _memory(number)
    try:
        return Result(number, json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def results(numbers):
    """The Result of each exercise, remembered or judged now, in order."""
    found = {number: known(number) for number in numbers}
    judged = run([number for number, result in found.items() if result is None])
    for number in numbers:
        yield found[number] or next(judged)


def _run_worker(numbers, *options):
    """The Results that a worker reports. It is not waited for when all are there: it may prepare for the next."""
    command = [sys.executable, "-m", "exercises.runner.worker", *map(str, numbers), *options]
    root = lessons.EXERCISES.parent
    path = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PYTHONPATH": path, "PYTHONUTF8": "1"}
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root, env=environment, encoding="utf-8")
    left = set(numbers)
    try:
        for line in worker.stdout:
            found = json.loads(line)
            if found["complete"]:
                left.discard(found["number"])
            yield Result(found["number"], found["verdicts"], found["complete"])
            if not left:
                return
    finally:
        if left:
            worker.kill()
        worker.stdout.close()


def _remember(result):
    path = _memory(result.number)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(f".{os.getpid()}")
        aside.write_text(json.dumps(result.verdicts), encoding="utf-8")
        aside.replace(path)
    except OSError:  # then it is judged again next time
        pass


def _memory(number):
    """Where the verdicts on just these files are kept."""
    mine = lessons.EXERCISES / f"{lessons.names()[number]}.py"
    digest = hashlib.sha256(mine.read_bytes() if mine.exists() else b"").hexdigest()[:24]
    return machine.cache_folder() / "exercises" / f"{number:02}-{lessons.library_digest()}-{digest}.json"
