"""Mistakes that learners make, each a patch of a solution, with what should be said of it (test_mistakes.py)."""

from typing import NamedTuple


class Mistake(NamedTuple):
    """One mistake in one function."""

    exercise: int
    function: str
    right: str  # this text of the solution's function, which is there once,
    wrong: str  # is replaced by that
    array: str  # the variable whose equation should be named, or several joined by " or "; "" for a misuse
    term: str  # a pattern that the words for the wrong term must match; of a misuse, that the sentence must match
    words: str  # the mistake in words


# Long pieces of the solutions that a learner writes in another way altogether.
TOURNAMENT = """\
    y = _cells(x_padded, 0, 0, rows, columns, stride).copy()
    winner = np.zeros((N, rows, columns, C), np.uint8)
    for p in range(window):
        for q in range(window):
            # Cell (p, q) of window (i, j) lies in row i s + p and column j s + q.
            cells = _cells(x_padded, p, q, rows, columns, stride)
            # A cell that is equal to the largest before it does not take the lead: of equal ones the first wins.
            leads = cells > y
            y[leads] = cells[leads]
            winner[leads] = p * window + q
"""
POOL_SCATTER = """\
    for p in range(window):
        for q in range(window):
            # The windows whose cell (p, q) won, and what comes back through them; 0 through the others.
            won = winner == p * window + q
            share = dy * won
            # The same cells as in the forward, a view: what is added to it is added to dx_padded. Added, for a cell
            # may have won as (0, 2) in one window already, and now wins as (0, 0) in the next.
            cells = _cells(dx_padded, p, q, rows, columns, stride)
            cells += share
"""
BIAS_FIRST = """\
    y = np.zeros((N, rows, columns, O), x.dtype)
    y += b

"""
CELL_LOOP = """\
    for p in range(P):
        for q in range(Q):
            # In window (i, j) the filter's cell (p, q) lies on row i s + p: in all, on rows p, p + s, p + 2 s, ... up
            # to the last window's; columns alike.
            last_row, last_column = p + (rows - 1) * stride, q + (columns - 1) * stride
            met = x_padded[:, p : last_row + 1 : stride, q : last_column + 1 : stride]  # (N, H', W', C)
            # Its term of every y, summed over c: (N, H', W', C) times (C, O).
            term = met @ W[p, q]
            y += term
"""
WEIGHT_LOOP = """\
    for p in range(P):
        for q in range(Q):
            # What W[p, q] met in every window, as in the forward: (N, H', W', C), then a row for each window.
            met = _met_by(x_padded, p, q, rows, columns, stride)
            met_rows = met.reshape(windows, C)
            # dW[p, q, c, o] = sum over windows of met[window, c] dy[window, o]: a matrix product.
            dW[p, q] = met_rows.T @ dy_rows
"""
SHARE_LOOP = """\
    for p in range(P):
        for q in range(Q):
            # The cell that W[p, q] met in window (i, j) took part in y[n, i, j, o] of every o, times W[p, q, c, o]:
            # its share is the sum over o of dy[n, i, j, o] W[p, q, c, o]. (N, H', W', O) times (O, C).
            share = dy @ W[p, q].T
            # Each window gives its share to the very cell it met: the forward's slice, so the filter is not turned.
            # For one (p, q) these cells are all different; for the next (p, q) some of them come again, so: +=.
            met = _met_by(dx_padded, p, q, rows, columns, stride)
            met += share
"""
CORRELATE_LOOPS = """\
                # y comes with garbage in it: the bias is written over that, before anything is added.
                for o in range(O):
                    y[n, i, j, o] = b[o]
                # Then every term of this row of y. The window of (i, j) begins at cell (i, j) of the padded picture.
                for p in range(P):
                    for q in range(Q):
                        for c in range(C):
                            # One number of the picture...
                            pixel = x[n, i + p, j + q, c]
                            # ... takes part in all O results, each with its own weight. This loop becomes vectors.
                            for o in range(O):
                                y[n, i, j, o] += pixel * W[p, q, c, o]"""
OVERWRITTEN = r"overwr|\+=|accumul|last (window|one|cell)"
TURNED = r"turn|flip|rotat|revers|\[::-1|-1 - p"
SWAPPED = r"transpos|swap|exchang|q \* window|column \* window|other order|each other's place"
BIAS_TIMES = r"`?\bb\b`?.*(times|every|each|once)|bias.*(times|every|each|once)"

MISTAKES = [
    # 1: gradients by measuring
    Mistake(
        1,
        "relative_error",
        "return worst / (size_a + size_n)",
        "return worst / float((np.abs(analytic) + np.abs(numeric)).max())",
        "error",
        r"of one entry",
        "takes the largest of |a| + |n|, of one entry",
    ),
    Mistake(
        1,
        "numerical_gradient",
        "run = 2 * step",
        "run = step",
        "gradient",
        r"(factor|divid|times|divisor).*\b2\b|\b2\b.*(missing|step)|twice|half|doubl",
        "divides the central difference by step, not by 2 step",
    ),
    Mistake(
        1,
        "numerical_gradient",
        """\
        x[index] = here - step
        below = loss()
        # The number that was kept. Taking a step off again may bring back another: 0.3 + 0.1 - 0.1 is not 0.3.
        x[index] = here
        rise = above - below
        run = 2 * step  # from here - step to here + step
""",
        """\
        x[index] = here
        at_rest = loss()
        rise, run = above - at_rest, step
""",
        "below or gradient or x",
        r"one-sided|forward difference|central|`?step`?.*missing",
        "a one-sided difference: from x to x + step",
    ),
    Mistake(
        1,
        "numerical_gradient",
        """\
        x[index] = here
        rise =""",
        "        rise =",
        "restored or x",
        r"put back|restor|not.*back|`x\[index\] = value` is missing",
        "goes on to the next entry without putting this one back",
    ),
    Mistake(
        1,
        "numerical_gradient",
        """\
    for index in np.ndindex(x.shape):
        # One entry moves, all others stay where they were: that is what a partial derivative asks.
        here = x[index]
        # Into x itself, for that is the array which the loss reads.
        x[index] = here + step
        above = loss()
        x[index] = here - step
        below = loss()
        # The number that was kept. Taking a step off again may bring back another: 0.3 + 0.1 - 0.1 is not 0.3.
        x[index] = here
        rise = above - below
        run = 2 * step  # from here - step to here + step
        gradient[index] = rise / run
    return gradient""",
        """\
    flat, slopes = x.reshape(-1), gradient.reshape(-1)
    slopes = np.empty(flat.size)
    for k in range(flat.size):
        kept = flat[k]
        flat[k] = kept + step
        up = loss()
        flat[k] = kept - step
        down = loss()
        flat[k] = kept
        slopes[k] = (up - down) / (2 * step)
    return slopes.reshape(x.shape)""",
        "x or above or below",
        r"copy|not moved|reshape|contiguous|x itself|does not (reach|read|see)",
        "moves the entries of x.reshape(-1), a copy where x is not contiguous",
    ),
    Mistake(
        1,
        "relative_error",
        "worst = float(np.abs(analytic - numeric).max(initial=0))",
        "worst = float((analytic - numeric).max(initial=0))",
        "worst or error",
        r"\babs|absolute|\|a - n\||sign|negative",
        "leaves out the absolute value of the difference",
    ),
    Mistake(
        1,
        "relative_error",
        "    return worst / (size_a + size_n)",
        """\
    ratios = np.abs(analytic - numeric) / (np.abs(analytic) + np.abs(numeric))
    return float(ratios.max())""",
        "error or largest",
        r"entry by entry|(each|every|per|an) entry|elementwise|(each|both) max|over (all|the whole)",
        "divides entry by entry and takes the largest ratio",
    ),
    # 2: words as vectors
    Mistake(
        2,
        "one_hot",
        "hot[places, flat] = 1",
        "hot[:, flat] = 1",
        "y or hot",
        r"(every|all|each|whole).*rows?|own (row|word|place)|side by side|pairs?\b|in every|all words",
        "every row gets the ones of all words",
    ),
    Mistake(
        2,
        "one_hot",
        "return hot.reshape(*words.shape, V)",
        "return hot",
        "",
        r"shape",
        "flattens the words and does not bring their shape back",
    ),
    Mistake(
        2,
        "embedding_forward",
        "rows = E[flat]",
        "rows = E[flat - 1]",
        "Ey",
        r"counted from 1|one (row|word)|off by (one|1)|row before|- 1|previous|shift",
        "counts the words from 1: takes the row before",
    ),
    Mistake(
        2,
        "embedding_backward",
        """\
    for word, drow in zip(flat, drows, strict=True):
        dE[word] += drow
""",
        "    dE[words] += dEy\n",
        "dE",
        r"repeat|twice|more than once|several|overwrit|last|only one|gather|add\.at|accumul",
        "adds by fancy indexing: of a repeated word only the last addition counts",
    ),
    Mistake(
        2,
        "embedding_backward",
        "    return dE",
        """\
    counts = np.bincount(flat, minlength=len(E))
    return dE / np.maximum(counts, 1)[:, None]""",
        "dE",
        r"mean|divided|average",
        "averages over the occurrences of a word",
    ),
    Mistake(
        2,
        "embedding_backward",
        "flat, drows = words.reshape(-1), dEy.reshape(-1, M)",
        "flat, drows = words.T.ravel(), dEy.reshape(-1, M)",
        "dE",
        r"transpos|turned|order|axes",
        "flattens words and gradients in different orders",
    ),
    # 3: the affine map
    Mistake(
        3,
        "linear_forward",
        """\
    products = rows @ W
    # b_o is added in every row n: NumPy stretches (O,) over (rows, O).
    yrows = products + b
""",
        "    yrows = rows @ (W + b)\n",
        "y",
        r"`?b`?.*(before|inside|product|bracket|parenthes|to `?W`?|weight|multipl)|bracket|parenthes",
        "adds the bias to the weights, before the product",
    ),
    Mistake(
        3,
        "linear_backward",
        """\
    W_turned = W.T  # (O, I)
    dxrows = drows @ W_turned""",
        "    dxrows = drows @ W",
        "dx",
        r"transpos",
        "forgets the transpose of W",
    ),
    Mistake(
        3,
        "linear_backward",
        """\
    columns = rows.T  # (I, rows)
    dW = columns @ drows""",
        '    dW = np.einsum("ni,no->io", rows, drows) / len(rows)',
        "dW",
        r"mean|divided|average|number of rows",
        "divides the weights' gradient by the number of rows",
    ),
    Mistake(
        3,
        "linear_backward",
        "columns = rows.T",
        "columns = x.reshape(I, -1)",
        "dW",
        r"reshape.*transpos|transpos.*reshape|transpos.*missing",
        "reshapes x where it should be transposed",
    ),
    Mistake(
        3,
        "linear_backward",
        "dxrows = drows @ W_turned",
        "dxrows = W @ drows.T",
        "dx",
        r"reshape.*transpos|transpos.*(reshape|missing)|transpos.*(product|result|back)",
        "turns the factors and reshapes the product instead of transposing it",
    ),
    Mistake(
        3,
        "linear_backward",
        "db = drows.sum(axis=0)",
        "db = dy.sum(axis=0)",
        "",
        r"db.*shape|shape.*db",
        "sums the bias gradient over the first axis only",
    ),
    # 4: softmax and cross-entropy
    Mistake(
        4,
        "softmax_forward",
        """\
    total = exp.sum(axis=-1, keepdims=True)
    p = exp / total
""",
        "    p = exp / np.sum(exp, axis=0)\n",
        "p",
        r"axis|axes|columns",
        "sums over the first axis, not the last",
    ),
    Mistake(
        4,
        "softmax_backward",
        "return above - p * through_total",
        "return dp * p * (1 - p)",
        "dx",
        r"diagonal|p \(1 - p\)|other (scores|p)|every (p|score)|own score|sum.*(missing|forgotten)",
        "keeps the diagonal of the derivative only, as of a sigmoid",
    ),
    Mistake(
        4,
        "log_sum_exp",
        "largest = x.max(axis=-1)",
        "largest = np.full(x.shape[:-1], x.max())",
        "largest or log_sum",
        r"whole|everything|entire|(each|own|its|a) row|axis|all (of|rows|scores)",
        "takes off the maximum of the whole array: rows far below it underflow",
    ),
    Mistake(
        4,
        "cross_entropy_forward",
        "loss = total / B",
        "loss = total / mask.sum()",
        "loss",
        r"(number|mean|sum|by).*(words|mask)|captions",
        "divides by the number of words, not of captions",
    ),
    Mistake(
        4,
        "cross_entropy_backward",
        """\
    dword = mask * (dloss / B)
    # word = - sum over k of q_k log p_k
    dlog_p = -q * dword[..., None]
    # log p_k = logits_k - log_sum, where log_sum is one number for all k: it gathers from all of them.
    dlog_sum = -dlog_p.sum(axis=-1, keepdims=True)
    # log_sum = log sum over j of exp(logits_j): its derivative by logits_k is exp(logits_k) / total = p_k.
    p = np.exp(log_p)
    dlogits = dlog_p + p * dlog_sum
""",
        "    dlogits = (np.exp(log_p) - q) * dloss / B\n",
        "weight or dlogits",
        r"`?mask`?.*(missing|forgotten|left out)|padding",
        "masks the loss but not its gradient",
    ),
    Mistake(
        4,
        "cross_entropy_backward",
        "    return dlogits",
        """\
    difference = np.exp(log_p) - smoothing / logits.shape[-1]
    for t, b in np.ndindex(targets.shape):
        difference[t, b, targets[t, b]] -= 1
    dlogits = difference * (mask * dloss / B)[..., None]
    return dlogits""",
        "at_target or difference or dlogits",
        r"1 - (s\b|`?smoothing)|`?smoothing`?.*(missing|forgotten)|full 1",
        "subtracts a full 1 at the target, which has 1 - s",
    ),
    # 9: one step of the LSTM
    Mistake(
        9,
        "lstm_forward",
        """\
    affine_gates = affine[:, : 3 * S]
    affine_candidate = affine[:, 3 * S :]
""",
        """\
    a_i, a_f, a_g, a_o = np.split(affine, 4, axis=1)
    affine_gates, affine_candidate = np.hstack([a_i, a_f, a_o]), a_g
""",
        "affine or ifo or o or g",
        r"block|order|column|third|fourth|place|swap|exchang",
        "takes the columns in the order i, f, g, o",
    ),
    Mistake(
        9,
        "lstm_forward",
        "h_next = o * tanh_c",
        "h_next = o * c_next",
        "h_next",
        r"tanh|`?tanh_c`?",
        "leaves out the tanh of the memory",
    ),
    Mistake(
        9,
        "lstm_backward",
        "dc_total = dc_next + dc_through_h",
        "dc_total = dc_through_h",
        "dc_next",
        r"dc_next.*(missing|lost|forgotten|overwritten)|next step.*(missing|lost|forgotten)",
        "loses what the next step sends to the memory",
    ),
    Mistake(
        9,
        "lstm_backward",
        """\
    daffine_i = di * i * (1 - i)
    daffine_f = df * f * (1 - f)
    daffine_o = do * o * (1 - o)
    daffine_g = dg * (1 - g * g)
    daffine = np.concatenate([daffine_i, daffine_f, daffine_o, daffine_g], axis=1)""",
        "    daffine = np.hstack([di, df, do, dg * (1 - g**2)])",
        "daffine",
        r"(deriv|slope).*sigm|sigm.*(deriv|slope|missing|forgotten)",
        "forgets the sigmoid's derivative in the gates",
    ),
    Mistake(
        9,
        "lstm_backward",
        "daffine_g = dg * (1 - g * g)",
        "daffine_g = dg * g * (1 - g)",
        "daffine",
        r"1 - g\^2|1 - g\*\*2|sigm.*tanh|tanh.*sigm",
        "takes the sigmoid's derivative for the candidate",
    ),
    Mistake(
        9,
        "lstm_backward",
        "np.concatenate([daffine_i, daffine_f, daffine_o, daffine_g], axis=1)",
        "np.concatenate([daffine_f, daffine_i, daffine_o, daffine_g], axis=1)",
        "daffine or difo",
        r"order|place|swap|exchang|columns",
        "lays the gates' gradients side by side in another order than the columns",
    ),
    # 10: the LSTM over a sequence
    Mistake(
        10,
        "lstm_sequence_forward",
        """\
        h_before, c_before = h_after, c_after  # what this step leaves is what the next one finds
    c_last = c_before
""",
        """\
        h_before = h_after
    c_last = c_after
""",
        "c or h",
        r"`?c`?.*(carried|handed|passed)|first `?c`?\b|memory",
        "carries h from step to step, but not c",
    ),
    Mistake(
        10,
        "lstm_sequence_forward",
        """\
    h_before, c_before = h, c
    for t in range(T):
        h_after, c_after, cache_t = lstm.lstm_forward(x[t], h_before, c_before, W_x, W_hh, b)
        h_all[t] = h_after
        steps.append(cache_t)
        h_before, c_before = h_after, c_after  # what this step leaves is what the next one finds
    c_last = c_before
""",
        """\
    state, c_last, states = h.copy(), c, []
    for x_t in x:
        state[...], c_last, cache_t = lstm.lstm_forward(x_t, state, c_last, W_x, W_hh, b)
        states.append(state)
        steps.append(cache_t)
    h_all = np.stack(states)
""",
        "h_all or h",
        r"last (step|state)|overwrit|same (array|state)|one array|copy|every step",
        "keeps one array in the list and overwrites it: all steps show the last state",
    ),
    Mistake(
        10,
        "lstm_sequence_backward",
        "dh_t = dh_all[t] + dh_from_next",
        "dh_t = dh_all[t]",
        "dh or dx",
        r"`?dh`?.*(missing|forgotten|lost|not carried)|step after|next step",
        "forgets the gradient that comes from the step after",
    ),
    Mistake(
        10,
        "lstm_sequence_backward",
        "dW_hh += dW_hh_t",
        "dW_hh = dW_hh_t",
        "dW_hh",
        r"overwrit|accumul|\+=|not added|instead of add|only (the )?(first|last|one)",
        "assigns the weights' gradient instead of adding over the steps",
    ),
    Mistake(
        10,
        "lstm_sequence_backward",
        "for t in reversed(range(T)):",
        "for t in range(T):",
        "dx or dh or dc",
        r"order|direction|forward|(first|last) step (comes )?first|revers|backward|through time",
        "goes forward through time",
    ),
    Mistake(
        10,
        "lstm_sequence_backward",
        """\
        dh_t = dh_all[t] + dh_from_next
        dc_t = dc_from_next
        dx_t, dh_before, dc_before, dW_x_t, dW_hh_t, db_t = lstm.lstm_backward(dh_t, dc_t, cache.steps[t])
""",
        """\
        dh_all[t] += dh_from_next
        dx_t, dh_before, dc_before, dW_x_t, dW_hh_t, db_t = lstm.lstm_backward(dh_all[t], dc_from_next, cache.steps[t])
""",
        "",
        r"dh_all.*(changed|modified)|(change|modif).*dh_all",
        "adds the carried gradient to the given one in place",
    ),
    # 11: soft attention
    Mistake(
        11,
        "score_forward",
        "u, cache_u = activations.tanh_forward(keys_of_each + query_of_each)",
        "u = activations.tanh_forward(keys_of_each)[0] + query_of_each; cache_u = activations.TanhCache(u)",
        "u or e",
        r"tanh.*(keys|sum|query)|query.*tanh",
        "takes the tanh of the keys alone",
    ),
    Mistake(
        11,
        "score_backward",
        """\
    dsum = du * (1 - u * u)

    # keys_i was used by all captions of its picture, query_b by all locations: sums along those axes.
    dkeys = dsum.sum(axis=1)  # (N, L, A)
    dquery = dsum.sum(axis=2).reshape(B, A)
""",
        """\
    dkeys, dquery = du.sum(1), du.sum(2).reshape(B, A)
""",
        "du",
        r"(tanh|slope|deriv|1 - u)",
        "forgets the tanh's derivative",
    ),
    Mistake(
        11,
        "context_forward",
        """\
    z = alpha_of_each @ a
    return z.reshape(B, D)""",
        """\
    z = (alpha_of_each[..., None] * a[:, None]).mean(axis=2)
    return z.reshape(B, D)""",
        "z",
        r"mean|divided|average",
        "takes the mean over the locations, where alpha has shared out already",
    ),
    Mistake(
        11,
        "context_backward",
        "a_transposed = a.swapaxes(1, 2)",
        "a_transposed = a.reshape(N, D, L)",
        "dalpha",
        r"reshape.*transpos|transpos.*(reshape|missing)|swapaxes",
        "reshapes the annotations where a transpose is needed",
    ),
    Mistake(
        11,
        "attend_forward",
        "alpha, cache_softmax = softmax.softmax_forward(e)",
        "alpha = softmax.softmax_forward(e.T)[0].T.copy(); cache_softmax = softmax.SoftmaxCache(alpha)",
        "alpha",
        r"captions.*locations|locations.*captions|axis|axes|over the captions",
        "softmax over the captions instead of the locations",
    ),
    Mistake(
        11,
        "attend_backward",
        "dalpha_total = dalpha + dalpha_from_context",
        "dalpha_total = dalpha_from_context",
        "de",
        r"`dalpha`.*(missing|forgotten|lost)|outside.*(missing|forgotten|lost)",
        "drops the penalty's gradient of alpha",
    ),
    # 12: the gate and the deep output
    Mistake(
        12,
        "gate_forward",
        "affine = h @ w_beta + b_beta",
        "affine = h.dot(w_beta)",
        "beta",
        r"`?b_beta`?.*(missing|forgotten|left out)|bias",
        "forgets the bias",
    ),
    Mistake(
        12,
        "gate_backward",
        "daffine = dbeta * beta * (1 - beta)",
        "daffine = dbeta",
        "daffine",
        r"sigm|slope|deriv|1 - beta",
        "forgets the sigmoid's derivative",
    ),
    Mistake(
        12,
        "gate_backward",
        "dbeta = (dgated * cache.z).sum(axis=1)",
        "dbeta = (dgated * cache.z).mean(axis=1)",
        "dbeta",
        r"mean|divided|average",
        "averages over the components instead of summing",
    ),
    Mistake(
        12,
        "gate_backward",
        "db_beta = daffine.sum().reshape(1)",
        "db_beta = daffine.sum()",
        "",
        r"db_beta.*(shape|\(1,\)|array)|(shape|\(1,\)|array).*db_beta",
        "returns the bias gradient as a scalar",
    ),
    Mistake(
        12,
        "output_forward",
        """\
    from_state = h @ L_h
    from_picture = z @ L_z
    inner = Ey + from_state + from_picture
""",
        """\
    inner = h @ L_h
    inner += z @ L_z
""",
        "inner",
        r"`?Ey`?.*(missing|forgotten|left out)|word.*(missing|forgotten|left out)",
        "forgets the word before: adds up state and context only",
    ),
    Mistake(
        12,
        "output_backward",
        "return dEy, dh, dz, dL_h, dL_z, dL_o, db_o",
        "return dEy, dz, dh, dL_h, dL_z, dL_o, db_o",
        "dh or dz",
        r"place|order|swap|exchang",
        "returns dh and dz in the wrong order",
    ),
    # Exercise 5
    Mistake(
        5,
        "relu_forward",
        "y = x.copy()\n    y[x < 0] = 0",
        "x[x < 0] = 0\n    y = x",
        "",
        r"chang|overwr|in place|alter|modif",
        "clears the negative numbers of the caller's x in place",
    ),
    Mistake(
        5,
        "relu_backward",
        "passed = cache.y > 0",
        "passed = cache.y >= 0",
        "dx",
        r">=|y > 0|x > 0|everywhere|(passed|slope|mask).*(missing|forgotten)",
        "the mask is y >= 0, which holds everywhere",
    ),
    Mistake(
        5,
        "max_pool_forward",
        "np.full((N, H + 2 * padding, width + 2 * padding, C), -np.inf, x.dtype)",
        "np.zeros((N, H + 2 * padding, width + 2 * padding, C), x.dtype)",
        "x_padded",
        r"inf|padd.*\b(0|zeros?)\b|\b(0|zeros?)\b.*padd",
        "pads with zeros, which win over negative cells",
    ),
    Mistake(
        5,
        "max_pool_forward",
        TOURNAMENT,
        """\
    y = np.empty((N, rows, columns, C), x.dtype)
    winner = np.empty((N, rows, columns, C), np.uint8)
    for i in range(rows):
        for j in range(columns):
            patch = x_padded[:, i : i + window, j : j + window].reshape(N, window * window, C)
            y[:, i, j] = patch.max(axis=1)
            winner[:, i, j] = patch.argmax(axis=1)
""",
        "y or cells",
        r"stride|\bi s\b",
        "window (i, j) begins at row i, not i * stride",
    ),
    Mistake(
        5,
        "max_pool_backward",
        POOL_SCATTER,
        """\
    for n, i, j, c in np.ndindex(dy.shape):
        p, q = divmod(int(winner[n, i, j, c]), window)
        dx_padded[n, i * stride + p, j * stride + q, c] = dy[n, i, j, c]
""",
        "dx_padded or cells or dx",
        OVERWRITTEN,
        "= where += belongs: of windows that overlap, the last one wins",
    ),
    Mistake(
        5,
        "max_pool_backward",
        "won = winner == p * window + q",
        "won = winner == q * window + p",
        "cells or dx_padded",
        SWAPPED + r"|p \* window \+ q",
        "takes the winner's number apart as q * window + p",
    ),
    # Exercise 6
    Mistake(
        6,
        "conv_forward",
        CELL_LOOP,
        """\
    for i in range(rows):
        for j in range(columns):
            patch = x_padded[:, i : i + P, j : j + Q]
            y[:, i, j] += np.tensordot(patch, W, axes=3)
""",
        "y",
        r"stride|\bi s\b",
        "window (i, j) begins at row i, not i * stride",
    ),
    Mistake(
        6,
        "conv_forward",
        BIAS_FIRST + CELL_LOOP,
        """\
    y = np.zeros((N, rows, columns, O), x.dtype)
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride, j * stride
            for o in range(O):
                patch = x_padded[:, top : top + P, left : left + Q, 0]
                y[:, i, j, o] = (patch * W[:, :, 0, o]).sum(axis=(1, 2)) + b[o]
""",
        "y",
        r"channel|over c\b",
        "convolves the first channel alone instead of summing over all",
    ),
    Mistake(
        6,
        "conv_forward",
        BIAS_FIRST + CELL_LOOP,
        """\
    y = np.zeros((N, rows, columns, O), x.dtype)
    for n in range(N):
        for i in range(rows):
            for j in range(columns):
                a = x_padded[n, i * stride : i * stride + P, j * stride : j * stride + Q]
                for o in range(O):
                    s = a * W[..., o] + b[o]
                    y[n, i, j, o] = s.sum()
""",
        "y",
        BIAS_TIMES,
        "adds the bias inside the sum, so that it counts P Q C times",
    ),
    Mistake(
        6,
        "conv_forward",
        BIAS_FIRST + CELL_LOOP,
        """\
    seen = np.lib.stride_tricks.sliding_window_view(x_padded, (P, Q), axis=(1, 2))[:, ::stride, ::stride]
    col = seen.reshape(N * rows * columns, P * Q * C)
    y = (col @ W.reshape(P * Q * C, O) + b).reshape(N, rows, columns, O)
""",
        "y",
        r"order|C, P, Q|c, p, q|reshape|transpos|axes",
        "im2col: windows are flattened as (C, P, Q), filters as (P, Q, C)",
    ),
    Mistake(
        6,
        "conv_forward",
        "term = met @ W[p, q]",
        'term = np.einsum("nijc,co->nijo", met, W[P - 1 - p, Q - 1 - q])',
        "y",
        TURNED,
        "turns the filter by half a turn, a true convolution",
    ),
    Mistake(
        6,
        "conv_forward",
        "            term = met @ W[p, q]\n            y += term\n",
        "            y = met @ W[p, q]\n",
        "y",
        OVERWRITTEN,
        "y is overwritten for every filter cell: the last cell alone counts, without b",
    ),
    # Exercise 7
    Mistake(
        7,
        "conv_parameter_gradients",
        "met = _met_by(x_padded, p, q, rows, columns, stride)\n            met_rows = met.reshape(windows, C)",
        "met_rows = x_padded[:, p : p + rows, q : q + columns].reshape(windows, C)",
        "dW",
        r"stride|\bi s\b",
        "forgets the stride: window (i, j) is taken from row i of the picture",
    ),
    Mistake(
        7,
        "conv_parameter_gradients",
        WEIGHT_LOOP,
        """\
    for n in range(N):
        for i in range(rows):
            for j in range(columns):
                top, left = i * stride, j * stride
                patch = x_padded[n, top : top + P, left : left + Q]
                for o in range(O):
                    dW[..., o] = patch * dy[n, i, j, o]
""",
        "dW",
        OVERWRITTEN,
        "assigns dW of a window instead of adding: the last window alone counts",
    ),
    Mistake(
        7,
        "conv_parameter_gradients",
        "db = dy_rows.sum(axis=0)",
        "db = dy.sum(axis=(0, 2, 3))",
        "db",
        r"ax(is|es)|\(0, 2, 3\)|over n, j, o|channels are last|summed over",
        "sums db over axes (0, 2, 3), as for channels that come first",
    ),
    Mistake(
        7,
        "conv_input_gradient",
        "dx_padded[:, padding : padding + H, padding : padding + width]",
        "dx_padded[:, padding:-padding, padding:-padding]",
        "dx",
        r"-padding|empty|padding.*\b0\b|\b0\b.*padding",
        "cuts off the rings with padding:-padding, which is empty for padding 0",
    ),
    Mistake(
        7,
        "conv_input_gradient",
        SHARE_LOOP,
        """\
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride, j * stride
            g = np.einsum("no,pqco->npqc", dy[:, i, j], W)
            dx_padded[:, top : top + P, left : left + Q] = g
""",
        "dx_padded or cells or dx",
        OVERWRITTEN,
        "= where += belongs: of windows that overlap, the last one wins",
    ),
    Mistake(
        7,
        "conv_input_gradient",
        SHARE_LOOP,
        """\
    spread = np.zeros((N, H + 2 * padding + P - 1, width + 2 * padding + Q - 1, dy.shape[3]), dy.dtype)
    spread[:, P - 1 : P - 1 + rows * stride : stride, Q - 1 : Q - 1 + columns * stride : stride] = dy
    for p in range(P):
        for q in range(Q):
            around = spread[:, p : p + H + 2 * padding, q : q + width + 2 * padding]
            dx_padded += around @ W[p, q].T
""",
        "dx_padded or cells or dx",
        TURNED,
        "gathers from dy with a filter that is not turned",
    ),
    # Exercise 8
    Mistake(
        8,
        "correlate",
        "y[n, i, j, o] = b[o]\n",
        "y[n, i, j, o] += b[o]\n",
        "y",
        r"garbage|held|NaN|nan\b|initiali|uninit",
        "adds to what y held before",
    ),
    Mistake(
        8,
        "correlate",
        CORRELATE_LOOPS,
        """\
                total = 0.0
                for o in range(O):
                    total += b[o]
                    for p in range(P):
                        for q in range(Q):
                            for c in range(C):
                                total += x[n, i + p, j + q, c] * W[p, q, c, o]
                    y[n, i, j, o] = total""",
        "y",
        r"next|reset|goes on|anew|running|cumul|output channel",
        "the running sum is not reset for every output channel",
    ),
    Mistake(
        8,
        "correlate",
        CORRELATE_LOOPS,
        """\
                for o in range(O):
                    s = 0.0
                    for p in range(P):
                        for q in range(Q):
                            for c in range(C):
                                s += x[n, i + p, j + q, c] * W[p, q, c, o] + b[o]
                    y[n, i, j, o] = s""",
        "y",
        BIAS_TIMES,
        "adds the bias for every term, P Q C times",
    ),
    Mistake(
        8,
        "correlate",
        "pixel = x[n, i + p, j + q, c]",
        "pixel = x[n, i + p - 1, j + q - 1, c]",
        "y",
        r"- 1|padded|negative|wrap|border|begins|(one|1) (row|cell)",
        "begins one row and column too early, as if x were not padded; -1 wraps around",
    ),
    Mistake(
        8,
        "correlate",
        "pixel * W[p, q, c, o]",
        "pixel * W[p, q, o, c]",
        "y",
        r"transpos|swap|exchang|o, c|order|each other's place",
        "swaps the last two indices of W",
    ),
    Mistake(
        8,
        "correlate",
        "for i in range(H):\n            for j in range(width):",
        "for i in range(H - P + 1):\n            for j in range(width - Q + 1):",
        "y",
        r"H - P|\brows?\b|bounds|not (all )?(written|filled)|NaN|nan\b",
        "takes y's H for the picture's: the last rows and columns are never written",
    ),
    # 13: the doubly stochastic penalty
    Mistake(
        13,
        "doubly_stochastic_forward",
        """\
    of_words = alpha * mask[:, :, None]
    looked = of_words.sum(axis=0)
""",
        """\
    looked = alpha.sum(axis=0)
""",
        "missing",
        r"(forgot|left out|lacks|without|not multiplied).*mask|mask.*(missing|forgot|left out)|padding",
        "sums the attention over padding as well",
    ),
    Mistake(
        13,
        "doubly_stochastic_forward",
        "words = mask.sum(axis=0)[:, None]",
        "words = len(alpha)",
        "aim",
        r"mask|longest|own (number|words|length)|padding|each caption|every caption",
        "takes the longest caption's length for every caption in T/L",
    ),
    Mistake(
        13,
        "doubly_stochastic_forward",
        "squares = missing * missing",
        "squares = (aim - alpha) ** 2 * mask[:, :, None]",
        "penalty",
        r"squar|before|alpha.*missing|missing.*alpha|sum(med)? over (words|t\b|time)",
        "squares what each word lacks, before the sum over words",
    ),
    Mistake(
        13,
        "doubly_stochastic_forward",
        """\
    scale = 1 / B
    if normalisation == "mean":
        scale = scale / L
""",
        """\
    scale = 1.0 if normalisation == "sum" else 1 / L
""",
        "scale or penalty",
        r"not divided|1 ?/ ?`?B\b|divi\w+ by `?B\b|`B`.*(missing|left out)|mean over captions|number of captions",
        "forgets to divide by the number of captions",
    ),
    Mistake(
        13,
        "doubly_stochastic_backward",
        """\
    dmissing = 2 * missing * dsquares
""",
        """\
    dmissing = missing * dsquares
""",
        "dalpha",
        r"\b2\b|half|twice|\b0\.5\b",
        "forgets the 2 of the square's derivative",
    ),
    Mistake(
        13,
        "doubly_stochastic_backward",
        """\
    dalpha = dlooked[None, :, :] * mask[:, :, None]
    return dalpha
""",
        """\
    return dlooked
""",
        "",
        r"shape|\(\d, \d\).*\(\d, \d, \d\)|ax[ei]s",
        "forgets the axis of time: one map for all words of a caption",
    ),
    # 14: the decoder's whole backward
    Mistake(
        14,
        "recur_backward",
        """\
    dgated = dgated_lstm + dz
""",
        """\
    dgated = dgated_lstm
""",
        "dgated or dz",
        r"`dz`.*(missing|forgot|left out|lost|not added)|(without|lacks|forgot).*`dz|output",
        "forgets what the output layer sends to the gated context",
    ),
    Mistake(
        14,
        "recur_backward",
        "dh_before = dh_lstm + dh_gate + dh_attend",
        "dh_before = dh_lstm\n    dh_before += dh_gate",
        "dh",
        r"dh_attend|attention",
        "forgets the way from the attention to the state before",
    ),
    Mistake(
        14,
        "decode_backward",
        "dh_t = dh_output[t] + dh_after",
        "dh_t = dh_output[t]",
        "dh or da_t",
        r"`dh(_after)?`.*(missing|not added|lost|forgot|left out|not used)|(word|step) after|lacks.*`dh",
        "forgets what the word after sends back to the state",
    ),
    Mistake(
        14,
        "decode_backward",
        """\
    for name in of_words[0][3]:
        grads[name] = sum(grads_t[name] for _, _, _, grads_t in of_words)
""",
        """\
    for _, _, _, grads_t in of_words:
        grads.update(grads_t)
""",
        "grads or dW_x or dW_hh or db or dW_h or dv or dw_beta or db_beta",
        r"overwrit|accumul|\+=|replac|not (added|summed)|instead of add|only .*(first|last)|first word",
        "lets each word overwrite the weights' gradients of the others",
    ),
    Mistake(
        14,
        "decode_backward",
        "embedding.embedding_backward(dEy_output + dEy_recur, cache.embedding)",
        "embedding.embedding_backward(dEy_recur, cache.embedding)",
        "dEy or dE",
        r"output|overwrit|(missing|lacks|forgot|not added).*dEy|dEy.*(missing|lost|forgot|not added)",
        "replaces the output layer's part of the words' gradient by the recurrence's",
    ),
    Mistake(
        14,
        "decode_backward",
        """\
    dh0 = dh_after.reshape(B // each, each, S).sum(axis=1)
    dc0 = dc_after.reshape(B // each, each, S).sum(axis=1)
""",
        """\
    dh0, dc0 = (d.reshape(each, B // each, S).sum(axis=0) for d in (dh_after, dc_after))
""",
        "dh0 or dc0",
        r"ax[ei]s|group|order|side by side|stand|reshape|other (captions|pictures)|next to",
        "adds up captions of different pictures: groups them by the wrong axis",
    ),
    # 15: Adam and RMSProp
    Mistake(
        15,
        "adam_update",
        """\
        m_hat = m / weights_m
        v_hat = v / weights_v

        # The usual gradient over its usual size: nearly 1 or -1 where the gradients agree, small where they differ.
        params[name] -= rate * m_hat / (np.sqrt(v_hat) + epsilon)
""",
        """\
        params[name] -= rate * m / (np.sqrt(v) + epsilon)
""",
        "correction1 or correction2 or params",
        r"correct|1 - beta|_hat|weights_[mv]",
        "leaves out the correction of the means",
    ),
    Mistake(
        15,
        "adam_update",
        """\
        m_hat = m / weights_m
        v_hat = v / weights_v

        # The usual gradient over its usual size: nearly 1 or -1 where the gradients agree, small where they differ.
        params[name] -= rate * m_hat / (np.sqrt(v_hat) + epsilon)
""",
        """\
        m /= weights_m
        v /= weights_v
        params[name] -= rate * m / (np.sqrt(v) + epsilon)
""",
        "m or v",
        r"correct|stored|kept|keeps|in place|overwrit|1 - beta",
        "keeps the corrected means in the state",
    ),
    Mistake(
        15,
        "adam_update",
        """\
    weights_m = 1 - beta1**t
    weights_v = 1 - beta2**t
""",
        """\
    weights_m, weights_v = 1 - beta1, 1 - beta2
""",
        "correction1 or correction2",
        r"power|expon|`t`|\*\* ?`?t|\^ ?`?t",
        "forgets the power t in the correction",
    ),
    Mistake(
        15,
        "adam_update",
        """\
    state["t"] += 1
    t = int(state["t"][0])

    # The sums of the weights in the means, see above.
    weights_m = 1 - beta1**t
    weights_v = 1 - beta2**t

    for name, g in grads.items():
""",
        """\
    for name, g in grads.items():
        state["t"] += 1
        t = int(state["t"][0])
        weights_m = 1 - beta1**t
        weights_v = 1 - beta2**t
""",
        "t",
        r"loop|(each|every|per) (array|parameter|name|call|update)|once|inside|too (large|many|often)|counted",
        "counts an update for each array",
    ),
    Mistake(
        15,
        "rmsprop_update",
        """\
        v *= decay
        v += (1 - decay) * g * g
""",
        """\
        v[...] = (1 - decay) * v + decay * g**2
""",
        "v",
        r"swap|exchang|1 - `?decay|`?decay`?.*(instead|place)|roles|turned",
        "swaps decay and 1 - decay",
    ),
    Mistake(
        15,
        "rmsprop_update",
        """\
        size = np.sqrt(v) + epsilon
        params[name] -= rate * g / size
""",
        """\
        params[name] -= rate / np.sqrt(v + epsilon) * g
""",
        "params",
        r"epsilon.*(root|sqrt|under|inside|outside)|(root|sqrt|under|inside|outside).*epsilon",
        "puts epsilon under the root",
    ),
    # 16: beam search
    Mistake(
        16,
        "extend",
        "total = scores[:, :, None] + log_p",
        "total = log_p",
        "total",
        r"score|before|so far",
        "ranks by the last word alone",
    ),
    Mistake(
        16,
        "extend",
        "longer = np.where(done, lengths, lengths + 1)",
        "longer = lengths + 1",
        "new_lengths",
        r"`?done|finished",
        "lets finished captions grow longer",
    ),
    Mistake(
        16,
        "extend",
        "new_scores = total[pictures, parents, words]",
        "new_scores = np.take_along_axis(rank.reshape(N, -1), numbers, axis=1)",
        "scores",
        r"rank|normali[sz]|divided|length",
        "carries the rank on instead of the score",
    ),
    Mistake(
        16,
        "beam_search",
        """\
        state = decoder.select(state, (first_rows + parents).ravel())
""",
        """\
        own = np.minimum(np.arange(slots), slots_before - 1)
        state = decoder.select(state, (first_rows + own).ravel())
""",
        "state",
        r"parent|row|select|slot",
        "lets each slot go on from its own state, not from its parent's",
    ),
    Mistake(
        16,
        "beam_search",
        """\
    N, slots = len(a), 1
    state = decoder.begin(params, a)
""",
        """\
    N, slots = len(a), k
    state = decoder.select(decoder.begin(params, a), np.repeat(np.arange(N), k))
""",
        "words or scores or lengths or done or shape",
        r"one slot|1 slot|k (equal )?(slots|beams)|\(\w+, (1|k)\)|alike|all the same|slots at first|many slots",
        "starts with k equal slots: all write the same",
    ),
    Mistake(
        16,
        "beam_search",
        "softmax.log_softmax(logits.astype(np.float64))",
        "logits.astype(np.float64)",
        "log_p",
        r"softmax|normali[sz]|log prob|logits",
        "adds up logits instead of log probabilities",
    ),
    # 17: BLEU
    Mistake(
        17,
        "bleu",
        "sum(min(count, allowed[ngram]) for ngram, count in counts.items())",
        "sum(count for ngram, count in counts.items() if ngram in allowed)",
        "matched or clipped",
        r"clip|\bmin\b|at most|limit|capp?ed|as often as|allowed",
        "counts a repeated word every time",
    ),
    Mistake(
        17,
        "bleu",
        """\
                for ngram, count in _count(reference, n).items():
                    allowed[ngram] = max(allowed[ngram], count)
""",
        """\
                allowed += _count(reference, n)
""",
        "allowed or several",
        r"\bmax|largest|sum|together|added|adds",
        "adds up an n-gram's counts over the references",
    ),
    Mistake(
        17,
        "bleu",
        "closest = min((abs(len(reference) - length), len(reference)) for reference in of_picture)[1]",
        "closest = min(map(len, of_picture))",
        "closest",
        r"shortest|closest|nearest|distance|\babs\b|difference",
        "takes the shortest reference for the brevity penalty",
    ),
    Mistake(
        17,
        "bleu",
        "brevity = min(1.0, math.exp(1 - reference_words / caption_words))",
        "brevity = 1.0 if caption_words > reference_words else math.exp(1 - caption_words / reference_words)",
        "brevity",
        r"turned|swap|revers|inver|upside|exchang|wrong way|r ?/ ?c|reference_words ?/ ?caption_words",
        "turns the ratio of the lengths round",
    ),
    Mistake(
        17,
        "bleu",
        """\
    written = {n: 0 for n in (1, 2, 3, 4)}
""",
        """\
    if len(captions) > 1:
        each = [bleu([caption], [several]) for caption, several in zip(captions, references, strict=True)]
        return [sum(scores) / len(each) for scores in zip(*each, strict=True)]
    written = {n: 0 for n in (1, 2, 3, 4)}
""",
        "corpus or precisions",
        r"corpus|mean|average|(each|one|single) caption|all captions|summed",
        "takes the mean of the captions' BLEU",
    ),
    Mistake(
        17,
        "bleu",
        "mean_logarithm = sum(math.log(p) for p in precisions) / n",
        "mean_logarithm = sum(math.log(p) for p in precisions)",
        "mean_logarithm or basic",
        r"1 ?/ ?`?n|by `?n\b|root|/ ?`?n\b|`n`|\bmean\b",
        "multiplies the precisions without the root",
    ),
    # 18: batch normalisation
    Mistake(
        18,
        "batch_norm_forward",
        "var = (centred * centred).mean(axis=axes)",
        "var = x.var(axis=axes, ddof=1)",
        "var",
        r"R - 1|less one|one too few|ddof",
        "divides the variance by R - 1",
    ),
    Mistake(
        18,
        "batch_norm_forward",
        "spread = np.sqrt(var + EPSILON)",
        "spread = np.sqrt(var + 1e-8)",
        "spread",
        r"1e-8",
        "has another epsilon, of which the numbers show little",
    ),
    Mistake(
        18,
        "batch_norm_forward",
        "spread = np.sqrt(var + EPSILON)",
        "spread = x.std(axis=axes) + EPSILON",
        "spread",
        r"(?i)epsilon.*(root|sqrt|under|outside)",
        "adds epsilon outside of the root",
    ),
    Mistake(
        18,
        "batch_norm_forward",
        "axes = tuple(range(x.ndim - 1))",
        "axes = (0, 2, 3) if x.ndim == 4 else 0",
        "mean or axes",
        r"channel|last axis|axis 1",
        "takes axis 1 for the channels, as PyTorch has them",
    ),
    Mistake(
        18,
        "batch_norm_backward",
        "dx = by_itself + by_mean + by_variance",
        "dx = (dx_hat - dx_hat.mean(axis=axes)) / spread",
        "dx or by_variance",
        r"variance.*(missing|forgotten)|(missing|forgotten).*variance",
        "forgets that the variance is made of x, too",
    ),
    Mistake(
        18,
        "batch_norm_backward",
        "dx = by_itself + by_mean + by_variance",
        """\
N = dy.shape[0]
    of_mean, of_variance = dx_hat.sum(axis=axes), x_hat * (dx_hat * x_hat).sum(axis=axes)
    dx = (N * dx_hat - of_mean - of_variance) / (N * spread)""",
        "rows or dx",
        r"pictures|N H W|all rows",
        "divides by the number of pictures, not of all rows",
    ),
    Mistake(
        18,
        "batch_norm_backward",
        "dvar = dspread / (2 * spread)",
        "dvar = (dx_hat * centred * -0.5 * spread**-1.5).sum(axis=axes)",
        "dvar or dspread",
        r"power|exponent|root|variance|cube|\^|\*\*",
        "takes the spread for the variance in its derivative",
    ),
    # 19: Show and Tell
    Mistake(
        19,
        "picture_forward",
        "abar = a.sum(axis=1) / L",
        "abar = a.sum(axis=1)",
        "x or abar",
        r"sum.*mean|mean.*sum|divi",
        "adds up the locations where their mean belongs",
    ),
    Mistake(
        19,
        "picture_forward",
        "lstm.lstm_forward(x, h_before",
        "lstm.lstm_forward(np.tanh(x), h_before",
        "h or x",
        r"linear|tanh",
        "puts a tanh on the picture, as the captioner with attention has it",
    ),
    Mistake(
        19,
        "picture_backward",
        "share = dabar / L",
        "share = dabar",
        "da",
        r"1 ?/ ?L|locations|divi",
        "forgets the share of a location in the mean",
    ),
    Mistake(
        19,
        "picture_backward",
        "da[:] = share[:, None, :]",
        """\
da[:] = 0
    da[:, 0] = dabar""",
        "da",
        r"first location|axis|only",
        "gives all of the gradient to one location",
    ),
    Mistake(
        19,
        "decode_forward",
        """\
h_start = np.repeat(h_picture, each, axis=0)  # (B, S)
    c_start = np.repeat(c_picture, each, axis=0)""",
        "h_start, c_start = np.tile(h_picture, (each, 1)), np.tile(c_picture, (each, 1))",
        "h or c or hs",
        r"side by side|go round|grouped|each other",
        "goes round the pictures in turn",
    ),
    Mistake(
        19,
        "decode_forward",
        "Ey, h_start, c_start, params",
        "Ey, h_start, np.zeros_like(c_start), params",
        "hs or c",
        r"memory|`c`|c = 0",
        "hands on the state alone, not the memory",
    ),
    Mistake(
        19,
        "decode_forward",
        "h_dropped, cache_dropout = dropout.dropout_forward(h_all, mask_h)",
        """\
h_all = np.concatenate([h_start[None], h_all[:-1]])
    h_dropped, cache_dropout = dropout.dropout_forward(h_all, mask_h)""",
        "dropped or hs",
        r"before|shift|read",
        "predicts each word from the state before the word before is read",
    ),
    Mistake(
        19,
        "decode_backward",
        '"W_x": dW_x_words + grads_picture["W_x"]',
        '"W_x": dW_x_words',
        "grads or dW_x or da",
        r"picture|missing|part|gradient",
        "forgets that the picture has used W_x, too",
    ),
    Mistake(
        19,
        "decode_backward",
        """\
        "W_x": dW_x_words + grads_picture["W_x"],
        "W_hh": dW_hh_words + grads_picture["W_hh"],
        "b": db_words + grads_picture["b"],
""",
        """\
        **{"W_x": dW_x_words, "W_hh": dW_hh_words, "b": db_words},
        **grads_picture,
""",
        "grads or dW_x or dW_hh or db",
        r"overwr",
        "lets the picture's gradients overwrite the words'",
    ),
    Mistake(
        19,
        "decode_backward",
        """\
dh_picture = dh_start.reshape(N, each, S).sum(axis=1)
    dc_picture = dc_start.reshape(N, each, S).sum(axis=1)""",
        "dh_picture, dc_picture = (d.reshape(each, N, S).sum(axis=0) for d in (dh_start, dc_start))",
        "dh or dc",
        r"side by side|grouped|axis|go round",
        "adds up captions of different pictures",
    ),
    # 20: the log-bilinear model
    Mistake(
        20,
        "predict_forward",
        "r_hat += vector @ C[i]",
        "r_hat += vector @ C[-1 - i]",
        "of_words",
        r"other way round|latest|order",
        "gives the latest word the last matrix",
    ),
    Mistake(
        20,
        "predict_forward",
        "r_hat += vector @ C[i]",
        "r_hat += vector @ C[0]",
        "of_words",
        r"own|C_1|all",
        "uses one matrix for all words",
    ),
    Mistake(
        20,
        "predict_forward",
        "of_picture = np.repeat(row_of_picture, B // N, axis=0)",
        "of_picture = np.tile(row_of_picture, (B // N, 1))",
        "of_picture",
        r"side by side|grouped|go round",
        "goes round the pictures in turn",
    ),
    Mistake(
        20,
        "predict_backward",
        "dEy[..., i, :] = dr_hat @ C[i].T",
        "dEy[..., i, :] = dr_hat @ C[i]",
        "dEy",
        r"transpos",
        "forgets to transpose C_i",
    ),
    Mistake(
        20,
        "predict_backward",
        "over_words = of_pictures.sum(axis=0)",
        "over_words = of_pictures[-1]",
        "dof_picture or dC_m or dabar",
        r"word|last|first|only|axis 0|sum",
        "counts the last word alone for the picture",
    ),
    Mistake(
        20,
        "predict_backward",
        "of_pictures = drows.reshape(-1, N, B // N, M)",
        "of_pictures = drows.reshape(-1, B // N, N, M).swapaxes(1, 2)",
        "dof_picture",
        r"side by side|grouped|go round",
        "adds up captions of different pictures",
    ),
    Mistake(
        20,
        "decode_forward",
        "window = log_bilinear.windows(words)",
        "window = log_bilinear.windows(words)[..., ::-1]",
        "Ey or r_hat",
        r"turned|order|revers|latest",
        "takes the window with the oldest word first",
    ),
    Mistake(
        20,
        "decode_forward",
        "linear.linear_forward(dropped, W,",
        "linear.linear_forward(r_hat, W,",
        "logits or dropped",
        r"dropout|`r_hat` where",
        "leaves out the dropout",
    ),
    Mistake(
        20,
        "decode_backward",
        "dE = dE_read + dE_written",
        "dE = dE_read",
        "dE",
        r"output|missing|dE_T",
        "forgets that E is the output's weights, too",
    ),
    Mistake(
        20,
        "decode_backward",
        "dE = dE_read + dE_written",
        "dE = np.ascontiguousarray(dE_written)",
        "dE",
        r"windows|looked up|missing",
        "forgets that E is looked up, too",
    ),
    Mistake(
        20,
        "decode_backward",
        "share = dabar / L",
        "share = dabar",
        "da",
        r"1 ?/ ?L|locations|divi",
        "forgets the share of a location in the mean",
    ),
    # 21: scaled dot-product attention
    Mistake(
        21,
        "score_forward",
        "e = product / root",
        "e = product",
        "e",
        r"root|sqrt|divi",
        "leaves out the scale",
    ),
    Mistake(
        21,
        "score_forward",
        "root = math.sqrt(K)",
        "root = float(K)",
        "e",
        r"root",
        "divides by K, not by its root",
    ),
    Mistake(
        21,
        "score_forward",
        "root = math.sqrt(K)",
        "root = math.sqrt(heads * K)",
        "e",
        r"heads|all",
        "divides by the root of A, of all heads together",
    ),
    Mistake(
        21,
        "score_forward",
        "query = query_of_all.reshape(heads, N, each, K)",
        "query = query_of_all.reshape(heads, each, N, K).swapaxes(1, 2)",
        "query",
        r"mod N|side by side",
        "goes round the pictures in turn",
    ),
    Mistake(
        21,
        "score_forward",
        "e = product / root",
        "e = product.astype(float) / root",
        "",
        r"float32",
        "computes in float64, whatever is given",
    ),
    Mistake(
        21,
        "score_backward",
        "dproduct = de_of_each / root",
        "dproduct = de_of_each",
        "dproduct",
        r"root|sqrt|divi",
        "forgets the scale on the way back",
    ),
    Mistake(
        21,
        "score_backward",
        "dquery_of_each = dproduct @ keys",
        "dquery_of_each = dproduct @ keys / root",
        "dquery",
        r"twice",
        "divides the query's gradient twice",
    ),
    Mistake(
        21,
        "score_backward",
        "dh = dh_by_heads.sum(axis=0)",
        "dh = dh_by_heads.mean(axis=0)",
        "dh",
        r"mean",
        "takes the mean over heads, not the sum",
    ),
    Mistake(
        21,
        "score_backward",
        "dproduct_transposed = dproduct.swapaxes(2, 3)",
        "dproduct_transposed = dproduct.reshape(heads, N, L, each)",
        "dkeys",
        r"reshape",
        "reshapes the scores' gradient where a transpose is needed",
    ),
    Mistake(
        21,
        "context_forward",
        "found_by_captions = found.swapaxes(0, 1)  # (B, heads, K)",
        "found_by_captions = found",
        "z",
        r"swapaxes|transpos|reshape",
        "writes the heads one below the other and reshapes",
    ),
    Mistake(
        21,
        "context_forward",
        "found_by_captions = found.swapaxes(0, 1)",
        "found_by_captions = found.transpose(1, 2, 0)",
        "z",
        r"turns|side by side",
        "lets the heads' numbers take turns",
    ),
    Mistake(
        21,
        "context_forward",
        "found = seen @ W_v  # (heads, B, K)",
        "found = seen @ W_v[:1].repeat(heads, axis=0)",
        "z",
        r"first head|W_v",
        "gives all heads the first head's values",
    ),
    Mistake(
        21,
        "context_backward",
        """\
dz_by_captions = dz.reshape(B, heads, K)
    dfound = dz_by_captions.swapaxes(0, 1)""",
        "dfound = dz.reshape(heads, B, K)",
        "dz",
        r"swapaxes|reshape",
        "cuts z's gradient into heads in the wrong order",
    ),
    Mistake(
        21,
        "context_backward",
        "da = da_by_heads.sum(axis=0)",
        "da = da_by_heads.mean(axis=0)",
        "da",
        r"mean",
        "takes the mean over heads, not the sum",
    ),
    Mistake(
        21,
        "context_backward",
        "a_transposed = a.swapaxes(1, 2)",
        "a_transposed = a.reshape(N, D, L)",
        "dalpha",
        r"reshape|transpos",
        "reshapes the annotations where a transpose is needed",
    ),
    Mistake(
        21,
        "attend_forward",
        "alpha_mean = alpha.mean(axis=0)",
        "alpha_mean = alpha.sum(axis=0)",
        "alpha",
        r"sum.*mean|mean.*sum",
        "returns the sum of the heads' alpha",
    ),
    Mistake(
        21,
        "attend_forward",
        "alpha_mean = alpha.mean(axis=0)",
        "alpha_mean = alpha",
        "",
        r"shape",
        "returns every head's alpha",
    ),
    Mistake(
        21,
        "attend_forward",
        "alpha, cache_softmax = softmax.softmax_forward(e)",
        """\
alpha = softmax.softmax_forward(e.T)[0].T.copy()
    cache_softmax = softmax.SoftmaxCache(alpha)""",
        "alpha",
        r"heads.*locations",
        "takes the softmax over the heads",
    ),
    Mistake(
        21,
        "attend_backward",
        "dalpha_from_mean = dalpha / heads",
        "dalpha_from_mean = dalpha",
        "dalpha_mean",
        r"heads|len\(",
        "forgets that alpha outside is a mean",
    ),
    Mistake(
        21,
        "attend_backward",
        "dalpha_total = dalpha_from_context + dalpha_from_mean",
        "dalpha_total = dalpha_from_context",
        "de",
        r"`dalpha(_mean)?`.*(missing|left out|forgotten)",
        "drops the penalty's gradient of alpha",
    ),
    Mistake(
        21,
        "attend_backward",
        "dalpha_total = dalpha_from_context + dalpha_from_mean",
        """\
dalpha_total = dalpha_from_context.copy()
    dalpha_total[0] += dalpha""",
        "dalpha_mean or de",
        r"first head",
        "gives the penalty's gradient to the first head alone",
    ),
    # 22: hard attention
    Mistake(
        22,
        "draw_forward",
        "    s = before.sum(axis=1)\n",
        "    s = alpha.argmax(axis=1)\n",
        "s",
        r"likeliest|argmax|uniform",
        "takes the likeliest location instead of drawing one",
    ),
    Mistake(
        22,
        "draw_forward",
        "before = ends <= place[:, None]",
        "before = alpha <= place[:, None]",
        "",
        r"IndexError",
        "compares alpha itself with the uniform number",
    ),
    Mistake(
        22,
        "draw_forward",
        "    place = uniforms * length\n",
        "    place = np.minimum(uniforms, 1)\n",
        "s",
        r"last|`?upto\[:, -1\]`?|multiplied",
        "forgets that the pieces may end short of 1",
    ),
    Mistake(
        22,
        "draw_forward",
        "weights = np.where(expected[:, None], alpha, drawn)",
        "weights = drawn",
        "weights",
        r"expected",
        "draws for the captions with the expected context, too",
    ),
    Mistake(
        22,
        "draw_backward",
        "of_drawn = np.zeros_like(dweights)",
        "of_drawn = dweights",
        "dalpha",
        r"straight-through|derivative|draws? get",
        "lets the gradient through a draw",
    ),
    Mistake(
        22,
        "location_log_p_backward",
        "slope = 1 / at_s",
        "slope = np.ones_like(at_s)",
        "dalpha",
        r"division|1 / alpha",
        "forgets the slope of the log",
    ),
    Mistake(
        22,
        "location_log_p_backward",
        """\
    dalpha = np.zeros_like(alpha)
    np.put_along_axis(dalpha, place, dat_s, axis=-1)
""",
        """\
    chosen = np.zeros_like(alpha)
    np.put_along_axis(chosen, place, 1, axis=-1)
    dalpha = dlog_p[..., None] * (chosen - alpha)
""",
        "dalpha",
        r"scores|softmax",
        "gives the scores' gradient where alpha's is asked",
    ),
    Mistake(
        22,
        "advantage",
        "reward = from_the_end.cumsum(axis=0)[::-1]",
        "reward = log_p.cumsum(axis=0)",
        "reward",
        r"from it on|up to|`?\[::-1\]|backwards|order",
        "sums the words up to the draw",
    ),
    Mistake(
        22,
        "advantage",
        "usual = of_a_word * words",
        "usual = baseline",
        "usual or reward",
        r"left|words",
        "takes all of the baseline off a reward-to-go",
    ),
    Mistake(
        22,
        "advantage",
        "reward = log_p.sum(axis=0)  # (B,)",
        "reward = log_p.sum(axis=0) / mask.sum(axis=0)",
        "reward",
        r"mean|word",
        "rewards by the mean log p of a word",
    ),
    Mistake(
        22,
        "move_baseline",
        "baseline[:] = 0.9 * baseline + 0.1 * new",
        "baseline = 0.9 * baseline + 0.1 * new",
        "baseline or after_one",
        r"new array|in place",
        "makes a new baseline instead of changing the one there is",
    ),
    Mistake(
        22,
        "move_baseline",
        "new = of_captions.mean()",
        "new = log_p.mean()",
        "baseline or after_one",
        r"words and captions|sum of `?log_p`? is missing|words are summed",
        "averages over words and captions",
    ),
    Mistake(
        22,
        "entropy_forward",
        "entropy = (of_words * mask).sum() / B",
        "entropy = (of_words * mask).sum() / mask.sum()",
        "entropy",
        r"mean over words|captions",
        "averages over words instead of captions",
    ),
    Mistake(
        22,
        "entropy_backward",
        "slope = -log_alpha - 1",
        "slope = -log_alpha",
        "dalpha",
        r"`?1`? is missing|\+ 1",
        "forgets that alpha stands before the log, too",
    ),
    # 23: reading a sentence
    Mistake(
        23,
        "encode_forward",
        "back = back_turned[::-1]",
        "back = back_turned",
        "a or back",
        r"not turned",
        "lays the states side by side as they come out: the last word's beside the first's",
    ),
    Mistake(
        23,
        "encode_forward",
        """\
back_turned, _, cache_back = lstm.lstm_sequence_forward(Ex_turned, start, start, W_x, W_hh, b)
    # Its first state is that after the last word. Turned back, the jth is that after the jth word, as in ahead.
    back = back_turned[::-1]""",
        "back, _, cache_back = lstm.lstm_sequence_forward(Ex, start, start, W_x, W_hh, b)",
        "back",
        r"from the first",
        "reads ahead twice, with other weights",
    ),
    Mistake(
        23,
        "encode_forward",
        'W_x, W_hh, b = params["W_x_back"], params["W_hh_back"], params["b_back"]',
        "pass",
        "back",
        r"weights of its own",
        "reads back with the weights that read ahead",
    ),
    Mistake(
        23,
        "encode_forward",
        "words = sources.T",
        "words = sources",
        "Ex",
        r"shape|axes|first",
        "gives the sentences where the words belong",
    ),
    Mistake(
        23,
        "encode_forward",
        "lstm.lstm_sequence_forward(Ex_turned, start, start, W_x",
        "lstm.lstm_sequence_forward(Ex_turned, ahead[-1], start, W_x",
        "back",
        r"starts from|zeros",
        "starts to read back from the state that reading ahead has left",
    ),
    Mistake(
        23,
        "encode_backward",
        "dback_turned = dback[::-1]",
        "dback_turned = dback",
        "dEx_back",
        r"not turned",
        "hands the gradients of the states back in the order of the words",
    ),
    Mistake(
        23,
        "encode_backward",
        "dEx_back = dEx_turned[::-1]",
        "dEx_back = dEx_turned",
        "dE_source or dEx_back",
        r"not turned",
        "adds the last word's gradient to the first's",
    ),
    Mistake(
        23,
        "encode_backward",
        "dEx = dEx_ahead + dEx_back",
        "dEx = dEx_ahead",
        "dE_source",
        r"`dEx_back.*missing",
        "forgets that both have read the words",
    ),
    Mistake(
        23,
        "encode_backward",
        """\
dahead = da[:, :, :S].swapaxes(0, 1)  # (L, N, S)
    dback = da[:, :, S:].swapaxes(0, 1)""",
        """\
dahead = da[:, :, :S].reshape(-1, N, S)
    dback = da[:, :, S:].reshape(-1, N, S)""",
        "dahead",
        r"reshape",
        "reshapes where axes must change places",
    ),
    # 24: neighbours of a word
    Mistake(
        24,
        "cosine_similarity",
        "    return directions @ direction",
        "    return E @ query",
        "cosines",
        r"dot product|length|divi",
        "returns dot products: nothing is divided by the lengths",
    ),
    Mistake(
        24,
        "cosine_similarity",
        "    lengths = np.sqrt((E * E).sum(axis=1))",
        "    lengths = np.full(len(E), np.sqrt((E * E).sum()))",
        "lengths or cosines",
        r"all of E|each row|axis",
        "divides by the norm of the whole matrix, not by each row's",
    ),
    Mistake(
        24,
        "cosine_similarity",
        "    lengths[lengths == 0] = 1\n",
        "",
        "lengths or cosines",
        r"divided by 0|`?1`? where|zero",
        "divides by a length of zero: not a number where 0 belongs",
    ),
    Mistake(
        24,
        "cosine_similarity",
        "    return directions @ direction",
        "    return 1 - directions @ direction",
        "cosines",
        r"1 - ",
        "returns the cosine distance, as scipy does",
    ),
    Mistake(
        24,
        "nearest",
        "[other for other in range(V) if other != word]",
        "list(range(V))",
        "words or order",
        r"itself|left out",
        "a word is its own nearest neighbour",
    ),
    Mistake(
        24,
        "nearest",
        """\
    others = [other for other in range(V) if other != word]
    # By falling cosine; where cosines are equal, by rising number.
    others.sort(key=lambda other: (-cosines[other], other))
    words = np.array(others[:k], np.intp)
""",
        """\
    words = np.argsort(-cosines, kind="stable")[1 : k + 1]
""",
        "words or order",
        r"first is left out|another of cosine 1",
        "drops the first of all, as if it were always the word itself",
    ),
    Mistake(
        24,
        "nearest",
        "key=lambda other: (-cosines[other], other)",
        "key=lambda other: (cosines[other], other)",
        "words or order",
        r"smallest|farthest|minus|sign",
        "sorts upwards: the farthest words",
    ),
    Mistake(
        24,
        "nearest",
        """\
    others.sort(key=lambda other: (-cosines[other], other))
    words = np.array(others[:k], np.intp)
""",
        """\
    order = np.argsort(cosines)[::-1]
    words = order[order != word][:k]
""",
        "words or order",
        r"equal cosines|larger number",
        "turns an upward sort round: of equal cosines the larger number comes first",
    ),
    Mistake(
        24,
        "nearest",
        "return words, cosines[words]",
        "return words, cosines[:k]",
        "cosines",
        r"words 0 to|not of those|`?cosines",
        "the cosines of the first words of the vocabulary",
    ),
    Mistake(
        24,
        "nearest",
        "    cosines = cosine_similarity(E, E[word])",
        "    cosines = E @ E[word]",
        "cosines or words or order",
        r"dot product",
        "ranks by dot product, so that long vectors are near to everything",
    ),
    Mistake(
        24,
        "nearest",
        "if word < 0 or word >= V:",
        "if word >= V:",
        "",
        r"must raise an error",
        "takes -1 for the last word",
    ),
    Mistake(
        24,
        "principal_axes",
        "    centred = E - E.mean(axis=0)",
        "    centred = E",
        "centred",
        r"E\.mean\(axis=0\)`? is missing",
        "does not take off the mean",
    ),
    Mistake(
        24,
        "principal_axes",
        "    centred = E - E.mean(axis=0)",
        "    centred = E - E.mean(axis=1, keepdims=True)",
        "centred",
        r"axis",
        "takes off each word's own mean",
    ),
    Mistake(
        24,
        "principal_axes",
        "        if largest < 0:",
        "        if axis[0] < 0:",
        "axes or largest",
        r"first number",
        "settles the sign by an axis's first number",
    ),
    Mistake(
        24,
        "principal_axes",
        """\
    C = centred.T @ centred
    # Eigenvectors of a symmetric matrix are at right angles. NumPy returns them as columns, the least eigenvalue first.
    eigenvalues, eigenvectors = np.linalg.eigh(C)
    spread = eigenvalues[::-1]
    axes = eigenvectors.T[::-1][:k].copy()
    for axis in axes:
        # Of an axis and its opposite the one whose largest number, by absolute value, is positive.
        largest = axis[np.abs(axis).argmax()]
        if largest < 0:
            axis *= -1
""",
        """\
    _, s, axes = np.linalg.svd(centred, full_matrices=False)
    spread, axes = s**2, axes[:k]
""",
        "axes",
        r"sign",
        "leaves the signs as the decomposition has them",
    ),
    Mistake(
        24,
        "principal_axes",
        "    spread = eigenvalues[::-1]\n",
        "    spread = np.sqrt(np.maximum(eigenvalues[::-1], 0))\n    centred = np.sqrt(spread.sum())\n",
        "squares or shares",
        r"s\^2|s \*\* 2|square|power",
        "shares of singular values, not of their squares",
    ),
    Mistake(
        24,
        "principal_axes",
        "    axes = eigenvectors.T[::-1][:k].copy()",
        "    axes = eigenvectors[::-1][:k].copy()",
        "axes",
        r"column|transpos|row",
        "takes rows of what has the axes as columns",
    ),
    Mistake(
        24,
        "principal_axes",
        "    whole = (centred * centred).sum()",
        "    whole = spread[:k].sum()",
        "shares",
        r"k squares|not by all|\[:k\]",
        "shares among the axes that are kept",
    ),
    Mistake(
        24,
        "project",
        "    centred = E - mean",
        "    centred = E",
        "x",
        r"mean",
        "does not take off the mean",
    ),
    Mistake(
        24,
        "project",
        "        x[:, j] = centred @ axis",
        "        x[:, j] = centred @ axis / np.linalg.norm(centred @ axis)",
        "x",
        r"length 1|divided|scaled",
        "draws the left singular vectors: every axis as wide as the other",
    ),
    # 25: depthwise convolution
    Mistake(
        25,
        "depthwise_forward",
        "x_padded = _padded(x, P, stride)",
        "x_padded = np.pad(x, ((0, 0), (P // 2, P // 2), (P // 2, P // 2), (0, 0)))",
        "x_padded or y",
        r"odd zero|both sides|stride 1|P // 2",
        "pads by P // 2 on both sides, as is right for stride 1",
    ),
    Mistake(
        25,
        "depthwise_forward",
        "y += met * W[p, q]",
        "y += (met * W[p, q]).sum(axis=-1, keepdims=True)",
        "y",
        r"channel",
        "sums over channels, as a convolution does",
    ),
    Mistake(
        25,
        "depthwise_forward",
        "y += met * W[p, q]",
        "y += met * W[P - 1 - p, P - 1 - q]",
        "y",
        r"turn|half a turn|gone through backwards|-1 - p",
        "turns the filter",
    ),
    Mistake(
        25,
        "depthwise_forward",
        "            y += met * W[p, q]",
        "            y += met * W[p, q] + b",
        "y",
        r"`?b`?.*(once|every|term|there)",
        "adds the bias for every cell of the filter",
    ),
    Mistake(
        25,
        "depthwise_backward",
        "dx = dx_padded[:, top : top + H, left : left + width]",
        "dx = dx_padded[:, P // 2 : P // 2 + H, P // 2 : P // 2 + width]",
        "dx",
        r"P // 2 lines",
        "cuts P // 2 lines off, where there may be fewer",
    ),
    Mistake(
        25,
        "depthwise_backward",
        "dx = dx_padded[:, top : top + H, left : left + width]",
        "dx = dx_padded[:, :H, :width]",
        "dx",
        r"padding|top|cut",
        "cuts the padding off below and to the right only",
    ),
    Mistake(
        25,
        "depthwise_backward",
        "owed += dy * W[p, q]",
        "owed[...] = dy * W[p, q]",
        "dx_padded or cells or dx",
        r"overlap|= where \+=|last|\+=",
        "overwrites where windows overlap",
    ),
    Mistake(
        25,
        "depthwise_backward",
        "owed += dy * W[p, q]",
        "owed += dy * W[P - 1 - p, P - 1 - q]",
        "dx_padded or cells or dx",
        r"turn",
        "turns the filter and scatters all the same",
    ),
    Mistake(
        25,
        "depthwise_backward",
        "dW[p, q] = (met * dy).sum(axis=(0, 1, 2))",
        "dW[p, q] = (met * dy).mean(axis=(0, 1, 2))",
        "dW",
        r"mean",
        "takes the mean over windows",
    ),
    Mistake(
        25,
        "depthwise_backward",
        "dW[p, q] = (met * dy).sum(axis=(0, 1, 2))",
        "dW[p, q] = (met * dy)[0].sum(axis=(0, 1))",
        "dW",
        r"picture",
        "forgets to sum over pictures",
    ),
    Mistake(
        26,
        "advantage",
        "    baseline = np.repeat(of_greedy, each)",
        "    baseline = np.tile(of_greedy, each)",
        "weights",
        r"tile|repeat",
        "compares captions with the greedy one of another picture",
    ),
    Mistake(
        26,
        "advantage",
        "    return of_drawn - baseline",
        "    return baseline - of_drawn",
        "weights",
        r"each other's place|sign",
        "takes the drawn caption's score off the greedy one's",
    ),
    Mistake(
        26,
        "policy_forward",
        "    loss = -(weights * of_captions).mean()",
        "    loss = (weights * of_captions).mean()",
        "loss",
        r"sign|minus",
        "goes downhill with what should grow",
    ),
    Mistake(
        26,
        "policy_forward",
        "    log_p_of_words = (at_word - likelihood.log_sum) * mask",
        "    log_p_of_words = at_word - likelihood.log_sum",
        "log_p_of_words or loss",
        r"padding|mask",
        "counts what comes after <end>, which was not drawn",
    ),
    Mistake(
        26,
        "policy_forward",
        "    of_captions = log_p_of_words.sum(axis=0)",
        "    of_captions = log_p_of_words.sum(axis=0) / mask.sum(axis=0)",
        "of_captions or loss",
        r"mean log p of a word|divided",
        "takes a caption's mean log p a word",
    ),
    Mistake(
        26,
        "policy_backward",
        "    of_word = p - onehot",
        "    of_word = onehot - p",
        "of_word or dlogits",
        r"uphill|sign|each other's place",
        "has the slope of log p where that of its opposite belongs",
    ),
    Mistake(
        26,
        "policy_backward",
        "    counts = weights * dloss / B  # (B,)",
        "    counts = weights * dloss / mask.sum(axis=0)",
        "counts or dlogits",
        r"words|mask",
        "divides by each caption's own words",
    ),
    Mistake(
        26,
        "policy_backward",
        "    return of_word * (mask * counts)[..., None]",
        "    return of_word * np.maximum(mask * counts, 0)[..., None]",
        "dlogits or counts",
        r"worse|sign|left out",
        "learns from captions that did better alone",
    ),
    Mistake(
        26,
        "policy_backward",
        "    of_word = p - onehot",
        "    of_word = p * onehot - onehot",
        "of_word or dlogits",
        r"only the word",
        "gives nothing to the logits of the words that were not drawn",
    ),
    Mistake(
        26,
        "draw",
        "        words = (ends <= place[:, None]).sum(axis=1)",
        "        words = p.argmax(axis=1)",
        "words",
        r"likeliest",
        "writes the greedy caption",
    ),
    Mistake(
        26,
        "draw",
        "        place = uniforms[t] * ends[:, -1]",
        "        place = uniforms[0] * ends[:, -1]",
        "uniforms_t or words or words_of_captions",
        r"same numbers|row t|uniforms",
        "draws every word with the first word's numbers",
    ),
    Mistake(
        26,
        "draw",
        "    rows = np.repeat(np.arange(N), B // N)",
        "    rows = np.tile(np.arange(N), B // N)",
        "state",
        r"tile|repeat",
        "has the captions of a picture apart",
    ),
    Mistake(
        26,
        "draw",
        "        logits, _, _, state = decoder.step(params, state, words)",
        "        logits, _, _, _ = decoder.step(params, state, words)",
        "state or logits",
        r"state",
        "leaves the decoder where it began",
    ),
    Mistake(
        26,
        "draw",
        "            if not done[b]:",
        "            if not done[b] and words[b] != END:",
        "captions or b or done or words_of_captions",
        r"END",
        "leaves <end> out, so that nothing is learnt about when to stop",
    ),
]
