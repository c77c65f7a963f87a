"""The verdicts as JSON, for programs that read them: `check N --json` and `grade FOLDER --json`."""

import json
import math
from pathlib import Path

from exercises.runner import checks, lessons, report


def show(record: dict) -> None:
    """Print a record as JSON. Numbers that JSON lacks become the texts "NaN", "Infinity" and "-Infinity"."""
    print(json.dumps(finite(record), indent=1, allow_nan=False), flush=True)


def of_exercise(lesson: lessons.Lesson, file: Path, result: checks.Result) -> dict:
    """Return the record of a learner's file.

    Args:
        lesson: the lessons.Lesson.
        file: the learner's file.
        result: the checks.Result.
    """
    return {
        "exercise": lesson.number,
        "title": lesson.title,
        "file": report.relative(file),
        "solved": result.right,
        "seconds": round(result.seconds, 3),
        "functions": [_of_function(verdict) for verdict in result.verdicts],
    }


def _of_function(verdict):
    return {
        "function": verdict["name"],
        **{key: verdict[key] for key in ("state", "sentence", "line", "arrays", "notes", "findings")},
    }


def finite(value: object) -> object:
    """Return a record with texts in place of the numbers that JSON lacks."""
    if isinstance(value, dict):
        return {key: finite(part) for key, part in value.items()}
    if isinstance(value, list):
        return [finite(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
