"""The Markdown pages and the commands in them."""

import contextlib
import io
import re
import shlex
from pathlib import Path
from typing import NamedTuple

import numpy as np

ROOT = Path(__file__).parents[1]
FOLDERS = ("numpy_sat", "exercises", "solutions", "tests", ".github")
PAGES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md"))
PAGES = [ROOT / "README.md", *(path for path in PAGES if ".venv" not in path.parts)]


class Command(NamedTuple):
    """A command of a page."""

    page: Path
    module: str  # such as numpy_sat.train
    argv: list


def names(paths):
    """Return the paths relative to the project, as text."""
    return [path.relative_to(ROOT).as_posix() for path in paths]


def prose(text):
    """Return a page's text without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)


def inline_code(text):
    """Return the pieces of code in a page's prose."""
    return re.findall(r"`([^`\n]+)`", prose(text))


def blocks(text, *languages):
    """Return the blocks of code in these languages."""
    return [body for language, body in re.findall(r"^```(\w+)\n(.*?)^```$", text, re.S | re.M) if language in languages]


def run_python(text):
    """Run the Python blocks of a page in order, in one namespace.

    Returns:
        A pair (output, expected) for each block: what it printed, and the text block directly below it, or "" if there
        is none. Rounding errors, such as (error 6.8e-12), are replaced by (error).
    """
    namespace, pairs = {"__name__": "page"}, []
    with np.printoptions():  # restore the options that a page sets
        for code, expected in re.findall(r"^```python\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?", text, re.S | re.M):
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(code, namespace)
            pairs.append(tuple(re.sub(r"\(error [^)]*\)", "(error)", each) for each in (output.getvalue(), expected)))
    return pairs


def anchors(path):
    """Return the names of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.S | re.M), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands_of(path):
    """Return all commands of a page that start this project's modules."""
    text = path.read_text(encoding="utf-8")
    lines = [line for block in blocks(text, "sh", "bat") for line in block.replace("\\\n", " ").splitlines()]
    parts = [part for line in [*lines, *inline_code(text)] for part in line.split("&&")]
    commands = []
    for part in parts:
        if match := re.search(r"python3? -m (\S+)(.*)$", part):
            commands.append(Command(path, match[1], shlex.split(match[2], comments=True)))
    return commands


ALL_COMMANDS = [command for path in PAGES for command in commands_of(path)]
OURS = [command for command in ALL_COMMANDS if command.module.startswith(("numpy_sat", "exercises"))]


def described(command):
    """Return a command as text, with its page."""
    return f"{command.page.relative_to(ROOT).as_posix()}: {command.module} {shlex.join(command.argv)}"
