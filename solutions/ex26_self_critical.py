"""Solution 26: Self-critical training.

p(y) is the probability that the model samples the caption y, and r(y) is its score, CIDEr-D. The expected score is J =
sum over y of p(y) r(y). Only p depends on the logits: the score of a caption does not depend on the model. So

    dJ = sum over y of r(y) dp(y) = sum over y of p(y) r(y) d log p(y)     because dp(y) = p(y) d log p(y)

This is a mean over sampled captions, so a single sample y gives the unbiased estimate r(y) d log p(y). The sum over y
of p(y) is 1 for all logits, so the sum over y of p(y) d log p(y) is d 1 = 0. Therefore a baseline b that does not
depend on y leaves the mean unchanged. The estimate becomes (r(y) - b) d log p(y).

The gradient of the loss -(r - b) log p(y) is minus this estimate. log p(y) is the sum of log p over the words. log p of
a word is its logit minus log_sum, where log_sum = log sum_k exp(logits_k). The chain rule gives dlogits.

Answers to the questions of the page:

With b = 0, the samples give [0, 0, 0] for word 0, [-.5, .7, -.2] for word 1 and [-1.5, -.9, 2.4] for word 2. The
variance with b = 0 is larger: the mean squared length is 1.998, with b = 1 it is 0.974, and the mean is the same. When
all samples score as high as the greedy caption, all r - b are 0, and the model learns nothing. 0.8 samples word 2,
because the sum of p must exceed the uniform number. 0.6 samples word 1.
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
    # The model samples B / N captions for each image.
    B, N = len(of_drawn), len(of_greedy)
    per_image = B // N

    # advantage = r - b. The captions of an image are consecutive, so repeat each b.
    baseline = np.repeat(of_greedy, per_image)
    return of_drawn - baseline


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
    # Use only the cache of cross-entropy, which has log_sum, not its loss.
    _, likelihood = losses.cross_entropy_forward(logits, words, mask)

    # log p of a word = its logit - log_sum. The mask removes padding.
    at_word = np.take_along_axis(logits, words[..., None], axis=-1)[..., 0]
    word_log_p = (at_word - likelihood.log_sum) * mask

    # p(y) is the product of p of the words, each given the words before. So log p(y) = sum over words of log p.
    caption_log_p = word_log_p.sum(axis=0)

    # loss = - mean over captions of (r - b) log p(y). Minimizing the loss maximizes this mean.
    loss = -(weights * caption_log_p).mean()
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
    logits, log_sum, words, mask, _ = likelihood
    B = mask.shape[1]

    # - log p of a word = log_sum - its logit. Its gradient at the logits is p - onehot:
    # term 1: through log_sum, whose derivative by logits_k is p_k
    # term 2: through the word's own logit, which gives -1 at the word
    p = np.exp(logits - log_sum[..., None])
    onehot = np.zeros_like(logits)
    np.put_along_axis(onehot, words[..., None], 1, axis=-1)
    word_gradient = p - onehot

    # dlogits = (p - onehot) mask (r - b) dloss / B
    caption_weights = weights * dloss / B  # (B,)
    return word_gradient * (mask * caption_weights)[..., None]


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
    T, B = uniforms.shape
    N = len(a)

    # The decoder begins with one row for each image. Repeat the row for each caption of the image.
    rows = np.repeat(np.arange(N), B // N)
    state = decoder.select(decoder.begin(params, a), rows)

    captions = [[] for _ in range(B)]
    done = np.zeros(B, bool)
    words = np.full(B, START)  # y_0
    for t in range(T):
        # The model reads its own sampled words. With cross-entropy, it reads the words of the reference captions.
        logits, _, _, state = decoder.step(params, state, words)
        p, _ = softmax.softmax_forward(logits.astype(np.float64))  # (B, V)

        # ends_k = p_0 + ... + p_k. Divide a line into pieces of the lengths p_k. A uniform number falls into piece k
        # with probability p_k. Rounding may end the line just below 1, so scale the uniform number to its length.
        ends = np.cumsum(p, axis=1)
        place = uniforms[t] * ends[:, -1]

        # word = the number of pieces with ends_k <= place. These are the pieces before the one that contains the place.
        words = (ends <= place[:, None]).sum(axis=1)

        # Finished captions keep their rows in the decoder, but record none of their further words.
        for b in range(B):
            if not done[b]:
                captions[b].append(int(words[b]))
        done = done | (words == END)
        if done.all():
            break
    return captions
