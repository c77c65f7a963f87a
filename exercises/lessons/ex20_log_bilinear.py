"""The log-bilinear model"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.decoders import log_bilinear

FACTS = Facts(difficulty=3, minutes=75, builds_on=(2, 3), chapter="six_ways")

INTRO = """\
Goal            Write a language model without a recurrent state. Find the gradient of a table that is used twice.
                Kiros, Salakhutdinov and Zemel (2014) predict the next word's vector from the image and the last n - 1
                words. A word's score is the product of its vector with the prediction.

Equations       r_hat_t  = sum over i = 1 ... n-1 of E y_{t-i} C_i + abar C_m    (T, B, M)   predict_forward
                logits_t = (r_hat_t after dropout) E^T + b_o                     (T, B, V)   decode_forward
                Rows are vectors; abar is the mean of a over its L locations; n - 1 is 5; C_i is C[i - 1] in the code.
                Before a caption's first word, the window holds <start>, whose vector counts like any other. Backward,
                each gradient is a sum over the uses:
                C_i   every prediction, for all t and captions           abar C_m   all words of the image's captions
                E     twice: looked up in the windows, and the weights of the output

Worked example  All other C_i are 0, abar C_m = [2, 4], b_o = 0. The caption begins 0 (<start>), 1, 2.
                E = [[0, 0], [1, 0], [0, 1], [1, 1]]   C_1 = [[1, 0], [0, 1]]   C_2 = [[0, 0.5], [-0.5, 0]]
                r_hat_1 = [2, 4]   r_hat_2 = [3, 4]   logits_2 = [0, 3, 4, 7]                  Find r_hat_3.
                dlogits_2 = [0, 1, 0, -1], none elsewhere:   dr_hat_2 = [0, -1]               Find dC_1.
                dE = [[-0.5, 0], [3, 3], [0, 0], [-3, -4]]
                In dE, the output's term is [3, 4] in row 1 and [-3, -4] in row 3. What do the windows add, in which
                rows? With the cross-entropy's dlogits, p - q, which rows of dE would be zero?

Your task       1. predict_forward: Ey[..., 0, :] belongs to the latest word. A sum of products is one product of the
                   vectors side by side with the matrices one below the other. A loop over i is fine, too.
                2. predict_backward. Trap: B / N captions, side by side, share one row of abar.
                3. decode_forward: windows, embedding, predict_forward, dropout, output.
                4. decode_backward. Trap: dE has two terms, and a has L locations in abar.

Given           log_bilinear.windows(words) is (T, B, n-1): row t has words[t], words[t-1], ..., START. Call
                embedding_forward(E, words), dropout_forward(x, mask) and linear_forward (its weights are E^T) through
                their modules. The caches are packed and unpacked for you. grads: E, C, C_m, b_o.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.decoders import log_bilinear
from numpy_sat.decoders.log_bilinear import DecodeCache, PredictCache
from numpy_sat.layers import dropout, embedding, linear"""

PREDICTIONS = [  # Ey's rows, N, n - 1, M, D
    ((4, 6), 2, 3, 7, 5),
    ((3,), 3, 3, 3, 3),  # one caption an image, square weights
    ((2, 4), 1, 2, 3, 4),  # one image
    ((2, 2, 4), 2, 1, 2, 3),  # one word
]
V = 10
CAPTIONS = [  # captions' words, N, L, D, M
    ((8, 2, 1, 3, 7, 2), 2, 3, 5, 7),
    ((2, 3, 3), 3, 4, 3, 3),  # one caption an image, square weights
    ((3, 1, 2), 1, 2, 6, 4),  # one image
    ((1, 1), 1, 1, 2, 3),  # one word, one location
]


def predict_cases(rng):
    """Return random vectors and matrices, for windows of several widths."""
    return [
        {
            "Ey": rng.standard_normal((*rows, words, M)),
            "abar": rng.standard_normal((N, D)),
            "C": rng.standard_normal((words, M, M)),
            "C_m": rng.standard_normal((D, M)),
        }
        for rows, N, words, M, D in PREDICTIONS
    ]


def predict_back_cases(rng):
    """Return a random gradient for each forward case."""
    cases = []
    for inputs in predict_cases(rng):
        r_hat, cache = log_bilinear.predict_forward(**inputs)
        cases.append({"dr_hat": rng.standard_normal(r_hat.shape), "cache": cache})
    return cases


def decode_cases(rng):
    """Return captions of different lengths, one longer than the window, with repeated words, and dropout masks."""
    cases = []
    for lengths, N, L, D, M in CAPTIONS:
        T, B = max(lengths), len(lengths)
        shapes = {"E": (V, M), "C": (log_bilinear.WINDOW, M, M), "C_m": (D, M), "b_o": (V,)}
        params = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
        words = np.concatenate([np.zeros((1, B), int), rng.integers(V // 2, size=(T - 1, B))])
        mask_r = np.where(rng.random((T, B, M)) < 0.3, 0, 1 / 0.7)
        cases.append({"params": params, "a": rng.standard_normal((N, L, D)) + 0.5, "words": words, "mask_r": mask_r})
    return cases


def decode_back_cases(rng):
    """Return a random gradient of the logits for each forward case, zero at padding."""
    cases = []
    for (lengths, *_), inputs in zip(CAPTIONS, decode_cases(rng), strict=True):
        logits, cache = log_bilinear.decode_forward(**inputs)
        mask = (np.arange(max(lengths))[:, None] < lengths)[..., None]
        cases.append({"dlogits": rng.standard_normal(logits.shape) * mask, "cache": cache})
    return cases


WORD_TERMS = "Ey.reshape(*rows, -1) @ C.reshape(-1, M)"
BY_IMAGE = "drows.reshape(-1, len(abar), B // len(abar), M)"

PREDICT_MISTAKES = (
    Mistake(
        WORD_TERMS,
        "Ey[..., ::-1, :].reshape(*rows, -1) @ C.reshape(-1, M)",
        "C_1 belongs to the latest word, Ey[..., 0, :]: the order of the window is reversed",
    ),
    Mistake(WORD_TERMS, "Ey.sum(axis=-2) @ C[0]", "C_1 is used for all words: each word has its own matrix"),
    Mistake(WORD_TERMS, "Ey.sum(axis=-2) @ C.sum(axis=0)", "the sum of the words times the sum of the matrices"),
    Mistake(
        WORD_TERMS,
        "Ey.reshape(*rows, -1) @ C.swapaxes(1, 2).reshape(-1, M)",
        "C_i is transposed: vectors are rows, x @ C[i - 1]",
    ),
)

PREDICT_BACK_MISTAKES = (
    Mistake(
        "(drows @ C.reshape(-1, M).T)",
        "(drows @ C.swapaxes(1, 2).reshape(-1, M).T)",
        "C_i is not transposed: dEy_i = dr_hat C_i^T",
    ),
    Mistake(f"{BY_IMAGE}.sum(axis=(0, 2))", f"{BY_IMAGE}[0].sum(axis=1)", "only the first word of each caption counts"),
    Mistake(f"{BY_IMAGE}.sum(axis=(0, 2))", f"{BY_IMAGE}[-1].sum(axis=1)", "only the last word of each caption counts"),
    Mistake(
        f"{BY_IMAGE}.sum(axis=(0, 2))",
        "drows.reshape(-1, B // len(abar), len(abar), M).sum(axis=(0, 1))",
        "captions are grouped by b mod N, but the captions of one image are side by side",
    ),
    Mistake(
        f"{BY_IMAGE}.sum(axis=(0, 2))",
        f"{BY_IMAGE}[:, :, 0].sum(axis=0)",
        "only the first caption of each image counts",
    ),
)

DECODE_MISTAKES = (
    Mistake(
        "windows(words)",
        "np.stack([np.roll(words, i, axis=0) for i in range(WINDOW)], axis=-1)",
        "the window wraps around to the caption's end: before the first word it holds <start>",
    ),
    Mistake(
        "windows(words)",
        "windows(np.concatenate([words[:1], words[:-1]]))",
        "the window is one word too far back: words[t], the latest, is missing",
    ),
    Mistake("windows(words)", "windows(words)[..., ::-1]", "the window is reversed: the latest word must come first"),
    Mistake(
        "logits, cache_output = linear.linear_forward(dropped,",
        "logits, cache_output = linear.linear_forward(r_hat,",
        "the dropout of r_hat is left out",
    ),
)

DECODE_BACK_MISTAKES = (
    Mistake(
        "embedding.embedding_backward(dEy, cache.embedding) + dE_T.T",
        "embedding.embedding_backward(dEy, cache.embedding)",
        "E is also the weights of the output: this term, dE_T^T, is missing",
    ),
    Mistake(
        "embedding.embedding_backward(dEy, cache.embedding) + dE_T.T",
        "np.ascontiguousarray(dE_T.T)",
        "E is also looked up in the windows: the term of embedding_backward is missing",
    ),
    Mistake("dabar[:, None] / cache.locations", "dabar[:, None]", "the factor 1 / L of each location is missing"),
    Mistake("dropout.dropout_backward(ddropped, cache.dropout)", "ddropped", "the dropout of r_hat is left out"),
)

TASKS = (
    Task(
        log_bilinear,
        "predict_forward",
        predict_cases,
        ("r_hat", "cache"),
        {
            "word_terms": "word_terms = sum over i of E y_{t-i} C_i, the latest word, Ey[..., 0, :], with C_1 = C[0]",
            "image_terms": "image_terms = abar C_m, one row per image, repeated for its B / N captions, side by side",
            "r_hat": "r_hat = sum over i of E y_{t-i} C_i + abar C_m",
            "cache": "the cache is PredictCache(Ey, abar, C, C_m)",
        },
        mistakes=PREDICT_MISTAKES,
    ),
    Task(
        log_bilinear,
        "predict_backward",
        predict_back_cases,
        ("dEy", "dabar", "dC", "dC_m"),
        {
            "drows": "drows = dr_hat, one row for every word of every caption",
            "dEy": "dEy_i = dr_hat C_i^T, for every word of the window",
            "dC": "dC_i = (E y_{t-i})^T dr_hat, summed over all rows: words and captions",
            "dimage_terms": "dimage_terms = dr_hat summed over all words and the image's B / N captions, side by side",
            "dC_m": "dC_m = abar^T dimage_terms",
            "dabar": "dabar = dimage_terms C_m^T",
        },
        mistakes=PREDICT_BACK_MISTAKES,
    ),
    Task(
        log_bilinear,
        "decode_forward",
        decode_cases,
        ("logits", "cache"),
        {
            "Ey": "Ey = E looked up at windows(words): (T, B, n-1, M)",
            "r_hat": "r_hat = sum over i of E y_{t-i} C_i + abar C_m, abar = the mean of a over its locations",
            "dropped": "dropped = r_hat times its dropout mask",
            "logits": "logits = dropped E^T + b_o",
            "cache": "the cache is DecodeCache(locations, embedding, predict, dropout, output)",
        },
        mistakes=DECODE_MISTAKES,
    ),
    Task(
        log_bilinear,
        "decode_backward",
        decode_back_cases,
        ("da", "grads"),
        {
            "ddropped": "ddropped, dE_T, db_o = linear_backward(dlogits), where the weights of the output are E^T",
            "dE_T": "ddropped, dE_T, db_o = linear_backward(dlogits), where the weights of the output are E^T",
            "db_o": "db_o of linear_backward(dlogits)",
            "dr_hat": "dr_hat = dropout_backward(ddropped)",
            "dEy": "dEy, dabar, dC, dC_m = predict_backward(dr_hat)",
            "dabar": "dEy, dabar, dC, dC_m = predict_backward(dr_hat)",
            "dC": "dC of predict_backward(dr_hat)",
            "dC_m": "dC_m of predict_backward(dr_hat)",
            "dE": "dE = embedding_backward(dEy), through the windows, + dE_T^T, through the output",
            "da": "da_i = dabar / L at each of the L locations, because abar = sum over i of a_i / L",
            "grads": "grads: each parameter's gradient by the parameter's name",
        },
        mistakes=DECODE_BACK_MISTAKES,
    ),
)

HINTS = {
    "predict_forward": (
        "Which matrix belongs to the word directly before? How many rows does abar C_m have, and how many r_hat_t?",
        "r_hat_t = sum over i of E y_{t-i} C_i + abar C_m, with the image's row for each of its B / N captions",
        "Ey is (..., B, n - 1, M), as (..., B, (n - 1) M), and C is (n - 1, M, M), as ((n - 1) M, M). Their product "
        "is (..., B, M). abar C_m is (N, M), repeated to (B, M).",
        "Ey.reshape(*Ey.shape[:-2], -1) @ C.reshape(-1, M) + np.repeat(abar @ C_m, B // N, axis=0), B = Ey.shape[-3]",
    ),
    "predict_backward": (
        "How many predictions use C_1? How many use the one row abar C_m of an image?",
        "dEy_i = dr_hat C_i^T;  dC_i = sum over rows of (E y_{t-i})^T dr_hat;  dimage_terms = dr_hat summed over "
        "words and the image's captions",
        "dr_hat is (..., B, M), as rows (rows, M). dEy is (..., B, n - 1, M), dC is (n - 1, M, M). dimage_terms is "
        "(N, M), so dC_m is (D, N) (N, M) and dabar is (N, M) (M, D).",
        "dimage_terms = dr_hat.reshape(-1, N, B // N, M).sum(axis=(0, 2)), then as in the affine map: dC_m = abar.T @ "
        "dimage_terms, dabar = dimage_terms @ C_m.T.",
    ),
    "decode_forward": (
        "What are the weights of the output layer, and which shape must they have?",
        "logits = (r_hat * mask_r) E^T + b_o, with Ey = E at windows(words)",
        "words is (T, B), windows(words) is (T, B, n - 1), Ey is (T, B, n - 1, M), r_hat is (T, B, M). E is (V, M), "
        "so the weights are E^T, (M, V), and logits is (T, B, V).",
        "linear.linear_forward(dropped, params['E'].T, params['b_o']); a.mean(axis=1) goes to predict_forward.",
    ),
    "decode_backward": (
        "Which two lines of the forward pass use E?",
        "dE = embedding_backward(dEy) + (gradient of E^T)^T;  da_i = dabar / L",
        "The gradient of E^T is (M, V), the one of the windows (V, M). dr_hat is (T, B, M), dEy is (T, B, n - 1, M), "
        "dabar is (N, D), da is (N, L, D).",
        "linear_backward gives the gradient of E^T, (M, V): its transpose is added to embedding_backward's (V, M).",
    ),
}


def pencil():
    """Return the worked example of the page."""
    C = np.zeros((log_bilinear.WINDOW, 2, 2))
    C[0], C[1] = [[1, 0], [0, 1]], [[0, 0.5], [-0.5, 0]]
    E = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]])
    params, words = {"E": E, "C": C, "C_m": np.array([[2.0, 4]]), "b_o": np.zeros(4)}, np.array([[0], [1], [2]])
    inputs = {"params": params, "a": np.ones((1, 1, 1)), "words": words, "mask_r": np.ones((3, 1, 2))}
    _, cache = log_bilinear.decode_forward(**inputs)
    dlogits = np.zeros((3, 1, 4))
    dlogits[1, 0] = [0, 1, 0, -1]
    Ey = E[log_bilinear.windows(words)]
    prediction = {"Ey": Ey, "abar": np.ones((1, 1)), "C": C, "C_m": params["C_m"]}
    _, cache_predict = log_bilinear.predict_forward(**prediction)
    dr_hat = np.zeros((3, 1, 2))
    dr_hat[1, 0] = [0, -1]
    return [
        Example("predict_forward", prediction),
        Example("predict_backward", {"dr_hat": dr_hat, "cache": cache_predict}),
        Example("decode_forward", inputs),
        Example("decode_backward", {"dlogits": dlogits, "cache": cache}),
    ]
