"""How widely the attention of captions spreads, and whether it depends on the word."""

from typing import NamedTuple

import numpy as np

COLLAPSED = 0.95  # of all locations: attention that spreads over so many picks nothing out


class AttentionStatistics(NamedTuple):
    """Means over all words of all captions, <end> counted."""

    entropy: float  # nats
    most: float  # ln L, the entropy of uniform attention
    movement: float  # share of the attention that is elsewhere than for the word before; nan without two words

    @property
    def locations(self):
        """The number of locations over which uniform attention has this entropy."""
        return float(np.exp(self.entropy))

    @property
    def collapsed(self):
        """True if attention is as good as uniform."""
        return bool(self.locations >= COLLAPSED * np.exp(self.most))


def measure(alphas):
    """Compute the statistics of captions' attention.

        entropy  = mean of - sum_i alpha_ti ln alpha_ti
        movement = mean of sum_i |alpha_ti - alpha_(t-1)i| / 2, for t >= 2

    Args:
        alphas: (words, L) of each caption; each row sums to 1.
    Returns:
        AttentionStatistics.
    """
    alpha = np.concatenate(alphas).astype(np.float64)
    entropy = -(alpha * np.log(np.maximum(alpha, 1e-30))).sum(axis=1).mean()
    moves = np.concatenate([np.abs(np.diff(caption, axis=0)).sum(axis=1) / 2 for caption in alphas])
    movement = float(moves.mean()) if moves.size else float("nan")
    return AttentionStatistics(float(entropy), float(np.log(alpha.shape[1])), movement)
