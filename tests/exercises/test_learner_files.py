"""Tests of the learners' files: the form of the page, and the given lines, which unpack and pack the caches."""

import ast
import re

import implementations
import pytest

from exercises.judging import judge, named, trees
from exercises.runner import stub
from exercises.runner.lessons import EXERCISES

TASKS = [(lesson, task) for lesson in implementations.LESSONS for task in lesson.tasks]
each_task = pytest.mark.parametrize(("lesson", "task"), TASKS, ids=[f"{le.number}-{task.name}" for le, task in TASKS])


SECTIONS = ("Goal", "Equations", "Worked example", "Your task", "Given", "Run")


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
    for field, value in cache._asdict().items() if cache else ():
        is_activation = hasattr(value, "y") and len(value) == 1
        name = field if field in variables and not is_activation else f"cache_{field}"
        assert variables[name] is value
        assert not is_activation or variables[field] is value.y


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


@pytest.mark.parametrize("lesson", implementations.LESSONS, ids=lambda lesson: lesson.name)
def test_page_has_the_form_of_a_page(lesson):
    text = lesson.file.read_text(encoding="utf-8")
    page = text[: text.index('\n"""\n')] + '\n"""'
    assert len(text.splitlines()) <= 120 and len(page.splitlines()) <= 40
    assert max(map(len, text.splitlines())) <= 120
    headings = [heading.strip() for heading in re.findall(r"^(\S.{15})(?=\S)", page, re.M)][1:]
    assert [heading for heading in headings if heading != "Read"] == list(SECTIONS)
    assert f"python -m exercises check {lesson.number} " in page
    assert f"python -m exercises hint {lesson.number}" in page
    assert not re.search(r"\b[Ss]lides?\b", page)
    for task in lesson.tasks:
        assert task.name in page


@pytest.mark.parametrize("lesson", implementations.LESSONS, ids=lambda lesson: lesson.name)
def test_the_chapter_of_a_page_exists_and_lists_the_exercise(lesson):
    rows = (EXERCISES / "chapters" / "README.md").read_text(encoding="utf-8")
    chapters = {
        name: numbers.split(", ") for name, numbers in re.findall(r"\]\((\w+)\.md\) .* \| ([\d, ]+) \|$", rows, re.M)
    }
    chapter = lesson.facts.chapter
    assert bool(chapter) == any(str(lesson.number) in numbers for numbers in chapters.values())
    if chapter:
        assert str(lesson.number) in chapters[chapter]
        assert (EXERCISES / "chapters" / f"{chapter}.md").exists()
        assert f"exercises/chapters/{chapter}.md" in stub.render(lesson)


def test_prerequisites_come_earlier_in_the_syllabus():
    order = [lesson.number for lesson in implementations.LESSONS]
    for lesson in implementations.LESSONS:
        earlier = order[: order.index(lesson.number)]
        assert set(lesson.facts.builds_on) <= set(earlier)
        assert lesson.facts.difficulty in (1, 2, 3)


def test_syllabus_has_the_facts_of_the_lessons():
    text = (EXERCISES / "README.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| (\d+) \| \[ex.*\| ([\d, ]*) ?\| (\d) \| (\d+) \|(?: \[.*\]\(chapters/(\w+)\.md\))? \|$", text, re.M
    )
    assert len(rows) == len(implementations.LESSONS)
    for lesson, (number, builds_on, difficulty, minutes, chapter) in zip(implementations.LESSONS, rows, strict=True):
        facts = tuple(map(int, re.findall(r"\d+", builds_on))), int(difficulty), int(minutes), chapter
        assert int(number) == lesson.number
        assert facts == (lesson.facts.builds_on, lesson.facts.difficulty, lesson.facts.minutes, lesson.facts.chapter)
    hours = round(sum(lesson.facts.minutes for lesson in implementations.LESSONS) / 60)
    assert f"All {len(rows)} together take about {hours} hours" in " ".join(text.split())
