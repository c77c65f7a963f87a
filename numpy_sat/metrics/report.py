"""Tables and sentences about a captioner, as plain text of 80 columns and as Markdown."""

import textwrap

from numpy_sat.metrics.comparison import SCORES, verdict

WIDTH = 80  # characters
PAPER_NOTE = (
    "* Xu et al. 2015, table 1: on test, with features of a VGG that was trained on ImageNet, it seems without brevity "
    "penalty (compare with that line), and of another METEOR. Not measured here."
)


def scores_text(rows):
    """Rows (comparison.Row) as lines of text; intervals on lines of their own."""
    heads = ("BLEU-1", "-2", "-3", "-4", *SCORES[4:])
    lines = [_scores_line("", heads)]
    for row in rows:
        lines.append(_scores_line(row.name, [_one(row.figures.get(name)) for name in SCORES]))
        for k, edge in enumerate(("low", "high") if row.interval else ()):
            lines.append(_scores_line(f"  95 % interval, {edge}", [_one(row.interval[name][k]) for name in SCORES]))
    return lines


def scores_markdown(rows):
    """The same as lines of a Markdown table, intervals in brackets."""
    lines = [_cells("", *SCORES), _cells(*["---"] * (1 + len(SCORES)))]
    for row in rows:
        figures = [_one(row.figures.get(name)) for name in SCORES]
        if row.interval:
            edges = [f" ({_one(low)} to {_one(high)})" for low, high in map(row.interval.get, SCORES)]
            figures = map(str.__add__, figures, edges)
        lines.append(_cells(row.name.strip().replace("*", r"\*"), *figures))
    return lines


def differences(rows):
    """A sentence for each floor: whether more than chance is between the model and it."""
    floors = [row for row in rows if row.kind == "floor"]
    return [f"{row.name}: this model is {verdict(row.difference)}" for row in floors]


def variety_rows(ours, people, vocabulary):
    """Rows of text cells. ours, people: Variety, of the model and of a caption of people's; vocabulary: its words."""
    return [
        ("different words", f"{ours.words:,} of {vocabulary:,}", f"{people.words:,}"),
        ("words a caption (fewest to most)", *map(_lengths, (ours, people))),
        ("captions that no other picture has as well", *(f"{v.captions:.1%}" for v in (ours, people))),
        ("captions with a word twice running", *(f"{v.stutters:.1%}" for v in (ours, people))),
        ("words that the caption has had before", *(f"{v.repeated:.1%}" for v in (ours, people))),
        ("captions copied whole from train", *(f"{v.copied:.1%}" for v in (ours, people))),
    ]
