"""The command `grade`: judge the files of many learners, each learner's in processes of their own."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from exercises.runner import checks, lessons, records, report
from exercises.runner.terminal import WIDTH, say, show
from numpy_sat.system import output, progress

CELL = 5  # columns
NAME = 24  # columns of a learner's name, at most


class Learner(NamedTuple):
    """A folder with the files of one learner."""

    name: str
    folder: Path
    files: dict  # {number of an exercise: path}
    problems: list  # sentences on what cannot be judged
    results: dict  # {number: checks.Result}, which grows


def grade(folders: Sequence[Path], as_json: bool) -> int:
    """Judge the exercises in learners' folders and print a table of learners by exercises.

    After an interrupt, the output has the results so far. The cache makes a second run short.

    Args:
        folders: a folder for each learner, with files exNN_*.py in it or in its folder "exercises".
        as_json: True to print records.of_exercise of each file as JSON in place of the table.
    Returns:
        The exit code: 1 if something could not be judged.
    """
    learners = [_learner(folder, name) for folder, name in zip(folders, _names(folders), strict=True)]
    try:
        _judge(learners)
    finally:
        if as_json:
            records.show({"learners": [_record(learner) for learner in learners]})
        else:
            _show_table(learners)
    return 1 if any(learner.problems for learner in learners) else 0


def _judge(learners):
    """Fill the learners' results, with a progress bar."""
    with progress.bar(total=sum(len(learner.files) for learner in learners), unit="file", leave=False) as bar:
        for learner in learners:
            bar.set_description(output.printable(learner.name[:NAME]))
            for result in checks.results_of(learner.files):
                learner.results[result.number] = result
                bar.update()


def _names(folders):
    """Return a name for each folder: its own, or its whole path if another one has the same."""
    own = [folder.resolve().name for folder in folders]
    return [name if own.count(name) == 1 else str(folder) for name, folder in zip(own, folders, strict=True)]


def _learner(folder, name):
    """Return the Learner of a folder, with a problem for each thing that cannot be judged."""
    files, problems, known = {}, [], lessons.names()
    try:
        paths = sorted(_files_in(folder), key=lambda path: (path.stem not in known.values(), path.name))
    except OSError as error:
        return Learner(name, folder, {}, [f"{folder}: {error.strerror}; give the folder of one learner"], {})
    for path in paths:
        number = int(re.match(r"ex(\d+)_", path.name)[1])
        if number not in known:
            problems.append(f"{path}: there is no exercise {number}; the file is left out")
        elif number in files:
            problems.append(f"{path}: it is left out, because {files[number].name} is exercise {number}, too")
        else:
            files[number] = path.resolve()
    if not paths:
        missing = "no file has a name such as ex03_linear.py, here or in its folder exercises"
        problems = [f"{folder}: {missing}; give the folder of one learner"]
    return Learner(name, folder, {number: files[number] for number in known if number in files}, problems, {})


def _files_in(folder) -> Iterator[Path]:
    """Yield the learner's files in a folder, or in its folder "exercises" if that has some.

    Raises:
        OSError: the folder cannot be read.
    """
    inner = folder / "exercises"
    for place in (inner, folder) if inner.is_dir() else (folder,):
        paths = [path for path in place.iterdir() if re.fullmatch(r"ex\d+_.*\.py", path.name)]
        if paths:
            yield from paths
            return


def _record(learner):
    judged = [
        records.of_exercise(lessons.load(number), learner.files[number], result)
        for number, result in learner.results.items()
    ]
    return {
        "learner": learner.name,
        "folder": str(learner.folder),
        "files": len(learner.files),
        "solved": sum(record["solved"] for record in judged),
        "problems": learner.problems,
        "exercises": judged,
    }


def _show_table(learners):
    """Print the table in parts that fit into a line, then the problems."""
    begun = {n for learner in learners for n, result in learner.results.items() if not result.unwritten}
    numbers = [number for number in lessons.names() if number in begun]
    width = min(NAME, max(len("learner"), *(len(output.printable(learner.name)) for learner in learners)))
    columns = (WIDTH - width - len("  solved")) // CELL
    for first in range(0, max(1, len(numbers)), columns):
        part = numbers[first : first + columns]
        show(f"{'learner':<{width}}  solved" + "".join(f"{number:>{CELL}}" for number in part))
        for learner in learners:
            # A learner whose folder cannot be used has no number, so that nobody takes it for a zero.
            solved = sum(result.right for result in learner.results.values()) if learner.files else "err"
            cells = "".join(f"{_cell(learner, number):>{CELL}}" for number in part)
            show(f"{output.printable(learner.name)[:width]:<{width}}  {solved:>6}{cells}".rstrip())
        show()
    say("ok: solved; 1/3: one of three functions is right; err: the file or the folder cannot be used; -: not begun.")
    for learner in learners:
        for problem in learner.problems:
            say(report.with_full_stop(problem), 0, 4)
        if missing := len(learner.files) - len(learner.results):
            say(f"{learner.name}: {missing} file{'s' * (missing > 1)} not judged, because you interrupted.", 0, 4)


def _cell(learner, number):
    if number not in learner.files:
        return ""
    result = learner.results.get(number)
    if result is None:
        return "?"
    if result.unwritten:
        return "-"
    if not result.verdicts[0]["name"]:
        return "err"
    right = sum(verdict["state"] == "right" for verdict in result.verdicts)
    return "ok" if result.right else f"{right}/{len(result.verdicts)}"
