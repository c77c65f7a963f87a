"""The discriminator's parameters, its scores of captions, and its loss and gradients (layers/discriminator.py)."""

from collections.abc import Sequence

import numpy as np

from numpy_sat.data import batches
from numpy_sat.layers import activations, discriminator, embedding, gumbel
from numpy_sat.system import ranks

LOCATION_SIZE = 32  # K, components of each location's projection
IMAGE, SENTENCE = ("W_a", "b_a", "W_f", "b_f"), ("W_x", "W_hh", "b")  # the parameters of f(I), and of h(S) beside E


def init_params(
    rng: np.random.Generator, shape: tuple[int, int], V: int, size: int, dtype: type = np.float32
) -> dict[str, np.ndarray]:
    """Draw all parameters. Weights have the standard deviation 1 / sqrt(inputs), and the forget bias starts at 1.

    Args:
        rng: numpy Generator.
        shape: (L, D) of an image's annotations.
        V: vocabulary size.
        size: S = M, components of the hidden state and of a word's embedding.
        dtype: dtype of the parameters.
    Returns:
        {name: array}.
    """
    (L, D), K, S = shape, LOCATION_SIZE, size

    def weights(rows, columns):
        return (rng.standard_normal((rows, columns)) / np.sqrt(rows)).astype(dtype)

    b = np.zeros(4 * S, dtype)
    b[S : 2 * S] = 1
    return {
        "E": (0.5 * rng.standard_normal((V, S))).astype(dtype),
        **{"W_a": weights(D, K), "b_a": np.zeros(K, dtype), "W_f": weights(L * K, S), "b_f": np.zeros(S, dtype)},
        **{"W_x": weights(S, 4 * S), "W_hh": weights(S, 4 * S), "b": b},
    }


def rewards(
    params: dict[str, np.ndarray], a: np.ndarray, images: np.ndarray, captions: Sequence[Sequence[int]]
) -> np.ndarray:
    """Compute r(I, S), the probability that each caption is real and belongs to its image.

    Args:
        params: {name: array}.
        a: (N, L, D) annotations.
        images: (B,) index of each caption's image.
        captions: B lists of word numbers, which end with <end> unless they were cut.
    Returns:
        (B,) float64.
    """
    _, targets, mask = batches.arrange(captions)
    f, _ = discriminator.image_forward(a, *(params[name] for name in IMAGE))
    h, _ = _sentence_forward(params, targets, mask)
    score, _ = discriminator.score_forward(f[images], h)
    return _probability(score)


def reward_and_gradient(
    params: dict[str, np.ndarray], a: np.ndarray, y: np.ndarray, mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Compute r(I, S) of captions of soft words, and its gradient.

    Args:
        params: {name: array}.
        a: (N, L, D) annotations.
        y: (T, B, V) soft or one-hot words; B / N consecutive captions belong to each image.
        mask: (T, B) 1 at words up to <end>, 0 after it.
    Returns:
        r: (B,) float64.
        dy: (T, B, V) gradient of each caption's r at its words, 0 after <end>.
    """
    f, _ = discriminator.image_forward(a, *(params[name] for name in IMAGE))
    Ey, _ = gumbel.mixture_forward(params["E"], y)
    h, cache_h = discriminator.sentence_forward(Ey, mask, *(params[name] for name in SENTENCE))
    score, cache_score = discriminator.score_forward(f, h)
    r = _probability(score)
    # d sigm(s) / ds = r (1 - r)
    _, dh = discriminator.score_backward((r * (1 - r)).astype(score.dtype), cache_score)
    dEy, *_ = discriminator.sentence_backward(dh, cache_h)
    # Ey = y E
    return r, dEy @ params["E"].T


def loss_and_grads(
    params: dict[str, np.ndarray], a: np.ndarray, real: batches.Batch, generated: batches.Batch, weight: float
) -> tuple[float, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Compute the discriminator's loss and its gradients. The previous image of the batch is a caption's wrong image.

    Args:
        params: {name: array}.
        a: (N, L, D) annotations.
        real: data.batches.Batch with human captions.
        generated: data.batches.Batch with generated captions of the same images.
        weight: alpha, weight of the mismatched captions.
    Returns:
        loss: nats.
        grads: gradients by name.
        r: {"real", "generated" and "mismatched": (B,) probabilities of being real}.
        On several ranks, loss and r are those of the whole batch. The gradients are those of this rank's share.
    """
    f, cache_f = discriminator.image_forward(a, *(params[name] for name in IMAGE))
    h_real, cache_real = _sentence_forward(params, real.targets, real.mask)
    h_generated, cache_generated = _sentence_forward(params, generated.targets, generated.mask)
    # The previous image of the whole batch may be another rank's.
    (f, own_f), (h_real, own_real) = map(ranks.gather_forward, (f, h_real))
    h_generated, own_generated = ranks.gather_forward(h_generated)
    s_real, cache_s_real = discriminator.score_forward(f, h_real)
    s_generated, cache_s_generated = discriminator.score_forward(f, h_generated)
    s_mismatched, cache_s_mismatched = discriminator.score_forward(np.roll(f, 1, axis=0), h_real)
    loss, cache_loss = discriminator.loss_forward(s_real, s_generated, s_mismatched, weight)

    ds_real, ds_generated, ds_mismatched = discriminator.loss_backward(1.0, cache_loss)
    df_real, dh_real = discriminator.score_backward(ds_real, cache_s_real)
    df_generated, dh_generated = discriminator.score_backward(ds_generated, cache_s_generated)
    df_mismatched, dh_mismatched = discriminator.score_backward(ds_mismatched, cache_s_mismatched)
    # gradient of f(I): term 1: real captions, term 2: generated ones, term 3: the captions of the next image
    df = df_real + df_generated + np.roll(df_mismatched, -1, axis=0)
    df = ranks.gather_backward(df, own_f)
    grads = dict(zip(IMAGE, discriminator.image_backward(df, cache_f), strict=True))
    # a real caption also serves as a mismatched one
    real_grads = _sentence_backward(ranks.gather_backward(dh_real + dh_mismatched, own_real), cache_real)
    generated_grads = _sentence_backward(ranks.gather_backward(dh_generated, own_generated), cache_generated)
    grads |= {name: real_grads[name] + generated_grads[name] for name in real_grads}
    scores = {"real": s_real, "generated": s_generated, "mismatched": s_mismatched}
    return float(loss), grads, {kind: _probability(score) for kind, score in scores.items()}


def _sentence_forward(params, words, mask):
    """Compute h(S) of captions, (B, S), and the caches. words and mask: (T, B)."""
    Ey, cache_embedding = embedding.embedding_forward(params["E"], words)
    h, cache = discriminator.sentence_forward(Ey, mask, *(params[name] for name in SENTENCE))
    return h, (cache_embedding, cache)


def _sentence_backward(dh, caches):
    """Compute the gradients of E, W_x, W_hh and b by name."""
    cache_embedding, cache = caches
    dEy, *grads = discriminator.sentence_backward(dh, cache)
    return {"E": embedding.embedding_backward(dEy, cache_embedding), **dict(zip(SENTENCE, grads, strict=True))}


def _probability(score):
    return activations.sigmoid_forward(score.astype(np.float64))[0]
