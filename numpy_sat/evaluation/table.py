"""The table of a comparison, one row per captioner: as text of 100 columns, as Markdown and as JSON."""

from typing import NamedTuple

from numpy_sat.evaluation import layout
from numpy_sat.evaluation.attention_statistics import AttentionStatistics
from numpy_sat.evaluation.comparison import BLEU, PAPER_NOTE, SCORES, Row, verdict
from numpy_sat.evaluation.layout import Page, Paragraphs, Points, Table, finite, number
from numpy_sat.evaluation.report import Loss, attention_as_json
from numpy_sat.evaluation.scene_truth import Truth

WIDTH = 100  # characters, if names have 20 or fewer
TRUE = "true"  # for scenes: the name of the share of true captions among the scores
LEGEND = (
    "Loss: nats per word of the reference captions, where <end> counts as a word. Interval: 95 % confidence interval "
    "of CIDEr-D. Minutes: training time without validation. ms: milliseconds per caption, written in batches. Entropy: "
    "of the attention in nats; its maximum is ln L. Moved: share of the attention that moves from word to word, in "
    "percent. -: a model without attention."
)
LEGEND_SCENES = (
    "In box: attention inside the named object's box while its noun is written, in percent, beside chance. Before: "
    "the same at the word before the noun. True: captions that are true in every word, in percent."
)


class ModelFigures(NamedTuple):
    """A row of a Comparison: a captioner, its costs and its scores."""

    name: str
    parameters: int  # number of learned numbers
    minutes: float  # of training; nan if unknown
    milliseconds: float  # per caption
    loss: Loss
    figures: dict[str, float]  # percent, by the names of SCORES and TRUE
    interval: dict  # {name: (low, high)}, 95 % confidence intervals over resampled images
    difference: dict | None  # the intervals of these scores minus those of the first row; None in the first row
    attention: AttentionStatistics | None  # None for a model without attention
    truth: Truth | None  # for scenes
    captions: dict[str, str]  # {image: text}


class Comparison(NamedTuple):
    """Several captioners, judged by the same protocol."""

    title: str
    protocol: str
    notes: tuple  # sentences below the table
    rows: list[ModelFigures]
    paper: list[Row]  # scores of the paper, for its data only


def as_text(comparison: Comparison) -> str:
    """Return a Comparison as text for the terminal, with its table in two parts."""
    rows = (None, *comparison.rows)
    scores = [*map(_scores, rows), *map(_paper_scores, comparison.paper)]
    return layout.as_text(_page(comparison, [Table(scores), Table([*map(_rest, rows)])]))


def as_markdown(comparison: Comparison) -> str:
    """Return a Comparison as Markdown, with one table."""
    rows = [(*_scores(row), *_rest(row)[1:]) for row in (None, *comparison.rows)]
    unknown = ("-",) * (len(_rest(None)) - 1)
    rows += [(*_paper_scores(row), *unknown) for row in comparison.paper]
    return layout.as_markdown(_page(comparison, [Table(rows)]))


def _page(comparison, tables):
    """Return the layout.Page of a Comparison. tables: the layout.Tables of its rows."""
    differences = Points(_differences(comparison.rows), f"{_against(comparison)}:", indent="  ")
    return Page(comparison.title, [*tables, Paragraphs(_notes(comparison)), differences], WIDTH)


def as_json(comparison: Comparison) -> dict:
    """Return a Comparison as a dict for the json module; nan becomes None."""
    rows = [
        finite(row)
        | {"loss": finite(row.loss), "attention": attention_as_json(row.attention), "truth": finite(row.truth)}
        for row in comparison.rows
    ]
    return comparison._asdict() | {"rows": rows, "paper": [row._asdict() for row in comparison.paper]}


def _scores(row):
    """Return the cells with the scores of a row. Of None, return those of the head."""
    if row is None:
        return ("", "loss", "BLEU-1", "-2", "-3", "-4", *SCORES[len(BLEU) :], "interval")
    interval = " to ".join(map(number, row.interval["CIDEr-D"]))
    return (row.name, f"{row.loss.word:.3f}", *(number(row.figures[name]) for name in SCORES), interval)


def _paper_scores(row):
    """Return the cells with the scores of a comparison.Row of the paper."""
    name = row.name.removeprefix("the paper, ")  # short enough for WIDTH; the note explains its asterisk
    return (name, "-", *(number(row.figures.get(score)) for score in SCORES), "-")


def _rest(row):
    """Return the cells with cost, attention and truth of a row. Of None, return those of the head."""
    if row is None:
        return ("", "parameters", "minutes", "ms", "entropy", "ln L", "moved", "in box", "before", "chance", "true")
    attention, truth = row.attention, row.truth
    attention_cells, truth_cells = ("-",) * 3, ("-",) * 4
    if attention:
        mark, movement = "!!! " if attention.collapsed else "", number(100 * attention.movement)
        attention_cells = (f"{mark}{attention.entropy:.2f}", f"{attention.most:.2f}", movement)
    if truth:
        truth_cells = (number(100 * share) for share in (truth.in_box, truth.before, truth.chance, truth.complete))
    costs = (f"{row.parameters:,}", number(row.minutes), number(row.milliseconds))
    return (row.name, *costs, *attention_cells, *truth_cells)


def _notes(comparison):
    """Return the sentences below the table."""
    legend = f"{LEGEND} {LEGEND_SCENES}" if any(row.truth for row in comparison.rows) else LEGEND
    collapsed = [row.name for row in comparison.rows if row.attention and row.attention.collapsed]
    warning = [f"!!! ATTENTION HAS COLLAPSED in {', '.join(collapsed)}: it is nearly uniform."] * bool(collapsed)
    paper = [PAPER_NOTE] * bool(comparison.paper)
    return [*warning, f"Protocol: {comparison.protocol}", *comparison.notes, legend, *paper]


def _against(comparison):
    return f"Against {comparison.rows[0].name}, by the 95 % intervals of the difference"


def _differences(rows):
    """Return for each row after the first a sentence: in which scores it differs from the first beyond chance."""
    return [f"{row.name}: {verdict(row.difference)}" for row in rows[1:]]
