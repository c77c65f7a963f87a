"""The decoder, back through time"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Facts
from numpy_sat.decoders import attend_tell
from numpy_sat.decoders.attentions import soft

FACTS = Facts(difficulty=3, minutes=90, builds_on=(9, 12, 28), chapter="decoder_through_time")

INTRO = """\
Goal            Send the gradient back through the whole decoder. This needs no new mathematics: call the layers'
                backward passes in reverse order, and add up the gradients of each array that has several uses.

Equations       per image   h_0, c_0 = tanh of affine maps of the mean annotation;   keys = a W_a + b_a
                per word    z  = attention(a, keys, h_{t-1}), with alpha         (B, D)      attention.attend_forward
                            z' = beta z, with beta from h_{t-1}                  (B, D)      attention.gate_forward
                            h_t, c_t from x = (E y_{t-1}, z'), h_{t-1}, c_{t-1}  (B, S)      lstm.lstm_forward
                all words   logits from E y_{t-1}, dropout of h_t, z'            (T, B, V)   output.output_forward
                 h_0 ---> word 1 ---> h_1 ---> word 2 ---> h_2 ---> word 3 ---> h_3
                                       |                    |                    |      h_2 has two uses, so dh_2 =
                                    logits_1             logits_2             logits_3  the gradient from logits_2
                                       |                    |                    |      + the gradient from word 3
                dh_0 <--- word 1 <--- dh_1 <-- word 2 <--- dh_2 <-- word 3 <--- dh_3
                da, dkeys and the gradients of the weights: each word adds its term

Worked example  The smallest recurrence, h_t = w h_{t-1}, with loss = h_1 + h_2 + h_3, h_0 = 1 and w = 2:
                dh_3 = 1   dh_2 = 3   dh_1 = 7      because dh_2 = 1 directly + w dh_3
                Find dh_0. Each word adds dh_t h_{t-1} to dw: find dw, the slope of w + w^2 + w^3 at 2.

Your task       1. recur_backward, one word: LSTM, gate, attention. Uses in a word: h_{t-1} by all three; z' by LSTM and
                   output (dz); alpha by z and by the penalty (dalpha). x holds E y_{t-1}, then z' (as wide as dz).
                2. decode_backward, all words, last first. a, keys and weights are used by every word, h_0 and c_0 by
                   all `each` captions of an image, side by side. a also makes the keys and h_0, c_0. Trap: arguments
                   must not change, so use += only on arrays that you created.

Given           attention.attend_backward(dz, dalpha, cache)   returns da, dkeys, dh, dW_h, dv
                attention.gate_backward(dgated, cache)         returns dz, dh, dw_beta, db_beta
                lstm.lstm_backward(dh, dc, cache)              returns dx, dh, dc, dW_x, dW_hh, db
                output.output_backward(dlogits, cache)         returns dEy, dh, dz, dL_h, dL_z, dL_o, db_o
                dropout_backward(dy, cache) returns dx, linear_backward(dy, cache) dx, dW, db, embedding_backward(dEy,
                cache) dE. Ignore `parts`. cache_start.keys is that of the affine map with W_a and b_a.
                cache_start.state is for attend_tell.first_state_backward(dh0, dc0, cache), which returns da, (N, D),
                the same for each location, and grads. grads is a dict by parameter name: "L_h", "E", "W_a" ...
"""

IMPORTS = """\
import numpy as np

from numpy_sat.decoders import attend_tell
from numpy_sat.layers import attention, dropout, embedding, linear, lstm, output"""

V, PARTS = 10, attend_tell.Parts(soft)
SIZES = [  # captions' words, N, L, D, M, S, A
    ((4, 2, 1, 3, 4, 2), 2, 3, 5, 7, 8, 9),
    ((2, 3, 3), 3, 4, 3, 3, 3, 3),  # one caption an image, square weights
    ((3, 1, 2), 1, 2, 6, 4, 3, 5),  # one image
    ((1, 1), 1, 3, 2, 3, 4, 5),  # one word
]


def _params(rng, D, M, S, A):
    """Return parameters from init_params, with random biases."""
    params = attend_tell.init_params(rng, D, M, S, A, rng.standard_normal(V), np.float64)
    return {name: array + 0.3 * rng.standard_normal(array.shape) for name, array in params.items()}


def recur_cases(rng):
    """Return one word from random states, with a random gradient of each result."""
    cases = []
    for lengths, N, L, D, M, S, A in SIZES:
        B = len(lengths)
        shapes = {"a": (N, L, D), "keys": (N, L, A), "Ey": (B, M), "h": (B, S), "c": (B, S)}
        inputs = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
        *_, cache = attend_tell.recur_forward(_params(rng, D, M, S, A), **inputs, parts=PARTS)
        gradient_shapes = {"dh": (B, S), "dc": (B, S), "dz": (B, D), "dalpha": (B, L)}
        gradients = {name: rng.standard_normal(shape) for name, shape in gradient_shapes.items()}
        cases.append({**gradients, "cache": cache})
    return cases


def decode_cases(rng):
    """Return captions of different lengths with repeated words; the gradients at padding are zero."""
    cases = []
    for lengths, N, L, D, M, S, A in SIZES:
        T, B = max(lengths), len(lengths)
        params = _params(rng, D, M, S, A)
        mask_h = np.where(rng.random((T, B, S)) < 0.3, 0, 1 / 0.7)
        words = rng.integers(V // 2, size=(T, B))
        logits, alpha, cache = attend_tell.decode_forward(params, rng.standard_normal((N, L, D)), words, mask_h, PARTS)
        mask = (np.arange(T)[:, None] < lengths)[..., None]
        douts = {"dlogits": rng.standard_normal(logits.shape) * mask, "dalpha": rng.standard_normal(alpha.shape) * mask}
        cases.append({**douts, "cache": cache})
    return cases


RECUR_EQUATIONS = {
    "dx": "(1) x = (E y, z') is the input of the LSTM: dx, dh_lstm, dc, dW_x, dW_hh, db = lstm_backward(dh, dc)",
    "dh_lstm": "(1) dh_lstm, the gradient of h_{t-1} through the LSTM",
    "M": "x = (E y, z'): M columns of the word, then D of the context",
    "dEy": "dEy = the first M columns of dx",
    "dgated": "dgated = dz, through the output, + the last D columns of dx, through the LSTM",
    "dcontext": "dcontext, the gradient of the context before the gate: from gate_backward(dgated)",
    "dh_gate": "dh_gate, the gradient of h_{t-1} through the gate: from gate_backward(dgated)",
    "dh_attend": "(4) dh_attend, the gradient of h_{t-1} through the attention: attend_backward(dcontext, dalpha)",
    "da": "(6) da of attend_backward(dcontext, dalpha)",
    "dkeys": "(4) dkeys of attend_backward(dcontext, dalpha)",
    "dh": "LSTM, gate and attention use h_{t-1}: dh = dh_lstm + dh_gate + dh_attend",
    "dc": "(2) dc, the gradient of c_{t-1} through the LSTM",
    "dW_x": "(1) dW_x of lstm_backward(dh, dc)",
    "dW_hh": "(1) dW_hh of lstm_backward(dh, dc)",
    "db": "(1) db of lstm_backward(dh, dc)",
    "dw_beta": "dw_beta of gate_backward(dgated)",
    "db_beta": "db_beta of gate_backward(dgated)",
    "dW_h": "(4) dW_h of attend_backward(dcontext, dalpha)",
    "dv": "(4) dv of attend_backward(dcontext, dalpha)",
    "grads": "grads: each weight's gradient by the weight's name",
}

DECODE_EQUATIONS = {
    "dEy": "dEy_t = the gradient through the output + the gradient through the recurrence of word t",
    "ddropped": "(7) ddropped, dz, dL_h, dL_z, dL_o, db_o and the first term of dEy = output_backward(dlogits)",
    "dz": "(7) dz of output_backward(dlogits), an argument of recur_backward",
    "dL_h": "(7) dL_h of output_backward(dlogits)",
    "dL_z": "(7) dL_z of output_backward(dlogits)",
    "dL_o": "(7) dL_o of output_backward(dlogits)",
    "db_o": "(7) db_o of output_backward(dlogits)",
    "dhs": "dhs = dropout_backward(ddropped): the gradient of each h_t through the output",
    "t": "from the last word to the first",
    "da_t": "recur_backward(dhs_t + dh, dc, dz_t, dalpha_t), with dh and dc from word t + 1",
    "dh": "dh of word t + 1 is added to dhs_t; 0 for the last word",
    "dc": "dc of word t + 1 goes to word t; 0 for the last word",
    "da": "da = the sum over words of da_t, + the term of keys, + the term of abar, the same at all L locations",
    "dkeys": "dkeys = the sum over words of dkeys_t, because all words use the same keys",
    "grads": "grads[name] = the sum over words of grads_t[name]; grads_start has those used once per image",
    "dE": "dE = embedding_backward(dEy): a word that occurs twice gets the sum of both gradients",
    "dh0": "dh0 of an image = the sum over its captions, side by side, of dh after the loop",
    "dc0": "dc0 of an image = the sum over its captions, side by side, of dc after the loop",
    "da_start": "da_start, dW_a, db_a = linear_backward(dkeys); dW_h0, ... and the term of abar = first_state_backward",
}
DECODE_EQUATIONS |= {
    f"d{name}": f"d{name} = the sum over words of recur_backward's" for name in ("W_x", "W_hh", "b", "W_h", "v")
}
DECODE_EQUATIONS |= {f"d{name}": f"d{name} = the sum over words of recur_backward's" for name in ("w_beta", "b_beta")}
DECODE_EQUATIONS |= {
    f"d{name}": f"d{name} of linear_backward(dkeys), dkeys summed over all words" for name in ("W_a", "b_a")
}
DECODE_EQUATIONS |= {
    f"d{name}": f"d{name} of first_state_backward(dh0, dc0)" for name in ("W_h0", "b_h0", "W_c0", "b_c0")
}

RECUR_MISTAKES = (
    Mistake("dh_lstm + dh_gate + dh_attend", "dh_lstm", "gate and attention use h_{t-1} as well"),
    Mistake(
        "np.ascontiguousarray(dx[:, :M]), dz + dx[:, M:]",
        "np.ascontiguousarray(dx[:, dz.shape[1] :]), dz + dx[:, : dz.shape[1]]",
        "x is (E y, z'), the word first, but dx is split as if the context came first",
    ),
)
DECODE_MISTAKES = (
    Mistake(
        "(dhs[t] + dh, dc,", "(dhs[t], dc,", "`dh` of word t + 1 is not added: h_t is read by word t + 1, too", "dh"
    ),
    Mistake("(dhs[t] + dh, dc,", "(dhs[t] + dh, 0 * dc,", "`dc` of word t + 1 is lost: zeros replace it", "dc"),
    Mistake("dropout.dropout_backward(ddropped, cache.dropout)", "ddropped", "the dropout of h_t is left out"),
    Mistake("dz[t], dalpha[t],", "dz[t], 0 * dalpha[t],", "dalpha, the attention penalty's gradient, is not passed on"),
    Mistake(
        "(dhs[t] + dh, dc,",
        "(dhs[t] + dh, dc if t < len(dhs) - 1 else dhs[t],",
        "dh and dc start as the same array, so += changes both",
    ),
    Mistake(
        "dEy[t] += dEy_t",
        "dEy[len(dhs) - 1 - t] += dEy_t",
        "the dEy_t are in the order of the loop, which runs from the last word to the first",
    ),
    Mistake(
        "grads[name] + gradient if name in grads else gradient",
        "(grads[name] if name in grads else 0) + gradient / len(dhs)",
        "a mean over the words where their sum belongs",
    ),
    Mistake(
        "d.reshape(-1, cache.each, d.shape[1]).sum(axis=1)",
        "d[:: cache.each]",
        "only the first caption of each image counts",
    ),
)

TASKS = (
    Task(
        attend_tell,
        "recur_backward",
        recur_cases,
        ("da", "dkeys", "dEy", "dh", "dc", "grads"),
        RECUR_EQUATIONS,
        mistakes=RECUR_MISTAKES,
    ),
    Task(attend_tell, "decode_backward", decode_cases, ("da", "grads"), DECODE_EQUATIONS, mistakes=DECODE_MISTAKES),
)

HINTS = {
    "recur_backward": (
        "Which three layers use the hidden state h_{t-1}? Which two use the gated context z'?",
        "dgated = dz + dx's last D columns;  dh = dh_lstm + dh_gate + dh_attend",
        "dh, dc are (B, S). dx is (B, M + D): dEy is its first M columns, the gated context's gradient the other D. "
        "dz and dcontext are (B, D), dalpha is (B, L), da is (N, L, D), dkeys is (N, L, A).",
        "lstm_backward first; M = dx.shape[1] - dz.shape[1]; then gate_backward(dz + dx[:, M:], cache_gate), whose "
        "dcontext goes to attend_backward. dx[:, :M] is a view of dx: np.ascontiguousarray copies it.",
    ),
    "decode_backward": (
        "Which arrays connect a word with the next word? Which arrays do all words of an image's captions share?",
        "recur_backward of word t takes dhs_t + dh and dc, with dh and dc from word t + 1;  da, dkeys and the weights "
        "sum over t;  dh0 = sum over the image's captions of dh",
        "dlogits is (T, B, V), dhs is (T, B, S), dz is (T, B, D), dEy is (T, B, M): row t belongs to word t. dh and "
        "dc are (B, S) at each step; dh0 and dc0 are (N, S). da is (N, L, D), dkeys is (N, L, A).",
        "for t in reversed(range(T)): da_t, dkeys_t, dEy_t, dh, dc, grads_t = recur_backward(dhs[t] + dh, dc, dz[t], "
        "dalpha[t], steps[t]); at the end dh.reshape(-1, each, S).sum(axis=1) is dh0.",
    ),
}


def pencil():
    """Return no examples: the recurrence of the page's worked example is not computed by a function of the file."""
    return []
