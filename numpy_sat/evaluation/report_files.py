"""Write reports to files, and report progress to the user."""

import json
import sys
from pathlib import Path

from numpy_sat.experiment import runs
from numpy_sat.system import output, ranks
from numpy_sat.system.errors import InputError
from numpy_sat.system.files import refuse_unwritable, replacing


def place(out: Path | None, run: Path, name: str) -> Path:
    """Return the path of a report, after a check that its two files can be written.

    Args:
        out: path of the Markdown file, or None for a file in the run's folder.
        run: path of the run.
        name: the file's name in the run's folder, without its suffix.
    Raises:
        InputError: a file cannot be written, or the JSON file would replace one that belongs to no report.
    """
    path = out or runs.output_folder(run) / f"{name}.md"
    data = path.with_suffix(".json")
    for file in (path, data):
        refuse_unwritable(file)
    if out and data.exists() and not path.exists():
        raise InputError(f"--out {path}: the report's figures would replace {data}; choose another name.")
    return path


def write(path: Path, markdown: str, everything: dict, text: str) -> None:
    """Write a report as Markdown and, beside it, as JSON. Then print it. Of several ranks, only the first one does.

    The files come first. They are complete even if the reader of the output has stopped, as `head` does.

    Args:
        path: path of the Markdown file; the JSON file has the suffix .json.
        markdown: the report as Markdown.
        everything: a dict for the json module.
        text: the report for the terminal.
    Raises:
        InputError: a file cannot be written.
    """
    if not ranks.current().is_first:
        return
    data = json.dumps(everything, indent=1, allow_nan=False) + "\n"
    files = {path: output.printable(markdown, output.LAYOUT), path.with_suffix(".json"): data}
    for file, contents in files.items():
        with replacing(file) as temporary:
            temporary.write_text(contents, encoding="utf-8")
    output.show(f"\n{text}")
    for file in files:
        output.show(f"written: {file}")


def say(activity: str) -> None:
    """Print the current activity to stderr, since it is not part of the report."""
    output.show(f"{activity} ...", file=sys.stderr)
