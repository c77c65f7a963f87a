"""Tests of `grade`: many learners' folders, judged in processes of their own."""

import json

import pytest

from exercises.__main__ import main
from exercises.runner import checks, grade, lessons

RIGHT = lessons.load(3).solution.read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMPY_SAT_CACHE", str(tmp_path / "cache"))


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def submissions(tmp_path):
    """Write folders of learners: right, ending Python, half begun in an inner folder, and two that are broken."""
    folder = tmp_path / "submissions"
    write(folder / "anna" / "ex03_linear.py", RIGHT)
    write(folder / "ben" / "ex03_linear.py", "import os\nos._exit(0)\n")
    write(folder / "ben" / "ex99_none.py", "")
    write(
        folder / "carla" / "exercises" / "ex03_linear.py", RIGHT.replace("return dx, dW, db", "return dx, dW, 2 * db")
    )
    write(folder / "carla" / "exercises" / "ex03_other.py", "")
    stub = lessons.load(9).file.read_text(encoding="utf-8")
    write(folder / "carla" / "exercises" / "ex09_lstm_step.py", stub)
    (folder / "dora").mkdir()
    write(folder / "emil", "a file")
    return folder


def test_a_broken_folder_gets_its_sentence_and_the_others_are_judged(submissions, capsys):
    names = ("anna", "ben", "carla", "dora", "emil")
    assert main(["grade", *(str(submissions / name) for name in names)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[:6]] == [
        ["learner", "solved", "3"],
        ["anna", "1", "ok"],
        ["ben", "0", "err"],
        ["carla", "0", "1/2"],
        ["dora", "err"],
        ["emil", "err"],
    ]
    text = " ".join(" ".join(lines).split())
    assert "ex99_none.py: there is no exercise 99; the file is left out." in text
    assert "ex03_other.py: it is left out, because ex03_linear.py is exercise 3, too." in text
    assert "dora: no file has a name such as ex03_linear.py, here or in its folder exercises;" in text
    assert "emil: " in text and "; give the folder of one learner." in text


def test_json_has_the_records_of_check(submissions, capsys):
    assert main(["grade", str(submissions / "anna"), "--json"]) == 0
    output = capsys.readouterr().out
    (learner,) = json.loads(output)["learners"]
    assert (learner["learner"], learner["solved"], learner["files"], learner["problems"]) == ("anna", 1, 1, [])
    (exercise,) = learner["exercises"]
    assert exercise["file"] == (submissions / "anna" / "ex03_linear.py").as_posix()
    assert [function["state"] for function in exercise["functions"]] == ["right", "right"]


def test_an_interrupt_prints_what_is_judged(submissions, monkeypatch, capsys):
    right = checks.Result(3, [{"name": "linear_forward", "state": "right"}], 0.1)

    def results_of(files):
        if 9 in files:
            raise KeyboardInterrupt
        return iter([right])

    monkeypatch.setattr(checks, "results_of", results_of)
    assert main(["grade", str(submissions / "anna"), str(submissions / "carla")]) == 130
    output = capsys.readouterr().out
    assert "anna          1   ok\ncarla         0    ?\n" in output
    assert "carla: 2 files not judged, because you interrupted." in output


def test_folders_of_the_same_name_are_told_apart_and_wide_tables_are_split(tmp_path, capsys):
    paths = [tmp_path / "a" / "exercises", tmp_path / "b" / "exercises"]
    assert grade._names(paths) == [str(path) for path in paths]
    solved = {n: checks.Result(n, [{"name": "f", "state": "right"}], 0.1) for n in lessons.names()}
    files = dict.fromkeys(solved, tmp_path)
    grade._show_table([grade.Learner("anna" * 20, tmp_path, files, [], solved)])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) < 80 and sum(line.count(" ok") for line in lines) == len(solved)
