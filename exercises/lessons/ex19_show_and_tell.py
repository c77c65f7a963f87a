"""Show and Tell"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from numpy_sat.decoders import show_tell

INTRO = """\
To learn: how an image gets into a language model at all. Show and Tell (Vinyals et al. 2015) gives it to the LSTM as
if it were a word, the first one, and once: whatever the caption needs of it, the memory must carry to the last word.
Attention was invented to look again instead. The equations' numbers are that paper's, rows are vectors:

    (10)  x_{-1} = abar W_I + b_I, as long as a word's vector; abar = the mean of a over its L locations
          h, c = LSTM(x_{-1}), from h = c = 0                                once an image: picture_forward
    (11)  x_t = E y_t, y_0 = <start>                                         for each of its captions, all words
    (12)  h_t, c_t = LSTM(x_t), from h_{t-1}, c_{t-1}; the first word's from what the image has left
          logits_t = (h_t after dropout) L_o + b_o                           all of it: decode_forward

It is one LSTM: W_x, W_hh and b are the same for the image and for the words. So backward, what was used in several
places gathers what comes back from each:

    h, c after the image: by its `each` = B / N captions, which stand side by side among the B
    W_x, W_hh, b: by the words' steps and by the image's (one of the three gets nothing from that: which?)
    a at each location: by the mean, each with the share 1 / L

Predict before you run. All sizes 1, L = 2: a = [[[0.1], [0.3]]], W_I = [[2]], b_I = [0.5]; the gates i, f, o are open
(b = [1000, 1000, 1000, 0]), W_x = [[0, 0, 0, 1]], W_hh = 0: so c' = c + tanh(x), h' = tanh(c'). The image is
x = 0.9, and leaves c = tanh(0.9) = 0.7163, h = 0.6146. What is h after a word with E y = 0? After another with E y =
0.3? (c = 1.0076; find both h.) Back from the image alone, dh = 0 and dc = 1: dx = 1 - 0.7163^2 = 0.4869. What are
dW_I and da? (dW_I = 0.0974. da is 0.4869 at both locations: see why, for abar gets twice that.)

The caches: PictureCache(locations, linear, lstm), which are L and the caches of linear_forward and lstm_forward;
DecodeCache(image, each, embedding, lstm, dropout, output), of picture_forward, B / N, embedding_forward,
lstm_sequence_forward, dropout_forward and, for the output, linear_forward. All these layers and their backward may be
called, through their modules. grads is a dict with the parameters' names."""

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
    """Those of init_params, with random biases as well."""
    params = show_tell.init_params(rng, D, M, S, rng.standard_normal(V), np.float64)
    return {name: array + 0.3 * rng.standard_normal(array.shape) for name, array in params.items()}


def image_cases(rng):
    """Parameters and annotations."""
    return [{"params": _params(rng, D, M, S), "a": rng.standard_normal((N, L, D)) + 0.5} for _, N, L, D, M, S in SIZES]


def image_back_cases(rng):
    """Return a random gradient of state and memory for each forward case."""
    cases = []
    for inputs in image_cases(rng):
        h, c, cache = show_tell.picture_forward(**inputs)
        cases.append({"dh": rng.standard_normal(h.shape), "dc": rng.standard_normal(c.shape), "cache": cache})
    return cases


def decode_cases(rng):
    """Captions of unlike lengths, whose words repeat; real dropout."""
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
    Mistake("(a.mean(axis=1),", "(a[:, 0],", "one location where the mean of all belongs"),
    Mistake("(x, zeros, zeros", "(np.tanh(x), zeros, zeros", "x_{-1} = abar W_I + b_I is linear: no tanh"),
)

IMAGE_BACK_MISTAKES = (
    Mistake("dabar[:, None] / cache.locations", "dabar[:, None]", "the share 1 / L of each location is forgotten"),
    Mistake(
        "np.repeat(dabar[:, None] / cache.locations, cache.locations, axis=1)",
        "np.repeat(dabar[:, None], cache.locations, axis=1) * (np.arange(cache.locations) == 0)[:, None]",
        "the first location gets all: it belongs to all L alike",
    ),
)

DECODE_MISTAKES = (
    Mistake(
        "np.repeat(h, each, axis=0), np.repeat(c, each, axis=0)",
        "np.tile(h, (each, 1)), np.tile(c, (each, 1))",
        "captions are grouped as if they went round the images; those of one image stand side by side",
    ),
    Mistake(
        "hs, _, cache_lstm = lstm.lstm_sequence_forward(Ey, h, c,",
        "hs, _, cache_lstm = lstm.lstm_sequence_forward(Ey, 0 * h, 0 * c,",
        "the words start from h = c = 0: what the image has left is lost",
    ),
    Mistake(
        "hs, _, cache_lstm = lstm.lstm_sequence_forward(Ey, h, c,",
        "hs, _, cache_lstm = lstm.lstm_sequence_forward(Ey, h, 0 * c,",
        "the words start from c = 0: the memory that the image has left is lost",
    ),
    Mistake(
        "hs, _, cache_lstm = lstm.lstm_sequence_forward(Ey, h, c,",
        "hs, _, cache_lstm = lstm.lstm_sequence_forward("
        "Ey + np.repeat(cache_image.linear.x @ params['W_I'] + params['b_I'], each, axis=0), h, c,",
        "the image is added to every word: it is read once, before <start>",
    ),
    Mistake(
        "dropout.dropout_forward(hs, mask_h)",
        "dropout.dropout_forward(np.concatenate([h[None], hs[:-1]]), mask_h)",
        "each word's logits come from the state before it has read: the image's step has none",
    ),
)

ADDED = "grads[name] + gradient if name in grads"

DECODE_BACK_MISTAKES = (
    Mistake("np.zeros_like(dhs[0])", "dhs[-1]", "nothing comes to the memory after the last word: its gradient is 0"),
    *(
        Mistake(
            ADDED,
            f"grads[name] + (name != {name!r}) * gradient if name in grads",
            f"the image's step has used {name}, too: its part is missing",
        )
        for name in ("W_x", "b")
    ),
    Mistake(
        "grads[name] = grads[name] + gradient if name in grads else gradient",
        "grads[name] = gradient",
        "the image's part of dW_x, dW_hh, db overwrites the words': = where += belongs",
    ),
    Mistake(
        "grads[name] = grads[name] + gradient if name in grads else gradient",
        "grads[name] = grads.get(name, gradient)",
        "the image's step has used W_x, W_hh and b, too: its part is missing",
    ),
    Mistake(
        "d.reshape(-1, cache.each, d.shape[1]).sum(axis=1)", "d[:: cache.each]", "only the first caption of each counts"
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
            "dx": "dx, and dW_x, dW_hh, db = lstm_backward(dh, dc); what h = c = 0 would get, nobody needs",
            "dabar": "(10) dabar, dW_I, db_I = linear_backward(dx)",
            "da": "da_i = dabar / L at each of the L locations, for abar = sum over i of a_i / L",
            "dW_x": "dW_x of lstm_backward(dh, dc)",
            "dW_hh": "dW_hh of lstm_backward(dh, dc): the h that it met is 0",
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
            "h": "(10) h, c of picture_forward, each image's for its B / N captions, which stand side by side",
            "c": "(10) h, c of picture_forward, each image's for its B / N captions, which stand side by side",
            "each": "each = B / N, the captions of an image",
            "Ey": "(11) x_t = E y_t",
            "hs": "(12) h_t, c_t = LSTM(x_t), from h_{t-1}, c_{t-1}, the first from what the image has left",
            "dropped": "(12) h_t times its dropout mask, on the way to the output alone",
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
            "dhs": "(12) dhs = dropout_backward(ddropped): what the output sends to each h_t",
            "dEy": "(12) dEy, dh, dc and the words' part of dW_x, dW_hh, db = back through the sequence, of dhs; "
            "nothing comes to the memory after the last word",
            "dE": "(11) dE = embedding_backward(dEy): a word that occurs twice gathers both",
            "dh": "dh of an image = the sum over its captions, which stand side by side, of dh before the first word",
            "dc": "dc of an image = the sum over its captions, which stand side by side, of dc before the first word",
            "da": "(10) da, and the image's part of dW_x, dW_hh, db = picture_backward(dh, dc)",
            "grads": "dW_x, dW_hh, db = the words' part + the image's; grads: each by the parameter's name",
            "dW_x": "dW_x = the words' part + the image's, for both have used it",
            "dW_hh": "dW_hh = the words' part + the image's, for both have used it",
            "db": "db = the words' part + the image's, for both have used it",
            "dW_I": "(10) dW_I of picture_backward(dh, dc)",
            "db_I": "(10) db_I of picture_backward(dh, dc)",
        },
        mistakes=DECODE_BACK_MISTAKES,
    ),
)

HINTS = {
    "picture_forward": (
        "What does the LSTM need besides its input, and what is that before anything has been read?",
        "x_{-1} = abar W_I + b_I;  h, c = LSTM(x_{-1}) from h = c = 0",
        "linear.linear_forward(a.mean(axis=1), ...), then lstm.lstm_forward(x, zeros, zeros, W_x, W_hh, b), the zeros "
        "of shape (N, S), S = len(params['W_hh']), and of the dtype of a.",
    ),
    "picture_backward": (
        "How much does abar move when one location's a moves by 1?",
        "da_i = dabar / L for every location i",
        "dx, _, _, dW_x, dW_hh, db = lstm.lstm_backward(dh, dc, cache.lstm); linear_backward of dx gives dabar; da is "
        "np.repeat(dabar[:, None] / L, L, axis=1), an array of its own.",
    ),
    "decode_forward": (
        "The image leaves one h and one c for each of N images; how many are needed, and in which order?",
        "h, c of (N, S) -> (B, S): each image's B / N times, side by side; then h_t, c_t = LSTM(E y_t)",
        "np.repeat(h, each, axis=0) and the same of c, each = words.shape[1] // len(a); then "
        "lstm.lstm_sequence_forward(Ey, h, c, ...), which returns the states of all words.",
    ),
    "decode_backward": (
        "Which parameters were used by the words and by the image? And how many captions have used one image's h?",
        "dh of an image = sum over its captions;  dW_x = the words' + the image's, and likewise W_hh and b",
        "dh.reshape(-1, cache.each, S).sum(axis=1) goes to picture_backward; its dW_x, dW_hh and db are added to "
        "those of lstm_sequence_backward, whose dc is zeros.",
    ),
}
