"""Words as vectors"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from numpy_sat.layers import embedding

INTRO = """\
To learn: how a word enters a network, and where its gradient goes. The backward pass is one line, and the line that
most people write first is wrong.

The slides: "I live in Rome / Paris / Italy / France" has the words I, live, in, Rome, Paris, Italy, France, numbered
0 to 6. So a one-hot word has length 7, Paris is [0, 0, 0, 0, 1, 0, 0], and any two words are equally unlike: the
vector says which word it is and nothing more. What words have in common must be learned, a row of E for each:

    Ey = y E             Ey_m = sum over v of y_v E_vm          y: one-hot, (V,); E: (V, M)

All terms but one are zero, so nobody multiplies: Ey is the row of E at the word. Backward it is the same product:

    dE = y^T dEy         dE_vm = sum over all places n of y_nv dEy_nm

Again most of it is zeros. Which terms are left for one word v? In how many places may it stand?

Predict before you run: the four sentences are words of shape (4, 4), "I live in Paris" being [0, 1, 2, 4]. Let M = 2
and let every entry of dEy be 1. Then dE is (7, 2), and its row for "live" is [4, 4]. What are the other six rows?
And with E = [[1, 2], [3, 4], [5, 6]]: Ey of the words [2, 0, 2] is [[5, 6], [1, 2], [5, 6]].
For dEy = [[1, 0], [0, 1], [10, 10]], what is dE, and which row of it is zero?

words may have any shape, (T, B) most often; Ey and the one-hot vectors have one axis more, the last.
-1 is no word, though NumPy would take it for the last one: one_hot must raise IndexError.
The cache is EmbeddingCache(words, E)."""

IMPORTS = """\
import numpy as np

from numpy_sat.layers.embedding import EmbeddingCache"""

SENTENCES = np.array([[0, 1, 2, 3], [0, 1, 2, 4], [0, 1, 2, 5], [0, 1, 2, 6]])  # of the slides


def one_hot_cases(rng):
    """Words that do not reach V - 1; the slides'; words without a batch; with three axes."""
    return [
        {"words": np.array([[3, 0, 5, 3], [1, 1, 0, 2]]), "V": 7},
        {"words": SENTENCES, "V": 7},
        {"words": np.array([4, 0, 2]), "V": 5},
        {"words": rng.integers(6, size=(2, 3, 2)), "V": 6},
    ]


def forward_cases(rng):
    """Words that repeat, some that do not occur, the last of V among them; a square E; three axes; the slides'."""
    return [
        {"E": rng.standard_normal((V, M)), "words": words}
        for V, M, words in [
            (7, 3, rng.permutation([[0, 5], [2, 5], [1, 4], [5, 0]])),
            (4, 4, np.array([3, 0, 1, 3, 3])),
            (5, 2, rng.integers(5, size=(3, 1, 4))),
            (7, 2, SENTENCES),
        ]
    ]


def backward_cases(rng):
    """A random dEy for each forward."""
    cases = []
    for inputs in forward_cases(rng):
        Ey, cache = embedding.embedding_forward(**inputs)
        cases.append({"dEy": rng.standard_normal(Ey.shape), "cache": cache})
    return cases


HOT, SCATTER = "words[..., None] == np.arange(V)", "np.add.at(dE, words.ravel(), dEy.reshape(-1, E.shape[1]))"
HOT_MISTAKES = (
    Mistake(
        HOT,
        "np.broadcast_to(np.isin(np.arange(V), words), (*words.shape, V))",
        "every vector has a 1 for every word of the batch, not for its own alone: index rows and columns together",
    ),
    Mistake(HOT, "words[..., None] - 1 == np.arange(V)", "words are counted from 1, where they are from 0"),
)
LOOKUP_MISTAKES = (
    Mistake("return E[words]", "return E[words - 1]", "words are counted from 1, where they are from 0"),
    Mistake("return E[words]", "return np.ascontiguousarray(E[words][..., ::-1])", "the components are reversed"),
)
SCATTER_MISTAKES = (
    Mistake(
        SCATTER,
        SCATTER + "; dE /= np.maximum(np.bincount(words.ravel(), minlength=len(E)), 1)[:, None]",
        "a mean over the places of a word, where their sum belongs: divided by how often it occurs",
    ),
    Mistake(
        SCATTER,
        "np.add.at(dE, words.T.ravel(), dEy.reshape(-1, E.shape[1]))",
        "words and gradients are flattened in different orders, so that gradients go to other words",
    ),
    Mistake(
        SCATTER,
        "for y, d in zip(words, dEy): dE[y] += d",
        "within a step `+=` counts a word that occurs twice only once: an index may occur twice",
    ),
    Mistake(SCATTER, SCATTER + "; dE[0] = 0", "the row of word 0 is cleared as if it were padding; it is a word"),
)

TASKS = (
    Task(
        embedding,
        "one_hot",
        one_hot_cases,
        ("y",),
        {
            "y": "y_nv = 1 where v is the word at n, else 0",
            "hot": "hot = whether the word at n is v, for every n and v",
        },
        mistakes=HOT_MISTAKES,
        refused=({"words": np.array([[0, 7]]), "V": 7}, {"words": np.array([2, -1]), "V": 7}),
        single=False,  # it is told no dtype: always float64
    ),
    Task(
        embedding,
        "embedding_forward",
        forward_cases,
        ("Ey", "cache"),
        {"Ey": "Ey_n = the row of E at the word n", "cache": "the cache keeps words, E"},
        refused=({"E": np.zeros((3, 2)), "words": np.array([0, 3])},),
        mistakes=LOOKUP_MISTAKES,
    ),
    Task(
        embedding,
        "embedding_backward",
        backward_cases,
        ("dE",),
        {"dE": "dE_v = the sum of dEy_n over all places n where the word is v; 0 where it is nowhere"},
        mistakes=SCATTER_MISTAKES,
    ),
)

HINTS = {
    "one_hot": (
        "How long is a vector, and how many are there? Which numbers would you compare with which?",
        "y_nv = 1 where v is the word at n, else 0, for v = 0 .. V - 1",
        "words[..., None] == np.arange(V) compares every word with every v; a row without a 1 was no word. "
        "Make it float64.",
    ),
    "embedding_forward": (
        "What is left of one_hot(words, V) @ E, when all terms but one are zero?",
        "Ey_n = E_v, v being the word at n",
        "E[words]: an array of indices gives a row for each, in the shape of words.",
    ),
    "embedding_backward": (
        'Where does the word "live" stand in the four sentences? What should its row of dE have got from there?',
        "dE_v = sum of dEy_n over all n whose word is v",
        "dE[words] += dEy counts a word that stands twice only once. np.add.at(dE, words, dEy) counts both; so does a "
        "loop over the places.",
    ),
}
