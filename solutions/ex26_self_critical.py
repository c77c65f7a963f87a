"""Solution 26: Self-critical training.

The expected score J = sum over y of p(y) r(y) depends on the logits by p alone: r(y) is a number that the judge gives
to y, whatever wrote it. So dJ = sum over y of r(y) dp(y). To estimate a sum over all captions there are, it must be a
mean over captions as they are drawn, sum over y of p(y) times something: and dp(y) = p(y) d log p(y), so something is
r(y) d log p(y). As sum over y of p(y) = 1 whatever the logits, 0 = d 1 = sum over y of p(y) d log p(y): b times that
may be taken off, and the estimate is (r(y) - b) d log p(y). log p(y) is the sum of the log p of its words, each of
which is a logit less log_sum; so the loss -(r - b) log p(y) has just this gradient, and the chain rule does the rest.
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
    # How many captions were drawn of each image.
    B, N = len(of_drawn), len(of_greedy)
    each = B // N

    # They lie side by side, so each b stands for so many in a row.
    baseline = np.repeat(of_greedy, each)
    return of_drawn - baseline


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
    # Its loss is not wanted, but log_sum is in its cache.
    _, likelihood = losses.cross_entropy_forward(logits, words, mask)

    # log p of a word is its logit less log_sum. Padding was not drawn.
    at_word = np.take_along_axis(logits, words[..., None], axis=-1)[..., 0]
    log_p_of_words = (at_word - likelihood.log_sum) * mask

    # A caption's p is the product of its words' p, each given the words before: its log p is the sum.
    of_captions = log_p_of_words.sum(axis=0)

    # What is to grow is the mean of (r - b) log p(y); what training makes smaller is its opposite.
    loss = -(weights * of_captions).mean()
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

    # - log p at the word is log_sum less the word's logit. The slope of log_sum, the log of a sum of exp, is exp over
    # that sum, which is p; the slope of the word's logit is 1 at the word itself.
    p = np.exp(logits - log_sum[..., None])
    onehot = np.zeros_like(logits)
    np.put_along_axis(onehot, words[..., None], 1, axis=-1)
    of_word = p - onehot

    # In the loss stands - log p of each word times its caption's r - b, and that is divided by B.
    counts = weights * dloss / B  # (B,)
    return of_word * (mask * counts)[..., None]


def draw(decoder, params, a, uniforms):
    """Sample captions word by word, y_t from p(y_t | a, y_1..t-1), until <end> or until T words.

    The word is the first at which p_1 + ... + p_k exceeds the uniform number times the sum of all p, in float64. Hard
    attention samples locations in the same way.

    Args:
        decoder: a decoders.Writer.
        params: arrays by name.
        a: (N, L, D) annotations.
        uniforms: (T, B) random numbers from 0 to below 1; B / N consecutive captions belong to each image.
    Returns:
        B lists of integers, <end> last unless T words came before it.
    """
    T, B = uniforms.shape
    N = len(a)

    # The decoder begins with a row an image. Captions of one image begin alike, each in a row of its own.
    rows = np.repeat(np.arange(N), B // N)
    state = decoder.select(decoder.begin(params, a), rows)

    captions = [[] for _ in range(B)]
    done = np.zeros(B, bool)
    words = np.full(B, START)  # y_0
    for t in range(T):
        # The model reads the words that were drawn, its own, where training has it read people's.
        logits, _, _, state = decoder.step(params, state, words)
        p, _ = softmax.softmax_forward(logits.astype(np.float64))  # (B, V)

        # Piece k of the line goes from where piece k - 1 ends to here. A uniform number falls into it as often as it is
        # long, which is p_k. Rounding may end the line short of 1: the number is of the line as long as it is.
        ends = np.cumsum(p, axis=1)
        place = uniforms[t] * ends[:, -1]

        # All pieces that end at the place or before it lie before the one it falls into: their number is its number.
        words = (ends <= place[:, None]).sum(axis=1)

        # What has ended goes on in the decoder, for its row is there, but nothing more is kept of it.
        for b in range(B):
            if not done[b]:
                captions[b].append(int(words[b]))
        done = done | (words == END)
        if done.all():
            break
    return captions
