"""Tests of `check N --pencil`: the page's worked example on a learner's code, each number beside the right one."""

import implementations
import pytest

from exercises.__main__ import main
from exercises.judging import judge
from exercises.runner import lessons, pencil

LINEAR = lessons.load(3)
each_lesson = pytest.mark.parametrize("lesson", implementations.LESSONS, ids=lambda lesson: lesson.name)
WITHOUT_EXAMPLE = {14: {"recur_backward", "decode_backward"}}  # functions that a page's worked example leaves out


def messages_of(folder, lesson, text):
    """Return the messages about the examples for a file with this text."""
    path = folder / f"{lesson.name}.py"
    path.write_text(text, encoding="utf-8")
    return [message for message in pencil.examine(lesson, str(path)) if "state" in message]


@each_lesson
def test_solutions_compute_the_worked_example(lesson, tmp_path):
    messages = messages_of(tmp_path, lesson, lesson.solution.read_text(encoding="utf-8"))
    assert all(message["state"] == "right" and not message["sentence"] for message in messages), messages
    assert not [row for message in messages for row in message["rows"] if row["state"] == "wrong"]
    missing = {task.name for task in lesson.tasks} - {message["name"] for message in messages}
    assert missing == WITHOUT_EXAMPLE.get(lesson.number, set())


def linear_messages(folder, old, new):
    text = LINEAR.solution.read_text(encoding="utf-8")
    assert text.count(old) == 1
    return messages_of(folder, LINEAR, text.replace(old, new))


def test_each_intermediate_stands_beside_the_right_one(tmp_path):
    old = "    db = drows.sum(axis=0)"
    forward, backward = linear_messages(tmp_path, old, f"    drows = 2 * drows\n{old}")
    assert forward["state"] == "right" and ("x", "[[1, 2], [3, 0]]") in forward["inputs"]
    rows = {row["name"]: row for row in backward["rows"]}
    assert rows["drows"]["state"] == "wrong" and rows["drows"]["yours"] == "[[2, 20, 200], [0, 2, 0]]"
    assert rows["db"]["state"] == "wrong" and rows["db"]["right"] == "[1, 11, 100]"
    assert rows["dx"]["right"] == "[[201, 310], [0, 1]]"


def test_a_variable_of_which_only_right_numbers_are_made_is_not_wrong(tmp_path):
    old = "    dx = np.ascontiguousarray(dxrows.reshape(x.shape))"
    _, backward = linear_messages(tmp_path, old, "    dx, drows = 2 * dxrows, 2 * drows")
    rows = {row["name"]: row for row in backward["rows"]}
    assert rows["dW"]["state"] == rows["db"]["state"] == "right" and rows["dx"]["state"] == "wrong"
    assert not rows["drows"]["state"] and rows["drows"]["remark"] == "   (yours [[2, 20, 200], [0, 2, 0]])"


def test_an_exception_leaves_the_variables_before_it(tmp_path):
    _, backward = linear_messages(tmp_path, "    db = drows.sum(axis=0)", "    db = nothing")
    assert "NameError" in backward["sentence"] and backward["state"] == "wrong"
    rows = {row["name"]: row for row in backward["rows"]}
    assert rows["drows"]["state"] == "right" and rows["db"]["yours"] == "none"


def test_a_variable_of_the_same_name_goes_before_an_equal_one_of_another_name(tmp_path):
    lesson = lessons.load(28)
    text = lesson.solution.read_text(encoding="utf-8")
    assert text.count("softmax_backward(dalpha_total,") == 1
    text = text.replace("softmax_backward(dalpha_total,", "softmax_backward(dalpha_total - dalpha,")
    *_, last = messages_of(tmp_path, lesson, text)
    (row,) = [row for row in last["rows"] if row["name"] == "de"]  # de should be 0
    assert row["state"] == "wrong" and row["yours"] == "[[-1.125, 1.125]]" and row["right"] == "[[0, 0]]"
    assert last["state"] == "wrong" and last["others"] == "wrong"


def rows_of(folder, number, *changes):
    """Return {name: row} of the last example of an exercise's solution with changes (old, new)."""
    lesson = lessons.load(number)
    text = lesson.solution.read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    messages = messages_of(folder, lesson, text)
    return [{row["name"]: row for row in message["rows"]} for message in messages]


def test_a_variable_of_another_name_is_not_wrong(tmp_path):
    changes = [("    du = de_by_image * cache.v\n", "    before = de_by_image * cache.v\n")]
    changes += [("    dsum = du * (1 - u * u)\n", "    du = before * (1 - u * u)\n")]
    changes += [("dsum.sum(axis=1)", "du.sum(axis=1)"), ("dsum.sum(axis=2)", "du.sum(axis=2)")]
    changes += [("dh = dquery @ cache.W_h.T", "dh = 2 + dquery @ cache.W_h.T")]
    rows = rows_of(tmp_path, 11, *changes)[1]
    assert rows["dh"]["state"] == "wrong"
    assert rows["du"]["state"] == "right" and rows["du"]["remark"] == "   (your before)"
    assert rows["dsum"]["state"] == "right" and rows["dsum"]["remark"] == "   (your du)"


def test_a_number_under_another_name_is_the_learners(tmp_path):
    rows = rows_of(tmp_path, 9)[1]
    assert rows["dc_next"]["state"] == "right" and rows["dc_next"]["remark"] == "   (your dc_total)"


def test_variables_that_the_learner_has_not_are_left_out(tmp_path):
    changes = [
        ("    rows = x.reshape(-1, I)\n    drows", "    drows"),
        ("columns = rows.T", "columns = x.reshape(-1, I).T"),
    ]
    assert "rows" not in rows_of(tmp_path, 3, *changes)[1]


def test_examples_show_the_traps_of_their_pages(tmp_path):
    assert rows_of(tmp_path, 3, ("drows.sum(axis=0)", "drows.mean(axis=0)"))[1]["db"]["state"] == "wrong"
    for new in ("dc_total = dc_through_h", "dc_total = dc_next"):  # one of the two uses of c' is forgotten
        assert rows_of(tmp_path, 9, ("dc_total = dc_next + dc_through_h", new))[1]["dc"]["state"] == "wrong"


def test_a_stub_has_its_inputs_only(tmp_path):
    forward, backward = messages_of(tmp_path, LINEAR, LINEAR.file.read_text(encoding="utf-8"))
    assert forward["state"] == backward["state"] == "unwritten"
    assert forward["inputs"] and not forward["rows"] and not backward["rows"]
    with pytest.raises(judge.Complaint, match="is not Python"):
        messages_of(tmp_path, LINEAR, "def (")


def test_the_example_runs_in_a_process_of_its_own(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(lessons, "EXERCISES", tmp_path)
    monkeypatch.setattr(lessons, "names", lambda: {3: LINEAR.name, 14: "ex14_decoder_backward"})
    text = LINEAR.solution.read_text(encoding="utf-8")
    (tmp_path / "ex03_linear.py").write_text(
        text.replace("return dx, dW, db", "return dx, dW, 3 * db"), encoding="utf-8"
    )
    assert main(["check", "3", "--pencil"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "  right    linear_forward" in lines and "  WRONG    linear_backward" in lines
    wrong = next(k for k, line in enumerate(lines) if line.split()[:2] == ["WRONG", "db"])
    assert lines[wrong].endswith("yours  [3, 33, 300]") and lines[wrong + 1].split() == ["right", "[1,", "11,", "100]"]
    wrong_elsewhere = text.replace("return dx, dW, db", "return dx, dW, db * (x.ndim == 2 and len(x) == 2)")
    (tmp_path / "ex03_linear.py").write_text(wrong_elsewhere, encoding="utf-8")
    assert main(["check", "3", "--pencil"]) == 1
    assert "right, but other cases are wrong: python -m exercises check 3" in capsys.readouterr().out
    (tmp_path / "ex03_linear.py").write_text("import os\nos._exit(0)\n", encoding="utf-8")
    assert main(["check", "3", "--pencil"]) == 1
    assert "The import of the file ends Python." in capsys.readouterr().out
    assert main(["check", "14", "--pencil"]) == 1
    assert "is not computed by a function of its file" in capsys.readouterr().out
