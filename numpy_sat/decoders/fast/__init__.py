"""Provide fused versions of the decoders for float32.

The equations are the same, and the results are equal up to rounding. The order of the computation differs:

* Products that do not depend on the hidden state take all words of all captions at once. E y W_x is computed before the
  loop over words, and the gradient of each weight after it. One product of T B rows replaces T products of B rows.
* Weights that every word needs are packed once (kernels/matmul.py).
* Attention, the gate and the LSTM cell are one kernel each (kernels/attention.py, gate.py, lstm.py). With soft
  attention and weights of at most four times the second-level cache, one kernel computes all words
  (kernels/soft_recurrence.py).
* The Transformer computes no padding (packing.py).
* Arrays come from the workspace of the training step (system/workspace.py).
"""

from numpy_sat import kernels


def choose(a, plain, fused):
    """Return the module that decodes these annotations.

    Args:
        a: (N, L, D) annotations.
        plain: module for float64, and for float32 with unfused kernels.
        fused: module for float32.
    """
    return fused if kernels.use_kernels(a, composite=True) else plain
