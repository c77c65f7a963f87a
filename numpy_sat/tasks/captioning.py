"""Captioning: the model reads an image and writes a caption.

Functions that draw or judge import their modules when they are called. These modules import matplotlib and nltk, which
takes half a second. Writing a caption does not need them.
"""

from pathlib import Path

from numpy_sat.pretrained import inputs

EXAMPLE = "IMAGE"

read = inputs.read


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


def draw(path, config, source, words, caption):
    """Draw a PNG of the attention on an image.

    Args:
        path: path of the PNG.
        config: the recipe.
        source: path of the image file.
        words: the words of the caption, <end> last.
        caption: search.Caption.
    Returns:
        None, or a sentence that says why the model has no attention.
    Raises:
        InputError: the image cannot be read or the PNG written.
    """
    from numpy_sat.data import images
    from numpy_sat.evaluation import attention, figures

    reason = attention.explain_absence(config, caption.alpha)
    if not reason:
        image = images.read_image(Path(source), attention.SIDE)
        figures.attention_figure(path, image, words, caption.alpha, caption.beta)
    return reason


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


def compare(paths, request, out=None):
    """Judge several captioners, print one table and write it to a file.

    Args:
        paths: paths of the runs.
        request: heldout.Request.
        out: path of the Markdown file; the default is a file in the first run's folder.
    Raises:
        InputError: the runs were trained on different data, or a run is named twice.
    """
    from numpy_sat.evaluation import run_comparison

    run_comparison.compare(paths, request, out)
