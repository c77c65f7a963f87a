"""An evaluation as plain text of 80 columns, as Markdown and as JSON."""

import math
from typing import NamedTuple

from numpy_sat.evaluation import layout
from numpy_sat.evaluation.attention_statistics import AttentionStatistics
from numpy_sat.evaluation.comparison import SCORES, Row, verdict
from numpy_sat.evaluation.layout import Page, Paragraphs, Points, Table, finite, number, percent
from numpy_sat.evaluation.scene_truth import Truth
from numpy_sat.evaluation.variety import Variety

AGAINST = "This model against what sees nothing, by the 95 % intervals of the difference"
PAPER_NOTE = (
    "* Xu et al. 2015, table 1, not measured here: of test, with features of a VGG that was trained on ImageNet, of "
    "another METEOR, and, it seems, without brevity penalty: compare with the line that has none."
)
PEOPLE_NOTE = (
    "One person: each of the references in turn is taken for the caption, and judged by the others. In the line above "
    "it the model is judged by the same. Means of the turns."
)


class Loss(NamedTuple):
    """-log p a word of people's captions, <end> counted, nats."""

    word: float  # the model's
    frequencies: float  # that of the frequencies of train's words, whatever the image and the words before


class Evaluation(NamedTuple):
    """The results of judging a captioner."""

    title: str
    protocol: str  # a sentence or two
    notes: tuple  # more sentences to print beside the figures
    rows: list[Row]
    vocabulary: int  # words it could write
    loss: Loss
    ours: Variety
    people: Variety  # of one of people's captions an image
    attention: AttentionStatistics | None
    truth: Truth | None  # of drawn scenes
    no_attention: str | None = None  # of a model without attention: why, a sentence


def as_text(evaluation):
    """Return an Evaluation as one text for the terminal."""
    return layout.as_text(_page(evaluation, _scores_text(evaluation.rows)))


def as_markdown(evaluation):
    """Return an Evaluation as Markdown."""
    return layout.as_markdown(_page(evaluation, _scores_markdown(evaluation.rows)))


def _page(evaluation, scores):
    """Return the layout.Page of an Evaluation. scores: the layout.Table of its rows."""
    blocks = [
        scores,
        Paragraphs(_below(evaluation)),
        Points(_differences(evaluation.rows), f"{AGAINST}:", indent="  "),
        Table(_variety(evaluation), widths=(44, 18, 18)),
        Points(_sentences(evaluation)),
    ]
    return Page(evaluation.title, blocks)


def as_json(found):
    """Return an Evaluation as what the json module can write; nan becomes None."""
    plain = {"rows": [row._asdict() for row in found.rows]}
    plain |= {name: getattr(found, name)._asdict() for name in ("ours", "people")}
    plain |= {name: finite(getattr(found, name)) for name in ("loss", "truth")} | {
        "attention": plain_attention(found.attention)
    }
    return found._asdict() | plain


def plain_attention(statistics):
    """Return AttentionStatistics, or None, as what the json module can write."""
    return statistics and finite(statistics) | {
        "locations": statistics.locations,
        "collapsed": statistics.collapsed,
    }


def _below(found):
    """Return the sentences under the table of scores."""
    kinds = {row.kind for row in found.rows}
    on_rows = [note for kind, note in (("people", PEOPLE_NOTE), ("paper", PAPER_NOTE)) if kind in kinds]
    return [f"Protocol: {found.protocol}", *found.notes, *on_rows]


def _scores_text(rows):
    """Return the table of scores for the terminal; an interval takes two lines."""
    lines = [("", "BLEU-1", "-2", "-3", "-4", *SCORES[4:])]
    for row in rows:
        lines.append((row.name, *(number(row.figures.get(name)) for name in SCORES)))
        for k, edge in enumerate(("low", "high") if row.interval else ()):
            edges = (number(row.interval[name][k]) for name in SCORES)
            lines.append((f"  95 % interval, {edge}", *edges))
    return Table(lines, widths=(32, 6, 6, 6, 6, 8, 8, 8))


def _scores_markdown(rows):
    """Return the table of scores for Markdown; an interval stands in brackets."""
    lines = [("", *SCORES)]
    for row in rows:
        figures = {name: number(row.figures.get(name)) for name in SCORES}
        for name, (low, high) in (row.interval or {}).items():
            figures[name] += f" ({number(low)} to {number(high)})"
        lines.append((row.name, *figures.values()))
    return Table(lines)


def _differences(rows):
    """Return for each floor in which scores the model differs from it by more than chance."""
    return [f"{row.name}: {verdict(row.difference)}" for row in rows if row.kind == "floor"]


def _variety(found):
    """Return the table of variety: a head and rows, of three cells each."""
    both = (found.ours, found.people)
    shares = {
        "different captions": "captions",
        "captions copied whole from train": "copied",
        "captions with a word twice running": "stutters",
        "words that their caption has had before": "repeated",
    }
    return [
        ("", "this model", "one person"),
        ("different words", f"{found.ours.words:,} of {found.vocabulary:,}", f"{found.people.words:,}"),
        ("words a caption", *(f"{one.length:.1f} ({one.shortest} to {one.longest})" for one in both)),
        *((name, *(percent(getattr(one, field)) for one in both)) for name, field in shares.items()),
    ]


def _sentences(found):
    """Return sentences about the loss, the attention and, for scenes, the truth of the captions."""
    loss = (
        f"Loss: {found.loss.word:.3f} nats a word of people's captions, <end> counted; the word frequencies of train "
        f"alone score {found.loss.frequencies:.3f}."
    )
    return [loss, *_attention(found), *_truth(found)]


def _attention(found):
    attention = found.attention
    if attention is None:
        return [f"Attention: {found.no_attention}"]
    places = round(math.exp(attention.most))
    sentences = [
        f"Attention: entropy {attention.entropy:.2f} of at most ln {places} = {attention.most:.2f} nats, that of "
        f"{attention.locations:.1f} locations looked at alike; from word to word {percent(attention.movement)} of it "
        "moves."
    ]
    if attention.collapsed:
        sentences.append(
            "!!! ATTENTION HAS COLLAPSED: it is as good as uniform, and looks nowhere in particular, whatever the word."
        )
    return sentences


def _truth(found):
    truth = found.truth
    if truth is None:
        return []
    said = (
        f"True: {percent(truth.complete)} of captions, in every word, and they name an object with its colour, and a "
        f"relation or count where there are several. {percent(truth.objects)} have every object right; "
        f"{percent(truth.relation)} of relations said are right."
    )
    if found.attention is None:
        return [said]
    looked = "no caption names an object that is there."
    if math.isfinite(truth.in_box):
        times = truth.in_box / truth.chance
        looked = (
            f"{percent(truth.in_box)}, chance {percent(truth.chance)}, so {times:.1f} x chance; "
            f"at the word before: {percent(truth.before)}."
        )
    return [said, f"Attention inside the named object's box while its noun is written: {looked}"]
