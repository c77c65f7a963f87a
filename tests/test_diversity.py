"""Test `python -m numpy_sat.diversity` on tiny runs."""

import json

import pytest
from PIL import Image

from numpy_sat import diversity
from numpy_sat.evaluation import figures


def test_the_report_of_a_run(trained, tmp_path, capsys):
    """Check the rows, that cold samples are less diverse, and that beam search repeats itself."""
    out = tmp_path / "table.md"
    argv = [str(trained), "--samples", "3", "--temperatures", "0.05", "1", "--beam", "2", "--out", str(out)]
    assert diversity.main(argv) == 0
    printed, stored = capsys.readouterr().out, json.loads(out.with_suffix(".json").read_text())
    assert [way["way"] for way in stored["ways"]] == ["beam 2", "T = 0.05", "T = 1", "references"]
    beam, cold, warm, people = stored["ways"]
    assert beam["self_bleu"] >= cold["self_bleu"] >= warm["self_bleu"]
    assert beam["div2"]["value"] <= cold["div2"]["value"] < warm["div2"]["value"]
    assert warm["words"] > beam["words"] and people["accuracy"]["value"] is None
    assert "temperature" not in printed or "Height above" not in printed
    for text in ("Div-2", "self-BLEU", "novel", "repeats", "Protocol: "):
        assert text in printed and text in out.read_text()
    with Image.open(out.with_suffix(".png")) as image:
        assert image.width > 500


def test_a_second_run_is_compared_with_the_curve(trained, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(figures, "plane_figure", lambda *_: None)
    argv = [str(trained), str(trained / "last.npz"), "--samples", "2", "--temperatures", "0.1", "2", "--beam", "1"]
    assert diversity.main([*argv, "--out", str(tmp_path / "table.md")]) == 0
    printed = capsys.readouterr().out
    assert "Height above the curve of" in printed and "last.npz, T = 1: " in printed


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--samples", "1"], "--samples must be a whole number from 2 to 100, not 1"),
        (["--out", "table.txt"], "--out needs the name of a Markdown file such as table.md, not table.txt"),
        (["--temperatures", "0"], "must be"),
    ],
)
def test_arguments_that_cannot_be(more, message, capsys):
    with pytest.raises(SystemExit):
        diversity.main(["run", *more])
    assert message in capsys.readouterr().err
