"""Write rarer words, by logit adjustment (Menon et al. 2021, arXiv 2007.07314).

    logit_k - tau b_k

A model prefers frequent words, because they are right more often. The adjustment lowers the logit of word k by tau
times its bias b_k in the output layer. The biases start at the log frequencies of the words, so they take
the place of log pi_k in the paper.
"""

from collections.abc import Callable


def adjusted(step: Callable, tau: float) -> Callable:
    """Return the step of a decoder whose logits are adjusted.

    Args:
        step: (params, state, words) -> logits, alpha, beta, state, as in decoders.Writer.
        tau: strength of the adjustment; 0 returns the step itself.
    """
    if not tau:
        return step

    def adjusted_step(params, state, words):
        logits, alpha, beta, state = step(params, state, words)
        return logits - tau * params["b_o"], alpha, beta, state

    return adjusted_step
