"""How the decoder of attend_tell_fused.py looks with hard attention: as by mlp_fused.py, and then at what is drawn.

What is drawn with stands among the parameters: "uniforms", (T, B), and "expected", (B,), as attend_tell_hard.py has
them.
"""

from collections import namedtuple

import numpy as np

from numpy_sat.decoders import mlp_fused
from numpy_sat.layers import hard_attention

# weights: (T, B, L), of the annotations in z_t; s: (T, B), the locations
Look = namedtuple("Look", (*mlp_fused.Look._fields, "uniforms", "expected", "weights", "s"))

sums = mlp_fused.sums


def look(params, a, words, workspace):
    """What stays the same from word to word, and what is drawn. a: (N, L, D) contiguous; words: (T, B)."""
    weights, s = workspace.empty((*words.shape, a.shape[1])), np.empty(words.shape, int)
    of_mlp = mlp_fused.look(params, a, words, workspace)
    return Look(*of_mlp, params["uniforms"], params["expected"], weights, s)


def attend(look, t, query, z, alpha, workspace):
    """(4) (5) (6) of word t. query: (B, A). Writes z: (B, size) and alpha: (B, L)."""
    mlp_fused.attend(look, t, query, z, alpha, workspace)
    look.weights[t], look.s[t], _ = hard_attention.draw_forward(alpha, look.uniforms[t], look.expected)
    drawn = np.flatnonzero(~look.expected)
    z[drawn] = look.a[drawn // (len(z) // len(look.a)), look.s[t, drawn]]


def attend_backward(look, sums, t, query, dz, alpha, dalpha, dquery, workspace):
    """dz: (B, size); dalpha: (B, L). Adds to the sums and writes dquery: (B, A)."""
    reaching = np.where(look.expected[:, None], dz, 0)  # alpha; of what was drawn nothing
    mlp_fused.attend_backward(look, sums, t, query, reaching, alpha, dalpha, dquery, workspace)


def gradients(look, sums, h, query, dz, alpha, dquery, workspace):
    """h: (T, B, S) before each word, and so on, of all words. Returns da: (N, L, D) and grads by name."""
    return mlp_fused.gradients(look, sums, h, query, dz, look.weights, dquery, workspace)
