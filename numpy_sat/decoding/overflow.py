"""Find captions of a model whose weights are so large that its log-probabilities overflow."""

import math
from collections.abc import Iterable

from numpy_sat.decoding.search import Caption
from numpy_sat.system.errors import InputError


def refuse(captions: Iterable[Caption]) -> None:
    """Raise InputError if the log-probability of a caption is infinite or NaN. Such a caption is empty."""
    if not all(math.isfinite(caption.log_p) for caption in captions):
        raise InputError(
            "the model's log-probabilities are not finite numbers, so its weights are damaged; "
            "use another checkpoint, or train the model again."
        )
