"""Provide the model "log-bilinear": the MLBL-B of Kiros et al. 2014 (see log_bilinear.py)."""

from typing import TYPE_CHECKING

import numpy as np

from numpy_sat.decoders import log_bilinear, parts
from numpy_sat.decoders.fast import choose
from numpy_sat.decoders.fast import log_bilinear as fast_log_bilinear
from numpy_sat.layers import dropout
from numpy_sat.loss import Loss, loss_backward, loss_forward

if TYPE_CHECKING:
    from numpy_sat.data.batches import Batch
    from numpy_sat.experiment.recipe import Recipe

SETTINGS = ()

step, select = log_bilinear.step, log_bilinear.select


def init_params(
    rng: np.random.Generator, D: int, config: "Recipe", log_frequencies: np.ndarray, dtype: type = np.float32
) -> dict[str, np.ndarray]:
    """Draw all parameters.

    Args:
        rng: numpy Generator.
        D: annotation size.
        config: the recipe.
        log_frequencies: (V,) log frequencies of the words.
        dtype: dtype of the parameters.
    Returns:
        Arrays by name.
    Raises:
        InputError: config.decoder.without names a part.
    """
    parts.refuse("log-bilinear", config.decoder.without)
    return log_bilinear.init_params(rng, D, config.decoder.embedding_size, log_frequencies, dtype)


def loss_and_grads(
    params: dict[str, np.ndarray], a: np.ndarray, batch: "Batch", config: "Recipe", rng: np.random.Generator
) -> tuple[Loss, np.ndarray, dict[str, np.ndarray]]:
    """Run one forward and backward pass.

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
        batch: data.batches.Batch.
        config: the recipe.
        rng: numpy Generator, for the dropout mask.
    Returns:
        loss: loss.Loss.
        da: (N, L, D).
        grads: gradients by name.
    """
    decoder = choose(a, log_bilinear, fast_log_bilinear)
    mask_r = dropout.dropout_mask(
        rng, (*batch.words.shape, config.decoder.embedding_size), config.decoder.dropout, a.dtype
    )
    logits, cache = decoder.decode_forward(params, a, batch.words, mask_r)
    loss, cache_loss = loss_forward(logits, None, batch, config)
    dlogits, _ = loss_backward(cache_loss)
    da, grads = decoder.decode_backward(dlogits, cache)
    return loss, da, grads


def loss_only(params: dict[str, np.ndarray], a: np.ndarray, batch: "Batch", config: "Recipe") -> Loss:
    """Compute the loss without dropout and without gradients.

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
        batch: data.batches.Batch.
        config: the recipe.
    Returns:
        loss.Loss.
    """
    decoder = choose(a, log_bilinear, fast_log_bilinear)
    mask_r = np.ones((*batch.words.shape, config.decoder.embedding_size), a.dtype)
    logits, _ = decoder.decode_forward(params, a, batch.words, mask_r)
    return loss_forward(logits, None, batch, config)[0]


def begin(
    params: dict[str, np.ndarray], a: np.ndarray, config: "Recipe", rng: np.random.Generator | None = None
) -> log_bilinear.State:
    """Return the State before the first word, with one caption per image.

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
        config, rng: not used.
    """
    return log_bilinear.begin(params, a)
