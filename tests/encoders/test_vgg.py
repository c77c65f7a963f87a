"""Test encoders.vgg: its gradients, its pixel scale, and agreement with PyTorch for the same weights."""

import numpy as np
import pytest

from numpy_sat import kernels
from numpy_sat.check import gradcheck
from numpy_sat.encoders import convnet, vgg
from numpy_sat.system.errors import InputError
from numpy_sat.system.workspace import Workspace

TINY = ((4,), (5, 3), (6,))
NARROW = ((16, 16), (32, 32), (32,) * 3, (48,) * 3, (48,) * 3)  # VGG-16 with at most an eighth of the channels
AGREEMENT = {"float64": 1e-6, "float32": 1e-4}  # relative to the largest value; the pixel scale is always float32


def random_params(rng, stages, dtype=np.float64):
    """Draw random parameters, including biases and the pixel scale."""
    params = vgg.init_params(rng, stages, dtype=dtype)
    for name in params:
        if name.endswith(".b"):
            params[name] += 0.1 * rng.standard_normal(params[name].shape).astype(dtype)
    params["pixels.mean"][:], params["pixels.std"][:] = (0.3, -0.2, 0.1), (0.5, 0.4, 0.7)
    return params


def error(result, expected, dtype="float32"):
    """Return the largest error relative to the largest value, and check shape, dtype and layout."""
    assert result.shape == expected.shape and result.dtype == dtype and result.flags.c_contiguous
    return np.abs(result - expected).max() / np.abs(expected).max()


def test_gradients(rng):
    """Check the gradients of all parameters except the pixel scale."""
    params, images = random_params(rng, TINY), rng.standard_normal((2, 8, 12, 3))
    a, _ = vgg.encode_forward(params, images, TINY)
    da = rng.standard_normal(a.shape)
    trained = [f"{name}.{part}" for name, _, _ in convnet.layers(TINY) for part in "Wb"]

    def loss_and_grads(changed):
        a, cache = vgg.encode_forward({**params, **changed}, images, TINY)
        return np.vdot(da, a), vgg.encode_backward(da, cache)

    def loss(changed):
        return np.vdot(da, vgg.encode_forward({**params, **changed}, images, TINY)[0])

    report = gradcheck.check_loss(loss_and_grads, {name: params[name] for name in trained}, loss=loss)
    assert report.ok, str(report)
    assert [array.name for array in report.arrays] == trained and len(trained) == 8


@pytest.mark.parametrize(("start", "sides", "trained"), [(1, (4, 6), 6), (2, (2, 3), 2)])
def test_first_stages_and_last_stages_are_the_net(rng, start, sides, trained):
    """Check that each half needs its own parameters alone and has the gradients of the whole net."""
    params, images = random_params(rng, TINY), rng.standard_normal((2, 8, 12, 3))
    a, cache = vgg.encode_forward(params, images, TINY)
    da = rng.standard_normal(a.shape)
    grads = vgg.encode_backward(da, cache)
    first, last = vgg.shapes(TINY, stop=start), vgg.shapes(TINY, start=start)
    assert {**first, **last} == vgg.namings(TINY)[1] and not first.keys() & last.keys() and len(last) == trained
    cells = vgg.encode({name: params[name] for name in first}, images, TINY, stop=start)
    cells, last_params = cells.reshape(2, *sides, TINY[start - 1][-1]), {name: params[name] for name in last}
    last_a, cache = vgg.encode_forward(last_params, cells, TINY, start=start)
    np.testing.assert_array_equal(last_a, a)
    np.testing.assert_array_equal(vgg.encode(last_params, cells, TINY, start=start), a)
    last_grads = vgg.encode_backward(da, cache)
    assert set(last_grads) == set(last)
    for name, gradient in last_grads.items():
        np.testing.assert_array_equal(gradient, grads[name])


def test_vgg_is_convnet_on_scaled_pixels_without_places(rng):
    params, images = random_params(rng, TINY), rng.uniform(-1, 1, (2, 8, 12, 3))
    before = images.copy()
    a, _ = vgg.encode_forward(params, images, TINY)
    scaled = (images - params["pixels.mean"]) / params["pixels.std"]
    expected = convnet.encode(params, scaled, TINY)[..., : -convnet.PLACE]
    np.testing.assert_array_equal(a, expected)
    np.testing.assert_array_equal(vgg.encode(params, images, TINY), expected)
    np.testing.assert_array_equal(images, before)
    assert a.shape == (2, 2 * 3, vgg.size(TINY)) and a.flags.c_contiguous


def test_there_is_no_batch_normalization(rng):
    with pytest.raises(ValueError, match="no batch normalization"):
        vgg.init_params(rng, TINY, norm=True)


def test_vgg16_and_vgg19_have_their_layers_and_parameters(rng):
    for name, count in (("vgg16", 14_714_688), ("vgg19", 20_024_384)):  # torchvision's counts, without the classifier
        theirs, ours = vgg.namings(vgg.STAGES[name])
        sizes = [sum(int(np.prod(shape)) for shape in naming.values()) for naming in (theirs, ours)]
        assert sizes == [count, count + 6]
        weights = [shape for shape in theirs.values() if len(shape) == 4]
        assert len(weights) + 3 == int(name[3:])  # plus three layers of the classifier
        assert vgg.size(vgg.STAGES[name]) == 512
    assert vgg.size(((4,), (5, 3))) == 3
    ours = {name: array.shape for name, array in vgg.init_params(rng, TINY).items()}
    assert ours == vgg.namings(TINY)[1]


def test_numbers_in_torchvisions_names():
    convolutions = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    theirs, _ = vgg.namings(vgg.STAGES["vgg16"])
    assert [*theirs] == [f"features.{k}.{part}" for k in convolutions for part in ("weight", "bias")]
    assert vgg.namings(((4,), (5,)))[0] == {
        **{"features.0.weight": (4, 3, 3, 3), "features.0.bias": (4,)},
        **{"features.3.weight": (5, 4, 3, 3), "features.3.bias": (5,)},
    }


@pytest.mark.parametrize("preprocessing", vgg.PREPROCESSINGS)
def test_pixels_and_channels_fit_the_training_of_the_weights(rng, preprocessing):
    """Check order and scale of the channels with a first layer that copies its input."""
    stages = ((3,),)
    weight = np.zeros((3, 3, 3, 3), np.float32)
    weight[range(3), range(3), 1, 1] = 1
    # With this bias all values are positive, so relu changes nothing.
    tensors = {"features.0.weight": weight, "features.0.bias": np.full(3, 1000, np.float32)}
    params = vgg.adopt(tensors, stages, preprocessing)
    pixels = rng.integers(0, 256, (1, 4, 4, 3))
    a = vgg.encode(params, (pixels / 127.5 - 1).astype(np.float32), stages) - 1000
    expected = {
        "imagenet": (pixels / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225),
        "features": pixels - 255 * np.array((0.48235, 0.45882, 0.40784)),
        "caffe": pixels[..., ::-1] - (103.939, 116.779, 123.68),
    }
    np.testing.assert_allclose(a, expected[preprocessing].reshape(1, 16, 3), rtol=0, atol=2e-4)


def test_an_unknown_preprocessing(rng):
    with pytest.raises(InputError, match="vgg: no such preprocessing; there are imagenet, features, caffe"):
        vgg.adopt({}, TINY, "vgg")


def test_one_pass_and_a_workspace_change_nothing(rng):
    """Compare float32, fused and unfused, in a workspace that earlier steps used, with float64."""
    params = random_params(rng, NARROW)
    images = rng.standard_normal((2, 32, 48, 3))
    a64, cache = vgg.encode_forward(params, images, NARROW)
    da = rng.standard_normal(a64.shape)
    grads64 = vgg.encode_backward(da, cache)
    single = {name: array.astype(np.float32) for name, array in params.items()}
    images, da, workspace = images.astype(np.float32), da.astype(np.float32), Workspace()

    def check():
        with workspace.step():
            a, cache = vgg.encode_forward(single, images, NARROW)
            inference = vgg.encode(single, images, NARROW)
            grads = vgg.encode_backward(da, cache)
        assert error(a, a64) < 1e-5
        np.testing.assert_array_equal(inference, a)
        assert grads.keys() == grads64.keys()
        assert all(error(grads[name], grads64[name]) < 1e-4 for name in grads)

    check()
    size = workspace.size
    check()
    assert workspace.size == size
    with kernels.unfused():
        check()


def torch_net(torch, stages):
    """Build the same net from torch's layers as torchvision does, without the last pooling."""
    layers, C = [], 3
    for _, O, pooled in convnet.layers(stages):
        layers += [torch.nn.Conv2d(C, O, 3, padding=1), torch.nn.ReLU()] + [torch.nn.MaxPool2d(2)] * pooled
        C = O
    return torch.nn.Sequential(*layers)


def compare(torch, stages, N, side, rng, dtype):
    """Return {name: (ours, torch's)} of the annotations and every gradient, for the same random weights and images."""
    net = torch_net(torch, stages).to(getattr(torch, dtype))
    with torch.no_grad():
        for tensor in net.parameters():  # a scale that neither vanishes nor grows through 16 layers
            scale = (2 / (9 * tensor.shape[1])) ** 0.5 if tensor.ndim == 4 else 0.1
            tensor.copy_(torch.from_numpy(scale * rng.standard_normal(tensor.shape)))
    tensors = {f"features.{name}": tensor.detach().numpy() for name, tensor in net.named_parameters()}
    params = vgg.adopt(tensors, stages, "imagenet")
    images = rng.random((N, side, side, 3)).astype(dtype)
    a, cache = vgg.encode_forward(params, 2 * images - 1, stages)
    da = rng.standard_normal(a.shape).astype(dtype)
    grads = vgg.encode_backward(da, cache)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in vgg.PREPROCESSINGS["imagenet"][:2])
    y = net((torch.from_numpy(images).permute(0, 3, 1, 2) - mean) / std)
    y.backward(torch.from_numpy(da.reshape(N, *y.shape[2:], -1)).permute(0, 3, 1, 2).contiguous())
    pairs = {"a": (a, y.detach().permute(0, 2, 3, 1).reshape(a.shape).numpy())}
    convolutions = [layer for layer in net if isinstance(layer, torch.nn.Conv2d)]
    for (name, _, _), layer in zip(convnet.layers(stages), convolutions, strict=True):
        pairs[f"{name}.W"] = grads[f"{name}.W"], layer.weight.grad.permute(2, 3, 1, 0).numpy()
        pairs[f"{name}.b"] = grads[f"{name}.b"], layer.bias.grad.numpy()
    assert len(pairs) == len(grads) + 1
    return pairs


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("stages", "N", "side"),
    [(NARROW, 3, 48), (((16,), (17, 32), (33,)), 2, 24), (vgg.STAGES["vgg16"], 2, 64), (vgg.STAGES["vgg19"], 1, 32)],
    ids=["narrow", "channels that fill no vector", "VGG-16", "VGG-19"],
)
def test_vgg_agrees_with_torch(rng, stages, N, side, dtype):
    """Compare with torch. In float32, one of three random nets must agree.

    One of a million numbers may be so close to zero that rounding decides whether relu passes it. Then both gradients
    are right and differ. A wrong gradient is wrong in all three nets.
    """
    torch = pytest.importorskip("torch")
    for _ in range(1 if dtype == "float64" else 3):
        pairs = compare(torch, stages, N, side, rng, dtype)
        errors = {name: error(*pair, dtype) for name, pair in pairs.items()}
        assert errors["a"] < AGREEMENT[dtype]
        if max(errors.values()) < AGREEMENT[dtype]:
            return
    raise AssertionError(errors)
