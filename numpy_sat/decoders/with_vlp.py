"""Provide the model "vlp" (see vlp.py), which trains on hidden words."""

from typing import TYPE_CHECKING

import numpy as np

from numpy_sat.decoders import masking, parts, stack, vlp
from numpy_sat.decoders.fast import choose
from numpy_sat.decoders.fast import stack as fast_stack
from numpy_sat.loss import Loss, loss_backward, loss_forward

if TYPE_CHECKING:
    from numpy_sat.data.batches import Batch
    from numpy_sat.experiment.recipe import Recipe


class Model:
    """The model "vlp", with the members that decoders/__init__.py lists."""

    SETTINGS = ("hidden_size", "layers", "heads", "hidden_words", "bidirectional")

    def init_params(
        self, rng: np.random.Generator, D: int, config: "Recipe", log_frequencies: np.ndarray, dtype: type = np.float32
    ) -> dict[str, np.ndarray]:
        """Draw all parameters. Arguments and result are those of without_attention.Model."""
        decoder = config.decoder
        parts.refuse("vlp", decoder.without)
        sizes = decoder.hidden_size, decoder.layers, decoder.heads
        return vlp.init_params(rng, D, *sizes, log_frequencies, dtype)

    def loss_and_grads(
        self, params: dict[str, np.ndarray], a: np.ndarray, batch: "Batch", config: "Recipe", rng: np.random.Generator
    ) -> tuple[Loss, np.ndarray, dict[str, np.ndarray]]:
        """Run one forward and backward pass on hidden words, or on all words of sampled captions that have weights.

        Arguments and results are those of without_attention.Model.
        """
        return train_on(params, a, vlp.no_tags(len(a)), batch, config, rng)

    def loss_only(self, params: dict[str, np.ndarray], a: np.ndarray, batch: "Batch", config: "Recipe") -> Loss:
        """Compute the loss of all words, each predicted from the words before it, as the model writes.

        Arguments and result are those of without_attention.Model.
        """
        return whole_captions(params, a, vlp.no_tags(len(a)), batch, config)

    def fill(
        self,
        params: dict[str, np.ndarray],
        a: np.ndarray,
        tokens: np.ndarray,
        real: np.ndarray,
        sees_later: bool,
        config: "Recipe",
    ) -> np.ndarray:
        """Predict the words of captions with gaps, one caption for each image.

        Args:
            params: arrays by name.
            a: (B, L, D) annotations.
            tokens: (T, B) words, or V in a gap.
            real: (T, B) 1 at words, 0 at padding.
            sees_later: True if all words see each other, False if a word sees the words before it.
            config: the recipe.
        Returns:
            logits: (T, B, V).
        """
        (B, L, _), tags = a.shape, vlp.no_tags(len(a))
        both = vlp.bidirectional(tokens, real, L, B, a.dtype)
        reading = both if sees_later else vlp.left_to_right(tokens, L, tags, a.dtype)
        return vlp.by_word(vlp.predict_forward(params, a, reading, choose(a, stack, fast_stack))[0], len(tokens))

    def vectors_in_context(
        self, params: dict[str, np.ndarray], a: np.ndarray, words: np.ndarray, real: np.ndarray
    ) -> np.ndarray:
        """Compute the vectors of the words of captions that all see each other, one caption for each image.

        Args:
            params: arrays by name.
            a: (B, L, D) annotations.
            words: (T, B) integers.
            real: (T, B) 1 at words, 0 at padding.
        Returns:
            h: (T, B, S).
        """
        reading = vlp.bidirectional(words, real, a.shape[1], len(a), a.dtype)
        return vlp.read_forward(params, a, reading, choose(a, stack, fast_stack))[0].swapaxes(0, 1)

    def begin(
        self, params: dict[str, np.ndarray], a: np.ndarray, config: "Recipe", rng: np.random.Generator | None = None
    ) -> vlp.State:
        """Return the State before the first word. Arguments and result are those of without_attention.Model."""
        return vlp.begin(params, a, choose(a, stack, fast_stack))

    def step(self, params: dict[str, np.ndarray], state: vlp.State, words: np.ndarray) -> tuple:
        """Advance by one word: see vlp.step."""
        return vlp.step(params, state, words)

    def select(self, state: vlp.State, rows: np.ndarray) -> vlp.State:
        """Return the State of selected captions: see vlp.select."""
        return vlp.select(state, rows)


def train_on(params, a, tags, batch, config, rng):
    """Run one forward and backward pass on hidden words, or on all words of sampled captions that have weights.

    Args:
        params, a, batch, config, rng: as for Model.loss_and_grads; a without tags.
        tags: (N, G) words of each image's tags.
    Returns:
        Those of Model.loss_and_grads.
    """
    reading, batch = _reading(a, tags, batch, config, rng, len(params["E"]))
    sequences, core = len(reading.tokens), choose(a, stack, fast_stack)
    dropped = dropout_masks(rng, a, reading, config)
    logits, cache = vlp.predict_forward(params, a, reading, core, dropped)
    loss, cache_loss = loss_forward(vlp.by_word(logits, len(batch.words)), None, batch, config)
    dlogits, _ = loss_backward(cache_loss)
    da, grads = vlp.predict_backward(vlp.by_sequence(dlogits, sequences), cache, core)
    return loss, da, grads


def whole_captions(params, a, tags, batch, config):
    """Compute the loss of all words, each predicted from the words before it. Arguments: see train_on."""
    reading = vlp.writing(batch.words, len(params["E"]), a.shape[1], tags, a.dtype)
    logits, _ = vlp.predict_forward(params, a, reading, choose(a, stack, fast_stack))
    return loss_forward(vlp.by_word(logits, len(batch.words)), None, batch, config)[0]


def dropout_masks(rng, a, reading, config):
    """Draw the dropout masks for a vlp.Reading and annotations a: (N, L, D)."""
    (sequences, Q), L, decoder = reading.tokens.shape, a.shape[1], config.decoder
    shape = sequences, L + Q, decoder.hidden_size
    return stack.dropout_masks(rng, shape, decoder.layers, L + reading.first, decoder.dropout, a.dtype)


def _reading(a, tags, batch, config, rng, V):
    """Return what the model reads in a training step, and the batch with the mask of the words that it predicts."""
    N, L, _ = a.shape
    if batch.weights is not None:
        return vlp.writing(batch.words, V, L, tags, a.dtype), batch
    choice = masking.choose(rng, batch.mask, config.loss.hidden_words)
    tokens = masking.hide(rng, batch.targets, choice, V)
    if not tags.size and rng.random() < config.loss.bidirectional:
        reading = vlp.bidirectional(tokens, batch.mask, L, N, a.dtype)
    else:
        reading = vlp.left_to_right(tokens, L, tags, a.dtype)
    return reading, batch._replace(mask=choice.astype(batch.mask.dtype))
