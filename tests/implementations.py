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
    """Return True if a file of tests checks any of these functions.

    Such a file imports a module that has one, or checks a whole model. It lies in the folder of the tests of such
    modules, such as tests/layers, or is test_captioner.py. Tests of commands only use what these tests check, and
    tests/exercises/test_plug.py trains all models with all solutions in place.
    """
    if test_module.__name__.endswith("test_gradcheck"):  # all others use the library's gradient check
        return True
    exercised = {module for module, _ in EXPECTED}
    folders = {module.__name__.split(".")[1] for module in exercised}
    path = Path(test_module.__file__).relative_to(ROOT / "tests")
    imported = [value for value in vars(test_module).values() if inspect.ismodule(value)]
    checks = any(value in exercised or value.__name__.endswith("whole_model") for value in imported)
    return checks and (path.parts[0] in folders or path.name == "test_captioner.py")


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
