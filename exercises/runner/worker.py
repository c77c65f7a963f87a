"""Judge learners' files in a process of their own (isolation.py): python -m exercises.runner.worker NUMBER=FILE...

The worker sends the verdicts through its channel, one line of JSON for each exercise as soon as it is judged. Before it
calls a learner's code, it sends the verdicts that hold if the code does not return.
"""

import argparse
import ast
import contextlib
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from exercises.judging import blame, judge, trees, words
from exercises.runner import channel, lessons, places
from exercises.runner.lessons import Lesson
from numpy_sat.system.errors import InputError, refuse_special

SECONDS = 4  # time limit of one function
FINDING_SECONDS = 120  # time limit of all findings on a file


def main() -> None:
    """Judge the exercises of the command line, in order."""
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+", metavar="NUMBER=FILE", help="an exercise and the learner's file")
    args = parser.parse_args()
    verdict_channel = channel.Channel()
    sys.breakpointhook = _no_debugger
    for text in args.files:
        number, _, path = text.partition("=")
        lesson = lessons.load(int(number))
        for verdicts, complete in judge_file(lesson, path):
            message = {"number": lesson.number, "verdicts": _as_json(verdicts), "complete": complete}
            verdict_channel.send(message, _time_limit(verdicts, complete))


def _no_debugger(*_args, **_options):
    """Raise an error in place of breakpoint(), because a debugger would exceed the time limit."""
    raise RuntimeError(
        f"no debugger during a check, where a function has {SECONDS} seconds: call the function in your own script"
    )


def _time_limit(verdicts, complete):
    """Return the seconds until the next message."""
    if any(verdict.state == "running" for verdict in verdicts):
        return SECONDS
    return channel.PAUSE if complete else FINDING_SECONDS


def _as_json(value):
    """Return a value with its named tuples as dicts and its tuples as lists."""
    if hasattr(value, "_asdict"):
        return {key: _as_json(part) for key, part in value._asdict().items()}
    return [_as_json(part) for part in value] if isinstance(value, (tuple, list)) else value


def judge_file(lesson: Lesson, path: Path | str) -> Iterator[tuple[list[judge.Verdict], bool]]:
    """Judge all functions of a file.

    Before each function, and before the import of the file, its verdict has the state "running". Then the verdicts come
    at once. If a function is wrong, they come again with the findings, which take longer.

    Args:
        lesson: the lessons.Lesson.
        path: the file to judge.
    Yields:
        verdicts: list of judge.Verdict, one for each function, or a single one on the whole file.
        complete: True for the last verdicts.
    """
    examinations, verdicts = [], []
    try:
        for name, examination in examine(lesson, path):
            if examination is None:
                yield [*verdicts, *_running(lesson, name)], False
            else:
                examinations.append(examination)
                verdicts.append(examination.judged.verdict)
    except judge.Complaint as complaint:
        yield [judge.Verdict("", "wrong", str(complaint), line=complaint.at)], True
        return
    wrong = [k for k, verdict in enumerate(verdicts) if verdict.state == "wrong" and examinations[k].judged.cases]
    yield _with_lines(lesson, verdicts, examinations), not wrong
    for k in wrong:
        verdicts[k] = verdicts[k]._replace(findings=_findings(lesson, lesson.tasks[k], examinations[k]))
    if wrong:
        yield _with_lines(lesson, verdicts, examinations), True


def _with_lines(lesson, verdicts, examinations):
    """Return the verdicts, each wrong one with a line of the file."""
    lines = []
    for task, verdict, examination in zip(lesson.tasks, verdicts, examinations, strict=True):
        function = getattr(examination.module, task.name, None)
        is_wrong = verdict.state == "wrong" and callable(function)
        lines.append(places.line_of(function, task, verdict) if is_wrong else verdict.line)
    return [verdict._replace(line=line) for verdict, line in zip(verdicts, lines, strict=True)]


def _running(lesson, name):
    """Return the verdicts on a function that is about to be called, or "" for the file, and on all after it."""
    names = [task.name for task in lesson.tasks]
    later = names[names.index(name) + 1 :] if name else names
    sentence = f"{name or 'the import of the file'} is still running after {SECONDS} seconds"
    reason = "an earlier function" if name else "the import of the file"
    not_reached = [judge.Verdict(task, "wrong", f"not reached: {reason} does not return") for task in later]
    return [judge.Verdict(name, "running", sentence), *not_reached]


def _findings(lesson, task, examination):
    function = getattr(examination.module, task.name)
    with other_functions_right(examination.originals, task, examination.module):
        findings = blame.blame(examination.judged, task, function, lesson.tasks, lesson.table(task))
        return words.in_learners_words(findings, task, function, examination.judged.cases[0])


class Examination(NamedTuple):
    """The judgement of one function, and the modules it was judged in."""

    judged: judge.Judged
    module: ModuleType  # the learner's
    originals: dict  # {name: the library's function} of all functions of the exercise


def examine(lesson: Lesson, path: Path | str) -> Iterator[tuple[str, Examination | None]]:
    """Judge the functions of an exercise in order.

    Args:
        lesson: the lessons.Lesson.
        path: the learner's file.
    Yields:
        name: the name of a function; "" for the file as a whole.
        examination: None before the file is imported and before the function is called, then its Examination.
    Raises:
        judge.Complaint: the file cannot be imported.
    """
    tasks = [(task, cases := judge.cases_of(task), judge.expected_of(task, cases)) for task in lesson.tasks]
    with guard_library(lesson) as guard:
        yield "", None
        module = load(str(path), lesson)
        for task, cases, expected in tasks:
            yield task.name, None
            with other_functions_right(guard.originals, task, module):
                judged = judge_function(task, cases, expected, module, guard)
            yield task.name, Examination(judged, module, guard.originals)


@contextlib.contextmanager
def other_functions_right(originals: dict, task: judge.Task, module: ModuleType) -> Iterator[None]:
    """Replace the exercise's other functions in the learner's module by the library's inside this context."""
    library_functions = {name: right for name, right in originals.items() if name != task.name}
    before = {name: vars(module).get(name) for name in library_functions}
    vars(module).update(library_functions)
    try:
        yield
    finally:
        vars(module).update(before)


def judge_function(
    task: judge.Task, cases: list[dict], expected: list[dict], module: ModuleType, guard: "Guard"
) -> judge.Judged:
    """Judge one function of the learner's module and return judge.Judged."""
    function = getattr(module, task.name, None)
    if problem := _unusable(task, function, module):
        return judge.Judged(judge.Verdict(task.name, "wrong", problem), [], [])
    guard.shut = task.name
    try:
        return judge.judge(task, function, cases, expected)
    except Exception as error:  # for example a result that is an array of objects
        sentence = f"the result of {task.name} cannot be compared: {judge.error_text(error)}"
        return judge.Judged(judge.Verdict(task.name, "wrong", sentence), [], [])
    finally:
        guard.shut = None


def _unusable(task, function, module):
    """Return what is wrong with a function before it is called, or ""."""
    plain = trees.plain_function(function)
    if function is None:
        return f"there is no function {task.name} in the file"
    if not inspect.isfunction(plain):
        return f"{task.name} is not a function"
    if plain.__code__.co_filename != module.__file__:
        return f"{task.name} is not written in the file but imported or assigned: write it out"
    signature, right = inspect.signature(plain), inspect.signature(trees.plain_function(task.function.right))
    if not _accepts(signature, right):
        return f"{task.name} takes {signature}, not {right}"
    return ""


def _accepts(signature, right):
    """Return True if a signature has the parameters of the right one, in order, and others only with defaults."""
    yours, others = list(signature.parameters.values()), list(right.parameters.values())
    same = all(a.name == b.name and a.kind == b.kind for a, b in zip(yours, others, strict=False))
    missing_defaults = any(
        b.default is not b.empty and a.default is a.empty for a, b in zip(yours, others, strict=False)
    )
    further = yours[len(others) :]
    return (
        same and len(yours) >= len(others) and not missing_defaults and all(p.default is not p.empty for p in further)
    )


class Guard:
    """A wrapper of the library's functions of an exercise that refuses calls of the one being judged."""

    def __init__(self):
        self.originals, self.shut = {}, None

    def wrap(self, name: str, right: Callable) -> Callable:
        """Return a function that calls `right`, or raises judge.AnswerUsed while self.shut is its name."""
        self.originals[name] = right

        def guarded(*args, **kwargs):
            if self.shut == name:
                raise judge.AnswerUsed(name)
            return right(*args, **kwargs)

        guarded.right = right
        return guarded


@contextlib.contextmanager
def guard_library(lesson: Lesson) -> Iterator[Guard]:
    """Wrap the library's functions that the lesson is about inside this context, and yield the Guard."""
    guard = Guard()
    before = [(task.module, task.name, task.function) for task in lesson.tasks]
    for module, name, right in before:
        setattr(module, name, guard.wrap(name, right))
    try:
        yield guard
    finally:
        for module, name, right in before:
            setattr(module, name, right)


def load(path: str, lesson: Lesson) -> ModuleType:
    """Import a learner's file and return the module.

    Raises:
        judge.Complaint: the file cannot be read or imported, or it imports the answer.
    """
    name, restore = os.path.basename(path), f"python -m exercises reset {lesson.number}"
    try:
        refuse_special(path)
        with open(path, encoding="utf-8") as file:
            source = file.read()
        tree = ast.parse(source, path)
    except InputError as error:
        raise judge.Complaint(f"{name} is a pipe or a device: remove it, and run {restore}") from error
    except OSError as error:
        raise judge.Complaint(f"{name} cannot be read: {error.strerror}. Restore it: {restore}") from error
    except UnicodeDecodeError as error:
        raise judge.Complaint(f"{name} is not UTF-8 text: {error}") from error
    except SyntaxError as error:
        place = f"line {error.lineno}" if error.lineno else name  # a null character has no line
        raise judge.Complaint(f"{place} is not Python: {error.msg}", error.lineno or 0) from error
    except (MemoryError, RecursionError) as error:
        raise judge.Complaint(f"{name} cannot be read as Python: an expression is nested too deeply") from error
    except ValueError as error:  # a null character, before Python 3.12
        raise judge.Complaint(f"{name} is not Python: {error}") from error
    _check_imports(tree, lesson)
    try:
        return lessons.load_file(Path(path))
    except (Exception, SystemExit) as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
        at = lines[-1] if lines else 0
        raise judge.Complaint(f"importing the file fails at line {at}: {type(error).__name__}: {error}", at) from error


def _check_imports(tree, lesson):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module or ''}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.startswith(("solutions", "numpy_sat.kernels", *lesson.forbidden)):
                sentence = f"line {node.lineno} imports {name}, which contains the answer: write it out"
                raise judge.Complaint(sentence, node.lineno)


if __name__ == "__main__":
    main()
