"""Exercise 26: Self-critical training              (difficulty 3 of 3, about 90 minutes; builds on exercises 27 and 30)

Goal            Train a model on its own captions. Cross-entropy trains it on the words of reference captions. But it is
                evaluated on whole captions that it writes itself, by CIDEr-D. This score has no derivative, and needs
                none (Rennie et al. 2017): captions that score above the model's greedy caption become likelier.

Equations       J  = sum over captions y of p(y) r(y)             a number: the expected score of a sampled caption
                dJ = mean over samples y of (r(y) - b) d log p(y), for any b, since the mean of d log p(y) is 0
                loss = - mean over the B captions of (r_b - b_b) (sum over words of log p)        a number
                at a sampled word:  d log p / d logits = onehot - p       (V,)   onehot: 1 at that word, 0 elsewhere

Worked example  Captions of one word, p = [.5, .3, .2], r = [0, 1, 3]:
                J = 0.9   gradient = [-.45, .03, .42]          by the softmax's backward, p_k (r_k - J)
                With b = 1, the samples give (onehot - p)(r - b): [-.5, .3, .2] for word 0, 0 for word 1, [-1, -.6, 1.6]
                for word 2. Their mean, weighted by p, is the gradient. Find the same with b = 0. Which variance is
                larger? What can a model learn when all samples score as high as the greedy caption? Which word does the
                uniform number 0.8 sample? And 0.6?

Your task       1. advantage: r - b of B captions, where b is the score of the greedy caption of the same image. Trap:
                   captions 0, 1, 2 belong to image 0, then 3, 4, 5 to image 1.
                2. policy_forward: compute the loss. Trap: the minus turns the maximum into a minimum.
                3. policy_backward: compute dlogits. Trap: 0 at padding.
                4. draw: sample captions, word by word. Divide a line into pieces of the lengths p_k, in float64. The
                   word is the piece that the uniform number falls into. Trap: rounding may end the line below 1. So
                   multiply the number by the last end. Row t of uniforms is for the words at t. A caption ends with
                   END, which is part of it, or after T words. Stop when all have ended.

Given           The cache PolicyCache(likelihood, weights) is packed and unpacked for you. likelihood is the cache of
                losses.cross_entropy_forward(logits, words, mask): logits, log_sum, words, mask and 0.0, with log p_k =
                logits_k - log_sum. decoder: begin(params, a) returns a state of N rows; select(state, rows) returns
                these rows, which may repeat; step(params, state, words) returns logits, two other results and the next
                state. The first words are START.

Run             python -m exercises check 26   python -m exercises hint 26   python -m exercises check 26 --pencil
Read            exercises/chapters/hard_attention.md: the longer story, with figures
"""

import numpy as np

from numpy_sat.data.vocabulary import END, START
from numpy_sat.layers import losses, softmax
from numpy_sat.layers.policy import PolicyCache


def advantage(of_drawn, of_greedy):
    """Compute the advantages r(y) - b of sampled captions, where b is the score of the image's greedy caption.

    Args:
        of_drawn: (B,) scores of sampled captions; B / N consecutive ones belong to each image.
        of_greedy: (N,) scores of the greedy captions.
    Returns:
        (B,) advantages.
    """
    raise NotImplementedError("exercise 26: advantage")


def policy_forward(logits, words, mask, weights):
    """Compute the mean over captions of -(r - b) log p(y), whose negative gradient is the policy gradient.

    Args:
        logits: (T, B, V) logits of all words at every position.
        words: (T, B) integers, the sampled words.
        mask: (T, B) of the dtype of the logits, 1 at words, 0 at padding.
        weights: (B,) advantages r - b, of the same dtype.
    Returns:
        loss: a scalar.
        cache: what policy_backward needs.
    """
    raise NotImplementedError("exercise 26: policy_forward")
    return loss, PolicyCache(likelihood, weights)


def policy_backward(dloss, cache):
    """Compute the gradient of policy_forward: (r - b) (p - onehot) / B at every sampled word, 0 at padding.

    It equals the gradient of cross-entropy with the sampled captions as targets, each weighted by r - b.

    Args:
        dloss: gradient of the loss, a scalar.
        cache: from policy_forward.
    Returns:
        dlogits: (T, B, V).
    """
    likelihood, weights = cache
    raise NotImplementedError("exercise 26: policy_backward")


def draw(decoder, params, a, uniforms):
    """Sample captions word by word, y_t from p(y_t | a, y_1..t-1), until <end> or T words.

    The sampled word is the first k for which p_0 + ... + p_k exceeds the uniform number times the sum of all p, in
    float64. Hard attention samples locations in the same way.

    Args:
        decoder: decoders.Writer.
        params: {name: array}.
        a: (N, L, D) annotations.
        uniforms: (T, B) uniform random numbers in [0, 1); B / N consecutive captions belong to each image.
    Returns:
        B lists of word numbers, each with <end> last unless it was cut at T words.
    """
    raise NotImplementedError("exercise 26: draw")
