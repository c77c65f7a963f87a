"""The decoders of attend_tell.py, show_tell.py and log_bilinear.py, fused for float32.

The equations are the same, and the results are equal up to rounding. The order of the computation differs. Products
that need not wait for the hidden state take all words of all captions at once: E y W_x before the loop over words, and
each weight's gradient after it, one product of T B rows instead of T products of B rows. Weights that every word needs
are packed once (kernels/matmul.py). Between two products runs one kernel (kernels/attention.py, kernels/lstm.py).

Arrays come from the training step's workspace (system/workspace.py).
"""

from numpy_sat import kernels


def choose(a, plain, fused):
    """Return the module that decodes annotations a: `fused` for float32, `plain` for float64 and unfused kernels."""
    return fused if kernels.use_kernels(a, composite=True) else plain
