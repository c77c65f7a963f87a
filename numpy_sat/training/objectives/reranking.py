"""Fit the weights by which a model ranks its lists of captions: exact line search on CIDEr-D of training images.

The lists do not depend on the weights, because beam search follows the language model alone. So they are made once.
"""

from collections.abc import Iterator

import numpy as np

from numpy_sat import captioner, decoders
from numpy_sat.data import batches
from numpy_sat.decoders import MODELS
from numpy_sat.decoders.detected_words.ranking import FEATURES, WITH, WITHOUT
from numpy_sat.decoding import line_search, search
from numpy_sat.decoding.line_search import Candidates
from numpy_sat.experiment import runs
from numpy_sat.pretrained import inputs
from numpy_sat.system import progress
from numpy_sat.system.streams import RANKING, stream
from numpy_sat.training.objectives import self_critical

IMAGES = 500  # training images with a list of captions
BEAM = 10  # beam width of the lists
BATCH = 50  # images whose lists are made together
STARTS = 5  # starts of the search: the weights so far, and random ones
GAIN = 1e-4  # smallest gain of the mean CIDEr-D (0 to 10) for which the search goes on


def fit(run: runs.Run, split: batches.Split) -> np.ndarray:
    """Fit the weights with and without the similarity.

    Args:
        run: runs.Run.
        split: the training split.
    Returns:
        (2, F) weights.
    """
    lists = list(_lists(run, split))
    rng, weights = stream(run.settings["seed"], RANKING, run.progress.epoch), run.params["ranking"].astype(np.float64)
    weights[WITH] = best_weights(lists, weights[WITH], np.arange(len(FEATURES)), rng)
    features = np.array([k for k, name in enumerate(FEATURES) if name != "similarity"])
    weights[WITHOUT] = best_weights(lists, weights[WITHOUT], features, rng)
    return weights


def best_weights(
    lists: list[Candidates], weights: np.ndarray, features: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Search weights whose best captions have the highest mean quality.

    Each start goes along the axis of each feature, and along as many random directions, until nothing is gained.

    Args:
        lists: Candidates of each image; their single statistic is the quality.
        weights: (F,) the first start. The others are random.
        features: indices of the features whose weights may change.
        rng: numpy Generator.
    Returns:
        (F,) weights, of length 1.
    """
    best, best_quality = weights, -np.inf
    for start in range(STARTS):
        if start:
            weights = np.zeros_like(weights)
            weights[features] = rng.standard_normal(len(features))
        weights, quality = _climb(lists, weights, features, rng)
        if quality > best_quality:
            best, best_quality = weights, quality
    return best / np.linalg.norm(best)


def _climb(lists, weights, features, rng):
    """Return the weights, and their quality, from which no direction gains more than GAIN."""
    quality, before = -np.inf, -np.inf
    while quality == -np.inf or quality > before + GAIN:
        before = quality
        directions = np.zeros((2 * len(features), len(weights)))
        directions[np.arange(len(features)), features] = 1
        directions[len(features) :, features] = rng.standard_normal((len(features), len(features)))
        for direction in directions:
            step, reached = line_search.line_search(lists, weights, direction, lambda sums: sums[:, 0] / len(lists))
            if reached > quality:
                weights, quality = weights + step * direction, reached
    return weights, quality


def _lists(run, split) -> Iterator[Candidates]:
    """Yield the Candidates of the first training images."""
    recipe = run.recipe
    model, decoder = MODELS[recipe.decoder.model], decoders.writer(recipe)
    part = batches.Split(*(field[:IMAGES] for field in split))
    judge = self_critical.judge_of(part, run.vocabulary)
    incoming = inputs.encode_batches(recipe, batches.plain_batches(part, BATCH, captions_per_image=1))
    for batch in progress.bar(incoming, total=-(-len(part.names) // BATCH), desc="lists to rank", leave=False):
        a = captioner.annotate(run.params, batch.inputs, recipe)
        lists = search.m_best(decoder, run.params, a, BEAM, recipe.decoding.max_words)
        for row, captions, features in zip(batch.rows, lists, model.features(run.params, a, lists), strict=True):
            numbers = [caption.words for caption in captions]
            scores = self_critical.scores(judge, [row] * len(captions), numbers)
            yield Candidates(features, scores[:, None])
