"""Show and Tell"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.decoders import show_tell

FACTS = Facts(difficulty=3, minutes=75, builds_on=(10,), chapter="from_show_and_tell_to_attention")

INTRO = """\
Goal            Feed an image to a language model in the simplest way. Show and Tell (Vinyals et al. 2015) gives it to
                the LSTM once, as the first word. The cell state must then carry everything about the image to the last
                word. Attention was invented to read the image again instead.

Equations       The numbers are those of that paper; rows are vectors; abar is the mean of a over its L locations.
                (10) x_{-1} = abar W_I + b_I;   h, c = LSTM(x_{-1}), from h = c = 0    (N, M); (N, S)    picture_forward
                (11) x_t = E y_t, y_0 = <start>                                       (T, B, M)
                (12) h_t, c_t = LSTM(x_t), from h_{t-1}, c_{t-1}                      (T, B, S)         decode_forward
                     logits_t = (h_t after dropout) L_o + b_o                         (T, B, V)
                There is one LSTM: W_x, W_hh and b are the same for the image and for the words.

Worked example  All sizes 1, L = 2, gates i, f, o open: c' = c + tanh(x), h' = tanh(c').
                a = [[[0.1], [0.3]]]   W_I = [[2]]   b_I = [0.5]   W_x = [[0, 0, 0, 1]]   b = [1000, 1000, 1000, 0]
                The image gives x = 0.9, so c = 0.7163 and h = 0.6146. W_hh = [[0, 0, 0, 0]]
                Find h after a word with E y = 0, and after another with E y = 0.3, where c = 1.0076.
                Back through the image:   dh = [[0]]   dc = [[1]]   dx = 1 - 0.7163^2 = 0.4869   dW_I = [[0.0974]]
                da is 0.4869 at both locations. Why, when dabar is twice that?
                Back from the second word alone:   dlogits = [[[0]], [[1]]]   dE = [[0.4151], [0.3799]]

Your task       1. picture_forward: compute (10), from states of zeros.
                2. picture_backward: compute da, and grads with the keys W_I, b_I, W_x, W_hh and b.
                3. decode_forward: repeat h and c for the `each` = B / N captions of an image, which are side by side.
                4. decode_backward: compute da and all grads. Trap: h and c after the image have `each` uses, and the
                   weights of the LSTM two, the image and the words. For one of the three weights, the image's term is
                   0. Which?

Given           linear.linear_forward(x, W, b)                           embedding.embedding_forward(E, words)
                lstm.lstm_forward(x, h, c, W_x, W_hh, b)                 dropout.dropout_forward(x, mask)
                lstm.lstm_sequence_forward(x, h, c, W_x, W_hh, b)        returns h_all, c, cache
                lstm.lstm_backward(dh, dc, cache)                        returns dx, dh, dc, dW_x, dW_hh, db
                lstm.lstm_sequence_backward(dh_all, dc, cache)           returns the same
                The other backward functions are of the same kind. The caches here hold those of the layers, L
                (`locations`) and `each`; cache_picture is that of picture_forward. They are packed and unpacked for
                you. params and grads are dicts with the names E, W_I, b_I, W_x, W_hh, b, L_o and b_o.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.decoders.show_tell import DecodeCache, PictureCache
from numpy_sat.layers import dropout, embedding, linear, lstm"""

V = 10
SIZES = [  # captions' words, N, L, D, M, S
    ((4, 2, 1, 3, 4, 2), 2, 3, 5, 7, 8),
    ((2, 3, 3), 3, 4, 3, 3, 3),  # one caption an image, square weights
    ((3, 1, 2), 1, 2, 6, 4, 3),  # one image
    ((1, 1), 1, 1, 2, 3, 4),  # one word, one location
]


def _params(rng, D, M, S):
    """Return parameters from init_params, with random biases."""
    params = show_tell.init_params(rng, D, M, S, rng.standard_normal(V), np.float64)
    return {name: array + 0.3 * rng.standard_normal(array.shape) for name, array in params.items()}


def image_cases(rng):
    """Return random parameters and annotations."""
    return [{"params": _params(rng, D, M, S), "a": rng.standard_normal((N, L, D)) + 0.5} for _, N, L, D, M, S in SIZES]


def image_back_cases(rng):
    """Return a random gradient of hidden state and cell state for each forward case."""
    cases = []
    for inputs in image_cases(rng):
        h, c, cache = show_tell.picture_forward(**inputs)
        cases.append({"dh": rng.standard_normal(h.shape), "dc": rng.standard_normal(c.shape), "cache": cache})
    return cases


def decode_cases(rng):
    """Return captions of different lengths with repeated words, and dropout masks."""
    cases = []
    for lengths, N, L, D, M, S in SIZES:
        T, B = max(lengths), len(lengths)
        words = rng.integers(V // 2, size=(T, B))
        mask_h = np.where(rng.random((T, B, S)) < 0.3, 0, 1 / 0.7)
        a = rng.standard_normal((N, L, D)) + 0.5
        cases.append({"params": _params(rng, D, M, S), "a": a, "words": words, "mask_h": mask_h})
    return cases


def decode_back_cases(rng):
    """Return a random gradient of the logits for each forward case, zero at padding."""
    cases = []
    for (lengths, *_), inputs in zip(SIZES, decode_cases(rng), strict=True):
        logits, cache = show_tell.decode_forward(**inputs)
        mask = (np.arange(max(lengths))[:, None] < lengths)[..., None]
        cases.append({"dlogits": rng.standard_normal(logits.shape) * mask, "cache": cache})
    return cases


IMAGE_MISTAKES = (
    Mistake("(a.mean(axis=1),", "(a[:, 0],", "one location where the mean of all locations belongs"),
    Mistake("(x, zeros, zeros", "(np.tanh(x), zeros, zeros", "x_{-1} = abar W_I + b_I is linear: no tanh"),
)

IMAGE_BACK_MISTAKES = (
    Mistake("dabar[:, None] / cache.locations", "dabar[:, None]", "the factor 1 / L of each location is missing"),
    Mistake(
        "np.repeat(dabar[:, None] / cache.locations, cache.locations, axis=1)",
        "np.repeat(dabar[:, None], cache.locations, axis=1) * (np.arange(cache.locations) == 0)[:, None]",
        "only the first location gets the gradient: all L locations get the same",
    ),
)

DECODE_MISTAKES = (
    Mistake(
        "np.repeat(h, each, axis=0), np.repeat(c, each, axis=0)",
        "np.tile(h, (each, 1)), np.tile(c, (each, 1))",
        "captions are grouped by b mod N, but the captions of one image are side by side",
    ),
    Mistake(
        "hs, _, cache_lstm = lstm.lstm_sequence_forward(Ey, h, c,",
        "hs, _, cache_lstm = lstm.lstm_sequence_forward(Ey, 0 * h, 0 * c,",
        "the words start from h = c = 0: the image's states are lost",
    ),
    Mistake(
        "hs, _, cache_lstm = lstm.lstm_sequence_forward(Ey, h, c,",
        "hs, _, cache_lstm = lstm.lstm_sequence_forward(Ey, h, 0 * c,",
        "the words start from c = 0: the image's cell state is lost",
    ),
    Mistake(
        "hs, _, cache_lstm = lstm.lstm_sequence_forward(Ey, h, c,",
        "hs, _, cache_lstm = lstm.lstm_sequence_forward("
        "Ey + np.repeat(cache_picture.linear.x @ params['W_I'] + params['b_I'], each, axis=0), h, c,",
        "the image is added to every word: it must be read once, before <start>",
    ),
    Mistake(
        "dropout.dropout_forward(hs, mask_h)",
        "dropout.dropout_forward(np.concatenate([h[None], hs[:-1]]), mask_h)",
        "each word's logits come from the hidden state before the word is read: shifted by one step",
    ),
)

ADDED = "grads[name] + gradient if name in grads"

DECODE_BACK_MISTAKES = (
    Mistake("np.zeros_like(dhs[0])", "dhs[-1]", "the cell state after the last word has no use: its gradient is 0"),
    *(
        Mistake(
            ADDED,
            f"grads[name] + (name != {name!r}) * gradient if name in grads",
            f"the image's step uses {name}, too: its term is missing",
        )
        for name in ("W_x", "b")
    ),
    Mistake(
        "grads[name] = grads[name] + gradient if name in grads else gradient",
        "grads[name] = gradient",
        "the image's term of dW_x, dW_hh, db overwrites the words' term: = where += belongs",
    ),
    Mistake(
        "grads[name] = grads[name] + gradient if name in grads else gradient",
        "grads[name] = grads.get(name, gradient)",
        "the image's step uses W_x, W_hh and b, too: its term is missing",
    ),
    Mistake(
        "d.reshape(-1, cache.each, d.shape[1]).sum(axis=1)",
        "d[:: cache.each]",
        "only the first caption of each image counts",
    ),
    Mistake(
        "dropout.dropout_backward(ddropped, cache.dropout)",
        "ddropped",
        "the dropout of h_t is left out",
    ),
)

TASKS = (
    Task(
        show_tell,
        "picture_forward",
        image_cases,
        ("h", "c", "cache"),
        {
            "x": "(10) x_{-1} = abar W_I + b_I, abar = the mean of a over its locations",
            "zeros": "the state before the image: h = c = 0, of shape (N, S)",
            "h": "(10) h, c = LSTM(x_{-1}), from h = c = 0",
            "c": "(10) h, c = LSTM(x_{-1}), from h = c = 0",
            "cache": "the cache is PictureCache(locations, linear, lstm): L, and the caches of the two layers",
        },
        mistakes=IMAGE_MISTAKES,
    ),
    Task(
        show_tell,
        "picture_backward",
        image_back_cases,
        ("da", "grads"),
        {
            "dx": "dx, _, _, dW_x, dW_hh, db = lstm_backward(dh, dc); h = c = 0 need no gradient",
            "dabar": "(10) dabar, dW_I, db_I = linear_backward(dx)",
            "da": "da_i = dabar / L at each of the L locations, because abar = sum over i of a_i / L",
            "dW_x": "dW_x of lstm_backward(dh, dc)",
            "dW_hh": "dW_hh of lstm_backward(dh, dc): 0, because h = 0 before the image",
            "db": "db of lstm_backward(dh, dc)",
            "dW_I": "(10) dW_I of linear_backward(dx)",
            "db_I": "(10) db_I of linear_backward(dx)",
        },
        mistakes=IMAGE_BACK_MISTAKES,
    ),
    Task(
        show_tell,
        "decode_forward",
        decode_cases,
        ("logits", "cache"),
        {
            "h": "(10) h, c of picture_forward, repeated for the B / N captions of each image, side by side",
            "c": "(10) h, c of picture_forward, repeated for the B / N captions of each image, side by side",
            "each": "each = B / N, the number of captions per image",
            "Ey": "(11) x_t = E y_t",
            "hs": "(12) h_t, c_t = LSTM(x_t), from h_{t-1}, c_{t-1}; the first from the image's states",
            "dropped": "(12) dropped_t = h_t times its dropout mask, for the output only",
            "logits": "(12) logits_t = dropped_t L_o + b_o",
            "cache": "the cache is DecodeCache(image, each, embedding, lstm, dropout, output)",
        },
        mistakes=DECODE_MISTAKES,
    ),
    Task(
        show_tell,
        "decode_backward",
        decode_back_cases,
        ("da", "grads"),
        {
            "ddropped": "(12) ddropped, dL_o, db_o = linear_backward(dlogits)",
            "dL_o": "(12) dL_o of linear_backward(dlogits)",
            "db_o": "(12) db_o of linear_backward(dlogits)",
            "dhs": "(12) dhs = dropout_backward(ddropped): the gradient of each h_t through the output",
            "dEy": "(12) dEy, dh, dc and the words' term of dW_x, dW_hh, db = lstm_sequence_backward(dhs, 0); "
            "the cell state after the last word has the gradient 0",
            "dE": "(11) dE = embedding_backward(dEy): a word that occurs twice gets the sum of both gradients",
            "dh": "dh of an image = the sum over its captions, side by side, of dh before the first word",
            "dc": "dc of an image = the sum over its captions, side by side, of dc before the first word",
            "da": "(10) da, and the image's term of dW_x, dW_hh, db = picture_backward(dh, dc)",
            "grads": "dW_x, dW_hh, db = the words' term + the image's; grads: each by the parameter's name",
            "dW_x": "dW_x = the words' term + the image's, because both use W_x",
            "dW_hh": "dW_hh = the words' term + the image's, because both use W_hh",
            "db": "db = the words' term + the image's, because both use b",
            "dW_I": "(10) dW_I of picture_backward(dh, dc)",
            "db_I": "(10) db_I of picture_backward(dh, dc)",
        },
        mistakes=DECODE_BACK_MISTAKES,
    ),
)

HINTS = {
    "picture_forward": (
        "What does the LSTM need besides its input, and which values does it have before the first input?",
        "x_{-1} = abar W_I + b_I;  h, c = LSTM(x_{-1}) from h = c = 0",
        "a is (N, L, D), its mean over locations is (N, D), x_{-1} is (N, D) (D, M). h and c are (N, S), as the zeros "
        "before them.",
        "linear.linear_forward(a.mean(axis=1), ...), then lstm.lstm_forward(x, zeros, zeros, W_x, W_hh, b). The zeros "
        "have the shape (N, S), S = len(params['W_hh']), and the dtype of a.",
    ),
    "picture_backward": (
        "How much does abar change when a changes by 1 at one location?",
        "da_i = dabar / L for every location i",
        "dh and dc are (N, S), dx is (N, M), dabar is (N, D). da is (N, L, D): dabar[:, None] / L at every location.",
        "dx, _, _, dW_x, dW_hh, db = lstm.lstm_backward(dh, dc, cache_lstm); linear_backward of dx gives dabar; da is "
        "np.repeat(dabar[:, None] / L, L, axis=1), a new array.",
    ),
    "decode_forward": (
        "There is one h and one c for each of N images. How many rows does the LSTM need, and in which order?",
        "h, c of (N, S) -> (B, S): each image's row B / N times, side by side; then h_t, c_t = LSTM(E y_t)",
        "h and c of the image are (N, S), those of its captions (B, S). Ey is (T, B, M), the hidden states are (T, B, "
        "S), logits is (T, B, V).",
        "np.repeat(h, each, axis=0) and the same for c, with each = words.shape[1] // len(a); then "
        "lstm.lstm_sequence_forward(Ey, h, c, ...), which returns the hidden states of all words.",
    ),
    "decode_backward": (
        "Which parameters do both the words and the image use? How many captions use one image's h?",
        "dh of an image = sum over its captions;  dW_x = the words' term + the image's, and the same for W_hh and b",
        "dlogits is (T, B, V), dhs is (T, B, S), dEy is (T, B, M). dh and dc before the first word are (B, S); summed "
        "over each image's captions, (N, S).",
        "dh.reshape(-1, each, S).sum(axis=1) goes to picture_backward; its dW_x, dW_hh and db are added to "
        "those of lstm_sequence_backward, whose dc is zeros.",
    ),
}


def pencil():
    """Return the worked example of the page."""
    gates = {"W_x": np.array([[0.0, 0, 0, 1]]), "W_hh": np.zeros((1, 4)), "b": np.array([1000.0, 1000, 1000, 0])}
    image = {"W_I": np.array([[2.0]]), "b_I": np.array([0.5]), **gates}
    params = {**image, "E": np.array([[0.0], [0.3]]), "L_o": np.ones((1, 1)), "b_o": np.zeros(1)}  # the logits are h
    a = np.array([[[0.1], [0.3]]])
    _, _, cache = show_tell.picture_forward(image, a)
    sentence = {"params": params, "a": a, "words": np.array([[0], [1]]), "mask_h": np.ones((2, 1, 1))}
    _, cache_sentence = show_tell.decode_forward(**sentence)
    return [
        Example("picture_forward", {"params": image, "a": a}),
        Example("picture_backward", {"dh": np.zeros((1, 1)), "dc": np.ones((1, 1)), "cache": cache}),
        Example("decode_forward", sentence),
        Example("decode_backward", {"dlogits": np.array([[[0.0]], [[1]]]), "cache": cache_sentence}),
    ]
