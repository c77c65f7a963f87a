"""The log-probabilities that a captioner gives to captions of any origin."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from numpy_sat.data import batches
from numpy_sat.decoders import Writer
from numpy_sat.layers import softmax


def log_probabilities(
    decoder: Writer, params: dict[str, np.ndarray], state: Any, captions: Sequence[Sequence[int]]
) -> np.ndarray:
    """Compute log p(y | a) of captions, word by word, as the decoder would write them.

    Args:
        decoder: decoders.Writer.
        params: {name: array}.
        state: the decoder's state before the first word, one row for each caption.
        captions: B integer sequences, word numbers with <end> last unless a caption was cut.
    Returns:
        (B,) float64, natural logarithms.
    """
    words, targets, mask = batches.arrange(captions)
    total = np.zeros(len(captions))
    for words_t, targets_t, mask_t in zip(words, targets, mask, strict=True):
        logits, _, _, state = decoder.step(params, state, words_t)
        # log p(y | a) = sum_t log p(y_t | a, y_1..t-1)
        log_p = softmax.log_softmax(logits.astype(np.float64))
        total += mask_t * log_p[np.arange(len(total)), targets_t]
    return total
