"""How results are told: the board of all exercises, and one exercise's verdicts."""

import math

from exercises.runner import checks, lessons
from exercises.runner.terminal import coloured, line, say

MARKS = {"right": ("right", "good"), "wrong": ("WRONG", "bad"), "unwritten": ("to write", "open")}


def show_board():
    """A line for every exercise, as soon as it is known; then which is next."""
    numbers, solved, following = list(lessons.names()), 0, None
    for result in checks.results(numbers):
        lesson = lessons.load(result.number)
        solved += result.right
        following = following or (None if result.right else lesson)
        mark, style, rest = _state(result)
        print(f" {result.number:3}  {coloured(f'{mark:<8}', style)} {lesson.title:<38} {rest}".rstrip())
    say(f"{solved} of {len(numbers)} solved.")
    if following:
        say(f"Next: open {_relative(following.file)}, write, and run")
        say(f"python -m exercises check {following.number}", indent=4)


def _state(result):
    if result.right:
        return "solved", "good", ""
    if result.unwritten:
        return "", "dim", ""
    wrong = [verdict["name"] for verdict in result.verdicts if verdict["state"] == "wrong"]
    written = sum(verdict["state"] == "right" for verdict in result.verdicts)
    if wrong:
        return "wrong", "bad", wrong[0]
    return "begun", "open", f"{written} of {len(result.verdicts)} functions"


def show_head(lesson):
    """The exercise's number, title and file."""
    print(coloured(f"Exercise {lesson.number}: {lesson.title}", "strong"), f"  {_relative(lesson.file)}", flush=True)


def show_results(lesson, results, term):
    """Tell an exercise's verdicts, then where to look; returns the last Result. term: whether to name that, too."""
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


def ended(sentence):
    """The sentence with a full stop, if it has no end yet."""
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."


def _show_wrong(verdict):
    if verdict["sentence"]:
        say(ended(verdict["sentence"]), 11, 13)
    for array in verdict["arrays"]:
        if not array["right"]:
            say(_of_array(array), 11, 13)
    right = [array["name"] for array in verdict["arrays"] if array["right"]]
    if right:
        say(f"right: {', '.join(right)}", 11, 13)


def _show_finding(name, finding, term):
    where = name if finding["function"] == name else f"{name}, in what {finding['function']} does"
    say(f"Look at {finding['array']} in {where}:")
    if finding["equation"]:
        say(finding["equation"], 4, 6)
    if term and finding["term"]:
        say(ended(finding["term"]) if finding["exact"] else f"It seems: {ended(finding['term'])}", 4, 6)
    elif term:
        say("No single mistake that we know of gives just these numbers.", 4, 6)


def _of_array(array):
    name = array["name"]
    if math.isnan(array["wanted"]):  # nothing to be counted, such as whether arrays are the ones that were given
        return f"{name} is not what it should be"
    place = f"{name}[{', '.join(map(str, array['index']))}]" if array["index"] else name
    size = array["error"]
    amount = "" if size > 1e6 else f"off by {_share(size)} of its size, worst "
    return f"{name}: {amount}at {place}: yours {_number(array['yours'])}, right {_number(array['wanted'])}"


def _share(size):
    return f"{size:.0%}" if size >= 0.01 else f"{size:.1e}"


def _number(value):
    return "not a number" if math.isnan(value) else f"{value + 0.0:.6g}"


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
