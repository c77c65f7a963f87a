"""Define the whole model on one page: an encoder computes annotation vectors, a decoder writes a caption from them.

Every function takes the recipe of the run (experiment.recipe.Recipe) as `config`.
"""

import itertools
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from numpy_sat import encoders
from numpy_sat.decoders import MODELS
from numpy_sat.encoders import convnet
from numpy_sat.encoders.frozen import TAGGER
from numpy_sat.layers import dropout
from numpy_sat.loss import Loss
from numpy_sat.system import ranks
from numpy_sat.system.streams import along

if TYPE_CHECKING:
    from numpy_sat.data.batches import Batch
    from numpy_sat.experiment.recipe import Recipe

Arrays = dict[str, np.ndarray]  # parameters or gradients by name

STATISTICS_BATCHES = 32  # number of batches that measure the running mean and variance of batch normalization
# Ends of the names of parameters that are measured, not learned.
MEASURED = (".running_mean", ".running_var", "baseline", "base_rates", "ngrams", *TAGGER)
MOVING = ("baseline",)  # of these, those that every training step moves


def init_params(
    rng: np.random.Generator, config: "Recipe", log_frequencies: np.ndarray, dtype: type = np.float32
) -> Arrays:
    """Draw all parameters.

    Args:
        rng: numpy Generator.
        config: the recipe.
        log_frequencies: (V,) log frequencies of the words that the decoder writes.
        dtype: dtype of the parameters.
    Returns:
        Arrays by name.
    """
    encoder, sizes = encoders.choose(config)
    params = encoder.init_params(rng, sizes, config.encoder.batch_norm, dtype)
    D = encoder.size(sizes)
    return {**params, **MODELS[config.decoder.model].init_params(rng, D, config, log_frequencies, dtype)}


def loss_and_grads(
    params: Arrays, batch: "Batch", config: "Recipe", rng: np.random.Generator, decoder_loss: Callable | None = None
) -> tuple[Loss, Arrays]:
    """Run one forward and backward pass.

    Args:
        params: arrays by name.
        batch: data.batches.Batch.
        config: the recipe.
        rng: numpy Generator, for dropout masks and sampled locations.
        decoder_loss: another loss of the decoder than its loss_and_grads, with the same arguments and results.
    Returns:
        loss: loss.Loss.
        grads: gradients by name. Within a workspace's step they use its memory.
    """
    encoder, sizes = encoders.choose(config)
    decoder_loss = decoder_loss or MODELS[config.decoder.model].loss_and_grads
    a, cache = encoder.encode_forward(params, batch.inputs, sizes)
    if config.encoder.annotation_dropout:
        mask = annotations_mask(rng, a, config)
        loss, da, grads = decoder_loss(params, a * mask, batch, config, rng)
        return loss, grads | encoder.encode_backward(da * mask, cache)
    loss, da, grads = decoder_loss(params, a, batch, config, rng)
    return loss, grads | encoder.encode_backward(da, cache)


def loss_only(params: Arrays, batch: "Batch", config: "Recipe") -> Loss:
    """Compute the loss without dropout and without gradients, as for the validation set.

    Args:
        params: arrays by name.
        batch: data.batches.Batch.
        config: the recipe.
    Returns:
        loss.Loss.
    """
    a = annotate(params, batch.inputs, config)
    return MODELS[config.decoder.model].loss_only(params, a, batch, config)


def annotate(params: Arrays, inputs: np.ndarray, config: "Recipe") -> np.ndarray:
    """Compute the annotations in inference mode.

    Args:
        params: arrays by name.
        inputs: (N, H, W, 3) images, (N, L, C) features, or (N, L) sentences for a translator.
        config: the recipe.
    Returns:
        a: (N, L, D) annotations.
    """
    encoder, sizes = encoders.choose(config)
    return encoder.encode(params, inputs, sizes)


def annotations_mask(rng: np.random.Generator, a: np.ndarray, config: "Recipe") -> np.ndarray | float:
    """Draw the dropout mask for the annotations. All locations of an image share one mask.

    Args:
        rng: numpy Generator.
        a: (N, L, D) annotations.
        config: the recipe.
    Returns:
        mask: (N, 1, D); the number 1 without annotation dropout.
    """
    rate = config.encoder.annotation_dropout
    return dropout.dropout_mask(along(rng, 0), (len(a), 1, a.shape[2]), rate, a.dtype) if rate else 1.0


def measure_running_statistics(params: Arrays, batches: Iterable["Batch"], config: "Recipe") -> None:
    """Measure the running mean and variance of batch normalization on the first batches, and set them in place.

    The ranks of a group share the batches. Without batch normalization, do nothing and read no batch.

    Args:
        params: arrays by name.
        batches: iterable of data.batches.Batch.
        config: the recipe.
    """
    if config.encoder.batch_norm and not config.encoder.blind:
        group = ranks.current()
        first_batches = itertools.islice(batches, group.rank, STATISTICS_BATCHES, group.size)
        convnet.measure_running_statistics(params, (batch.inputs for batch in first_batches), config.encoder.stages)


@lru_cache
def names_of_encoder(config: "Recipe") -> frozenset[str]:
    """Return the names of the encoder's parameters as a frozenset."""
    encoder, sizes = encoders.choose(config)
    return frozenset(encoder.init_params(np.random.default_rng(0), sizes, config.encoder.batch_norm))
