"""Define the model that aligns words with regions (Karpathy and Li 2014), on one page.

    v_i = W_m a_i + b_m          a region's vector, from its annotation
    s_t = BRNN(words)_t          a word's vector, from its whole sentence (encoders/bidirectional.py)
    S_kl, C                      score of an image and a sentence, and the margin loss (layers/alignment.py)

Training sees pairs of images and captions only. Nothing says which region belongs to which word.
"""

import numpy as np

from numpy_sat.encoders import bidirectional
from numpy_sat.layers import alignment, linear

Arrays = dict[str, np.ndarray]  # parameters or gradients by name


def init_params(rng: np.random.Generator, D: int, V: int, M: int, H: int, dtype: type = np.float32) -> Arrays:
    """Draw all parameters. Region vectors start small, so that most scores differ by less than the margin.

    Args:
        rng: numpy Generator.
        D, V, M, H: annotation size, vocabulary size, embedding size, size of the vectors v_i and s_t.
        dtype: dtype of the parameters.
    Returns:
        Arrays by name.
    """
    W_m = (0.01 * rng.standard_normal((D, H)) / np.sqrt(D)).astype(dtype)
    return {"W_m": W_m, "b_m": np.zeros(H, dtype), **bidirectional.init_params(rng, V, M, H, dtype)}


def loss_and_grads(params: Arrays, a: np.ndarray, words: np.ndarray, lengths: np.ndarray) -> tuple[float, Arrays]:
    """Run one forward and backward pass on K images, each with one caption.

    Args:
        params: arrays by name.
        a: (K, R, D) annotations of the regions.
        words: (T, K) integers, the words of the captions and padding.
        lengths: (K,) number of words of each caption.
    Returns:
        loss: the margin loss, per pair.
        grads: gradients by name.
    """
    mask = (np.arange(len(words))[:, None] < lengths).astype(a.dtype)
    v, cache_v = linear.linear_forward(a, params["W_m"], params["b_m"])
    s, cache_s = bidirectional.encode_forward(params, words, lengths)
    S, cache_S = alignment.score_forward(v, s, mask)
    loss, cache_loss = alignment.margin_forward(S)

    dS = alignment.margin_backward(1.0, cache_loss).astype(a.dtype)
    dv, ds = alignment.score_backward(dS, cache_S)
    _, dW_m, db_m = linear.linear_backward(dv, cache_v)
    return float(loss), {"W_m": dW_m, "b_m": db_m, **bidirectional.encode_backward(ds, cache_s)}


def products(params: Arrays, a: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Compute v_i . s_t of one image and one caption.

    Args:
        params: arrays by name.
        a: (R, D) annotations of the regions.
        words: (T,) integers, the words of the caption.
    Returns:
        (T, R).
    """
    s, _ = bidirectional.encode_forward(params, words[:, None], np.array([len(words)]))
    return s[:, 0] @ (a @ params["W_m"] + params["b_m"]).T


def scores(params: Arrays, a: np.ndarray, words: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Compute the score S_kl of every image with every caption.

    Args:
        params: arrays by name.
        a: (K, R, D) annotations of the regions.
        words: (T, B) integers, the words of the captions and padding.
        lengths: (B,) number of words of each caption.
    Returns:
        S: (K, B).
    """
    mask = (np.arange(len(words))[:, None] < lengths).astype(a.dtype)
    s, _ = bidirectional.encode_forward(params, words, lengths)
    return alignment.score_forward(a @ params["W_m"] + params["b_m"], s, mask)[0]
