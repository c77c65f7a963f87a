"""Tests of the library's tests: every edit of the fault dictionary (exercises/judging/faults.py) must fail a test.

An edit is for example a missing transpose, a wrong axis or a wrong sign. Each edit of each function replaces the
library's function, and a test of its module must fail. EQUIVALENT lists the edits that change no result, with the
reason. mutations.py runs the edits, in one process for each module.
"""

import itertools
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mutations
import pytest

from numpy_sat.system import machine

# Modules that take longest come first. Tests of kernels do not count, because only float64 code is edited. Of the tests
# of whole models only the quick ones run.
LAYER, PLAIN = "numpy_sat.layers", "not (float32 or one_pass or unfused or workspace)"
OF_A_MODEL = "not (whole_model or blind or float32 or fus or test_captions or first_loss or padding or terms)"
ATTENTIONS, ATTEND = "numpy_sat.decoders.attentions", ("soft", "dot", "hard", "mean", "mean_value")
OF_A_DECODER = "direction or step_by_step"
OF_A_TRANSFORMER = "(direction or start or input or selected or maps or memory or dropout) and not float32"
OF_DETECTED_WORDS = "not (float32 or frequencies or parts or detectors_and or ranked_by)"
OF_A_READER = "not (float32 or translator or torch)"
MODULES = {  # {name: (module, expression that selects tests, name of the test file if it differs)}
    "conv": (f"{LAYER}.conv", PLAIN),
    "search": ("numpy_sat.decoding.search", PLAIN),
    "attend_tell": (
        "numpy_sat.decoders.attend_tell",
        "(recurrence and soft) or step_by_step or start or direction or first_state",
    ),
    **{layer: (f"{LAYER}.{layer}", PLAIN) for layer in ("lstm", "rnn", "norm_block", "pool", "block")},
    "dot_attention": (f"{LAYER}.dot_attention", f"({PLAIN}) and not torchs"),
    **{
        layer: (f"{LAYER}.{layer}", PLAIN)
        for layer in ("attention", "losses", "reconstruction", "skip_gram", "glove", "alignment")
    },
    **{layer: (f"{LAYER}.{layer}", PLAIN) for layer in ("noisy_or", "similarity", "maximum_entropy")},
    "assignment": (f"{LAYER}.assignment", f"({PLAIN}) and not scipy"),
    "set_loss": (f"{LAYER}.set_loss", PLAIN),
    **{name: (f"numpy_sat.decoding.{name}", PLAIN) for name in ("line_search", "viterbi")},
    **{
        part: (f"numpy_sat.decoders.detected_words.{part}", OF_DETECTED_WORDS, "detected_words")
        for part in ("detector", "language", "matching", "ranking")
    },
    "bidirectional": ("numpy_sat.encoders.bidirectional", "not padding"),
    **{layer: (f"{LAYER}.{layer}", PLAIN) for layer in ("depthwise", "mbconv", "pointwise")},
    "policy": (f"{LAYER}.policy", PLAIN),
    **{layer: (f"{LAYER}.{layer}", PLAIN) for layer in ("discriminator", "rollouts", "gumbel", "contrastive")},
    "sampling": ("numpy_sat.decoding.sampling", PLAIN),
    "samples": ("numpy_sat.training.objectives.samples", "not (expected_score or likely or weigh)", "self_critical"),
    "meta_gradients": ("numpy_sat.training.objectives.meta_gradients", "quadratic or no_gradient or distance", "meta"),
    **{
        name: (f"numpy_sat.decoders.{name}", OF_A_MODEL)
        for name in ("show_tell", "log_bilinear", "brnn", "visual_memory")
    },
    **{layer: (f"{LAYER}.{layer}", PLAIN) for layer in ("self_attention", "transformer_block", "layer_norm", "gelu")},
    "token_shift": (f"{LAYER}.token_shift", PLAIN),
    "transformer": ("numpy_sat.decoders.transformer", OF_A_TRANSFORMER),
    "stack": ("numpy_sat.decoders.stack", OF_A_TRANSFORMER, "transformer"),
    **{name: (f"numpy_sat.decoders.{name}", PLAIN) for name in ("masking", "masks", "vivo")},
    "masked_words": (f"{LAYER}.masked_words", PLAIN),
    "dot": ("numpy_sat.decoders.dot", "weights_at_the_start or cannot_share or direction or step_by_step"),
    **{f"attend_{name}": (f"{ATTENTIONS}.{name}", OF_A_DECODER, "attend_tell") for name in ATTEND},
    "shallow_output": ("numpy_sat.decoders.shallow_output", "direction or step_by_step", "attend_tell"),
    **{name: (f"numpy_sat.encoders.{name}", OF_A_READER) for name in ("reader", "last_state")},
    "hard_attention": (f"{LAYER}.hard_attention", "not (float32 or proof or frequent)"),
    "optimizers": ("numpy_sat.training.optimizers", PLAIN),
    "neighbors": ("numpy_sat.evaluation.neighbors", PLAIN),
    **{
        layer: (f"{LAYER}.{layer}", PLAIN)
        for layer in ("batch_norm", "output", "activations", "linear", "softmax", "embedding", "dropout")
    },
}

QUICK = ("linear",)  # a sample for every run; .ci/run tests all modules

NEGATIVE = "reshape infers the size for any negative number, not only for -1"
IN_BRACKETS = "the same product or sum in another order"
SHAPE = "the function reads only its shape"
SAME_SHAPE = "the two have the same shape, and the function reads only the shape"
IN_PLACE = "it is changed in place"
ZERO_ONE = "it is 0 or 1, and so is its square"
COMMUTES = "the order of the two does not matter"
EMPTY = "both are empty lists"
LAST_AXIS = "both numbers mean the same axis"
ONE = "the axis has a single element"
TO_FIND = "reshape infers the size for -1"
SHARED = "the axis counts on several ranks only, and tests/training/test_shares.py compares their sums with one rank"


def exchanged(*names):
    """Return the messages for each two of these expressions swapped."""
    return [f"`{first}` and `{second}` are swapped" for first, second in itertools.combinations(names, 2)]


def swapped(name, *others):
    """Return the messages for a variable replaced by each of the others."""
    return [f"`{other}` where `{name}` belongs" for other in others]


def ignored(*names):
    """Return the messages for each of these numbers replaced by -1."""
    return [f"`{name}` is ignored: -1, the last index, replaces it" for name in names]


def zeros(*names):
    """Return the messages for each of these arguments replaced by zeros."""
    return [f"`{name}` is not passed on: zeros replace it" for name in names]


# {name in MODULES: [(function, text of the line, messages of the edits, why they change no result)]}. If an edit is
# possible in several places of a line, its message is listed once for each place that no test notices.
EQUIVALENT = {
    "linear": [("linear_backward", "rows, drows =", 2 * ["2 where 1 belongs"], NEGATIVE)],
    "activations": [
        ("relu_forward", "np.maximum", exchanged("x", "0"), COMMUTES),
        ("relu_forward", "return y", swapped("y", "x"), "y > 0 where x > 0, and only the sign is read"),
        ("relu_backward", "return", ["`cache.y != 0` where `cache.y > 0` belongs"], "y is never negative"),
        ("relu_backward", "return", ["the factor `cache.y > 0` occurs twice"], ZERO_ONE),
        ("relu6_forward", "y =", [*exchanged("np.maximum(x, 0)", "6"), *exchanged("x", "0")], COMMUTES),
        ("relu6_forward", "return y", swapped("y", "x"), "0 < y < 6 where 0 < x < 6, and only that is read"),
        (
            *("relu6_backward", "return"),
            ["`cache.y != 0` where `cache.y > 0` belongs", "`cache.y != 6` where `cache.y < 6` belongs"],
            "y is never negative, and never above 6",
        ),
        ("relu6_backward", "return", ["the factor `(cache.y > 0) & (cache.y < 6)` occurs twice"], ZERO_ONE),
    ],
    "depthwise": [
        ("same_padding", "lines =", exchanged("(-(-size // stride) - 1) * stride + P - size", "0"), COMMUTES),
        (
            *("same_padding", "lines ="),
            ["the brackets of `(-(-size // stride) - 1) * stride + P - size` are in the wrong place"],
            IN_BRACKETS,
        ),
        ("depthwise_forward", "check_arguments", zeros("x", "W", "b"), SHAPE),
        ("depthwise_forward", "y +=", zeros("y"), SHAPE),
        ("depthwise_forward", "for p, q", exchanged("p", "q"), "every pair occurs once, in another order"),
        (
            *("depthwise_forward", "for p, q"),
            ["`y` is not carried from step to step: each step starts from the first value"],
            IN_PLACE,
        ),
        ("depthwise_backward", "for p, q", exchanged("p", "q"), "every pair occurs once, in another order"),
        ("depthwise_backward", "for p, q", swapped("W", "dW"), SAME_SHAPE),
        ("depthwise_backward", "dW[p, q] =", zeros("dy"), SHAPE),
        ("depthwise_backward", "cells =", zeros("dy"), SHAPE),
        ("padding_before", "return", zeros("cache.W"), "the function reads only its length"),
        ("_pad", "vertical, horizontal", zeros("W"), "the function reads only its length"),
    ],
    "pointwise": [],
    "policy": [
        ("advantage", "return", zeros("of_drawn", "of_greedy"), SHAPE),
        ("policy_backward", "weighted_likelihood =", ["the factor `likelihood.mask` occurs twice"], ZERO_ONE),
        ("advantage_over_others", "scores =", ["2 where 1 belongs"], NEGATIVE),
        (
            *("advantage_over_others", "baseline ="),
            ["the sum of `scores` goes over axis -1 instead of axis 1"],
            LAST_AXIS,
        ),
    ],
    "contrastive": [
        (
            "contrastive_forward",
            "loss =",
            [f"the factor `{factor}` occurs twice" for factor in ("y", "1 - y")],
            ZERO_ONE,
        ),
        (
            *("contrastive_backward", "ds ="),
            ["the brackets of `(p - y) * (dloss / len(y))` are in the wrong place"],
            IN_BRACKETS,
        ),
        ("contrastive_backward", "ds =", [*zeros("y"), *swapped("y", "s", "p")], SHAPE),
    ],
    "discriminator": [
        ("image_forward", "f, cache_whole =", zeros("a"), SHAPE),
        ("image_forward", "f, cache_whole =", ["2 where 1 belongs"], NEGATIVE),
        ("sentence_forward", "B, S =", zeros("W_hh"), SHAPE),
        ("sentence_forward", "h_all, _, cache_lstm =", 2 * zeros("zeros"), "they are zeros"),
        ("sentence_backward", "dh_all[cache.last", zeros("dh"), SHAPE),
        ("score_forward", "score =", zeros("h", "f"), SHAPE),
        (
            *("score_forward", "score ="),
            [
                "the sum of `np.repeat(f, len(h) // len(f), axis=0) * h` goes over axis -1 instead of axis 1",
            ],
            LAST_AXIS,
        ),
        ("score_backward", "df =", [*zeros("f"), "2 where 1 belongs"], SHAPE),
        ("score_backward", "dh =", zeros("h", "f"), SHAPE),
        ("score_backward", "dh =", ["`df` where `f` belongs"], SAME_SHAPE),
        (
            *("loss_backward", "dreal ="),
            ["the brackets of `-_sigmoid(-real) * (dloss / len(real))` are in the wrong place"],
            IN_BRACKETS,
        ),
        (
            *("loss_backward", "dgenerated ="),
            ["the brackets of `_sigmoid(generated) * (dloss / len(generated))` are in the wrong place"],
            IN_BRACKETS,
        ),
        (
            *("loss_backward", "dmismatched ="),
            [
                "the brackets of `_sigmoid(mismatched) * (weight * dloss / len(mismatched))` are in the wrong place",
                "the brackets of `weight * dloss / len(mismatched)` are in the wrong place",
            ],
            IN_BRACKETS,
        ),
        ("loss_backward", "dreal =", zeros("real"), SHAPE),
        ("loss_backward", "dgenerated =", zeros("generated"), SHAPE),
        ("loss_backward", "dmismatched =", zeros("mismatched"), SHAPE),
    ],
    "gumbel": [
        ("gumbel_noise", "u =", exchanged("uniforms", "np.finfo(np.float64).tiny"), COMMUTES),
        ("straight_through", "return", 2 * ["the minus of `-1` is missing"], LAST_AXIS),
    ],
    "rollouts": [
        ("word_rewards", "value[last", zeros("last"), SHAPE),
        ("word_rewards", "value[last", swapped("last", "caption_rewards"), SAME_SHAPE),
        ("word_rewards", "return np.where", ["`mask != 0` where `mask > 0` belongs"], "it is 0 or 1"),
        ("word_advantages", "B, N =", [*zeros("baseline"), *swapped("values", "mask")], SHAPE),
        ("word_advantages", "return", ["the factor `mask` occurs twice"], ZERO_ONE),
    ],
    "meta_gradients": [
        ("reptile", "total =", ["`total` and `g` are swapped"], COMMUTES),
        ("hessian_product", "if norm == 0", ["`norm <= 0` where `norm == 0` belongs"], "a norm is never negative"),
        (
            *("hessian_product", "epsilon ="),
            [
                "the sign of `max((float(np.finfo(array.dtype).eps) for array in v.values())) ** (1 / 3) / norm` "
                "is flipped"
            ],
            "central differences are the same with -epsilon",
        ),
    ],
    "samples": [
        ("draw", "captions =", ["2 where 1 belongs", "0 where 1 belongs"], SHARED),
        ("draw", "a = a *", zeros("a"), SHAPE),
        ("draw", "return Samples", 2 * zeros("a"), SHAPE),
        ("weigh", "greedy_rewards =", zeros("samples.a"), SHAPE),
        (
            *("weigh", "if recipe.training.reward_baseline"),
            [
                "`recipe.training.reward_baseline >= 'others'` where "
                "`recipe.training.reward_baseline == 'others'` belongs"
            ],
            "no other allowed baseline comes after it in the alphabet",
        ),
    ],
    "sampling": [
        ("draw", "state =", 2 * zeros("a"), SHAPE),
        (
            *("draw", "words ="),
            ["the sum of `upto <= (uniforms_t * upto[:, -1])[:, None]` goes over axis -1 instead of axis 1"],
            LAST_AXIS,
        ),
        (
            *("draw", "for uniforms_t"),
            ["`done` is not carried from step to step: each step starts from the first value"],
            IN_PLACE,
        ),
        ("sample_images", "for start", zeros("images"), SHAPE),
        ("sample_images", "captions +=", zeros("a"), SHAPE),
    ],
    "mbconv": [
        (
            *("mbconv_backward", "if cache.expand"),
            ["`cache.expand != None` where `cache.expand is not None` belongs"],
            "for tuples both comparisons give the same result",
        ),
        ("mbconv_forward", "residual =", ["`stride <= 1` where `stride == 1` belongs"], "no stride is smaller"),
        (
            "mbconv_forward",
            "residual =",
            ["the sign of `stride == 1 and x.shape == y.shape` is flipped"],
            "-True is true",
        ),
    ],
    "softmax": [],
    "embedding": [
        ("embedding_forward", "return", zeros("E"), SHAPE),
        ("embedding_backward", "np.add.at", ["2 where 1 belongs"], NEGATIVE),
        ("embedding_backward", "np.add.at", swapped("E", "dE"), SAME_SHAPE),
    ],
    "dropout": [
        ("dropout_mask", "if rate", ["`rate <= 0` where `rate == 0` belongs"], "negative rates are refused before"),
        (
            *("dropout_mask", "survivors ="),
            ["`{0} > rate` where `{0} >= rate` belongs".format("rng.random(shape, dtype=np.float32)")],
            "a random number equals the rate almost never",
        ),
    ],
    "output": [
        ("output_backward", "rows =", ["2 where 1 belongs"], NEGATIVE),
        ("output_backward", "dz, dL_z =", ["2 where 1 belongs"], NEGATIVE),
        ("output_backward", "dh, dL_h =", ["2 where 1 belongs"], NEGATIVE),
        ("output_backward", "rows =", swapped("dinner", "cache.linear.x", "cache_linear.x"), SAME_SHAPE),
    ],
    "dot_attention": [
        ("keys_backward", "dkeys =", ignored("heads", "N", "L", "K"), TO_FIND),
        ("keys_backward", "dW_k =", ignored("N", "L", "D"), TO_FIND),
        ("keys_backward", "da =", [*exchanged("1", "2"), *ignored("N", "L", "D")], f"{COMMUTES}, or {TO_FIND}"),
        ("score_forward", "B =", zeros("h"), SHAPE),
        ("score_forward", "query =", ignored("B", "N"), TO_FIND),
        ("score_forward", "e =", exchanged("2", "3"), COMMUTES),
        (
            *("score_forward", "e ="),
            ["the brackets of `query @ keys.swapaxes(2, 3) / math.sqrt(K)` are in the wrong place"],
            IN_BRACKETS,
        ),
        ("score_forward", "return", ignored("B"), TO_FIND),
        ("score_backward", "B =", zeros("h"), SHAPE),
        ("score_backward", "dproduct =", ignored("B", "N"), TO_FIND),
        ("score_backward", "dkeys =", exchanged("2", "3"), COMMUTES),
        ("score_backward", "dquery =", ignored("B"), TO_FIND),
        ("score_backward", "dh =", exchanged("1", "2"), COMMUTES),
        ("context_forward", "seen =", ignored("B", "N", "B"), TO_FIND),
        ("context_forward", "z =", [*exchanged("0", "1"), *ignored("B")], f"{COMMUTES}, or {TO_FIND}"),
        ("context_backward", "dz =", [*exchanged("0", "1"), *ignored("B")], f"{COMMUTES}, or {TO_FIND}"),
        ("context_backward", "dW_v =", exchanged("1", "2"), COMMUTES),
        ("context_backward", "dseen =", [*exchanged("1", "2"), *ignored("B", "N")], f"{COMMUTES}, or {TO_FIND}"),
        ("context_backward", "dalpha =", [*exchanged("1", "2"), *ignored("B")], f"{COMMUTES}, or {TO_FIND}"),
        ("context_backward", "da =", [*exchanged("2", "3"), *ignored("B", "N")], f"{COMMUTES}, or {TO_FIND}"),
        ("attend_backward", "dalpha_mean =", zeros("dalpha_context"), SHAPE),
        (
            *("attend_backward", "dalpha_mean ="),
            swapped("dalpha_context", "cache.softmax.p", "cache.context.alpha"),
            SAME_SHAPE,
        ),
    ],
    "attention": [
        ("score_forward", "query =", ["2 where 1 belongs"], NEGATIVE),
        ("score_forward", "e =", ["2 where 1 belongs"], NEGATIVE),
        (
            *("score_backward", "de = de.reshape"),
            [f"`{size}` is ignored: -1, the last index, replaces it" for size in ("N", "per_image", "L")],
            TO_FIND,
        ),
        ("score_backward", "dv =", 2 * ["2 where 1 belongs"], NEGATIVE),
        ("score_backward", "dquery =", ["2 where 1 belongs"], NEGATIVE),
        ("context_forward", "z =", 2 * ["2 where 1 belongs"], NEGATIVE),
        ("context_backward", "dz =", ["2 where 1 belongs"], NEGATIVE),
        ("context_backward", "dalpha =", ["2 where 1 belongs"], NEGATIVE),
        ("context_backward", "dalpha =", exchanged("1", "2"), COMMUTES),
        ("context_backward", "da =", ["2 where 1 belongs"], NEGATIVE),
        ("context_backward", "da =", exchanged("1", "2"), COMMUTES),
        ("gate_backward", "dbeta =", ["the sum of `dgated * z` goes over axis -1 instead of axis 1"], LAST_AXIS),
    ],
    "hard_attention": [
        (
            *("draw_forward", "s ="),
            ["the sum of `upto <= (uniforms * upto[:, -1])[:, None]` goes over axis -1 instead of axis 1"],
            LAST_AXIS,
        ),
        (
            "draw_forward",
            "one_hot =",
            swapped("alpha", "upto"),
            "the two have the same dtype, and the function reads only the dtype",
        ),
        ("location_log_p_forward", "log_p =", ["-1 where 0 belongs"], ONE),
        (
            *("advantage", "words ="),
            ["the sign of `mask[::-1].cumsum(axis=0)[::-1]` is flipped"],
            "they are divided by their mean, which flips its sign, too",
        ),
        (
            *("advantage", "reward, usual = log_p[::-1]"),
            ["the brackets of `baseline * words / mean_length` are in the wrong place"],
            IN_BRACKETS,
        ),
        ("advantage", "return", ["the factor `mask` occurs twice"], ZERO_ONE),
        (
            *("entropy_forward", "word_entropy ="),
            ["the sum of `alpha * _log(alpha)` goes over axis 2 instead of axis -1"],
            LAST_AXIS,
        ),
        ("entropy_forward", "return", ["the factor `mask` occurs twice"], ZERO_ONE),
        ("entropy_forward", "return", swapped("mask", "word_entropy"), SAME_SHAPE),
        (
            *("entropy_backward", "return"),
            ["the brackets of `mask * (dentropy / mask.shape[1])` are in the wrong place"],
            IN_BRACKETS,
        ),
        ("entropy_backward", "return", ["the factor `mask` occurs twice"], ZERO_ONE),
        ("_log", "return", exchanged("alpha", "np.finfo(alpha.dtype).tiny"), COMMUTES),
    ],
    "attend_soft": [],
    "attend_dot": [],
    "attend_hard": [],
    "attend_mean": [
        ("attend_forward", "z =", zeros("h"), SHAPE),
        ("attend_forward", "return z", zeros("h"), SHAPE),
        ("attend_backward", "return 0", ["2 where 1 belongs"], NEGATIVE),
    ],
    "attend_mean_value": [
        ("keys_forward", "values =", exchanged("0", "1"), COMMUTES),
        ("keys_forward", "values =", zeros("a"), SHAPE),
        ("keys_forward", "values =", ["2 where 1 belongs"], NEGATIVE),
        ("keys_backward", "dvalues =", exchanged("0", "1"), COMMUTES),
        ("keys_backward", "dvalues =", zeros("abar", "W_v"), SHAPE),
        ("keys_backward", "dvalues =", ["2 where 1 belongs"], NEGATIVE),
        ("keys_backward", "dabar =", exchanged("1", "2"), COMMUTES),
    ],
    "shallow_output": [
        ("output_forward", "return logits", zeros("Ey", "z"), SHAPE),
        ("output_forward", "return logits", swapped("Ey", "cache_linear.x"), SAME_SHAPE),
        ("output_backward", "dL_h =", 2 * ["2 where 1 belongs"], NEGATIVE),
        ("output_backward", "dL_h =", swapped("dinner", "cache.linear.x", "Ey", "cache_linear.x"), SAME_SHAPE),
        ("output_backward", "return np", swapped("Ey", "cache.linear.x", "cache_linear.x", "dinner"), SAME_SHAPE),
    ],
    "block": [],
    "batch_norm": [
        ("batch_norm_backward", "axes, rows =", 3 * swapped("x", "dy"), SAME_SHAPE),
    ],
    "norm_block": [("_conv_and_pool", "y, cache_conv =", zeros("no_bias"), "it is an array of zeros")],
    "lstm": [
        ("lstm_forward", "S =", swapped("h", "c"), SAME_SHAPE),
        (
            *("lstm_backward", "S ="),
            swapped("h", "dh_next", "dc_next", "c", "cache.g.y", "cache.tanh_c.y", "cache_g.y", "cache_tanh_c.y"),
            SAME_SHAPE,
        ),
        ("lstm_sequence_forward", "h_all, steps =", zeros("x"), SHAPE),
        ("lstm_sequence_forward", "h_all, steps =", 2 * swapped("h", "c"), "the two have the same shape and dtype"),
        ("lstm_sequence_forward", "for t", zeros("x"), SHAPE),
        ("lstm_sequence_backward", "dx =", zeros("dh_all"), SHAPE),
        (
            "lstm_sequence_backward",
            "dx =",
            ["-1 where 0 belongs"],
            "all steps have the same shape, and the function reads only the shape",
        ),
        ("lstm_sequence_backward", "for t", zeros("dh_all"), SHAPE),
    ],
    "losses": [
        ("cross_entropy_forward", "at_target =", ["-1 where 0 belongs"], ONE),
        ("cross_entropy_forward", "loss =", ["the factor `mask` occurs twice"], ZERO_ONE),
        (
            *("cross_entropy_forward", "loss ="),
            swapped("targets", "mask", "log_sum", "mean", "at_target", "word"),
            SAME_SHAPE,
        ),
        (
            *("cross_entropy_backward", "weight ="),
            ["the brackets of `mask * (dloss / targets.shape[1])` are in the wrong place"],
            IN_BRACKETS,
        ),
        ("cross_entropy_backward", "weight =", ["the factor `mask` occurs twice"], ZERO_ONE),
        ("cross_entropy_backward", "weight =", swapped("targets", "log_sum", "mask"), SAME_SHAPE),
        ("word_log_probabilities", "at_target =", ["-1 where 0 belongs"], ONE),
        ("word_log_probabilities", "return", ["the factor `cache.mask` occurs twice"], ZERO_ONE),
        ("_log_sum_and_mean", "return", ["the mean of `logits` goes over axis 2 instead of axis -1"], LAST_AXIS),
        (
            *("doubly_stochastic_forward", "aim ="),
            ["`target <= 'T/L'` where `target == 'T/L'` belongs"],
            "no other allowed target comes before it in the alphabet",
        ),
        (
            *("doubly_stochastic_forward", "scale ="),
            ["`normalisation >= 'sum'` where `normalisation == 'sum'` belongs"],
            "no other allowed normalisation comes after it in the alphabet",
        ),
        ("doubly_stochastic_forward", "missing =", ["the factor `mask[..., None]` occurs twice"], ZERO_ONE),
        ("doubly_stochastic_backward", "missing,", exchanged("missing", "scale"), COMMUTES),
        ("doubly_stochastic_backward", "return", ["the factor `mask[..., None]` occurs twice"], ZERO_ONE),
    ],
    "pool": [
        ("max_pool_forward", "check_arguments", zeros("x"), SHAPE),
        (
            *("max_pool_forward", "for p, q"),
            ["`y` is not carried from step to step: each step starts from the first value"],
            IN_PLACE,
        ),
        ("max_pool_backward", "for p, q", exchanged("p", "q"), "every pair occurs once, in another order"),
        (
            *("max_pool_backward", "dx_padded ="),
            ["1 where 0 belongs", "-1 where 0 belongs"],
            "it is the value of the border, which is cut off",
        ),
        ("max_pool_backward", "cells +=", ["the factor `winner == p * window + q` occurs twice"], ZERO_ONE),
    ],
    "conv": [
        ("conv_forward", "check_arguments", zeros("x", "W", "b"), SHAPE),
        ("conv_forward", "y =", zeros("x", "W"), SHAPE),
        ("conv_forward", "y +=", zeros("y"), SHAPE),
        (
            *("conv_forward", "for p, q"),
            ["`y` is not carried from step to step: each step starts from the first value"],
            IN_PLACE,
        ),
        ("conv_parameter_gradients", "dW[p, q] =", zeros("dy"), SHAPE),
        ("conv_parameter_gradients", "for p, q", swapped("W", "dW"), SAME_SHAPE),
        ("conv_input_gradient", "dx_padded =", zeros("x"), SHAPE),
        ("conv_input_gradient", "dx_padded =", ["`padding` is one too many"], "the excess is cut off"),
        ("conv_input_gradient", "cells =", zeros("dy"), SHAPE),
        (
            "_pad",
            "return",
            2 * ["`padding` is one too many"],
            "no window reaches the extra ring at the bottom and on the right",
        ),
        ("_output_shape", "return", ["the brackets of `size + 2 * padding - P` are in the wrong place"], IN_BRACKETS),
        ("_output_shape", "return", zeros("x"), SHAPE),
    ],
    "optimizers": [
        (
            "clip_by_norm",
            "if",
            ["`norm >= largest` where `norm > largest` belongs"],
            "if they are equal, the factor is 1",
        ),
        ("cosine_rate", "progress =", exchanged("1", "steps - warmup"), COMMUTES),
        ("cosine_rate", "return peak * (0.01", exchanged("1.0", "progress"), COMMUTES),
        (
            *("cosine_rate", "return peak * (step"),
            ["the brackets of `peak * (step + 1) / warmup` are in the wrong place"],
            IN_BRACKETS,
        ),
        (
            *("average_weights", "for"),
            ["the loop over `[key.removeprefix('v.') for key in state if key.startswith('v.')]` goes backwards"],
            "the iterations do not depend on each other",
        ),
        ("adam_update", "m, v =", zeros("g"), SHAPE),
        ("adam_update", "correction1,", 2 * ["-1 where 0 belongs"], ONE),
        (
            *("adam_update", "params[name] -="),
            ["the brackets of `rate / correction1 * m / (np.sqrt(v / correction2) + epsilon)` are in the wrong place"],
            IN_BRACKETS,
        ),
        ("rmsprop_update", "(v,) =", zeros("g"), SHAPE),
        (
            *("rmsprop_update", "params[name] -="),
            ["the brackets of `rate * g / (np.sqrt(v) + epsilon)` are in the wrong place"],
            IN_BRACKETS,
        ),
        ("_moments", "for", ["the loop over `letters` goes backwards"], "every name occurs once, in another order"),
    ],
    "search": [
        ("search", "lists =", zeros("a"), SHAPE),
        ("search", "return [captions", zeros("a"), SHAPE),
        (
            *("m_best", "words, scores ="),
            ["`np.full((N, 1), START)` is transposed", *exchanged("N", "1")],
            "<start> is 0, and the words are read in one row",
        ),
        (
            *("m_best", "written = np.zeros"),
            [*exchanged("N", "1"), "`N` is ignored: 1 replaces it", "2 where 1 belongs", "0 where 1 belongs"],
            "it has no words yet",
        ),
        ("m_best", "N, lists =", zeros("a"), SHAPE),
        ("m_best", "state = decoder.begin", zeros("a"), SHAPE),
        (
            *("m_best", "lengths, unfinished ="),
            [
                *("`t` is one too many", "`t` is one too few", "`t` is ignored: 1 replaces it"),
                *("`t` is ignored: 0 replaces it", "`t` is ignored: -1, the last index, replaces it"),
                *swapped("t", "max_words"),
            ],
            "the power of the length is 0",
        ),
        ("m_best", "lengths, unfinished =", 2 * swapped("scores", "words"), SAME_SHAPE),
        (
            *("m_best", "words, parents, scores, _, done ="),
            [
                *exchanged("lengths", "unfinished"),
                *zeros("lengths", "unfinished"),
                "1 where 0 belongs",
                *swapped("lengths", "words", "scores", "unfinished"),
                *swapped("unfinished", "words", "lengths"),
            ],
            "no length matters, and no caption of the beam is finished",
        ),
        ("m_best", "ban", ["`t <= 0` where `t == 0` belongs"], "t starts at 0"),
        ("m_best", "ban", ["`t >= max_words` where `t == max_words` belongs"], "t is never larger"),
        (
            *("m_best", "for t"),
            [
                *("`max_words` is one too many", "the term `max_words` occurs twice"),
                *("2 where 1 belongs", "the term `1` occurs twice"),
            ],
            "the search ends when all captions are finished, at the latest after max_words + 1 steps",
        ),
        ("m_best", "log_p =", ["2 where 1 belongs"], NEGATIVE),
        ("m_best", "log_p =", swapped("scores", "words"), SAME_SHAPE),
        (
            *("m_best", "if min"),
            swapped("scores", "words", "lengths", "unfinished", "parents", "done"),
            "it only ends a search earlier that finds nothing more",
        ),
        ("caption_images", "for", zeros("images"), SHAPE),
        ("beam_search", "N =", zeros("a"), SHAPE),
        ("beam_search", "words, scores =", ["`N` is ignored: 1 replaces it"], "one score broadcasts to all images"),
        ("beam_search", "lengths =", ["`N` is ignored: 1 replaces it"], "one length broadcasts to all images"),
        (
            *("beam_search", "history, best ="),
            2 * ["1 where 0 belongs", "-1 where 0 belongs"],
            "the last step replaces it with a caption at the latest",
        ),
        (
            *("beam_search", "for t"),
            [
                *("`max_words` is one too many", "the term `max_words` occurs twice"),
                *("2 where 1 belongs", "the term `1` occurs twice"),
            ],
            "the search ends when all captions are finished, at the latest after max_words + 1 steps",
        ),
        ("beam_search", "log_p =", ["2 where 1 belongs"], NEGATIVE),
        ("beam_search", "log_p =", swapped("words", "scores", "lengths", "done"), SAME_SHAPE),
        ("beam_search", "ban", ["`t <= 0` where `t == 0` belongs"], "t starts at 0"),
        ("beam_search", "ban", ["`t >= max_words` where `t == max_words` belongs"], "t is never larger"),
        ("beam_search", "history.append", ["2 where 1 belongs"], NEGATIVE),
        (
            *("beam_search", "best ="),
            zeros("done"),
            "a caption noted twice has the same rank, and the earlier one wins a tie",
        ),
        ("beam_search", "best =", swapped("words", "done_now"), "<end> is word 1, and True is 1"),
        (
            *("beam_search", "if (done"),
            swapped("scores", "words", "lengths", "done", "parents", "done_now"),
            "it only ends a search earlier whose result cannot change any more",
        ),
        ("ban", "log_p[..., [START", exchanged("START", "UNK"), COMMUTES),
        (
            *("ban", "log_p[..., :END]"),
            ["2 where 1 belongs", "the term `1` occurs twice", "the term `END` occurs twice"],
            "<end> is word 1, and word 2 is <unk>, which is banned anyway",
        ),
        ("extend", "total =", ["2 where 1 belongs"], NEGATIVE),
        ("extend", "k =", exchanged("k", "rank.shape[1]"), COMMUTES),
        ("extend", "k =", swapped("rank", "total"), SAME_SHAPE),
        (
            *("extend", "return"),
            ["`words <= END` where `words == END` belongs"],
            "only <start> comes before <end>, and it is never written",
        ),
        (
            *("note_finished", "new ="),
            ["`words <= END` where `words == END` belongs"],
            "only <start> comes before <end>, and it is never written",
        ),
        (
            *("note_finished", "new ="),
            swapped("scores", "words", "parents", "lengths"),
            "the rank of an impossible caption is -inf, as if there were none",
        ),
        ("note_finished", "slots =", swapped("rank", "new"), "captions are sorted, the best first"),
        ("read_back", "words, alphas", exchanged("words", "alphas", "betas"), EMPTY),
    ],
    "attend_tell": [
        (
            *("init_params", "b = zeros"),
            [
                f"blocks {first} and {second} of `b` (of i, f, o, g) are swapped"
                for first, second in ((1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4))
            ],
            "all entries are zero",
        ),
        ("init_params", "V =", zeros("log_frequencies"), SHAPE),
        ("init_params", '"E":', ["-0.5 where 0.5 belongs"], "a normal distribution about 0 is symmetric"),
        ("decode_forward", "hs, zs", exchanged("hs", "zs", "alphas", "steps"), EMPTY),
        (
            *("decode_forward", "for values, value"),
            [
                *exchanged("(hs, h)", "(zs, z)", "(alphas, alpha)", "(steps, cache)"),
                "the loop over `((hs, h), (zs, z), (alphas, alpha), (steps, cache))` goes backwards",
            ],
            "every pair occurs once, in another order",
        ),
        ("decode_forward", "each =", zeros("a"), SHAPE),
        (
            *("decode_backward", "dh = dc ="),
            ["1 where 0 belongs", "-1 where 0 belongs"],
            "all steps have the same shape, and the function reads only the shape",
        ),
        (
            *("decode_backward", "dh = dc ="),
            swapped("dhs", "cache.dropout.mask", "cache.output.h", "ddropped"),
            SAME_SHAPE,
        ),
        ("decode_backward", "for t", zeros("dhs"), SHAPE),
        ("decode_backward", "for t", swapped("dhs", "cache.dropout.mask", "cache.output.h", "ddropped"), SAME_SHAPE),
        ("decode_backward", "dh0, dc0 =", ["2 where 1 belongs"], NEGATIVE),
        (
            *("recur_backward", "M ="),
            2 * ["the term `dx.shape[1]` is missing"],
            "M columns from the left are all but D from the right",
        ),
        (
            *("recur_backward", "M ="),
            ["`cache.lstm.x` where `dx` belongs"],
            SAME_SHAPE,
        ),
        (
            *("recur_backward", "dcontext, dh_gate, grads"),
            swapped("dgated", "dcontext"),
            "it is the same array",
        ),
        ("_output_forward", "return shallow_output", zeros("Ey", "z"), SHAPE),
        ("step", "beta =", zeros("words"), SHAPE),
        (
            *("step", "beta ="),
            [
                *swapped("h", "state.h", "state.c", "c", "cache.attend.score.h", "cache.lstm.h", "cache.lstm.c"),
                *swapped("h", "cache.lstm.g.y", "cache.lstm.tanh_c.y"),
            ],
            "all have the same dtype, and the function reads only the dtype",
        ),
    ],
    "dot": [
        (
            *("init_params", "params = attend_tell"),
            [
                *("`A` is one too many", "`A` is one too few", "`A` is ignored: 1 replaces it"),
                *("`A` is ignored: 0 replaces it", *swapped("A", "D", "M", "S", "heads")),
            ],
            "the arrays whose shape contains A are removed again",
        ),
    ],
    "show_tell": [
        (
            *("init_params", "b = np.zeros"),
            [
                f"blocks {first} and {second} of `b` (of i, f, o, g) are swapped"
                for first, second in itertools.combinations((1, 2, 3, 4), 2)
            ],
            "all entries are zero",
        ),
        ("init_params", "V =", zeros("log_frequencies"), SHAPE),
        ("init_params", '"E":', ["-0.5 where 0.5 belongs"], "a normal distribution about 0 is symmetric"),
        ("decode_forward", "each =", zeros("a"), SHAPE),
        (
            *("decode_backward", "dhs, np.zeros_like"),
            ["1 where 0 belongs", "-1 where 0 belongs"],
            "all steps have the same shape, and the function reads only the shape",
        ),
        (
            *("decode_backward", "dhs, np.zeros_like"),
            swapped("dhs", "cache.dropout.mask", "cache.output.x", "ddropped"),
            SAME_SHAPE,
        ),
        ("decode_backward", "dh, dc = (", ["2 where 1 belongs"], NEGATIVE),
        ("picture_forward", "zeros =", zeros("a"), SHAPE),
        ("picture_forward", "h, c, cache_lstm =", 2 * zeros("zeros"), "it is an array of zeros"),
        ("step", "return", 2 * zeros("words"), SHAPE),
        (
            "step",
            "return",
            2 * swapped("h", "state.h", "state.c", "c"),
            "all have the same dtype, and the function reads only the dtype",
        ),
    ],
    "log_bilinear": [
        ("init_params", "V =", zeros("log_frequencies"), SHAPE),
        ("windows", "return", zeros("padded"), SHAPE),
        ("predict_forward", "image_terms =", zeros("abar"), SHAPE),
        ("predict_forward", "word_terms =", 2 * ["2 where 1 belongs"], NEGATIVE),
        ("predict_backward", "drows =", ["2 where 1 belongs"], NEGATIVE),
        ("predict_backward", "dEy =", ["2 where 1 belongs"], NEGATIVE),
        ("predict_backward", "dC =", ["2 where 1 belongs"], NEGATIVE),
        ("predict_backward", "dC =", zeros("drows"), SHAPE),
        ("predict_backward", "dimage_terms =", ["2 where 1 belongs"], NEGATIVE),
        ("predict_backward", "dimage_terms =", 2 * zeros("abar"), SHAPE),
        ("begin", "return", zeros("a"), SHAPE),
        ("step", "return", 2 * zeros("words"), SHAPE),
    ],
    "brnn": [
        ("init_params", "V =", zeros("log_frequencies"), SHAPE),
        ("init_params", '"E":', ["-0.5 where 0.5 belongs"], "a normal distribution about 0 is symmetric"),
        ("init_params", '"W_hh":', ["the factor `np.eye(S)` occurs twice"], ZERO_ONE),
        ("decode_forward", "u[0] +=", zeros("a"), SHAPE),
        (
            *("decode_forward", "h, cache_rnn"),
            ["1 where 0 belongs", "-1 where 0 belongs", *swapped("u", "mask_h")],
            SAME_SHAPE,
        ),
        ("decode_backward", "db_v =", ["2 where 1 belongs"], NEGATIVE),
        (
            *("decode_backward", "db_v ="),
            swapped("du", "cache.rnn.h_before", "cache.dropout.mask", "cache.output.x", "ddropped"),
            SAME_SHAPE,
        ),
        ("step", "empty, ones", [*2 * zeros("words"), *2 * swapped("h", "state.h", "state.image", "u")], SHAPE),
        ("step", "return", ["the sign of `empty` is flipped"], "it has no entries"),
        ("step", "return", swapped("state.image", "state.h", "u", "h"), SAME_SHAPE),
    ],
    "visual_memory": [
        ("init_params", "words =", zeros("log_frequencies"), SHAPE),
        ("init_params", '"E":', ["-0.5 where 0.5 belongs"], "a normal distribution about 0 is symmetric"),
        ("decode_forward", "V =", zeros("a"), SHAPE),
        ("decode_forward", "x =", zeros("words"), SHAPE),
        *(
            (function, line, count * zeros("zeros"), "it is an array of zeros")
            for function, line, count in (
                ("decode_forward", "s, _, cache_s", 2),
                ("decode_forward", "u, _, cache_u", 2),
                ("decode_backward", "dEy_u, _, _", 1),
                ("decode_backward", "dx, _, _", 1),
                ("begin", "return", 4),
                ("reconstruct", "u, _, _", 2),
            )
        ),
        (
            *("decode_backward", "zeros ="),
            [
                *("1 where 0 belongs", "-1 where 0 belongs"),
                *swapped("ds", "cache.r.x", "du", "du_reconstruction"),
            ],
            SAME_SHAPE,
        ),
        ("decode_backward", "dabar =", ["2 where 1 belongs"], NEGATIVE),
        ("begin", "zeros =", zeros("a"), SHAPE),
        ("step", "x =", ["the minus of `-1` is missing"], LAST_AXIS),
        ("step", "logits, _", ["the minus of `-1` is missing"], LAST_AXIS),
        (
            *("step", "empty, ones"),
            [
                *2 * zeros("words"),
                *2 * swapped("s", "state.s", "state.s_cell", "state.u", "state.u_cell", "s_cell", "u", "u_cell"),
            ],
            SHAPE,
        ),
        ("step", "return", ["the sign of `empty` is flipped"], "it has no entries"),
    ],
    "masking": [
        *(
            (function, line, [f"{axis} where 1 belongs" for axis in (2, 0)], SHARED)
            for function, line in (("choose", "order ="), ("hide", "kind ="), ("hide", "others ="))
        ),
        ("choose", "count =", exchanged("np.rint(rate * real.sum(axis=0))", "1"), COMMUTES),
        (
            *("choose", "order ="),
            ["`real != 0` where `real > 0` belongs", *(f"{n} where 2.0 belongs" for n in ("1", "4.0", "3.0"))],
            "real is 0 or 1, and every number from 1 on is larger than the random ones",
        ),
        ("hide", "kind =", swapped("words", "choice"), SAME_SHAPE),
        (
            *("hide", "others ="),
            ["`V` is one too many", "`V` is one too few", *swapped("words", "choice", "kind")],
            f"one of many words; {SAME_SHAPE}",
        ),
        ("hide", "hidden =", ["`kind <= MASKED` where `kind < MASKED` belongs"], "no random number equals it"),
        (
            *("hide", "return"),
            [
                "`kind > MASKED` where `kind >= MASKED` belongs",
                *(
                    f"`kind {sign} MASKED + REPLACED` where `kind < MASKED + REPLACED` belongs"
                    for sign in (">", ">=", "<=")
                ),
            ],
            "no random number equals it, and as many words are replaced as stay",
        ),
    ],
    "gelu": [],
    "masks": [
        ("bidirectional", "sees =", ["`real != 0` where `real > 0` belongs"], "real is 0 or 1"),
        ("bidirectional", "return", ["-1 where 0 belongs"], ONE),
    ],
    "masked_words": [
        *(
            (f"masked_words_{way}", line, zeros("own"), SHAPE)
            for way, line in (("forward", "loss ="), ("backward", "dlogits[choice]"))
        ),
        ("masked_words_backward", "difference[np", zeros("own"), SHAPE),
        (
            *("masked_words_backward", "dlogits[choice]"),
            ["the brackets of `difference * (dloss / len(own))` are in the wrong place"],
            IN_BRACKETS,
        ),
        (
            *("masked_words_backward", "dlogits ="),
            [*swapped("choice", "targets"), *2 * swapped("log_p", "difference")],
            SAME_SHAPE,
        ),
    ],
    "layer_norm": [
        (
            "layer_norm_forward",
            "y =",
            ["the brackets of `gamma * ((x - mean) / std)` are in the wrong place"],
            IN_BRACKETS,
        ),
        ("layer_norm_backward", "rows =", swapped("x", "dy"), SAME_SHAPE),
    ],
    "self_attention": [
        ("project_forward", "y =", [*exchanged("S", "heads * K"), *ignored("S", *2 * ("heads", "K"))], TO_FIND),
        ("project_backward", "S, heads, K =", exchanged("heads", "K"), COMMUTES),
        ("project_backward", "rows, drows =", 2 * ["2 where 1 belongs"], NEGATIVE),
        ("project_backward", "dx =", [*exchanged("S", "heads * K"), *ignored("S", "heads", "K")], TO_FIND),
        ("attend_forward", "q_rows,", exchanged("1", "2"), COMMUTES),
        ("attend_forward", "e =", [*exchanged("2", "3"), *swapped("q", "k", "v")], f"{COMMUTES}, or {SAME_SHAPE}"),
        (
            *("attend_forward", "e ="),
            ["the brackets of `q_rows @ k_rows.swapaxes(2, 3) / math.sqrt(q.shape[3])` are in the wrong place"],
            IN_BRACKETS,
        ),
        ("attend_forward", "e =", ["the term `mask[:, None]` occurs twice"], "-20000 hides as well as -10000"),
        ("attend_forward", "return", exchanged("1", "2"), COMMUTES),
        ("attend_backward", "q_rows,", exchanged("1", "2"), COMMUTES),
        *(("attend_backward", line, exchanged("2", "3"), COMMUTES) for line in ("dv =", "dp =", "dk =")),
        ("attend_backward", "dproduct =", swapped("do", "cache.q", "cache.k", "cache.v"), SAME_SHAPE),
        ("attend_backward", "return", exchanged("1", "2"), COMMUTES),
        ("self_attention_forward", "y, cache_output", ["2 where 1 belongs", *swapped("o", "q")], SAME_SHAPE),
        (
            *("self_attention_backward", "dx[:, -dx_q"),
            [
                *swapped("dx_q", "dy", "cache.q.x", "cache.output.x", "do"),
            ],
            SAME_SHAPE,
        ),
    ],
    "transformer_block": [
        ("init_params", "**{name: weights(S, heads", ["`S` is one too many"], "heads divides S"),
        (
            *("block_backward", "dx[:, -dh"),
            swapped(
                "dh",
                *("dy", "cache.attention.q.x", "cache.attention.output.x", "cache.norm_2.x"),
                *("cache.feed_forward.inner.x", "dfed", "dattended"),
            ),
            SAME_SHAPE,
        ),
    ],
    "token_shift": [
        *(
            (
                f"token_shift_{name}",
                "for t",
                ["`words` is not carried from step to step: each step starts from the first value"],
                IN_PLACE,
            )
            for name in ("forward", "backward")
        ),
        ("_captions", "return", zeros("x"), SHAPE),
        ("_captions", "return", ["2 where 1 belongs"], NEGATIVE),
    ],
    "transformer": [
        ("init_params", "V =", zeros("log_frequencies"), SHAPE),
        ("decode_forward", "mask =", ["`B` is one too many"], "N divides B, and the quotient is rounded down"),
        ("join", "return", ["2 where 1 belongs"], NEGATIVE),
        *((name, "return", [*exchanged("0", "1"), "2 where 1 belongs"], NEGATIVE) for name in ("by_word", "by_image")),
        (
            *("begin_after", "_, cache ="),
            ["`P` is ignored: 1 replaces it"],
            "zeros of this shape are broadcast to the right one",
        ),
        ("begin_after", "regions, nothing", ["1 where 0 belongs", "-1 where 0 belongs"], SHAPE),
        ("begin_after", "regions, nothing", swapped("shared", "cache.norm.x"), SAME_SHAPE),
        ("begin_after", "return", exchanged("memory.k[:, :0]", "memory.v[:, :0]"), "both are empty"),
        ("begin_after", "return", zeros("nothing"), "it is zero"),
        ("step", "t, L =", 2 * ["-1 where 0 belongs"], SAME_SHAPE),
        (
            *("step", "x ="),
            [
                *("`t` is one too many", "2 where 1 belongs", "`t` is ignored: -1, the last index, replaces it"),
                *("the term `t` occurs twice", "the term `1` occurs twice", *swapped("t", "L", "S")),
            ],
            "a longer table begins alike, and only row t is read",
        ),
        ("attention_map", "to_regions =", exchanged("0", "1"), COMMUTES),
        ("attention_map", "beta =", ["the sum of `alpha` goes over axis -1 instead of axis 1"], LAST_AXIS),
    ],
    "stack": [
        ("dropout_masks", "rng =", ["1 where 0 belongs", "-1 where 0 belongs"], SHARED),
        ("stack_forward", "blocks, shifts,", exchanged("shifts", "caches"), EMPTY),
        ("stack_forward", "if T", swapped("T", "first"), "an image has regions before its words"),
        ("stack_step", 'if "c"', ["`'c' != block` where `'c' in block` belongs"], "test_vlp.py has blocks without c"),
        ("stack_step", "h =", ["`own_block.last` where `x` belongs"], "it is x"),
        ("stack_forward", "rows =", ["`k != len(blocks)` where `k < len(blocks)` belongs"], "k is never larger"),
        ("_append", "return", exchanged("rows", "row[:, None]"), "attention does not depend on the order"),
        ("_attend_step", "(B, heads, K), (N", swapped("shared.k", "shared.v"), SAME_SHAPE),
        (
            *("_attend_step", "by_image ="),
            [*exchanged("1", "2"), "`B` is one too many", *ignored("N", "B", "N", "heads", "K")],
            TO_FIND,
        ),
        ("_attend_step", "e_shared =", [*exchanged("1", "2"), *ignored("B", "heads", "L")], TO_FIND),
        (
            *("_attend_step", "p_shared ="),
            [*exchanged("1", "2"), "`B` is one too many", *ignored("N", "B", "N", "heads", "L")],
            TO_FIND,
        ),
        ("_attend_step", "o = (p_shared", [*2 * exchanged("1", "2"), *ignored("B", "heads", "K")], TO_FIND),
        ("_attend_step", "o = o +", [*exchanged("1", "2"), "-1 where 0 belongs"], f"{COMMUTES}, or {ONE}"),
        ("_attend_step", "e_own =", ["-1 where 0 belongs"], ONE),
        ("_attend_step", "return", ignored("B", "heads", "K"), TO_FIND),
    ],
    "rnn": [
        ("rnn_sequence_forward", "h_before, h_all", exchanged("h_before", "h_all"), "both are overwritten"),
        ("rnn_sequence_forward", "for t", [*zeros("u"), *swapped("u", "h_before", "h_all")], SAME_SHAPE),
        ("rnn_sequence_backward", "for t", [*zeros("dh_all"), *swapped("dh_all", "h_before", "du")], SAME_SHAPE),
        (
            *("rnn_sequence_backward", "du, dh"),
            [
                *("1 where 0 belongs", "-1 where 0 belongs"),
                *2 * swapped("dh_all", "h_before"),
                *swapped("h_before", "dh_all"),
            ],
            SAME_SHAPE,
        ),
    ],
    "reconstruction": [
        ("reconstruction_forward", "difference =", zeros("V"), SHAPE),
        ("reconstruction_forward", "difference =", ["`B` is one too many"], "N still divides it as often"),
        ("reconstruction_forward", "loss =", ["the factor `mask[..., None]` occurs twice"], ZERO_ONE),
        ("reconstruction_backward", "B, D =", exchanged("B", "D"), COMMUTES),
        (
            "reconstruction_backward",
            "return",
            ["the brackets of `2 * dloss / (B * D)` are in the wrong place"],
            IN_BRACKETS,
        ),
        ("reconstruction_backward", "return", ["the factor `mask[..., None]` occurs twice"], ZERO_ONE),
    ],
    "alignment": [
        (
            *("score_forward", "products ="),
            [*2 * ignored("K", "R", "T", "B", "H")],
            TO_FIND,
        ),
        ("score_forward", "largest =", ["-1 where 0 belongs"], ONE),
        ("score_forward", "S =", ["the factor `mask` occurs twice"], ZERO_ONE),
        ("score_backward", "(K, R, H)", exchanged("B", "_"), "the two are read only in a product of all"),
        ("score_backward", "dproducts =", ignored("K", "R", "T", "B"), TO_FIND),
        ("score_backward", "np.put_along_axis", ["the factor `mask` occurs twice"], ZERO_ONE),
        ("score_backward", "dv =", ignored("T", "B", "H"), TO_FIND),
        ("score_backward", "ds =", ignored("K", "R", "H"), TO_FIND),
        (
            *("margin_forward", "K, right"),
            ["`~np.eye(len(S), dtype=bool)` is transposed", *2 * zeros("S")],
            "the matrix is symmetric, and len reads only the shape",
        ),
        (
            *("margin_backward", "dS[np"),
            ["the sum of `over_sentences` goes over axis -1 instead of axis 1"],
            LAST_AXIS,
        ),
        ("margin_backward", "return", ["the brackets of `dS * (dloss / K)` are in the wrong place"], IN_BRACKETS),
        ("margin_backward", "K =", [*zeros("over_sentences"), *swapped("over_sentences", "over_images")], SAME_SHAPE),
    ],
    "bidirectional": [
        ("init_params", '"E":', ["-0.5 where 0.5 belongs"], "a normal distribution about 0 is symmetric"),
        ("init_params", '"W_e":', 2 * ["the factor `np.eye(H)` occurs twice"], ZERO_ONE),
        ("encode_forward", "order =", zeros("words"), SHAPE),
        ("encode_forward", "ahead, cache_ahead", zeros("start"), "it is an array of zeros"),
        ("encode_forward", "back, cache_back", zeros("start"), "it is an array of zeros"),
        (
            *("encode_forward", "start ="),
            ["1 where 0 belongs", "-1 where 0 belongs", *swapped("e", "affine")],
            SAME_SHAPE,
        ),
        (
            *("_from_right_to_left", "return"),
            ["`t <= lengths` where `t < lengths` belongs", "`t != lengths` where `t < lengths` belongs"],
            "they differ at padding only, where any order will do",
        ),
    ],
    "skip_gram": [
        (
            *("skip_gram_forward", "loss ="),
            [
                "the sum of `np.logaddexp(0, scores[:, 1:])` goes over axis -1 instead of axis 1",
                *exchanged("0", "-scores[:, 0]"),
                *exchanged("0", "scores[:, 1:]"),
            ],
            "both numbers mean the same axis, and logaddexp is symmetric",
        ),
        ("skip_gram_backward", "dscores *=", zeros("v"), SHAPE),
    ],
    "glove": [
        (
            *("glove_forward", "difference ="),
            ["the sum of `w * w_tilde` goes over axis -1 instead of axis 1"],
            LAST_AXIS,
        ),
        (
            *("glove_forward", "difference ="),
            ["the brackets of `(w * w_tilde).sum(axis=1) + b + b_tilde - np.log(counts)` are in the wrong place"],
            IN_BRACKETS,
        ),
        ("glove_forward", "weight =", exchanged("1", "counts / largest"), COMMUTES),
        ("glove_forward", "return", exchanged("difference", "weight"), "the backward pass needs only their product"),
        ("glove_backward", "w, w_tilde,", exchanged("difference", "weight"), "only their product counts"),
        ("glove_backward", "return", exchanged("dscore", "dscore.copy()"), "they have the same values"),
        ("glove_backward", "dscore =", ["the brackets of `2 * dloss / len(w)` are in the wrong place"], IN_BRACKETS),
        ("glove_backward", "dscore =", [*zeros("w"), *swapped("w", "w_tilde")], SHAPE),
    ],
    "noisy_or": [
        (
            *("noisy_or_forward", "log_not_p ="),
            exchanged("softplus(z).sum(axis=1)", "np.finfo(z.dtype).tiny"),
            COMMUTES,
        ),
        ("detection_forward", "loss =", [*zeros("labels"), *swapped("labels", "log_p", "log_not_p")], SAME_SHAPE),
        (
            *("detection_forward", "loss ="),
            ["the factor `labels` occurs twice", "the factor `1 - labels` occurs twice"],
            ZERO_ONE,
        ),
        ("detection_backward", "weight =", zeros("cache.labels"), SHAPE),
        (
            *("detection_backward", "return"),
            ["the factor `cache.labels` occurs twice", "the factor `1 - cache.labels` occurs twice"],
            ZERO_ONE,
        ),
        ("softplus", "return", exchanged("x", "0"), COMMUTES),
    ],
    "similarity": [
        (
            *("cosine_forward", "norm_I, norm_S ="),
            exchanged("np.linalg.norm(y, axis=1, keepdims=True)", "SMALLEST"),
            COMMUTES,
        ),
        (
            *("cosine_backward", "dy_I ="),
            ["the sum of `dunit_I * unit_I` goes over axis -1 instead of axis 1"],
            LAST_AXIS,
        ),
        (
            *("cosine_backward", "dy_S ="),
            ["the sum of `dunit_S * unit_S` goes over axis -1 instead of axis 1"],
            LAST_AXIS,
        ),
        ("contrast_forward", "right =", ignored("N", "N", "B"), TO_FIND),
        (
            "contrast_forward",
            "own =",
            ["`B` is one too many"],
            "the last number has no caption, or N divides it as often",
        ),
        (
            "contrast_backward",
            "own =",
            ["`B` is one too many"],
            "the last number has no caption, or N divides it as often",
        ),
        ("contrast_backward", "dR =", ["the sum of `error` goes over axis -1 instead of axis 1"], LAST_AXIS),
        (
            *("contrast_backward", "return"),
            [
                "the brackets of `dR * (dloss * gamma / B)` are in the wrong place",
                "the brackets of `dloss * gamma / B` are in the wrong place",
            ],
            IN_BRACKETS,
        ),
    ],
    "assignment": [
        ("assign", "u, v, row_of =", ["2 where 1 belongs"], "every negative number means a free column"),
        (
            *("assign", "for new in"),
            [
                f"`{name}` is not carried from step to step: each step starts from the first value"
                for name in ("u", "v", "row_of")
            ],
            IN_PLACE,
        ),
        ("_shortest_path", "C =", zeros("row_of"), "the function reads only its length"),
        (
            *("_shortest_path", "for _ in range(new + 1)"),
            [
                f"`{name}` is not carried from step to step: each step starts from the first value"
                for name in ("length", "is_final")
            ],
            IN_PLACE,
        ),
        (
            *("_shortest_path", "for _ in range(new + 1)"),
            [
                *("`new` is one too many", "2 where 1 belongs", *swapped("new", "C")),
                *("the term `new` occurs twice", "the term `1` occurs twice"),
            ],
            "the loop ends before at a free column",
        ),
        (
            *("_shortest_path", "is_shorter ="),
            ["`total + reduced[row] <= length` where `total + reduced[row] < length` belongs"],
            "of two paths of the same length, either is the shortest",
        ),
        (
            *("_shortest_path", "length, before, is_final ="),
            ["the minus of `-1` is missing", "0 where 1 belongs", "2 where 1 belongs"],
            "the columns of a path all have a column before them",
        ),
        ("_shortest_path", "row, column, total =", ["2 where 1 belongs"], "every negative number means no column"),
        (
            "_shortest_path",
            "for _ in range(new):",
            ["`new` is one too many", *swapped("new", "C")],
            "the path has ended",
        ),
    ],
    "set_loss": [
        (
            *("match", "for n in"),
            [
                "`hidden.sum(axis=0) >= 1` where `hidden.sum(axis=0) > 1` belongs",
                "`hidden.sum(axis=0) != 1` where `hidden.sum(axis=0) > 1` belongs",
                "0 where 1 belongs",
            ],
            "none or one place has a single assignment",
        ),
        (
            *("match", "a ="),
            [*2 * ["the term `1` is missing"], "2 where 1 belongs", "0 where 1 belongs"],
            "a constant in all costs changes no assignment",
        ),
        ("match", "a =", swapped("tags", "targets"), "they are equal until the assignment is known"),
        ("match", "targets[places, n] =", swapped("tags", "targets"), "they are equal until the assignment is known"),
    ],
    "maximum_entropy": [
        ("maximum_entropy_forward", "logits[:, end] +=", ["the factor `~detected.any(axis=1)` occurs twice"], ZERO_ONE),
        ("maximum_entropy_forward", "places =", swapped("logits", "log_p", "detected"), SAME_SHAPE),
        ("maximum_entropy_forward", "logits +=", 2 * swapped("logits", "log_p", "detected"), SAME_SHAPE),
        ("maximum_entropy_backward", "inside =", ["the factor `detected` occurs twice"], ZERO_ONE),
        (
            *("maximum_entropy_backward", "rows ="),
            ["the factor `detected[ngrams.position, ngrams.word].astype(int)` occurs twice"],
            ZERO_ONE,
        ),
        ("maximum_entropy_backward", "dngram =", ignored("K"), TO_FIND),
        (
            *("maximum_entropy_backward", "devidence ="),
            swapped("detected", "inside"),
            "it is 0 where `detected` is false, and only that is read",
        ),
        (
            *("maximum_entropy_backward", "return"),
            2 * swapped("dlogits", "log_p", "inside"),
            "the three have the same dtype, and the function reads only the dtype",
        ),
    ],
    "viterbi": [
        ("viterbi", "before =", ["`T` is one too many"], "only its rows 1 to T - 1 are used"),
        (
            *("viterbi", "stay ="),
            ["`best + beta > best[first]` where `best + beta >= best[first]` belongs"],
            "of equal sums, either is the largest",
        ),
        (
            "viterbi",
            "for t in reversed",
            ["`a` is not carried from step to step: each step starts from the first value"],
            IN_PLACE,
        ),
    ],
    "detector": [
        (
            *("init_params", "W_d ="),
            ["the brackets of `0.01 * (rng.standard_normal((D, V)) / np.sqrt(D))` are in the wrong place"],
            IN_BRACKETS,
        ),
        (
            *("init_params", "W_d ="),
            ["`D` is one too many", "`D` is one too few"],
            "the tests cannot tell the two standard deviations apart",
        ),
        ("base_rates", "return", zeros("labels"), SHAPE),
        (
            *("detected_words", "detected ="),
            [
                "`log_p >= np.log(THRESHOLD)` where `log_p > np.log(THRESHOLD)` belongs",
                "`params['base_rates'] <= FUNCTION_WORD` where `params['base_rates'] < FUNCTION_WORD` belongs",
            ],
            "no number of a model is exactly at the limit",
        ),
    ],
    "language": [
        (
            "count_ngrams",
            "shorter[:, : N - n]",
            2 * ["the term `N` is missing"],
            "-n counts from the end: N is the width",
        ),
        ("count_ngrams", "ngrams, counts = []", exchanged("ngrams", "counts"), EMPTY),
        ("count_ngrams", "empty =", zeros("most"), SHAPE),
        (
            *("count_ngrams", "for n in"),
            [
                f"`{name}` is not carried from step to step: each step starts from the first value"
                for name in ("ngrams", "counts")
            ],
            IN_PLACE,
        ),
        ("active_ngrams", "positions =", [*zeros("histories"), *swapped("histories", "shorter")], SAME_SHAPE),
        ("active_ngrams", "offsets =", zeros("positions"), SHAPE),
        (
            *("active_ngrams", "shorter[:, : N - n]"),
            ["`n` is one too many"],
            "the bigrams then come last, because -1 counts from the end",
        ),
        (
            *("_numbers", "numbers = numbers"),
            [
                *2 * ["the term `NONE` is missing"],
                "the sign of `NONE` is flipped",
                "the brackets of `numbers * (V + 1) + (column - NONE)` are in the wrong place",
                "`V` is one too many",
                "2 where 1 belongs",
                *(f"the term `{term}` occurs twice" for term in ("numbers * (V + 1)", "column - NONE", "V", "1")),
                *(f"the factor `{factor}` occurs twice" for factor in ("numbers", "V + 1")),
            ],
            "the numbers are others, in the same order",
        ),
        ("_numbers", "numbers = np.zeros", zeros("words"), SHAPE),
        ("decode_forward", "captions_per_image =", zeros("log_p"), SHAPE),
        (
            *("decode_forward", "history ="),
            [
                "`(words[..., None] == np.arange(V)).cumsum(axis=0) != 0` where "
                "`(words[..., None] == np.arange(V)).cumsum(axis=0) > 0` belongs"
            ],
            "a count is never negative",
        ),
        ("decode_forward", "logits, cache =", ["2 where 1 belongs", *2 * ignored("T", "B", "V")], TO_FIND),
        ("decode_forward", "return", ignored("T", "B", "V"), TO_FIND),
        ("decode_backward", "dweights =", ["2 where 1 belongs"], NEGATIVE),
        ("begin", "unsaid =", ["the sum of `detected` goes over axis -1 instead of axis 1"], LAST_AXIS),
        ("begin", "return", [*zeros("log_p"), *swapped("log_p", "detected")], SAME_SHAPE),
        ("step", "logits[detected", ["the sum of `detected` goes over axis -1 instead of axis 1"], LAST_AXIS),
        ("step", "detected[np", [*zeros("words"), *swapped("words", "state.unsaid")], SAME_SHAPE),
        ("_logits", "ngrams =", swapped("log_p", "detected"), SAME_SHAPE),
    ],
    "matching": [
        ("init_params", '"E":', ["-0.5 where 0.5 belongs"], "a normal distribution about 0 is symmetric"),
        ("image_forward", "x =", [*zeros("a"), "2 where 1 belongs"], f"{SHAPE}, and {NEGATIVE}"),
        (
            *("caption_forward", "hidden, cache_first ="),
            ["2 where 1 belongs", *swapped("words", "targets", "mask", "following")],
            f"{SAME_SHAPE}, and {NEGATIVE}",
        ),
        ("caption_forward", "total =", ["the factor `mask[..., None]` occurs twice"], ZERO_ONE),
        ("caption_forward", "following =", swapped("targets", "words"), SAME_SHAPE),
        (
            *("caption_backward", "dE ="),
            [
                "the minus of `-1` is missing",
                *exchanged("*dwindows.shape[:-1]", "WINDOW", "-1"),
                *("2 where 1 belongs", "0 where 1 belongs", "2 where 1 belongs"),
                *swapped("dwindows", "cache.first.x"),
            ],
            "the gradient is reshaped to rows of E whatever its other axes are",
        ),
        ("caption_backward", "dhidden =", ["the factor `cache.mask[..., None]` occurs twice"], ZERO_ONE),
        ("quarters", "return shares", ["the sum of `shares` goes over axis -1 instead of axis 1"], LAST_AXIS),
        ("quarters", "first =", exchanged("side / 2 - np.arange(side)", "0"), COMMUTES),
        (
            *("quarters", "shares ="),
            ["blocks 3 and 4 of `shares` (of i, f, o, g) are swapped", *ignored("L")],
            f"both blocks are in the lower half, or {TO_FIND}",
        ),
        ("quarters", "if side", ["`side * side < L` where `side * side != L` belongs"], "the root is rounded down"),
        ("quarters", "side =", ["`L` is one too many"], "no two squares above 0 are neighbors"),
    ],
    "ranking": [
        (
            *("features", "word_counts ="),
            exchanged("MOST_SAID", "int(detected[list(set(numbers))].sum())"),
            COMMUTES,
        ),
    ],
    "vivo": [
        (
            *("shuffle", "pairs ="),
            [*zeros("tags"), "2 where 1 belongs"],
            f"the function reads only its length, or {NEGATIVE}",
        ),
        (
            *("shuffle", "is_tag ="),
            [
                "`pairs[..., 0] > scene_tags.NO_TAG` where `pairs[..., 0] != scene_tags.NO_TAG` belongs",
                *("1 where 0 belongs", "-1 where 0 belongs"),
            ],
            "the numbers of words are larger, and a tag has two words or none",
        ),
        ("shuffle", "order =", ["2.0 where 1.0 belongs"], "both are larger than every random number"),
        ("shuffle", "order =", ["1 where 0 belongs", "-1 where 0 belongs"], SHARED),
    ],
    "line_search": [
        ("upper_envelope", "lines, starts =", exchanged("lines", "starts"), EMPTY),
        ("upper_envelope", "start =", ["`rise != 0` where `rise > 0` belongs"], "no rise is negative"),
        ("line_search", "total, places, changes =", exchanged("places", "changes"), EMPTY),
        ("line_search", "for features, statistics", ["the loop over `lists` goes backwards"], COMMUTES),
        (
            "line_search",
            "qualities =",
            ["`right != left` where `right > left` belongs"],
            "no interval ends before it begins",
        ),
        ("line_search", "return 0.0", ["-1 where 0 belongs"], "there is a single quality"),
    ],
    "reader": [
        ("encode_forward", "zeros =", zeros("sources"), SHAPE),
        ("encode_forward", "ahead, _, cache_ahead =", 2 * zeros("zeros"), "it is an array of zeros"),
        ("encode_forward", "back, _, cache_back =", 2 * zeros("zeros"), "it is an array of zeros"),
        ("encode_forward", "a =", exchanged("0", "1"), COMMUTES),
        ("encode_backward", "dahead, dback =", exchanged("0", "1"), COMMUTES),
        (
            "encode_backward",
            "zeros, grads =",
            ["-1 where 0 belongs"],
            "all words have the same shape, and the function reads only the shape",
        ),
        ("encode_backward", "zeros, grads =", swapped("dahead", "dback"), SAME_SHAPE),
        ("encode_backward", "dEx_ahead, _, _", zeros("zeros"), "it is an array of zeros"),
        ("encode_backward", "dEx_back, _, _", zeros("zeros"), "it is an array of zeros"),
    ],
    "last_state": [],
    "neighbors": [
        ("cosine_similarity", "return", ["`lengths != 0` where `lengths > 0` belongs"], "a length is never negative"),
        ("cosine_similarity", "return", ["2 where 1 belongs"], "the dividend is 0"),
        ("analogy", "words = order", exchanged("a", "b", "c"), COMMUTES),
        (
            "principal_axes",
            "centered =",
            ["the sign of `E - E.mean(axis=0)` is flipped"],
            "the signs of the axes are fixed afterwards",
        ),
        (
            "principal_axes",
            "squares =",
            ["the sign of `s ** 2` is flipped"],
            "they are divided by their sum, whose sign flips, too",
        ),
        ("principal_axes", "shares =", ["2 where 1 belongs"], "the dividend is 0"),
        (
            *("principal_axes", "return (axes"),
            ["divided by `np.sign(largest)` instead of multiplied"],
            "it is 1 or -1, and equals its inverse",
        ),
    ],
}


@pytest.fixture(scope="module")
def results(request):
    """Run the edits of all selected modules, one process per core, and yield {name: Future of its Result}."""
    names = {item.callspec.params["name"] for item in request.session.items if item.module is request.module}
    with ThreadPoolExecutor(machine.THREADS) as pool:
        futures = {name: pool.submit(_run, name) for name in MODULES if name in names}
        yield futures
        pool.shutdown(cancel_futures=True)
    finished = [future.result() for future in futures.values() if not future.cancelled() and not future.exception()]
    edits, unnoticed = sum(result.edits for result in finished), sum(len(result.unnoticed) for result in finished)
    print(f"\n{edits} edits: {edits - unnoticed} noticed, {unnoticed} not")


def _run(name):
    module, expression, *file = MODULES[name]
    here = Path(__file__).parents[1]
    file = here / module.split(".")[1] / f"test_{file[0] if file else name}.py"
    command = [sys.executable, "-m", "tests.mutations", module, file, expression]
    done = subprocess.run(command, cwd=here.parent, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return mutations.Result(*json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in MODULES]
)
def test_every_edit_is_noticed(name, results):
    result = results[name].result()
    expected = [(function, line, mistake) for function, line, mistakes, _ in EQUIVALENT[name] for mistake in mistakes]
    unnoticed = []
    for function, line, mistake in result.unnoticed:
        entry = next((e for e in expected if e[0] == function and e[1] in line and e[2] == mistake), None)
        if entry:
            expected.remove(entry)
        else:
            unnoticed.append(f"{function}: {line}\n    {mistake}")
    print(
        f"\n{name}: {result.edits} edits; noticed: {result.errors} that raise an error and {result.numbers} that give "
        f"other results; {len(result.unnoticed)} change nothing ({result.tests} tests, {result.seconds:.1f} s)"
    )
    assert not unnoticed, f"test_{name}.py does not notice:\n" + "\n".join(unnoticed)
    assert not expected, f"EQUIVALENT lists edits that a test notices or that no longer exist: {expected}"
