"""Compare ways of writing captions in the plane of accuracy and diversity.

A captioner that writes the likeliest caption of every image is accurate, and writes little else. One that samples is
diverse, and errs more often. The temperature moves a captioner between the two. So a point alone says little: another
training is better only if its point lies above the curve of temperatures of the first captioner.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from numpy_sat import __version__
from numpy_sat.data import catalog, vocabulary
from numpy_sat.data.dataset import Dataset
from numpy_sat.data.scenes import scenes
from numpy_sat.decoding import repetition, sampling, search
from numpy_sat.evaluation import (
    bootstrap,
    diversity,
    figures,
    report_files,
    run_comparison,
    scene_truth,
    scene_wording,
)
from numpy_sat.evaluation.bootstrap import Share
from numpy_sat.evaluation.curve import Point, verdict, with_whole
from numpy_sat.evaluation.curve import height_above as curve_height
from numpy_sat.evaluation.layout import Page, Paragraphs, Points, Table, as_markdown, as_text, finite, number
from numpy_sat.experiment import runs
from numpy_sat.metrics import bleu, cider
from numpy_sat.pretrained import inputs

PEOPLE = "people"  # the group of the references
TRUE, CIDER = "true captions (%)", "CIDEr-D"  # the accuracy of captions of scenes and of photos
DIVERSITY = "Div-2: distinct bigrams / words (%)"
LEGEND = (
    "Div-1 and Div-2: distinct words and bigrams in the captions of an image, divided by their words. Self-BLEU: "
    "BLEU-4 of each caption against the others of its image. Words: different words in all captions. Novel: captions "
    "that are not in the training set. Repeats: captions that repeat a content word. All in percent, except CIDEr-D "
    "and words. Beam search writes one caption, which counts as often as the samples of the others."
)
LEGEND_SCENES = (
    "True: captions that are true in every word. TV: total variation between the choices of the captions and those of "
    "the scenes' grammar, in percent, for sentence forms, synonyms, and what is left out. In brackets: its mean by "
    "chance, for as many captions of the grammar itself. A caption outside the grammar has no form, so it adds to the "
    "first. Beam search writes one caption per image, so chance is larger there, by the root of the captions per image."
)


class Request(NamedTuple):
    """What to compare."""

    split: str = "dev"  # or "test"
    samples: int = 5  # captions per image, at least 2
    temperatures: tuple[float, ...] = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.3)  # of the first run
    beam: int = 5  # beam width
    seed: int = 0  # of the samples
    root: Path | None = None  # folder of the data; None is the folder of the training


class Data(NamedTuple):
    """The images to caption, and what their captions are compared with."""

    dataset: Dataset
    examples: list  # N dataset.Examples
    references: list  # N lists of word lists
    train: list  # word lists, the captions of the training set
    scenes: list | None  # N scene_language.Scenes; None for photos


class Way(NamedTuple):
    """One way of writing captions, and the captions' measures."""

    group: str  # the run, or "people"
    name: str  # such as "temperature 0.5"
    accuracy: np.ndarray  # (N,) percent of true captions, or CIDEr-D, mean of the image's captions
    cider: np.ndarray  # (N,) CIDEr-D, mean of the image's captions
    diversity: diversity.Diversity
    wording: scene_wording.Wording | None  # for scenes


def compare(paths: Sequence[Path], request: Request, out: Path | None = None) -> None:
    """Write captions in several ways, print their table, and write it and the figure of the plane to files.

    Args:
        paths: paths of the runs. The first is sampled at all temperatures, the others at 1.
        request: Request.
        out: path of the Markdown file; the default is a file in the first run's folder.
    Raises:
        InputError: the data cannot be read, or the runs were trained on different data.
    """
    contenders = run_comparison.load(paths)
    path = report_files.place(out, paths[0], f"diversity-{request.split}")
    data = _read(contenders[0].model, request)
    ways = []
    for contender in contenders:
        temperatures = request.temperatures if contender is contenders[0] else (1.0,)
        ways += _write(contender, data, request, temperatures)
    ways.append(_people(data, request.samples))
    counts = bootstrap.resample(len(data.examples), request.seed)
    page = Page(
        f"{len(contenders)} models: the accuracy and the diversity of their captions of {data.dataset.name}, "
        f"{request.split}",
        [
            Table(_scores(ways, counts)),
            *([Table(_wordings(ways))] if data.scenes else []),
            Paragraphs([_protocol(data, request), LEGEND, *([LEGEND_SCENES] if data.scenes else [])]),
            *_above_the_curve(ways, counts),
        ],
        width=110,
    )
    figure = path.with_suffix(".png")
    _draw(figure, ways, counts, data)
    plain = {"version": __version__, "ways": [_as_json(way, counts) for way in ways]}
    report_files.write(path, as_markdown(page), plain, f"{as_text(page)}figure: {figure}\n")


def height_above(way: Way, curve: Sequence[Way], counts: np.ndarray) -> Share | None:
    """Compute how far the accuracy of a way lies above a curve at the same Div-2.

    The curve is linear between its points. All ways are resampled together.

    Args:
        way: Way.
        curve: Ways at several temperatures.
        counts: (RESAMPLES, N) of bootstrap.resample.
    Returns:
        The difference in accuracy with its 95 % interval; None if the way is more or less diverse than the whole curve.
    """
    everything = with_whole(counts) / counts.shape[1]

    def point_of(some):
        return Point(everything @ some.diversity.div2, everything @ some.accuracy)

    return curve_height(point_of(way), [point_of(point) for point in curve])


def _read(model, request):
    """Return the Data of a model's split."""
    dataset = catalog.open_dataset(
        model.settings["data"], request.root or model.settings["root"], (request.split,), *runs.skipped(model.settings)
    )
    examples = dataset.splits[request.split]
    references = [list(filter(None, map(vocabulary.tokenize, example.captions))) for example in examples]
    train = [vocabulary.tokenize(text) for texts in catalog.read_captions(dataset, "train").values() for text in texts]
    split_scenes = None
    if dataset.name == scenes.NAME:
        scene_by_name = scenes.read_scenes(dataset.root)
        split_scenes = [scene_by_name[example.name] for example in examples]
    return Data(dataset, examples, references, train, split_scenes)


def _write(contender, data, request, temperatures):
    """Return the Ways of a run: beam search, and samples at some temperatures."""
    model, recipe = contender.model, contender.model.recipe
    model_inputs = inputs.load(recipe, data.examples)
    report_files.say(f"{contender.name}: beam search")
    options = request.beam, recipe.decoding.max_words, recipe.decoding.length_power
    best = search.caption_images(
        model.params, recipe, model_inputs, *options, stems=repetition.stems_of(recipe, model.vocabulary)
    )
    written = {f"beam {request.beam}": [[caption.words] * request.samples for caption in best]}
    for temperature in temperatures:
        report_files.say(f"{contender.name}: samples at temperature {temperature:g}")
        rng = np.random.default_rng(request.seed)
        captions = sampling.sample_images(model.params, recipe, model_inputs, request.samples, temperature, rng)
        written[f"T = {temperature:g}"] = _groups(captions, request.samples)
    return [
        _judge(contender.name, name, [[model.vocabulary.decode(words) for words in group] for group in groups], data)
        for name, groups in written.items()
    ]


def _people(data, samples):
    """Return the Way of people: the first references of each image. Their CIDEr-D against themselves is left out."""
    way = _judge(PEOPLE, "references", [(references * samples)[:samples] for references in data.references], data)
    nothing = np.full(len(data.examples), np.nan)
    return way._replace(cider=nothing, accuracy=way.accuracy if data.scenes else nothing)


def _groups(captions, size):
    return [captions[k : k + size] for k in range(0, len(captions), size)]


def _judge(group, name, captions, data):
    """Return the Way of captions. captions: for each image, K word lists."""
    samples = len(captions[0])
    columns = [[image_captions[k] for image_captions in captions] for k in range(samples)]
    cider_d = np.mean([cider.cider_d(column, data.references) for column in columns], axis=0)
    accuracy, wording = cider_d, None
    if data.scenes:
        accuracy = 100 * np.mean([scene_truth.are_true(column, data.scenes) for column in columns], axis=0)
        every_scene = [scene for scene in data.scenes for _ in range(samples)]
        wording = scene_wording.measure([words for group in captions for words in group], every_scene)
    return Way(group, name, accuracy, cider_d, diversity.measure(captions, data.train), wording)


def _scores(ways, counts):
    """Return the rows of the table of accuracy and diversity; the first row is the head."""
    are_scenes = ways[0].wording is not None
    names = ("true", "CIDEr-D") if are_scenes else ("CIDEr-D",)
    rows = [("", "", *names, "Div-1", "Div-2", "self-BLEU", "words", "novel", "repeats")]
    for way in ways:
        measures = way.diversity
        accuracies = (_mean(way.accuracy, counts), *([number(float(way.cider.mean()))] * are_scenes))
        shares = (f"{100 * values.mean():.1f}" for values in (measures.novel, measures.repeats))
        div1, div2 = number(100 * float(measures.div1.mean())), _mean(100 * measures.div2, counts)
        diversities = (div1, div2, number(_self_bleu(way)), f"{measures.words:,}")
        rows.append((way.group, way.name, *accuracies, *diversities, *shares))
    return rows


def _self_bleu(way):
    return float(bleu.from_counts(way.diversity.self_bleu.sum(axis=0))[3])


def _wordings(ways):
    """Return the rows of the table of total variations; the first row is the head."""
    rows = [("", "", "TV forms", "TV synonyms", "TV left out")]
    for way in ways:
        cells = (f"{100 * distance.value:.1f} ({100 * distance.noise:.1f})" for distance in way.wording)
        rows.append((way.group, way.name, *cells))
    return rows


def _mean(values, counts):
    """Return a mean over images with its 95 % interval, as text; "-" without values."""
    if np.isnan(values).any():
        return "-"
    share = bootstrap.share(counts, values)
    return f"{share.value:.1f} ({share.low:.1f} to {share.high:.1f})"


def _above_the_curve(ways, counts):
    """Return a list of the Points that say how far each further run's samples lie above the curve; [] for one run."""
    first = ways[0].group
    curve = [way for way in ways if way.group == first]
    unit = "percentage points of true captions" if ways[0].wording else "CIDEr-D"
    sentences = []
    for way in ways:
        if way.group in (first, PEOPLE):
            continue
        height = height_above(way, curve, counts)
        sentences.append(verdict(f"{way.group}, {way.name}", height, unit, "no point of the curve is as diverse"))
    heading = f"Height above the curve of {first}, at the same Div-2:"
    return [Points(sentences, heading, indent="  ")] if sentences else []


def _protocol(data, request):
    return (
        f"Protocol: {data.dataset.name}, {request.split}, {len(data.examples):,} images, {request.samples} captions "
        f"per image, seed {request.seed}; in brackets 95 % intervals over resampled images; numpy_sat {__version__}."
    )


def _draw(path, ways, counts, data):
    """Draw the plane of diversity and accuracy. Labels name the first run's points, the legend those of the others."""
    first, names, groups = ways[0].group, {}, {}
    for way in ways:
        names.setdefault(way.group, []).append(way.name)
    for way in ways:
        if not np.isnan(way.accuracy).any():
            label = way.group if way.group in (first, PEOPLE) else f"{way.group}: {', '.join(names[way.group])}"
            places = bootstrap.share(counts, 100 * way.diversity.div2), bootstrap.share(counts, way.accuracy)
            groups.setdefault(label, []).append((way.name if way.group == first else "", *places))
    accuracy = TRUE if data.scenes else CIDER
    title = f"Accuracy and diversity of captions of {data.dataset.name}"
    figures.plane_figure(path, groups, DIVERSITY, accuracy, title)


def _as_json(way, counts):
    """Return a Way as a dict for the json module: means with their intervals."""
    measures = {"accuracy": way.accuracy, "CIDEr-D": way.cider}
    measures |= {name: 100 * getattr(way.diversity, name) for name in ("div1", "div2", "novel", "repeats")}
    shares = {name: finite(bootstrap.share(counts, values)) for name, values in measures.items()}
    wording = way.wording and {name: finite(distance) for name, distance in way.wording._asdict().items()}
    return {
        **{"run": way.group, "way": way.name, **shares},
        **{"self_bleu": _self_bleu(way), "words": way.diversity.words, "wording": wording},
    }
