"""The board: a line for each exercise, and the command for the next one."""

from exercises.runner import checks, lessons
from exercises.runner.report import relative
from exercises.runner.terminal import colored, say


def show_board() -> None:
    """Print a line for each exercise as soon as it is judged, then the command for the next unsolved exercise."""
    numbers, solved, next_lesson = list(lessons.names()), 0, None
    for result in checks.results(numbers):
        lesson = lessons.load(result.number)
        solved += result.right
        next_lesson = next_lesson or (None if result.right else lesson)
        mark, style, detail = _state(result)
        print(f" {result.number:3}  {colored(f'{mark:<8}', style)} {lesson.title:<38} {detail}".rstrip())
    say(f"{solved} of {len(numbers)} solved.")
    if next_lesson:
        _show_task(next_lesson)


def next_lesson() -> lessons.Lesson | None:
    """Print which exercise is the first that is not solved, and return its Lesson, or None if all are solved."""
    unsolved = (result.number for result in checks.results(list(lessons.names())) if not result.right)
    number = next(unsolved, None)
    if number is None:
        say("All exercises are solved.")
        return None
    lesson = lessons.load(number)
    say(f"Exercise {number}: {lesson.title}")
    _show_task(lesson)
    return lesson


def _show_task(lesson):
    say(f"Next: open {relative(lesson.file)}, write the functions, and run")
    say(f"python -m exercises check {lesson.number}", indent=4)


def _state(result):
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
