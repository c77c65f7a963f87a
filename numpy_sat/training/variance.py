"""The variance of REINFORCE's gradients, and how a baseline reduces it.

The loss of hard attention is an expectation over all locations (layers/hard_attention.py), but each training step
samples only once. Here a tiny model learns to name the things at the locations of an image, one after the other. While
it learns, this module measures the variance of the gradient over repeated samples for the same captions. It compares
no baseline, a moving-average baseline, and the moving average with reward-to-go. All three gradients have the same
mean.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from numpy_sat.data import batches
from numpy_sat.data.vocabulary import END, START
from numpy_sat.decoders import hard
from numpy_sat.evaluation import figures
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.system import files, output
from numpy_sat.training import optimizers

PLACES, KINDS, FIRST_KIND = 6, 4, 2  # kind k is word FIRST_KIND + k
WORDS = 5  # words of the longest caption, without <end>; the shortest has 2
CAPTIONS, STEPS, EVERY, REPEATS, RATE = 40, 300, 20, 150, 0.02
CONFIG = Recipe().replace(
    **{"image_size": 0, "stages": (), "embedding_size": 8, "hidden_size": 16, "attention_size": 8},
    **{"model": "hard", "attention_penalty": 0.0, "reinforce_weight": 0.3, "entropy_weight": 0.0},
)
WAYS = {  # {name: (has the baseline, has reward-to-go)}
    "no baseline": (False, False),
    "moving average": (True, False),
    "moving average, reward-to-go": (True, True),
}


def show(path: Path, rng: np.random.Generator) -> None:
    """Print the variances while the model learns, and plot them.

    Args:
        path: PNG file to write.
        rng: numpy Generator.
    """
    files.refuse_unwritable(path)
    print("variance of a caption's gradient over samples, summed over all parameters")
    print(f"{'step':>5}  {'nats/word':>11}  " + "  ".join(f"{way:>14}" for way in WAYS))
    steps, history = [], {way: [] for way in WAYS}
    for step, loss, variances in measure(rng):
        steps.append(step)
        for way, variance in variances.items():
            history[way].append(variance)
        row = "  ".join(f"{variance:{max(14, len(way))}.2f}" for way, variance in variances.items())
        print(f"{step:5}  {loss:11.3f}  {row}", flush=True)
    figures.variance_figure(path, steps, history)
    output.show(f"figure: {path}")


def measure(
    rng: np.random.Generator, steps: int = STEPS, every: int = EVERY, repeats: int = REPEATS
) -> Iterator[tuple[int, float, dict[str, float]]]:
    """Train a tiny model, and measure the variance of its gradients on the way.

    Args:
        rng: numpy Generator.
        steps: number of training steps.
        every: steps between measurements.
        repeats: samples for each variance.
    Yields:
        step: number of the step.
        loss: mean -log p of a word, in nats.
        variances: {way: variance of a caption's gradient}.
    """
    params = hard.init_params(rng, PLACES + KINDS, CONFIG, np.zeros(FIRST_KIND + KINDS), np.float64)
    test_batch, state = draw_batch(rng), {}
    for step in range(steps + 1):
        a, batch = draw_batch(rng)
        if step % every == 0:
            loss, *_ = hard.loss_and_grads({**params, "baseline": np.zeros(1)}, a, batch, CONFIG, rng)
            yield step, loss.word, {way: variance(params, *test_batch, way, rng, repeats) for way in WAYS}
        _, _, grads = hard.loss_and_grads(params, a, batch, CONFIG, rng)
        optimizers.clip_by_norm(grads, 5.0)
        optimizers.adam_update(params, grads, state, RATE)


def variance(
    params: dict[str, np.ndarray], a: np.ndarray, batch: batches.Batch, way: str, rng: np.random.Generator, repeats: int
) -> float:
    """Return the variance of the gradient of one caption's bound (lambda_r = 1), summed over all parameters.

    The captions' samples are independent, so the variance of their mean gradient times B is that of one caption.

    Args:
        params: {name: array}.
        a: (N, L, D) annotations.
        batch: data.batches.Batch with B captions.
        way: one of WAYS.
        rng: numpy Generator.
        repeats: number of samples.
    """
    with_baseline, to_go = WAYS[way]
    config = CONFIG.replace(reinforce_weight=1.0, expected_context=0.0, reward_to_go=to_go)
    gradients = []
    for _ in range(repeats):
        inputs = {**params, "baseline": params["baseline"] * with_baseline}
        _, _, grads = hard.loss_and_grads(inputs, a, batch, config, rng)
        gradients.append(np.concatenate([gradient.ravel() for gradient in grads.values()]))
    B = batch.words.shape[1]
    return np.var(gradients, axis=0, ddof=1).sum() * B


def draw_batch(rng: np.random.Generator) -> tuple[np.ndarray, batches.Batch]:
    """Draw random images and their captions.

    Returns:
        a: (N, PLACES, PLACES + KINDS) annotations. Each is a one-hot place and a one-hot kind of thing.
        batch: data.batches.Batch of N captions, which name the kinds at the first places.
    """
    kinds, lengths = rng.integers(0, KINDS, (CAPTIONS, PLACES)), rng.integers(2, WORDS + 1, CAPTIONS)
    a = np.concatenate([np.tile(np.eye(PLACES), (CAPTIONS, 1, 1)), np.eye(KINDS)[kinds]], axis=-1)
    t = np.arange(WORDS + 1)[:, None]
    targets = np.where(t < lengths, FIRST_KIND + kinds.T, END)
    words = np.concatenate([np.full((1, CAPTIONS), START), targets[:-1]])
    return a, batches.Batch(None, words, targets, (t <= lengths) * 1.0)
