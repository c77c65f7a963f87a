"""Test encoders.lite: EfficientNet-Lite against PyTorch with the same weights, and its gradients."""

import functools
import itertools
import json

import numpy as np
import pytest

from numpy_sat import kernels, pretrained
from numpy_sat.check import gradcheck
from numpy_sat.encoders import lite
from numpy_sat.layers import activations, conv, depthwise, linear
from numpy_sat.pretrained import torch_file, weights
from numpy_sat.system.errors import InputError
from numpy_sat.system.workspace import Workspace

TINY = (3,), (1, 3, 1, 1, 2), (2, 3, 2, 2, 4), (1, 5, 2, 3, 3), (5,)  # no channel count fills a SIMD vector
SMALL = (32,), (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (1, 5, 2, 6, 40), (80,)  # channel counts of the net itself
RESIDUAL = (16,), (2, 3, 1, 1, 16), (1, 3, 1, 3, 16)  # the first block adds the output of the stem


STAGES = {  # of the port, from the second: repetitions r, side k, stride s, expansion e, channels
    "lite0": "r2_k3_s2_e6_24 r2_k5_s2_e6_40 r3_k3_s2_e6_80 r3_k5_s1_e6_112 r4_k5_s2_e6_192 r1_k3_s1_e6_320",
    "lite1": "r3_k3_s2_e6_24 r3_k5_s2_e6_40 r4_k3_s2_e6_80 r4_k5_s1_e6_112 r5_k5_s2_e6_192 r1_k3_s1_e6_320",
    "lite2": "r3_k3_s2_e6_24 r3_k5_s2_e6_48 r4_k3_s2_e6_88 r4_k5_s1_e6_120 r5_k5_s2_e6_208 r1_k3_s1_e6_352",
}
GRIDS = [(network, grid) for network, sizes in lite.NETWORKS.items() for grid in sizes.grids]


@functools.cache
def load_tensors(network):
    """Return the tensors of the installed weight file of a network; without it the test is skipped."""
    try:
        path = pretrained.lite_file(network)
    except InputError as error:
        pytest.skip(str(error))
    return torch_file.load(path, pretrained.PACKAGES[network].sha256)


@pytest.fixture
def tensors():
    """Return the tensors of Lite0."""
    return load_tensors("lite0")


def run_torch(network, images, grid):
    """Run the net of the PyTorch port in float64.

    Args:
        network: key of STAGES.
        images: (N, 3, H, W) pixels from 0 to 255.
        grid: key of lite.STAGES.
    Returns:
        (N, C, H', W') tensor.
    """
    torch = pytest.importorskip("torch")
    F = torch.nn.functional
    weights = {name: torch.from_numpy(array).double() for name, array in load_tensors(network).items()}
    kind = [*lite.NETWORKS[network].grids].index(grid)  # 0 and 1 end before the last two stages, 2 has no head

    def convolve(x, name, norm, stride=1, groups=1):
        W = weights[f"{name}.weight"]
        P = W.shape[-1]
        totals = [max((-(-side // stride) - 1) * stride + P - side, 0) for side in x.shape[2:]]
        rows, columns = ((total // 2, total - total // 2) for total in totals)
        x = F.conv2d(F.pad(x, (*columns, *rows)), W, stride=stride, groups=groups)
        norm_weights = (weights[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, *norm_weights, training=False, eps=1e-3)

    x = F.relu6(convolve((torch.from_numpy(images).double() - 127) / 128, "_conv_stem", "_bn0", 2))
    k = 0
    for s, stage in enumerate(f"r1_k3_s1_e1_16 {STAGES[network]}".split(), 1):
        if (kind, s) == (0, 6):
            return x
        repeats, _, stride, times, _ = (int(part.lstrip("rkse")) for part in stage.split("_"))
        for first in range(repeats):
            name, before = f"_blocks.{k}", x
            if times > 1:
                x = F.relu6(convolve(x, f"{name}._expand_conv", f"{name}._bn0"))
            if (kind, s) == (1, 6):
                return x
            block_stride = stride if first == 0 else 1
            x = F.relu6(convolve(x, f"{name}._depthwise_conv", f"{name}._bn1", block_stride, x.shape[1]))
            x = convolve(x, f"{name}._project_conv", f"{name}._bn2")
            if block_stride == 1 and x.shape[1] == before.shape[1]:
                x = x + before
            k += 1
    return x if kind == 2 else F.relu6(convolve(x, "_conv_head", "_bn1"))


def photos(rng, N, H, W):
    """Draw smooth uint8 images with bright and dark regions, like photos."""
    coarse = rng.integers(0, 256, (N, -(-H // 8), -(-W // 8), 3))
    fine = np.kron(coarse, np.ones((1, 8, 8, 1)))[:, :H, :W] + rng.normal(0, 20, (N, H, W, 3))
    return fine.clip(0, 255).round().astype(np.uint8)


def scaled(images):
    return images.astype(np.float32) / 127.5 - 1


@pytest.mark.parametrize("size", [None, (225, 193)], ids=["its size", "odd sides"])
@pytest.mark.parametrize(("network", "grid"), GRIDS)
def test_agrees_with_torch(rng, network, grid, size):
    side = lite.NETWORKS[network].image_size
    images = photos(rng, 2, *(size or (side, side)))
    expected = run_torch(network, images.transpose(0, 3, 1, 2), grid).numpy().transpose(0, 2, 3, 1)
    stages = lite.STAGES[grid]
    a = lite.encode(lite.adopt(load_tensors(network), stages), scaled(images), stages)
    if size is None:
        assert grid == "x".join(map(str, expected.shape[1:]))
    assert a.dtype == np.float32 and a.flags.c_contiguous
    expected = expected.reshape(a.shape)
    assert np.abs(a - expected).max() <= 1e-4 * np.abs(expected).max()
    assert np.linalg.norm(a - expected) <= 1e-5 * np.linalg.norm(expected)
    assert lite.size(stages) == a.shape[2]


def test_gradients_agree_with_torch(rng, tensors):
    """Compare the gradients of the folded weights of the last two stages, in float32."""
    torch = pytest.importorskip("torch")
    stages, images = lite.STAGES["7x7x320"], photos(rng, 2, 96, 96)
    params = lite.adopt(tensors, stages)
    last = lite.shapes(stages, start=6)
    assert last.keys() == {name for name in params if name.startswith(("block6_", "block7_"))} and len(last) == 30
    double = {name: array.astype(np.float64) for name, array in params.items()}
    cells = lite.encode(double, scaled(images).astype(np.float64), stages, stop=6).reshape(2, 6, 6, 112)
    a, cache = lite.encode_forward(params, cells.astype(np.float32), stages, start=6)
    da = rng.standard_normal(a.shape, np.float32)
    grads = lite.encode_backward(da, cache)
    assert sorted(grads) == sorted(last)

    p = {name: torch.from_numpy(double[name]).requires_grad_() for name in last}
    x = torch.from_numpy(cells)
    for block in lite.parts(stages, start=6):
        h = torch.clip(x @ p[f"{block}.W_e"] + p[f"{block}.b_e"], 0, 6).permute(0, 3, 1, 2)
        W, stride = p[f"{block}.W_d"], 2 if block == "block6_1" else 1
        padding = (len(W) - stride) // 2, (len(W) - stride + 1) // 2
        h = torch.nn.functional.pad(h, (*padding, *padding))
        h = torch.nn.functional.conv2d(h, W.permute(2, 0, 1)[:, None], p[f"{block}.b_d"], stride, groups=W.shape[2])
        y = torch.clip(h.permute(0, 2, 3, 1), 0, 6) @ p[f"{block}.W_p"] + p[f"{block}.b_p"]
        x = x + y if y.shape == x.shape else y
    torch.autograd.backward(x.reshape(a.shape), torch.from_numpy(da).double())
    for name in last:
        expected = p[name].grad.numpy()
        assert np.abs(grads[name] - expected).max() <= 1e-4 * np.abs(expected).max(), name


@pytest.mark.parametrize(("network", "size"), [("lite0", 3_350_000), ("lite1", 4_108_848), ("lite2", 4_782_024)])
def test_all_grids_share_their_first_weights(network, size):
    """Check that every grid has the weights of the largest net. The head of the second is its sixth expansion."""
    tensors, grids = load_tensors(network), [*lite.NETWORKS[network].grids.values()]
    whole = lite.adopt(tensors, grids[-1])
    for stages in grids:
        params = lite.adopt(tensors, stages)
        for name, array in params.items():
            whole_name = {"head.W": "block6_1.W_e", "head.b": "block6_1.b_e"}.get(name, name)
            np.testing.assert_array_equal(array, whole[whole_name if stages == grids[1] else name])
    assert sum(array.size for array in whole.values()) == size


def test_params_of_the_package(tensors):
    params = pretrained.lite_params("lite0", lite.STAGES["14x14x672"])
    expected = lite.adopt(tensors, lite.STAGES["14x14x672"])
    assert list(params) == list(expected)
    for name, array in params.items():
        np.testing.assert_array_equal(array, expected[name])
        assert array.dtype == np.float32 and array.flags.c_contiguous


@pytest.mark.parametrize(("network", "grid"), GRIDS)
def test_both_namings_are_read_from_a_file(tmp_path, network, grid):
    stages, tensors = lite.STAGES[grid], load_tensors(network)
    params = lite.adopt(tensors, stages)
    for name, content in (("theirs", tensors), ("ours", params)):
        np.savez(tmp_path / f"{name}.npz", **content)
        loaded = weights.load(tmp_path / f"{name}.npz", lite, stages, "lite")
        assert sorted(loaded) == sorted(params)
        for key, array in params.items():
            np.testing.assert_array_equal(loaded[key], array)


def test_another_preprocessing(rng):
    with pytest.raises(InputError, match="caffe: no such preprocessing"):
        lite.adopt({}, TINY, "caffe")


def test_folded_normalization(rng):
    """Compare with unfolded batch normalization of pixels in the scale of the net's training."""
    stages = (2,), (1, 3, 1, 1, 2)
    tensors = {name: rng.standard_normal(shape) for name, shape in lite.namings(stages)[0].items()}
    tensors = {name: np.abs(array) if name.endswith("var") else array for name, array in tensors.items()}
    params = {name: array.astype(np.float64) for name, array in lite.adopt(tensors, stages).items()}
    images = rng.uniform(-1, 1, (1, 6, 8, 3))

    def normalize(y, norm):
        gamma, beta, mean, var = (tensors[f"{norm}.{part}"] for part in lite.NORM)
        return gamma * (y - mean) / np.sqrt(var + 1e-3) + beta

    x = np.pad((127.5 * (images + 1) - 127) / 128, ((0, 0), (0, 1), (0, 1), (0, 0)))
    y, _ = conv.conv_forward(x, tensors["_conv_stem.weight"].transpose(2, 3, 1, 0), np.zeros(2), 2)
    y = np.clip(normalize(y, "_bn0"), 0, 6)
    y, _ = depthwise.depthwise_forward(
        y, tensors["_blocks.0._depthwise_conv.weight"][:, 0].transpose(1, 2, 0), np.zeros(2)
    )
    x, y = y, np.clip(normalize(y, "_blocks.0._bn1"), 0, 6)
    expected = normalize(y @ tensors["_blocks.0._project_conv.weight"][:, :, 0, 0].T, "_blocks.0._bn2")
    stem = np.clip(normalize(x, "_blocks.0._bn1"), 0, 6)
    assert stem.shape == y.shape
    residual = np.clip(stem_of(params, images), 0, 6)
    a = lite.encode(params, images, stages)
    np.testing.assert_allclose(a, (expected + residual).reshape(a.shape), rtol=0, atol=1e-5)


def stem_of(params, images):
    """Compute the stem before relu6, with images padded by grey."""
    grey = np.pad(images, ((0, 0), (0, 1), (0, 1), (0, 0)), constant_values=127 / 127.5 - 1)
    return conv.conv_forward(grey, params["stem.W"], params["stem.b"], 2)[0]


def random_net(rng, stages, size, dtype=np.float64, N=2):
    """Draw weights, biases and images."""
    params = lite.init_params(rng, stages, dtype=dtype)
    for array in params.values():
        if array.ndim == 1:
            array += rng.uniform(0.2, 1, array.shape).astype(dtype)
    return params, rng.uniform(-1, 1, (N, *size, 3)).astype(dtype)


@pytest.mark.parametrize("size", [(16, 12), (9, 11)], ids=["even sides", "odd sides"])
def test_gradients(rng, size):
    params, images = random_net(rng, TINY, size)
    a, _ = lite.encode_forward(params, images, TINY)
    upstream = rng.standard_normal(a.shape)

    def loss_and_grads(params):
        a, cache = lite.encode_forward(params, images, TINY)
        return np.vdot(a, upstream), lite.encode_backward(upstream, cache)

    def loss(params):
        return np.vdot(lite.encode_forward(params, images, TINY)[0], upstream)

    report = gradcheck.check_loss(loss_and_grads, params, loss=loss)
    assert report.ok, str(report)
    assert len(report.arrays) == len(params) > 0


PARTS = [["stem"], ["block1_1"], ["block2_1", "block2_2"], ["block3_1"], ["head"]]  # the parts of every stage of TINY
SIDES = [(8, 6), (8, 6), (4, 3), (2, 2)]  # sides of their results for images of 16 x 12


def test_first_stages_and_last_stages_are_the_net(rng):
    """Check that each half needs its own parameters alone and has the gradients of the whole net."""
    params, images = random_net(rng, TINY, (16, 12))
    a, cache = lite.encode_forward(params, images, TINY)
    da = rng.standard_normal(a.shape)
    grads = lite.encode_backward(da, cache)
    assert set(grads) == set(params) == set(lite.shapes(TINY))
    np.testing.assert_array_equal(lite.encode(params, images, TINY), a)
    for start, sides in enumerate(SIDES, 1):
        assert list(lite.parts(TINY, start)) == [*itertools.chain(*PARTS[start:])]
        first, last = lite.shapes(TINY, stop=start), lite.shapes(TINY, start=start)
        assert {**first, **last} == lite.shapes(TINY) and not first.keys() & last.keys()
        cells = lite.encode({name: params[name] for name in first}, images, TINY, stop=start)
        assert cells.shape == (2, sides[0] * sides[1], TINY[start - 1][-1])
        cells, last_params = cells.reshape(2, *sides, -1), {name: params[name] for name in last}
        last_a, cache = lite.encode_forward(last_params, cells, TINY, start=start)
        np.testing.assert_array_equal(last_a, a)
        np.testing.assert_array_equal(lite.encode(last_params, cells, TINY, start=start), a)
        last_grads = lite.encode_backward(da, cache)
        assert set(last_grads) == set(last)
        for name, gradient in last_grads.items():
            np.testing.assert_array_equal(gradient, grads[name])


def test_parameters(rng):
    params = lite.init_params(rng, TINY)
    assert {name: array.shape for name, array in params.items()} == {
        **{"stem.W": (3, 3, 3, 3), "stem.b": (3,)},
        **{"block1_1.W_d": (3, 3, 3), "block1_1.b_d": (3,), "block1_1.W_p": (3, 2), "block1_1.b_p": (2,)},
        **{"block2_1.W_e": (2, 4), "block2_1.b_e": (4,), "block2_1.W_d": (3, 3, 4), "block2_1.b_d": (4,)},
        **{"block2_1.W_p": (4, 4), "block2_1.b_p": (4,)},
        **{"block2_2.W_e": (4, 8), "block2_2.b_e": (8,), "block2_2.W_d": (3, 3, 8), "block2_2.b_d": (8,)},
        **{"block2_2.W_p": (8, 4), "block2_2.b_p": (4,)},
        **{"block3_1.W_e": (4, 12), "block3_1.b_e": (12,), "block3_1.W_d": (5, 5, 12), "block3_1.b_d": (12,)},
        **{"block3_1.W_p": (12, 3), "block3_1.b_p": (3,), "head.W": (3, 5), "head.b": (5,)},
    }
    assert all(array.dtype == np.float32 for array in params.values())
    assert lite.size(TINY) == 5
    with pytest.raises(ValueError, match="folded"):
        lite.init_params(rng, TINY, norm=True)


@pytest.mark.parametrize("grid", lite.STAGES)
def test_stages_survive_json(grid):
    """Check that JSON, as in a checkpoint, does not change the stages."""
    stages = tuple(tuple(stage) for stage in json.loads(json.dumps(lite.STAGES[grid])))
    assert stages == lite.STAGES[grid]


def test_every_grid_has_a_name_of_its_own():
    assert len(lite.STAGES) == len(set(lite.STAGES.values())) == len(GRIDS) == 12
    assert [grid for network, grid in GRIDS if network == "lite0"] == ["14x14x112", "14x14x672", "7x7x320", "7x7x1280"]


@pytest.mark.parametrize(
    ("stages", "size"),
    [(SMALL, (32, 48)), (SMALL, (35, 29)), (RESIDUAL, (12, 16))],
    ids=["even sides", "odd sides", "residual"],
)
def test_float32_is_the_same(rng, stages, size):
    """Compare float32 with float64, in training and in inference mode, fused and unfused."""
    params, images = random_net(rng, stages, size, np.float32)
    double = {name: array.astype(np.float64) for name, array in params.items()}
    expected, cache64 = lite.encode_forward(double, images.astype(np.float64), stages)
    da = rng.standard_normal(expected.shape)
    grads64 = lite.encode_backward(da, cache64)

    def run():
        a, cache = lite.encode_forward(params, images, stages)
        return [a, lite.encode(params, images, stages)], lite.encode_backward(da.astype(np.float32), cache)

    for outputs, grads in (run(), unfused(run)):
        for a in outputs:
            assert a.dtype == np.float32 and np.abs(a - expected).max() <= 5e-6 * np.abs(expected).max()
        for name, expected_gradient in grads64.items():
            assert grads[name].dtype == np.float32
            # Near the kinks of relu6, rounding decides about the gradients of some numbers.
            assert np.linalg.norm(grads[name] - expected_gradient) <= 1e-2 * np.linalg.norm(expected_gradient), name


def test_only_unfused_encoding_calls_layers(rng, monkeypatch):
    params, images = random_net(rng, SMALL, (16, 16), np.float32)
    calls = []
    layers = (conv, "conv_forward"), (linear, "linear_forward"), (depthwise, "depthwise_forward")
    for module, name in (*layers, (activations, "relu6_forward")):
        function = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *args, f=function, **kw: calls.append(f.__name__) or f(*args, **kw))
    lite.encode(params, images, SMALL)
    assert calls == []
    unfused(lambda: lite.encode(params, images, SMALL))
    assert set(calls) == {"conv_forward", "linear_forward", "depthwise_forward", "relu6_forward"}


def unfused(function):
    """Call the function with unfused kernels."""
    with kernels.unfused():
        return function()


def test_a_workspace_changes_no_bit(rng):
    """Check that results are equal with and without a workspace, and after earlier steps in it."""
    params, images = random_net(rng, SMALL, (40, 32), np.float32)
    before = images.copy()

    def run():
        a, cache = lite.encode_forward(params, images, SMALL)
        cells = lite.encode(params, images, SMALL, stop=2)
        last, cache_last = lite.encode_forward(params, cells.reshape(2, 20, 16, 16), SMALL, start=2)
        return [
            *(a, cells, last),
            *lite.encode_backward(a, cache).values(),
            *lite.encode_backward(last, cache_last).values(),
            lite.encode(params, images, SMALL),
        ]

    expected, workspace = run(), Workspace()
    for _ in range(2):
        with workspace.step():
            results = run()
        for result, expected_result in zip(results, expected, strict=True):
            np.testing.assert_array_equal(result, expected_result)
    np.testing.assert_array_equal(images, before)


def test_every_image_by_itself(rng):
    """Check that the annotations of an image do not depend on the other images of the batch."""
    params, images = random_net(rng, SMALL, (40, 32), np.float32, N=7)
    whole = lite.encode(params, images, SMALL)
    for n in range(7):
        np.testing.assert_array_equal(lite.encode(params, images[n : n + 1], SMALL)[0], whole[n])
