"""show: every wrong array beside the right one, drawn.

The learner's code runs in a process of its own, which writes the arrays into a file:
python -m exercises.runner.array_figures NUMBER FILE.py OUT.npz
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from exercises.judging import judge, named
from exercises.runner import board, lessons, worker
from exercises.runner.terminal import say
from numpy_sat.evaluation import figures
from numpy_sat.system.errors import writing

ROOT = Path(__file__).parents[2]
FOLDER = Path("runs") / "exercises"
SECONDS = 60  # for all functions together; each has the worker's limit, too


def show(lesson):
    """Draw every wrong array of every wrong function, or all arrays where all is right; returns the exit code."""
    found = _in_a_process(lesson)
    right = all(one["state"] == "right" for one in found)
    if all(one["state"] == "unwritten" for one in found):
        say("There is nothing to draw: nothing is written yet.")
        return 1
    if right:
        say("All is right: yours and the right arrays look alike. Here they are.")
    with writing(FOLDER):
        FOLDER.mkdir(parents=True, exist_ok=True)
    for one in found:
        if one["state"] == "wrong" or right:
            _draw(one, FOLDER / f"ex{lesson.number:02}-{one['name']}.png")
        else:
            say(f"{one['name']}: {'right' if one['state'] == 'right' else 'not written yet'}.")
    return 0 if right else 1


def _draw(one, path):
    """What is to be said of a function, and its arrays."""
    sentence = one["sentence"]
    if sentence:
        say(f"{one['name']}: {board.ended(sentence)}")
    if one["pairs"]:
        figures.pairs_figure(path, one["pairs"])
        say(f"{one['name']}: {path}")
    elif not sentence:
        say(f"{one['name']} is wrong in something that is no array.")


def _in_a_process(lesson):
    """What `_judged` finds of the learner's file, a dict a function."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "arrays.npz"
        numbers = [str(lesson.number), str(lesson.file), str(out)]
        with contextlib.suppress(subprocess.TimeoutExpired):
            command = [sys.executable, "-m", "exercises.runner.array_figures", *numbers]
            subprocess.run(command, cwd=ROOT, timeout=SECONDS, check=False)
        if not out.exists():
            sentence = "it ended without a result: does your code end Python?"
            return [{"name": lesson.file.name, "state": "wrong", "sentence": sentence, "pairs": {}}]
        with np.load(out) as stored:
            return _unpack(stored)


def main():
    """The process that runs the learner's code."""
    number, path, out = sys.argv[1:]
    sys.stdout = sys.stderr  # what the learner's code prints
    _pack(out, _judged(lessons.load(int(number)), path, lambda found: _pack(out, found)))


def _judged(lesson, path, save):
    """{"name", "state", "sentence", "pairs": {array: (yours, right)}} of every function; save: for what never ends."""
    found = []

    def stuck(where):
        name = lesson.tasks[len(found)].name
        sentence = f"still running after {worker.SECONDS} seconds{where}"
        save([*found, {"name": name, "state": "wrong", "sentence": sentence, "pairs": {}}])
        os._exit(0)

    try:
        for task, one in zip(lesson.tasks, worker.examined(lesson, path, stuck), strict=True):
            verdict, pairs = one.judged.verdict, _pairs(task, one.judged)
            found.append({"name": task.name, "state": verdict.state, "sentence": verdict.sentence, "pairs": pairs})
    except judge.Complaint as complaint:
        return [{"name": Path(path).name, "state": "wrong", "sentence": str(complaint), "pairs": {}}]
    return found


def _pairs(task, judged):
    """{name: (yours, right)} of the first wrong case's wrong arrays, or of all where the function is right."""
    if not judged.yours:
        return {}
    yours, right = judged.yours[0], judged.wanted[0]
    return {
        name: (yours[name], right[name])
        for name in right
        if named.is_number(right[name]) and named.is_number(yours.get(name))
        if judged.verdict.state == "right" or not named.same(yours[name], right[name], task.tolerance)
    }


def _pack(out, found):
    """Write the file: text as JSON, and the arrays by their place in it."""
    arrays, about = {}, []
    for k, one in enumerate(found):
        about.append({**one, "pairs": list(one["pairs"])})
        for n, pair in enumerate(one["pairs"].values()):
            arrays |= {f"{k}.{n}.{side}": np.asarray(array, float) for side, array in zip("yr", pair, strict=True)}
    np.savez(out, about=np.array(json.dumps(about)), **arrays)


def _unpack(stored):
    found = json.loads(str(stored["about"]))
    for k, one in enumerate(found):
        names = enumerate(one["pairs"])
        one["pairs"] = {name: (stored[f"{k}.{n}.y"], stored[f"{k}.{n}.r"]) for n, name in names}
    return found


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):  # whoever waits for this says it
        main()
