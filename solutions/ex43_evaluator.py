"""Solution 43: The evaluator's loss.

The evaluator answers a question with yes or no: did a person write S about I? So its loss is cross-entropy with two
classes. The right label is 1 for real captions, with probability r = sigm(s), and 0 for the two other kinds, with
probability 1 - r = sigm(-s). The logarithm of a sigmoid is a softplus, which neither overflows nor loses digits:
log sigm(s) = -log(1 + exp(-s)) = -softplus(-s).

Answers to the questions of the page:

1. dmismatched = [1], because alpha r = 2 * 1/2. Both captions add to the gradient of their image: df = [[1, 2]]. Each
   caption's gradient is a multiple of f: dh = [[1, 2], [-1, -2]].
2. loss = 2.7726, because every - log is ln 2, and 1 + 1 + 2 of them are added: 4 ln 2.
3. The image. Real captions have other words and forms than generated ones, so the captions alone tell them apart. Only
   a real caption of another image makes the evaluator use the image.
4. sigm(900) rounds to 1, and the logarithm of 1 - 1 is -inf. softplus(900) is 900.
"""

import numpy as np

from numpy_sat.layers import activations
from numpy_sat.layers.discriminator import LossCache, ScoreCache
from numpy_sat.layers.noisy_or import softplus


def score_forward(f, h):
    """Compute <f(I), h(S)>, whose sigmoid is the probability that a caption is real.

    Args:
        f: (N, S) vectors of images.
        h: (B, S) vectors of captions; B / N consecutive captions belong to each image.
    Returns:
        score: (B,).
        cache: what score_backward needs.
    """
    # The captions of an image are consecutive, so repeat each image's vector: (B, S)
    per_image = len(h) // len(f)
    f_of_caption = np.repeat(f, per_image, axis=0)

    # s_b = sum over components of f h
    score = (f_of_caption * h).sum(axis=1)
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
    per_image = len(h) // len(f)

    # s_b = f . h_b is linear in both vectors: the gradient of one is the other, times dscore
    df_of_caption = dscore[:, None] * h  # (B, S)
    dh = dscore[:, None] * np.repeat(f, per_image, axis=0)

    # f of an image is used by all of its captions. Add up their terms: (N, captions of an image, S) -> (N, S)
    df = df_of_caption.reshape(len(f), per_image, -1).sum(axis=1)
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
    # - log r = - log sigm(s) = softplus(-s)
    real_loss = softplus(-real).mean()

    # - log(1 - r) = - log sigm(-s) = softplus(s)
    generated_loss = softplus(generated).mean()
    mismatched_loss = softplus(mismatched).mean()

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

    # The mean over n captions divides each gradient by n. softplus has the slope sigm.
    # softplus(-s) has the slope - sigm(-s) = - (1 - r): a real caption's score rises until r is 1
    not_r, _ = activations.sigmoid_forward(-real)
    dreal = -not_r * dloss / len(real)

    # softplus(s) has the slope sigm(s) = r: the other scores fall until r is 0
    r_generated, _ = activations.sigmoid_forward(generated)
    dgenerated = r_generated * dloss / len(generated)

    r_mismatched, _ = activations.sigmoid_forward(mismatched)
    dmismatched = weight * r_mismatched * dloss / len(mismatched)
    return dreal, dgenerated, dmismatched
