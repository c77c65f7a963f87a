"""The command `show`: draw every wrong array beside the right one.

The learner's code runs in a separate process, which writes the arrays to a file:
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
SECONDS = 60  # time limit of all functions together; each function also has the worker's limit


def show(lesson: lessons.Lesson) -> int:
    """Draw the wrong arrays of each wrong function, or all arrays if everything is right; return the exit code."""
    results = _run_in_process(lesson)
    right = all(result["state"] == "right" for result in results)
    if all(result["state"] == "unwritten" for result in results):
        say("There is nothing to draw: no function is written yet.")
        return 1
    if right:
        say("All is right: your arrays equal the right ones. Here they are.")
    with writing(FOLDER):
        FOLDER.mkdir(parents=True, exist_ok=True)
    for result in results:
        if result["state"] == "wrong" or right:
            _draw(result, FOLDER / f"ex{lesson.number:02}-{result['name']}.png")
        else:
            say(f"{result['name']}: {'right' if result['state'] == 'right' else 'not written yet'}.")
    return 0 if right else 1


def _draw(result, path):
    """Print the message about a function, and draw its arrays."""
    sentence = result["sentence"]
    if sentence:
        say(f"{result['name']}: {board.with_full_stop(sentence)}")
    if result["pairs"]:
        figures.pairs_figure(path, result["pairs"])
        say(f"{result['name']}: {path}")
    elif not sentence:
        say(f"{result['name']} is wrong in a result that is not an array.")


def _run_in_process(lesson):
    """Run this module in a separate process and return what _judge_file gives there."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "arrays.npz"
        arguments = [str(lesson.number), str(lesson.file), str(out)]
        with contextlib.suppress(subprocess.TimeoutExpired):
            command = [sys.executable, "-m", "exercises.runner.array_figures", *arguments]
            subprocess.run(command, cwd=ROOT, timeout=SECONDS, check=False)
        if not out.exists():
            sentence = "the process ended without a result: does your code end Python?"
            return [{"name": lesson.file.name, "state": "wrong", "sentence": sentence, "pairs": {}}]
        with np.load(out) as stored:
            return _unpack(stored)


def main() -> None:
    """Judge a learner's file in this process and write the arrays."""
    number, path, out = sys.argv[1:]
    sys.stdout = sys.stderr  # for the output of the learner's code
    _pack(out, _judge_file(lessons.load(int(number)), path, lambda results: _pack(out, results)))


def _judge_file(lesson, path, save):
    """Judge all functions of a file.

    Args:
        lesson: the lessons.Lesson.
        path: the learner's file.
        save: save(results) is called before the process ends because a function exceeds the time limit.
    Returns:
        For each function a dict of "name", "state", "sentence" and "pairs", which is {array: (yours, right)}.
    """
    results = []

    def time_out(place):
        name = lesson.tasks[len(results)].name
        sentence = f"still running after {worker.SECONDS} seconds{place}"
        save([*results, {"name": name, "state": "wrong", "sentence": sentence, "pairs": {}}])
        os._exit(0)

    try:
        for task, examination in zip(lesson.tasks, worker.examine(lesson, path, time_out), strict=True):
            verdict, pairs = examination.judged.verdict, _pairs(task, examination.judged)
            results.append({"name": task.name, "state": verdict.state, "sentence": verdict.sentence, "pairs": pairs})
    except judge.Complaint as complaint:
        return [{"name": Path(path).name, "state": "wrong", "sentence": str(complaint), "pairs": {}}]
    return results


def _pairs(task, judged):
    """Return {name: (yours, right)} of the wrong arrays of the first wrong case, or of all arrays if all are right."""
    if not judged.yours:
        return {}
    yours, right = judged.yours[0], judged.expected[0]
    return {
        name: (yours[name], right[name])
        for name in right
        if named.is_number(right[name]) and named.is_number(yours.get(name))
        if judged.verdict.state == "right" or not named.same(yours[name], right[name], task.tolerance)
    }


def _pack(out, results):
    """Write the results: texts as JSON, and each array under its function's and its own number."""
    arrays, texts = {}, []
    for k, result in enumerate(results):
        texts.append({**result, "pairs": list(result["pairs"])})
        for n, pair in enumerate(result["pairs"].values()):
            arrays |= {f"{k}.{n}.{side}": np.asarray(array, float) for side, array in zip("yr", pair, strict=True)}
    np.savez(out, about=np.array(json.dumps(texts)), **arrays)


def _unpack(stored):
    results = json.loads(str(stored["about"]))
    for k, result in enumerate(results):
        names = enumerate(result["pairs"])
        result["pairs"] = {name: (stored[f"{k}.{n}.y"], stored[f"{k}.{n}.r"]) for n, name in names}
    return results


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):  # the process that waits for this one reports it
        main()
