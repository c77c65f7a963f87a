"""The command `show`: draw every wrong array beside the right one.

The learner's code runs in a process of its own (isolation.py), which sends the arrays:
python -m exercises.runner.array_figures NUMBER FILE.py
"""

import sys
from pathlib import Path

import numpy as np

from exercises.judging import judge, named
from exercises.runner import channel, checks, isolation, lessons, report, stub, worker
from exercises.runner.terminal import say
from numpy_sat.evaluation import figures
from numpy_sat.system.errors import writing

FOLDER = Path("runs") / "exercises"


def show(lesson: lessons.Lesson) -> int:
    """Draw the wrong arrays of each wrong function, or all arrays if everything is right; return the exit code."""
    results = results_of(lesson)
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
            _draw(lesson, result, FOLDER / f"ex{lesson.number:02}-{result['name']}.png")
        else:
            say(f"{result['name']}: {'right' if result['state'] == 'right' else 'not written yet'}.")
    return 0 if right else 1


def _draw(lesson, result, path):
    """Print the message about a function, and draw its arrays, the first wrong one above."""
    sentence = result["sentence"]
    if sentence:
        say(f"{result['name']}: {report.with_full_stop(sentence)}")
    if result["pairs"]:
        title = f"Exercise {lesson.number}, {result['name']}: your arrays and the right ones"
        figures.pairs_figure(path, in_order(lesson, result), title, axes_of(lesson))
        say(f"{result['name']}: {path}")
    elif not sentence:
        say(f"{result['name']} is wrong in a result that is not an array.")


def in_order(lesson: lessons.Lesson, result: dict) -> dict:
    """Return the pairs of a result: first the arrays that the check blames, then as in the return statement."""
    (verdicts,) = (check.verdicts for check in checks.results_of({lesson.number: lesson.file}))
    blamed = [
        finding["array"] for verdict in verdicts if verdict["name"] == result["name"] for finding in verdict["findings"]
    ]
    task = next(task for task in lesson.tasks if task.name == result["name"])
    order = [*blamed, *task.outputs]

    def place(name):
        variable = name.split(".")[0].split("[")[0]
        return order.index(variable) if variable in order else len(order)

    return {name: result["pairs"][name] for name in sorted(result["pairs"], key=place)}


def axes_of(lesson: lessons.Lesson) -> dict[str, tuple[str, ...]]:
    """Return {array: names of its axes} of the lesson's functions; a gradient dW has the axes of W."""
    axes = {}
    for task in lesson.tasks:
        for name, names in stub.shapes(task.function).items():
            axes.setdefault(name, names)
            axes.setdefault(f"d{name}", names)
    return axes


def results_of(lesson: lessons.Lesson) -> list[dict]:
    """Run this module in a process of its own and return the results that it sends last, with arrays in them."""
    with isolation.Process("exercises.runner.array_figures", str(lesson.number), str(lesson.file)) as process:
        results = [_result(lesson.file.name, "running")]
        for message in process.messages():
            results = message["results"]
    for result in results:
        if result["state"] == "running":
            sentence = "the process ended without a result: does your code end Python?"
            reason = f"it {process.problem}{process.place(lesson.file)}" if process.problem else sentence
            result["state"], result["sentence"] = "wrong", reason
        result["pairs"] = {name: tuple(map(_array, pair)) for name, pair in result["pairs"].items()}
    return results


def main() -> None:
    """Judge a learner's file in this process and send the results."""
    number, path = sys.argv[1:]
    results_channel = channel.Channel()
    for results in _judge_file(lessons.load(int(number)), path):
        running = results[-1]["state"] == "running"
        results_channel.send({"results": results}, worker.SECONDS if running else channel.PAUSE)


def _judge_file(lesson, path):
    """Judge all functions of a file.

    Args:
        lesson: the lessons.Lesson.
        path: the learner's file.
    Yields:
        A list with a dict of "name", "state", "sentence" and "pairs" for each function that was called. "pairs" is
        {array: (yours, right)}. The state is "running" before the function is called.
    """
    results, tasks = [], {task.name: task for task in lesson.tasks}
    try:
        for name, examination in worker.examine(lesson, path):
            if examination is None:
                yield [*results, _result(name or Path(path).name, "running")]
            else:
                verdict, pairs = examination.judged.verdict, _pairs(tasks[name], examination.judged)
                pairs = {array: tuple(map(_as_json, pair)) for array, pair in pairs.items()}
                results.append(_result(name, verdict.state, verdict.sentence, pairs))
    except judge.Complaint as complaint:
        results = [_result(Path(path).name, "wrong", str(complaint))]
    yield results


def _result(name, state, sentence="", pairs=None):
    return {"name": name, "state": state, "sentence": sentence, "pairs": pairs or {}}


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


def _as_json(array):
    """Return an array as a dict. Booleans become the integers 0 and 1."""
    array, kind = np.asarray(array), "int64" if np.asarray(array).dtype.kind in "biu" else "float64"
    return {"shape": array.shape, "values": array.astype(kind).ravel().tolist(), "dtype": kind}


def _array(stored):
    return np.array(stored["values"], stored["dtype"]).reshape(stored["shape"])


if __name__ == "__main__":
    main()
