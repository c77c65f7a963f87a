"""Run one test suite with three implementations: the library's functions, the solutions' or the learner's.

`pytest --impl=solutions` replaces every function that an exercise asks for by the one in solutions/. The library calls
layers through their modules, so the rest of the library uses the replacement too. Tests use the gradient check of the
library, because a wrong check could not judge the other functions. Only the tests of the gradient check replace it.
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
EXPECTED = {}  # {(module, name of a function): the file that must define it}
GRADIENT_CHECKS = {}  # {(module, name of a function): (the library's function, its replacement)}
LIBRARY = {}  # {(module, name of a function): the library's function}


def install(choice):
    """Replace the library's functions by those of an implementation. Called once, before pytest collects tests.

    Args:
        choice: one of CHOICES.
    """
    for lesson in LESSONS:
        source = None if choice == "numpy_sat" else _load(ROOT / choice / f"{lesson.name}.py")
        for task in lesson.tasks:
            original = LIBRARY[task.module, task.name] = task.function
            replacement = (
                original if source is None else vars(source).get(task.name) or _exit_missing(task.name, source)
            )
            if task.module is gradcheck:
                GRADIENT_CHECKS[task.module, task.name] = original, replacement
            else:
                setattr(task.module, task.name, replacement)
                EXPECTED[task.module, task.name] = Path(source.__file__ if source else task.module.__file__).resolve()


def install_gradient_check(test_module):
    """Use the implementation's gradient check in its own tests, and the library's in all others."""
    is_own_test = test_module.__name__.endswith("test_gradcheck")
    for (module, name), (original, replacement) in GRADIENT_CHECKS.items():
        setattr(module, name, replacement if is_own_test else original)


def restore(monkeypatch, module):
    """Restore the library's functions of a module for one test."""
    for (owner, name), function in LIBRARY.items():
        if owner is module:
            monkeypatch.setattr(owner, name, function)


def check_origins():
    """Assert that every function comes from the expected file."""
    for (module, name), expected_file in EXPECTED.items():
        file = _file(getattr(module, name))
        assert file == expected_file, f"{module.__name__}.{name} comes from {file}, not from {expected_file}"


def report():
    """Return lines that name the file of every tested function."""
    names_by_file = {}
    for name, function in [(name, getattr(module, name)) for module, name in EXPECTED]:
        names_by_file.setdefault(_file(function), []).append(name)
    for (_, name), (_, replacement) in GRADIENT_CHECKS.items():
        names_by_file.setdefault(_file(replacement), []).append(f"{name} (in test_gradcheck)")
    return [f"{file.relative_to(ROOT).as_posix()}: {', '.join(names)}" for file, names in names_by_file.items()]


def is_affected(test_module):
    """Return True if a file of tests uses any of these functions, directly or indirectly.

    Such a file imports a module with such a function, or a module that imports one. Tests of the kernels and of the
    pages' commands do not count.
    """
    if "kernels" in test_module.__name__ or test_module.__name__.endswith("test_page_commands"):
        return False
    if test_module.__name__.endswith("test_gradcheck"):
        return True
    exercised = {module for module, _ in EXPECTED}
    tested = _imported(test_module)
    return bool(exercised & tested) or any(exercised & _imported(module) for module in tested)


def _imported(module):
    """Return the modules of the package that a module imports."""
    values = filter(inspect.ismodule, vars(module).values())
    return {value for value in values if value.__name__.split(".")[0] == "numpy_sat"}


def _load(path):
    try:
        return lessons.load_file(path)
    except Exception as error:
        pytest.exit(f"{path} cannot be imported, so nothing can be tested: {type(error).__name__}: {error}", 2)


def _exit_missing(name, source):
    """Stop pytest because a file lacks a function."""
    pytest.exit(f"{source.__file__} has no function {name}, so nothing can be tested", 2)


def _file(function):
    return Path(plain_function(function).__code__.co_filename).resolve()
