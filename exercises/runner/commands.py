"""The commands check, watch, hint, reset and solution, and the editor of `next --open`."""

import contextlib
import itertools
import os
import re
import shlex
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from exercises.runner import checks, lessons, report, stub
from exercises.runner.terminal import say
from numpy_sat.system import errors, files

STEPS = ("a question", "the equation", "the shapes", "the term")
SECONDS = 0.2  # between two reads of the files' times


def watch(numbers: Sequence[int], term: bool, everything: bool) -> None:
    """Check an exercise each time its file is saved, until the user interrupts.

    Args:
        numbers: the exercises to watch.
        term: True to name the wrong term as well.
        everything: True to print all details.
    """
    paths = lessons.files(numbers)
    times = {number: save_time(path) for number, path in paths.items()}
    say(f"Watching {len(paths)} file{'s' * (len(paths) > 1)}: a file is checked when you save it. Ctrl-C ends.")
    try:
        while True:
            for number, path in paths.items():
                time_now = save_time(path)
                if time_now != times[number] and time_now:
                    times[number] = time_now
                    _check(number, term, everything)
            time.sleep(SECONDS)
    except KeyboardInterrupt:
        print()


def _check(number, term, everything):
    start = time.monotonic()
    print()
    check(number, term, everything)
    say(f"({time.strftime('%H:%M:%S')}, {time.monotonic() - start:.1f} s)")


def check(number: int, term: bool, everything: bool) -> checks.Result:
    """Judge an exercise, print the verdicts and return the last Result.

    Args:
        number: the exercise.
        term: True to name the wrong term as well.
        everything: True to print all details.
    Raises:
        InputError: there is no exercise with this number.
    """
    results = checks.run_in_steps(number)  # its process starts while this one imports the lesson
    lesson = lessons.load(number)
    report.show_head(lesson)
    return report.show_results(lesson, results, term, everything)


def save_time(path: Path) -> int:
    """Return the time a file was last written, in ns, or 0 if there is no such file."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def open_file(path: Path) -> None:
    """Open a file in the user's editor, and wait until the editor ends.

    Raises:
        InputError: $EDITOR is not set, or cannot be started.
    """
    editor = os.environ.get("EDITOR", "")
    if not editor.strip():
        raise errors.InputError("EDITOR is not set; set it to your editor's command, for example export EDITOR=nano.")
    try:
        subprocess.run([*shlex.split(editor, posix=os.name != "nt"), str(path)], check=False)
    except (OSError, ValueError) as error:
        raise errors.InputError(
            f"EDITOR={editor} cannot be started ({error}); set it to your editor's command."
        ) from error


def hint(lesson: lessons.Lesson, step: int, of: str | None = None) -> None:
    """Print what is wrong with the learner's code, and a hint on it.

    Args:
        lesson: the lessons.Lesson.
        step: 1 for the question, 2 for the equation, 3 for the shapes, 4 for the term.
        of: name of the function; None for the first function that is not right yet, or the last one if all are right.
    Raises:
        errors.InputError: the exercise has no such function.
    """
    if of is not None and of not in lesson.hints:
        raise errors.InputError(f"exercise {lesson.number} has no function {of}; it has {', '.join(lesson.hints)}.")
    report.show_head(lesson)
    (result,) = checks.results([lesson.number])
    verdicts = {verdict["name"]: verdict for verdict in result.verdicts}
    unsolved = [
        task.name for task in lesson.tasks if task.name not in verdicts or verdicts[task.name]["state"] != "right"
    ]
    if not unsolved and of is None:
        say(f"All is right. The derivation: python -m exercises solution {lesson.number}")
        say(f"A hint on one of the functions: python -m exercises hint {lesson.number} --of {lesson.tasks[-1].name}")
        return
    name = of or unsolved[0]
    verdict = verdicts.get(name) or verdicts.get("")
    is_right = verdict is not None and verdict["state"] == "right"
    say(f"{name}{' (yours is right)' * is_right}: {STEPS[step - 1]}")
    for sentence in _about_your_code(verdict, step):
        say(sentence, 4)
    say((step == 1 and _question(lesson, name, verdict)) or lesson.hints[name][step - 1], 4)
    if step < len(STEPS):
        say(f"More: python -m exercises hint {lesson.number} {step + 1}{f' --of {of}' if of else ''}")
    elif lesson.pencil():
        say(f"Your numbers beside the right ones: python -m exercises check {lesson.number} --pencil")


def _question(lesson, name, verdict):
    """Return a question about the wrong gradient if the function's own question is about another one, else ""."""
    if verdict is None or verdict["state"] != "wrong":
        return ""
    wrong = [array["name"] for array in verdict["arrays"] if not array["right"]]
    array = [*(finding["array"] for finding in verdict["findings"]), *wrong, ""][0]
    (task,) = (task for task in lesson.tasks if task.name == name)
    variables = [output[1:] for output in task.outputs if re.match(r"d\w", output)]
    subjects = [variable for variable in variables if re.search(rf"\b{variable}(_|\b)", lesson.hints[name][0])]
    if not subjects or array[1:] in subjects or array[1:] not in variables or array[0] != "d":
        return ""
    return (
        f"Where does {array[1:]} appear in the equations of the forward pass, and with which factor? "
        f"Over which indices is {array} a sum?"
    )


def _about_your_code(verdict, step):
    """Return sentences on what is wrong in the learner's code. A later step of the hint says more."""
    if verdict is None or verdict["state"] != "wrong":
        return []
    wrong, right = (
        [array["name"] for array in verdict["arrays"] if array["right"] == state] for state in (False, True)
    )
    sentences = [f"In your code: {verdict['sentence']}"]
    if wrong:
        good = f"; right: {report.some(right)}" * bool(right)
        sentences = [f"In your code: {report.some(wrong)} {'is' if len(wrong) == 1 else 'are'} wrong{good}"]
    for finding in verdict["findings"][:1]:
        if step > 1 and finding["equation"]:
            sentences.append(f"The equation to look at: {finding['equation']}")
        if step == len(STEPS):
            sentences += report.term_sentences(verdict, finding)
    return [report.with_full_stop(sentence) for sentence in sentences]


def reset(lesson: lessons.Lesson) -> None:
    """Restore the learner's file to its original text, and keep a copy of the old text beside it."""
    path = lesson.file
    text = stub.render(lesson)
    if _has_text(path, text):
        say(f"{path.name} is unchanged: there is nothing to restore.")
        return
    with files.replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
        if path.exists():
            backup = _new_backup(path)
            path.replace(backup)
            say(f"Your file is kept as {backup.name}.")
    say(f"{path.name} is restored.")


def _has_text(path, text):
    """Return True if the file has this text, with line ends of any system. It may hold anything else."""
    try:
        return path.is_file() and path.read_bytes().replace(b"\r\n", b"\n") == text.encode()
    except OSError:
        return False


def _new_backup(path):
    """Create an empty file exNN_name.mine-1.txt, or with the next number that no file has, and return its path."""
    for k in itertools.count(1):
        backup = path.with_name(f"{path.stem}.mine-{k}.txt")
        with contextlib.suppress(FileExistsError):  # also if another process has just created it
            backup.touch(exist_ok=False)
            return backup


def solution(lesson: lessons.Lesson, anyway: bool) -> int:
    """Print the solution if the exercise is solved, or if `anyway` is True; return the exit code."""
    (result,) = checks.results([lesson.number])
    if not result.right and not anyway:
        say(
            f"Exercise {lesson.number} is not solved yet. For a hint: python -m exercises hint {lesson.number}. "
            f"To see the solution anyway: python -m exercises solution {lesson.number} --anyway"
        )
        return 1
    print(lesson.solution.read_text(encoding="utf-8"))
    return 0
