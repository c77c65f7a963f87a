"""What a learner asks for besides a check: to be watched, a hint, a fresh file, the solution."""

import time

from exercises.runner import board, checks, lessons, stub
from exercises.runner.terminal import say
from numpy_sat.system import errors

STEPS = ("a question", "the equation", "the term")
SECONDS = 0.2  # between looks at the files


def watch(numbers, term):
    """Check an exercise whenever its file is saved, until interrupted."""
    files = {number: lessons.load(number).file for number in numbers}
    seen = {number: _changed(path) for number, path in files.items()}
    say(f"Watching {len(files)} file{'s' * (len(files) > 1)}: save one, and it is checked. Ctrl-C ends.")
    try:
        while True:
            for number, path in files.items():
                now = _changed(path)
                if now != seen[number] and now:
                    seen[number] = now
                    _check(number, term)
            time.sleep(SECONDS)
    except KeyboardInterrupt:
        print()


def _check(number, term):
    lesson = lessons.load(number)
    print()
    board.show_head(lesson)
    started = time.monotonic()
    board.show_results(lesson, checks.watch(number), term)
    say(f"({time.strftime('%H:%M:%S')}, {time.monotonic() - started:.1f} s)")


def _changed(path):
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def hint(lesson, step, of=None):
    """A hint on a function; if none is named on the first that is not right yet, on the last one if all are."""
    if of is not None and of not in lesson.hints:
        raise errors.InputError(f"exercise {lesson.number} has no function {of}; it has {', '.join(lesson.hints)}.")
    board.show_head(lesson)
    (result,) = checks.results([lesson.number])
    states = {verdict["name"]: verdict["state"] for verdict in result.verdicts}
    open_ones = [task.name for task in lesson.tasks if states.get(task.name) != "right"]
    name = of or (open_ones or [lesson.tasks[-1].name])[0]
    say(f"{name}: {STEPS[step - 1]}")
    say(lesson.hints[name][step - 1], 4)
    if step < len(STEPS):
        say(f"More: python -m exercises hint {lesson.number} {step + 1}{f' --of {of}' if of else ''}")
    elif not result.unwritten:
        say(f"Of your own numbers: python -m exercises check {lesson.number} --term")


def reset(lesson):
    """Hand out the file anew; what it replaces is kept beside it."""
    path = lesson.file
    text = stub.render(lesson)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        say(f"{path.name} is as it was handed out.")
        return
    with errors.writing(path):
        if path.exists():
            kept = _free(path)
            path.replace(kept)
            say(f"Yours is kept as {kept.name}.")
        path.write_text(text, encoding="utf-8")
    say(f"{path.name} is handed out anew.")


def _free(path):
    """exNN_name.mine-1.txt or the next that is free."""
    k = 1
    while (kept := path.with_name(f"{path.stem}.mine-{k}.txt")).exists():
        k += 1
    return kept


def solution(lesson, anyway):
    """Print the solution's file, if the exercise is solved; returns the exit code."""
    (result,) = checks.results([lesson.number])
    if not result.right and not anyway:
        say(
            f"Exercise {lesson.number} is not solved yet; there are hints: python -m exercises hint {lesson.number}. "
            f"To see the solution all the same: python -m exercises solution {lesson.number} --anyway"
        )
        return 1
    print(lesson.solution.read_text(encoding="utf-8"))
    return 0
