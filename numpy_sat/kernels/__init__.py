"""The kernels: the layers' mathematics for float32, arranged for the machine and compiled by numba.

Nothing here is needed to understand the model. `layers/` states all of it in NumPy, and float64 always runs that.
A function in `layers/` names its kernel in the line above it, `@float32(kernel)`. Kernels never call `layers/`.

Read the files in this order:

1. simd.py (vectors), tile.py (the small product in all others), threads.py (all cores), checks.py (what arrays a
   function accepts), callees.py (functions that kernels call), cache.py (compiled once), compilation.py (by several
   processes).
2. Convolution: direct.py, points.py, winograd.py and winograd_weights.py; conv.py chooses one of them, after frame.py.
   Then pool.py, batch_norm.py, block.py and norm_block.py.
3. Matrix products: panels.py, matmul.py.
4. EfficientNet-Lite0: relu6.py, depthwise.py, pointwise.py, mbconv.py.
5. The decoder: functions.py (tanh and exp), attention.py, gate.py, lstm.py, cross_entropy.py, penalty.py,
   elementwise.py, and soft_recurrence.py (all words in one kernel). Then updates.py (Adam, for all parameters in one
   kernel).
6. The Transformer: layer_norm.py, gelu.py, heads.py, self_attention.py (any mask), caption_attention.py (captions
   without padding), token_shift.py.

Five words have one meaning in all files:

    vector  LANES float32 numbers in one register.
    tile    A block of a product's result that stays in registers: some rows, each of some vectors.
    panel   Some columns of a matrix, or channels of an image, that are stored together. It is some vectors wide.
    task    The part of the work that a thread claims at a time.
    x_at    A flat index into the array x. It is called `at` if there is one array, and x0 if it stays fixed.

All figures were measured on two cores of an AMD Zen 5 with AVX-512.

A composite kernel does the work of several layer functions at once, such as block.py: convolution, pooling, relu.
Inside `unfused()` no composite kernel runs. Composite functions then call the functions of their layers. So a
learner's function that replaces one of them is really called.
"""

import functools
from contextlib import contextmanager
from typing import get_args

import numpy as np

_composite_kernels_run = True


def use_kernels(*arrays, composite=False):
    """Return True if kernels compute these arrays: all are float32, and composite kernels are not switched off.

    Args:
        arrays: the arrays that decide.
        composite: True for a kernel that does the work of several layer functions; `unfused` switches these off.
    """
    return (_composite_kernels_run or not composite) and all(array.dtype == np.float32 for array in arrays)


@contextmanager
def unfused():
    """Run no composite kernel inside: every layer's own function is called.

    This is slower. It is for checks, and for functions that replace a layer's function.
    """
    global _composite_kernels_run
    before, _composite_kernels_run = _composite_kernels_run, False
    try:
        yield
    finally:
        _composite_kernels_run = before


def float32(kernel, cache=None, check=None, composite=False):
    """Declare the kernel that computes a layer's function for float32 arrays.

    The first array among the arguments decides. If there is none, the first array of the cache decides.

    Args:
        kernel: a function with the same signature and results, but the cache is a plain tuple of its fields. It returns
            NotImplemented for shapes that it does not compute; then the function itself runs.
        cache: class of the cache, a NamedTuple. The last result of the kernel is converted to it.
        check: raises ValueError for wrong arguments. It is called before the kernel; the function's body makes its
            checks itself.
        composite: True if the kernel does the work of several layer functions, see `unfused`.
    Returns:
        A decorator. The decorated function keeps name, signature and docstring; `inspect.unwrap` gives the plain one.
    """
    build = _builder(cache) if cache else None

    def declare(function):
        @functools.wraps(function)
        def choose(*args, **kwargs):
            array = _first_array((*args, *kwargs.values()))
            if array is not None and use_kernels(array, composite=composite):
                if check:
                    check(*args, **kwargs)
                results = kernel(*args, **kwargs)
                if results is not NotImplemented:
                    return (*results[:-1], build(results[-1])) if build else results
            return function(*args, **kwargs)

        choose.kernel = kernel
        return choose

    return declare


def _first_array(values):
    """Return the first array of a sequence, else the first array of the tuples in it, else None."""
    for value in values:
        if isinstance(value, np.ndarray):
            return value
    fields = [field for value in values if isinstance(value, tuple) for field in value]
    return _first_array(fields) if fields else None


def _builder(kind):
    """Return a function that converts nested tuples of fields to the NamedTuple `kind` and those inside it."""
    hints = [get_args(hint) or (hint,) for hint in kind.__annotations__.values()]
    parts = [next((_builder(part) for part in options if hasattr(part, "_fields")), None) for options in hints]

    def build(fields):
        pairs = zip(parts, fields, strict=True)
        return kind(*(part(field) if part and field is not None else field for part, field in pairs))

    return build
