"""Provide the model "transformer" (see transformer.py)."""

from typing import TYPE_CHECKING

import numpy as np

from numpy_sat.decoders import parts, stack, transformer, without_attention
from numpy_sat.decoders.fast import choose
from numpy_sat.decoders.fast import stack as fast_stack
from numpy_sat.decoders.fast import transformer as fast_transformer

if TYPE_CHECKING:
    from numpy_sat.experiment.recipe import Recipe

GRID_PLACE = 2  # row and column, which encoders/convnet.py appends to the annotation of a grid cell


class Model(without_attention.Model):
    """The model "transformer", with the members that decoders/__init__.py lists."""

    def __init__(self):
        """Define the model."""
        super().__init__("transformer", transformer, fast_transformer, ("hidden_size", "layers", "heads"))

    def init_params(
        self, rng: np.random.Generator, D: int, config: "Recipe", log_frequencies: np.ndarray, dtype: type = np.float32
    ) -> dict[str, np.ndarray]:
        """Draw all parameters. Arguments and result are those of without_attention.Model."""
        parts.refuse(self.name, config.decoder.without)
        places = GRID_PLACE if config.encoder.network == "convnet" and config.encoder.regions == "cells" else 0
        return transformer.init_params(rng, D, *self._sizes(config), log_frequencies, dtype, places)

    def begin(
        self, params: dict[str, np.ndarray], a: np.ndarray, config: "Recipe", rng: np.random.Generator | None = None
    ) -> transformer.State:
        """Return the State before the first word. Arguments and result are those of without_attention.Model."""
        return transformer.begin(params, a, choose(a, stack, fast_stack))

    def attend_to(self, state: transformer.State, images: np.ndarray, locations: np.ndarray) -> transformer.State:
        """Return the State of captions whose next word sees some of the regions only: see transformer.attend_to."""
        return transformer.attend_to(state, images, locations)

    def _decode(self, decoder, params, a, batch, mask):
        """Return the logits of whole captions and the cache. The fused decoder computes no padding."""
        return decoder.decode_forward(params, a, batch.words, mask, batch.lengths())

    def _mask(self, a, batch, config, rng=None):
        """Draw the dropout masks of a batch, for all positions of its sequences. Without rng, return None."""
        (N, L, _), decoder = a.shape, config.decoder
        shape = N, L + batch.words.size // N, decoder.hidden_size
        return stack.dropout_masks(rng, shape, decoder.layers, L, decoder.dropout, a.dtype) if rng else None
