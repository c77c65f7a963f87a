"""Reading a sentence"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.data.vocabulary import END
from numpy_sat.encoders import reader

FACTS = Facts(difficulty=2, minutes=45, builds_on=(2, 10), chapter="from_show_and_tell_to_attention")

INTRO = """\
Goal            Encode a sentence, so that the decoder that writes captions can translate it. Early translators read
                "hello" with one LSTM, and a second LSTM started from its last state and wrote "ciao". One state must
                then hold the whole sentence. Attention was invented here (Bahdanau et al. 2015): keep the state after
                every word, and let the decoder attend to them. The states are annotations, a_j of word j.

Equations       Ex_j    = E x_j                        (L, N, M)     j = 1 ... L, the words' vectors
                ahead_j = LSTM(Ex_j, ahead_{j-1})      (L, N, S)     from the first word to the last
                back_j  = LSTM(Ex_j, back_{j+1})       (L, N, S)     from the last word to the first
                a_j     = (ahead_j, back_j)            (N, L, 2S)    side by side
                An LSTM that reads forward cannot know at "red" which noun follows: case rosse, but libri rossi. So
                there are two. Both start from h = c = 0. In the decoder, its hidden state gives the query. Word j gives
                the key and the value.

Worked example  M = S = 1, open gates: c' = c + tanh(Ex), h' = tanh(c'). Three words:
                tanh_Ex = [1/4, 1/2, 0]   c_ahead = [1/4, 3/4, 3/4]   a_ahead = [0.2449, 0.6351, 0.6351]
                Find a_back, which begins with 0.6351. Then let da be 1 at a[0, 1, 1] and 0 elsewhere. Which of the
                three words have no gradient? (The third has one, though it adds 0.)

Your task       1. encode_forward: look up the words, run both LSTMs, and put the states side by side. Trap:
                   lstm_sequence_forward runs along the first axis, so the words must be first, (L, N). For `back`,
                   reverse the words, [::-1], and reverse the resulting states again.
                2. encode_backward: undo each step, in reverse. Trap: both LSTMs read Ex, so its gradient is a sum.

Given           Call embedding.embedding_forward(E, words) and lstm.lstm_sequence_forward(x, h, c, W_x, W_hh, b), which
                returns h_all, c and its cache. Their backward functions take the gradients and the cache. The names in
                params and grads are E_source, then W_x, W_hh and b with _ahead and _back: W_x_ahead, ... The cache
                EncodeCache holds cache_embedding, cache_ahead and cache_back. It is packed and unpacked for you.
                Sentences are filled up with <end>, which is read like any word.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.encoders.reader import EncodeCache
from numpy_sat.layers import embedding, lstm"""

SIZES = [(3, 5, 7, 4, 2), (4, 4, 6, 3, 3), (1, 3, 5, 2, 3), (2, 1, 4, 3, 1)]  # N, L, V, M, S


def forward_cases(rng):
    """Return cases of different sizes, as many words as sentences, one sentence, and one word, with random biases."""
    cases = []
    for N, L, V, M, S in SIZES:
        params = reader.init_params(rng, (V, M, S), dtype=np.float64)
        params = {name: array + 0.3 * rng.standard_normal(array.shape) for name, array in params.items()}
        sources = rng.integers(2, V, (N, L))
        for row, length in zip(sources, rng.integers(1, L + 1, N), strict=True):
            row[length:] = END
        cases.append({"params": params, "sources": sources, "sizes": (V, M, S)})
    return cases


def backward_cases(rng):
    """Return a random da for each forward case."""
    cases = []
    for inputs in forward_cases(rng):
        a, cache = reader.encode_forward(**inputs)
        cases.append({"da": rng.standard_normal(a.shape), "cache": cache})
    return cases


READ_BACK = """\
    back, _, cache_back = lstm.lstm_sequence_forward(Ex[::-1], zeros, zeros, *weights_back)
    a = np.concatenate([ahead, back[::-1]], axis=2).swapaxes(0, 1)
"""
FORWARD_MISTAKES = (
    Mistake(
        "[ahead, back[::-1]]",
        "[ahead, back]",
        "the states of `back` are not reversed again: the first one belongs to the last word",
    ),
    Mistake(
        "Ex[::-1], zeros", "Ex, zeros", "the words are not reversed: `back` reads from the first word, like `ahead`"
    ),
    Mistake(
        READ_BACK,
        READ_BACK.replace("[::-1]", ""),
        "`back` reads from the first word to the last, like `ahead`, with other weights",
    ),
    Mistake("Ex[::-1], zeros", "Ex[:, ::-1], zeros", "the sentences are reversed, the second axis, not the words"),
    Mistake("*weights_back)", "*weights_ahead)", "`back` uses the weights of `ahead`, but it has weights of its own"),
    Mistake(
        "Ex[::-1], zeros, zeros",
        "Ex[::-1], ahead[-1], zeros",
        "`back` starts from the last state of `ahead`, not from zeros",
    ),
)

SPLIT = "np.split(da.swapaxes(0, 1), 2, axis=2)"
GO_BACK = """\
        dback[::-1], zeros, cache.back
    )
    # gradient of E x_j = term 1: through the LSTM ahead + term 2: through the LSTM back
    grads["E_source"] = embedding.embedding_backward(dEx_ahead + dEx_back[::-1], cache.embedding)
"""
BACKWARD_MISTAKES = (
    Mistake("dback[::-1]", "dback", "`dback` is not reversed: `back` begins with the last word"),
    Mistake("+ dEx_back[::-1]", "+ dEx_back", "`dEx_back` is not reversed again: it begins with the last word"),
    Mistake(GO_BACK, GO_BACK.replace("[::-1]", ""), "`dback` and `dEx_back` are not reversed, but the words were"),
    Mistake(
        SPLIT,
        "(da.swapaxes(0, 1)[:, :, k::2] for k in (0, 1))",
        "every other number is used, but the two halves of a_j come one after the other",
    ),
    Mistake(
        SPLIT,
        "np.split(da.reshape(da.shape[1], len(da), -1), 2, axis=2)",
        "reshape does not swap two axes: it fills the new shape with the numbers in their old order; use swapaxes",
    ),
)

TASKS = (
    Task(
        reader,
        "encode_forward",
        forward_cases,
        ("a", "cache"),
        {
            "Ex": "Ex_j = E x_j, with the words as the first axis: (L, N, M)",
            "zeros": "h = c = 0 before the first word, (N, S), in the dtype of Ex",
            "ahead": "ahead_j = LSTM(Ex_j, ahead_{j-1}), from the first word to the last",
            "back": "back_j = LSTM(Ex_j, back_{j+1}), from the last word to the first",
            "a": "a_j = (ahead_j, back_j), with the sentences as the first axis: (N, L, 2S)",
            "cache": "the cache is EncodeCache(embedding, ahead, back)",
        },
        mistakes=FORWARD_MISTAKES,
    ),
    Task(
        reader,
        "encode_backward",
        backward_cases,
        ("grads",),
        {
            "dahead": "dahead_j = the first S numbers of da_j, with the words as the first axis: (L, N, S)",
            "dback": "dback_j = the last S numbers of da_j, with the words as the first axis: (L, N, S)",
            "zeros": "the cell state after the last word has no use: its gradient is 0, (N, S)",
            "dEx_ahead": "dEx_ahead_j = lstm_sequence_backward(dahead), with the cache of `ahead`",
            "dEx_back": "dEx_back_j = lstm_sequence_backward(dback), reversed like `back`, with its cache",
            "dE_source": "dE_source = embedding_backward(dEx), dEx_j = dEx_ahead_j + dEx_back_j: both LSTMs read x_j",
            **{
                f"d{name}_{way}": f"d{name}_{way} = lstm_sequence_backward's d{name}, with the cache of `{way}`"
                for way in ("ahead", "back")
                for name in reader.WEIGHTS
            },
            "grads": "grads: each weight's gradient by the weight's name",
        },
        mistakes=BACKWARD_MISTAKES,
    ),
)

HINTS = {
    "encode_forward": (
        "Which axis is time for lstm_sequence_forward? If the words are reversed, which word does the first state "
        "belong to?",
        "Ex = E[sources.T];  ahead from Ex;  back from Ex[::-1], then reversed;  a_j = (ahead_j, back_j)",
        "sources is (N, L). Its transpose is (L, N), so Ex is (L, N, M). ahead and back are (L, N, S), side by side "
        "(L, N, 2S). a is (N, L, 2S).",
        "back, _, cache_back = lstm.lstm_sequence_forward(Ex[::-1], zeros, zeros, ...); then "
        "np.concatenate([ahead, back[::-1]], axis=2), and swap its first two axes; np.ascontiguousarray.",
    ),
    "encode_backward": (
        "Each LSTM needs the gradients of its states in the order in which it computed them. Which order is that for "
        "`back`? Which LSTMs read the vector of word j?",
        "dEx_j = dEx_ahead_j + dEx_back_j;  dE = embedding_backward(dEx)",
        "da is (N, L, 2S), with its first axes swapped (L, N, 2S): dahead is its first S columns, dback the others. "
        "dEx is (L, N, M), as the embedding's words are (L, N).",
        "dEx_back, _, _, dW_x, dW_hh, db = lstm.lstm_sequence_backward(dback[::-1], zeros, cache_back), and then "
        "dEx = dEx_ahead + dEx_back[::-1].",
    ),
}


def pencil():
    """Return the worked example of the page."""
    gates = {"W_x": np.array([[0.0, 0, 0, 1]]), "W_hh": np.zeros((1, 4)), "b": np.array([1000.0, 1000, 1000, 0])}
    params = {f"{name}_{way}": array for way in ("ahead", "back") for name, array in gates.items()}
    params["E_source"] = np.arctanh([[1 / 4], [1 / 2], [0]])
    inputs = {"params": params, "sources": np.array([[0, 1, 2]]), "sizes": (3, 1, 1)}
    a, cache = reader.encode_forward(**inputs)
    da = np.zeros_like(a)
    da[0, 1, 1] = 1
    return [Example("encode_forward", inputs), Example("encode_backward", {"da": da, "cache": cache})]
