"""The discriminator (evaluator) of adversarial training (Dai et al. 2017): did a person write S about the image I?

    r(I, S) = sigm(<f(I), h(S)>)                              the probability that S is real and belongs to I
    f(I)    = W_f vec(tanh(a W_a + b_a)) + b_f                every location keeps weights of its own
    h(S)    = the hidden state of an LSTM after the last word of S

It learns from three kinds of captions: real ones, generated ones, and mismatched ones, which are real captions of other
images. Without the mismatched ones it could ignore the image.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import activations, linear, lstm, noisy_or


class ImageCache(NamedTuple):
    """The caches that image_forward keeps for image_backward."""

    locations: linear.LinearCache
    tanh: activations.TanhCache  # (N, L, K)
    whole: linear.LinearCache


class SentenceCache(NamedTuple):
    """Arrays and the cache that sentence_forward keeps for sentence_backward."""

    last: np.ndarray  # (B,) step of the last word
    shape: tuple  # (T, B, S)
    lstm: lstm.LSTMSequenceCache


class ScoreCache(NamedTuple):
    """Arrays that score_forward keeps for score_backward."""

    f: np.ndarray  # (N, S)
    h: np.ndarray  # (B, S)


class LossCache(NamedTuple):
    """Arrays that loss_forward keeps for loss_backward."""

    real: np.ndarray  # (B,)
    generated: np.ndarray  # (G,)
    mismatched: np.ndarray  # (M,)
    weight: float


def image_forward(a, W_a, b_a, W_f, b_f):
    """Compute the vectors of images.

    Args:
        a: (N, L, D) annotations.
        W_a: (D, K) projection of every location.
        b_a: (K,).
        W_f: (L K, S).
        b_f: (S,).
    Returns:
        f: (N, S).
        cache: what image_backward needs.
    """
    projected, cache_locations = linear.linear_forward(a, W_a, b_a)
    v, cache_tanh = activations.tanh_forward(projected)
    # f = W_f vec(tanh(a W_a + b_a)) + b_f
    f, cache_whole = linear.linear_forward(v.reshape(len(a), -1), W_f, b_f)
    return f, ImageCache(cache_locations, cache_tanh, cache_whole)


def image_backward(df, cache):
    """Compute the gradients of image_forward, except that of the annotations, because the encoder is not trained.

    Args:
        df: (N, S).
        cache: from image_forward.
    Returns:
        dW_a: (D, K).
        db_a: (K,).
        dW_f: (L K, S).
        db_f: (S,).
    """
    dv, dW_f, db_f = linear.linear_backward(df, cache.whole)
    dprojected = activations.tanh_backward(dv.reshape(cache.tanh.y.shape), cache.tanh)
    _, dW_a, db_a = linear.linear_backward(dprojected, cache.locations)
    return dW_a, db_a, dW_f, db_f


def sentence_forward(Ey, mask, W_x, W_hh, b):
    """Compute the vectors of captions, the LSTM's hidden states after their last words.

    Args:
        Ey: (T, B, M) embeddings of the words; <end> is a word.
        mask: (T, B) 1 at words, 0 at padding; every caption has a word.
        W_x: (M, 4S) weights of the inputs.
        W_hh: (S, 4S) weights of the hidden state.
        b: (4S,) biases.
    Returns:
        h: (B, S).
        cache: what sentence_backward needs.
    """
    B, S = Ey.shape[1], len(W_hh)
    zeros = np.zeros((B, S), Ey.dtype)
    h_all, _, cache_lstm = lstm.lstm_sequence_forward(Ey, zeros, zeros, W_x, W_hh, b)
    # h(S) is the state after the last word; the LSTM also runs over padding, which does not count
    last = mask.astype(bool).sum(axis=0) - 1
    return h_all[last, np.arange(B)], SentenceCache(last, h_all.shape, cache_lstm)


def sentence_backward(dh, cache):
    """Compute the gradients of sentence_forward.

    Args:
        dh: (B, S).
        cache: from sentence_forward.
    Returns:
        dEy: (T, B, M), 0 at padding.
        dW_x: (M, 4S).
        dW_hh: (S, 4S).
        db: (4S,).
    """
    dh_all = np.zeros(cache.shape, dh.dtype)
    dh_all[cache.last, np.arange(len(dh))] = dh
    dEy, _, _, dW_x, dW_hh, db = lstm.lstm_sequence_backward(dh_all, np.zeros_like(dh), cache.lstm)
    return dEy, dW_x, dW_hh, db


def score_forward(f, h):
    """Compute <f(I), h(S)>, whose sigmoid is the probability that a caption is real.

    Args:
        f: (N, S) vectors of images.
        h: (B, S) vectors of captions; B / N consecutive captions belong to each image.
    Returns:
        score: (B,).
        cache: what score_backward needs.
    """
    score = (np.repeat(f, len(h) // len(f), axis=0) * h).sum(axis=1)
    return score, ScoreCache(f, h)


def score_backward(dscore, cache):
    """Compute the gradients of score_forward.

    Args:
        dscore: (B,).
        cache: from score_forward.
    Returns:
        df: (N, S).
        dh: (B, S).
    """
    f, h = cache
    # df of an image: each of its captions adds a term
    df = (dscore[:, None] * h).reshape(len(f), -1, h.shape[1]).sum(axis=1)
    dh = dscore[:, None] * np.repeat(f, len(h) // len(f), axis=0)
    return df, dh


def loss_forward(real, generated, mismatched, weight):
    """Compute the discriminator's loss: cross-entropy with the label 1 for real captions and 0 for the others.

    With r = sigm(score), it is - mean log r(real) - mean log(1 - r(generated)) - alpha mean log(1 - r(mismatched)).

    Args:
        real: (B,) scores of real captions.
        generated: (G,) scores of generated captions.
        mismatched: (M,) scores of real captions of other images.
        weight: alpha.
    Returns:
        loss: a scalar, nats.
        cache: what loss_backward needs.
    """
    # - log sigm(s) = softplus(-s),  - log(1 - sigm(s)) = softplus(s)
    real_loss = noisy_or.softplus(-real).mean()
    generated_loss = noisy_or.softplus(generated).mean()
    mismatched_loss = noisy_or.softplus(mismatched).mean()
    loss = real_loss + generated_loss + weight * mismatched_loss
    return loss, LossCache(real, generated, mismatched, weight)


def loss_backward(dloss, cache):
    """Compute the gradients of loss_forward.

    Args:
        dloss: gradient of the loss, a scalar.
        cache: from loss_forward.
    Returns:
        dreal: (B,).
        dgenerated: (G,).
        dmismatched: (M,).
    """
    real, generated, mismatched, weight = cache
    # d softplus(s) / ds = sigm(s)
    dreal = -_sigmoid(-real) * (dloss / len(real))
    dgenerated = _sigmoid(generated) * (dloss / len(generated))
    dmismatched = _sigmoid(mismatched) * (weight * dloss / len(mismatched))
    return dreal, dgenerated, dmismatched


def _sigmoid(x):
    return activations.sigmoid_forward(x)[0]
