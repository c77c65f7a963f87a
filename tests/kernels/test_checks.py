"""Check that every function that runs a kernel refuses wrong arrays.

The examples of right arguments are derived from the declarations. The kernels themselves do not run here.
"""

import ast
import importlib
import inspect
import pkgutil

import numpy as np
import pytest

from numpy_sat import kernels
from numpy_sat.kernels import checks, matmul
from numpy_sat.kernels.simd import LANES
from numpy_sat.layers import (
    activations,
    batch_norm,
    block,
    conv,
    depthwise,
    losses,
    mbconv,
    norm_block,
    pointwise,
    pool,
)

# The sizes and the arguments of the examples. Arguments that are not listed are 1.
SIZES = {
    **{"N": 2, "B": 4, "L": 5, "T": 3, "H": 8, "height": 8, "width": 9, "rest": (2, 3), "P": 3, "Q": 3, "S": 3},
    **{"A": LANES, "C": LANES, "D": 2 * LANES, "E": LANES, "O": 2 * LANES, "K": 7, "I": 5, "M": 6, "V": 11},
    **{"rows": 8, "columns": 6, "panels": 2, "WIDTH": matmul.WIDTH},
}
ARGUMENTS = {"window": 2, "rows": 8, "columns": 6, "N": 2, "P": 3, "dloss": 1.0}
SPECIAL = {
    "caption_attention": {"R": 5, "K": LANES, "heads": 3, "N": 2, "first": 4, "ends": 3, "width": LANES},
    "depthwise": {"padding": (1, 1)},
    "frame.frame": {"rows": (1, 1), "columns": (0, 2)},
    "mbconv.forward": {"padding": (1, 1)},
    "mbconv.stem_inference": {"P": 3},
    "panels.cut": {"width": LANES, "rows": 5},
    "panels.cut_transposed": {"width": LANES},
    "token_shift": {"W": 6, "ends": 3},
    "self_attention": {"P": LANES, "Q": LANES, "K": LANES, "heads": 3, "masks": 2},
}


def modules():
    return [importlib.import_module(f"{kernels.__name__}.{m.name}") for m in pkgutil.iter_modules(kernels.__path__)]


def own_functions(module):
    """Return {name: function} of the functions of a module that Python calls, without decorators."""
    members = inspect.getmembers(module, lambda value: inspect.isfunction(value))
    return {name: function for name, function in members if function.__module__ == module.__name__}


ENTRIES = {
    f"{module.__name__.split('.')[-1]}.{name}": function
    for module in modules()
    for name, function in own_functions(module).items()
    if hasattr(function, "declarations")
}


class Example:
    """Right arguments of a checked function, and the declarations of its arrays one by one."""

    def __init__(self, label):
        function = ENTRIES[label]
        self.function, self.label = function, label
        special = SPECIAL.get(label.split(".")[0], {}) | SPECIAL.get(label, {})
        parameters = inspect.signature(function).parameters
        self.values = {**SIZES, **{name: ARGUMENTS.get(name, 1) for name in parameters}, **special}
        self.arrays = {}  # {(argument, number in a tuple or None): (words, expressions of the sizes)}
        for name, texts in function.declarations.items():
            for k, text in enumerate(texts if isinstance(texts, tuple) else (texts,)):
                words, shape = text[: text.index("(")].split(), text[text.index("(") :]
                node = ast.parse(shape, mode="eval").body
                sizes = [ast.unparse(size) for size in getattr(node, "elts", [node])]
                self.arrays[name, k if isinstance(texts, tuple) else None] = words, sizes
        if "packed" in parameters:
            self.values["packed"] = (None, None, 100)
        for key in self.arrays:
            self.values |= self.arguments(key, self.array(key))
        if "packed" in parameters:
            self.values["packed"] += (100,)

    def array(self, key, dtype=None):
        words, sizes = self.arrays[key]
        scope = inspect.unwrap(self.function).__globals__ | self.values
        shape = tuple(n for size in sizes for n in (SIZES["rest"] if size == "..." else (eval(size, scope),)))
        if "tuple" in words:
            return shape
        dtypes = {"uint8": np.uint8, "integer": np.int64}
        return np.ones(shape, dtype or next((dtypes[word] for word in words if word in dtypes), np.float32))

    def arguments(self, key, array):
        """Return {name: value} of the argument that contains an array."""
        name, k = key
        if k is None:
            return {name: array}
        items = list(self.values.get(name) if isinstance(self.values.get(name), tuple) else ())
        items += [None] * (k + 1 - len(items))
        items[k] = array
        return {name: tuple(items)}

    def call(self, key=None, array=None):
        values = self.values | (self.arguments(key, array) if key else {})
        parameters = inspect.signature(self.function).parameters
        return self.function(**{name: values[name] for name in parameters})

    def refuses(self, key, array):
        with pytest.raises(ValueError, match=f"^{self.label}: ") as error:
            self.call(key, array)
        return str(error.value)


@pytest.fixture(params=ENTRIES)
def example(request, monkeypatch):
    example = Example(request.param)
    monkeypatch.setitem(example.function.__globals__, "function", lambda *arguments: "called")
    assert example.call() == "called"
    return example


def called_names(function):
    """Return the names of the functions that a function calls by their name alone."""
    nodes = ast.walk(ast.parse(inspect.getsource(inspect.unwrap(function))))
    return {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}


def test_every_function_that_runs_a_kernel_is_checked():
    """Check the public functions that call `run`, directly or through a private function of their module.

    Those of updates.py take lists of arrays, which `_table` checks (test_updates.py).
    """
    for module in modules():
        functions = own_functions(module)
        names = {name: called_names(function) for name, function in functions.items()}
        private = {name for name, calls in names.items() if name.startswith("_") and "run" in calls}
        for name, function in functions.items():
            if not name.startswith("_") and names[name] & {"run", *private}:
                label = f"{module.__name__.split('.')[-1]}.{name}"
                is_checked = hasattr(function, "declarations") or "_table" in names[name]
                assert is_checked or label == "threads.run", f"{label} is not @checked"
    assert len(ENTRIES) > 35


def name_of(key):
    return key[0] if key[1] is None else f"{key[0]}[{key[1]}]"


def test_other_shapes_are_refused(example):
    """Check each axis of each array whose size another array has as well, and one axis more and less."""
    texts = [size for _, sizes in example.arrays.values() for size in sizes]
    names = {text: {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)} for text in texts}
    for key, (words, sizes) in example.arrays.items():
        if "tuple" in words:
            continue
        array = example.array(key)
        leading = array.ndim - len(sizes) if "..." in sizes else 0
        for axis, size in enumerate(sizes):
            others = sum(bool(names[size] & names[text]) for text in texts)
            if size != "..." and others > 1:
                shape = list(array.shape)
                shape[axis + leading] += 1
                example.refuses(key, np.ones(shape, array.dtype))
        if "..." not in sizes or texts.count("...") > 1:
            example.refuses(key, array[None])
            example.refuses(key, array[0])


def test_other_dtypes_are_refused(example):
    for key, (words, _) in example.arrays.items():
        if "tuple" not in words:
            dtype = np.int16 if "floating" in words else np.float64
            message = example.refuses(key, example.array(key, dtype))
            assert message.startswith(f"{example.label}: {name_of(key)} must be ")
            assert message.endswith(f", not {np.dtype(dtype)}")


def test_arrays_with_gaps_are_refused_unless_they_may_have_them(example):
    for key, (words, _) in example.arrays.items():
        if "tuple" not in words:
            array = example.array(key)
            view = np.ones((*array.shape, 2), array.dtype)[..., 0]
            if "strided" in words:
                assert example.call(key, view) == "called"
            else:
                message = example.refuses(key, view)
                assert message.startswith(f"{example.label}: {name_of(key)} must be contiguous")


def test_arrays_that_are_written_must_be_writeable(example):
    for key, (words, _) in example.arrays.items():
        if "tuple" not in words:
            array = example.array(key)
            array.flags.writeable = False
            if "out" in words:
                assert "writeable" in example.refuses(key, array)
            else:
                assert example.call(key, array) == "called"


def test_other_objects_are_refused(example):
    for key, (words, _) in example.arrays.items():
        if "tuple" not in words:
            assert "NumPy arrays are required" in example.refuses(key, [1.0])


def test_messages_name_the_array_its_shape_and_the_expected_one():
    packed = matmul.pack(np.ones((8, 16), np.float32))
    with pytest.raises(ValueError) as error:
        matmul.multiply(np.ones((64, 64), np.float32), packed)
    assert str(error.value) == "matmul.multiply: x must be (..., K) with K = 8, not (64, 64)"


def test_an_array_may_be_left_out_only_if_it_is_optional():
    @checks.checked(x="(..., K)", y="optional (..., K)", where="K > factor")
    def function(x, y=None, factor=2):
        return y, factor

    x = np.ones((4, 3), np.float32)
    assert function(x) == (None, 2) and function(x, factor=1, y=None) == (None, 1)
    with pytest.raises(ValueError, match="NumPy arrays are required, not x: NoneType"):
        function(None)
    with pytest.raises(ValueError, match=r"y must be \(..., K\) with ... = \(4,\), K = 3, not \(5, 3\)"):
        function(x, np.ones((5, 3), np.float32))
    with pytest.raises(ValueError, match="K > factor is required with K = 3, factor = 3"):
        function(x, factor=3)
    with pytest.raises(TypeError, match="unexpected keyword"):
        function(x, z=1)


def ones(*shape):
    return np.ones(shape, np.float32)


C = LANES
CONV = conv.ConvCache(ones(2, 6, 6, C), ones(3, 3, C, 16), 1, 1)
POOL = pool.PoolCache(np.ones((2, 3, 3, 3), np.uint8), (2, 6, 6, 3), 2, 2, 0)
FILTERS = ones(3, 3, C), ones(C), ones(C, 4), ones(4)
LOSS = losses.CrossEntropyCache(ones(3, 4, 7), ones(3, 4), np.ones((3, 4), np.int64), ones(3, 4), 0.0)
BLOCK = block.BlockCache(
    CONV, POOL._replace(winner=np.ones((2, 3, 3, C), np.uint8)), activations.ReluCache(ones(2, 3, 3, C))
)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (conv.conv_parameter_gradients, (ones(2, 8, 8, 16), CONV)),
        (conv.conv_input_gradient, (ones(2, 6, 6, 8), CONV)),
        (conv.conv_input_gradient, (ones(2, 5, 6, 16), CONV)),
        (pool.max_pool_backward, (ones(2, 5, 5, 3), POOL)),
        (pool.max_pool_backward, (ones(2, 3, 3, 3), POOL._replace(winner=POOL.winner[..., :2]))),
        (
            depthwise.depthwise_backward,
            (ones(2, 6, 6, C + 1), depthwise.DepthwiseCache(ones(2, 6, 6, C), ones(3, 3, C), 1)),
        ),
        (batch_norm.normalize, (ones(2, 5), ones(4), ones(5), ones(5), ones(5))),
        (batch_norm.normalize, (ones(2, 5), ones(5).astype(np.float64), ones(5), ones(5), ones(5))),
        (pointwise.pointwise_forward, (ones(2, 5), ones(6, 7), ones(7))),
        (pointwise.pointwise_forward, (ones(2, 5), ones(5, 7), ones(8))),
        (mbconv.mbconv_inference, (ones(1, 8, 8, 4), ones(5, C), ones(C), *FILTERS, 1)),
        (mbconv.mbconv_inference, (ones(1, 8, 8, 4), None, None, *FILTERS, 1)),
        (block.block_backward, (ones(2, 6, 6, C), BLOCK)),
        (norm_block.norm_block_inference, (ones(2, 6, 6, C), ones(3, 3, C, C), ones(2), *[ones(C)] * 3, True)),
        (losses.cross_entropy_backward, (1.0, LOSS._replace(targets=LOSS.targets.T))),
        (losses.cross_entropy_backward, (1.0, LOSS._replace(targets=LOSS.mask))),
    ],
)
def test_layers_refuse_wrong_arrays(function, arguments):
    """Check the functions of layers/ that call kernels. Some of them refuse the arrays themselves."""
    with pytest.raises(ValueError, match=r" must be |is required"):
        function(*arguments)
