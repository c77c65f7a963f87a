"""Exercise 26: Self-critical training.

To learn: how a model learns from its own captions. Cross-entropy asks it to say, word by word, what people said. But
it is judged by whole captions, those that it writes itself, and by a score: CIDEr-D, the n-grams shared with people's
captions, seldom ones counting most. No one can take a derivative of that. Nor need they (Rennie et al. 2017):

    J         = sum over captions y of p(y) r(y), the expected score of a caption drawn from the model, is to grow
    dJ        = sum over y of r(y) dp(y) = sum over y of p(y) r(y) d log p(y), for d log p = dp / p
              = sum over y of p(y) (r(y) - b) d log p(y), for sum over y of p(y) d log p(y) = d 1 = 0
    estimated = (r(y) - b) d log p(y) of a y that is drawn; its mean over draws is dJ, whatever b is
    at the logits of a drawn word  d log p / d logits = onehot - p, onehot being 1 at that word, 0 elsewhere

b is what the greedy caption of the same image scores: who did better is made likelier, who did worse unlikelier.

advantage: r - b of B captions, B / N of each of N images side by side: captions 0, 1, 2 of image 0, then 3, 4, 5
of image 1. One greedy caption an image.

policy_forward: loss = - the mean over captions of (r - b) log p(y); log p(y) is the sum over its words. The minus is
there because training goes downhill. The cache is PolicyCache(likelihood, weights), likelihood being the cache of
losses.cross_entropy_forward(logits, words, mask), which has logits, log_sum and mask: log p_k = logits_k - log_sum.

policy_backward: dlogits, worked out by yourself from that cache.

draw: B captions, y_t from p(y_t | a, y_1..t-1). The decoder has begin(params, a), a state of N rows; select(state,
rows), those rows of it, where a row may come more than once; step(params, state, words), which returns logits, two
things more and the next state. The first words are START. p is the softmax, of logits.astype(np.float64). Which word?
Cut a line into pieces as long as the p: the word is the piece a uniform number falls into. p.cumsum says where pieces
end; rounding may end the last short of 1, so multiply the uniform number by where it ends. uniforms is (T, B): row t
is for the words at t, and each caption has its column. A caption ends with END, which is part of it; it is over after
T words, too. When all have ended, stop.

Predict before you run: one word is all there is to say, p = [.5, .3, .2], r = [0, 1, 3]: J = 0.9, and by the softmax's
backward its gradient is p_k (r_k - J) = [-.45, .03, .42]. With b = 1 the draws give (onehot - p)(r - b): word 0
[-.5, .3, .2], word 1 nothing, word 2 [-1, -.6, 1.6]; their mean, weighed .5, .3, .2, is [-.45, .03, .42]. And with
b = 0: what does each draw give now, what is the mean, and which draws scatter more? What has a model to learn from
when all its draws score as the greedy caption does? And what if all score far below it, as they do while a model is
unsure of itself: what do they teach then, and what with another b, the mean score of the image's other draws, which
`policy.advantage_over_others` takes? Which word does the uniform number 0.8 draw? And 0.6?
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
    """Compute the mean over captions of -(r - b) log p(y). Minimising it follows the policy gradient.

    Args:
        logits: (T, B, V) scores of all words at every position.
        words: (T, B) integers, the sampled words.
        mask: (T, B) of the dtype of the logits, 1 at words, 0 at padding.
        weights: (B,) advantages r - b, of the same dtype.
    Returns:
        loss: a scalar.
        cache: what policy_backward needs.
    """
    raise NotImplementedError("exercise 26: policy_forward")


def policy_backward(dloss, cache):
    """Compute the gradient of policy_forward: (r - b) (p - onehot) / B at every sampled word, 0 at padding.

    It equals the gradient of cross-entropy with the sampled captions as targets, each weighted by r - b.

    Args:
        dloss: gradient of the loss, a scalar.
        cache: from policy_forward.
    Returns:
        dlogits: (T, B, V).
    """
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
