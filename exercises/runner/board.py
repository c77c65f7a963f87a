"""The board: a line for each exercise, and the command for the next one."""

from collections.abc import Sequence

from exercises.runner import checks, lessons
from exercises.runner.report import relative
from exercises.runner.terminal import colored, say


def show_board() -> None:
    """Print a line for each exercise as soon as it is judged, then the command for the next exercise."""
    numbers, unsolved = list(lessons.names()), []
    for result in checks.results(numbers):
        lesson = lessons.load(result.number)
        unsolved += [] if result.right else [result]
        mark, style, detail = state(result)
        print(f" {result.number:3}  {colored(f'{mark:<8}', style)} {lesson.title:<38} {detail}".rstrip())
    say(f"{len(numbers) - len(unsolved)} of {len(numbers)} solved.")
    if unsolved:
        _show_task(lessons.load(next_number(unsolved)))


def next_lesson() -> lessons.Lesson | None:
    """Print which exercise is next, and return its Lesson, or None if all are solved."""
    unsolved = [result for result in checks.results(list(lessons.names())) if not result.right]
    if not unsolved:
        say("All exercises are solved.")
        return None
    lesson = lessons.load(next_number(unsolved))
    say(f"Exercise {lesson.number}: {lesson.title}")
    _show_task(lesson)
    return lesson


def next_number(unsolved: Sequence[checks.Result]) -> int:
    """Return the number of the first unsolved exercise that is begun, or else of the first one."""
    return next((result for result in unsolved if not result.unwritten), unsolved[0]).number


def _show_task(lesson):
    say(f"Next: open {relative(lesson.file)}, write the functions, and run")
    say(f"python -m exercises check {lesson.number}", indent=4)


def state(result: checks.Result) -> tuple[str, str, str]:
    """Return the mark of an exercise on the board, its style, and a detail such as the first wrong function."""
    if result.right:
        return "solved", "good", ""
    if result.unwritten:
        return "", "dim", ""
    wrong = [verdict["name"] for verdict in result.verdicts if verdict["state"] == "wrong"]
    right = sum(verdict["state"] == "right" for verdict in result.verdicts)
    if wrong:
        return "wrong", "bad", wrong[0]
    return "begun", "open", f"{right} of {len(result.verdicts)} functions"
