"""Exercise 43: The evaluator's loss                 (difficulty 2 of 3, about 50 minutes; builds on exercises 4 and 36)

Goal            Train a judge in place of a formula. CIDEr-D counts n-grams. An evaluator (Dai et al. 2017) is a network
                that learns what people write: it reads an image I and a caption S, and gives the probability that a
                person wrote S about I. The captioner then learns to raise it. In the code, it is the discriminator.

Equations       s    = <f(I), h(S)>           the score of a caption: f (N, S) of images, h (B, S) of captions     (B,)
                r    = sigm(s)                the probability that S is real and belongs to I                      (B,)
                loss = - mean log r(real) - mean log(1 - r(generated)) - alpha mean log(1 - r(mismatched))     a number
                Generated captions are the captioner's. Mismatched ones are real captions of other images. Each kind
                has its own number of captions: real (B,), generated (G,), mismatched (M,), all scores.
                - log sigm(s) = softplus(-s)     - log(1 - sigm(s)) = softplus(s)     d softplus(s) / ds = sigm(s)

Worked example  One image with two captions:
                f = [[1, 2]]   h = [[1, 1], [0, -1]]   score = [3, -2]
                One caption of each kind, with r = 3/4, 1/4 and 1/2:
                real = [ln 3]   generated = [-ln 3]   mismatched = [0]   weight = 2
                loss = 1.9617   dreal = [-0.25]   dgenerated = [0.25]                for the gradient 1 of the loss
                1. Find dmismatched. Find df and dh of the two captions for dscore = [1, -1].
                2. An evaluator that knows nothing gives r = 1/2 to every caption. Find its loss with weight = 2.
                3. What can the evaluator ignore if weight is 0?
                4. A generated caption has the score 900. Why is -log(1 - r) not computed as it stands?

Your task       1. score_forward: compute the scores. Trap: with 3 captions per image, image 0 has captions 0 to 2.
                2. score_backward: compute df and dh. Trap: each caption of an image adds a term to its df.
                3. loss_forward: compute the loss; `weight` is alpha. Trap: each kind has a mean of its own. The check
                   has scores from -900 to 900.
                4. loss_backward: compute the gradients of the scores. Trap: only one of the three has a minus.

Given           softplus(x)                           log(1 + exp(x)) without overflow
                activations.sigmoid_forward(x)[0]     sigm(x) without overflow
                The caches ScoreCache(f, h) and LossCache(real, generated, mismatched, weight) are packed and unpacked
                for you.

Run             python -m exercises check 43   python -m exercises hint 43   python -m exercises check 43 --pencil
Read            exercises/chapters/own_captions.md: the longer story, with figures
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
    raise NotImplementedError("exercise 43: score_forward")
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
    raise NotImplementedError("exercise 43: score_backward")


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
    raise NotImplementedError("exercise 43: loss_forward")
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
    raise NotImplementedError("exercise 43: loss_backward")
