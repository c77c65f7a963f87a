"""Captioning: the model reads an image and writes a caption.

Functions that draw or judge import their modules when they are called. These modules import matplotlib and nltk, which
takes half a second. Writing a caption does not need them.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from numpy_sat.data import file_kinds
from numpy_sat.data.captioned_photos import photo_files
from numpy_sat.experiment import runs
from numpy_sat.pretrained import inputs
from numpy_sat.system import cli
from numpy_sat.system.errors import InputError

EXAMPLE = "IMAGE"

encode = inputs.encode


def sources(arguments: Sequence[str]) -> list[str]:
    """Return the image files that the arguments of a command name.

    An argument is an image file, a folder of photos, or a pattern such as shots/*.jpg that the shell has not expanded.

    Args:
        arguments: texts.
    Returns:
        Paths in the order of the arguments; the files of a folder or of a pattern are sorted.
    Raises:
        InputError: a folder holds no photo or is a run, or no file matches a pattern.
    """
    return [path for argument in arguments for path in _files(argument)]


def _files(argument):
    """Return the image files of one argument."""
    if os.path.isdir(argument):
        return _photos(argument)
    is_pattern = set(argument) & set("*?") and not os.path.lexists(argument)
    if not is_pattern or file_kinds.web_address(Path(argument)):
        return [argument]
    paths = cli.expand_patterns([argument])
    if paths == [argument]:
        raise InputError(f"{argument}: no file has such a name; check the folder and the pattern.")
    return paths


def _photos(folder):
    """Return the paths of the photos in a folder, sorted by name."""
    if runs.is_run(Path(folder)):
        raise InputError(f"{folder} is the folder of a run; name one run, and name it before the images.")
    names = sorted(filter(photo_files.is_photo, photo_files.list_names(Path(folder))))
    if not names:
        raise InputError(f"{folder} holds neither a run nor photos; name a run, an image or a folder of images.")
    return [os.path.join(folder, name) for name in names]


def read(config, source):
    """Read a single image, with a batch axis of 1: (1, H, W, 3) uint8. source: path, or an images.Upload."""
    return inputs.read(config, _named(source))


def _named(source):
    """Return the path of an image as a Path; an images.Upload is returned unchanged."""
    return Path(source) if isinstance(source, str) else source


def load(config, examples, augmented=False):
    """Load the model inputs of images, from the on-disk cache where possible.

    Args:
        config: the recipe.
        examples: N CaptionedImages.
        augmented: True if the images will be augmented, which needs pixels even for a pretrained encoder.
    Returns:
        (N, H, W, 3) uint8 images, or (N, L, C) float16 features of a pretrained encoder's frozen stages.
    Raises:
        InputError: an image cannot be read.
    """
    return inputs.load_pixels(config, examples) if augmented else inputs.load(config, examples)


def write(words):
    """Return the words of a caption as text."""
    return " ".join(words)


def source(example):
    """Return the image file of an example."""
    return example.path


def absence(config, traced):
    """Return a sentence that says why a model has no attention, or None. traced: trace.Trace of a caption."""
    from numpy_sat.evaluation import attention

    return attention.explain_absence(config, traced.alpha)


def draw(path, source, traced):
    """Draw a PNG of the attention on an image.

    Args:
        path: path of the PNG.
        source: path of the image file.
        traced: trace.Trace of the caption.
    Raises:
        InputError: the image cannot be read or the PNG written.
    """
    from numpy_sat.data import images
    from numpy_sat.evaluation import attention, figures

    image = images.read_image(Path(source), attention.SIDE)
    figures.attention_figure(path, image, traced.texts, traced.alpha, traced.beta)


def entry(config, source, traced, note=""):
    """Return the page.Entry of a caption.

    Args:
        config: the recipe.
        source: path of the image file, or an images.Upload.
        traced: trace.Trace of the caption.
        note: a line below the name of the image.
    Raises:
        InputError: the image cannot be read.
    """
    from numpy_sat.data import images
    from numpy_sat.evaluation import page

    source = _named(source)
    image = images.read_small(source, page.SIDE)
    return page.Entry(source.name, traced, image, absence=absence(config, traced), note=note)


def show(folder, model, written):
    """Draw a contact sheet of captions and their attention into a folder. written: heldout.Written of the model."""
    from numpy_sat.evaluation import contact_sheet

    contact_sheet.draw(folder, model, written)


def report(paths, models, request, blind=None, out=None):
    """Judge a captioner, print the report and write it to files.

    Args:
        paths: path of the run, followed by those of further members of an ensemble.
        models: the runs.Model of each path.
        request: heldout.Request.
        blind: path of the run's blind baseline; if None, the folder beside the run's is searched.
        out: path of the Markdown file; the default is a file in the run's folder.
    Raises:
        InputError: the data, the blind baseline or the ensemble's models do not fit.
    """
    from numpy_sat.evaluation import caption_evaluation

    caption_evaluation.evaluate(paths, models, request, blind, out)


def compare(paths, request, out=None, curve=()):
    """Judge several captioners, print one table and write it to a file.

    Args:
        paths: paths of the runs.
        request: heldout.Request.
        out: path of the Markdown file; the default is a file in the first run's folder.
        curve: paths of further runs, whose losses and CIDEr-D form a curve.
    Raises:
        InputError: the runs were trained on different data, or a run is named twice.
    """
    from numpy_sat.evaluation import run_comparison

    run_comparison.compare(paths, request, out, curve)
