"""Write reports to files, and report progress to the user."""

import json
import sys
from pathlib import Path

from numpy_sat.system import output
from numpy_sat.system.files import replacing


def write(path: Path, markdown: str, everything: dict) -> None:
    """Write a report as Markdown and, beside it, as JSON.

    Args:
        path: path of the Markdown file; the JSON file has the suffix .json.
        markdown: text.
        everything: a dict for the json module.
    Raises:
        InputError: a file cannot be written.
    """
    text = json.dumps(everything, indent=1, allow_nan=False) + "\n"
    for file, contents in ((path, output.printable(markdown, output.LAYOUT)), (path.with_suffix(".json"), text)):
        with replacing(file) as temporary:
            temporary.write_text(contents, encoding="utf-8")
        output.show(f"written: {file}")


def say(activity: str) -> None:
    """Print the current activity to stderr, since it is not part of the report."""
    output.show(f"{activity} ...", file=sys.stderr)
