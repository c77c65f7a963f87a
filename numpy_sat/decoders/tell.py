"""Provide the model "tell": Show and Tell (see show_tell.py)."""

from typing import TYPE_CHECKING

import numpy as np

from numpy_sat.decoders import parts, show_tell
from numpy_sat.decoders.fast import choose
from numpy_sat.decoders.fast import show_tell as fast_show_tell
from numpy_sat.layers import dropout
from numpy_sat.loss import Loss, loss_backward, loss_forward

if TYPE_CHECKING:
    from numpy_sat.data.batches import Batch
    from numpy_sat.experiment.recipe import Recipe

SETTINGS = ("hidden_size",)

step, select = show_tell.step, show_tell.select


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
    parts.refuse("tell", config.decoder.without)
    return show_tell.init_params(
        rng, D, config.decoder.embedding_size, config.decoder.hidden_size, log_frequencies, dtype
    )


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
    decoder = choose(a, show_tell, fast_show_tell)
    mask_h = dropout.dropout_mask(
        rng, (*batch.words.shape, config.decoder.hidden_size), config.decoder.dropout, a.dtype
    )
    logits, cache = decoder.decode_forward(params, a, batch.words, mask_h)
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
    decoder = choose(a, show_tell, fast_show_tell)
    mask_h = np.ones((*batch.words.shape, config.decoder.hidden_size), a.dtype)
    logits, _ = decoder.decode_forward(params, a, batch.words, mask_h)
    return loss_forward(logits, None, batch, config)[0]


def begin(
    params: dict[str, np.ndarray], a: np.ndarray, config: "Recipe", rng: np.random.Generator | None = None
) -> show_tell.State:
    """Return the State before the first word, with one caption per image.

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
        config, rng: not used.
    """
    return show_tell.begin(params, a)
