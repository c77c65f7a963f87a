"""Exercise 42: Hungarian matching                  (difficulty 3 of 3, about 90 minutes; builds on exercises 27 and 40)

Goal            Train on a set. VIVO (Hu et al. 2020) predicts the hidden tags of an image, which have no order. So each
                tag may be predicted at any place, but only once. The assignment with the smallest cost chooses the
                places. The Hungarian algorithm (Kuhn 1955) finds it in O(n^3) steps, where trying all takes n!.

Equations       a       = the one-to-one assignment of rows i to columns a_i with the smallest sum of cost[i, a_i]  (R,)
                cost_kl = 1 - p_k(t_l)      place k predicts tag l, p_k = softmax(logits_k)          (places, places)
                loss    = sum over hidden places k of - log p_k(t_{a_k}) / N                       a number, N images
                Potentials u_i and v_j with u_i + v_j <= cost_ij everywhere prove that an assignment is the best one,
                if u_i + v_j = cost_ij for each of its pairs: no assignment costs less than the sum of all potentials.

Worked example  Three rows and columns. Column 0 is the cheapest one for each of them:
                cost = [[1, 2, 3], [2, 4, 6], [3, 6, 9]]   a = [2, 1, 0]   u = [3, 5, 6]   v = [-3, -1, 0]
                a costs 10, and so do the potentials together. If each row in turn takes the cheapest free column, the
                result is [0, 1, 2], which costs 14.
                Two hidden places of one image with the tags 0 and 1:
                p = [[0.5, 0.02, 0.48], [0.74, 0.25, 0.01]]   cost = [[0.5, 0.98], [0.26, 0.75]]   a = [1, 0]
                loss = 4.2131, that is - ln 0.02 - ln 0.74
                1. Add a column [9, 9, 2] to the first cost matrix. Find a and its cost.
                2. Find the loss of the other assignment of the two tags. Which cost would choose it?
                3. Why has a no gradient?

Your task       1. assign: find a, or raise ValueError if R > C. Trap: one case has 12 rows, too many to try all. For
                   each new row, find the shortest path to a free column: to a column, to the row that has it, ...
                     row, total = the new row, 0; no column is final; length_j = infinity
                     repeat: length_j = min(length_j, total + cost[row, j] - u[row] - v[j]) if j is not final
                             column = the one with the smallest length that is not final; total = its length
                             if it is free, the path ends; else it is final, and row = the row that has it
                     u[new row] = total; for each final column j, with its row i: u_i += total - length_j and
                     v_j -= total - length_j; then each row of the path takes the path's next column
                2. match: compute the target of each hidden place, image by image. Trap: other places keep their tags.
                3. set_loss_forward: match, then compute the loss and its cache.

Given           losses.cross_entropy_forward(logits, targets, mask)     the loss of words in exercise 27, and its cache
                softmax.softmax_forward(x)     p and its cache

Run             python -m exercises check 42   python -m exercises hint 42   python -m exercises check 42 --pencil
"""

import numpy as np

from numpy_sat.layers import losses, softmax


def assign(cost):
    """Return the assignment a with the smallest sum_i cost[i, a_i]. No two rows have the same column.

    Args:
        cost: (R, C) finite costs, R <= C.
    Returns:
        a: (R,) integers, the column of each row.
    Raises:
        ValueError: there are more rows than columns.
    """
    raise NotImplementedError("exercise 42: assign")


def match(logits, tags, hidden):
    """Choose the tag that each hidden place has to predict.

    Args:
        logits: (K, N, V) scores of all words at K places of N images.
        tags: (K, N) integers, the tags in any order.
        hidden: (K, N) 1 at the places whose tags are hidden, else 0.
    Returns:
        (K, N) integers: at hidden places the hidden tags in the order of the assignment, elsewhere `tags`.
    """
    raise NotImplementedError("exercise 42: match")


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
    raise NotImplementedError("exercise 42: set_loss_forward")
