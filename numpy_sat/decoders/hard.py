"""Provide the model "hard": Show, Attend and Tell with hard attention (see attend_tell.py and attentions/hard.py).

`loss_and_grads` adds the gradients of alpha: those of equation 12 (layers/hard_attention.py) and that of the attention
penalty. A fraction of the images (the setting expected_context, one half by default) is trained with the expected
context instead of samples. A coin toss per image of a batch decides. The baseline is stored among the parameters, so
that checkpoints contain it. It is not trained by gradients.

The authors' code differs from the paper. The setting `authors_code` selects its variant:

* One coin toss decides for the whole batch.
* The reward of every sample is the caption's log p divided by T, the number of words of the longest caption. The
  baseline is the moving average of these rewards.
* The attention penalty has no gradient.

Their code also sums the last two terms of equation 12 over the batch, while the first term is a mean. With B captions,
reinforce_weight = B / 10 and entropy_weight = B / 500 have the same effect here.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from numpy_sat.decoders import attend_tell, parts
from numpy_sat.decoders.attentions import hard as hard_attend
from numpy_sat.decoders.fast import choose, recurrence
from numpy_sat.layers import dropout, hard_attention, losses
from numpy_sat.loss import Loss, loss_backward, loss_forward
from numpy_sat.system.streams import along

if TYPE_CHECKING:
    from numpy_sat.data.batches import Batch
    from numpy_sat.experiment.recipe import Recipe

SETTINGS = (
    *("hidden_size", "attention_size", "attention_penalty", "penalty_normalization", "penalty_target"),
    *("reinforce_weight", "entropy_weight", "expected_context", "reward_to_go", "authors_code", "attention_mode"),
)
ATTENTION_MODES = ("expected", "argmax", "sample")  # while the model writes a caption
DECODER_PARTS = attend_tell.Parts(hard_attend, gate=False)

step, select, attend_to = attend_tell.step, attend_tell.select, attend_tell.attend_to


def init_params(
    rng: np.random.Generator, D: int, config: "Recipe", log_frequencies: np.ndarray, dtype: type = np.float32
) -> dict[str, np.ndarray]:
    """Draw all parameters: those of soft attention without the gate, and the baseline.

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
    parts.refuse("hard", config.decoder.without)
    sizes = D, config.decoder.embedding_size, config.decoder.hidden_size, config.decoder.attention_size
    params = parts.removed(attend_tell.init_params(rng, *sizes, log_frequencies, dtype), ("gate",))
    return {**params, "baseline": np.zeros(1, dtype)}


def loss_and_grads(
    params: dict[str, np.ndarray], a: np.ndarray, batch: "Batch", config: "Recipe", rng: np.random.Generator
) -> tuple[Loss, np.ndarray, dict[str, np.ndarray]]:
    """Run one forward and backward pass, and update params["baseline"] in place.

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
        batch: data.batches.Batch.
        config: the recipe.
        rng: numpy Generator, for the dropout mask, the coin tosses and the sampled locations.
    Returns:
        loss: the Loss of the sampled locations, minus lambda_e times the entropy.
        da: (N, L, D).
        grads: gradients by name.
    """
    (T, B), decoder = batch.words.shape, choose(a, attend_tell, recurrence)
    mask_h = dropout.dropout_mask(along(rng, 1), (T, B, config.decoder.hidden_size), config.decoder.dropout, a.dtype)
    expected, uniforms = toss(rng, len(a), B, config), along(rng, 1).random((T, B))
    modes = training_modes(uniforms, expected)
    logits, alpha, cache = decoder.decode_forward(params, a, batch.words, mask_h, DECODER_PARTS, modes)
    loss, cache_loss = loss_forward(logits, alpha, batch, config)
    entropy, cache_entropy = hard_attention.entropy_forward(alpha, batch.mask)
    _, cache_s = hard_attention.location_log_p_forward(alpha, decoder.locations(cache))

    dlogits, dalpha_penalty = loss_backward(cache_loss)
    log_p = losses.word_log_probabilities(cache_loss.likelihood)
    if config.loss.authors_code:
        log_p, dalpha_penalty = log_p / T, 0
    advantages = hard_attention.advantage(log_p, batch.mask, params["baseline"], config.loss.reward_to_go)
    if batch.weights is not None:
        advantages = advantages * batch.weights
    # (12) d loss / d log p(s_t | a) = - lambda_r (log p(y | s, a) - b) / B; 0 where the context is expected
    dlog_p = (-config.loss.reinforce_weight / B) * np.where(expected, 0, advantages)
    dalpha = (
        # term 1: through the attention penalty
        dalpha_penalty
        # term 2: through log p(s | a), equation 12
        + hard_attention.location_log_p_backward(dlog_p, cache_s)
        # term 3: through the entropy, equation 12
        + hard_attention.entropy_backward(-config.loss.entropy_weight, cache_entropy)
    )
    da, grads = decoder.decode_backward(dlogits, dalpha, cache)
    hard_attention.move_baseline(params["baseline"], log_p)
    return loss._replace(total=loss.total - config.loss.entropy_weight * entropy), da, grads


def toss(rng: np.random.Generator, N: int, B: int, config: "Recipe") -> np.ndarray:
    """Choose at random the captions that get the expected context.

    Args:
        rng: numpy Generator.
        N: number of images.
        B: number of captions; B / N consecutive captions belong to each image.
        config: the recipe.
    Returns:
        expected: (B,) bool, the same for all captions of an image.
    """
    coins = rng.random(1) if config.loss.authors_code else along(rng, 0).random(N)
    expected = coins < config.loss.expected_context
    return np.repeat(expected, B // len(expected))


def loss_only(params: dict[str, np.ndarray], a: np.ndarray, batch: "Batch", config: "Recipe") -> Loss:
    """Compute the loss with the expected context, without dropout and without gradients.

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
        batch: data.batches.Batch.
        config: the recipe.
    Returns:
        loss.Loss.
    """
    (T, B), decoder = batch.words.shape, choose(a, attend_tell, recurrence)
    mask_h = np.ones((T, B, config.decoder.hidden_size), a.dtype)
    logits, alpha, _ = decoder.decode_forward(params, a, batch.words, mask_h, DECODER_PARTS, T * [expected_mode])
    return loss_forward(logits, alpha, batch, config)[0]


def begin(
    params: dict[str, np.ndarray], a: np.ndarray, config: "Recipe", rng: np.random.Generator | None = None
) -> attend_tell.State:
    """Return the State before the first word, with one caption per image.

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
        config: the recipe; its attention_mode is one of ATTENTION_MODES.
        rng: numpy Generator, for the mode "sample".
    """
    if config.decoding.attention_mode == "sample":
        mode = sample_mode(rng or np.random.default_rng(0))
    else:
        mode = {"expected": expected_mode, "argmax": argmax_mode}[config.decoding.attention_mode]
    return attend_tell.begin(params, a, DECODER_PARTS, mode)


def training_modes(uniforms: np.ndarray, expected: np.ndarray) -> list[Callable]:
    """Return the modes of T words in training.

    Args:
        uniforms: (T, B) random numbers from 0 to below 1, from which the locations are sampled.
        expected: (B,) bool, the captions that get the expected context instead.
    Returns:
        A list of T modes (see attentions/hard.py).
    """
    return [partial(hard_attention.draw_forward, uniforms=uniforms_t, expected=expected) for uniforms_t in uniforms]


def expected_mode(alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray, hard_attention.DrawCache]:
    """Choose the expected context for all captions.

    Args:
        alpha: (B, L) attention weights.
    Returns:
        weights, s, cache: the results of hard_attention.draw_forward, as for every mode.
    """
    return hard_attention.draw_forward(alpha, np.zeros(len(alpha)), np.ones(len(alpha), bool))


def argmax_mode(alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray, hard_attention.DrawCache]:
    """Choose the annotation with the largest alpha.

    Args:
        alpha: (B, L) attention weights.
    Returns:
        weights, s, cache: the results of hard_attention.draw_forward.
    """
    one_hot = np.eye(alpha.shape[1], dtype=alpha.dtype)[alpha.argmax(axis=1)]
    return hard_attention.draw_forward(one_hot, np.zeros(len(alpha)), np.zeros(len(alpha), bool))


def sample_mode(rng: np.random.Generator) -> Callable:
    """Return the mode that samples locations. rng: numpy Generator."""

    def mode(alpha):
        return hard_attention.draw_forward(alpha, rng.random(len(alpha)), np.zeros(len(alpha), bool))

    return mode
