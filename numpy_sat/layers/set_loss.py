"""The loss of a set: K places predict tags that have no order (Hu et al. 2020, VIVO, arXiv 2009.13682).

    L = sum_k - log p_k(t_a(k)),    a = the one-to-one assignment with the smallest sum_k (1 - p_k(t_a(k)))

Which place predicts which tag does not matter, as long as each tag is predicted by one place. The assignment chooses
the target of each place (assignment.py). After that the loss is an ordinary cross-entropy. Small changes of the logits
do not change the assignment, so it has no gradient.
"""

import numpy as np

from numpy_sat.layers import assignment, losses, softmax


def match(logits, tags, hidden):
    """Choose the tag that each hidden place has to predict.

    Args:
        logits: (K, N, V) scores of all words at K places of N images.
        tags: (K, N) integers, the tags in any order.
        hidden: (K, N) 1 at the places whose tags are hidden, else 0.
    Returns:
        (K, N) integers: at hidden places the hidden tags in the order of the assignment, elsewhere `tags`.
    """
    targets = tags.copy()
    for n in np.flatnonzero(hidden.sum(axis=0) > 1):  # a single place has a single choice
        places = np.flatnonzero(hidden[:, n])
        p, _ = softmax.softmax_forward(logits[places, n])
        # cost of the pair (k, l) = 1 - p_k(t_l)
        a = assignment.assign(1 - p[:, tags[places, n]])
        targets[places, n] = tags[places[a], n]
    return targets


def set_loss_forward(logits, tags, hidden):
    """Compute the loss of the hidden tags, each at the place that the assignment gives it.

    Args:
        logits: (K, N, V) scores of all words at K places of N images.
        tags: (K, N) integers, the tags in any order.
        hidden: (K, N) of the dtype of the logits, 1 at the places whose tags are hidden, else 0.
    Returns:
        loss: a scalar, nats per image.
        cache: what set_loss_backward needs.
    """
    # L = sum_k - log p_k(t_a(k)) / N
    return losses.cross_entropy_forward(logits, match(logits, tags, hidden), hidden)


def set_loss_backward(dloss, cache):
    """Compute the gradient of set_loss_forward: (p - one-hot of the assigned tag) / N at every hidden place.

    Args:
        dloss: gradient of the loss, a scalar.
        cache: from set_loss_forward.
    Returns:
        dlogits: (K, N, V).
    """
    return losses.cross_entropy_backward(dloss, cache)
