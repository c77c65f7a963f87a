"""Compare models by whether they name objects that no caption of their training named.

The images are scenes of another seed than those of training. Half of them show the object. Whether an image shows it is
read from its references. They name every object, and only its color may be missing.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from numpy_sat import __version__
from numpy_sat.data.scenes import scenes, tags
from numpy_sat.data.vocabulary import tokenize
from numpy_sat.decoding import overflow, repetition, search
from numpy_sat.evaluation import novel_words, report_files, run_comparison, scene_truth
from numpy_sat.evaluation.bootstrap import Share
from numpy_sat.evaluation.layout import Page, Paragraphs, Table, as_markdown, as_text, number
from numpy_sat.experiment import runs, settings
from numpy_sat.pretrained import inputs
from numpy_sat.system import machine
from numpy_sat.system.errors import InputError

SEED = 1  # seed of the scenes; the scenes of training have seed 0
SPLIT = "train"  # the largest split of that seed
LEGEND = (
    "F1 of naming the object: 2 hits / (images that show it + captions that name it). Named: captions of images that "
    "show the object and say its word. Invented: captions of the other images that say it. True: captions that are "
    "true in every word, and name a color and the relation. All in percent, with 95 % intervals over images."
)


class Request(NamedTuple):
    """The settings of a comparison."""

    words: tuple[str, ...] = ()  # words or phrases for the object; () for those held out of the first run
    images: int = 2000  # images that show the object, and as many that do not, if there are enough
    beam: int = 3  # beam width
    tags: str | None = None  # kind of the tags in inference; None for the kind of the training
    root: Path | None = None  # folder of the scenes; None is the cache


class Data(NamedTuple):
    """The images to caption."""

    examples: list  # N dataset.CaptionedImages
    shows: np.ndarray  # (N,) bool, True if the image shows the object
    scenes: list  # N scene_language.Scenes


def compare(paths: Sequence[Path], request: Request, out: Path | None = None) -> None:
    """Write captions with all models, print their table, and write it to a file.

    Args:
        paths: paths of the runs.
        request: Request.
        out: path of the Markdown file; the default is a file in the first run's folder.
    Raises:
        InputError: the runs were not trained on scenes, or no words are given.
    """
    contenders = run_comparison.load(paths)
    path = report_files.place(out, paths[0], "novel")
    words = request.words or contenders[0].model.recipe.training.held_out
    if contenders[0].model.settings["data"] != scenes.NAME:
        raise InputError(f"{paths[0]}: only for models of scenes, whose captions can be judged.")
    if not all(word.strip() for word in words):
        raise InputError('--words: one of the words is empty, ""; name words of captions.')
    if not words:
        raise InputError(f"{paths[0]}: no words were held out of its training; name some by --words.")
    data = _read(words, request)
    rows = {contender.name: _judge(contender, data, words, request) for contender in contenders}
    page = Page(
        f"{len(rows)} models: captions of scenes that show what the words {', '.join(words)} name",
        [Table(_table(rows)), Paragraphs([_protocol(data, request), LEGEND])],
        width=110,
    )
    plain = {"version": __version__, "words": words, "tags": request.tags}
    plain["models"] = {name: row._asdict() for name, row in rows.items()}
    report_files.write(path, as_markdown(page), plain, as_text(page))


def _read(words, request):
    """Return the Data: images that show the object, then images that do not. Raises InputError without any."""
    root = scenes.ensure(Path(request.root or machine.cache_folder()), SEED)
    examples = scenes.read_examples(root, SPLIT)
    shows = np.array([novel_words.says_any(map(tokenize, example.captions), words) for example in examples])
    if not shows.any() or shows.all():
        quantity = "every" if shows.any() else "no"
        raise InputError(f"{', '.join(words)}: {quantity} scene shows this; name other words by --words.")
    rows = np.concatenate([np.flatnonzero(part)[: request.images] for part in (shows, ~shows)])
    examples, all_scenes = [examples[k] for k in rows], scenes.read_scenes(root)
    return Data(examples, shows[rows], [all_scenes[example.name] for example in examples])


def _judge(contender, data, words, request):
    """Return the novel_words.Novel of a run_comparison.Contender."""
    report_files.say(f"{contender.name}: writing captions")
    model = _with_tags(contender.model, request.tags)
    recipe = model.recipe
    captions = search.caption_images(
        model.params,
        recipe,
        inputs.load(recipe, data.examples),
        request.beam,
        recipe.decoding.max_words,
        recipe.decoding.length_power,
        stems=repetition.stems_of(recipe, model.vocabulary),
    )
    overflow.refuse(captions)
    texts = [model.vocabulary.decode(caption.words) for caption in captions]
    says = np.array([novel_words.says_any([text], words) for text in texts])
    return novel_words.judge(data.shows, says, scene_truth.are_true(texts, data.scenes) == 1)


def _with_tags(model: runs.Model, kind: str | None) -> runs.Model:
    """Return a model that reads tags of another kind. A model without tags, or no kind, returns the model."""
    if kind is None or model.recipe.encoder.tags == tags.KINDS[0]:
        return model
    return model._replace(recipe=settings.with_settings(model.recipe, {"tags": kind}))


def _table(rows):
    """Return the rows of the table of models."""
    head = ("", "F1", "named", "invented", "true, with object", "true, others")
    fields = "f1", "named", "invented", "true_with", "true_without"
    return [head, *((name, *(_interval(getattr(row, field)) for field in fields)) for name, row in rows.items())]


def _interval(share: Share) -> str:
    return f"{number(100 * share.value)} ({number(100 * share.low)} to {number(100 * share.high)})"


def _protocol(data, request):
    tags_note = f" Tags: {request.tags}." if request.tags else ""
    return (
        f"{int(data.shows.sum()):,} scenes that show the object and {int((~data.shows).sum()):,} that do not, of "
        f"another seed than training; beam width {request.beam}.{tags_note}"
    )
