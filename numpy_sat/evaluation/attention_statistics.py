"""Statistics of attention weights: their entropy, and how much they change from word to word."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

COLLAPSED = 0.95  # attention has collapsed if it spreads over at least this share of all locations


class AttentionStatistics(NamedTuple):
    """Means over all words of all captions; <end> counts as a word."""

    entropy: float  # nats
    most: float  # ln L, the entropy of uniform attention, nats
    movement: float  # share of the attention that moves from word to word; nan if no caption has two words

    @property
    def locations(self) -> float:
        """Return the number of locations over which uniform attention has this entropy."""
        return float(np.exp(self.entropy))

    @property
    def collapsed(self) -> bool:
        """Return True if attention is nearly uniform."""
        return bool(self.locations >= COLLAPSED * np.exp(self.most))


def measure(alphas: Sequence[np.ndarray]) -> AttentionStatistics:
    """Compute the statistics of the attention of several captions.

        entropy  = mean of - sum_i alpha_ti ln alpha_ti
        movement = mean of sum_i |alpha_ti - alpha_(t-1)i| / 2, for t >= 2

    Args:
        alphas: a list of (T, L) attention weights, one per caption; each row sums to 1.
    Returns:
        An AttentionStatistics.
    """
    alpha = np.concatenate(alphas).astype(np.float64)
    entropy = -(alpha * np.log(np.maximum(alpha, 1e-30))).sum(axis=1).mean()
    moves = np.concatenate([np.abs(np.diff(caption, axis=0)).sum(axis=1) / 2 for caption in alphas])
    movement = float(moves.mean()) if moves.size else float("nan")
    return AttentionStatistics(float(entropy), float(np.log(alpha.shape[1])), movement)
