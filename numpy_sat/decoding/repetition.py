"""Write captions without repeated content words, by a decoder that excludes the words that a caption has already.

"A man in a hat is wearing a hat" repeats a content word. Words with the same stem count as the same word. Function
words such as "a" may be repeated (data/content_words.py). The excluded words have the probability 0, and those of all
other words are divided by their sum.
"""

from typing import Any, NamedTuple

import numpy as np

from numpy_sat.data.content_words import stem_numbers
from numpy_sat.data.vocabulary import Vocabulary
from numpy_sat.experiment.recipe import Recipe


def stems_of(recipe: Recipe, vocabulary: Vocabulary) -> np.ndarray | None:
    """Return content_words.stem_numbers, or None if the recipe allows repetitions."""
    return stem_numbers(vocabulary) if recipe.decoding.no_repeats else None


def restricted(writer: Any, stems: np.ndarray | None) -> Any:
    """Return a decoder that repeats no content word.

    Args:
        writer: decoders.Writer, or another decoder for search.beam_search.
        stems: from `stems_of`; if None, the decoder itself is returned.
    """
    return writer if stems is None else _Writer(writer, stems)


class _State(NamedTuple):
    """The state of the decoder, and the stems of the words that each of B captions has."""

    decoder: Any
    used: np.ndarray  # (B, stems) bool

    @property
    def weights(self):
        """Return the weights of the last context, for decoding/trace.py."""
        return getattr(self.decoder, "weights", None)


class _Writer:
    """A decoders.Writer that sets the logits of used content words to -inf."""

    def __init__(self, writer, stems):
        self.writer, self.rank, self.stems = writer, getattr(writer, "rank", None), stems
        self.content = np.flatnonzero(stems >= 0)

    def begin(self, params, a):
        """Return the state before the first word, with one caption per image."""
        return _State(self.writer.begin(params, a), np.zeros((len(a), self.stems.max() + 1), bool))

    def select(self, state, rows):
        """Return the state of selected captions. rows: (B',) indices."""
        return _State(self.writer.select(state.decoder, rows), state.used[rows])

    def step(self, params, state, words):
        """Predict the next words as the decoder does, without the content words that the caption has."""
        logits, alpha, beta, decoder_state = self.writer.step(params, state.decoder, words)
        used, stems = state.used.copy(), self.stems[words]
        used[stems >= 0, stems[stems >= 0]] = True
        logits = logits.copy()
        logits[:, self.content] = np.where(used[:, self.stems[self.content]], -np.inf, logits[:, self.content])
        return logits, alpha, beta, _State(decoder_state, used)
