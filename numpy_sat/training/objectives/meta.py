"""Reinforcement with meta-learning (after Li, Chen and Liu 2019): likelihood and reward are two tasks of one model.

Self-critical training raises CIDEr-D, and unlearns what CIDEr-D does not count. So this objective also keeps the
likelihood of human captions. It has two losses:

    L_S    cross-entropy with references (cross_entropy.py)
    L_R    the policy loss of sampled captions, rewarded by CIDEr-D (self_critical.py)

The weighted sum L_S + lambda L_R is the baseline. Meta-learning looks for parameters from which one step of SGD on a
task is good for that task: it minimizes L_S(theta_S) + lambda L_R(theta_R), where theta_S and theta_R are one step
away from theta. GRADIENTS names the estimates of its gradient (meta_gradients.py). The recipe's optimizer takes the
outer step. The captioner that is used afterwards is theta: nothing is adapted to a task at test time.

All evaluations of a task in a step share the batch, the dropout masks, the sampled captions and their weights. So the
policy loss is differentiated with its samples fixed: the result is of first order in the sampling. The inner step
changes the probabilities of captions, but not which captions are sampled. The encoder is not trained (samples.py).
"""

from collections.abc import Callable

import numpy as np

from numpy_sat.data import batches
from numpy_sat.decoders import MODELS
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.experiment.runs import Run
from numpy_sat.loss import Loss
from numpy_sat.system import ranks
from numpy_sat.system.streams import CAPTIONS, DROPOUT
from numpy_sat.system.workspace import Workspace
from numpy_sat.training.objectives import meta_gradients, samples, self_critical

AVERAGES_WEIGHTS = True
RATE_FACTOR = 1.0
GRADIENTS = {
    "weighted-sum": meta_gradients.plain,
    "first-order": meta_gradients.first_order,
    "reptile": meta_gradients.reptile,
    "maml": meta_gradients.maml,
}


def prepare(run: Run, split: batches.Split) -> self_critical.Judge:
    """Return the self_critical.Judge of the run's training split."""
    return self_critical.judge_of(split, run.vocabulary)


def loss_and_grads(
    params: dict[str, np.ndarray],
    batch: batches.Batch,
    recipe: Recipe,
    prepared: self_critical.Judge,
    random: Callable,
    workspace: Workspace,
) -> tuple[Loss, dict[str, np.ndarray], dict[str, float]]:
    """Sample captions, and combine the gradients of the two tasks.

    Args:
        params: {name: array}.
        batch: data.batches.Batch.
        recipe: Recipe of the run.
        prepared: self_critical.Judge.
        random: function that returns the numpy Generator of a purpose of system/streams.py.
        workspace: system.workspace.Workspace. Every evaluation of a task is one of its steps.
    Returns:
        loss: loss.Loss. Its total is L_S + lambda L_R; its other parts are those of L_S.
        grads: gradients by name.
        scores: mean CIDEr-D, {"sampled": percent, "greedy": percent}.
    """
    weighted = self_critical.sample_captions(params, batch, recipe, prepared, random(CAPTIONS))
    tasks = [
        task(weighted.a, batch, weighted.config.replace(dropout=recipe.decoder.dropout), random, workspace),
        task(weighted.a, weighted.batch, weighted.config, random, workspace),
    ]
    gradient = GRADIENTS[recipe.meta.meta_gradient]
    (loss_s, grads_s), (loss_r, grads_r) = (gradient(params, each, recipe.meta.inner_rate) for each in tasks)
    # L_S + lambda L_R
    loss = loss_s._replace(total=loss_s.total + recipe.meta.reward_weight * loss_r.total)
    grads = meta_gradients.moved(grads_s, grads_r, recipe.meta.reward_weight)
    return loss, grads, samples.percents(sampled=weighted.rewards, greedy=weighted.greedy_rewards)


def task(
    a: np.ndarray, batch: batches.Batch, config: Recipe, random: Callable, workspace: Workspace
) -> meta_gradients.LossAndGrads:
    """Return the loss and the gradients of captions as a function of the parameters, with fixed dropout masks.

    Args:
        a: (N, L, D) annotations after dropout.
        batch: data.batches.Batch; with weights, the loss is the policy loss.
        config: Recipe.
        random: function that returns the numpy Generator of a purpose of system/streams.py.
        workspace: system.workspace.Workspace.
    """
    decoder = MODELS[config.decoder.model]

    def evaluate(params):
        with workspace.step():
            loss, _, grads = decoder.loss_and_grads(params, a, batch, config, random(DROPOUT))
        grads = ranks.shared_means(grads)  # an inner step needs the gradient of the whole batch
        return loss, {name: array.copy() for name, array in grads.items()}  # the next step reuses the workspace

    return evaluate


def measure(run: Run, split: batches.Split) -> None:
    """Do nothing, because no parameter of this objective is measured."""


def selection_score(config: Recipe, cider: float) -> float:
    """Return the mean CIDEr-D on the validation set, the reward of the second task."""
    return cider
