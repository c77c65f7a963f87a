"""Judges learners' files in a process of its own: python -m exercises.runner.worker NUMBER...

A learner's code may loop for ever, end Python or print; none of that may take the board with it. What is found is
written to the file descriptor given by --to, a line of JSON for every exercise as soon as it is known; what the
learner's code prints goes to the terminal.
"""

import argparse
import ast
import contextlib
import inspect
import json
import os
import sys
import threading
import time
import traceback
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from exercises.judging import blame, judge, trees
from exercises.runner import lessons

SECONDS = 4  # that one function may take


def main():
    """Judge the exercises asked for, in order."""
    parser = argparse.ArgumentParser()
    parser.add_argument("numbers", nargs="+", type=int)
    parser.add_argument("--file", help="judge this file instead of the exercise's own")
    parser.add_argument("--prepare", action="store_true", help="afterwards, make what looking for mistakes will need")
    args = parser.parse_args()
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    sys.stdout = sys.stderr
    sys.breakpointhook = _no_debugger
    for number in args.numbers:
        lesson = lessons.load(number)
        for verdicts, complete in judged(lesson, args.file or lesson.file, out):
            report(out, number, verdicts, complete)
    if args.prepare:
        _let_go(out)
        for task in lesson.tasks:
            lesson.table(task)


def _no_debugger(*_args, **_options):
    """What breakpoint() does here."""
    raise RuntimeError(f"no debugger where a function has {SECONDS} seconds: call it in a script of yours instead")


def _let_go(out):
    """Close what whoever called may be reading, for the answer is given, and take no one's time."""
    out.close()
    if hasattr(os, "nice"):
        os.nice(10)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)


def report(out, number, verdicts, complete=True):
    """A line of JSON: the exercise's number and its verdicts; complete: with where to look."""
    verdicts = [_plain(verdict) for verdict in verdicts]
    with contextlib.suppress(BrokenPipeError):  # nobody listens any more
        out.write(json.dumps({"number": number, "verdicts": verdicts, "complete": complete}) + "\n")
        out.flush()


def _plain(value):
    """Named tuples as dicts."""
    if hasattr(value, "_asdict"):
        return {key: _plain(part) for key, part in value._asdict().items()}
    return [_plain(part) for part in value] if isinstance(value, (tuple, list)) else value


def judged(lesson, path, out):
    """Yield the verdicts of an exercise's functions, and whether they are complete: at once, then with findings."""
    done = []

    def stuck(where):
        name, rest = lesson.tasks[len(done)].name, lesson.tasks[len(done) + 1 :]
        sentence = f"{name} is still running after {SECONDS} seconds{where}"
        verdicts = [judge.Verdict(name, "wrong", sentence), *(_not_reached(task) for task in rest)]
        report(out, lesson.number, [*(one.judged.verdict for one in done), *verdicts])
        os._exit(0)

    try:
        for one in examined(lesson, path, stuck):
            done.append(one)
    except judge.Complaint as complaint:
        yield [judge.Verdict("", "wrong", str(complaint), line=complaint.at)], True
        return
    verdicts = [one.judged.verdict for one in done]
    suspects = [k for k, one in enumerate(done) if one.judged.verdict.state == "wrong" and one.judged.cases]
    yield verdicts, not suspects
    for k in suspects:
        verdicts[k] = verdicts[k]._replace(findings=_findings(lesson, lesson.tasks[k], done[k]))
    if suspects:
        yield verdicts, True


def _findings(lesson, task, one):
    function = getattr(one.module, task.name)
    with among(one.originals, task, one.module):
        return blame.blame(one.judged, task, function, lesson.tasks, lesson.table(task))


class Examined(NamedTuple):
    """What came of one function."""

    judged: judge.Judged
    module: ModuleType  # the learner's
    originals: dict  # the library's functions that the exercise is about, by name


def examined(lesson, path, stuck):
    """Yield the Examined of every function of an exercise, in order.

    stuck(where) is called when a function takes too long; it must not return. Raises judge.Complaint where the file
    cannot be imported.
    """
    known = [(task, cases := judge.cases_of(task), judge.wanted_of(task, cases)) for task in lesson.tasks]
    with guarded(lesson) as guard:
        clock = Clock(str(path), stuck)
        try:
            module = load(str(path), lesson)
            for task, cases, wanted in known:
                clock.restart()
                with among(guard.originals, task, module):
                    judged = judge_one(task, cases, wanted, module, guard)
                yield Examined(judged, module, guard.originals)
        finally:
            clock.stop()


def _not_reached(task):
    return judge.Verdict(task.name, "wrong", "not reached: a function before it does not end")


@contextlib.contextmanager
def among(originals, task, module):
    """Inside, the exercise's other functions are the library's in the learner's file, too."""
    others = {name: right for name, right in originals.items() if name != task.name}
    mine = {name: vars(module).get(name) for name in others}
    vars(module).update(others)
    try:
        yield
    finally:
        vars(module).update(mine)


def judge_one(task, cases, wanted, module, guard):
    """judge.Judged of one function."""
    function = getattr(module, task.name, None)
    if problem := _unusable(task, function, module):
        return judge.Judged(judge.Verdict(task.name, "wrong", problem), [], [])
    guard.shut = task.name
    try:
        return judge.judge(task, function, cases, wanted)
    except Exception as error:  # objects in arrays, and whatever else one can return
        sentence = f"what {task.name} returns cannot be compared: {judge.words_of(error)}"
        return judge.Judged(judge.Verdict(task.name, "wrong", sentence), [], [])
    finally:
        guard.shut = None


def _unusable(task, function, module):
    """What is wrong with a function before it is called, or ""."""
    plain = trees.plain_function(function)
    if function is None:
        return f"there is no function {task.name} in the file"
    if not inspect.isfunction(plain):
        return f"{task.name} is not a function"
    if plain.__code__.co_filename != module.__file__:
        return f"{task.name} is not written in the file but taken from elsewhere: write it out"
    given, right = inspect.signature(plain), inspect.signature(trees.plain_function(task.function.right))
    if str(given) != str(right):
        return f"{task.name} takes {given}, not {right}"
    return ""


class Guard:
    """Stands in the library for an exercise's functions: they work, but for the one that is being judged."""

    def __init__(self):
        self.originals, self.shut = {}, None

    def over(self, name, right):
        """A function that does as `right`, unless it is shut."""
        self.originals[name] = right

        def guarded(*args, **kwargs):
            if self.shut == name:
                raise judge.AnswerUsed(name)
            return right(*args, **kwargs)

        guarded.right = right
        return guarded


@contextlib.contextmanager
def guarded(lesson):
    """Inside, a Guard stands over the library's functions that the lesson is about."""
    guard = Guard()
    before = [(task.module, task.name, task.function) for task in lesson.tasks]
    for module, name, right in before:
        setattr(module, name, guard.over(name, right))
    try:
        yield guard
    finally:
        for module, name, right in before:
            setattr(module, name, right)


def load(path, lesson):
    """The learner's file as a module. Raises Complaint where it cannot be, in one sentence."""
    try:
        with open(path, encoding="utf-8") as file:
            source = file.read()
        tree = ast.parse(source, path)
    except OSError as error:
        sentence = f"{os.path.basename(path)} cannot be read: {error.strerror}. Have it handed out again by reset"
        raise judge.Complaint(sentence) from error
    except UnicodeDecodeError as error:
        raise judge.Complaint(f"{os.path.basename(path)} is not UTF-8 text: {error}") from error
    except SyntaxError as error:
        raise judge.Complaint(f"line {error.lineno} is not Python: {error.msg}", error.lineno or 0) from error
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
            imported = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imported = [f"{node.module or ''}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in imported:
            if name.startswith(("solutions", "numpy_sat.kernels", *lesson.forbidden)):
                sentence = f"line {node.lineno} imports {name}, which has the answer: write it out"
                raise judge.Complaint(sentence, node.lineno)


class Clock(threading.Thread):
    """Calls stuck(where) when a function takes longer than SECONDS."""

    def __init__(self, path, stuck):
        super().__init__(daemon=True)
        self.path, self.stuck, self.watched = path, stuck, threading.main_thread().ident
        self.until = time.monotonic() + SECONDS
        self.start()

    def restart(self):
        """Another function's turn."""
        self.until = time.monotonic() + SECONDS

    def stop(self):
        """No more time is kept."""
        self.until = float("inf")

    def run(self):
        """Wait, and look again whether time is up."""
        while time.monotonic() < self.until:
            time.sleep(0.05)
            if self.until == float("inf"):
                return
        self.stuck(self._where())

    def _where(self):
        frame = sys._current_frames().get(self.watched)
        while frame is not None and frame.f_code.co_filename != self.path:
            frame = frame.f_back
        return f", at line {frame.f_lineno}: does that loop end?" if frame else ""


if __name__ == "__main__":
    main()
