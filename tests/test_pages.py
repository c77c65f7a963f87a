"""Test the Markdown pages: links, files, commands, settings and printed output."""

import argparse
import configparser
import contextlib
import importlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pages import (
    ALL_COMMANDS,
    FOLDERS,
    OURS,
    PAGES,
    ROOT,
    anchors,
    blocks,
    described,
    inline_code,
    names,
    prose,
    run_python,
)

from exercises.runner import lessons
from numpy_sat.experiment import presets, settings
from numpy_sat.experiment.recipe import SETTINGS
from numpy_sat.system import cli

SCENES = presets.from_random_weights("scenes", True)
ON_SCENES = presets.on_run("scenes", SCENES, Path("best.npz"), "oscar").replace(model="oscar")
RUNS = {  # {folder of a run on the pages, without -on and -soup: the recipe that it starts from}
    "scenes-small": SCENES,
    "scenes-small-oscar": ON_SCENES.replace(regions="boxes", tags="predicted"),
    "no-stars": SCENES,
    "tags": ON_SCENES.replace(regions="boxes", tags="oracle", plural_tags=True),
    "scenes-small-vlp": presets.from_random_weights("scenes", True, "vlp").replace(model="vlp"),
    "memory0": presets.from_random_weights("scenes", True, "visual-memory").replace(model="visual-memory"),
    "flickr8k": presets.from_random_weights("flickr8k", False),
    "flickr8k-large": presets.from_random_weights("flickr8k", False),
    "flickr8k-lite0": presets.on_pretrained("flickr8k", "lite0"),
    "flickr8k-lite2": presets.on_pretrained("flickr8k", "lite2"),
    "six-lite0": presets.on_pretrained("flickr8k", "lite0"),
    "six-14x14": presets.on_pretrained("flickr8k", "lite0"),
    "six-lite2": presets.on_pretrained("flickr8k", "lite2"),
    "small-photos": presets.on_pretrained("flickr8k", "lite0"),
    "local": presets.on_pretrained("flickr8k", "lite0"),
}
COMMANDS = (
    "train",
    "evaluate",
    "caption",
    "show",
    "serve",
    "words",
    "study",
    "soup",
    "ship",
    "variance",
    "diversity",
    "flickr8k",
    "bench",
    "align",
    "novel",
    "describe",
)
OF_EXERCISES = ("next", "check", "watch", "hint", "show", "plug", "grade", "reset", "solution")
OUTSIDE_CHAPTERS = [path for path in PAGES if path.parent.name != "chapters"]  # test_chapters.py runs those
OTHER_OPTIONS = {"--impl"}  # of pytest, declared in conftest.py


def parse(module, argv, monkeypatch):
    """Run only the argument parser of a command."""
    started = []
    monkeypatch.setattr(cli, "run", lambda work: started.append(work) or 0)
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            importlib.import_module(module).main(argv)
        except SystemExit as end:
            assert not end.code, output.getvalue()
            return output.getvalue()
    assert started, f"{module} does not call cli.run"
    return output.getvalue()


def main_module(name):
    """Return the module that `python -m name` runs."""
    return f"{name}.__main__" if (ROOT / name.replace(".", "/") / "__main__.py").exists() else name


def base_recipe(args):
    """Return the recipe that a command line of train or study starts from."""
    if args.start:
        name = re.sub(r"(-on|-soup)+$", "", Path(args.start).name)
        assert name in RUNS, f"{args.start}: add it to RUNS"
        return RUNS[name]
    if args.encoder and args.encoder not in presets.ENCODER_STAGES:
        return presets.on_run(args.data, SCENES, Path("best.npz"), args.model)
    if args.encoder:
        return presets.on_pretrained(args.data, args.encoder)
    return presets.from_random_weights(args.data, args.small, args.model)


def test_there_are_the_pages():
    expected = ["README.md", "numpy_sat/RESULTS.md", "exercises/README.md", ".github/CONTRIBUTING.md"]
    expected += [f"numpy_sat/{name}/README.md" for name in ("decoders", "training", "evaluation", "data", "kernels")]
    assert set(expected) <= set(names(PAGES))
    assert len(OURS) > 80


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200


@pytest.mark.parametrize("path", PAGES, ids=names(PAGES))
def test_links_resolve(path):
    text = prose(path.read_text(encoding="utf-8"))
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file) if file else path
        assert target.exists(), f"{link}: no such file"
        if anchor:
            assert anchor in anchors(target), f"{link}: no such heading"


@pytest.mark.parametrize("path", PAGES, ids=names(PAGES))
def test_files_in_code_exist(path):
    """Check paths in the project's folders, such as those in the map of the code in README.md."""
    for piece in inline_code(path.read_text(encoding="utf-8")):
        if re.fullmatch(rf"({'|'.join(FOLDERS)})/[\w./-]*", piece):
            assert (ROOT / piece).exists(), f"{piece}: no such file"


def test_map_of_the_code_has_eight_lines():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("## Map of the code\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert len(rows) == 8
    pieces = [piece for row in rows for piece in re.findall(r"`numpy_sat/([^`]+)`", row)]
    folders = {piece.split("/")[0] for piece in pieces}
    packages = {path.parent.name for path in (ROOT / "numpy_sat").glob("*/__init__.py")}
    assert packages <= folders


@pytest.mark.parametrize("command", OURS, ids=map(described, OURS))
def test_commands_parse(command, monkeypatch):
    module, argv = command.module, list(command.argv)
    parse(main_module(module), argv, monkeypatch)
    if module == "numpy_sat.study":
        argv = argv[1:]  # all other arguments go to train
        parse("numpy_sat.train", argv, monkeypatch)
    if module not in ("numpy_sat.train", "numpy_sat.study"):
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--set", nargs="+", action="extend", default=[])
    parser.add_argument("--from", dest="start")
    parser.add_argument("--data", default="scenes")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--encoder")
    parser.add_argument("--model")
    args, _ = parser.parse_known_args(argv)
    if "help" not in args.set:
        values = dict(text.split("=", 1) for text in args.set)
        base = base_recipe(args)
        recipe = settings.with_settings(base.replace(model=args.model) if args.model else base, values)
        settings.refuse_idle(recipe, values)


@pytest.mark.parametrize("path", PAGES, ids=names(PAGES))
def test_settings_are_real(path):
    """Check code such as `dropout=0 epochs=3`."""
    for piece in inline_code(path.read_text(encoding="utf-8")):
        if re.fullmatch(r"[a-z_]+=[^=\s]\S*( [a-z_]+=\S+)*", piece):
            for text in piece.split():
                name, _, value = text.partition("=")
                if value != "N":
                    settings.find_setting(name).parse(value)


def test_options_are_real(monkeypatch):
    """Check that options in the text, such as `--beam`, belong to a command."""
    helps = [parse(main_module(f"numpy_sat.{name}"), ["--help"], monkeypatch) for name in COMMANDS]
    helps += [parse("exercises.__main__", [name, "--help"], monkeypatch) for name in OF_EXERCISES]
    known = OTHER_OPTIONS.union(*(re.findall(r"--[a-z][\w-]*", text) for text in helps))
    for path in PAGES:
        for piece in inline_code(path.read_text(encoding="utf-8")):
            if not re.search(r"\b(pip|git) ", piece):
                unknown = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", piece)) - known
                assert not unknown, f"{path}: {piece}"


def test_names_of_settings_in_text_are_real():
    """Check that a single word of code with an underscore is a setting or occurs in the sources."""
    sources = "\n".join(
        path.read_text(encoding="utf-8") for folder in FOLDERS[:2] for path in (ROOT / folder).rglob("*.py")
    )
    words = set(re.findall(r"\w+", sources)) | set(SETTINGS)
    for path in PAGES:
        for piece in inline_code(path.read_text(encoding="utf-8")):
            if re.fullmatch(r"[a-z]+_[a-z_]+(\(\))?", piece):
                assert piece.removesuffix("()") in words, f"{path}: {piece}"


def test_packages_and_test_files_exist():
    """Check the extras of pip commands and the files of pytest commands."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = set(setup["options.extras_require"])
    for command in ALL_COMMANDS:
        for argument in command.argv:
            if command.module == "pip" and (match := re.search(r"\[(.*)\]", argument)):
                assert set(match[1].split(",")) <= extras, described(command)
            if command.module == "pytest" and "/" in argument:
                assert (ROOT / argument).exists(), described(command)


def test_syllabus_lists_every_exercise_in_the_boards_order():
    text = (ROOT / "exercises" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| \[(\w+\.py)\]\(\2\)", text, re.M)
    assert [(int(number), name) for number, name in rows] == [(n, f"{name}.py") for n, name in lessons.names().items()]


@pytest.mark.parametrize("path", OUTSIDE_CHAPTERS, ids=names(OUTSIDE_CHAPTERS))
def test_python_blocks_print_what_the_page_says(path):
    """Run the Python blocks and compare what they print with the text blocks below them."""
    for output, expected in run_python(path.read_text("utf-8")):
        assert output == expected


def test_readme_shows_what_a_check_says(tmp_path):
    """Check the mistake in exercise 3 of README.md in a copy of the project."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("## Do exercise 3\n")[1].split("\n## ")[0]
    (code,), (shell,), (expected,) = (blocks(section, language) for language in ("python", "sh", "text"))
    for folder in ("numpy_sat", "exercises", "solutions"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "*.npz", "*.md"))
    file = tmp_path / "exercises" / "ex03_linear.py"
    learner_text = file.read_text(encoding="utf-8")
    for definition in code.strip().split("\n\n\n"):  # each body replaces the stub's, below the docstring
        head, body = definition.split("\n", 1)
        docstring = re.search(rf'{re.escape(head)}\n    """.*?"""\n', learner_text, re.DOTALL)[0]
        parts = docstring, body + "\n"
        learner_text = re.sub(
            rf"{re.escape(docstring)}(    .*\n)+", lambda _, parts=parts: "".join(parts), learner_text
        )
    file.write_text(learner_text, encoding="utf-8")
    command = shlex.split(shell)[1:]
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONUTF8": "1", "NO_COLOR": "1", "COLUMNS": "80"}
    done = subprocess.run(
        [sys.executable, *command], cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", timeout=300
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout == expected
