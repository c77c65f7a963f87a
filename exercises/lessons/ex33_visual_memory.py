"""A memory that sees only words"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.decoders import visual_memory
from numpy_sat.layers import reconstruction

FACTS = Facts(difficulty=3, minutes=75, builds_on=(10, 19), chapter="six_ways")

INTRO = """\
Goal            Train a decoder with two losses. After Chen and Zitnick (2014), a visual memory reads the words alone,
                and reconstructs the image's vector: what should the image look like, after the words so far? The
                language state sees the words and the image. Both states predict the next word.

Equations       V       = abar, the mean of a over its L locations; row b belongs to the image of caption b    (B, D)
                s_t     = LSTM([E y_{t-1}, V], s_{t-1})   u_t = LSTM(E y_{t-1}, u_{t-1})   from zeros, (T, B, S) each
                V_tilde = u_t W_r + b_r                                                                     (T, B, D)
                logits  = [s_t, u_t] L_o + b_o, with [s_t, u_t] after dropout                               (T, B, V)
                loss    = sum over t, b of mask_tb |V_tilde_tb - V_b|^2 / (B D)                              a number
                The model's whole loss is the cross-entropy of the logits plus eta times this loss. Its dlogits and
                dV_tilde arrive together at decode_backward. In the shape (T, B, V), V is the size of the vocabulary.

Worked example  One caption of two words and padding, D = 2:
                V = [[1, 3]]   V_tilde = [[[0, 3]], [[1, 2]], [[9, 9]]]   mask = [[1], [1], [0]]   loss = 1
                1. For dloss = 1, find dV_tilde.
                2. At one word, all sizes are 1: dlogits = 0.5, L_o = [[3], [2]], W_r = [[4]] and dV_tilde = -1, without
                   dropout. So ds = 1.5. Find the two terms of du, and their sum.
                3. The encoder is trained, too. Why does V get no gradient from this loss?
                4. Over the images, each entry of V has the variance 1. What is the loss per word of a memory that
                   always gives the mean of V? With which number do you compare the loss of a trained one?

Your task       1. reconstruction_forward: compute the loss. Trap: padding counts nothing, and V has one row per image.
                2. reconstruction_backward: compute dV_tilde, the only gradient.
                3. decode_forward: compute logits and V_tilde. Trap: u never sees V.
                4. decode_backward: compute da and all grads. Trap: u has two uses, and so have the vectors E y.

Given           embedding.embedding_forward(E, words)  linear.linear_forward(x, W, b)  dropout.dropout_forward(x, mask)
                lstm.lstm_sequence_forward(x, h, c, W_x, W_hh, b)     returns h_all, c, cache
                lstm.lstm_sequence_backward(dh_all, dc, cache)        returns dx, dh, dc, dW_x, dW_hh, db
                The other backward functions are of the same kind. All caches are packed and unpacked for you. shape is
                a.shape. cache_s and cache_u are those of the LSTMs, cache_r that of W_r, cache_o that of L_o. The
                weights of s are W_xs, W_ss and b_s; those of u are W_xu, W_uu and b_u.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.decoders.visual_memory import DecodeCache
from numpy_sat.layers import dropout, embedding, linear, lstm
from numpy_sat.layers.reconstruction import ReconstructionCache"""

V = 10
ERRORS = [  # captions' words, N, D
    ((5, 2, 1, 3), 2, 3),
    ((2, 4, 3), 3, 4),  # one caption an image
    ((2, 1, 2), 1, 3),  # one image
    ((3, 3), 1, 2),  # no padding
]
SIZES = [  # captions' words, N, L, D, M, S
    ((4, 2, 1, 3, 4, 2), 2, 3, 5, 7, 4),
    ((2, 3, 3), 3, 4, 3, 3, 3),  # one caption an image, square weights
    ((3, 1, 2), 1, 2, 6, 4, 3),  # one image
    ((1, 1), 1, 1, 2, 3, 4),  # one word, one location
]


def error_cases(rng):
    """Return reconstructions of captions of different lengths, wrong at padding as well."""
    cases = []
    for lengths, N, D in ERRORS:
        T, B = max(lengths), len(lengths)
        mask = (np.arange(T)[:, None] < lengths).astype(float)
        cases.append({"V_tilde": rng.standard_normal((T, B, D)), "V": rng.standard_normal((N, D)) + 1, "mask": mask})
    return cases


def error_backward_cases(rng):
    """Return a random dloss for each forward case."""
    forwards = [reconstruction.reconstruction_forward(**inputs) for inputs in error_cases(rng)]
    return [{"dloss": rng.standard_normal(), "cache": cache} for _, cache in forwards]


def decode_cases(rng):
    """Return captions of different lengths with repeated words, random biases, and dropout masks."""
    cases = []
    for lengths, N, L, D, M, S in SIZES:
        T, B = max(lengths), len(lengths)
        params = visual_memory.init_params(rng, D, M, S, rng.standard_normal(V), np.float64)
        params = {name: array + 0.3 * rng.standard_normal(array.shape) for name, array in params.items()}
        a, words = rng.standard_normal((N, L, D)) + 0.5, rng.integers(V // 2, size=(T, B))
        mask = np.where(rng.random((T, B, 2 * S)) < 0.3, 0, 1 / 0.7)
        cases.append({"params": params, "a": a, "words": words, "mask": mask})
    return cases


def decode_backward_cases(rng):
    """Return random gradients of logits and reconstructions for each forward case, zero at padding."""
    cases = []
    for (lengths, *_), inputs in zip(SIZES, decode_cases(rng), strict=True):
        logits, V_tilde, cache = visual_memory.decode_forward(**inputs)
        mask = (np.arange(max(lengths))[:, None] < lengths)[..., None]
        dlogits, dV_tilde = (rng.standard_normal(array.shape) * mask for array in (logits, V_tilde))
        cases.append({"dlogits": dlogits, "dV_tilde": dV_tilde, "cache": cache})
    return cases


TOTAL = "loss = (difference * difference * mask[..., None]).sum() / (B * D)"
ERROR_MISTAKES = (
    Mistake(TOTAL, "loss = (difference * difference).sum() / (B * D)", "`mask` is forgotten: padding counts"),
    Mistake(TOTAL, "loss = (difference * difference * mask[..., None]).sum() / B", "the division by D is missing"),
    Mistake(
        TOTAL,
        "loss = (difference * difference * mask[..., None]).sum() / (mask.sum() * D)",
        "the mean over words where the mean over captions belongs",
    ),
    Mistake(
        TOTAL,
        "loss = (difference * difference * mask[..., None]).mean()",
        "divided by the longest caption's number of words, too: the words of a caption are summed",
    ),
    Mistake(TOTAL, "loss = (np.abs(difference) * mask[..., None]).sum() / (B * D)", "absolute values, not squares"),
    Mistake(
        TOTAL,
        "loss = 0.5 * (difference * difference * mask[..., None]).sum() / (B * D)",
        "the factor 1/2 does not belong here",
    ),
    Mistake(
        "np.repeat(V, B // len(V), axis=0)",
        "np.tile(V, (B // len(V), 1))",
        "captions are grouped by b mod N, but the captions of one image are side by side",
    ),
)

VECTOR = "V = np.repeat(a.mean(axis=1), words.shape[1] // len(a), axis=0)"
MEMORY = "u, _, cache_u = lstm.lstm_sequence_forward(Ey, zeros, zeros,"
DECODE_MISTAKES = (
    Mistake(
        "np.repeat(a.mean(axis=1), words.shape[1] // len(a), axis=0)",
        "np.tile(a.mean(axis=1), (words.shape[1] // len(a), 1))",
        "captions are grouped by b mod N, but the captions of one image are side by side",
    ),
    Mistake(VECTOR, VECTOR.replace("a.mean(axis=1)", "a.sum(axis=1)"), "the sum over locations, not their mean"),
    Mistake(VECTOR, VECTOR.replace("a.mean(axis=1)", "a[:, 0]"), "one location where the mean of all belongs"),
    Mistake(MEMORY, MEMORY.replace("zeros, zeros", "s[-1], zeros"), "the memory starts from zeros, not from s"),
    Mistake(
        "np.concatenate([s, u], axis=-1)",
        "np.concatenate([u, s], axis=-1)",
        "`u` and `s` are exchanged on their way to the output: the order is [s, u]",
    ),
    Mistake(
        "V_tilde, cache_r = linear.linear_forward(u,",
        "V_tilde, cache_r = linear.linear_forward(s,",
        "the language state s reconstructs V, which it sees: the memory u should",
    ),
    Mistake(
        "V_tilde, cache_r = linear.linear_forward(u,",
        "V_tilde, cache_r = linear.linear_forward(dropout.dropout_forward(u, mask[..., u.shape[-1] :])[0],",
        "V_tilde reads u after dropout: dropout is on the way to the output only",
    ),
    Mistake(
        "x = np.concatenate([Ey, np.broadcast_to(V, (len(words), *V.shape))], axis=-1)",
        "x = np.concatenate([np.broadcast_to(V, (len(words), *V.shape)), Ey], axis=-1)",
        "`V` and E y are exchanged in the input of s: the order is [E y, V]",
    ),
    Mistake(
        "x = np.concatenate([Ey, np.broadcast_to(V, (len(words), *V.shape))], axis=-1)",
        "x = np.concatenate([Ey, V * (np.arange(len(words)) == 0)[:, None, None]], axis=-1)",
        "the language state sees V at the first word only: it sees it at every word",
    ),
)

DECODE_BACK_MISTAKES = (
    Mistake(
        "ds, du = np.split(dropout.dropout_backward(ddropped, cache.dropout), 2, axis=-1)",
        "ds, du = np.split(ddropped, 2, axis=-1)",
        "the dropout of [s, u] is left out",
    ),
    Mistake(
        "dabar = dV.sum(axis=0).reshape(N, -1, D).sum(axis=1)",
        "dabar = dV.sum(axis=0).reshape(-1, N, D).sum(axis=0)",
        "captions are grouped by b mod N, but the captions of one image are side by side",
    ),
    Mistake(
        "dabar = dV.sum(axis=0)",
        "dabar = dV[-1]",
        "only the last word's dV counts: every word sees V",
    ),
    Mistake("dabar = dV.sum(axis=0)", "dabar = dV[0]", "only the first word's dV counts: every word sees V"),
    Mistake(
        "np.repeat(dabar[:, None] / L, L, axis=1)",
        "np.repeat(dabar[:, None], L, axis=1)",
        "the factor 1 / L of each location is missing",
    ),
)

TASKS = (
    Task(
        reconstruction,
        "reconstruction_forward",
        error_cases,
        ("loss", "cache"),
        {
            "difference": "difference_tb = V_tilde_tb - V of the caption's image, with image b // (B / N)",
            "loss": "loss = sum over t, b, d of mask_tb difference_tbd^2 / (B D)",
            "cache": "the cache is ReconstructionCache(difference, mask)",
        },
        mistakes=ERROR_MISTAKES,
    ),
    Task(
        reconstruction,
        "reconstruction_backward",
        error_backward_cases,
        ("dV_tilde",),
        {"dV_tilde": "dV_tilde_tbd = 2 dloss difference_tbd mask_tb / (B D)"},
    ),
    Task(
        visual_memory,
        "decode_forward",
        decode_cases,
        ("logits", "V_tilde", "cache"),
        {
            "Ey": "E y_{t-1}, the vectors of the words",
            "V": "V = the mean of a over its locations, repeated for the B / N captions of each image, side by side",
            "x": "x_t = [E y_{t-1}, V], the input of the language state, with V at every word",
            "zeros": "both states start from zeros, (B, S)",
            "s": "s_t = LSTM([E y_{t-1}, V], s_{t-1})",
            "u": "u_t = LSTM(E y_{t-1}, u_{t-1}), which never sees V",
            "V_tilde": "V_tilde_t = u_t W_r + b_r, without dropout",
            "dropped": "dropped_t = [s_t, u_t] times their dropout mask",
            "logits": "logits_t = dropped_t L_o + b_o",
            "cache": "the cache is DecodeCache(shape, embedding, s, u, r, dropout, o), the caches of the layers",
        },
        mistakes=DECODE_MISTAKES,
    ),
    Task(
        visual_memory,
        "decode_backward",
        decode_backward_cases,
        ("da", "grads"),
        {
            "ddropped": "ddropped, dL_o, db_o = linear_backward(dlogits)",
            "dL_o": "dL_o of linear_backward(dlogits)",
            "db_o": "db_o of linear_backward(dlogits)",
            "ds": "ds = the first half of dropout_backward(ddropped)",
            "du": "du, term 1 = the second half of dropout_backward(ddropped)",
            "du_reconstruction": "du, term 2 = dV_tilde W_r^T, of linear_backward(dV_tilde)",
            "dW_r": "dW_r of linear_backward(dV_tilde)",
            "db_r": "db_r of linear_backward(dV_tilde)",
            "dEy_u": "dEy, term 1, and dW_xu, dW_uu, db_u = lstm_sequence_backward(du, term 1 + term 2)",
            "dW_xu": "dW_xu of lstm_sequence_backward(du, term 1 + term 2)",
            "dW_uu": "dW_uu of lstm_sequence_backward(du, term 1 + term 2)",
            "db_u": "db_u of lstm_sequence_backward(du, term 1 + term 2)",
            "dx": "dx, and dW_xs, dW_ss, db_s = lstm_sequence_backward(ds)",
            "dW_xs": "dW_xs of lstm_sequence_backward(ds)",
            "dW_ss": "dW_ss of lstm_sequence_backward(ds)",
            "db_s": "db_s of lstm_sequence_backward(ds)",
            "dEy_s": "dEy, term 2 = the first M columns of dx",
            "dV": "dV = the last D columns of dx",
            "dE": "dE = embedding_backward(dEy, term 1 + term 2)",
            "dabar": "dabar of an image = the sum of dV over all words of all its captions, side by side",
            "da": "da_i = dabar / L at each of the L locations",
            "grads": "grads: each gradient by the parameter's name",
        },
        mistakes=DECODE_BACK_MISTAKES,
    ),
)

HINTS = {
    "reconstruction_forward": (
        "Which image does caption b describe? Which words count, and over what is the mean?",
        "loss = sum over t, b, d of mask_tb (V_tilde_tbd - V_bd)^2 / (B D)",
        "V_tilde is (T, B, D). V is (N, D): repeated B / N times, side by side, it is (B, D). mask is (T, B), as "
        "(T, B, 1). loss is one number.",
        "difference = V_tilde - np.repeat(V, B // len(V), axis=0); then (difference**2 * mask[..., None]).sum() / "
        "(B * D).",
    ),
    "reconstruction_backward": (
        "What is the slope of a square? Which words do not count?",
        "dV_tilde_tbd = 2 dloss (V_tilde_tbd - V_bd) mask_tb / (B D)",
        "dV_tilde is (T, B, D), as difference. mask is (T, B), as (T, B, 1). dloss is one number.",
        "2 * dloss / (B * D) * difference * mask[..., None]",
    ),
    "decode_forward": (
        "Which of the two states sees the image, and at which words? Which one reconstructs it?",
        "s_t = LSTM([E y, V], s);  u_t = LSTM(E y, u);  V_tilde = u W_r + b_r;  logits = [s, u] L_o + b_o",
        "a is (N, L, D). V is (B, D), as (T, B, D) beside Ey, (T, B, M): x is (T, B, M + D). s and u are (T, B, S), "
        "side by side (T, B, 2S).",
        "V = np.repeat(a.mean(axis=1), B // N, axis=0); x = np.concatenate([Ey, np.broadcast_to(V, (T, *V.shape))], "
        "axis=-1); dropout goes on np.concatenate([s, u], axis=-1), not on the u of V_tilde.",
    ),
    "decode_backward": (
        "Where is u used? Where is E y used? How many words see V?",
        "du = through the logits + through V_tilde;  dEy = through u + through s;  dabar = sum of dV over t and the "
        "image's captions",
        "ddropped is (T, B, 2S), split in ds and du, (T, B, S). dx is (T, B, M + D): dEy and dV. dabar is (N, D), da "
        "is (N, L, D).",
        "lstm.lstm_sequence_backward(du + du_reconstruction, zeros, cache_u), the same with ds and cache_s; "
        "dx[..., :-D] is dEy, dx[..., -D:] is dV; dV.sum(axis=0).reshape(N, -1, D).sum(axis=1) / L at each location.",
    ),
}


def pencil():
    """Return the worked example of the page."""
    V_tilde = np.array([[[0.0, 3]], [[1, 2]], [[9, 9]]])
    inputs = {"V_tilde": V_tilde, "V": np.array([[1.0, 3]]), "mask": np.array([[1.0], [1], [0]])}
    _, cache = reconstruction.reconstruction_forward(**inputs)
    gates, b = np.array([[0.0, 0, 0, 1]]), np.array([1000.0, 1000, 1000, 0])
    params = {"E": np.array([[0.3]]), "W_xs": np.repeat(gates, 2, axis=0), "W_xu": gates, "b_s": b, "b_u": b}
    params |= {"W_ss": np.zeros((1, 4)), "W_uu": np.zeros((1, 4)), "W_r": np.array([[4.0]]), "b_r": np.zeros(1)}
    params |= {"L_o": np.array([[3.0], [2]]), "b_o": np.zeros(1)}
    word = {"params": params, "a": np.ones((1, 1, 1)), "words": np.zeros((1, 1), int), "mask": np.ones((1, 1, 2))}
    _, _, word_cache = visual_memory.decode_forward(**word)
    gradients = {"dlogits": np.full((1, 1, 1), 0.5), "dV_tilde": -np.ones((1, 1, 1))}
    return [
        Example("reconstruction_forward", inputs),
        Example("reconstruction_backward", {"dloss": 1.0, "cache": cache}),
        Example("decode_forward", word),
        Example("decode_backward", {**gradients, "cache": word_cache}),
    ]
