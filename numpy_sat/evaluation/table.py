"""Several captioners in one table, a row each: as plain text of 100 columns, as Markdown and as JSON."""

from typing import NamedTuple

from numpy_sat.evaluation import layout
from numpy_sat.evaluation.attention_statistics import AttentionStatistics
from numpy_sat.evaluation.comparison import BLEU, SCORES, verdict
from numpy_sat.evaluation.layout import Page, Paragraphs, Points, Table, finite, number
from numpy_sat.evaluation.report import Loss, plain_attention
from numpy_sat.evaluation.scene_truth import Truth

WIDTH = 100  # characters, where names are of 20 or fewer
TRUE = "true"  # of drawn scenes: the name of the share of true captions among the figures
LEGEND = (
    "Loss: nats a word of people's captions, <end> counted. Interval: 95 % of CIDEr-D. Minutes: of training, without "
    "its validations. Milliseconds: a caption, written in batches. Entropy: of the attention, nats, of at most ln L; "
    "moved: the share of it that is elsewhere than for the word before, in percent; -: a model that looks nowhere."
)
LEGEND_SCENES = (
    "In box: the attention inside the named object's box while its noun is written, in percent, beside chance; before: "
    "the same at the word before the noun; true: captions that are true in every word, in percent."
)


class ModelFigures(NamedTuple):
    """One line of a Comparison: a captioner, its costs and its scores."""

    name: str
    parameters: int  # how many numbers are learnt
    minutes: float  # of training; nan where that is not known
    milliseconds: float  # a caption
    loss: Loss
    figures: dict[str, float]  # in percent, by the names of SCORES and TRUE
    interval: dict  # by the same: (low, high), 95 % over resampled images
    difference: dict | None  # by the same: that of these figures less the first row's; of the first, None
    attention: AttentionStatistics | None  # None of a model without attention
    truth: Truth | None  # of drawn scenes
    captions: dict[str, str]  # {image: text}


class Comparison(NamedTuple):
    """Several captioners, judged alike."""

    title: str
    protocol: str
    notes: tuple  # sentences to stand below the table
    rows: list[ModelFigures]


def as_text(comparison):
    """Return a Comparison as one text for the terminal, its table in two parts."""
    rows = (None, *comparison.rows)
    return layout.as_text(_page(comparison, [Table([*map(part, rows)]) for part in (_scores, _rest)]))


def as_markdown(comparison):
    """Return a Comparison as Markdown, with one table."""
    rows = [(*_scores(row), *_rest(row)[1:]) for row in (None, *comparison.rows)]
    return layout.as_markdown(_page(comparison, [Table(rows)]))


def _page(comparison, tables):
    """Return the layout.Page of a Comparison. tables: the layout.Tables of its rows."""
    differences = Points(_differences(comparison.rows), f"{_against(comparison)}:", indent="  ")
    return Page(comparison.title, [*tables, Paragraphs(_below(comparison)), differences], WIDTH)


def as_json(found):
    """Return a Comparison as what the json module can write; nan becomes None."""
    rows = [
        finite(row)
        | {"loss": finite(row.loss), "attention": plain_attention(row.attention), "truth": finite(row.truth)}
        for row in found.rows
    ]
    return found._asdict() | {"rows": rows}


def _scores(row):
    """Return the cells with the scores of a row; of None, those of the head."""
    if row is None:
        return ("", "loss", "BLEU-1", "-2", "-3", "-4", *SCORES[len(BLEU) :], "interval")
    interval = " to ".join(map(number, row.interval["CIDEr-D"]))
    return (row.name, f"{row.loss.word:.3f}", *(number(row.figures[name]) for name in SCORES), interval)


def _rest(row):
    """Return the cells with cost, attention and truth of a row; of None, those of the head."""
    if row is None:
        return ("", "parameters", "minutes", "ms", "entropy", "ln L", "moved", "in box", "before", "chance", "true")
    attention, truth = row.attention, row.truth
    looked, right = ("-",) * 3, ("-",) * 4
    if attention:
        collapsed = "!!! " if attention.collapsed else ""
        looked = (f"{collapsed}{attention.entropy:.2f}", f"{attention.most:.2f}", number(100 * attention.movement))
    if truth:
        right = (number(100 * share) for share in (truth.in_box, truth.before, truth.chance, truth.complete))
    return (row.name, f"{row.parameters:,}", number(row.minutes), number(row.milliseconds), *looked, *right)


def _below(found):
    """Return the sentences under the table."""
    legend = f"{LEGEND} {LEGEND_SCENES}" if any(row.truth for row in found.rows) else LEGEND
    collapsed = [row.name for row in found.rows if row.attention and row.attention.collapsed]
    loud = [f"!!! ATTENTION HAS COLLAPSED in {', '.join(collapsed)}: it is as good as uniform."] * bool(collapsed)
    return [*loud, f"Protocol: {found.protocol}", *found.notes, legend]


def _against(found):
    return f"Against {found.rows[0].name}, by the 95 % intervals of the difference"


def _differences(rows):
    """Return for each row but the first in which scores it differs from the first by more than chance."""
    return [f"{row.name}: {verdict(row.difference)}" for row in rows[1:]]
