"""Check kernels.float32, which declares the kernel of a function of layers/."""

import importlib
import inspect
import pkgutil
from typing import NamedTuple

import numpy as np
import pytest

from numpy_sat import kernels, layers
from numpy_sat.layers import block, conv, depthwise, mbconv, norm_block, pool
from numpy_sat.system.workspace import Workspace


def declared():
    """Return {name: function} of all functions of layers/ that have a kernel."""
    modules = [
        importlib.import_module(f"{layers.__name__}.{info.name}") for info in pkgutil.iter_modules(layers.__path__)
    ]
    members = [(module, *member) for module in modules for member in inspect.getmembers(module, inspect.isfunction)]
    return {f"{m.__name__}.{name}": f for m, name, f in members if hasattr(f, "kernel") and f.__module__ == m.__name__}


DECLARED = declared()


class InnerCache(NamedTuple):
    x: np.ndarray


class OuterCache(NamedTuple):
    inner: InnerCache | None
    other: InnerCache
    count: int


def test_the_layers_that_need_kernels_have_them():
    assert len(DECLARED) >= 25
    assert {"conv_forward", "block_backward", "mbconv_inference"} <= {name.split(".")[-1] for name in DECLARED}


@pytest.mark.parametrize("name", DECLARED)
def test_the_kernel_has_the_arguments_of_the_function(name):
    """Check that arguments, order and defaults are the same. The kernel may have more arguments with defaults."""
    function = DECLARED[name]
    expected, kernel_parameters = (list(inspect.signature(f).parameters.values()) for f in (function, function.kernel))
    assert kernel_parameters[: len(expected)] == expected
    assert all(parameter.default is not parameter.empty for parameter in kernel_parameters[len(expected) :])


@pytest.mark.parametrize("name", DECLARED)
def test_the_function_keeps_its_name_and_docstring(name):
    function, plain = DECLARED[name], inspect.unwrap(DECLARED[name])
    assert plain is not function and not hasattr(plain, "kernel")
    assert (function.__name__, function.__doc__) == (plain.__name__, plain.__doc__) and plain.__doc__
    assert "kernel" not in plain.__code__.co_names


def test_float32_runs_the_kernel_and_float64_the_function():
    calls = []

    def kernel(x, factor=2):
        calls.append("kernel")
        return factor * x, (None, (x,), 3)

    @kernels.float32(kernel, OuterCache, check=lambda x, factor=2: calls.append("check"))
    def double(x, factor=2):
        """Return factor * x."""
        calls.append("function")
        return factor * x, OuterCache(InnerCache(x), InnerCache(x), 3)

    @kernels.float32(lambda dy, cache: calls.append("backward"))
    def double_backward(dy, cache):
        calls.append("plain backward")

    x = np.ones(2, np.float32)
    y, cache = double(x, factor=3)
    assert calls == ["check", "kernel"] and y.tolist() == [3, 3]
    assert isinstance(cache, OuterCache) and cache.inner is None and isinstance(cache.other, InnerCache)
    assert cache.other.x is x and cache.count == 3
    _, cache64 = double(x=x.astype(np.float64))
    assert calls[2:] == ["function"]
    double_backward(1.0, cache)  # a scalar decides nothing: the cache does
    double_backward(1.0, cache64)
    assert calls[3:] == ["backward", "plain backward"]


def test_a_kernel_may_decline():
    @kernels.float32(lambda x: NotImplemented)
    def function(x):
        return x

    x = np.ones(2, np.float32)
    assert function(x) is x


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("function", "shapes", "options"),
    [
        (conv.conv_forward, {"x": (2, 6, 6, 5), "W": (3, 3, 4, 16), "b": (16,)}, {}),
        (pool.max_pool_forward, {"x": (2, 6, 6, 5)}, {"window": 7, "stride": 1}),
        (depthwise.depthwise_forward, {"x": (2, 6, 6, 5), "W": (3, 3, 4), "b": (4,)}, {}),
        (block.block_forward, {"x": (2, 6, 6, 5), "W": (3, 3, 4, 16), "b": (16,)}, {"pooled": True}),
        (block.block_forward, {"x": (2, 6, 6, 4), "W": (3, 3, 4, 16), "b": (1,)}, {"pooled": True}),
        (
            norm_block.norm_block_forward,
            {"x": (2, 6, 6, 5), "W": (3, 3, 4, 16), "gamma": (16,), "beta": (16,)},
            {"pooled": False},
        ),
        (
            norm_block.norm_block_inference,
            {"x": (2, 6, 6, 5), "W": (3, 3, 4, 16), "gamma": (16,), "beta": (16,), "mean": (16,), "var": (16,)},
            {"pooled": False},
        ),
        (
            mbconv.mbconv_forward,
            {
                "x": (2, 6, 6, 4),
                "W_e": (4, 16),
                "b_e": (16,),
                "W_d": (3, 3, 8),
                "b_d": (8,),
                "W_p": (8, 4),
                "b_p": (4,),
            },
            {"stride": 1},
        ),
        (
            mbconv.mbconv_forward,
            {"x": (2, 6, 6, 16), "W_d": (3, 3, 16), "b_d": (16,), "W_p": (16, 4), "b_p": (4,)},
            {"W_e": None, "b_e": None, "stride": 4},
        ),
    ],
)
def test_wrong_arguments_are_refused(dtype, function, shapes, options):
    """Check that both the kernel and the function itself raise ValueError."""
    with pytest.raises(ValueError, match=r"^(conv|max_pool|depthwise): "):
        function(**{name: np.zeros(shape, dtype) for name, shape in shapes.items()}, **options)


def test_unfused_calls_the_layers_own_functions(rng, monkeypatch):
    x, W, b = (rng.standard_normal(shape).astype(np.float32) for shape in [(1, 6, 6, 16), (3, 3, 16, 16), (16,)])
    calls, right = [], conv.conv_forward

    def counted(*args, **kwargs):
        calls.append(1)
        return right(*args, **kwargs)

    monkeypatch.setattr(conv, "conv_forward", counted)
    fused, _ = block.block_forward(x, W, b, True)
    assert not calls
    with kernels.unfused():
        plain, _ = block.block_forward(x, W, b, True)
    assert calls
    np.testing.assert_allclose(plain, fused, rtol=0, atol=1e-5)


def test_two_forwards_outside_a_step_share_no_memory(rng):
    x, W, b = (rng.standard_normal(shape).astype(np.float32) for shape in [(1, 6, 6, 16), (3, 3, 16, 16), (16,)])
    first, cache = block.block_forward(x, W, b, True)
    before = first.copy()
    second, other = block.block_forward(-x, W, b, True)
    assert not np.shares_memory(first, second) and not np.shares_memory(cache.pool.winner, other.pool.winner)
    np.testing.assert_array_equal(first, before)


def test_a_step_hands_out_its_own_memory(rng):
    x, W, b = (rng.standard_normal(shape).astype(np.float32) for shape in [(1, 6, 6, 16), (3, 3, 16, 16), (16,)])
    workspace, results = Workspace(), []
    for _ in range(2):
        with workspace.step():
            results.append(conv.conv_forward(x, W, b, padding=1)[0])
    assert np.shares_memory(*results)
