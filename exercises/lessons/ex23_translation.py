"""Reading a sentence"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Facts
from numpy_sat.data.vocabulary import END
from numpy_sat.encoders import reader

FACTS = Facts(difficulty=2, minutes=45, builds_on=(2, 10))

INTRO = """\
To learn: how to encode a sentence, so that the decoder that writes captions of images can translate it.

The slides begin like this: one LSTM reads "hello", and another LSTM starts from its last state and writes "ciao". But
that one state must also hold all of "the two red houses on monday". Attention was invented here (Bahdanau et al. 2015):
keep the state after every word, and let the decoder attend to them. The states are annotation vectors, a_j of word j.
alpha is now an alignment: "le due case rosse" attends to the, two, houses, red, in the changed order of Italian.

The slides call "hello" the query and "ciao" the key. Commonly, and in this code, it is the reverse. The decoder's
hidden state before "ciao" gives the query, h W_h. The word "hello" gives the key, W_a a_j + b_a, which is compared with
the query, and the value, a_j, which is read.

An LSTM that reads forward cannot know at "red" that houses follow: case rosse, but libri rossi. So there are two:

    Ex_j = E x_j                          the words' vectors, j = 1 ... L
    ahead_j = LSTM(Ex_j, ahead_{j-1})     from the first word to the last, with W_x_ahead, W_hh_ahead, b_ahead
    back_j = LSTM(Ex_j, back_{j+1})       from the last word to the first, with W_x_back, W_hh_back, b_back
    a_j = (ahead_j, back_j)               side by side, D = 2S

Both start from h = c = 0, and both are lstm.lstm_sequence_forward, which runs along the first axis from its beginning.
So the words must be the first axis, (L, N). For `back`, reverse them, [::-1], and reverse the resulting states again.

Predict before you run. M = S = 1, W_x = [[0, 0, 0, 1]], W_hh = 0, gates open (b = [1000, 1000, 1000, 0]). So the cell
state adds up the inputs, c' = c + tanh(Ex), and h' = tanh(c'). Three words have tanh(Ex) = 1/4, 1/2, 0. So ahead has
c = 1/4, 3/4, 3/4 and a[0, :, 0] = 0.2449, 0.6351, 0.6351. What is a[0, :, 1]? (It begins with 0.6351.) Then let da be
1 at a[0, 1, 1] and 0 elsewhere: which of the three words have no gradient? (The third has one, though it adds 0.)

params and grads are dicts with the names E_source, W_x_ahead, ..., b_back. The cache is EncodeCache(embedding, ahead,
back), of embedding_forward and both lstm_sequence_forward. Call these and their backward passes through their modules.
Sentences are filled up with <end>, which is read like any word."""

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
        "back, _, cache_back = lstm.lstm_sequence_forward(Ex[::-1], zeros, zeros, ...); then "
        "np.concatenate([ahead, back[::-1]], axis=2), and swap its first two axes; np.ascontiguousarray.",
    ),
    "encode_backward": (
        "Each LSTM needs the gradients of its states in the order in which it computed them. Which order is that for "
        "`back`? Which LSTMs read the vector of word j?",
        "dEx_j = dEx_ahead_j + dEx_back_j;  dE = embedding_backward(dEx)",
        "dEx_back, _, _, dW_x, dW_hh, db = lstm.lstm_sequence_backward(dback[::-1], zeros, cache.back), and then "
        "dEx = dEx_ahead + dEx_back[::-1].",
    ),
}
