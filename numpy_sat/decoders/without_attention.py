"""Provide the models without attention, such as "tell" and "log-bilinear", from the module of their equations."""

from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from numpy_sat.decoders import parts
from numpy_sat.decoders.fast import choose
from numpy_sat.layers import dropout
from numpy_sat.loss import Loss, loss_backward, loss_forward
from numpy_sat.system.streams import along

if TYPE_CHECKING:
    from numpy_sat.data.batches import Batch
    from numpy_sat.experiment.recipe import Recipe


class Model:
    """A decoder without attention, with the members that decoders/__init__.py lists.

    Its equations are in a module with these functions:

        init_params(rng, D, *sizes, log_frequencies, dtype)   parameters by name
        decode_forward(params, a, words, mask)                logits of whole captions, cache
        decode_backward(dlogits, cache)                       da, gradients by name
        begin(params, a), step(params, state, words), select(state, rows)
    """

    def __init__(self, name: str, equations: ModuleType, fused: ModuleType, sizes: tuple[str, ...]):
        """Define a model.

        Args:
            name: name of the model.
            equations: the module of its equations.
            fused: the module of fast/ with decode_forward and decode_backward for float32.
            sizes: settings that init_params takes. The last one is the size of the vector that dropout masks.
        """
        self.name, self.equations, self.fused, self.sizes = name, equations, fused, sizes
        self.SETTINGS = sizes

    def init_params(
        self,
        rng: np.random.Generator,
        D: int,
        config: "Recipe",
        log_frequencies: np.ndarray,
        dtype: type = np.float32,
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
        parts.refuse(self.name, config.decoder.without)
        return self.equations.init_params(rng, D, *self._sizes(config), log_frequencies, dtype)

    def loss_and_grads(
        self, params: dict[str, np.ndarray], a: np.ndarray, batch: "Batch", config: "Recipe", rng: np.random.Generator
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
        decoder = choose(a, self.equations, self.fused)
        mask = self._mask(a, batch, config, rng)
        logits, cache = self._decode(decoder, params, a, batch, mask)
        loss, cache_loss = loss_forward(logits, None, batch, config)
        dlogits, _ = loss_backward(cache_loss)
        da, grads = decoder.decode_backward(dlogits, cache)
        return loss, da, grads

    def loss_only(self, params: dict[str, np.ndarray], a: np.ndarray, batch: "Batch", config: "Recipe") -> Loss:
        """Compute the loss without dropout and without gradients.

        Args:
            params: arrays by name.
            a: (N, L, D) annotations.
            batch: data.batches.Batch.
            config: the recipe.
        Returns:
            loss.Loss.
        """
        decoder = choose(a, self.equations, self.fused)
        logits, _ = self._decode(decoder, params, a, batch, self._mask(a, batch, config))
        return loss_forward(logits, None, batch, config)[0]

    def begin(
        self, params: dict[str, np.ndarray], a: np.ndarray, config: "Recipe", rng: np.random.Generator | None = None
    ) -> Any:
        """Return the State before the first word, with one caption per image.

        Args:
            params: arrays by name.
            a: (N, L, D) annotations.
            config, rng: not used.
        """
        return self.equations.begin(params, a)

    def step(self, params: dict[str, np.ndarray], state: Any, words: np.ndarray) -> tuple:
        """Advance by one word: the equations' step(params, state, words) -> logits, alpha, beta, state."""
        return self.equations.step(params, state, words)

    def select(self, state: Any, rows: np.ndarray) -> Any:
        """Return the State of selected captions: the equations' select(state, rows)."""
        return self.equations.select(state, rows)

    def _sizes(self, config):
        return [getattr(config.decoder, size) for size in self.sizes]

    def _decode(self, decoder, params, a, batch, mask):
        """Return the logits of whole captions and the cache. decoder: the equations, or their fused version."""
        return decoder.decode_forward(params, a, batch.words, mask)

    def _mask(self, a, batch, config, rng=None):
        """Draw the dropout mask of a batch. Without rng, return ones."""
        shape = self._mask_shape(batch, config)
        if not rng:
            return np.ones(shape, a.dtype)
        return dropout.dropout_mask(along(rng, 1), shape, config.decoder.dropout, a.dtype)

    def _mask_shape(self, batch, config):
        return (*batch.words.shape, self._sizes(config)[-1])
