"""Print results: the board, which lists all exercises, and the verdicts on a single exercise."""

import math
from collections.abc import Iterable

from exercises.runner import checks, lessons
from exercises.runner.terminal import colored, line, say

MARKS = {"right": ("right", "good"), "wrong": ("WRONG", "bad"), "unwritten": ("to write", "open")}


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
        say(f"Next: open {_relative(next_lesson.file)}, write the functions, and run")
        say(f"python -m exercises check {next_lesson.number}", indent=4)


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


def show_head(lesson: lessons.Lesson) -> None:
    """Print the exercise's number, title and file."""
    print(colored(f"Exercise {lesson.number}: {lesson.title}", "strong"), f"  {_relative(lesson.file)}", flush=True)


def show_results(lesson: lessons.Lesson, results: Iterable[checks.Result], term: bool) -> checks.Result:
    """Print an exercise's verdicts at once, then where its mistakes are (the findings) and the next command.

    Args:
        lesson: the lessons.Lesson.
        results: one or two checks.Result of the exercise; the last one has the findings.
        term: True to print the wrong term of each finding.
    Returns:
        The last Result.
    """
    for k, result in enumerate(results):
        if k == 0:
            _show_verdicts(result.verdicts)
    for verdict in result.verdicts:
        for finding in verdict["findings"]:
            _show_finding(verdict["name"], finding, term)
    _show_next(lesson, result, term)
    return result


def _show_verdicts(verdicts):
    for verdict in verdicts:
        line(*MARKS[verdict["state"]], verdict["name"] or "the file")
        if verdict["state"] == "wrong":
            _show_wrong(verdict)


def with_full_stop(sentence: str) -> str:
    """Return the sentence with a full stop, unless it ends with ".", "?" or "!"."""
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."


def _show_wrong(verdict):
    if verdict["sentence"]:
        say(with_full_stop(verdict["sentence"]), 11, 13)
    for array in verdict["arrays"]:
        if not array["right"]:
            say(_array_sentence(array), 11, 13)
    right = [array["name"] for array in verdict["arrays"] if array["right"]]
    if right:
        say(f"right: {', '.join(right)}", 11, 13)


def _show_finding(name, finding, term):
    place = name if finding["function"] == name else f"{name} (in its call of {finding['function']})"
    say(f"Look at {finding['array']} in {place}:")
    if finding["equation"]:
        say(finding["equation"], 4, 6)
    if term and finding["term"]:
        sentence = with_full_stop(finding["term"])
        say(sentence if finding["exact"] else f"It seems: {sentence}", 4, 6)
    elif term:
        say("No single mistake that the checker knows gives exactly these numbers.", 4, 6)


def _array_sentence(array):
    name = array["name"]
    if math.isnan(array["wanted"]):  # a check without numbers, such as "inputs are unchanged"
        return f"{name} is not what it should be"
    place = f"{name}[{', '.join(map(str, array['index']))}]" if array["index"] else name
    error = array["error"]  # relative to the size of the right array
    amount = "" if error > 1e6 else f"off by {_percentage(error)} of its size, worst "
    return f"{name}: {amount}at {place}: yours {_number(array['yours'])}, right {_number(array['wanted'])}"


def _percentage(error):
    return f"{error:.0%}" if error >= 0.01 else f"{error:.1e}"


def _number(value):
    return "NaN" if math.isnan(value) else f"{value + 0.0:.6g}"


def _show_next(lesson, result, term):
    findings = [finding for verdict in result.verdicts for finding in verdict["findings"]]
    if result.right:
        say(f"Solved. The derivation, step by step: python -m exercises solution {lesson.number}")
        say(f"Train the model with it: python -m exercises plug {lesson.number}")
    elif findings and not term and any(finding["term"] for finding in findings):
        say(f"Which term? python -m exercises check {lesson.number} --term")
    elif not findings:
        say(f"Stuck? python -m exercises hint {lesson.number}")


def _relative(path):
    return path.relative_to(lessons.EXERCISES.parent).as_posix()
