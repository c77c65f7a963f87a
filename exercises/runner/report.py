"""The text of `check`: where to look, then the verdict on each function, in at most LINES lines."""

import math
import threading
from collections.abc import Iterable, Sequence

from exercises.runner import checks, lessons
from exercises.runner.terminal import MARKS, colored, marked, say, show, wrapped

LINES = 25  # at most, unless all details are asked for
SENTENCE_LINES = 4  # of a sentence, which may quote a long message
NAMES = 6  # of right arrays in a line
PATIENCE = 1.0  # seconds of search for the mistake until a line says which functions are wrong
DETAIL = 11, 13  # columns before the first line of a detail, and before the others


def show_head(lesson: lessons.Lesson) -> None:
    """Print the exercise's number, title and file."""
    show(f"{colored(f'Exercise {lesson.number}: {lesson.title}', 'strong')}   {relative(lesson.file)}")


def show_results(
    lesson: lessons.Lesson, results: Iterable[checks.Result], term: bool, everything: bool = False
) -> checks.Result:
    """Print where an exercise's mistakes are, the verdicts and the next command, as soon as they are complete.

    Args:
        lesson: the lessons.Lesson.
        results: one or two checks.Result of the exercise; the last one has the findings.
        term: True to print the wrong term of each finding.
        everything: True to print all details, in any number of lines.
    Returns:
        The last Result.
    """
    announcement = None
    try:
        for result in results:
            if not result.complete:
                announcement = threading.Timer(PATIENCE, _announce, [result])
                announcement.daemon = True
                announcement.start()
                continue
            _end(announcement)
            for line in text_lines(lesson, result, term, everything):
                show(line)
    finally:
        _end(announcement)
    return result


def _announce(result):
    names = [verdict["name"] for verdict in result.verdicts if verdict["state"] == "wrong"]
    say(f"WRONG: {', '.join(names)}. Looking for the mistake ...")


def _end(announcement):
    """Stop the timer, or wait until its line is printed."""
    if announcement:
        announcement.cancel()
        announcement.join()


def text_lines(lesson: lessons.Lesson, result: checks.Result, term: bool, everything: bool) -> list[str]:
    """Return the lines below the head, see show_results."""
    pairs = [(verdict, finding) for verdict in result.verdicts for finding in verdict["findings"]]
    findings = [_finding_lines(verdict, finding, term) for verdict, finding in pairs]
    verdicts = [_verdict_line(lesson, verdict) for verdict in result.verdicts]
    details = [_details(verdict, everything) for verdict in result.verdicts]
    end = _next_lines(lesson, result, term)
    shortlist, missing = findings[:1], 0
    room = math.inf if everything else LINES - 2 - len(verdicts) - len(end) - sum(map(len, shortlist))
    for blocks in (details, findings[1:]):
        for k, block in enumerate(blocks):
            fits = len(block) <= room
            room -= len(block) if fits else 0
            missing += 0 if fits else len(block)
            if blocks is details:
                details[k] = block if fits else []
            elif fits:
                shortlist.append(block)
    body = [line for verdict, block in zip(verdicts, details, strict=True) for line in (verdict, *block)]
    more = [f"... and {missing} more lines: python -m exercises check {lesson.number} --all"] if missing else []
    return [line for block in shortlist for line in block] + body + more + end


def _finding_lines(verdict, finding, term):
    name = verdict["name"]
    place = name if finding["function"] == name else f"{name} (in its call of {finding['function']})"
    array = "the result" if finding["array"].startswith("return ") else finding["array"]
    lines = wrapped(f"Look at {array} in {place}:")
    if finding["equation"]:
        lines += wrapped(finding["equation"], 4, 6)
    return lines + [line for sentence in term_sentences(verdict, finding) * term for line in wrapped(sentence, 4, 6)]


def term_sentences(verdict: dict, finding: dict) -> list[str]:
    """Return the sentences on the wrong term of a finding: how sure it is, and what else it may be."""
    if finding["term"]:
        sentence = with_full_stop(finding["term"])
        first = sentence if finding["certainty"] == "certain" else f"It seems: {sentence}"
        return [first, *([f"or: {with_full_stop(finding['runner_up'])}"] if finding["runner_up"] else [])]
    if verdict["arrays"]:
        return ["No single mistake that the checker knows gives exactly these numbers."]
    return []


def _verdict_line(lesson, verdict):
    place = f"   {relative(lesson.file)}:{verdict['line']}" if verdict["state"] == "wrong" and verdict["line"] else ""
    return marked(*MARKS[verdict["state"]], f"{verdict['name'] or 'the file'}{place}")


def _details(verdict, everything):
    """Return the lines below a verdict's line."""
    lines = []
    if verdict["state"] == "wrong":
        if verdict["sentence"]:
            lines += wrapped(with_full_stop(verdict["sentence"]), *DETAIL)
        if len(lines) > SENTENCE_LINES and not everything:
            lines[SENTENCE_LINES - 1 :] = [f"{' ' * DETAIL[1]}..."]
        for sentence in array_sentences(verdict, everything):
            lines += wrapped(sentence, *DETAIL)
        right = [array["name"] for array in verdict["arrays"] if array["right"]]
        if not everything:  # the members of a cache are mostly arguments
            right = [name for name in right if not name.startswith("cache")]
        if right:
            lines += wrapped(f"right: {', '.join(right) if everything else some(right)}", *DETAIL)
    for note in verdict["notes"]:
        lines += wrapped(f"Note: {with_full_stop(note)}", *DETAIL)
    return lines


def some(names: Sequence[str]) -> str:
    """Return the first names as text, and the number of the others."""
    more = f" and {len(names) - NAMES} more" * (len(names) > NAMES)
    return ", ".join(names[:NAMES]) + more


def array_sentences(verdict: dict, everything: bool = False) -> list[str]:
    """Return a sentence for each wrong array that a finding names, or for the first one, and the number of the others.

    Args:
        verdict: a dict with the fields of judge.Verdict.
        everything: True for a sentence for each wrong array.
    """
    wrong = [array for array in verdict["arrays"] if not array["right"]]
    blamed = {finding["array"] for finding in verdict["findings"]}
    selection = [array for array in wrong if array["name"].split(".")[0].split("[")[0] in blamed] or wrong[:1]
    if everything:
        selection = wrong
    sentences = [array_sentence(array) for array in selection]
    if count := len(wrong) - len(selection):
        sentences.append(f"{count} more array{'s are' if count > 1 else ' is'} wrong, too")
    return sentences


def array_sentence(array: dict) -> str:
    """Return the sentence on a wrong array, by how much it is wrong, and where most."""
    name, yours, expected, error = (array[key] for key in ("name", "yours", "expected", "error"))
    if math.isnan(expected):  # a check without numbers, such as "inputs are unchanged"
        return f"{name} is not what it should be"
    if array.get("kind", "f") in "iub" and math.isfinite(yours):
        entry = f"{name}[{', '.join(map(str, array['index']))}]" if array["index"] else name
        kind = bool if array["kind"] == "b" and yours in (0, 1) else float
        return f"{entry} is {_text(yours, kind)}, right is {_text(expected, kind)}"
    place = f"at {name}[{', '.join(map(str, array['index']))}]" if array["index"] else ""
    amount = _amount(name, yours, expected, error, bool(place))
    where = ", worst ".join(filter(None, (amount, place)))
    return f"{name}: {where}{': ' * bool(where)}yours {_number(yours)}, right {_number(expected)}"


def _amount(name, yours, expected, error, has_entries):
    """Return how much an array is wrong, and of what; "" if there is no such number."""
    if error > 1e6 or not math.isfinite(yours - expected):
        return ""
    distance = abs(yours - expected)
    if max(abs(distance - error), abs(expected)) < 1e-6:  # the right array is 0, so the error is no ratio
        return f"off by {distance:.2g}"
    amount = f"{error:.3g} times" if error >= 10 else f"{100 * error:.{'0f' if error >= 0.1 else '2g'}} %"
    whole = f"the largest entry of {name}" if has_entries else "the right number"
    return f"off by {amount} {'' if error >= 10 else 'of '}{whole}"


def _text(value, kind):
    return str(bool(value)) if kind is bool else _number(value)


def _number(value):
    return "NaN" if math.isnan(value) else f"{value + 0.0:.6g}"


def _next_lines(lesson, result, term):
    findings = [finding for verdict in result.verdicts for finding in verdict["findings"]]
    if result.right:
        return [
            *wrapped(f"Solved. The derivation, step by step: python -m exercises solution {lesson.number}"),
            *wrapped(f"Train the model with it: python -m exercises plug {lesson.number}"),
        ]
    if not term and any(finding["term"] for finding in findings):
        return wrapped(f"Which term? python -m exercises check {lesson.number} --term")
    return wrapped(f"Stuck? python -m exercises hint {lesson.number}")


def with_full_stop(sentence: str) -> str:
    """Return the sentence with a full stop, unless it ends with ".", "?" or "!"."""
    sentence = sentence.rstrip()
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."


def relative(path) -> str:
    """Return a path relative to the project's folder if it is inside, with slashes."""
    root = lessons.EXERCISES.parent
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()
