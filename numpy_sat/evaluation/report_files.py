"""Writing reports to files, and telling the user what is being done."""

import json
import sys
from pathlib import Path

from numpy_sat.system.errors import writing


def write(path, markdown, everything):
    """Write a report as Markdown and, beside it, as JSON.

    Args:
        path: of the Markdown file; the JSON file has the suffix .json.
        markdown: text.
        everything: what the json module can write.
    Raises:
        InputError: a file cannot be written.
    """
    text = json.dumps(everything, indent=1, allow_nan=False) + "\n"
    for file, contents in ((path, markdown), (path.with_suffix(".json"), text)):
        aside = Path(f"{file}.part")
        with writing(file, aside):
            aside.write_text(contents, encoding="utf-8")
            aside.replace(file)
        print(f"written: {file}")


def say(what):
    """Tell those who wait what is being done. It is not part of the report, and so goes to stderr."""
    print(f"{what} ...", file=sys.stderr, flush=True)
