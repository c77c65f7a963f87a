"""Run the tests of a module of the library once for every edit of its functions (mutation testing).

python -m tests.mutations <module> <file of tests> <expression for pytest -k>   prints a Result in its last line.

A test notices an edit if it fails with the edit and passes without it. The edited functions have neither branches for
kernels nor checks of arguments (exercises/judging/trees.py). A test that fails without these parts does not run for the
function, because it could not tell anything about an edit.
"""

import ast
import faulthandler
import importlib
import inspect
import json
import linecache
import sys
import time
import warnings
from contextlib import contextmanager
from typing import NamedTuple

import pytest

import numpy_sat  # noqa: F401  before numpy: it sets the number of numpy's threads
from exercises.judging import faults, trees
from exercises.judging.watching import watching

# Functions that are not edited: float64 never calls the first two, and the third only raises.
NOT_EDITED = "_in_one_pass", "_rows", "check_arguments"
SECONDS = 60  # limit for one edit, which may loop forever; after that the run ends


class Result(NamedTuple):
    """The result of all edits of a module."""

    tests: int
    edits: int
    errors: int  # edits that raise an error
    numbers: int  # edits noticed by wrong results
    unnoticed: list  # of (name of the function, text of the line, the mistake in words)
    seconds: float


class Mutations:
    """A pytest plugin that runs the collected tests once for every edit."""

    def __init__(self, module):
        self.module = importlib.import_module(module)
        self.result = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        """Run the tests for every edit, instead of running every test once."""
        started, items = time.perf_counter(), list(session.items)
        seconds = {}
        with watching(lambda frame: frame.f_globals.get("__name__") == self.module.__name__) as recording:
            for item in items:
                start = time.perf_counter()
                assert _failure(item) is None, f"{item.name} fails without an edit"
                seconds[item] = time.perf_counter() - start
        items.sort(key=seconds.get)
        outcomes = [
            (fault, outcome)
            for function in _functions(self.module)
            for fault, outcome in _try_edits(function, recording.locals.get(function.__code__, {}), items)
        ]
        for item in items:
            assert _failure(item) is None, f"{item.name} fails after the edits: one of them was not undone"
        kinds = [outcome for _, outcome in outcomes]
        unnoticed = [_describe(fault) for fault, outcome in outcomes if outcome is None]
        duration = time.perf_counter() - started
        self.result = Result(len(items), len(kinds), kinds.count("error"), kinds.count("number"), unnoticed, duration)
        return True


def _functions(module):
    """Return the functions of the module, in the order of its file."""
    members = (trees.plain_function(f) for _, f in inspect.getmembers(module, inspect.isfunction))
    functions = [f for f in members if f.__module__ == module.__name__]
    functions.sort(key=lambda function: function.__code__.co_firstlineno)
    return [function for function in functions if function.__name__ not in NOT_EDITED]


def _try_edits(function, values, items):
    """Yield every edit of a function as (fault, outcome): "error", "number", or None if no test notices it."""
    with _replaced_code(function, _code(trees.tree_of(function))):
        items = [item for item in items if _failure(item) is None]
    for fault in faults.edits(function, values):
        faulthandler.dump_traceback_later(SECONDS, exit=True)
        with _replaced_code(function, fault.code):
            error, killer = next(((error, item) for item in items if (error := _failure(item))), (None, None))
        faulthandler.cancel_dump_traceback_later()
        if error is None:
            yield fault, None
            continue
        items.remove(killer)  # the test that noticed this edit is likely to notice the next one
        items.insert(0, killer)
        yield fault, "error" if _is_from(error, fault.code) else "number"


def _code(tree):
    module = compile(ast.fix_missing_locations(ast.Module([tree], [])), "<plain>", "exec")
    # Python 3.14 also compiles the type hints of a function, into a code object of its own.
    return next(const for const in module.co_consts if inspect.iscode(const) and const.co_name == tree.name)


@contextmanager
def _replaced_code(function, code):
    """Replace the code of the function within the context, for all references to it."""
    before, function.__code__ = function.__code__, code
    try:
        yield
    finally:
        function.__code__ = before


def _failure(item):
    """Run a test and return the error that it raises, or None."""
    item._initrequest()
    try:
        item.ihook.pytest_runtest_setup(item=item)
        item.ihook.pytest_runtest_call(item=item)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # pytest.fail raises a BaseException
        return error
    finally:
        item.ihook.pytest_runtest_teardown(item=item, nextitem=None)


def _is_from(error, code):
    """Return True if this code was running when the error was raised."""
    traceback = error.__traceback__
    while traceback:
        if traceback.tb_frame.f_code is code:
            return True
        traceback = traceback.tb_next
    return False


def _describe(fault):
    """Return the name of the edited function, the text of the line and the mistake in words."""
    line = linecache.getline(fault.function.__code__.co_filename, fault.line).strip()
    return fault.function.__name__, line, fault.term


def main(module, file, expression):
    """Run the tests and print the Result as JSON."""
    plugin = Mutations(module)
    without = [f"-pno:{name}" for name in ("cacheprovider", "logging", "warnings", "unraisableexception")]
    warnings.simplefilter("ignore")  # edited functions overflow and divide by zero
    status = pytest.main([file, "-k", expression, "-q", "-s", "-m", "", *without], plugins=[plugin])
    print(json.dumps(plugin.result))
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
