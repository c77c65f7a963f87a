"""Where a trained model looked while it wrote; of drawn scenes, whether that was right, and what it wrote."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from numpy_sat.data import images
from numpy_sat.data.scenes import scenes
from numpy_sat.evaluation import figures, scene_truth
from numpy_sat.evaluation.attention_statistics import Looks, looks

SIDE = 224  # pixels of a picture in a figure, whatever the model sees


class Looking(NamedTuple):
    """What is known of a model's captions of a split."""

    looks: Looks | None  # None of a model that looks nowhere
    nowhere: str | None  # of such a model: why, a sentence
    truth: scene_truth.Truth | None  # of drawn scenes
    true: np.ndarray | None  # of drawn scenes: float64 (N,), 1 for a true and complete caption, else 0


def judge(model, written):
    """The Looking of a runs.Model, of what it has written: a heldout.Written."""
    alphas, truth, true = [caption.alpha for caption in written.found], None, None
    nowhere = looks_nowhere(model.recipe.model, alphas[0])
    if nowhere:
        alphas = None
    if written.dataset.name == "scenes":
        of_name = scenes.read_scenes(written.dataset.root)
        words, drawn = [text.split() for text in written.captions.values()], [of_name[k] for k in written.captions]
        truth, true = scene_truth.judge_captions(words, alphas, drawn), scene_truth.are_true(words, drawn)
    return Looking(looks(alphas) if alphas else None, nowhere, truth, true)


def looks_nowhere(config, alpha):
    """Why a model looks nowhere, a sentence, or None where it looks.

    config: captioner.Config; alpha: (words, L) of a caption of it; of a model that has no attention L is 0.
    """
    if config.blind:
        return "this model is blind, and looks nowhere."
    if "attention" in config.without and config.source:
        return "this model is given the state after the last word, and looks nowhere."
    if "attention" in config.without:
        return "this model is given the mean of all locations, and looks nowhere in particular."
    return None if alpha.shape[1] else "this model has no attention, and looks nowhere."


def draw(path, config, seen, words, caption):
    """Write a PNG of where a model looked: on a picture, or on the words of a sentence; nothing where it does not look.

    config: captioner.Config; seen: the picture's file, of a translator the sentence; words: those it has written, <end>
    last; caption: search.Caption. Raises InputError where the picture cannot be read or the PNG written.
    """
    if looks_nowhere(config, caption.alpha):
        return
    if config.source:
        figures.alignment_figure(path, [*seen.split(), "<end>"], words, caption.alpha)
    else:
        image = images.read_image(Path(seen), SIDE)
        figures.attention_figure(path, image, words, caption.alpha, caption.beta)
