"""Provide tiny captioners and batches, whose sizes all differ, for the tests of the captioner and its decoders."""

import numpy as np

from numpy_sat import captioner
from numpy_sat.data import batches
from numpy_sat.experiment.recipe import Recipe

# All sizes differ, so that no two axes can be mistaken: N 2, D 5, B 6, T 7, M 8, S 9, A 10, V 11, L 16.
TINY = Recipe().replace(
    image_size=8,
    stages=((4,), (4, 3)),
    embedding_size=8,
    hidden_size=9,
    attention_size=10,
    dropout=0.3,
    label_smoothing=0.1,
    attention_penalty=0.7,
)
V = 11
LENGTHS = (7, 3, 4, 2, 5, 1)  # of 6 captions of 2 images


def tiny_params(rng, config=TINY):
    """Draw parameters and move all of them away from their initial values, except counts of the training captions."""
    params = captioner.init_params(rng, config, np.log(rng.dirichlet(np.ones(V))), np.float64)
    counted = {name: params.pop(name) for name in ("base_rates", "ngrams") if name in params}
    moved = {name: array + 0.3 * rng.standard_normal(array.shape) for name, array in params.items()} | counted
    return {name: np.abs(array) + 0.1 if name.endswith(".running_var") else array for name, array in moved.items()}


def tiny_batch(rng, lengths=LENGTHS, dtype=np.float64):
    """Draw a batch of two images and of captions of these lengths."""
    T, B = max(lengths), len(lengths)
    mask = (np.arange(T)[:, None] < np.array(lengths)).astype(dtype)
    images = rng.standard_normal((2, 8, 8, 3)).astype(dtype)
    return batches.Batch(images, rng.integers(0, V, (T, B)), rng.integers(0, V, (T, B)), mask)


# Large enough for every kernel of convolutions, with several captions per image. No size is a multiple of a vector.
VECTORS = Recipe().replace(
    image_size=24,
    stages=((16,), (32, 48)),
    embedding_size=10,
    hidden_size=21,
    attention_size=37,
    dropout=0.2,
    label_smoothing=0.1,
)


def vectors_model(rng, dtype):
    """Draw parameters and a batch of the recipe VECTORS."""
    params = captioner.init_params(rng, VECTORS, np.log(np.full(V, 1 / V)), np.float64)
    batch = tiny_batch(rng, (7, 3, 4, 2, 5, 1), np.float64)
    batch = batch._replace(inputs=rng.standard_normal((2, 24, 24, 3)))
    params = {name: array.astype(dtype) for name, array in params.items()}
    return params, batch._replace(inputs=batch.inputs.astype(dtype), mask=batch.mask.astype(dtype))
