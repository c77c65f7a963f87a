"""Test reports and tables of scores: their text, Markdown and JSON."""

import json
import math

import pytest

from numpy_sat.evaluation import (
    comparison,
    judging,
    report,
    table,
)
from numpy_sat.evaluation.attention_statistics import AttentionStatistics
from numpy_sat.evaluation.bootstrap import Share
from numpy_sat.evaluation.comparison import SCORES, Row
from numpy_sat.evaluation.faithfulness import Faithfulness
from numpy_sat.evaluation.scene_truth import Truth
from numpy_sat.evaluation.variety import Variety


def make_row(name, **changes):
    """Return a row of made-up values. changes: other values by name."""
    figures = dict(zip(SCORES, (100.0, 91.7, 84.6, 74.7, 47.7, 84.8, 1000.0), strict=True))
    interval = {key: (figure - 1, figure) for key, figure in figures.items()}
    row = table.ModelFigures(
        name=name, parameters=12_345_678, minutes=90.25, milliseconds=12.34, loss=report.Loss(2.9712, 5.12),
        figures=figures, interval=interval, difference=interval, truth=None,
        attention=AttentionStatistics(3.0, math.log(196), 0.25),
        variety=Variety(1712, 0.5, 9.25, 3, 20, 0.0, 0.1, 0.15, 0.05, 0.25), retrieval=Share(0.3, 0.2, 0.4),
        captions={},
    )  # fmt: skip
    return row._replace(**changes)


def test_a_table_fits_the_terminal_and_warns_of_collapsed_attention():
    rows = [
        make_row("a-name-of-20-letters", truth=Truth(0.972, 0.99, 1.0, 0.358, 0.27, 0.078)),
        make_row("collapsed", attention=AttentionStatistics(5.27, math.log(196), 0.0)),
        make_row("pooled", attention=None, minutes=math.nan, truth=Truth(0.5, 0.5, 1.0, math.nan, math.nan, math.nan)),
    ]
    paper = list(comparison.PAPER.values())
    models = table.Comparison("3 models", "a protocol", ("a note",), rows, paper, ["a height"])
    lines = table.as_text(models).splitlines()
    assert max(map(len, lines)) <= 100
    cells = [line.split() for line in lines]
    scores = ["2.971", "100.0", "91.7", "84.6", "74.7", "47.7", "84.8", "1000.0", "999.0", "to", "1000.0"]
    assert cells[3] == ["a-name-of-20-letters", *scores]
    rest = ["12,345,678", "90.2", "12.3", "3.00", "5.28", "25.0", "35.8", "27.0", "7.8", "97.2"]
    assert cells[8] == ["Google", "NIC", "*", "-", "63", "41", "27", *"-----"]
    assert cells[10][:4] == ["BRNN", "*", "-", "-"]
    assert cells[15] == ["a-name-of-20-letters", *rest]
    assert cells[16] == ["collapsed", *rest[:3], "!!!", "5.27", "5.28", "0.0", *"----"]
    assert cells[17] == ["pooled", rest[0], "-", rest[2], *"------", "50.0"]
    wording = ["1,712", "50.0", "75.0", "15.0", "5.0", "30.0", "20.0", "to", "40.0"]
    assert cells[20] == ["a-name-of-20-letters", *wording]
    text = " ".join(" ".join(lines).split())
    assert "* Xu et al. 2015, table 1, not measured here" in text
    assert "Xu et al." not in table.as_text(models._replace(paper=[]))
    assert "!!! ATTENTION HAS COLLAPSED in collapsed: " in text and "In box: " in text and "a note" in text
    assert "collapsed: higher in all pooled: higher in all" in text
    markdown = table.as_markdown(models)
    assert "!!! ATTENTION HAS COLLAPSED in collapsed: " in markdown and "| !!! 5.27 |" in markdown
    assert len({line.count("|") for line in markdown.splitlines() if line.startswith("|")}) == 1
    plain = json.loads(json.dumps(table.as_json(models), allow_nan=False))
    assert plain["rows"][2]["minutes"] is None and plain["paper"][3]["figures"]["METEOR"] == 17.31


REFERENCES = {"1": ["a dog runs far away", "the dog runs"], "2": ["two cats sit on a wall", "cats on a wall"]}


def test_differences_are_the_models_scores_minus_the_floors():
    good, bad = {"1": "a dog runs far away", "2": "two cats sit on a wall"}, {"1": "no", "2": "no"}
    rows = {row.name: row for row in comparison.compare(good, REFERENCES, {"bad": bad, "same": good})}
    assert rows["bad"].kind == "floor" and rows["bad"].figures["BLEU-1"] == 0
    assert all(low > 0 for low, _ in rows["bad"].difference.values())
    assert set(rows["same"].difference.values()) == {(0.0, 0.0)}
    worse = comparison.compare(bad, REFERENCES, {"good": good})[2]
    assert comparison.verdict(worse.difference) == f"LOWER in {', '.join(SCORES)}"


def test_human_captions_and_model_are_judged_by_the_same_references():
    """Check two references per image: each is judged by the other, and the model by each."""
    captions = {"1": "a dog runs", "2": "cats sit on a wall"}
    rows = {row.name: row.figures for row in comparison.compare(captions, REFERENCES, {})}
    first, second = ({name: texts[k] for name, texts in REFERENCES.items()} for k in (0, 1))
    by = {k: {name: [texts[k]] for name, texts in REFERENCES.items()} for k in (0, 1)}
    for row, scores in {
        "this model, leave-one-out": (judging.score(captions, by[1]), judging.score(captions, by[0])),
        "human captions, leave-one-out": (judging.score(first, by[1]), judging.score(second, by[0])),
    }.items():
        assert rows[row] == pytest.approx({name: (scores[0][name] + scores[1][name]) / 2 for name in SCORES})
    single_reference = comparison.compare(captions, {**REFERENCES, "2": ["cats"]}, {})
    assert {row.kind for row in single_reference} == {"model"}


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ([(1, 2), (0.1, 3)], "higher in all"),
        ([(1, 2), (-1, 3)], "higher in BLEU-1; no difference shown in METEOR"),
        ([(0, 2), (-3, -1)], "LOWER in METEOR; no difference shown in BLEU-1"),
        ([(0, 0), (-3, 0)], "no difference shown in BLEU-1, METEOR"),
    ],
)
def test_verdicts(edges, expected):
    assert comparison.verdict(dict(zip(("BLEU-1", "METEOR"), edges, strict=True))) == expected


COMMAND = "  python -m numpy_sat.train --blind --data flickr8k --root /a/long/folder --out runs/x-blind"


def make_report(truth=None, **attention):
    """Return an evaluation with made-up values. attention: values of its AttentionStatistics."""
    figures = dict(zip(SCORES, (100.0, 91.7, 84.6, 74.7, 47.7, 84.8, 1000.0), strict=True))
    interval = {name: (figure - 1, figure) for name, figure in figures.items()}
    return report.Evaluation(
        title="runs/flickr8k-small: its captions of flickr8k, dev",
        protocol="flickr8k, dev, 1,000 images; " + "and so on; " * 20,
        notes=(f"Train it:\n{COMMAND}",),
        rows=[
            Row("this model", "model", figures, interval),
            Row("images shuffled", "floor", figures, difference=interval),
            Row("human captions, leave-one-out", "people", figures),
            *(comparison.PAPER[model] for model in ("soft", "hard")),
        ],
        vocabulary=2536,
        loss=report.Loss(2.9712, 5.1204),
        ours=Variety(1712, 0.5, 9.25, 3, 20, 0.0, 0.1, 0.15, 0.05, 0.25),
        people=Variety(1712, 0.5, 9.25, 3, 20, 0.0, 0.1, 0.15, 0.05, 0.25),
        attention=AttentionStatistics(**{"entropy": 3.0, "most": math.log(64), "movement": 0.25, **attention}),
        truth=truth,
    )


def test_the_text_fits_the_terminal():
    lines = report.as_text(make_report(Truth(0.9, 0.8, float("nan"), 0.3, 0.2, 0.1))).splitlines()
    assert COMMAND in lines and max(len(line) for line in lines if line != COMMAND) == 80
    scores = [line for line in lines if line.startswith(("this model  ", "  95 %", "the paper, s"))]
    assert [line.split()[-7:] for line in scores] == [
        ["100.0", "91.7", "84.6", "74.7", "47.7", "84.8", "1000.0"],
        ["99.0", "90.7", "83.6", "73.7", "46.7", "83.8", "999.0"],
        ["100.0", "91.7", "84.6", "74.7", "47.7", "84.8", "1000.0"],
        ["67", "44.8", "29.9", "19.5", "18.9", "-", "-"],
    ]
    text = " ".join(" ".join(lines).split())
    assert "images shuffled: higher in all" in text and "Xu et al." in text and "Leave-one-out: each" in text
    assert "different words 1,712 of 2,536 1,712" in text and "words per caption 9.2 (3 to 20) 9.2 (3 to 20)" in text
    assert "captions copied from the training set 25.0 % 25.0 %" in text
    assert (
        "entropy 3.00 of at most ln 64 = 4.16 nats, as for uniform attention to 20.1 locations" in text
        and "25.0 % of it moves from word to word" in text
    )
    assert "90.0 % of captions" in text and "; - of the relations" in text
    assert "30.0 %, chance 10.0 %, so 3.0 x chance; at the word before: 20.0 %." in text
    nothing_named = Truth(0.0, 0.0, *[float("nan")] * 4)
    assert "no caption names an object of its scene." in " ".join(report.as_text(make_report(nothing_named)).split())


def test_faithfulness_is_a_sentence():
    shares = [Share(0.2, 0.18, 0.22), Share(0.05, 0.04, 0.06), Share(-0.001, -0.002, 0.001), Share(4.0, 3.5, 4.75)]
    evaluation = make_report()._replace(faithfulness=Faithfulness(843, 10, 49, *shares))
    text = " ".join(report.as_text(evaluation).split())
    assert "without the 10 of 49 locations with the largest weights" in text
    assert "falls by 0.200 (0.180 to 0.220) nats; without random ones by 0.050 (0.040 to 0.060)" in text
    assert "weights by -0.001 (-0.002 to 0.001). Largest / random: 4.0 (3.5 to 4.8)." in text
    assert json.loads(json.dumps(report.as_json(evaluation)))["faithfulness"]["ratio"] == [4.0, 3.5, 4.75]


def test_notes_need_the_rows_that_they_explain():
    evaluation = make_report()
    text = report.as_text(evaluation._replace(rows=evaluation.rows[:2]))
    assert "Xu et al." not in text and "Leave-one-out" not in text and "True: " not in text


def test_markdown_tables_are_whole():
    lines = report.as_markdown(make_report()).splitlines()
    cells = [line.count("|") for line in lines if line.startswith("|")]
    assert cells == [9] * 7 + [4] * 10
    assert "| this model | 100.0 (99.0 to 100.0) | 91.7 (90.7 to 91.7) |" in "\n".join(lines)
    assert "    python -m numpy_sat.train --blind" in "\n".join(lines)


def test_json_has_none_in_place_of_nan():
    plain = report.as_json(make_report(Truth(0.9, 0.8, float("nan"), 0.3, 0.2, 0.1), movement=float("nan")))
    stored = json.loads(json.dumps(plain, allow_nan=False))
    assert stored["truth"]["relation"] is None is stored["attention"]["movement"] and stored["truth"]["chance"] == 0.1
    assert stored["attention"]["collapsed"] is False and stored["rows"][1]["difference"]["BLEU-1"] == [99, 100]
