"""Right functions in other styles than the solutions': memory order, views, loops, einsum, lists and float64.

{exercise: sources of functions}. Each replaces the function of its name in the solution.
"""

STYLES = {
    1: [
        """
def relative_error(analytic, numeric):
    a, n = np.asfortranarray(analytic).ravel(order="K"), numeric.ravel()
    if a.size == 0:
        return 0
    difference = max(abs(x - y) for x, y in zip(analytic.ravel(), n))
    if not np.isfinite([analytic, numeric]).all():
        return float("inf")
    sizes = np.array([np.abs(analytic).max(), np.abs(numeric).max()])
    return difference if (sizes < TINY).all() else difference / np.sum(sizes)
""",
        """
def numerical_gradient(loss, x, step=STEP):
    gradient = np.zeros(x.shape)
    with np.nditer(x, flags=["multi_index"], op_flags=["readwrite"]) as entries:
        for _ in entries:
            place = entries.multi_index
            old = x[place].copy()
            losses = []
            for sign in (1, -1):
                x[place] = old + sign * step
                losses.append(loss())
            x[place] = old
            gradient[place] = -np.diff(losses)[0] / step / 2
    return gradient
""",
    ],
    2: [
        """
def one_hot(words: np.ndarray, V: int) -> np.ndarray:
    words = np.asarray(words)
    if np.any((words < 0) + (words >= V)):
        raise ValueError("a word is not in the vocabulary")
    return np.eye(V)[words]
""",
        """
def one_hot(words, V):
    if (words < 0).any() or (words >= V).any():
        raise IndexError("outside")
    return (words[..., None] == np.arange(V)) * 1.0
""",
        """
def embedding_forward(E, words):
    return np.take(E, words, axis=0), (words, E)
""",
        """
def embedding_backward(dEy, cache):
    words, E = cache.words, cache.E
    hot = (words.reshape(-1)[:, None] == np.arange(len(E))[None]).astype(dEy.dtype)
    return np.asfortranarray(hot.T @ dEy.reshape(-1, E.shape[1]))
""",
    ],
    3: [
        """
def linear_forward(x, W, b):
    return [np.einsum("...i,io->...o", x, W) + b, [x, W]]
""",
        """
def linear_backward(dy, cache):
    x, W = cache
    dx = np.einsum("...o,io->...i", dy, W)
    dW = np.tensordot(dy, x, axes=(tuple(range(dy.ndim - 1)),) * 2).T
    db = np.add.reduce(dy, axis=tuple(range(dy.ndim - 1)))
    return dx, dW, db
""",
        """
def linear_backward(dy, cache):
    x, W = cache
    dW, db = np.zeros_like(W), np.zeros_like(W[0])
    for index in np.ndindex(x.shape[:-1]):
        dW += np.outer(x[index], dy[index])
        db += dy[index]
    return (W @ dy[..., None])[..., 0], dW, db
""",
    ],
    4: [
        """
def softmax_forward(x):
    z = np.exp(x.T - np.max(x.T, axis=0)).T
    p = z / np.sum(z, axis=-1)[..., np.newaxis]
    return p, (p,)
""",
        """
def softmax_backward(dp, cache):
    p = cache.p
    J = p[..., :, None] * np.eye(p.shape[-1], dtype=p.dtype) - p[..., :, None] * p[..., None, :]
    return np.einsum("...ij,...j->...i", J, dp)
""",
        """
def log_sum_exp(x):
    return np.logaddexp.reduce(x, axis=-1)
""",
    ],
    5: [
        """
def relu_forward(x):
    y = np.where(x > 0, x, np.zeros_like(x))
    return y, ReluCache(y)
""",
        """
def relu_forward(x):
    y = (x + np.abs(x)) / 2
    return y, ReluCache(y=y)
""",
        """
def relu_backward(dy, cache):
    dx = np.array(dy)
    dx[cache.y <= 0] *= 0
    return dx
""",
        """
def max_pool_backward(dy, cache):
    winner, x_shape, window, stride, padding = cache
    N, H, W, C = x_shape
    dx = np.zeros((N, H + 2 * padding, W + 2 * padding, C), dy.dtype)
    for n, i, j, c in np.ndindex(dy.shape):
        p, q = divmod(int(winner[n, i, j, c]), window)
        dx[n, i * stride + p, j * stride + q, c] += dy[n, i, j, c]
    return dx[:, padding : padding + H, padding : padding + W]
""",
        """
def max_pool_forward(x, window, stride, padding=0):
    pool.check_arguments(x, window, stride, padding)
    border = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    x_padded = np.pad(x, border, constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(x_padded, (window, window), axis=(1, 2))
    windows = windows[:, ::stride, ::stride].reshape(*windows[:, ::stride, ::stride].shape[:4], -1)
    return windows.max(axis=-1), PoolCache(windows.argmax(axis=-1), x.shape, window, stride, padding)
""",
    ],
    6: [
        """
def conv_forward(x, W, b, stride=1, padding=0):
    conv.check_arguments(x, W, b, stride, padding)
    x_padded = np.pad(x, ((0, 0), (padding,) * 2, (padding,) * 2, (0, 0)))
    P, Q = W.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(x_padded, (P, Q), axis=(1, 2))[:, ::stride, ::stride]
    return np.einsum("nijcpq,pqco->nijo", windows, W) + b, ConvCache(x, W, stride, padding)
""",
    ],
    7: [
        """
def conv_parameter_gradients(dy, cache):
    x, W, stride, padding = cache
    x_padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    P, Q = W.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(x_padded, (P, Q), axis=(1, 2))
    windows = windows[:, ::stride, ::stride][:, : dy.shape[1], : dy.shape[2]]
    return np.einsum("nijcpq,nijo->pqco", windows, dy), np.einsum("nijo->o", dy)
""",
        """
def conv_input_gradient(dy, cache):
    x, W, s, pad = cache
    N, H, width, C = x.shape
    dx = np.zeros((N, H + 2 * pad, width + 2 * pad, C), dy.dtype)
    for i in range(dy.shape[1]):
        for j in range(dy.shape[2]):
            dx[:, i * s : i * s + W.shape[0], j * s : j * s + W.shape[1]] += np.einsum("no,pqco->npqc", dy[:, i, j], W)
    return dx[:, pad : H + pad, pad : width + pad]
""",
    ],
    8: [
        """
def correlate(x, W, b, y):
    for o in range(W.shape[3]):
        for n, i, j in np.ndindex(y.shape[:3]):
            total = 0.0
            for p in range(W.shape[0] - 1, -1, -1):
                for q in range(W.shape[1]):
                    for c in range(W.shape[2]):
                        total += W[p, q, c, o] * x[n, i + p, j + q, c]
            y[n, i, j, o] = total + b[o]
""",
        """
def correlate(x, W, b, y):
    y[:] = b
    for p, q in np.ndindex(W.shape[:2]):
        y += x[:, p : p + y.shape[1], q : q + y.shape[2]] @ W[p, q]
""",
    ],
    21: [
        """
def score_forward(keys, h, W_q):
    heads, N, L, K = keys.shape
    query = np.stack([h @ W for W in W_q]).reshape(heads, N, -1, K)
    e = np.einsum("gnck,gnlk->gncl", query, keys) * K**-0.5
    return e.reshape(heads, -1, L), (keys, h, W_q, query)
""",
    ],
    9: [
        """
def lstm_forward(x, h, c, W_x, W_hh, b):
    S = h.shape[1]
    affine = np.hstack([x, h]) @ np.vstack([W_x, W_hh]) + b
    ifo, cache_ifo = activations.sigmoid_forward(affine[:, : 3 * S])
    g, cache_g = activations.tanh_forward(affine[:, -S:])
    i, f, o = ifo.reshape(-1, 3, S).transpose(1, 0, 2)
    c_next = np.add(np.multiply(f, c), i * g)
    tanh_c, cache_tanh_c = activations.tanh_forward(c_next)
    return o * tanh_c, c_next, (x, h, c, W_x, W_hh, cache_ifo, cache_g, cache_tanh_c)
""",
        """
def lstm_backward(dh_next, dc_next, cache):
    S = cache.h.shape[1]
    i, f, o = np.split(cache.ifo.y, 3, axis=1)
    g, t = cache.g.y, cache.tanh_c.y
    dc_total = dc_next + dh_next * o * (1 - t) * (1 + t)
    d = np.empty((len(i), 4 * S), dh_next.dtype, order="F")
    d[:, :S] = dc_total * g * (i - i * i)
    d[:, S : 2 * S] = dc_total * cache.c * (f - f**2)
    d[:, 2 * S : 3 * S] = dh_next * t * o * (1 - o)
    d[:, 3 * S :] = dc_total * i * (1 - g**2)
    db = np.ones_like(d[:, 0]) @ d
    return d @ cache.W_x.T, (cache.W_hh @ d.T).T, dc_total * f, cache.x.T @ d, cache.h.T @ d, db
""",
    ],
    10: [
        """
def lstm_sequence_forward(x, h, c, W_x, W_hh, b):
    hs, caches = [], []
    for x_t in x:
        h, c, cache = lstm.lstm_forward(x_t, h, c, W_x, W_hh, b)
        hs += [h]
        caches += [cache]
    return np.stack(hs), c, LSTMSequenceCache(tuple(caches))
""",
        """
def lstm_sequence_backward(dh_all, dc, cache):
    dxs, dh = [], np.zeros_like(dh_all[0])
    totals = None
    for dh_t, step in zip(dh_all[::-1], cache.steps[::-1], strict=True):
        dx, dh, dc, *grads = lstm.lstm_backward(dh_t + dh, dc, step)
        dxs.insert(0, dx)
        totals = grads if totals is None else [total + grad for total, grad in zip(totals, grads, strict=True)]
    return (np.array(dxs), dh, dc, *totals)
""",
    ],
    11: [
        """
def score_forward(keys, h, W_h, v):
    each = len(h) // len(keys)
    query = (h @ W_h).reshape(len(keys), each, 1, -1)
    u, cache_u = activations.tanh_forward(keys[:, None] + query)
    e = np.einsum("ncla,a->ncl", u, v).reshape(len(h), -1)
    return e, (h, W_h, v, cache_u)
""",
        """
def context_forward(alpha, a):
    each = len(alpha) // len(a)
    z = np.array([sum(weight * row for weight, row in zip(alpha[b], a[b // each])) for b in range(len(alpha))])
    return z, ContextCache(alpha, a)
""",
        """
def context_backward(dz, cache):
    alpha, a = cache
    N, L, D = a.shape
    rows = np.repeat(a, len(alpha) // N, axis=0)
    dalpha = np.einsum("bd,bld->bl", dz, rows)
    da = np.einsum("bl,bd->bld", alpha, dz).reshape(N, -1, L, D).sum(axis=1)
    return dalpha, da
""",
    ],
    12: [
        """
def gate_forward(z, h, w_beta, b_beta):
    beta, cache_beta = activations.sigmoid_forward(np.sum(h * w_beta, axis=-1) + b_beta[0])
    return (z.T * beta).T, GateCache(z, h, w_beta, cache_beta)
""",
        """
def gate_backward(dgated, cache):
    z, h, w_beta, cache_beta = cache
    beta = cache_beta.y
    daffine = np.einsum("bd,bd->b", dgated, z) * beta * (1 - beta)
    dz = np.einsum("bd,b->bd", dgated, beta)
    return dz, np.outer(daffine, w_beta), (h * daffine[:, None]).sum(axis=0), np.array([daffine.sum()])
""",
    ],
    13: [
        """
def doubly_stochastic_backward(dpenalty, cache):
    dmissing = cache.scale * dpenalty * 2 * cache.missing
    dalpha = np.zeros((*cache.mask.shape, cache.missing.shape[1]), cache.missing.dtype)
    for t in range(len(dalpha)):
        dalpha[t] -= cache.mask[t][:, None] * dmissing
    return dalpha
""",
    ],
    15: [
        """
def adam_update(params, grads, state, rate, beta1=0.9, beta2=0.999, epsilon=1e-8):
    state["t"] = state.get("t", np.zeros(1, np.int64)) + 1
    t = state["t"].item()
    for name in grads:
        g = grads[name]
        m = beta1 * state.get("m." + name, 0) + (1 - beta1) * g
        v = beta2 * state.get("v." + name, 0) + (1 - beta2) * g**2
        state["m." + name], state["v." + name] = m, v
        params[name][...] -= rate * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + epsilon)
""",
        """
def rmsprop_update(params, grads, state, rate, decay=0.95, epsilon=1e-6):
    for name, g in grads.items():
        v = state.setdefault("v." + name, np.zeros_like(g))
        v[...] = decay * v + (1 - decay) * np.square(g)
        np.subtract(params[name], rate * g / (v**0.5 + epsilon), out=params[name])
""",
    ],
    16: [
        """
def extend(scores, lengths, done, log_p, k, length_power):
    N, slots, V = log_p.shape
    results = [[], [], [], [], []]
    for n in range(N):
        rows = []
        for slot in range(slots):
            length = lengths[n, slot] + (0 if done[n, slot] else 1)
            for word in range(V):
                score = scores[n, slot] + log_p[n, slot, word]
                rows.append((score / length**length_power, word, slot, score, length))
        rows.sort(key=lambda row: -row[0])
        best = rows[:k]
        results[0].append([row[1] for row in best])
        results[1].append([row[2] for row in best])
        results[2].append([row[3] for row in best])
        results[3].append([row[4] for row in best])
        results[4].append([row[1] == END for row in best])
    return tuple(np.array(result) for result in results)
""",
    ],
    17: [
        """
def bleu(captions, references):
    matched, total, c, r = np.zeros(4), np.zeros(4), 0, 0
    for caption, others in zip(captions, references):
        c += len(caption)
        r += sorted((abs(len(o) - len(caption)), len(o)) for o in others)[0][1]
        for n in range(1, 5):
            mine = Counter(zip(*(caption[i:] for i in range(n))))
            theirs = Counter()
            for o in others:
                theirs |= Counter(zip(*(o[i:] for i in range(n))))
            matched[n - 1] += sum((mine & theirs).values())
            total[n - 1] += max(1, len(caption) - n + 1)
    if c == 0:
        return (0.0,) * 4
    brevity = 1 if c > r else np.exp(1 - r / c)
    with np.errstate(all="ignore"):
        logs = np.log(matched / total)
        return list(100 * brevity * np.exp(np.cumsum(logs) / np.arange(1, 5)))
""",
    ],
    18: [
        """
def batch_norm_forward(x, gamma, beta):
    rows = x.reshape(-1, x.shape[-1])
    mean, std = rows.mean(0), (rows.var(0) + EPSILON) ** 0.5
    y = (x - mean) * (gamma / std) + beta
    return y, (x, gamma, mean, std)
""",
        """
def batch_norm_backward(dy, cache):
    x, gamma, mean, std = cache
    rows, dyrows = x.reshape(-1, len(gamma)), dy.reshape(-1, len(gamma))
    x_hat, R = (rows - mean) / std, len(rows)
    dgamma, dbeta = np.einsum("rc,rc->c", dyrows, x_hat), dyrows.sum(0)
    dx = gamma / (R * std) * (R * dyrows - dbeta - x_hat * dgamma)
    return dx.reshape(x.shape), dgamma, dbeta
""",
    ],
    20: [
        """
def predict_forward(Ey, abar, C, C_m):
    each = Ey.shape[-3] // len(abar)
    image = (abar @ C_m)[np.arange(Ey.shape[-3]) // each]
    return np.einsum("...im,imk->...k", Ey, C) + image, PredictCache(Ey, abar, C, C_m)
""",
    ],
    22: [
        """
def draw_forward(alpha, uniforms, expected):
    s = []
    for row, uniform in zip(alpha, uniforms):
        ends = np.cumsum(row)
        s.append(np.searchsorted(ends, uniform * ends[-1], side="right"))
    s = np.array(s)
    weights = (np.arange(alpha.shape[1]) == s[:, None]).astype(alpha.dtype)
    weights[expected] = alpha[expected]
    return weights, s, DrawCache(expected)
""",
        """
def draw_backward(dweights, cache):
    return dweights * cache.expected[:, None]
""",
        """
def location_log_p_backward(dlog_p, cache):
    alpha, s = cache
    dalpha = np.zeros_like(alpha)
    for t, b in np.ndindex(s.shape):
        dalpha[t, b, s[t, b]] = dlog_p[t, b] / alpha[t, b, s[t, b]]
    return dalpha
""",
    ],
    24: [
        """
def cosine_similarity(E, query):
    cosines = []
    for row in E.astype(np.float64):
        length = np.linalg.norm(row) * np.linalg.norm(query)
        cosines.append(0.0 if length == 0 else row @ query / length)
    return np.array(cosines)
""",
        """
def principal_axes(E, k):
    if not 1 <= k <= min(E.shape):
        raise ValueError("k")
    centered = np.asarray(E - E.mean(axis=0), np.float64)
    _, s, axes = np.linalg.svd(centered, full_matrices=False)
    axes = axes[:k]
    largest = axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)]
    axes = np.where(largest[:, None] < 0, -axes, axes)
    total = (s * s).sum()
    return axes, s[:k] ** 2 / total if total > 0 else np.zeros(len(axes))
""",
        """
def project(E, axes):
    return np.dot(axes, (E - np.mean(E, axis=0)).T).T
""",
    ],
    25: [
        """
def depthwise_backward(dy, cache):
    x, W, stride = cache
    P, (N, H, width, C) = len(W), x.shape
    (top, bottom), (left, right) = (depthwise.same_padding(size, P, stride) for size in (H, width))
    x_padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    dx, dW = np.zeros_like(x_padded), np.zeros_like(W)
    for n, i, j, c in np.ndindex(dy.shape):
        rows, columns = slice(i * stride, i * stride + P), slice(j * stride, j * stride + P)
        dW[..., c] += x_padded[n, rows, columns, c] * dy[n, i, j, c]
        dx[n, rows, columns, c] += W[..., c] * dy[n, i, j, c]
    return dx[:, top : top + H, left : left + width], dW, dy.sum((0, 1, 2))
""",
    ],
    26: [
        """
def advantage(of_drawn, of_greedy):
    return (of_drawn.reshape(len(of_greedy), -1) - of_greedy[:, None]).ravel()
""",
        """
def advantage(of_drawn, of_greedy):
    each = len(of_drawn) // len(of_greedy)
    return np.array([r - of_greedy[b // each] for b, r in enumerate(of_drawn)])
""",
    ],
    27: [
        """
def cross_entropy_backward(dloss, cache):
    logits, log_sum, targets, mask, smoothing = cache
    T, B, V = logits.shape
    d = np.exp(logits - log_sum[:, :, None])
    d -= smoothing / V
    d[np.arange(T)[:, None], np.arange(B)[None], targets] -= 1 - smoothing
    d *= (mask * dloss / B)[:, :, None]
    return d
""",
    ],
    28: [
        """
def attend_forward(a, keys, h, W_h, v):
    e, cache_e = attention.score_forward(keys, h, W_h, v)
    alpha, cache_alpha = softmax.softmax_forward(e)
    z, cache_z = attention.context_forward(alpha, a)
    return [z, alpha, [cache_e, cache_alpha, cache_z]]
""",
    ],
    30: [
        """
def entropy_forward(alpha, mask):
    T, B, L = alpha.shape
    logs = np.log(np.where(alpha > 0, alpha, 1))
    return -np.einsum("tb,tbl,tbl->", mask, alpha, logs) / B, EntropyCache(alpha, mask)
""",
        """
def move_baseline(baseline, log_p):
    baseline *= 0.9
    baseline += 0.1 * log_p.sum() / log_p.shape[1]
""",
    ],
    31: [
        """
def score_forward(v, s, mask):
    products = np.einsum("kih,tbh->ktbi", v, s)
    S = np.einsum("ktb,tb->kb", products.max(axis=-1), mask)
    return [S, (v, s, products.argmax(axis=-1), mask)]
""",
        """
def score_backward(dS, cache):
    v, s, best, mask = cache
    hot = np.eye(v.shape[1], dtype=v.dtype)[best] * (dS[:, None] * mask)[..., None]
    return np.einsum("ktbi,tbh->kih", hot, s), np.einsum("ktbi,kih->tbh", hot, v)
""",
        """
def margin_forward(S):
    K, loss = len(S), 0
    over_sentences, over_images = np.zeros((2, K, K), bool)
    for k, l in np.ndindex(K, K):
        if k != l:
            over_sentences[k, l], over_images[k, l] = S[k, l] + 1 > S[k, k], S[k, l] + 1 > S[l, l]
            loss += max(0, S[k, l] - S[k, k] + 1) + max(0, S[k, l] - S[l, l] + 1)
    return loss / K, MarginCache(over_sentences, over_images)
""",
        """
def margin_backward(dloss, cache):
    first, second = (np.asarray(over, float) for over in cache)
    dS = first + second - np.diag(first.sum(1)) - np.diag(second.sum(0))
    return np.asfortranarray(dS / len(dS) * dloss)
""",
    ],
    32: [
        """
def viterbi(scores, beta):
    T, R = scores.shape
    reward, ahead = beta * np.eye(R), np.zeros((T, R))
    for t in range(T - 2, -1, -1):
        ahead[t] = (reward + scores[t + 1] + ahead[t + 1]).max(axis=1)
    a = [int((scores[0] + ahead[0]).argmax())]
    for t in range(1, T):
        a.append(int((reward[a[-1]] + scores[t] + ahead[t]).argmax()))
    return np.array(a)
""",
        """
def viterbi(scores, beta):
    paths = {i: (score, [i]) for i, score in enumerate(scores[0])}
    for row in scores[1:]:
        new = {}
        for i, score in enumerate(row):
            total, path = max((total + beta * (j == i), path) for j, (total, path) in paths.items())
            new[i] = total + score, [*path, i]
        paths = new
    return np.array(max(paths.values())[1], np.int32)
""",
    ],
    33: [
        """
def reconstruction_forward(V_tilde, V, mask):
    T, B, D = V_tilde.shape
    difference = V_tilde - V[np.arange(B) // (B // len(V))]
    return np.einsum("tbd,tbd,tb->", difference, difference, mask) / B / D, (difference, mask)
""",
        """
def decode_forward(params, a, words, mask):
    h = np.zeros((words.shape[1], len(params["W_ss"])), a.dtype)
    V = np.repeat(a, words.shape[1] // len(a), axis=0).mean(axis=1)
    Ey, cache_Ey = embedding.embedding_forward(params["E"], words)
    u, _, cache_u = lstm.lstm_sequence_forward(Ey, h, h, params["W_xu"], params["W_uu"], params["b_u"])
    V_tilde, cache_r = linear.linear_forward(u, params["W_r"], params["b_r"])
    x = np.concatenate([Ey, np.stack([V] * len(words))], axis=2)
    s, _, cache_s = lstm.lstm_sequence_forward(x, h, h, params["W_xs"], params["W_ss"], params["b_s"])
    out, cache_out = dropout.dropout_forward(np.dstack([s, u]), mask)
    logits, cache_logits = linear.linear_forward(out, params["L_o"], params["b_o"])
    return logits, V_tilde, (a.shape, cache_Ey, cache_s, cache_u, cache_r, cache_out, cache_logits)
""",
    ],
    34: [
        """
def skip_gram_forward(v, u):
    scores = np.sum(u * v[:, None], axis=-1)
    signs = np.where(np.arange(u.shape[1]) == 0, -1, 1)
    return np.mean(np.sum(np.logaddexp(0, signs * scores), axis=1)), (v, u, scores)
""",
        """
def skip_gram_backward(dloss, cache):
    v, u, scores = cache
    dv, du = np.zeros_like(v), np.zeros_like(u)
    for b, k in np.ndindex(scores.shape):
        slope = (1 / (1 + np.exp(-scores[b, k])) - (k == 0)) * dloss / len(v)
        dv[b] += slope * u[b, k]
        du[b, k] = slope * v[b]
    return dv, du
""",
    ],
    35: [
        """
def glove_forward(w, w_tilde, b, b_tilde, counts, largest=100.0, power=0.75):
    difference = np.einsum("pm,pm->p", w, w_tilde) - np.log(counts) + b_tilde + b
    weight = np.minimum((counts / largest) ** power, 1)
    return np.dot(weight, difference**2) / len(counts), (w, w_tilde, difference, weight)
""",
        """
def glove_backward(dloss, cache):
    d = 2 * cache.difference * cache.weight * dloss / cache.w.shape[0]
    return (cache.w_tilde.T * d).T, np.einsum("p,pm->pm", d, cache.w), d, 1 * d
""",
    ],
    36: [
        """
def noisy_or_forward(z):
    q = np.maximum(np.logaddexp(0, z).sum(axis=1), np.finfo(z.dtype).tiny)
    log_p = np.where(q < 0.7, np.log(-np.expm1(-q)), np.log1p(-np.exp(-q)))
    return log_p, -q, (z, log_p, -q)
""",
        """
def noisy_or_backward(dlog_p, dlog_not_p, cache):
    p_j = 1 / (1 + np.exp(-cache.z))
    odds = np.exp(cache.log_not_p) / -np.expm1(cache.log_not_p)
    return np.swapaxes(np.swapaxes(p_j, 0, 1) * (dlog_p * odds - dlog_not_p), 0, 1)
""",
        """
def bias_of_rate(rate, L):
    stays_out = np.exp(np.log1p(-rate) / L)
    return -np.log(1 / -np.expm1(np.log1p(-rate) / L) - 1) if L > 1 else np.log(rate / stays_out)
""",
    ],
    37: [
        """
def upper_envelope(slopes, intercepts):
    line = max(range(len(slopes)), key=lambda m: (-slopes[m], intercepts[m]))
    lines, starts = [line], [-np.inf]
    while True:
        steeper = [m for m in range(len(slopes)) if slopes[m] > slopes[line]]
        if not steeper:
            return np.array(lines), np.array(starts)
        places = [(intercepts[line] - intercepts[m]) / (slopes[m] - slopes[line]) for m in steeper]
        start = min(places)
        line = max((m for m, place in zip(steeper, places) if place == start), key=lambda m: slopes[m])
        lines.append(line)
        starts.append(start)
""",
        """
def line_search(lists, weights, direction, quality):
    places = set()
    for f, _ in lists:
        places |= set(upper_envelope(f @ direction, f @ weights)[1][1:])
    places = np.sort(np.array(list(places)))
    ends = np.concatenate([places[:1] - 2, places, places[-1:] + 2])
    gammas = (ends[1:] + ends[:-1]) / 2 if len(places) else np.zeros(1)
    sums = [sum(s[np.argmax(f @ (weights + gamma * direction))] for f, s in lists) for gamma in gammas]
    scores = quality(np.stack(sums))
    return gammas[np.argmax(scores)], max(scores)
""",
    ],
    38: [
        """
def layer_norm_forward(x, gamma, beta):
    y, mean, std = np.empty_like(x), np.empty((*x.shape[:-1], 1)), np.empty((*x.shape[:-1], 1))
    for row in np.ndindex(x.shape[:-1]):
        mean[row], std[row] = np.mean(x[row]), math.sqrt(np.mean(x[row] ** 2) - np.mean(x[row]) ** 2 + EPSILON)
        y[row] = (x[row] - mean[row]) / std[row] * gamma + beta
    return y, (x, gamma, mean, std)
""",
        """
def layer_norm_backward(dy, cache):
    x, gamma, mean, std = cache
    S = len(gamma)
    x_hat, g = ((x - mean) / std).reshape(-1, S), (gamma * dy).reshape(-1, S)
    jacobians = np.eye(S) - 1 / S - np.einsum("ri,rj->rij", x_hat, x_hat) / S
    dx = np.einsum("rij,rj->ri", jacobians, g) / std.reshape(-1, 1)
    rows = dy.reshape(-1, S)
    return dx.reshape(x.shape), (rows * x_hat).sum(0), np.ones(len(rows)) @ rows
""",
    ],
    39: [
        """
def left_to_right(L, T, captions, dtype=np.float64):
    P = L + captions * T
    sees = np.zeros((P, P), bool)
    sees[:, :L] = True
    for start in range(L, P, T or 1):
        sees[start : start + T, start : start + T] = np.tril(np.ones((T, T)))
    return np.where(sees, 0, -10000)[None].astype(dtype)
""",
        """
def attend_forward(q, k, v, mask):
    N, Q, G, K = q.shape
    o, p = np.empty_like(q), np.empty((N, G, Q, k.shape[1]))
    for n, g in np.ndindex(N, G):
        scores = np.exp(q[n, :, g] @ k[n, :, g].T / K**0.5) * (mask[n % len(mask)] == 0)
        p[n, g] = scores / scores.sum(axis=1, keepdims=True)
        o[n, :, g] = p[n, g] @ v[n, :, g]
    return o, (q, k, v, p)
""",
        """
def attend_backward(do, cache):
    q, k, v, p = cache
    dq, dk, dv = np.zeros_like(q), np.zeros_like(k), np.zeros_like(v)
    for n, g, i in np.ndindex(len(q), q.shape[2], q.shape[1]):
        weights = p[n, g, i]
        dv[n, :, g] += np.outer(weights, do[n, i, g])
        jacobian = (np.diag(weights) - np.outer(weights, weights)) / np.sqrt(q.shape[3])
        de = jacobian @ (v[n, :, g] @ do[n, i, g])
        dq[n, i, g] = de @ k[n, :, g]
        dk[n, :, g] += np.outer(de, q[n, i, g])
    return dq, dk, dv
""",
    ],
    40: [
        """
def choose(rng, real, rate):
    numbers, choice = rng.random(real.shape), np.zeros(real.shape, bool)
    for b, length in enumerate(real.sum(axis=0).astype(int)):
        count = min(max(round(rate * length), 1), 3)
        choice[sorted(range(length), key=lambda t: numbers[t, b])[:count], b] = True
    return choice
""",
        """
def hide(rng, words, choice, V):
    kind, tokens = rng.random(words.shape), words.copy()
    others = rng.integers(3, V, words.shape)
    tokens[choice & (kind < 0.9)] = others[choice & (kind < 0.9)]
    tokens[choice & (kind < 0.8)] = V
    return tokens
""",
        """
def masked_words_forward(logits, targets, choice):
    p = softmax.softmax_forward(logits)[0]
    t, b = np.nonzero(choice)
    return -np.log(p[t, b, targets[t, b]]).sum() / choice.sum(), (np.log(p[choice]), targets, choice)
""",
        """
def masked_words_backward(dloss, cache):
    p = np.exp(cache.log_p)
    onehot = np.eye(p.shape[1])[cache.targets[cache.choice]]
    dlogits = np.zeros(cache.choice.shape + p.shape[1:])
    for row, place in enumerate(zip(*np.nonzero(cache.choice))):
        dlogits[place] = (p - onehot)[row] * dloss / np.count_nonzero(cache.choice)
    return dlogits
""",
    ],
    41: [
        """
def pollute(rng, tags):
    B, new, own = len(tags), tags.copy(), np.ones(len(tags))
    numbers, coins = rng.random((B, B)), rng.random(B)
    for b in range(B):
        others = [c for c in range(B) if tuple(tags[c]) != tuple(tags[b])]
        if others and coins[b] < 0.5:
            new[b], own[b] = tags[max(others, key=lambda c: numbers[b, c])], 0
    return new, own
""",
        """
def contrastive_forward(h, w, b_c, y):
    s = np.einsum("bs,s->b", h, w) + b_c
    return np.mean(np.logaddexp(0, np.where(y > 0, -s, s))), (h, w, s, y)
""",
        """
def contrastive_backward(dloss, cache):
    h, w, s, y = cache
    ds = (np.exp(-softplus(-s)) - y) / y.size
    return np.outer(ds, w) * dloss, (ds @ h) * dloss, np.array([np.sum(ds) * dloss])
""",
    ],
    42: [
        """
def assign(cost):
    R, C = cost.shape
    best = {0: (0.0, ())}  # {columns in use as bits: (cost, the columns of the rows so far)}
    for i in range(R):
        new = {}
        for used, (total, columns) in best.items():
            for j in range(C):
                if not used >> j & 1:
                    candidate = (total + cost[i, j], (*columns, j))
                    if used | 1 << j not in new or candidate < new[used | 1 << j]:
                        new[used | 1 << j] = candidate
        best = new
    return np.array(min(best.values())[1])
""",
        """
def match(logits, tags, hidden):
    targets, (K, N) = np.array(tags), tags.shape
    p = softmax.softmax_forward(logits)[0]
    for n in range(N):
        places = [k for k in range(K) if hidden[k, n]]
        own = tags[places, n]
        if places:
            targets[places, n] = own[assign(2 - p[places, n][:, own])]
    return targets
""",
        """
def set_loss_forward(logits, tags, hidden):
    return losses.cross_entropy_forward(logits=logits, targets=match(logits, tags, hidden), mask=hidden)
""",
    ],
    43: [
        """
def score_forward(f, h):
    N, S = f.shape
    score = np.einsum("ns,nks->nk", f, h.reshape(N, -1, S)).reshape(-1)
    return score, (f, h)
""",
        """
def score_backward(dscore, cache):
    f, h = cache
    df, dh = np.zeros_like(f), np.zeros_like(h)
    for b in range(len(h)):
        n = b * len(f) // len(h)
        df[n] += dscore[b] * h[b]
        dh[b] = dscore[b] * f[n]
    return df, dh
""",
        """
def loss_forward(real, generated, mismatched, weight):
    of_kinds = [np.mean(np.logaddexp(0, sign * s)) for sign, s in ((-1, real), (1, generated), (1, mismatched))]
    return np.dot([1, 1, weight], of_kinds), (real, generated, mismatched, weight)
""",
        """
def loss_backward(dloss, cache):
    r = [np.exp(-np.logaddexp(0, -s)) for s in cache[:3]]
    gradients = r[0] - 1, r[1], cache.weight * r[2]
    return [dloss * gradient / gradient.size for gradient in gradients]
""",
    ],
    44: [
        """
def word_rewards(rollout_rewards, caption_rewards, mask):
    T, B = mask.shape
    values = np.zeros((T, B))
    for b in range(B):
        length = int(mask[:, b].sum())
        for t in range(length - 1):
            values[t, b] = sum(rollout_rewards[:, t, b]) / len(rollout_rewards)
        values[length - 1, b] = caption_rewards[b]
    return values
""",
        """
def word_advantages(values, baseline, mask):
    T, B = values.shape
    better = values.reshape(T, len(baseline), -1) - baseline[:, None]
    return np.where(mask == 1, better.reshape(T, B), 0)
""",
        """
def word_policy_forward(logits, words, mask, weights):
    _, likelihood = losses.cross_entropy_forward(logits, words, mask)
    log_p = losses.word_log_probabilities(likelihood)
    return np.einsum("tb,tb->", -weights, log_p) / mask.shape[1], (likelihood, weights)
""",
    ],
    45: [
        """
def gumbel_softmax_forward(logits, noise, temperature):
    x = logits / temperature + noise / temperature
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return p, ((p,), temperature)
""",
        """
def gumbel_softmax_backward(dp, cache):
    p, tau = cache.softmax.p, cache.temperature
    slopes = (np.eye(p.shape[1]) * p[:, None] - p[:, :, None] * p[:, None]) / tau
    return np.einsum("bjk,bk->bj", slopes, dp)
""",
        """
def straight_through(p):
    return (np.arange(p.shape[1]) == np.argmax(p, axis=1)[:, None]) * p.dtype.type(1)
""",
        """
def straight_through(p):
    return np.eye(p.shape[-1])[p.argmax(-1)]
""",
        """
def mixture_backward(dEy, cache):
    return np.einsum("bv,bm->vm", cache.y, dEy), np.asfortranarray((cache.E @ dEy.T).T)
""",
    ],
    46: [
        """
def hessian_product(params, loss_and_grads, v):
    size = np.sqrt(sum((array**2).sum() for array in v.values()))
    if size == 0:
        return {name: 0 * array for name, array in v.items()}
    h = np.finfo(np.float64).eps ** (1 / 3) / size
    ahead = {name: params[name] + h * v[name] for name in params}
    behind = {name: params[name] - h * v[name] for name in params}
    g, back = loss_and_grads(ahead)[1], loss_and_grads(behind)[1]
    return {name: g[name] / (2 * h) - back[name] / (2 * h) for name in v}
""",
        """
def first_order(params, loss_and_grads, rate):
    loss, g = loss_and_grads(params)
    return loss, loss_and_grads({name: params[name] - rate * g[name] for name in g})[1]
""",
        """
def maml(params, loss_and_grads, rate):
    loss, g = loss_and_grads(params)
    v = loss_and_grads(moved(params, g, -rate))[1]
    Hv = hessian_product(params, loss_and_grads, v)
    return loss, {name: v[name] - rate * Hv[name] for name in sorted(v)}
""",
        """
def reptile(params, loss_and_grads, rate):
    theta = {name: array.copy() for name, array in params.items()}
    for _ in range(REPTILE_STEPS):
        loss, g = loss_and_grads(theta)
        for name in theta:
            theta[name] -= rate * g[name]
    gone = moved(params, theta, -1)
    return loss_and_grads(params)[0], {name: gone[name] / (REPTILE_STEPS * rate) for name in gone}
""",
    ],
}
