"""Define the encoder of the blind baseline, which ignores the image: one location with a zero annotation vector.

The decoder on top of this encoder is a language model. Its score shows what captions have in common, whatever the image
shows. A model that sees the image must exceed this score. The encoder has no parameters and costs no time. More
locations would change nothing, because all would get the same attention weight.
"""

import numpy as np


def init_params(rng: np.random.Generator, D: int, norm: bool = False, dtype: type = np.float32) -> dict:
    """Return {}: the encoder has no parameters. D is the size of the annotation vectors, here and below."""
    return {}


def encode_forward(params: dict[str, np.ndarray], images: np.ndarray, D: int) -> tuple[np.ndarray, None]:
    """Encode images in training.

    Args:
        params: not used.
        images: (N, ...); only their number and dtype are used.
        D: annotation size.
    Returns:
        a: (N, 1, D) zeros.
        cache: None.
    """
    return encode(params, images, D), None


def encode_backward(da: np.ndarray, cache: None) -> dict:
    """Return {}: there are no gradients."""
    return {}


def encode(params: dict[str, np.ndarray], images: np.ndarray, D: int) -> np.ndarray:
    """Encode images in inference mode.

    Args:
        params: not used.
        images: (N, ...); only their number and dtype are used.
        D: annotation size.
    Returns:
        a: (N, 1, D) zeros.
    """
    return np.zeros((len(images), 1, D), np.float64 if images.dtype == np.float64 else np.float32)


def size(D: int) -> int:
    """Return D."""
    return D
