"""Random streams: each purpose and each place in the training has its own random generator.

So no random state is stored, and a resumed training gets the same numbers as a training without interruption.
"""

from typing import Any

import numpy as np

from numpy_sat.system.ranks import Share

PARAMETERS, ORDER, IMAGE, DROPOUT, CAPTIONS, WORD_VECTORS, RANKING, DISCRIMINATOR, NOISE = range(9)  # purposes


def stream(seed: int, purpose: int, *place: int) -> np.random.Generator:
    """Return the generator of a purpose and a place in the training.

    Args:
        seed: the seed of the training.
        purpose: one of the constants above.
        place: integers that identify the place, such as (epoch, image).
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose, *place)))


class SharedStream:
    """The generator of a step whose batch several ranks share. Every rank draws the numbers of the whole batch.

    So the random numbers of an image do not depend on the number of ranks. `along` says which axis belongs to the
    images or captions of the batch, and a rank gets its share of that axis. What is drawn without it is the same on all
    ranks.
    """

    def __init__(self, rng: np.random.Generator, share: Share):
        self._rng, self._share = rng, share

    def random(self, size: Any = None, dtype: type = np.float64) -> Any:
        """Draw as numpy's Generator does."""
        return self._rng.random(size, dtype)

    def integers(self, low: int, high: int | None = None, size: Any = None) -> Any:
        """Draw as numpy's Generator does."""
        return self._rng.integers(low, high, size)

    def along(self, axis: int) -> "_Along":
        """Return a generator that draws arrays whose `axis` belongs to the images or captions of the batch."""
        return _Along(self._rng, self._share, axis)


class _Along:
    """A generator of arrays: it draws those of the whole batch, and returns a rank's share of one axis."""

    def __init__(self, rng, share, axis):
        self._rng, self._share, self._axis = rng, share, axis

    def random(self, size, dtype=np.float64):
        return self._part(self._rng.random(self._whole(size), dtype), size)

    def integers(self, low, high=None, size=None):
        return self._part(self._rng.integers(low, high, self._whole(size)), size)

    def _whole(self, size):
        shape = list(np.broadcast_shapes(size))
        shape[self._axis] = self._share.whole(shape[self._axis])
        return tuple(shape)

    def _part(self, array, size):
        count = np.broadcast_shapes(size)[self._axis]
        places = self._axis * (slice(None),) + (self._share.place(count),)
        return np.ascontiguousarray(array[places])


def along(rng: Any, axis: int) -> Any:
    """Return a generator for arrays whose `axis` belongs to the images or captions of a batch.

    Args:
        rng: numpy Generator, which is returned unchanged, or a SharedStream.
        axis: number of the axis, from 0.
    """
    return rng.along(axis) if isinstance(rng, SharedStream) else rng
