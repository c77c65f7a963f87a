"""Provide the model "dot": the model "soft" with multi-head scaled dot-product attention (layers/dot_attention.py).

The gate, the LSTM, the deep output, the first state and the parts that can be left out are those of "soft". The context
z_t holds the contexts of the heads side by side. It has A numbers instead of D.
"""

from typing import TYPE_CHECKING

import numpy as np

from numpy_sat.decoders import attend_tell, parts, soft
from numpy_sat.decoders.attentions import dot as dot_attention
from numpy_sat.decoders.attentions import mean_value
from numpy_sat.loss import Loss
from numpy_sat.system.errors import InputError

if TYPE_CHECKING:
    from numpy_sat.data.batches import Batch
    from numpy_sat.experiment.recipe import Recipe

SETTINGS = (*soft.SETTINGS, "heads")

step, select, attend_to = attend_tell.step, attend_tell.select, attend_tell.attend_to


def init_params(
    rng: np.random.Generator, D: int, config: "Recipe", log_frequencies: np.ndarray, dtype: type = np.float32
) -> dict[str, np.ndarray]:
    """Draw all parameters, except those of the parts in config.decoder.without.

    W_q: (heads, S, A / heads) and W_k, W_v: (heads, D, A / heads) replace W_a, b_a, W_h and v of the model "soft".

    Args:
        rng: numpy Generator.
        D: annotation size.
        config: the recipe.
        log_frequencies: (V,) log frequencies of the words.
        dtype: dtype of the parameters.
    Returns:
        Arrays by name.
    Raises:
        InputError: the number of heads does not divide the attention size A.
    """
    M, S, A, heads = (
        config.decoder.embedding_size,
        config.decoder.hidden_size,
        config.decoder.attention_size,
        config.decoder.heads,
    )
    if heads < 1 or A % heads:
        raise InputError(f"heads={heads}: must be at least 1 and divide attention_size={A}.")

    def weights(*shape):
        return (rng.standard_normal(shape) / np.sqrt(shape[-2])).astype(dtype)

    params = attend_tell.init_params(rng, D, M, S, A, log_frequencies, dtype)
    params = {name: array for name, array in params.items() if name not in ("W_a", "b_a", "W_h", "v")}
    params |= {"W_q": weights(heads, S, A // heads)}
    params |= {name: weights(heads, D, A // heads) for name in ("W_k", "W_v")}
    params |= {"W_x": weights(M + A, 4 * S), "L_z": weights(A, M)}
    return parts.removed(params, config.decoder.without)


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
    return soft.loss_and_grads_with(parts_of(config), params, a, batch, config, rng)


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
    return soft.loss_only_with(parts_of(config), params, a, batch, config)


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
    return parts.remaining(config, dot_attention, mean_value)
