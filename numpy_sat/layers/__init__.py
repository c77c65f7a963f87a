"""The mathematics, one concept a file, each forward directly above its backward.

`name_forward(arrays...) -> outputs, cache` and `name_backward(d_outputs, cache) -> gradients of the arrays, in the
forward's order`. No classes, no hidden state; inputs are never changed; the dtype follows the input.
"""
