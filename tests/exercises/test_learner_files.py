"""Tests of the learners' files: the given lines unpack and pack the caches as the library does."""

import ast

import implementations
import pytest

from exercises.judging import judge, named, trees
from exercises.runner import stub

TASKS = [(lesson, task) for lesson in implementations.LESSONS for task in lesson.tasks]
each_task = pytest.mark.parametrize(("lesson", "task"), TASKS, ids=[f"{le.number}-{task.name}" for le, task in TASKS])


@pytest.fixture(autouse=True)
def library_only(request):
    """Skip the tests unless --impl is the library, from which the files are made."""
    if request.config.getoption("--impl") != "numpy_sat":
        pytest.skip("learners' files are made from the library's functions")


def body_of(lesson, task):
    """Return the given statements of a stub above and below the `raise`."""
    definition = ast.parse(stub.stub(task.function, lesson.number)).body[0]
    statements = definition.body[1:]
    (place,) = (k for k, statement in enumerate(statements) if isinstance(statement, ast.Raise))
    return statements[:place], statements[place + 1 :]


@each_task
def test_a_cache_is_unpacked_into_the_variables_of_the_forward_function(lesson, task):
    case = judge.cases_of(task)[0]
    unpacking, _ = body_of(lesson, task)
    assert bool(unpacking) == ("cache" in case)
    variables = dict(named.copy_arrays(case))
    exec(compile(ast.Module(unpacking, []), "stub", "exec"), variables)
    cache = variables.pop("cache", ())
    held = {id(leaf) for leaf in named.flatten("", variables).values()}
    assert {id(leaf) for leaf in named.flatten("", cache).values()} <= held
    names = [name for line in unpacking for name in ast.unparse(line.targets[0]).strip("()").split(", ")]
    assert len(set(names)) == len(names) >= len(cache)


@each_task
def test_a_result_is_returned_with_the_librarys_cache(lesson, task):
    _, packing = body_of(lesson, task)
    assert bool(packing) == ("cache" in task.outputs)
    if packing:
        *results, pack = packing[0].value.elts
        assert [ast.unparse(result) for result in results] == [name for name in task.outputs if name != "cache"]
        function = trees.plain_function(task.function)
        known = set(function.__code__.co_varnames)  # arguments and local variables
        used = {node.id for argument in pack.args for node in ast.walk(argument) if isinstance(node, ast.Name)}
        assert used <= known
