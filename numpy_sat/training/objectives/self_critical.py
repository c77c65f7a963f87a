"""Self-critical training (Rennie et al. 2017): the model samples captions and learns from their CIDEr-D.

The policy gradient (layers/policy.py) weights each sampled caption by r - b, its score less a baseline. The baseline b
is the score of the greedy caption of the same image. So samples that beat greedy decoding become more likely. With
reward_baseline = "others", b is the mean score of the image's other samples (Luo 2020). No baseline has parameters.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from numpy_sat.data import batches
from numpy_sat.data.vocabulary import Vocabulary
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.experiment.runs import Run
from numpy_sat.loss import Loss
from numpy_sat.metrics import cider
from numpy_sat.system.streams import CAPTIONS
from numpy_sat.system.workspace import Workspace
from numpy_sat.training.objectives import samples

AVERAGES_WEIGHTS = True
RATE_FACTOR = 1.0


class Judge(NamedTuple):
    """The references of the training set, against which CIDEr-D scores captions, and their idf."""

    idf: cider.Idf
    references: list  # for each training image, the cider.WeightedNgrams of each reference
    vocabulary: Vocabulary


def prepare(run: Run, split: batches.Split) -> Judge:
    """Return the Judge of the run's training split."""
    return judge_of(split, run.vocabulary)


def judge_of(split: batches.Split, vocabulary: Vocabulary) -> Judge:
    """Return the Judge of a training split. split: data.batches.Split."""
    counts = [[cider.count_ngrams(words) for words in references] for references in split.references]
    idf = cider.Idf(counts)
    return Judge(idf, [[idf.weigh(caption) for caption in references] for references in counts], vocabulary)


def loss_and_grads(
    params: dict[str, np.ndarray],
    batch: batches.Batch,
    recipe: Recipe,
    prepared: Judge,
    random: Callable,
    workspace: Workspace,
) -> tuple[Loss, dict[str, np.ndarray], dict[str, float]]:
    """Sample captions of the batch's images, and compute the policy loss and its gradients.

    Args:
        params: {name: array}.
        batch: data.batches.Batch. Sampled captions replace its captions.
        recipe: Recipe of the run.
        prepared: Judge.
        random: function that returns the numpy Generator of a purpose of system/streams.py.
        workspace: system.workspace.Workspace. It owns the memory of the gradients until its next step.
    Returns:
        loss: loss.Loss.
        grads: gradients by name.
        scores: mean CIDEr-D, {"sampled": percent, "greedy": percent}.
    """
    weighted = sample_captions(params, batch, recipe, prepared, random(CAPTIONS))
    loss, grads = samples.policy_step(params, weighted, random, workspace)
    return loss, grads, samples.percents(sampled=weighted.rewards, greedy=weighted.greedy_rewards)


def measure(run: Run, split: batches.Split) -> None:
    """Do nothing, because no parameter of this objective is measured."""


def selection_score(config: Recipe, cider: float) -> float:
    """Return the mean CIDEr-D on the validation set, which this objective raises."""
    return cider


def sample_captions(
    params: dict[str, np.ndarray], batch: batches.Batch, recipe: Recipe, judge: Judge, rng: np.random.Generator
) -> samples.Weighted:
    """Sample as many captions of each image as the batch has, and weight them by their CIDEr-D less the baseline."""

    def reward(images, captions):
        return scores(judge, batch.rows[images], captions)

    sample = samples.draw(params, batch, recipe, rng)
    return samples.weigh(sample, reward, recipe)


def scores(judge: Judge, rows: np.ndarray, captions: Sequence[Sequence[int]]) -> np.ndarray:
    """Score captions by CIDEr-D.

    Args:
        judge: Judge.
        rows: (B,) index of each caption's image in the training set.
        captions: B lists of word numbers.
    Returns:
        (B,) scores from 0 to 10.
    """
    candidates = (judge.idf.weigh(cider.count_ngrams(judge.vocabulary.decode(words))) for words in captions)
    return np.array(
        [10 * cider.score(candidate, judge.references[row]) for candidate, row in zip(candidates, rows, strict=True)]
    )
