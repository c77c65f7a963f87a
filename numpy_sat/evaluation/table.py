"""The table of a comparison, one row per captioner: as text of 100 columns, as Markdown and as JSON."""

from typing import NamedTuple

from numpy_sat.evaluation import layout, retrieval, self_retrieval
from numpy_sat.evaluation.attention_statistics import AttentionStatistics
from numpy_sat.evaluation.bootstrap import Share
from numpy_sat.evaluation.comparison import BLEU, PAPER_NOTE, SCORES, Row, verdict
from numpy_sat.evaluation.layout import Page, Paragraphs, Points, Table, finite, number
from numpy_sat.evaluation.report import Loss, attention_as_json
from numpy_sat.evaluation.scene_truth import Truth
from numpy_sat.evaluation.variety import Variety

WIDTH = 100  # characters, if names have 20 or fewer
TRUE = "true"  # for scenes: the name of the share of true captions among the scores
LEGEND = (
    "Loss: nats per word of the reference captions, where <end> counts as a word. Interval: 95 % confidence interval "
    "of CIDEr-D. Minutes: training time without validation. ms: milliseconds per caption, written in batches. Entropy: "
    "of the attention in nats; its maximum is ln L. Moved: share of the attention that moves from word to word, in "
    "percent. -: a model without attention."
)
LEGEND_WORDING = (
    "Words: different words in all captions. Distinct: different captions. Novel: captions that are not in the "
    "training set. Repeats: captions that repeat a content word. Endings: captions that end in a word such as a, of. "
    f"Finds: of the first {self_retrieval.CAPTIONS} captions, those that find a right image among {retrieval.POOL}, by "
    "log p of the first model. All in percent, except words."
)
LEGEND_SCENES = (
    "In box: attention inside the named object's box while its noun is written, in percent, beside chance. Before: "
    "the same at the word before the noun. True: captions that are true in every word, in percent."
)


HEIGHTS = "CIDEr-D above the curve at the same loss, with its 95 % interval over resampled images"


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
    variety: Variety
    retrieval: Share  # captions that find a right image, see self_retrieval.py
    captions: dict[str, str]  # {image: text}


class Comparison(NamedTuple):
    """Several captioners, judged by the same protocol."""

    title: str
    protocol: str
    notes: tuple  # sentences below the table
    rows: list[ModelFigures]
    paper: list[Row]  # scores of the paper, for its data only
    heights: list[str]  # sentences about the heights above a curve, see front.py


def as_text(comparison: Comparison) -> str:
    """Return a Comparison as text for the terminal, with its table in three parts."""
    rows = (None, *comparison.rows)
    scores = [*map(_scores, rows), *map(_paper_scores, comparison.paper)]
    return layout.as_text(
        _page(comparison, [Table(scores), *(Table([*map(cells, rows)]) for cells in (_rest, _wording))])
    )


def as_markdown(comparison: Comparison) -> str:
    """Return a Comparison as Markdown, with one table."""
    rows = [(*_scores(row), *_rest(row)[1:], *_wording(row)[1:]) for row in (None, *comparison.rows)]
    unknown = ("-",) * (len(rows[0]) - len(_scores(None)))
    rows += [(*_paper_scores(row), *unknown) for row in comparison.paper]
    return layout.as_markdown(_page(comparison, [Table(rows)]))


def _page(comparison, tables):
    """Return the layout.Page of a Comparison. tables: the layout.Tables of its rows."""
    differences = Points(_differences(comparison.rows), f"{_against(comparison)}:", indent="  ")
    heights = [Points(comparison.heights, f"{HEIGHTS}:", indent="  ")] if comparison.heights else []
    return Page(comparison.title, [*tables, Paragraphs(_notes(comparison)), differences, *heights], WIDTH)


def as_json(comparison: Comparison) -> dict:
    """Return a Comparison as a dict for the json module; nan becomes None."""
    rows = [
        finite(row)
        | {name: finite(getattr(row, name)) for name in ("loss", "truth", "variety", "retrieval")}
        | {"attention": attention_as_json(row.attention)}
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


def _wording(row):
    """Return the cells with the wording of a row's captions. Of None, return those of the head."""
    if row is None:
        return ("", "words", "distinct", "novel", "repeats", "endings", "finds", "interval")
    wording, finds = row.variety, row.retrieval
    shares = (wording.captions, 1 - wording.copied, wording.content, wording.endings, finds.value)
    interval = " to ".join(number(100 * edge) for edge in finds[1:])
    return (row.name, f"{wording.words:,}", *(number(100 * share) for share in shares), interval)


def _notes(comparison):
    """Return the sentences below the table."""
    legend = f"{LEGEND} {LEGEND_SCENES}" if any(row.truth for row in comparison.rows) else LEGEND
    collapsed = [row.name for row in comparison.rows if row.attention and row.attention.collapsed]
    warning = [f"!!! ATTENTION HAS COLLAPSED in {', '.join(collapsed)}: it is nearly uniform."] * bool(collapsed)
    paper = [PAPER_NOTE] * bool(comparison.paper)
    return [*warning, f"Protocol: {comparison.protocol}", *comparison.notes, legend, LEGEND_WORDING, *paper]


def _against(comparison):
    return f"Against {comparison.rows[0].name}, by the 95 % intervals of the difference"


def _differences(rows):
    """Return for each row after the first a sentence: in which scores it differs from the first beyond chance."""
    return [f"{row.name}: {verdict(row.difference)}" for row in rows[1:]]
