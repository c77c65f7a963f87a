"""Hide words of captions, which the model then predicts (Devlin et al. 2018, arXiv 1810.04805).

Most of the chosen words become the token [MASK]. Some become another word and some stay. So the model cannot trust the
words that it sees, and has to form a vector of every word.
"""

import numpy as np

from numpy_sat.data.vocabulary import SPECIALS
from numpy_sat.system.streams import along

MOST = 3  # chosen words of a caption
MASKED, REPLACED = 0.8, 0.1  # shares of the chosen words; the rest stay


def choose(rng, real, rate):
    """Choose words of each caption: a share of them, at least one and at most MOST.

    Args:
        rng: numpy Generator.
        real: (T, B) 1 at words, 0 at padding.
        rate: share of the words.
    Returns:
        (T, B) True at the chosen words.
    """
    order = np.where(real > 0, along(rng, 1).random(real.shape), 2.0).argsort(axis=0).argsort(axis=0)
    count = np.clip(np.rint(rate * real.sum(axis=0)), 1, MOST)
    return order < count


def hide(rng, words, choice, V):
    """Replace most of the chosen words.

    Args:
        rng: numpy Generator.
        words: (T, B) integers.
        choice: (T, B) True at the chosen words.
        V: vocabulary size, which is the number of [MASK].
    Returns:
        (T, B) integers up to V.
    """
    kind = along(rng, 1).random(words.shape)
    others = along(rng, 1).integers(len(SPECIALS), V, words.shape)
    hidden = np.where(choice & (kind < MASKED), V, words)
    return np.where(choice & (kind >= MASKED) & (kind < MASKED + REPLACED), others, hidden)
