"""Judge the attention of a model's captions. For scenes, also judge whether attention and captions are right."""

from typing import NamedTuple

import numpy as np

from numpy_sat import captioner, decoders
from numpy_sat.data import batches
from numpy_sat.data.content_words import stem_numbers
from numpy_sat.data.scenes import scenes
from numpy_sat.data.vocabulary import END
from numpy_sat.evaluation import faithfulness, heldout, scene_truth
from numpy_sat.evaluation.attention_statistics import AttentionStatistics, measure
from numpy_sat.experiment import runs
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.system import ranks

SIDE = 224  # pixels of an image in a figure, for every image size of the model
BATCH = 64  # images whose faithfulness is measured at once
POOLED = "this model reads the mean of all locations instead."  # if attention is left out


class AttentionJudgement(NamedTuple):
    """The attention of a model's captions of a split, and for scenes the truth of the captions."""

    statistics: AttentionStatistics | None  # None for a model without attention
    absence: str | None  # for a model without attention: a sentence that says why
    truth: scene_truth.Truth | None  # for scenes
    is_true: np.ndarray | None  # for scenes: float64 (N,), 1 for a true and complete caption, else 0


def judge(model: runs.Model, written: heldout.Written) -> AttentionJudgement:
    """Judge the attention of a model's captions.

    Args:
        model: runs.Model.
        written: heldout.Written of the model.
    Returns:
        An AttentionJudgement.
    """
    alphas, truth, is_true = [caption.alpha for caption in written.captions], None, None
    absence = explain_absence(model.recipe, alphas[0])
    if absence:
        alphas = None
    if written.dataset.name == "scenes":
        scene_by_name = scenes.read_scenes(written.dataset.root)
        words = [text.split() for text in written.texts.values()]
        split_scenes = [scene_by_name[name] for name in written.texts]
        truth = scene_truth.judge_captions(words, alphas, split_scenes)
        is_true = scene_truth.are_true(words, split_scenes)
    return AttentionJudgement(measure(alphas) if alphas else None, absence, truth, is_true)


def judge_faithfulness(model: runs.Model, written: heldout.Written) -> faithfulness.Faithfulness | None:
    """Measure the faithfulness of a model's attention in its own captions. The ranks of a group share the images.

    Args:
        model: runs.Model.
        written: heldout.Written of the model.
    Returns:
        The Faithfulness, or None if the attention cannot be restricted or no caption has a content word.
    """
    decoder, group = decoders.writer(model.recipe), ranks.current()
    if decoder.attend_to is None or written.captions[0].alpha.shape[1] < 2:
        return None
    is_content = stem_numbers(model.vocabulary) >= 0
    sums = []
    for start in group.part(range(0, len(written.captions), BATCH)):
        a = captioner.annotate(model.params, batches.scale_pixels(written.inputs[start : start + BATCH]), model.recipe)
        captions = [(*caption.words, END) for caption in written.captions[start : start + BATCH]]
        rng = np.random.default_rng((faithfulness.SEED, start))
        sums.append(faithfulness.falls(decoder, model.params, a, captions, is_content, rng))
    totals, counts = (np.concatenate(parts) for parts in zip(*group.merged(sums), strict=True))
    locations = written.captions[0].alpha.shape[1]
    return faithfulness.summarize(totals, counts, locations) if counts.any() else None


def explain_absence(config: Recipe, alpha: np.ndarray, pooled: str = POOLED) -> str | None:
    """Return a sentence that says why a model has no attention. Return None if it has attention.

    Args:
        config: the recipe.
        alpha: (T, L) attention weights of one caption; L is 0 for a decoder without attention.
        pooled: the sentence for a model whose attention is left out.
    """
    if config.encoder.regions == "boxes":
        return "this model reads the boxes of objects instead of a grid."
    if config.encoder.blind:
        return "this model is blind."
    if "attention" in config.decoder.without:
        return pooled
    return None if alpha.shape[1] else "this model has no attention."
