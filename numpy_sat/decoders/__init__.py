"""Provide the decoders, which turn annotation vectors into captions.

MODELS maps the values of the setting `model` to modules, or to objects such as without_attention.Model. Each has these
members:

    SETTINGS                                             names of the settings that only some decoders read
    init_params(rng, D, config, log_frequencies, dtype)  parameters by name
    loss_and_grads(params, a, batch, config, rng)        loss.Loss, da, gradients by name
    loss_only(params, a, batch, config)                  loss.Loss
    begin(params, a, config, rng)                        state before the first word; rng samples locations
    step(params, state, words)                           logits, alpha, beta and the next state
    select(state, rows)                                  state of selected captions

A model may have more members:

    count(captions, V, config)       parameters that are counted in the training captions before training starts
    stages(epochs)                   the names of the objectives (training/objectives) that train it, one for each epoch
    fill(params, a, tokens, real, sees_later, config)  logits of captions with gaps
    vectors_in_context(params, a, words, real)         vectors of words that see each other
    attend_to(state, images, locations)                state of some images' captions that attend to some locations only
    rank(params, a, lists)           position of the best caption in each image's list of finished captions

Training, beam search and evaluation use all decoders alike. The equations are in attend_tell.py, show_tell.py,
log_bilinear.py, brnn.py, visual_memory.py, transformer.py, vlp.py, oscar.py and detected_words/. fast/ has
fused versions of these for float32.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from numpy_sat.decoders import (
    brnn,
    dot,
    hard,
    log_bilinear,
    rare_words,
    show_tell,
    soft,
    with_memory,
    with_oscar,
    with_transformer,
    with_vlp,
)
from numpy_sat.decoders.detected_words import model as detected_words
from numpy_sat.decoders.fast import brnn as fast_brnn
from numpy_sat.decoders.fast import log_bilinear as fast_log_bilinear
from numpy_sat.decoders.fast import show_tell as fast_show_tell
from numpy_sat.decoders.without_attention import Model

if TYPE_CHECKING:
    from numpy_sat.experiment.recipe import Recipe

MODELS = {
    **{"soft": soft, "dot": dot, "hard": hard},
    "tell": Model("tell", show_tell, fast_show_tell, ("embedding_size", "hidden_size")),
    "log-bilinear": Model("log-bilinear", log_bilinear, fast_log_bilinear, ("embedding_size",)),
    "brnn": Model("brnn", brnn, fast_brnn, ("embedding_size", "hidden_size")),
    "visual-memory": with_memory.Model(),
    "transformer": with_transformer.Model(),
    "vlp": with_vlp.Model(),
    "oscar": with_oscar.Model(),
    "detected-words": detected_words.Model(),
}


class Writer(NamedTuple):
    """The functions of a decoder that write a caption word by word, as decoding/search.py calls them."""

    begin: Callable  # (params, a) -> state
    step: Callable  # (params, state, words) -> logits, alpha, beta, state
    select: Callable  # (state, rows) -> state
    rank: Callable | None = None  # (params, a, lists) -> positions; None for a decoder that ranks no lists
    attend_to: Callable | None = None  # (state, images, locations) -> state; None without attention to locations


def writer(config: "Recipe", seed: int = 0) -> Writer:
    """Return the Writer of a recipe.

    Args:
        config: the recipe.
        seed: random seed for the locations that hard attention samples.
    """
    model, rng = MODELS[config.decoder.model], np.random.default_rng(seed)
    begin = partial(model.begin, config=config, rng=rng)
    is_pooled = "attention" in config.decoder.without or config.encoder.blind
    attend_to = None if is_pooled else getattr(model, "attend_to", None)
    step = rare_words.adjusted(model.step, config.decoding.rare_words)
    return Writer(begin, step, model.select, getattr(model, "rank", None), attend_to)
