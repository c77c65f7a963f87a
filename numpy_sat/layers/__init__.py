"""The mathematics of the models: one concept per file, with each forward function directly above its backward function.

    name_forward(arrays...) -> outputs, cache
    name_backward(gradients of the outputs, cache) -> gradients of the arrays, in the order of the forward's arguments

These functions have no hidden state and never change their inputs. The results have the dtype of the inputs.
Capitals name sizes: N images, B captions, T words, L locations, D annotation size, M embedding size, S hidden size,
A attention size, V vocabulary size.

The decorator `@float32(kernel)` names the kernel that computes a function for float32 arrays (kernels/__init__.py).
For float64 arrays the NumPy code in this folder runs.
"""
