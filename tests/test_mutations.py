"""Our own tests, tested: every edit of the fault dictionary (check/faults.py) fails a test of its layer.

A backward pass with a transpose dropped, an axis or a sign wrong: each such edit of each function is put in the
library's place, and the tests of that layer must notice. What they cannot notice is in EQUIVALENT, with the reason why
such an edit changes no result. The work is done in a process a module (mutations.py).
"""

import itertools
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mutations
import pytest

from numpy_sat import machine

# Those that take longest come first. Tests of the kernels say nothing here, for only what float64 runs is edited; and
# of the whole model only its quick tests are asked.
LAYER, PLAIN = "numpy_sat.layers", "not (float32 or one_pass or unfused or workspace)"
MODULES = {
    "conv": (f"{LAYER}.conv", PLAIN),
    "search": ("numpy_sat.search", PLAIN),
    "captioner": (
        "numpy_sat.decoders.attend_tell",
        "recurrence or step_by_step or mean_over or start or direction or first_state",
    ),
    **{layer: (f"{LAYER}.{layer}", PLAIN) for layer in ("lstm", "norm_block", "pool", "block", "attention", "losses")},
    "optim": ("numpy_sat.optim", PLAIN),
    **{
        layer: (f"{LAYER}.{layer}", PLAIN)
        for layer in ("batch_norm", "output", "activations", "linear", "softmax", "embedding", "dropout")
    },
}

NEGATIVE = "reshape takes any negative number for the one size that it is to find"
IN_BRACKETS = "the same product or sum in another order"
SHAPE = "only its shape is read"
SAME_SHAPE = "the two have one shape, and only that is read"
IN_PLACE = "it is changed in place"
ZERO_ONE = "it is 0 or 1, and so is its square"
COMMUTES = "the order of the two does not matter"
EMPTY = "both are empty lists"
LAST_AXIS = "the same axis"
ONE = "an axis of one element"


def exchanged(*names):
    return [f"`{one}` and `{other}` are in each other's place" for one, other in itertools.combinations(names, 2)]


def swapped(name, *others):
    return [f"`{other}` where `{name}` belongs" for other in others]


def zeros(*names):
    return [f"`{name}` is not passed on: zeros in its place" for name in names]


# {file of tests: [(function, what the line holds, mistakes as the dictionary words them, why they change no result)]};
# a mistake that can be made at several places of a line is there as often as it is not noticed.
EQUIVALENT = {
    "linear": [("linear_backward", "rows, drows =", 2 * ["2 where 1 belongs"], NEGATIVE)],
    "activations": [
        ("relu_forward", "np.maximum", exchanged("x", "0"), COMMUTES),
        ("relu_forward", "return y", swapped("y", "x"), "y > 0 where x > 0, and no more is asked"),
        ("relu_backward", "return", ["`cache.y != 0` where `cache.y > 0` belongs"], "y is never negative"),
        ("relu_backward", "return", ["the factor `cache.y > 0` is there twice"], ZERO_ONE),
    ],
    "softmax": [],
    "embedding": [
        ("embedding_forward", "return", zeros("E"), SHAPE),
        ("embedding_backward", "np.add.at", ["2 where 1 belongs"], NEGATIVE),
        ("embedding_backward", "np.add.at", swapped("E", "dE"), SAME_SHAPE),
    ],
    "dropout": [],
    "output": [
        ("output_backward", "rows =", ["2 where 1 belongs"], NEGATIVE),
        ("output_backward", "dz, dL_z =", ["2 where 1 belongs"], NEGATIVE),
        ("output_backward", "dh, dL_h =", ["2 where 1 belongs"], NEGATIVE),
        ("output_backward", "rows =", swapped("dinner", "cache.linear.x", "cache_linear.x"), SAME_SHAPE),
    ],
    "attention": [
        ("score_forward", "query =", ["2 where 1 belongs"], NEGATIVE),
        ("score_forward", "e =", ["2 where 1 belongs"], NEGATIVE),
        (
            *("score_backward", "de = de.reshape"),
            [f"`{size}` is ignored: -1, the last, in its place" for size in ("N", "each", "L")],
            "-1 is the size that reshape is to find",
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
    "block": [],
    "batch_norm": [
        ("batch_norm_backward", "axes, rows =", 3 * swapped("x", "dy"), SAME_SHAPE),
        ("batch_norm_backward", "dx =", ["the brackets of `x_hat * (dgamma / rows)` are elsewhere"], IN_BRACKETS),
    ],
    "norm_block": [("_conv_and_pool", "y, cache_conv =", zeros("no_bias"), "that is what it is")],
    "lstm": [
        ("lstm_forward", "S =", swapped("h", "c"), SAME_SHAPE),
        (
            *("lstm_backward", "S ="),
            swapped("h", "dh_next", "dc_next", "c", "cache.g.y", "cache.tanh_c.y", "cache_g.y", "cache_tanh_c.y"),
            SAME_SHAPE,
        ),
        ("lstm_sequence_forward", "h_all, steps =", zeros("x"), SHAPE),
        ("lstm_sequence_forward", "h_all, steps =", 2 * swapped("h", "c"), "the two have one shape and dtype"),
        ("lstm_sequence_forward", "for t", zeros("x"), SHAPE),
        ("lstm_sequence_backward", "dx =", zeros("dh_all"), SHAPE),
        ("lstm_sequence_backward", "dx =", ["-1 where 0 belongs"], "all steps have one shape, and only that is read"),
        ("lstm_sequence_backward", "for t", zeros("dh_all"), SHAPE),
    ],
    "losses": [
        ("cross_entropy_forward", "at_target =", ["-1 where 0 belongs"], ONE),
        ("cross_entropy_forward", "loss =", ["the factor `mask` is there twice"], ZERO_ONE),
        (
            *("cross_entropy_forward", "loss ="),
            swapped("targets", "mask", "log_sum", "mean", "at_target", "word"),
            SAME_SHAPE,
        ),
        (
            *("cross_entropy_backward", "weight ="),
            ["the brackets of `mask * (dloss / targets.shape[1])` are elsewhere"],
            IN_BRACKETS,
        ),
        ("cross_entropy_backward", "weight =", ["the factor `mask` is there twice"], ZERO_ONE),
        ("cross_entropy_backward", "weight =", swapped("targets", "log_sum", "mask"), SAME_SHAPE),
        ("word_log_probabilities", "at_target =", ["-1 where 0 belongs"], ONE),
        ("word_log_probabilities", "return", ["the factor `cache.mask` is there twice"], ZERO_ONE),
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
        ("doubly_stochastic_forward", "missing =", ["the factor `mask[..., None]` is there twice"], ZERO_ONE),
        ("doubly_stochastic_backward", "missing,", exchanged("missing", "scale"), COMMUTES),
        ("doubly_stochastic_backward", "return", ["the factor `mask[..., None]` is there twice"], ZERO_ONE),
    ],
    "pool": [
        ("max_pool_forward", "check_arguments", zeros("x"), SHAPE),
        (
            *("max_pool_forward", "for p, q"),
            ["`y` is not carried from step to step: each begins with the first one"],
            IN_PLACE,
        ),
        ("max_pool_backward", "for p, q", exchanged("p", "q"), "every pair comes once, in another order"),
        (
            *("max_pool_backward", "dx_padded ="),
            ["1 where 0 belongs", "-1 where 0 belongs"],
            "it is the value of the border, which is cut off",
        ),
        ("max_pool_backward", "cells +=", ["the factor `winner == p * window + q` is there twice"], ZERO_ONE),
    ],
    "conv": [
        ("conv_forward", "check_arguments", zeros("x", "W", "b"), SHAPE),
        ("conv_forward", "y =", zeros("x", "W"), SHAPE),
        ("conv_forward", "y +=", zeros("y"), SHAPE),
        (
            *("conv_forward", "for p, q"),
            ["`y` is not carried from step to step: each begins with the first one"],
            IN_PLACE,
        ),
        ("conv_parameter_gradients", "dW[p, q] =", zeros("dy"), SHAPE),
        ("conv_parameter_gradients", "for p, q", swapped("W", "dW"), SAME_SHAPE),
        ("conv_input_gradient", "dx_padded =", zeros("x"), SHAPE),
        ("conv_input_gradient", "dx_padded =", ["`padding` is one too many"], "what is more is cut off"),
        ("conv_input_gradient", "cells =", zeros("dy"), SHAPE),
        ("_pad", "return", 2 * ["`padding` is one too many"], "no window reaches a ring more below and on the right"),
        ("_output_shape", "return", ["the brackets of `size + 2 * padding - P` are elsewhere"], IN_BRACKETS),
        ("_output_shape", "return", zeros("x"), SHAPE),
    ],
    "optim": [
        ("clip_by_norm", "if", ["`norm >= largest` where `norm > largest` belongs"], "scaled by 1 where equal"),
        ("cosine_rate", "progress =", exchanged("1", "steps - warmup"), COMMUTES),
        ("cosine_rate", "return peak * (0.01", exchanged("1.0", "progress"), COMMUTES),
        (
            *("cosine_rate", "return peak * (step"),
            ["the brackets of `peak * (step + 1) / warmup` are elsewhere"],
            IN_BRACKETS,
        ),
        ("adam_update", "m, v =", zeros("g"), SHAPE),
        ("adam_update", "correction1,", 2 * ["-1 where 0 belongs"], ONE),
        (
            *("adam_update", "params[name] -="),
            ["the brackets of `rate / correction1 * m / (np.sqrt(v / correction2) + epsilon)` are elsewhere"],
            IN_BRACKETS,
        ),
        ("rmsprop_update", "(v,) =", zeros("g"), SHAPE),
        (
            *("rmsprop_update", "params[name] -="),
            ["the brackets of `rate * g / (np.sqrt(v) + epsilon)` are elsewhere"],
            IN_BRACKETS,
        ),
        ("_moments", "for", ["`which` is gone through backwards"], "every name comes once, in another order"),
    ],
    "search": [
        ("caption_pictures", "for", zeros("images"), SHAPE),
        ("beam_search", "N =", zeros("a"), SHAPE),
        ("beam_search", "words, scores =", ["`N` is ignored: 1 in its place"], "one score is taken for all pictures"),
        ("beam_search", "lengths =", ["`N` is ignored: 1 in its place"], "one length is taken for all pictures"),
        (
            *("beam_search", "history, best ="),
            2 * ["1 where 0 belongs", "-1 where 0 belongs"],
            "the last step at the latest puts a caption in its place",
        ),
        (
            *("beam_search", "for t"),
            [
                *("`max_words` is one too many", "the term `max_words` is there twice"),
                *("2 where 1 belongs", "the term `1` is there twice"),
            ],
            "the search ends when all captions are finished, after max_words + 1 steps at the latest",
        ),
        ("beam_search", "log_p =", ["2 where 1 belongs"], NEGATIVE),
        ("beam_search", "log_p =", swapped("words", "scores", "lengths", "done"), SAME_SHAPE),
        ("beam_search", "ban", ["`t <= 0` where `t == 0` belongs"], "t starts at 0"),
        ("beam_search", "ban", ["`t >= max_words` where `t == max_words` belongs"], "t ends there"),
        ("beam_search", "history.append", ["2 where 1 belongs"], NEGATIVE),
        (
            *("beam_search", "best ="),
            zeros("done"),
            "a caption that is noted once more ranks as it did, and of equals the earlier stays",
        ),
        ("beam_search", "best =", swapped("words", "done_now"), "<end> is word 1, and True is 1"),
        (
            *("beam_search", "if (done"),
            swapped("scores", "words", "lengths", "done", "parents", "done_now"),
            "it only ends a search earlier in which nothing can change any more",
        ),
        ("ban", "log_p[..., [START", exchanged("START", "UNK"), COMMUTES),
        (
            *("ban", "log_p[..., :END]"),
            ["2 where 1 belongs", "the term `1` is there twice", "the term `END` is there twice"],
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
            "an impossible caption's rank is -inf, which is no better than none",
        ),
        ("note_finished", "slots =", swapped("rank", "new"), "captions come the best first"),
        ("read_back", "words, alphas", exchanged("words", "alphas", "betas"), EMPTY),
    ],
    "captioner": [
        (
            *("init_params", "b = zeros"),
            [
                f"blocks {one} and {other} of `b` (of i, f, o, g) are in each other's place"
                for one, other in ((1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4))
            ],
            "all are zero still",
        ),
        ("init_params", "V =", zeros("log_frequencies"), SHAPE),
        ("init_params", '"E":', ["-0.5 where 0.5 belongs"], "a normal distribution about 0 is symmetric"),
        ("decode_forward", "hs, zs", exchanged("hs", "zs", "alphas", "steps"), EMPTY),
        (
            *("decode_forward", "for kept, value"),
            [
                *exchanged("(hs, h)", "(zs, z)", "(alphas, alpha)", "(steps, cache)"),
                "`((hs, h), (zs, z), (alphas, alpha), (steps, cache))` is gone through backwards",
            ],
            "every pair comes once, in another order",
        ),
        ("decode_forward", "each =", zeros("a"), SHAPE),
        (
            *("decode_backward", "dh = dc ="),
            ["1 where 0 belongs", "-1 where 0 belongs"],
            "all steps have one shape, and only that is read",
        ),
        (
            *("decode_backward", "dh = dc ="),
            swapped("dhs", "cache.dropout.mask", "cache.output.h", "ddropped"),
            SAME_SHAPE,
        ),
        ("decode_backward", "for t", zeros("dhs"), SHAPE),
        ("decode_backward", "for t", swapped("dhs", "cache.dropout.mask", "cache.output.h", "ddropped"), SAME_SHAPE),
        ("decode_backward", "dh0, dc0 =", ["2 where 1 belongs"], NEGATIVE),
        ("recur_forward", "z, cache_gate", swapped("h", "cache_attend.score.h"), "it is h"),
        ("recur_forward", "h, c, cache_lstm", swapped("h", "cache_attend.score.h", "cache_gate.h"), "it is h"),
        (
            *("recur_backward", "M ="),
            2 * ["the term `dx.shape[1]` is missing"],
            "M columns from the left are all but D from the right",
        ),
        (
            *("recur_backward", "M ="),
            ["`cache.lstm.x` where `dx` belongs", "`cache.gate.z` where `dz` belongs"],
            SAME_SHAPE,
        ),
    ],
}


@pytest.fixture(scope="module")
def results(request):
    """{file of tests: its Result, maybe still to come} of all modules that are asked for, as many at once as cores."""
    asked = {item.callspec.params["name"] for item in request.session.items if item.module is request.module}
    with ThreadPoolExecutor(machine.THREADS) as pool:
        results = {name: pool.submit(_run, name) for name in MODULES if name in asked}
        yield results
        pool.shutdown(cancel_futures=True)
    found = [future.result() for future in results.values() if not future.cancelled() and not future.exception()]
    edits, nothing = sum(result.edits for result in found), sum(len(result.unnoticed) for result in found)
    print(f"\n{edits} edits: {edits - nothing} noticed, {nothing} not")


def _run(name):
    module, expression = MODULES[name]
    here = Path(__file__).parent
    command = [sys.executable, here / "mutations.py", module, here / f"test_{name}.py", expression]
    done = subprocess.run(command, cwd=here.parent, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return mutations.Result(*json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("name", MODULES)
def test_every_edit_is_noticed(name, results):
    result = results[name].result()
    expected = [(function, line, mistake) for function, line, mistakes, _ in EQUIVALENT[name] for mistake in mistakes]
    unnoticed = []
    for function, line, mistake in result.unnoticed:
        known = next((e for e in expected if e[0] == function and e[1] in line and e[2] == mistake), None)
        if known:
            expected.remove(known)
        else:
            unnoticed.append(f"{function}: {line}\n    {mistake}")
    print(
        f"\n{name}: {result.edits} edits; noticed: {result.errors} that raise an error and {result.numbers} that give "
        f"other results; {len(result.unnoticed)} change nothing ({result.tests} tests, {result.seconds:.1f} s)"
    )
    assert not unnoticed, f"test_{name}.py does not notice:\n" + "\n".join(unnoticed)
    assert not expected, f"EQUIVALENT holds what is noticed or is no edit any more: {expected}"
