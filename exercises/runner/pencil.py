"""The command `check N --pencil`: run the page's worked example, and print each intermediate beside the right one.

The learner's code runs in a process of its own (isolation.py), which sends the examples one by one:
python -m exercises.runner.pencil NUMBER FILE.py
"""

import ast
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from exercises.judging import judge, named, table, trees
from exercises.judging.flow import Flow, names_in
from exercises.runner import channel, isolation, lessons, report, terminal, worker
from exercises.runner.terminal import MARKS, colored, say, show
from numpy_sat.system import output

LARGEST = 36  # entries of an array that is written out
DIGITS = 4  # after the point
INDENT = 27  # columns before an array


def run(lesson: lessons.Lesson) -> int:
    """Print the worked example of an exercise, computed by the learner's code, and return the exit code."""
    if not lesson.pencil():
        say(f"The worked example of exercise {lesson.number} is not computed by a function of its file.")
        return 1
    last, states, others = None, [], []
    with isolation.Process("exercises.runner.pencil", str(lesson.number), str(lesson.file)) as process:
        for message in process.messages():
            last = message["name"]
            if "state" in message:
                last = None
                states.append(message["state"])
                others.append(message["others"])
                _show_example(message)
    if last is not None or not states:
        reason = f"{process.problem}{process.place(lesson.file)}" if process.problem else "ends Python"
        say(report.with_full_stop(f"{last or 'The import of the file'} {reason}"))
        return 1
    if not all(state == "right" for state in states):
        return 1
    if "wrong" in others:
        examples = "The example is" if len(states) == 1 else "The examples are"
        say(f"{examples} right, but other cases are wrong: python -m exercises check {lesson.number}")
        return 1
    return 0


def _show_example(message):
    """Print the message about an example: its inputs, then yours and the right one of each variable and result."""
    show(terminal.marked(*MARKS[message["state"]], message["name"]))
    if message["sentence"]:
        say(report.with_full_stop(message["sentence"]), *report.DETAIL)
    for name, text in message["inputs"]:
        _show_row("", "", name, text)
    for row in message["rows"]:
        mark, style = MARKS[row["state"]] if row["state"] else ("", "dim")
        if row["state"] == "wrong":
            _show_row(mark, style, row["name"], f"yours  {row['yours']}")
            _show_row("", style, "", f"right  {row['right']}")
        else:
            _show_row(mark, style, row["name"], f"{row['right']}{row['remark']}")


def _show_row(mark, style, name, text):
    """Print a row; further lines of a long array stand below its first one."""
    head = f"    {colored(f'{mark:<7}', style)} {output.printable(name):<14} "
    for line in textwrap.wrap(text, terminal.WIDTH - INDENT):
        show(f"{head}{line}".rstrip())
        head = " " * INDENT


def main() -> None:
    """Run the examples in this process and send a message about each, first its name and then what it gives."""
    number, path = sys.argv[1:]
    lesson, results = lessons.load(int(number)), channel.Channel()
    results.send({"name": ""}, worker.SECONDS)
    try:
        for message in examine(lesson, path):
            results.send(message, worker.SECONDS)
    except judge.Complaint as complaint:
        results.send({"name": Path(path).name, **_message("wrong", str(complaint))})


def examine(lesson: lessons.Lesson, path: str) -> Iterator[dict]:
    """Run the worked example of a lesson on a learner's file.

    Yields:
        {"name": function} before a function is called. Then the same with "state", "sentence", "inputs" and "rows".
        The inputs are a list of (name, text). A row is a dict of "name", "state", "yours", "right" and "remark".
        "others" is the function's state in the cases of the check.
    Raises:
        judge.Complaint: the file cannot be imported.
    """
    tasks = {task.name: task for task in lesson.tasks}
    examples = lesson.pencil()
    runs = [table.look_into(tasks[example.function], example.case) for example in examples]
    expected = [_expected(tasks[example.function], example) for example in examples]
    with worker.guard_library(lesson) as guard:
        module, others = worker.load(path, lesson), {}
        for example, run, results in zip(examples, runs, expected, strict=True):
            task = tasks[example.function]
            task = task._replace(outputs=example.outputs or task.outputs)
            yield {"name": task.name}
            with worker.other_functions_right(guard.originals, task, module):
                if task.name not in others:
                    others[task.name] = _state_in_check(tasks[task.name], module, guard)
                    yield {"name": task.name}
                guard.shut, function = task.name, getattr(module, task.name, None)
                yield {"name": task.name, **_compare(task, example, run, results, function, others[task.name])}
                guard.shut = None


def _state_in_check(task, module, guard):
    cases = judge.cases_of(task)
    return worker.judge_function(task, cases, judge.expected_of(task, cases), module, guard).verdict.state


def _expected(task, example):
    task = task._replace(outputs=example.outputs or task.outputs)
    return judge.expected_of(task, [example.case])[0]


def _message(state, sentence="", inputs=(), rows=(), others=""):
    return {"state": state, "sentence": sentence, "inputs": [*inputs], "rows": [*rows], "others": others}


def _compare(task, example, run, expected, function, others):
    """Return the message about an example without its name; `others` is the function's state in the check."""
    plain, inputs = trees.plain_function(function), _inputs(example)
    if not hasattr(plain, "__code__"):
        return _message("wrong", f"there is no function {task.name} in the file", inputs)
    judged_task = task._replace(refused=(), single=False)
    judged = judge.judge(judged_task, function, [example.case], [expected])
    state, sentence = judged.verdict.state, judged.verdict.sentence
    if state == "unwritten":
        return _message(state, inputs=inputs)
    yours = table.variables_of(task, plain, example.case)
    results = judged.yours[0] if judged.yours else {}
    rows = _rows_of_variables(task, example, run, yours, "wrong" in (state, others))
    rows += _rows_of_results(task, results, expected)
    _unmark_homonyms(task, run, rows)
    return _message(state, sentence, inputs, rows, others)


def _inputs(example):
    leaves = named.flatten("", {name: value for name, value in example.case.items() if name != "cache"})
    texts = {named.without_brackets(name): _text(value) for name, value in leaves.items() if named.is_number(value)}
    return [(name, text) for name, text in texts.items() if text]


def _rows_of_variables(task, example, run, yours, is_wrong):
    """Return a row for each variable that the library's function computes on the way to its results."""
    rows, unpacked = [], _unpacked(run.function)
    for name in Flow(run.function, task.outputs).order:
        right = run.variables.get(name)
        if not isinstance(right, (np.ndarray, float)) or name in (*task.outputs, *unpacked, "_"):
            continue
        if name in example.case and named.same(right, example.case[name], 0):
            continue
        rows.append(_row_of_variable(task, example.case, name, right, yours, is_wrong))
    return [row for row in rows if row and row["right"]]


def _unpacked(function):
    """Return the variables that a function only unpacks from its cache."""
    names = {"cache"}
    for statement, *_ in trees.statements(trees.tree_of(function)):
        value = getattr(statement, "value", None)
        only_names = not any(isinstance(node, (ast.Call, ast.BinOp, ast.Subscript)) for node in ast.walk(statement))
        if isinstance(statement, ast.Assign) and only_names and names_in(value) and names_in(value) <= names:
            names.update(trees.targets_of(statement))
    return names


def _row_of_variable(task, case, name, right, yours, is_wrong):
    """Return the row of a variable, or None if the learner has no such variable.

    The learner's variable of the same name comes first. It is "wrong" only if the function is wrong, its shape is
    right, and no other variable has the right numbers: in a right function, it may be something else.
    """
    row, mine = {"name": name, "right": _text(right), "yours": "", "remark": "", "state": ""}, yours.get(name)
    if _are_equal(mine, right, task.tolerance):
        return {**row, "state": "right"}
    others = _other_names(task, case, right, yours)
    if len(others) == 1 or (others and mine is not None):
        return {**row, "state": "right", "remark": f"   (your {others[0]})"}
    is_argument = name in case and named.is_number(mine) and named.same(mine, case[name], 0)
    if not named.is_number(mine) or np.shape(mine) != np.shape(right) or is_argument:
        return None
    return row | ({"state": "wrong", "yours": _text(mine)} if is_wrong else {"remark": f"   (yours {_text(mine)})"})


def _other_names(task, case, right, yours):
    """Return the learner's variables with the numbers of a right one.

    Zeros, the numbers of an argument, and results are not compared, because they are often equal by chance.
    """
    arguments = named.flatten("", case).values()
    if not np.any(right) or any(_are_equal(argument, right, task.tolerance) for argument in arguments):
        return []
    names = [name for name in yours if name not in (*case, *task.outputs)]
    return [name for name in names if _are_equal(yours[name], right, task.tolerance)]


def _unmark_homonyms(task, run, rows):
    """Remove the mark "wrong" from each variable that leads to right numbers only.

    The learner's code uses this name for something else: difo may be the gradient before the sigmoid.
    """
    flow, values = Flow(run.function, task.outputs), run.variables
    states = {row["name"]: row["state"] for row in rows if named.is_number(values.get(row["name"]))}
    for row in rows:
        dependents = [name for name in flow.downstream(row["name"])[1:] if name in states and np.any(values[name])]
        if row["state"] == "wrong" and dependents and all(states[name] == "right" for name in dependents):
            row.update(state="", remark=f"   (yours {row['yours']})")


def _are_equal(a, b, tolerance):
    """Return True if two leaves have the same numbers, also in another shape."""
    if not named.is_number(a) or np.size(a) != np.size(b):
        return False
    return named.same(np.reshape(a, -1), np.reshape(b, -1), tolerance)


def _rows_of_results(task, results, expected):
    rows = []
    for name, right in expected.items():
        if name.startswith("cache") or not named.is_number(right):
            continue
        mine = results.get(name)
        state = "right" if named.is_number(mine) and named.same(mine, right, task.tolerance) else "wrong"
        yours = _text(mine) or f"of shape {np.shape(mine)}" if named.is_number(mine) else "none"
        rows.append({"name": name, "right": _text(right), "yours": yours, "remark": "", "state": state})
    return [row for row in rows if row["right"]]


def _text(value):
    """Return a small array or a number as text in one line, or "" for a large array."""
    array = np.asarray(value)
    if array.size > LARGEST:
        return ""
    if array.dtype.kind == "f":
        array = np.round(array.astype(float), DIGITS) + 0.0
    options = {"separator": ", ", "max_line_width": 10**6, "suppress_small": True, "precision": DIGITS}
    text = np.array2string(array, formatter={"float_kind": lambda number: f"{number:.10g}"}, **options)
    return " ".join(text.split()).replace("[ ", "[")


if __name__ == "__main__":
    main()
