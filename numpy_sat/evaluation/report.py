"""The report of an evaluation: as text of 80 columns, as Markdown and as JSON."""

import math
from typing import NamedTuple

from numpy_sat.evaluation import layout
from numpy_sat.evaluation.attention_statistics import AttentionStatistics
from numpy_sat.evaluation.comparison import PAPER_NOTE, SCORES, Row, verdict
from numpy_sat.evaluation.detection import Detection
from numpy_sat.evaluation.faithfulness import Faithfulness
from numpy_sat.evaluation.gaps import Gaps
from numpy_sat.evaluation.layout import Page, Paragraphs, Points, Table, finite, number, percent
from numpy_sat.evaluation.reconstruction import Reconstruction
from numpy_sat.evaluation.retrieval import POOL
from numpy_sat.evaluation.scene_truth import Truth
from numpy_sat.evaluation.variety import Variety

AGAINST = "This model against each baseline, by the 95 % intervals of the difference"
PEOPLE_NOTE = (
    "Leave-one-out: each reference in turn counts as the human caption and is judged by the other references. The "
    "model is judged by the same references. Both rows are means over the turns."
)


class Loss(NamedTuple):
    """The negative log-likelihood per word of the reference captions, in nats; <end> counts as a word."""

    word: float  # of the model
    frequencies: float  # of the word frequencies of the training set, which ignore the image and all other words


class Evaluation(NamedTuple):
    """The results of judging a captioner."""

    title: str
    protocol: str  # a sentence or two
    notes: tuple  # further sentences below the table
    rows: list[Row]
    vocabulary: int  # number of words that the model can write
    loss: Loss
    ours: Variety  # of the model's captions
    people: Variety  # of one reference per image
    attention: AttentionStatistics | None  # None for a model without attention
    truth: Truth | None  # for scenes
    no_attention: str | None = None  # for a model without attention: a sentence that says why
    reconstruction: Reconstruction | None = None  # for a model with a visual memory
    detection: Detection | None = None  # for a model with word detectors
    faithfulness: Faithfulness | None = None  # of the attention
    gaps: Gaps | None = None  # for a model that learns from captions with gaps


def as_text(evaluation: Evaluation) -> str:
    """Return an Evaluation as text for the terminal."""
    return layout.as_text(_page(evaluation, _scores_text(evaluation.rows)))


def as_markdown(evaluation: Evaluation) -> str:
    """Return an Evaluation as Markdown."""
    return layout.as_markdown(_page(evaluation, _scores_markdown(evaluation.rows)))


def _page(evaluation, scores):
    """Return the layout.Page of an Evaluation. scores: the layout.Table of its rows."""
    blocks = [
        scores,
        Paragraphs(_notes(evaluation)),
        Points(_differences(evaluation.rows), f"{AGAINST}:", indent="  "),
        Table(_variety(evaluation), widths=(44, 18, 18)),
        Points(_sentences(evaluation)),
    ]
    return Page(evaluation.title, blocks)


def as_json(evaluation: Evaluation) -> dict:
    """Return an Evaluation as a dict for the json module; nan becomes None."""
    plain = {"rows": [row._asdict() for row in evaluation.rows]}
    plain |= {name: getattr(evaluation, name)._asdict() for name in ("ours", "people")}
    parts = "loss", "truth", "reconstruction", "detection", "faithfulness", "gaps"
    plain |= {name: finite(getattr(evaluation, name)) for name in parts}
    return evaluation._asdict() | plain | {"attention": attention_as_json(evaluation.attention)}


def attention_as_json(statistics: AttentionStatistics | None) -> dict | None:
    """Return AttentionStatistics as a dict for the json module. Of None, return None."""
    return statistics and finite(statistics) | {
        "locations": statistics.locations,
        "collapsed": statistics.collapsed,
    }


def _notes(evaluation):
    """Return the sentences below the table of scores."""
    kinds = {row.kind for row in evaluation.rows}
    paper_note = f"{PAPER_NOTE} Compare it with the row without brevity penalty."
    row_notes = [note for kind, note in (("people", PEOPLE_NOTE), ("paper", paper_note)) if kind in kinds]
    return [f"Protocol: {evaluation.protocol}", *evaluation.notes, *row_notes]


def _scores_text(rows):
    """Return the table of scores for the terminal. Each interval takes two lines."""
    lines = [("", "BLEU-1", "-2", "-3", "-4", *SCORES[4:])]
    for row in rows:
        lines.append((row.name, *(number(row.figures.get(name)) for name in SCORES)))
        for k, edge in enumerate(("low", "high") if row.interval else ()):
            edges = (number(row.interval[name][k]) for name in SCORES)
            lines.append((f"  95 % interval, {edge}", *edges))
    return Table(lines, widths=(32, 6, 6, 6, 6, 8, 8, 8))


def _scores_markdown(rows):
    """Return the table of scores for Markdown, with intervals in brackets."""
    lines = [("", *SCORES)]
    for row in rows:
        figures = {name: number(row.figures.get(name)) for name in SCORES}
        for name, (low, high) in (row.interval or {}).items():
            figures[name] += f" ({number(low)} to {number(high)})"
        lines.append((row.name, *figures.values()))
    return Table(lines)


def _differences(rows):
    """Return for each floor a sentence: in which scores the model differs from it by more than chance."""
    return [f"{row.name}: {verdict(row.difference)}" for row in rows if row.kind == "floor"]


def _variety(evaluation):
    """Return the rows of the table of variety, three cells each; the first row is the head."""
    ours, people = evaluation.ours, evaluation.people
    shares = {
        "different captions": "captions",
        "captions copied from the training set": "copied",
        "captions that repeat a word in a row": "stutters",
        "words that repeat a word of their caption": "repeated",
        "captions that repeat a content word": "content",
        "captions that end in a word such as a, of": "endings",
    }
    return [
        ("", "this model", "human captions"),
        ("different words", f"{ours.words:,} of {evaluation.vocabulary:,}", f"{people.words:,}"),
        ("words per caption", *(f"{v.length:.1f} ({v.shortest} to {v.longest})" for v in (ours, people))),
        *((name, *(percent(getattr(v, field)) for v in (ours, people))) for name, field in shares.items()),
    ]


def _sentences(evaluation):
    """Return sentences about the loss, the attention and, for scenes, the truth of the captions."""
    loss = (
        f"Loss: {evaluation.loss.word:.3f} nats per word of the reference captions, where <end> counts as a word. The "
        f"word frequencies of the training set alone reach {evaluation.loss.frequencies:.3f}."
    )
    sentences = [loss, *_attention(evaluation), *_truth(evaluation), *_reconstruction(evaluation.reconstruction)]
    return [*sentences, *_detection(evaluation.detection), *_gaps(evaluation.gaps)]


def _gaps(gaps):
    """Return sentences about gaps in human captions that the model fills."""
    return [
        f"Gaps: of {gaps.cases[kind]:,} hidden {kind}, it fills "
        + ", ".join(f"{_interval(share)} {way}" for way, share in ways.items())
        + " right."
        for kind, ways in (gaps.right.items() if gaps else ())
    ]


def _detection(detection):
    """Return sentences about word detectors, and about the captions that are written from their words."""
    if detection is None:
        return []
    alike = ", ".join(f"{pair} {value:.2f}" for pair, value in detection.correlations.items())
    sources = "; ".join(f"{name}: {_caption_scores(scores)}" for name, scores in detection.captions.items())
    return [
        f"Word detectors: mean average precision {_interval(detection.precision)} over {len(detection.words)} words, "
        f"constant detectors reach {percent(detection.chance)}."
        + (f" Correlation of the log odds over images: {alike}." if alike else ""),
        *_localization(detection.localization),
        f"Captions from other words, or chosen by other weights. {sources}.",
        *_relations(detection),
    ]


def _caption_scores(scores):
    """Return detection.CaptionScores as text."""
    cider = f"CIDEr-D {number(scores.cider.value)} ({number(scores.cider.low)} to {number(scores.cider.high)})"
    return f"{cider}, true and complete {_interval(scores.true)}" if scores.true else cider


def _localization(localization):
    """Return sentences about the locations where the detectors of colors and shapes look."""
    return [
        f"The {result.cases:,} words for {kind} have their highest logit in a box of an object that they fit for "
        f"{_interval(result.in_box)}, by chance {percent(result.in_box_chance)}. If they fit one of two groups, the "
        f"nearest object is one of that group for {_interval(result.nearest)}, by chance "
        f"{percent(result.nearest_chance)}. No box was a target in training."
        for kind, result in (localization or {}).items()
    ]


def _relations(detection):
    """Return sentences about the relations and noun phrases of captions of scenes."""
    if detection.relations is None:
        return []
    with_, without = detection.relations, detection.relations_without
    return [
        f"Relations between two true noun phrases: {_interval(with_.axis)} have the right axis. Of these "
        f"{with_.cases:,}, {_interval(with_.right)} are true; without the similarity, {_interval(without.right)} "
        f"of {without.cases:,}. A coin would reach 50 %. Of the captions with a wrong noun phrase, "
        f"{_interval(detection.swapped)} have only words that fit the scene, in wrong pairs."
    ]


def _reconstruction(reconstruction):
    """Return sentences about the image that a visual memory reconstructs."""
    if reconstruction is None:
        return []
    falls = ", ".join(f"{kind} {_interval(fall)}" for kind, fall in reconstruction.falls.items())
    return [
        f"Visual memory: after a human caption, it explains {_interval(reconstruction.end)} of the variance of the "
        f"images' vectors, before the first word {_interval(reconstruction.start)}. A linear function of the counts of "
        f"words explains {_interval(reconstruction.bag)}. One word adds on average: {falls}. "
        f"{_interval(reconstruction.retrieval)} of the reconstructions are nearest to a right image among {POOL}, by "
        f"chance {percent(reconstruction.chance)}.",
        *_reach(reconstruction.reach),
    ]


def _reach(reach):
    """Return a sentence about the first word's effect on the last states. reach: that of a Reconstruction."""
    if reach is None:
        return []
    memory, language = map(percent, reach)
    return [
        f"Reach: the gradient of the memory after the last word is {memory} as large for the first word as for the "
        f"last one, that of the language state {language}."
    ]


def _interval(share):
    """Return a bootstrap.Share in percent with its 95 % interval."""
    return f"{percent(share.value)} ({number(100 * share.low)} to {number(100 * share.high)})"


def _attention(evaluation):
    """Return sentences about the attention."""
    attention = evaluation.attention
    if attention is None:
        return [f"Attention: {evaluation.no_attention}"]
    locations = round(math.exp(attention.most))
    sentences = [
        f"Attention: entropy {attention.entropy:.2f} of at most ln {locations} = {attention.most:.2f} nats, as for "
        f"uniform attention to {attention.locations:.1f} locations; {percent(attention.movement)} of it moves from "
        "word to word."
    ]
    if attention.collapsed:
        sentences.append("!!! ATTENTION HAS COLLAPSED: it is nearly uniform over the locations, for every word.")
    return [*sentences, *_faithfulness(evaluation.faithfulness)]


def _faithfulness(faithfulness):
    """Return a sentence about the log-probabilities of content words without some locations."""
    if faithfulness is None:
        return []
    nats = {
        kind: f"{share.value:.3f} ({share.low:.3f} to {share.high:.3f})"
        for kind, share in (("l", faithfulness.largest), ("r", faithfulness.random), ("s", faithfulness.smallest))
    }
    ratio = faithfulness.ratio
    return [
        f"Faithfulness: without the {faithfulness.removed} of {faithfulness.locations} locations with the largest "
        f"weights, the log-probability of a content word falls by {nats['l']} nats; without random ones by "
        f"{nats['r']}, without those with the smallest weights by {nats['s']}. Largest / random: "
        f"{number(ratio.value)} ({number(ratio.low)} to {number(ratio.high)})."
    ]


def _truth(evaluation):
    """Return sentences about the truth of captions of scenes, and about the attention to the named objects."""
    truth = evaluation.truth
    if truth is None:
        return []
    captions = (
        f"True: {percent(truth.complete)} of captions. Such a caption is true in every word. It names an object with "
        f"its color, and a relation or a count if there are several objects. {percent(truth.objects)} have every "
        f"object right; {percent(truth.relation)} of the relations are right."
    )
    if evaluation.attention is None:
        return [captions]
    attention = "no caption names an object of its scene."
    if math.isfinite(truth.in_box):
        times = truth.in_box / truth.chance
        attention = (
            f"{percent(truth.in_box)}, chance {percent(truth.chance)}, so {times:.1f} x chance; "
            f"at the word before: {percent(truth.before)}."
        )
    return [captions, f"Attention inside the named object's box while its noun is written: {attention}"]
