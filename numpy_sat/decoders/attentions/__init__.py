"""The ways to attend that the recurrence of attend_tell.py can be given, one module each.

    soft         the MLP score; z_t is the sum of all annotations, weighted by alpha
    dot          scaled dot products, with one head or several
    hard         the MLP score; z_t is one annotation
    mean         attention left out: z_t is the mean annotation
    mean_value   the same for dot, whose z_t is made of values

Each module has the same four functions:

    keys_forward(params, a) -> keys, cache                        once per image
    keys_backward(dkeys, cache) -> da, grads
    attend_forward(params, a, keys, h, look) -> z, alpha, cache   once per word
    attend_backward(dz, dalpha, cache) -> da, dkeys, dh, grads

`look` is for hard attention alone: how it turns alpha into the weights of the annotations. The modules call the layers
through their modules, so that a function put in a layer's place is called here, too.
"""
