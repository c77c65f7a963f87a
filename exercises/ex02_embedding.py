"""Exercise 2: Words as vectors                                                    (difficulty 1 of 3, about 30 minutes)

Goal            Turn words into vectors, and find where their gradient goes. Every word of a caption enters the decoder
                through this layer. Its backward pass is one line, and the line that most people write first is wrong.

Equations       Ey = y E        Ey_m = sum over v of y_v E_vm                    (..., M)   y: one-hot, (..., V)
                dE = y^T dEy    dE_vm = sum over all positions n of y_nv dEy_nm  (V, M)
                All terms of the first sum but one are 0, so Ey is the row of E at the word. No multiplication is
                needed. In the second sum, which terms remain for one word v? In how many positions can a word occur?

Worked example  The words I, live, in, Rome, Paris, Italy, France have the numbers 0 to 6. So a one-hot vector has
                length 7, and Paris is [0, 0, 0, 0, 1, 0, 0].
                The four sentences "I live in Rome / Paris / Italy / France" are words of shape (4, 4): "I live in
                Paris" is [0, 1, 2, 4]. Let M = 2, and let every entry of dEy be 1. Then dE is (7, 2), and its row for
                "live" is [4, 4]. What are the other six rows?
                E = [[1, 2], [3, 4], [5, 6]]   words = [2, 0, 2]   Ey = [[5, 6], [1, 2], [5, 6]]
                dEy = [[1, 0], [0, 1], [10, 10]]              Find dE. Which of its rows is zero?

Your task       1. one_hot: return 1 at the index of each word and 0 elsewhere, as float64. Trap: -1 is no word, but
                   NumPy reads it as the last one. Raise IndexError if a word is outside 0..V-1.
                2. embedding_forward: look up the row of E for each word. It need not refuse -1.
                3. embedding_backward: compute dE. Trap: one word may occur in several positions.

Given           words may have any shape, usually (T, B). Ey and the one-hot vectors have one more axis, the last.
                EmbeddingCache(words, E) is packed and unpacked for you.

Run             python -m exercises check 2   python -m exercises hint 2   python -m exercises check 2 --pencil
Read            exercises/chapters/word_vectors.md: the longer story, with figures
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
