"""The decoder, back through time"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from numpy_sat.decoders import attend_tell
from numpy_sat.decoders.attentions import soft

INTRO = """\
To learn: whole networks have no new mathematics, only bookkeeping. All parts have their backward; what is left is to
call them in reverse order and to add up, wherever one thing was used in several places, what comes back from each.

Forward, of each image:  h_0, c_0 = tanh of affine maps of abar;  keys = a W_a + b_a
         for each word t:  z  = sum over i of alpha_i a_i, alpha from keys and h_{t-1}       attention.attend_forward
                           z' = beta z, beta from h_{t-1}                                    attention.gate_forward
                           h_t, c_t from x = (E y_{t-1}, z'), h_{t-1}, c_{t-1}               lstm.lstm_forward
         for all at once:  dropout of h_t;  logits from E y_{t-1}, dropped h_t, z'           output.output_forward

recur_backward is one word, decode_backward the whole. What was used twice or more, and so gathers gradients:
  in a word      h_{t-1}: by attention, gate, LSTM;    z': by LSTM and output;    alpha: by z and by the penalty
  between words  h_t: by the output and the next word;    a, keys and the weights: by every word
  at the start   h_0, c_0: by all `each` captions of the image, side by side;    a: by abar and the keys as well

Predict before you run. The slides' smallest recurrence is h_t = w h_{t-1}, from h_0 = 1 with w = 2 for three words,
loss = h_1 + h_2 + h_3. Going back, h_3 gets 1; h_2 gets 1 of its own and w * 1 = 2 by way of h_3, so 3. What do h_1
and h_0 get? Each word adds (gradient of h_t) * h_{t-1} to dw: what is dw? (h_1 gets 7; find h_0's, and dw, which must
be the slope of w + w^2 + w^3.) Both `=` for `+=` and a dh that is not carried on give dw = 7 here: see how.

The caches: RecurCache(parts, attend, gate, lstm); DecodeCache(parts, start, each, embedding, steps, dropout, output),
of which steps are the RecurCaches, and start is StartCache(state, keys): keys for linear.linear_backward, and state for
attend_tell.first_state_backward, whose gradient of a, (N, D), is the same at all L locations. parts says what the
decoder is made of; here always soft attention, with gate and deep output, so that you need not ask.

You may call every layer's backward, through its module. grads is a dict with the parameters' names. What you are
given must not change: += only on arrays that you have made."""

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
    """Those of init_params, with random biases as well."""
    params = attend_tell.init_params(rng, D, M, S, A, rng.standard_normal(V), np.float64)
    return {name: array + 0.3 * rng.standard_normal(array.shape) for name, array in params.items()}


def recur_cases(rng):
    """One word, from random states, with a random gradient of each of its results."""
    cases = []
    for lengths, N, L, D, M, S, A in SIZES:
        B = len(lengths)
        shapes = {"a": (N, L, D), "keys": (N, L, A), "Ey": (B, M), "h": (B, S), "c": (B, S)}
        inputs = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
        *_, cache = attend_tell.recur_forward(_params(rng, D, M, S, A), **inputs, parts=PARTS)
        douts = {"dh": (B, S), "dc": (B, S), "dz": (B, D), "dalpha": (B, L)}
        cases.append({**{name: rng.standard_normal(shape) for name, shape in douts.items()}, "cache": cache})
    return cases


def decode_cases(rng):
    """Captions of unlike lengths, whose words repeat; no gradient comes from padding."""
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


OF_A_WORD = {
    "dx": "(1) x = (E y, z') took part in the gates: dx, dh_lstm, dc, dW_x, dW_hh, db = lstm_backward(dh, dc)",
    "dh_lstm": "(1) dh_lstm, what the LSTM sends to h_{t-1}",
    "M": "x = (E y, z'): M columns of the word, then D of the context",
    "dEy": "dEy = the first M columns of dx",
    "dgated": "dgated, of the gated context, = dz from the output + the last D columns of dx",
    "dcontext": "dcontext, of the context before the gate: of gate_backward(dgated)",
    "dh_gate": "dh_gate, what the gate sends to h_{t-1}: of gate_backward(dgated)",
    "dh_attend": "(4) dh_attend, what the attention sends to h_{t-1}: attend_backward(dcontext, dalpha)",
    "da": "(6) da, of attend_backward(dcontext, dalpha)",
    "dkeys": "(4) dkeys, of attend_backward(dcontext, dalpha)",
    "dh": "h_{t-1} was used by LSTM, gate and attention: dh = dh_lstm + dh_gate + dh_attend",
    "dc": "(2) dc, what the LSTM sends to c_{t-1}",
    "dW_x": "(1) dW_x of lstm_backward(dh, dc)",
    "dW_hh": "(1) dW_hh of lstm_backward(dh, dc)",
    "db": "(1) db of lstm_backward(dh, dc)",
    "dw_beta": "dw_beta of gate_backward(dgated)",
    "db_beta": "db_beta of gate_backward(dgated)",
    "dW_h": "(4) dW_h of attend_backward(dcontext, dalpha)",
    "dv": "(4) dv of attend_backward(dcontext, dalpha)",
    "grads": "grads: each weight's gradient by the weight's name",
}

OF_ALL = {
    "dEy": "dEy_t = what the output sends to the word before, + what word t's recurrence does",
    "ddropped": "(7) ddropped, dz, dL_h, dL_z, dL_o, db_o and the first part of dEy = output_backward(dlogits)",
    "dz": "(7) dz of output_backward(dlogits): it goes into recur_backward",
    "dL_h": "(7) dL_h of output_backward(dlogits)",
    "dL_z": "(7) dL_z of output_backward(dlogits)",
    "dL_o": "(7) dL_o of output_backward(dlogits)",
    "db_o": "(7) db_o of output_backward(dlogits)",
    "dhs": "dhs = dropout_backward(ddropped): what the output sends to each h_t",
    "t": "from the last word to the first",
    "da_t": "recur_backward(dhs_t + dh, dc, dz_t, dalpha_t), dh and dc being what the word after sent",
    "dh": "dh of word t + 1 is added to dhs_t; 0 for the last word",
    "dc": "dc of word t + 1 goes to word t; 0 for the last word",
    "da": "da = the sum over words of da_t, + keys' part, + the part of abar, the same at all L locations",
    "dkeys": "dkeys = the sum over words of dkeys_t, for the keys are the same for every word",
    "grads": "grads[name] = the sum over words of grads_t[name]; grads_start has those used once an image",
    "dE": "dE = embedding_backward(dEy): a word that occurs twice gathers both",
    "dh0": "dh0 of an image = the sum over its captions, which stand side by side, of dh after all words",
    "dc0": "dc0 of an image = the sum over its captions, which stand side by side, of dc after all words",
    "da_start": "da_start, dW_a, db_a = linear_backward(dkeys); dW_h0, ... and abar's part = first_state_backward",
}
OF_ALL |= {f"d{name}": f"d{name} = the sum over words of recur_backward's" for name in ("W_x", "W_hh", "b", "W_h", "v")}
OF_ALL |= {f"d{name}": f"d{name} = the sum over words of recur_backward's" for name in ("w_beta", "b_beta")}
OF_ALL |= {f"d{name}": f"d{name} of linear_backward(dkeys), dkeys summed over all words" for name in ("W_a", "b_a")}
OF_ALL |= {f"d{name}": f"d{name} of first_state_backward(dh0, dc0)" for name in ("W_h0", "b_h0", "W_c0", "b_c0")}

RECUR_MISTAKES = (
    Mistake("dh_lstm + dh_gate + dh_attend", "dh_lstm", "gate and attention have used h_{t-1} as well"),
    Mistake(
        "np.ascontiguousarray(dx[:, :M]), dz + dx[:, M:]",
        "np.ascontiguousarray(dx[:, dz.shape[1] :]), dz + dx[:, : dz.shape[1]]",
        "x is (E y, z'), the word first: dx is cut as if the context came first",
    ),
)
DECODE_MISTAKES = (
    Mistake("dropout.dropout_backward(ddropped, cache.dropout)", "ddropped", "the dropout of h_t is left out"),
    Mistake("dz[t], dalpha[t],", "dz[t], 0 * dalpha[t],", "dalpha, the penalty's gradient, is not passed on"),
    Mistake(
        "(dhs[t] + dh, dc,",
        "(dhs[t] + dh, dc if t < len(dhs) - 1 else dhs[t],",
        "dh and dc start as one array, which += changes for both",
    ),
    Mistake(
        "dEy[t] += dEy_t",
        "dEy[len(dhs) - 1 - t] += dEy_t",
        "the words' dEy_t are in the order of the loop, which goes backwards",
    ),
    Mistake(
        "grads[name] + gradient if name in grads else gradient",
        "(grads[name] if name in grads else 0) + gradient / len(dhs)",
        "a mean over the words in place of the sum",
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
        OF_A_WORD,
        mistakes=RECUR_MISTAKES,
    ),
    Task(attend_tell, "decode_backward", decode_cases, ("da", "grads"), OF_ALL, mistakes=DECODE_MISTAKES),
)

HINTS = {
    "recur_backward": (
        "Three parts have used the state h_{t-1}: which? And z', the gated context, went to two places: which?",
        "dgated = dz + dx's last D columns;  dh = dh_lstm + dh_gate + dh_attend",
        "lstm_backward first; M = dx.shape[1] - dz.shape[1]; then gate_backward(dz + dx[:, M:], cache.gate), whose "
        "dcontext goes to attend_backward. dx[:, :M] is a view of dx: np.ascontiguousarray makes it an array.",
    ),
    "decode_backward": (
        "What does each word share with the words after it, and what do all words of an image's captions share?",
        "into word t go dhs_t + dh and dc, which word t + 1 sent back;  da, dkeys and the weights sum over t;  "
        "dh0 = sum over the image's captions of dh",
        "for t in reversed(range(T)): da_t, dkeys_t, dEy_t, dh, dc, grads_t = recur_backward(dhs[t] + dh, dc, dz[t], "
        "dalpha[t], cache.steps[t]); at the end dh.reshape(-1, cache.each, S).sum(axis=1) is dh0.",
    ),
}
