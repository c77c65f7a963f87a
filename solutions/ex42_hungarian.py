"""Solution 42: Hungarian matching.

The algorithm adds one row at a time and keeps the assignment of the rows so far the best one. A new row may take a
column from another row, which then takes one from a third row, until a free column ends the path. Potentials turn costs
into lengths that are never negative, so that Dijkstra's algorithm finds the shortest path. The set loss is an ordinary
cross-entropy, after the assignment has chosen the target of each place.

Answers to the questions of the page:

1. a = [1, 0, 3]. It costs 2 + 2 + 2 = 6: row 2 has a cheap column of its own now, and leaves column 0 to row 1.
2. loss = 2.0794, that is - ln 0.5 - ln 0.25. This loss is smaller, and the cost - log p would choose this assignment:
   - log p punishes a small p such as 0.02 much more than 1 - p does.
3. It does not change if the logits change a little, so its derivative is 0 wherever it has one. At a tie it jumps.
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
    R, C = cost.shape
    if R > C:
        raise ValueError(f"assign: {R} rows cannot all have a column of their own among {C}; transpose the costs")
    u, v = np.zeros(R, cost.dtype), np.zeros(C, cost.dtype)
    row_of = np.full(C, -1)  # the row of each column; -1: the column is free

    for new in range(R):
        # Dijkstra: length_j is the length of the shortest known path from the new row to column j. before_j is the
        # column that comes before j on this path, or -1 if j is the first one.
        length, before = np.full(C, np.inf, cost.dtype), np.full(C, -1)
        is_final = np.zeros(C, bool)
        row, column, total = new, -1, 0
        for _ in range(new + 1):  # rows 0 to new - 1 have columns, so the next column is free at the latest
            # a step from row i to column j has the length cost_ij - u_i - v_j >= 0
            through_row = total + cost[row] - u[row] - v
            is_shorter = ~is_final & (through_row < length)
            length[is_shorter] = through_row[is_shorter]
            before[is_shorter] = column

            # no later path to the nearest column can be shorter
            candidates = np.flatnonzero(~is_final)
            column = candidates[length[candidates].argmin()]
            if row_of[column] < 0:
                break
            is_final[column] = True

            # back to the row of this column, with length 0
            row, total = row_of[column], length[column]

        # New potentials: u_i + v_j = cost_ij at every step of the path, and still <= cost_ij everywhere
        total = length[column]
        u[new] = total
        u[row_of[is_final]] += total - length[is_final]
        v[is_final] -= total - length[is_final]

        # Every row of the path takes the next column: go back from the free column to the first one
        for _ in range(new + 1):
            previous = before[column]
            if previous < 0:
                break
            row_of[column] = row_of[previous]
            column = previous
        row_of[column] = new

    # a is the inverse of row_of
    a = np.empty(R, np.int64)
    taken = np.flatnonzero(row_of >= 0)
    a[row_of[taken]] = taken
    return a


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
    for n in range(tags.shape[1]):
        places = np.flatnonzero(hidden[:, n])

        # p_k = softmax(logits_k) at the hidden places: (places, V)
        p, _ = softmax.softmax_forward(logits[places, n])

        # cost_kl = 1 - p_k(t_l): rows are places, columns are hidden tags
        cost = 1 - p[:, tags[places, n]]
        a = assign(cost)

        # place k gets the tag t_{a_k}
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
    # the assignment is a constant for the gradient: it only chooses the targets
    targets = match(logits, tags, hidden)

    # loss = sum over hidden places k of - log p_k(t_{a_k}) / N
    loss, cache = losses.cross_entropy_forward(logits, targets, hidden)
    return loss, cache
