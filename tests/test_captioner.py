"""Test the whole model: its gradients, its loss, and its use of the layers."""

import ast
import importlib
import inspect
import mmap
import pkgutil
from pathlib import Path

import numpy as np
import pytest
from tiny_captioner import TINY, VECTORS, V, tiny_batch, tiny_params, vectors_model
from whole_model import loss_alone

import numpy_sat
from numpy_sat import captioner, kernels, layers
from numpy_sat.check import gradcheck
from numpy_sat.data import batches
from numpy_sat.decoders import attend_tell, soft, writer
from numpy_sat.decoders.attentions import soft as soft_attention
from numpy_sat.decoders.fast import recurrence
from numpy_sat.decoding import search
from numpy_sat.encoders import convnet
from numpy_sat.layers import conv, losses, pool
from numpy_sat.system.workspace import Workspace

ALL = attend_tell.Parts(soft_attention)  # a decoder with all parts


@pytest.mark.parametrize(
    ("normalisation", "target", "norm"),
    [pytest.param("sum", "one", False, marks=pytest.mark.slow), ("mean", "T/L", True)],
)
def test_gradients(rng, normalisation, target, norm):
    config = TINY.replace(
        penalty_normalization=normalisation, penalty_target=target, attention_entropy=0.6, batch_norm=norm
    )
    params, batch = tiny_params(rng, config), tiny_batch(rng)
    measured = {name: params.pop(name) for name in list(params) if name.endswith((".running_mean", ".running_var"))}

    def loss_and_grads(params):
        loss, grads = captioner.loss_and_grads({**params, **measured}, batch, config, np.random.default_rng(5))
        return loss.total, grads

    report = gradcheck.check_loss(loss_and_grads, params, loss=loss_alone(loss_and_grads))
    assert report.ok, str(report)
    assert {array.name for array in report.arrays} == set(params)
    assert bool(measured) == norm


@pytest.mark.slow
def test_dropout_of_annotations(rng, monkeypatch):
    """Check gradients through the encoder, and that all locations of an image share one mask."""
    config, annotations = TINY.replace(annotation_dropout=0.4), []
    params, batch = tiny_params(rng, config), tiny_batch(rng)
    original = soft.loss_and_grads

    def recording(params, a, *arguments):
        annotations.append(a)
        return original(params, a, *arguments)

    monkeypatch.setattr(soft, "loss_and_grads", recording)

    def loss_and_grads(params):
        loss, grads = captioner.loss_and_grads(params, batch, config, np.random.default_rng(5))
        return loss.total, grads

    report = gradcheck.check_loss(loss_and_grads, params, loss=loss_alone(loss_and_grads))
    assert report.ok, str(report)
    a = captioner.annotate(params, batch.inputs, config)
    dropped = (annotations[-1] == 0).all(axis=1, keepdims=True)
    np.testing.assert_allclose(annotations[-1], a * ~dropped / 0.6)
    assert 0 < dropped.mean() < 1


@pytest.mark.slow
@pytest.mark.parametrize("norm", [False, True])
def test_a_blind_model_sees_nothing(rng, norm):
    """Check that annotations are zero, so that loss and gradients do not depend on the image."""
    config = TINY.replace(blind=True, batch_norm=norm)
    params, batch = tiny_params(rng, config), tiny_batch(rng)
    seeing = tiny_params(rng, TINY.replace(batch_norm=norm))
    assert {name: array.shape for name, array in params.items()} == {
        name: array.shape for name, array in seeing.items() if "." not in name
    }
    a = captioner.annotate(params, batch.inputs, config)
    assert not a.any() and a.dtype == np.float64
    assert a.shape == (2, 1, captioner.annotate(seeing, batch.inputs, TINY).shape[2])

    def loss_and_grads(params, inputs=batch.inputs):
        batch_with = batch._replace(inputs=inputs)
        loss, grads = captioner.loss_and_grads(params, batch_with, config, np.random.default_rng(5))
        return loss.total, grads

    report = gradcheck.check_loss(loss_and_grads, params, loss=loss_alone(loss_and_grads))
    assert report.ok, str(report)
    loss, grads = loss_and_grads(params)
    other_loss, other_grads = loss_and_grads(params, -batch.inputs)
    assert loss == other_loss and all(np.array_equal(grads[name], other_grads[name]) for name in params)
    before = {name: array.copy() for name, array in params.items()}
    captioner.measure_running_statistics(params, [batch], config)
    assert all(np.array_equal(params[name], array) for name, array in before.items())


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_statistics_of_one_batch_make_inference_equal_to_training(rng, dtype):
    config = TINY.replace(batch_norm=True, dropout=0.0)
    params = {name: array.astype(dtype) for name, array in tiny_params(rng, config).items()}
    batch, second_batch = tiny_batch(rng, dtype=dtype), tiny_batch(rng, dtype=dtype)
    training_loss, _ = captioner.loss_and_grads(params, batch, config, rng)
    captioner.measure_running_statistics(params, [batch], config)
    np.testing.assert_allclose(captioner.loss_only(params, batch, config).total, training_loss.total, rtol=1e-5)
    captioner.measure_running_statistics(params, [batch, second_batch], config)
    images = np.concatenate([batch.inputs, second_batch.inputs])
    cells, _ = conv.conv_forward(images, params["conv1_1.W"], np.zeros(4, dtype), padding=1)
    cells, _ = pool.max_pool_forward(cells, 2, 2)
    np.testing.assert_allclose(params["conv1_1.running_mean"], cells.mean(axis=(0, 1, 2)), rtol=0, atol=1e-5)
    np.testing.assert_allclose(params["conv1_1.running_var"], cells.var(axis=(0, 1, 2)), rtol=1e-4)


def test_the_check_notices_a_missing_term(rng, monkeypatch):
    """Check that the check fails at the parameters of the attention without half of the penalty's gradient."""
    params, batch = tiny_params(rng), tiny_batch(rng)
    monkeypatch.setattr(
        losses, "doubly_stochastic_backward", lambda d, cache: 0 * cache.missing * cache.mask[..., None]
    )

    def loss_and_grads(changed):
        loss, grads = captioner.loss_and_grads({**params, **changed}, batch, TINY, np.random.default_rng(5))
        return loss.total, {name: grads[name] for name in changed}

    report = gradcheck.check_loss(loss_and_grads, {name: params[name] for name in ("W_a", "W_h", "v", "L_o", "b_o")})
    assert {array.name for array in report.arrays if not array.ok} == {"W_a", "W_h", "v"}


def test_float32_stays_float32_and_agrees(rng):
    params, batch = tiny_params(rng), tiny_batch(rng)
    loss, grads = captioner.loss_and_grads(params, batch, TINY, np.random.default_rng(5))
    params32 = {name: array.astype(np.float32) for name, array in params.items()}
    batch32 = batch._replace(inputs=batch.inputs.astype(np.float32), mask=batch.mask.astype(np.float32))
    loss32, grads32 = captioner.loss_and_grads(params32, batch32, TINY, np.random.default_rng(5))
    assert loss32.total == pytest.approx(loss.total, rel=1e-4)
    for name, gradient in grads32.items():
        assert gradient.dtype == np.float32, name
        assert np.abs(gradient - grads[name]).max() <= 1e-4 * np.abs(grads[name]).max() + 1e-6, name


def resident_memory():
    """Return the resident memory of the process in bytes; 0 on systems without /proc."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * mmap.PAGESIZE if statm.exists() else 0


@pytest.mark.slow
def test_a_workspace_changes_nothing_and_stops_growing(rng):
    """Check gradients and memory over 1000 steps with captions of changing length."""
    params, batch = vectors_model(rng, np.float32)
    workspace, sizes = Workspace(), []
    for step in range(1000):
        T = 1 + step * 7919 % 7
        part = batches.Batch(batch.inputs, batch.words[:T], batch.targets[:T], batch.mask[:T])
        with workspace.step():
            loss, grads = captioner.loss_and_grads(params, part, VECTORS, np.random.default_rng(step))
        sizes.append(workspace.size)
        if step in (0, 1, 500, 999):
            expected_loss, expected = captioner.loss_and_grads(params, part, VECTORS, np.random.default_rng(step))
            assert loss == expected_loss
            for name, gradient in expected.items():
                np.testing.assert_array_equal(grads[name], gradient, name)
        if step == 100:
            before = resident_memory()
    assert sizes[20] == sizes[-1]
    assert resident_memory() < before + (4 << 20)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_inputs_are_untouched(rng, dtype):
    params, batch = vectors_model(rng, dtype)
    before = {name: array.copy() for name, array in params.items()}, [array.copy() for array in batch[:4]]
    captioner.loss_and_grads(params, batch, VECTORS, rng)
    assert all(np.array_equal(params[name], array) for name, array in before[0].items())
    assert all(np.array_equal(now, array) for now, array in zip(batch[:4], before[1], strict=True))


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-13), (np.float32, 1e-5)])
def test_padding_changes_nothing(rng, dtype, tolerance):
    """Check that words and targets in the padding change neither loss nor gradients."""
    params, batch = vectors_model(rng, dtype)
    config = VECTORS.replace(dropout=0.0)
    loss, grads = captioner.loss_and_grads(params, batch, config, rng)
    padding = batch.mask == 0
    other = batch._replace(words=np.where(padding, 3, batch.words), targets=np.where(padding, V - 1, batch.targets))
    loss_other, grads_other = captioner.loss_and_grads(params, other, config, rng)
    assert loss_other == loss
    for name, gradient in grads.items():
        assert np.allclose(grads_other[name], gradient, rtol=0, atol=tolerance * np.abs(gradient).max()), name


def test_two_forwards_then_both_backwards_in_one_workspace(rng):
    """Check that results of the fused decoder do not depend on other calls in between."""
    sizes = dict(D=10, M=8, S=9, A=12, log_frequencies=np.zeros(V))
    params = attend_tell.init_params(rng, **sizes)
    inputs = []
    for T in (5, 3):
        a, mask_h = (rng.standard_normal(shape).astype(np.float32) for shape in ((2, 7, 10), (T, 6, 9)))
        douts = [rng.standard_normal(shape).astype(np.float32) for shape in ((T, 6, V), (T, 6, 7))]
        inputs.append(((a, rng.integers(0, V, (T, 6)), mask_h), douts))
    before = [[array.copy() for array in (*arrays, *douts)] for arrays, douts in inputs]

    def results(forward, douts):
        logits, alpha, cache = forward
        da, grads = recurrence.decode_backward(*douts, cache)
        return [logits, alpha, da, *grads.values()]

    separate = [results(recurrence.decode_forward(params, *arrays, ALL), douts) for arrays, douts in inputs]
    with Workspace().step():
        forwards = [recurrence.decode_forward(params, *arrays, ALL) for arrays, _ in inputs]
        together = [results(forward, douts) for forward, (_, douts) in zip(forwards, inputs, strict=True)]
    for arrays, expected_arrays in zip(together, separate, strict=True):
        for array, expected in zip(arrays, expected_arrays, strict=True):
            np.testing.assert_array_equal(array, expected)
    for (arrays, douts), copies in zip(inputs, before, strict=True):
        for x, copy in zip((*arrays, *douts), copies, strict=True):
            np.testing.assert_array_equal(x, copy, "an input was changed")


def test_one_image_is_encoded_once_for_all_its_captions(rng, monkeypatch):
    counts = []
    forward = convnet.encode_forward
    monkeypatch.setattr(convnet, "encode_forward", lambda p, x, *rest: counts.append(len(x)) or forward(p, x, *rest))
    captioner.loss_and_grads(tiny_params(rng), tiny_batch(rng), TINY, rng)
    assert counts == [2]


LAYERS = [importlib.import_module(f"numpy_sat.layers.{info.name}") for info in pkgutil.iter_modules(layers.__path__)]


def test_no_layer_function_is_imported_by_name():
    """Check that no module imports a function from layers/, since a learner's function could not replace it."""
    folder = Path(numpy_sat.__file__).parent
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith("numpy_sat.layers."), path


HELPERS = "check_arguments", "output_shape", "padding_before"  # helpers that a layer's kernel may not need

NOT_IN_THE_MODEL = {
    "numpy_sat.layers.embedding.one_hot",  # shows the lookup as a product
    "numpy_sat.layers.policy.advantage",  # computes the weights of a batch before the step
    "numpy_sat.layers.policy.advantage_over_others",
    *(f"numpy_sat.layers.skip_gram.skip_gram_{way}" for way in ("forward", "backward")),  # of word vectors
    *(f"numpy_sat.layers.glove.glove_{way}" for way in ("forward", "backward")),
    *(f"numpy_sat.layers.alignment.{name}_{way}" for name in ("score", "margin") for way in ("forward", "backward")),
    # of adversarial training
    *(
        f"numpy_sat.layers.{name}_{way}"
        for name in (
            *(f"discriminator.{part}" for part in ("image", "sentence", "score", "loss")),
            *("gumbel.gumbel_softmax", "gumbel.mixture"),
        )
        for way in ("forward", "backward")
    ),
    *(f"numpy_sat.layers.rollouts.{name}" for name in ("word_rewards", "word_advantages", "word_policy_forward")),
    *(f"numpy_sat.layers.gumbel.{name}" for name in ("gumbel_noise", "straight_through")),
    *(f"numpy_sat.layers.masked_words.masked_words_{way}" for way in ("forward", "backward")),  # of filled gaps
    # of tags
    *(
        f"numpy_sat.layers.{name}_{way}"
        for name in ("contrastive.contrastive", "set_loss.set_loss")
        for way in ("forward", "backward")
    ),
    *(f"numpy_sat.layers.{name}" for name in ("set_loss.match", "assignment.assign")),
    # of the earlier stages of "detected-words", and of its ranking
    "numpy_sat.layers.noisy_or.noisy_or_backward",
    *(f"numpy_sat.layers.noisy_or.detection_{way}" for way in ("forward", "backward")),
    *(
        f"numpy_sat.layers.similarity.{name}_{way}"
        for name in ("cosine", "contrast")
        for way in ("forward", "backward")
    ),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_layer_function_is_reached_through_its_module(request, rng, monkeypatch, dtype):
    """Check that training steps and beam search call every layer function as an attribute of its module."""
    if request.config.getoption("--impl") != "numpy_sat":
        pytest.skip("the library's functions call each other; those of exercises need not")
    calls = {}

    def counted(name, function):
        def wrapper(*args, **kwargs):
            calls[name] = calls.get(name, 0) + 1
            return function(*args, **kwargs)

        return wrapper

    names = set()
    for module in LAYERS:
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and not name.startswith("_") and name not in HELPERS:
                names.add(f"{module.__name__}.{name}")
                monkeypatch.setattr(module, name, counted(f"{module.__name__}.{name}", function))
    batch = tiny_batch(rng, dtype=dtype)
    models = TINY.replace(model="dot", heads=2), TINY.replace(model="hard")
    bottlenecks = TINY.replace(network="lite0", stages=((3,), (1, 3, 1, 1, 3), (1, 5, 1, 2, 4), (5,)))

    def train_and_search(config):
        params = tiny_params(rng, config)
        params = {name: x if name == "ngrams" else x.astype(dtype) for name, x in params.items()}
        with kernels.unfused():
            captioner.loss_and_grads(params, batch, config, rng)
            sampled_batch = batch._replace(weights=np.ones(6, dtype))
            captioner.loss_and_grads(params, sampled_batch, config, rng)
            a = captioner.annotate(params, batch.inputs, config)
            search.beam_search(writer(config), params, a, k=2, max_words=3)

    for config in (TINY, TINY.replace(batch_norm=True), *models, bottlenecks):
        train_and_search(config)
    assert calls["numpy_sat.layers.conv.conv_forward"] == 39 and calls["numpy_sat.layers.lstm.lstm_backward"] == 70
    for name in ("brnn", "visual-memory", "transformer", "detected-words"):
        train_and_search(TINY.replace(model=name))
    assert names - set(calls) == NOT_IN_THE_MODEL
