"""One test suite, three implementations: the library's functions, the solutions' and the learner's in turn.

`pytest --impl=solutions` puts every function that an exercise is about, from its file in solutions/, in the library's
place; the library calls its layers through their modules, so that everything built on them uses it, too. The gradient
check is the library's except in its own tests, because a wrong check could not judge the other functions.
"""

import inspect
from pathlib import Path

import pytest

from exercises.judging.trees import plain_function
from exercises.runner import lessons
from numpy_sat.check import gradcheck

ROOT = Path(__file__).parents[1]
CHOICES = ("numpy_sat", "solutions", "exercises")

LESSONS = [lessons.load(number) for number in lessons.names()]
EXPECTED = {}  # {(module, function's name): the file it must come from}
JUDGES = {}  # the same: (the library's function, the chosen one)
LIBRARY = {}  # the same: the library's function


def put_in_place(choice):
    """Put this implementation's functions in the library's place; called once, before any test is collected."""
    for lesson in LESSONS:
        source = None if choice == "numpy_sat" else _loaded(ROOT / choice / f"{lesson.name}.py")
        for task in lesson.tasks:
            right = LIBRARY[task.module, task.name] = task.function
            chosen = right if source is None else vars(source).get(task.name) or _missing(task.name, source)
            if task.module is gradcheck:
                JUDGES[task.module, task.name] = right, chosen
            else:
                setattr(task.module, task.name, chosen)
                EXPECTED[task.module, task.name] = Path(source.__file__ if source else task.module.__file__).resolve()


def put_judges_in_place(test_module):
    """Put the chosen gradient check in place for its own tests, and the library's for all others."""
    own = test_module.__name__.endswith("test_gradcheck")
    for (module, name), (right, chosen) in JUDGES.items():
        setattr(module, name, chosen if own else right)


def put_back(monkeypatch, module):
    """Put the library's functions of a module in their own place for one test."""
    for (owner, name), function in LIBRARY.items():
        if owner is module:
            monkeypatch.setattr(owner, name, function)


def check_in_place():
    """Assert that every function comes from the file it should come from."""
    for (module, name), file in EXPECTED.items():
        found = _file(getattr(module, name))
        assert found == file, f"{module.__name__}.{name} comes from {found}, not from {file}"


def described():
    """Return lines that say from which file every tested function comes."""
    names = {}
    for name, function in [(name, getattr(module, name)) for module, name in EXPECTED]:
        names.setdefault(_file(function), []).append(name)
    for (_, name), (_, chosen) in JUDGES.items():
        names.setdefault(_file(chosen), []).append(f"{name} (in test_gradcheck)")
    return [f"{file.relative_to(ROOT).as_posix()}: {', '.join(found)}" for file, found in names.items()]


def concerns(test_module):
    """Return True for a file of tests that calls any of these functions, or what is built on them.

    Those are the files that import a module with such a function, or a module that imports one. The kernels are the
    library's alone.
    """
    if "kernels" in test_module.__name__:
        return False
    if test_module.__name__.endswith("test_gradcheck"):
        return True
    exercised = {module for module, _ in EXPECTED}
    tested = _imported(test_module)
    return bool(exercised & tested) or any(exercised & _imported(module) for module in tested)


def _imported(module):
    """Return the package's modules among a module's names."""
    values = filter(inspect.ismodule, vars(module).values())
    return {value for value in values if value.__name__.split(".")[0] == "numpy_sat"}


def _loaded(path):
    try:
        return lessons.load_file(path)
    except Exception as error:
        pytest.exit(f"{path} cannot be imported, so nothing can be tested: {type(error).__name__}: {error}", 2)


def _missing(name, source):
    pytest.exit(f"{source.__file__} has no function {name}, so nothing can be tested", 2)


def _file(function):
    return Path(plain_function(function).__code__.co_filename).resolve()
