"""Exercise 2: Words as vectors                                                    (difficulty 1 of 3, about 30 minutes)

To learn: how a word enters a network, and where its gradient goes. The backward pass is one line, and the line that
most people write first is wrong.

The slides: "I live in Rome / Paris / Italy / France" has the words I, live, in, Rome, Paris, Italy, France, numbered
0 to 6. So a one-hot vector has length 7, and Paris is [0, 0, 0, 0, 1, 0, 0]. Any two words are equally different: the
vector only says which word it is. The network learns what words have in common, one row of E for each word:

    Ey = y E             Ey_m = sum over v of y_v E_vm          y: one-hot, (V,); E: (V, M)

All terms but one are zero, so no multiplication is needed: Ey is the row of E at the word. Backward is a product, too:

    dE = y^T dEy         dE_vm = sum over all positions n of y_nv dEy_nm

Again most terms are zero. Which terms remain for one word v? In how many positions can it occur?

Predict before you run: the four sentences are words of shape (4, 4), "I live in Paris" being [0, 1, 2, 4]. Let M = 2
and let every entry of dEy be 1. Then dE is (7, 2), and its row for "live" is [4, 4]. What are the other six rows?
And with E = [[1, 2], [3, 4], [5, 6]]: Ey of the words [2, 0, 2] is [[5, 6], [1, 2], [5, 6]].
For dEy = [[1, 0], [0, 1], [10, 10]], what is dE, and which row of it is zero?

words may have any shape, usually (T, B). Ey and the one-hot vectors have one more axis, the last.
-1 is no word, but NumPy would use it as the last one: one_hot must raise IndexError.
The cache is EmbeddingCache(words, E).
Run             python -m exercises check 2      python -m exercises hint 2
"""

import numpy as np

from numpy_sat.layers.embedding import EmbeddingCache


def one_hot(words, V):
    """Return one-hot vectors: 1 at the index of the word, 0 elsewhere.

    The product with an embedding matrix selects its rows: one_hot(words, V) @ E == E[words].

    Args:
        words: (...) integers in 0..V-1.
        V: vocabulary size.
    Returns:
        (..., V) float64.
    Raises:
        IndexError: a word is outside 0..V-1.
    """
    raise NotImplementedError("exercise 2: one_hot")


def embedding_forward(E, words):
    """Look up the embedding vectors of words, which equals one_hot(words, V) @ E.

    Args:
        E: (V, M) embedding matrix.
        words: (...) integers in 0..V-1.
    Returns:
        Ey: (..., M) embedding vectors.
        cache: what embedding_backward needs.
    Raises:
        IndexError: a word is V or more.
    """
    raise NotImplementedError("exercise 2: embedding_forward")
    return Ey, EmbeddingCache(words, E)


def embedding_backward(dEy, cache):
    """Compute the gradient of the embedding matrix.

    Args:
        dEy: (..., M) gradient of the embedding vectors.
        cache: from embedding_forward.
    Returns:
        dE: (V, M); a word that occurs several times receives the sum of its gradients.
    """
    words, E = cache
    raise NotImplementedError("exercise 2: embedding_backward")
