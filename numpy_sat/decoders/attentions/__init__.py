"""The kinds of attention for the recurrence of attend_tell.py, one module each.

    soft         the MLP score; z_t is the sum of all annotations, weighted by alpha
    dot          scaled dot products, with one head or several
    hard         the MLP score; z_t is one annotation
    mean         attention left out: z_t is the mean annotation
    mean_value   attention of dot left out: z_t is the mean value

Each module has the same four functions:

    keys_forward(params, a) -> keys, cache                        once per image
    keys_backward(dkeys, cache) -> da, grads
    attend_forward(params, a, keys, h, mode) -> z, alpha, cache   once per word
    attend_backward(dz, dalpha, cache) -> da, dkeys, dh, grads

`mode` is for hard attention alone: how it turns alpha into the weights of the annotations. A layer's function is called
through its module, so that a function put in its place is called here, too.
"""
