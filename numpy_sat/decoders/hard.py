"""The model "hard": Show, Attend and Tell with hard attention, attend_tell_hard.py, as captioner.py trains and asks it.

What alpha learns by is put together in `loss_and_grads`: eq. 12 of layers/hard_attention.py and the doubly stochastic
penalty. Half of the time (config.expected) a picture's captions are trained with the expected context instead of draws;
the coin is tossed for every picture of a batch. The baseline is among the parameters, for a checkpoint to carry it, but
is not trained.

The authors' code does otherwise than the paper says. With `as_authors` the coin is tossed once a batch; every draw's
reward is the caption's log p over the T words of the longest, and the baseline is that of such rewards; the penalty has
no gradient. (It also sums the last two terms of eq. 12 over the batch, where the first is a mean: of B captions
lambda_r = B / 10 and lambda_e = B / 500 do the same here.)
"""

from functools import partial
from types import SimpleNamespace

import numpy as np

from numpy_sat import kernels
from numpy_sat.decoders import attend_tell, attend_tell_fused, attend_tell_hard, parts
from numpy_sat.layers import dropout, embedding, hard_attention, losses, output
from numpy_sat.loss import loss_backward, loss_forward

SETTINGS = (
    *("state", "attention", "penalty", "penalty_normalisation", "penalty_target"),
    *("lambda_r", "lambda_e", "expected", "reward_to_go", "as_authors", "look"),
)
LOOKS = ("expected", "argmax", "sample")  # ways of looking while it writes, see `looking`

begin, select = attend_tell.begin, attend_tell.select


def init_params(rng, D, config, log_frequencies, dtype=np.float32):
    """All parameters by name: soft attention's but for the gate, and the baseline. Raises InputError for parts."""
    parts.refuse("hard", config.without)
    sizes = D, config.embedding, config.state, config.attention
    of_soft = attend_tell.init_params(rng, *sizes, log_frequencies, dtype)
    return {**parts.removed(of_soft, ("gate",)), "baseline": np.zeros(1, dtype)}


def loss_and_grads(params, a, batch, config, rng, workspace=None):
    """One pass forward and back. a: (N, L, D). Returns the loss.Loss, da: (N, L, D) and gradients by name.

    The loss is that of what was drawn, less lambda_e times the entropy. Moves params["baseline"] on, in place.
    """
    T, B = batch.words.shape
    mask_h = dropout.dropout_mask(rng, (T, B, config.state), config.dropout, a.dtype)
    expected, uniforms = toss(rng, len(a), B, config), rng.random((T, B))
    logits, alpha, s, cache = _decode_forward(params, a, batch.words, mask_h, uniforms, expected, workspace)
    loss, cache_loss = loss_forward(logits, alpha, batch, config)
    entropy, cache_entropy = hard_attention.entropy_forward(alpha, batch.mask)
    _, cache_s = hard_attention.location_log_p_forward(alpha, s)

    dlogits, dalpha_penalty = loss_backward(cache_loss, workspace)
    log_p = losses.word_log_probabilities(cache_loss.likelihood)
    if config.as_authors:
        log_p, dalpha_penalty = log_p / T, 0
    better = hard_attention.advantage(log_p, batch.mask, params["baseline"], config.reward_to_go)
    if batch.weights is not None:
        better = better * batch.weights
    dlog_p = (-config.lambda_r / B) * np.where(expected, 0, better)  # what was not drawn has nothing to learn from it
    dalpha = (
        dalpha_penalty
        + hard_attention.location_log_p_backward(dlog_p, cache_s)
        + hard_attention.entropy_backward(-config.lambda_e, cache_entropy)
    )
    da, grads = _decode_backward(dlogits, dalpha, cache, workspace)
    hard_attention.move_baseline(params["baseline"], log_p)
    return loss._replace(total=loss.total - config.lambda_e * entropy), da, grads


def toss(rng, N, B, config):
    """(B,) bool: which captions get the expected context, those of a picture alike."""
    coins = rng.random(1 if config.as_authors else N) < config.expected
    return np.repeat(coins, B // len(coins))


def loss_only(params, a, batch, config, workspace=None):
    """The loss.Loss with the expected context, without dropout and without gradients."""
    T, B = batch.words.shape
    mask_h, uniforms = np.ones((T, B, config.state), a.dtype), np.zeros((T, B))
    logits, alpha, *_ = _decode_forward(params, a, batch.words, mask_h, uniforms, np.ones(B, bool), workspace)
    return loss_forward(logits, alpha, batch, config)[0]


def step(params, state, words, look=None):
    """One word on. words: (B,) the words before; look: one of those below, the expected context where none is given.

    Returns logits: (B, V), alpha: (B, L), beta: (B,), ones, for there is no gate, and the next state.
    """
    Ey, _ = embedding.embedding_forward(params["E"], words)
    h, c, z, alpha, *_ = attend_tell_hard.recur_forward(
        params, state.a, state.keys, Ey, state.h, state.c, look or look_everywhere
    )
    logits, _ = output.output_forward(Ey, h, z, params["L_h"], params["L_z"], params["L_o"], params["b_o"])
    return logits, alpha, np.ones(len(alpha), alpha.dtype), state._replace(h=h, c=c)


def look_everywhere(alpha):
    """The expected context. alpha: (B, L). Returns as hard_attention.draw_forward, and so do the others."""
    return hard_attention.draw_forward(alpha, np.zeros(len(alpha)), np.ones(len(alpha), bool))


def look_at_likeliest(alpha):
    """The annotation with the largest alpha. alpha: (B, L)."""
    certain = np.eye(alpha.shape[1], dtype=alpha.dtype)[alpha.argmax(axis=1)]
    return hard_attention.draw_forward(certain, np.zeros(len(alpha)), np.zeros(len(alpha), bool))


def look_by_chance(rng):
    """The look, a function of alpha as the others, that draws with numbers of its own. rng: numpy Generator."""

    def look(alpha):
        return hard_attention.draw_forward(alpha, rng.random(len(alpha)), np.zeros(len(alpha), bool))

    return look


def looking(look, seed=0):
    """The begin, step and select that look in one of LOOKS: at the expected context, the likeliest location, a sample.

    What it samples depends on the seed, and on what it has sampled before.
    """
    by_chance = look_by_chance(np.random.default_rng(seed))
    way = dict(zip(LOOKS, (look_everywhere, look_at_likeliest, by_chance), strict=True))[look]
    return SimpleNamespace(begin=begin, step=partial(step, look=way), select=select)


def _decode_forward(params, a, words, mask_h, uniforms, expected, workspace):
    """As attend_tell_hard.decode_forward, as it is written, or as it is fast."""
    if not kernels.use_kernels(a, composite=True):
        return attend_tell_hard.decode_forward(params, a, words, mask_h, uniforms, expected)
    params = {**parts.completed(params), "uniforms": uniforms, "expected": expected}
    logits, alpha, cache = attend_tell_fused.decode_forward(params, a, words, mask_h, workspace)
    return logits, alpha, cache.look.s, cache


def _decode_backward(dlogits, dalpha, cache, workspace):
    """As attend_tell_hard.decode_backward, of either cache."""
    if isinstance(cache, attend_tell_hard.DecodeCache):
        return attend_tell_hard.decode_backward(dlogits, dalpha, cache)
    da, grads = attend_tell_fused.decode_backward(dlogits, dalpha, cache, workspace)
    return da, parts.removed(grads, ("gate",))
