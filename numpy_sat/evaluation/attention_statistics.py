"""Where a captioner looked while it wrote: how widely, and whether that depends on the word."""

from typing import NamedTuple

import numpy as np

COLLAPSED = 0.95  # of all locations: attention spread over so many picks nothing out


class Looks(NamedTuple):
    """Means over all words of all captions, <end> counted."""

    entropy: float  # nats
    most: float  # ln L, the entropy of attention spread evenly
    movement: float  # share of the attention that is elsewhere than for the word before; nan without two words

    @property
    def locations(self):
        """How many locations attention of this entropy would be spread over evenly."""
        return float(np.exp(self.entropy))

    @property
    def collapsed(self):
        """Whether attention is as good as uniform."""
        return bool(self.locations >= COLLAPSED * np.exp(self.most))


def looks(alphas):
    """Looks of captions' attention. With means over the words of all captions,

        entropy  = mean of - sum_i alpha_ti ln alpha_ti
        movement = mean of sum_i |alpha_ti - alpha_(t-1)i| / 2, of a caption's first word nothing

    alphas: of each caption (words, L), every word's adding up to 1.
    """
    alpha = np.concatenate(alphas).astype(np.float64)
    entropy = -(alpha * np.log(np.maximum(alpha, 1e-30))).sum(axis=1).mean()
    moves = np.concatenate([np.abs(np.diff(of_one, axis=0)).sum(axis=1) / 2 for of_one in alphas])
    return Looks(float(entropy), float(np.log(alpha.shape[1])), float(moves.mean()) if moves.size else float("nan"))
