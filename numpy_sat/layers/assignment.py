"""The Hungarian algorithm: assign rows to columns one to one, at the smallest sum of costs (Kuhn 1955, Munkres 1957).

There are n! assignments, so trying all of them is hopeless even for a few rows. This version takes O(n^3) steps.

Every row i has a potential u_i and every column j a potential v_j, with u_i + v_j <= cost_ij everywhere. So no
assignment costs less than the sum of all potentials. An assignment that only uses pairs with u_i + v_j = cost_ij costs
exactly that sum. It is therefore the best one. The algorithm adds one row at a time and keeps both properties.
"""

import numpy as np


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
    u, v, row_of = np.zeros(R, cost.dtype), np.zeros(C, cost.dtype), np.full(C, -1)  # -1: the column is free
    for new in range(R):
        path, length, is_final = _shortest_path(cost - u[:, None] - v, row_of, new)
        # The new potentials make every pair of the path tight: u_i + v_j = cost_ij
        total = length[path[0]]
        u[new] = total
        u[row_of[is_final]] += total - length[is_final]
        v[is_final] -= total - length[is_final]
        # Every row of the path gets the next column of the path, and the last column is no longer free.
        row_of[path] = [*row_of[path[1:]], new]
    a = np.empty(R, np.int64)
    a[row_of[row_of >= 0]] = np.flatnonzero(row_of >= 0)
    return a


def _shortest_path(reduced, row_of, new):
    """Find the shortest path from a new row to a free column, by Dijkstra's algorithm.

    A path goes from the new row to a column, and from there to the row that has the column. It goes on to another
    column in the same way. A step from row i to column j has the length cost_ij - u_i - v_j. It is never negative. The
    step from a column back to its row has the length 0.

    Args:
        reduced: (R, C) the lengths.
        row_of: (C,) integers, the row of each column; -1 for a free one.
        new: the new row, which has no column.
    Returns:
        path: the columns of the path, from the free one back to that of the first step.
        length: (C,) length of the shortest known path to each column.
        is_final: (C,) True for the columns to which no path is shorter. The free one does not count.
    """
    C = len(row_of)
    length, before, is_final = np.full(C, np.inf, reduced.dtype), np.full(C, -1), np.zeros(C, bool)
    row, column, total = new, -1, 0
    for _ in range(new + 1):  # rows 0 to new - 1 have columns, so the next column is free at the latest
        # length_j = min(length_j, total + reduced_ij)
        is_shorter = ~is_final & (total + reduced[row] < length)
        length[is_shorter], before[is_shorter] = total + reduced[row, is_shorter], column
        candidates = np.flatnonzero(~is_final)
        column = candidates[length[candidates].argmin()]
        if row_of[column] < 0:
            break
        is_final[column] = True
        row, total = row_of[column], length[column]
    path = [column]
    for _ in range(new):
        path += [before[path[-1]]] if before[path[-1]] >= 0 else []
    return path, length, is_final
