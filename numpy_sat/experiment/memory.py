"""The parameters that a recipe needs and the memory for them, known before anything is allocated."""

import math

import numpy as np

from numpy_sat import captioner
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.system import memory
from numpy_sat.system.errors import InputError

COPIES = 4  # of the parameters in training: themselves, their gradients and two moving means
FLOAT = 4  # bytes of a float32


def shapes(recipe: Recipe, V: int) -> dict[str, np.ndarray]:
    """Return arrays that have the shapes and dtypes of a recipe's parameters, and almost no memory.

    Args:
        recipe: Recipe.
        V: vocabulary size.
    Returns:
        {name: array}; the arrays are read-only, and their values mean nothing.
    """
    return captioner.init_params(_Unsampled(), recipe, np.broadcast_to(np.float32(0), V))


def check(recipe: Recipe, V: int) -> None:
    """Raise InputError if training would need more memory than the machine has.

    The estimate is a lower bound: the parameters, and in one batch the images, their first features and the logits.

    Args:
        recipe: Recipe.
        V: vocabulary size.
    """
    encoder, training = recipe.encoder, recipe.training
    parameters = sum(math.prod(array.shape) for array in shapes(recipe, V).values())
    pixels = training.batch_size * encoder.image_size**2
    features = 0 if encoder.pretrained or encoder.source_words or encoder.blind else encoder.stages[0][0]
    logits = training.batch_size * training.captions_per_image * V
    needs = {
        "embedding_size, hidden_size and attention_size": COPIES * parameters,
        "batch_size and image_size": pixels * (3 + features),
        "batch_size and captions_per_image": logits,
    }
    total = memory.total()
    if FLOAT * sum(needs.values()) > total:
        names = max(needs, key=needs.get)
        raise InputError(
            f"the recipe needs {FLOAT * sum(needs.values()) / 1e9:,.1f} GB of memory or more, and this machine has "
            f"{total / 1e9:,.1f} GB; choose a smaller {names.replace(' and ', ' or ')}."
        )


class _Unsampled:
    """What init_params needs of a random generator. Its arrays have a shape, and no memory."""

    def standard_normal(self, shape):
        return _Unscaled(shape)


class _Unscaled:
    """An array that init_params multiplies by a scale, and then converts to its dtype."""

    __array_ufunc__ = None  # NumPy's numbers leave the product to __rmul__

    def __init__(self, shape):
        self._shape = shape

    def __truediv__(self, scale):
        return self

    def __rmul__(self, scale):
        return self

    def astype(self, dtype):
        return np.broadcast_to(np.zeros((), dtype), self._shape)
