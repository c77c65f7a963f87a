"""The mathematics, one concept a file, each forward directly above its backward.

    name_forward(arrays...) -> outputs, cache
    name_backward(gradients of the outputs, cache) -> gradients of the arrays, in the forward's order

There are no classes and no hidden state. Inputs are never changed. The dtype follows the input. `@float32(kernel)`
above a function declares the kernel that computes it for float32 arrays (kernels/__init__.py); float64 runs what is
read here.
"""
