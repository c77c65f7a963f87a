"""Provide the model "soft": Show, Attend and Tell with soft attention (see attend_tell.py)."""

from typing import TYPE_CHECKING

import numpy as np

from numpy_sat.decoders import attend_tell, parts
from numpy_sat.decoders.attentions import mean
from numpy_sat.decoders.attentions import soft as soft_attention
from numpy_sat.decoders.fast import choose, recurrence
from numpy_sat.layers import dropout
from numpy_sat.loss import Loss, loss_backward, loss_forward
from numpy_sat.system.streams import along

if TYPE_CHECKING:
    from numpy_sat.data.batches import Batch
    from numpy_sat.experiment.recipe import Recipe

SETTINGS = (
    *("embedding_size", "hidden_size", "attention_size", "without"),
    *("attention_penalty", "penalty_normalization", "penalty_target", "attention_entropy"),
)

step, select, attend_to = attend_tell.step, attend_tell.select, attend_tell.attend_to


def init_params(
    rng: np.random.Generator, D: int, config: "Recipe", log_frequencies: np.ndarray, dtype: type = np.float32
) -> dict[str, np.ndarray]:
    """Draw all parameters, except those of the parts in config.decoder.without.

    Args:
        rng: numpy Generator.
        D: annotation size.
        config: the recipe.
        log_frequencies: (V,) log frequencies of the words.
        dtype: dtype of the parameters.
    Returns:
        Arrays by name.
    """
    sizes = D, config.decoder.embedding_size, config.decoder.hidden_size, config.decoder.attention_size
    return parts.removed(attend_tell.init_params(rng, *sizes, log_frequencies, dtype), config.decoder.without)


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
    return loss_and_grads_with(parts_of(config), params, a, batch, config, rng)


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
    return loss_only_with(parts_of(config), params, a, batch, config)


def begin(
    params: dict[str, np.ndarray], a: np.ndarray, config: "Recipe", rng: np.random.Generator | None = None
) -> attend_tell.State:
    """Return the State before the first word, with one caption per image.

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
        config: the recipe.
        rng: not used.
    """
    return attend_tell.begin(params, a, parts_of(config))


def parts_of(config: "Recipe") -> attend_tell.Parts:
    """Return the attend_tell.Parts of a recipe."""
    return parts.remaining(config, soft_attention, mean)


def loss_and_grads_with(
    decoder_parts: attend_tell.Parts,
    params: dict[str, np.ndarray],
    a: np.ndarray,
    batch: "Batch",
    config: "Recipe",
    rng: np.random.Generator,
) -> tuple[Loss, np.ndarray, dict[str, np.ndarray]]:
    """Run one forward and backward pass with any attention that samples nothing.

    Args:
        decoder_parts: attend_tell.Parts.
        params, a, batch, config, rng: as in loss_and_grads.
    Returns:
        loss, da, grads: as in loss_and_grads.
    """
    decoder = choose(a, attend_tell, recurrence)
    mask_h = dropout.dropout_mask(
        along(rng, 1), (*batch.words.shape, config.decoder.hidden_size), config.decoder.dropout, a.dtype
    )
    logits, alpha, cache = decoder.decode_forward(params, a, batch.words, mask_h, decoder_parts)
    loss, cache_loss = loss_forward(logits, alpha, batch, config)
    dlogits, dalpha = loss_backward(cache_loss)
    da, grads = decoder.decode_backward(dlogits, dalpha, cache)
    return loss, da, grads


def loss_only_with(
    decoder_parts: attend_tell.Parts, params: dict[str, np.ndarray], a: np.ndarray, batch: "Batch", config: "Recipe"
) -> Loss:
    """Compute the loss with any attention that samples nothing, without dropout and without gradients.

    Args:
        decoder_parts: attend_tell.Parts.
        params, a, batch, config: as in loss_only.
    Returns:
        loss.Loss.
    """
    decoder = choose(a, attend_tell, recurrence)
    mask_h = np.ones((*batch.words.shape, config.decoder.hidden_size), a.dtype)
    logits, alpha, _ = decoder.decode_forward(params, a, batch.words, mask_h, decoder_parts)
    return loss_forward(logits, alpha, batch, config)[0]
