"""Provide the attentions for the recurrence of attend_tell.py, one module each.

    soft         MLP score; z_t is the sum of all annotations, weighted by alpha
    dot          scaled dot products, with one head or several
    hard         MLP score; z_t is one annotation
    mean         no attention; z_t is the mean annotation
    mean_value   no attention, with the values of dot; z_t is the mean value

Every module has the same five functions:

    keys_forward(params, a) -> keys, cache                        once per image
    keys_backward(dkeys, cache) -> da, grads
    attend_forward(params, a, keys, h, mode) -> z, alpha, cache   once per word
    attend_backward(dz, dalpha, cache) -> da, dkeys, dh, grads
    weights(alpha, cache) -> (heads, B, L)                        the weights of the contexts, for figures

Only hard attention uses `mode`, a function that turns alpha into the weights of the annotations. The modules call the
functions of layers/ through their modules. So a learner's function that replaces one of them is called here as well.
"""
