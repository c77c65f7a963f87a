"""What a step of the generator returns in adversarial training."""

from typing import NamedTuple

import numpy as np

from numpy_sat.data.batches import Batch
from numpy_sat.loss import Loss


class Generated(NamedTuple):
    """Captions that the generator has written, with its loss and gradients."""

    a: np.ndarray  # (N, L, D) annotations
    batch: Batch  # the captions
    rewards: np.ndarray  # (B,) the discriminator's probabilities of being real
    loss: Loss
    grads: dict  # gradients by parameter name
