"""Provide the model "visual-memory" (see visual_memory.py), whose loss has a second term.

    loss = - log p(y | a) + eta sum_t |V - V_tilde_t|^2 / D

eta is the setting reconstruction_weight. V receives no gradient from the second term (layers/reconstruction.py).
"""

from typing import TYPE_CHECKING

import numpy as np

from numpy_sat.decoders import visual_memory, without_attention
from numpy_sat.decoders.fast import choose
from numpy_sat.decoders.fast import visual_memory as fast_visual_memory
from numpy_sat.layers import reconstruction
from numpy_sat.loss import Loss, loss_backward, loss_forward

if TYPE_CHECKING:
    from numpy_sat.data.batches import Batch
    from numpy_sat.experiment.recipe import Recipe


class Model(without_attention.Model):
    """The model "visual-memory", with the members that decoders/__init__.py lists."""

    def __init__(self):
        """Define the model."""
        super().__init__("visual-memory", visual_memory, fast_visual_memory, ("embedding_size", "hidden_size"))
        self.SETTINGS = (*self.SETTINGS, "reconstruction_weight")

    def loss_and_grads(
        self, params: dict[str, np.ndarray], a: np.ndarray, batch: "Batch", config: "Recipe", rng: np.random.Generator
    ) -> tuple[Loss, np.ndarray, dict[str, np.ndarray]]:
        """Run one forward and backward pass. Arguments and results are those of without_attention.Model."""
        mask = self._mask(a, batch, config, rng)
        decoder, eta = choose(a, self.equations, self.fused), config.loss.reconstruction_weight
        logits, V_tilde, cache = decoder.decode_forward(params, a, batch.words, mask)
        loss, cache_loss = loss_forward(logits, None, batch, config)
        error, cache_error = reconstruction.reconstruction_forward(V_tilde, a.mean(axis=1), batch.mask)
        dlogits, _ = loss_backward(cache_loss)
        dV_tilde = reconstruction.reconstruction_backward(eta, cache_error)
        da, grads = decoder.decode_backward(dlogits, dV_tilde, cache)
        return loss._replace(total=loss.total + eta * error), da, grads

    def loss_only(self, params: dict[str, np.ndarray], a: np.ndarray, batch: "Batch", config: "Recipe") -> Loss:
        """Compute the loss without dropout and gradients. Arguments and results: see without_attention.Model."""
        decoder, mask = choose(a, self.equations, self.fused), self._mask(a, batch, config)
        logits, V_tilde, _ = decoder.decode_forward(params, a, batch.words, mask)
        loss, _ = loss_forward(logits, None, batch, config)
        error, _ = reconstruction.reconstruction_forward(V_tilde, a.mean(axis=1), batch.mask)
        return loss._replace(total=loss.total + config.loss.reconstruction_weight * error)

    def reconstruct(self, params: dict[str, np.ndarray], words: np.ndarray) -> np.ndarray:
        """Reconstruct images' vectors from captions alone: see visual_memory.reconstruct."""
        return visual_memory.reconstruct(params, words)

    def _mask_shape(self, batch, config):
        return (*batch.words.shape, 2 * config.decoder.hidden_size)  # both states
