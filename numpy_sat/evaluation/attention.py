"""The attention of a model's captions. For scenes, also whether attention and captions are right."""

from typing import NamedTuple

import numpy as np

from numpy_sat.data.scenes import scenes
from numpy_sat.evaluation import scene_truth
from numpy_sat.evaluation.attention_statistics import AttentionStatistics, measure

SIDE = 224  # pixels of an image in a figure, whatever the model's image size
POOLED = "this model is given the mean of all locations, and looks nowhere in particular."  # if attention is left out


class AttentionJudgement(NamedTuple):
    """What is known of the attention of a model's captions of a split."""

    statistics: AttentionStatistics | None  # None of a model without attention
    absence: str | None  # of such a model: why it has none, a sentence
    truth: scene_truth.Truth | None  # of scenes
    is_true: np.ndarray | None  # of scenes: float64 (N,), 1 for a true and complete caption, else 0


def judge(model, written):
    """Judge the attention of a model's captions.

    Args:
        model: runs.Model.
        written: heldout.Written by it.
    Returns:
        An AttentionJudgement.
    """
    alphas, truth, is_true = [caption.alpha for caption in written.captions], None, None
    absence = explain_absence(model.recipe, alphas[0])
    if absence:
        alphas = None
    if written.dataset.name == "scenes":
        scene_of = scenes.read_scenes(written.dataset.root)
        words, drawn = [text.split() for text in written.texts.values()], [scene_of[k] for k in written.texts]
        truth, is_true = scene_truth.judge_captions(words, alphas, drawn), scene_truth.are_true(words, drawn)
    return AttentionJudgement(measure(alphas) if alphas else None, absence, truth, is_true)


def explain_absence(config, alpha, pooled=POOLED):
    """Return why a model has no attention, a sentence. Return None if it has.

    Args:
        config: the recipe.
        alpha: (words, L) attention of one caption; L is 0 for a decoder without attention.
        pooled: the sentence about a model whose attention is left out.
    """
    if config.encoder.blind:
        return "this model is blind, and looks nowhere."
    if "attention" in config.decoder.without:
        return pooled
    return None if alpha.shape[1] else "this model has no attention, and looks nowhere."
