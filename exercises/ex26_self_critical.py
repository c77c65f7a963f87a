"""Exercise 26: Self-critical training              (difficulty 3 of 3, about 90 minutes; builds on exercises 27 and 30)

To learn: how a model learns from its own captions. Cross-entropy trains it to predict the words of reference captions.
But the model is evaluated on whole captions that it writes itself, by CIDEr-D: the n-grams shared with the references,
where rare ones count most. This score has no derivative. It needs none (Rennie et al. 2017):

    J         = sum over captions y of p(y) r(y), the expected score of a sampled caption, which training maximizes
    dJ        = sum over y of r(y) dp(y) = sum over y of p(y) r(y) d log p(y), because d log p = dp / p
              = sum over y of p(y) (r(y) - b) d log p(y), because sum over y of p(y) d log p(y) = d 1 = 0
    estimate  = (r(y) - b) d log p(y) of a sampled y; its mean over samples is dJ for any b
    at the logits of a sampled word  d log p / d logits = onehot - p, where onehot is 1 at that word, 0 elsewhere

b is the score of the greedy caption of the same image. Better captions become likelier, worse captions less likely.

advantage: r - b of B captions, B / N for each of N images, side by side: captions 0, 1, 2 of image 0, then 3, 4, 5
of image 1. There is one greedy caption per image.

policy_forward: loss = - the mean over captions of (r - b) log p(y), where log p(y) is the sum over its words. The minus
turns the maximum into a minimum. The cache is PolicyCache(likelihood, weights). likelihood is the cache of
losses.cross_entropy_forward(logits, words, mask), which has logits, log_sum and mask: log p_k = logits_k - log_sum.

policy_backward: compute dlogits from that cache.

draw: sample B captions, y_t from p(y_t | a, y_1..t-1). The decoder has three methods. begin(params, a) returns a state
of N rows. select(state, rows) returns these rows, which may repeat. step(params, state, words) returns logits, two
other results and the next state. The first words are START. p is the softmax of logits.astype(np.float64). Divide a
line into pieces of the lengths p_k: the word is the piece that a uniform number falls into. p.cumsum gives the ends of
the pieces. Rounding may end the line below 1, so multiply the uniform number by the last end. uniforms is (T, B): row t
is for the words at t, and each caption has a column. A caption ends with END, which is part of it, or after T words.
Stop when all captions have ended.

Predict before you run: captions of one word, p = [.5, .3, .2], r = [0, 1, 3]. J = 0.9, and by the softmax's backward
its gradient is p_k (r_k - J) = [-.45, .03, .42]. With b = 1, the samples give (onehot - p)(r - b): [-.5, .3, .2] for
word 0, zero for word 1, [-1, -.6, 1.6] for word 2. Their mean with the weights .5, .3, .2 is [-.45, .03, .42]. With
b = 0, what does each sample give, what is the mean, and which variance is larger? What can a model learn when all its
samples score as high as the greedy caption? And when all score far below it, as they do while a model is uncertain?
What changes with another b, the mean score of the image's other samples, as in `policy.advantage_over_others`? Which
word does the uniform number 0.8 sample? And 0.6?
Run             python -m exercises check 26      python -m exercises hint 26
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

    The sampled word is the first k for which p_1 + ... + p_k exceeds the uniform number times the sum of all p, in
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
