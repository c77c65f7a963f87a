"""The whole model: its gradients, its loss, and that it is made of the layers."""

import ast
import importlib
import inspect
import mmap
import pkgutil
from pathlib import Path

import numpy as np
import pytest

import numpy_sat
from numpy_sat import captioner, kernels, layers
from numpy_sat.check import gradcheck
from numpy_sat.data import batches
from numpy_sat.decoders import attend_tell, dot, hard, parts, soft, writer
from numpy_sat.decoders.attentions import dot as dot_attention
from numpy_sat.decoders.attentions import hard as hard_attention
from numpy_sat.decoders.attentions import mean, mean_value
from numpy_sat.decoders.attentions import soft as soft_attention
from numpy_sat.decoders.fast import recurrence
from numpy_sat.decoding import search
from numpy_sat.encoders import convnet
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.layers import conv, losses, pool
from numpy_sat.system.errors import InputError
from numpy_sat.system.workspace import Workspace

# All sizes differ, so that no two axes can be mistaken: N 2, D 5, B 6, T 7, M 8, S 9, A 10, V 11, L 16.
TINY = Recipe().replace(
    image_size=8,
    stages=((4,), (4, 3)),
    embedding_size=8,
    hidden_size=9,
    attention_size=10,
    dropout=0.3,
    label_smoothing=0.1,
    attention_penalty=0.7,
)
ALL = attend_tell.Parts(soft_attention)  # of the decoder
V = 11
LENGTHS = (7, 3, 4, 2, 5, 1)  # of 6 captions of 2 pictures


def tiny_params(rng, config=TINY):
    params = captioner.init_params(rng, config, np.log(rng.dirichlet(np.ones(V))), np.float64)
    moved = {name: array + 0.3 * rng.standard_normal(array.shape) for name, array in params.items()}
    return {name: np.abs(array) + 0.1 if name.endswith(".var") else array for name, array in moved.items()}


def tiny_batch(rng, lengths=LENGTHS, dtype=np.float64):
    T, B = max(lengths), len(lengths)
    mask = (np.arange(T)[:, None] < np.array(lengths)).astype(dtype)
    pictures = rng.standard_normal((2, 8, 8, 3)).astype(dtype)
    return batches.Batch(pictures, rng.integers(0, V, (T, B)), rng.integers(0, V, (T, B)), mask)


@pytest.mark.parametrize(("normalisation", "target", "norm"), [("sum", "one", False), ("mean", "T/L", True)])
def test_gradients(rng, normalisation, target, norm):
    config = TINY.replace(penalty_normalization=normalisation, penalty_target=target, batch_norm=norm)
    params, batch = tiny_params(rng, config), tiny_batch(rng)
    measured = {name: params.pop(name) for name in list(params) if name.endswith((".mean", ".var"))}

    def loss_and_grads(params):
        loss, grads = captioner.loss_and_grads({**params, **measured}, batch, config, np.random.default_rng(5))
        return loss.total, grads

    report = gradcheck.check_loss(loss_and_grads, params)
    assert report.ok, str(report)
    assert {array.name for array in report.arrays} == set(params)
    assert bool(measured) == norm


def test_dropout_of_annotations(rng, monkeypatch):
    """Numbers of all of a picture's vectors at once, what is kept scaled up; checked with the encoder below it."""
    config, seen = TINY.replace(annotation_dropout=0.4), []
    params, batch = tiny_params(rng, config), tiny_batch(rng)
    given = soft.loss_and_grads
    monkeypatch.setattr(soft, "loss_and_grads", lambda params, a, *args: seen.append(a) or given(params, a, *args))

    def loss_and_grads(params):
        loss, grads = captioner.loss_and_grads(params, batch, config, np.random.default_rng(5))
        return loss.total, grads

    report = gradcheck.check_loss(loss_and_grads, params)
    assert report.ok, str(report)
    a = captioner.annotate(params, batch.inputs, config)
    dropped = (seen[-1] == 0).all(axis=1, keepdims=True)
    np.testing.assert_allclose(seen[-1], a * ~dropped / 0.6)
    assert 0 < dropped.mean() < 1


@pytest.mark.slow
@pytest.mark.parametrize("part", parts.PARTS)
def test_gradients_without_a_part(rng, general_decoder, part):
    config = TINY.replace(without=(part,))
    params, batch = tiny_params(rng, config), tiny_batch(rng)
    assert not set(params) & set(parts.PARTS[part])

    def loss_and_grads(params):
        loss, grads = captioner.loss_and_grads(params, batch, config, np.random.default_rng(5))
        return loss.total, grads

    report = gradcheck.check_loss(loss_and_grads, params)
    assert report.ok, str(report)
    assert {array.name for array in report.arrays} == set(params)


def test_a_part_left_out_does_nothing(rng):
    """Attention is even, the gate 1, and without deep output the word before reaches the logits through h_t alone."""
    words, a = rng.integers(0, V, (3, 6)), rng.standard_normal((2, 16, 5))
    for part in parts.PARTS:
        config = TINY.replace(without=(part,))
        params = tiny_params(rng, config)
        state = soft.select(soft.begin(params, a, config), np.repeat([0, 1], 3))
        for column in words:
            before, (logits, alpha, beta, state) = state, soft.step(params, state, column)
        assert np.array_equal(alpha, np.full((6, 16), 1 / 16)) == (part == "attention")
        assert (beta == 1).all() == (part == "gate")
        linear = state.h @ params["L_h"] @ params["L_o"] + params["b_o"]
        assert np.allclose(logits, linear, rtol=0, atol=1e-12) == (part == "deep output")
        assert before.h.shape == state.h.shape


def test_without_what_is_no_part(rng):
    with pytest.raises(ValueError, match="without: eyes: there are attention, gate, deep output"):
        tiny_params(rng, TINY.replace(without=("gate", "eyes")))


@pytest.mark.slow
@pytest.mark.parametrize("norm", [False, True])
def test_a_blind_model_sees_nothing(rng, norm):
    """It is its decoder, given zeros for annotations: the same loss and gradients whatever the picture."""
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

    report = gradcheck.check_loss(loss_and_grads, params)
    assert report.ok, str(report)
    (loss, grads), (other, others) = loss_and_grads(params), loss_and_grads(params, -batch.inputs)
    assert loss == other and all(np.array_equal(grads[name], others[name]) for name in params)
    before = {name: array.copy() for name, array in params.items()}
    captioner.measure_running_statistics(params, [batch], config)
    assert all(np.array_equal(params[name], array) for name, array in before.items())


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_moments_of_one_batch_make_use_the_same_as_training(rng, dtype):
    config = TINY.replace(batch_norm=True, dropout=0.0)
    params = {name: array.astype(dtype) for name, array in tiny_params(rng, config).items()}
    batch, other = tiny_batch(rng, dtype=dtype), tiny_batch(rng, dtype=dtype)
    in_training, _ = captioner.loss_and_grads(params, batch, config, rng)
    captioner.measure_running_statistics(params, [batch], config)
    np.testing.assert_allclose(captioner.loss_only(params, batch, config).total, in_training.total, rtol=1e-5)
    captioner.measure_running_statistics(params, [batch, other], config)
    both = np.concatenate([batch.inputs, other.inputs])
    pre, _ = conv.conv_forward(both, params["conv1_1.W"], np.zeros(4, dtype), padding=1)
    pre, _ = pool.max_pool_forward(pre, 2, 2)
    np.testing.assert_allclose(params["conv1_1.mean"], pre.mean(axis=(0, 1, 2)), rtol=0, atol=1e-5)
    np.testing.assert_allclose(params["conv1_1.var"], pre.var(axis=(0, 1, 2)), rtol=1e-4)


def test_the_check_notices_a_missing_term(rng, monkeypatch):
    """Without the penalty's way into the attention, the whole model's check fails at the attention's parameters."""
    params, batch = tiny_params(rng), tiny_batch(rng)
    monkeypatch.setattr(
        losses, "doubly_stochastic_backward", lambda d, cache: 0 * cache.missing * cache.mask[..., None]
    )

    def loss_and_grads(chosen):
        loss, grads = captioner.loss_and_grads({**params, **chosen}, batch, TINY, np.random.default_rng(5))
        return loss.total, {name: grads[name] for name in chosen}

    report = gradcheck.check_loss(loss_and_grads, {name: params[name] for name in ("W_a", "W_h", "v", "L_o", "b_o")})
    assert {array.name for array in report.arrays if not array.ok} == {"W_a", "W_h", "v"}


def test_float32_stays_float32_and_agrees(rng):
    params, batch = tiny_params(rng), tiny_batch(rng)
    loss, grads = captioner.loss_and_grads(params, batch, TINY, np.random.default_rng(5))
    small = {name: array.astype(np.float32) for name, array in params.items()}
    batch32 = batch._replace(inputs=batch.inputs.astype(np.float32), mask=batch.mask.astype(np.float32))
    loss32, grads32 = captioner.loss_and_grads(small, batch32, TINY, np.random.default_rng(5))
    assert loss32.total == pytest.approx(loss.total, rel=1e-4)
    for name, gradient in grads32.items():
        assert gradient.dtype == np.float32, name
        assert np.abs(gradient - grads[name]).max() <= 1e-4 * np.abs(grads[name]).max() + 1e-6, name


# Large enough that convolutions go to every kernel and captions share pictures; no size fills its last vector.
VECTORS = Recipe().replace(
    image_size=24,
    stages=((16,), (32, 48)),
    embedding_size=10,
    hidden_size=21,
    attention_size=37,
    dropout=0.2,
    label_smoothing=0.1,
)


def vectors_model(rng, dtype):
    params = captioner.init_params(rng, VECTORS, np.log(np.full(V, 1 / V)), np.float64)
    batch = tiny_batch(rng, (7, 3, 4, 2, 5, 1), np.float64)
    batch = batch._replace(inputs=rng.standard_normal((2, 24, 24, 3)))
    params = {name: array.astype(dtype) for name, array in params.items()}
    return params, batch._replace(inputs=batch.inputs.astype(dtype), mask=batch.mask.astype(dtype))


@pytest.mark.parametrize("without", [(), tuple(parts.PARTS)])
def test_the_whole_models_fast_gradients_are_the_plain_ones(without):
    """float32 on the kernels, fused and not, against float64 by the plain definition."""

    def gradients(dtype):
        params, batch = vectors_model(np.random.default_rng(3), dtype)
        params, config = parts.removed(params, without), VECTORS.replace(without=without)
        return captioner.loss_and_grads(params, batch, config, np.random.default_rng(5))

    loss64, plain = gradients(np.float64)
    loss, fused = gradients(np.float32)
    with kernels.unfused():
        loss_unfused, unfused = gradients(np.float32)
    assert loss.total == pytest.approx(loss64.total, rel=1e-6) == loss_unfused.total
    assert fused.keys() == unfused.keys() == plain.keys()
    for name, right in plain.items():
        for found in (fused[name], unfused[name]):
            assert found.dtype == np.float32 and found.shape == right.shape and found.flags.c_contiguous, name
            assert np.abs(found - right).max() <= 1e-5 * np.abs(right).max(), name


def test_fusing_is_what_float32_does(monkeypatch):
    monkeypatch.setattr(attend_tell, "decode_forward", None)
    params, batch = vectors_model(np.random.default_rng(3), np.float32)
    captioner.loss_and_grads(params, batch, VECTORS, np.random.default_rng(5))


def resident_memory():
    """Bytes of the process that are in memory; 0 where the system does not tell."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * mmap.PAGESIZE if statm.exists() else 0


@pytest.mark.slow
def test_a_workspace_changes_nothing_and_stops_growing(rng):
    """A thousand steps, captions of changing length: the same gradients as without, in memory that is not outgrown."""
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
    """A caption's loss is the same alone and beside a longer one, whatever stands in the padding."""
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
    """What the fused decoder gives does not depend on what else was computed meanwhile."""
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

    alone = [results(recurrence.decode_forward(params, *arrays, ALL), douts) for arrays, douts in inputs]
    with Workspace().step():
        forwards = [recurrence.decode_forward(params, *arrays, ALL) for arrays, _ in inputs]
        together = [results(forward, douts) for forward, (_, douts) in zip(forwards, inputs, strict=True)]
    for found, right in zip(together, alone, strict=True):
        for x, y in zip(found, right, strict=True):
            np.testing.assert_array_equal(x, y)
    for (arrays, douts), copies in zip(inputs, before, strict=True):
        for x, copy in zip((*arrays, *douts), copies, strict=True):
            np.testing.assert_array_equal(x, copy, "an input was changed")


def test_fused_takes_arrays_of_any_layout(rng):
    params = attend_tell.init_params(rng, 16, 8, 9, 16, np.zeros(V))
    a, words = rng.standard_normal((2, 7, 16)).astype(np.float32), rng.integers(0, V, (3, 4))
    mask_h = np.ones((3, 4, 9), np.float32)
    logits, *_ = recurrence.decode_forward(params, a, words, mask_h, ALL)
    other = {name: np.repeat(x, 2, axis=-1)[..., ::2] for name, x in params.items()}
    found, *_ = recurrence.decode_forward(other, np.asfortranarray(a), np.asfortranarray(words), mask_h, ALL)
    np.testing.assert_allclose(found, logits, rtol=0, atol=1e-5)


def test_the_loss_is_the_mean_over_captions(rng):
    """Captions one by one, each with its picture, average to the batch."""
    params, batch = tiny_params(rng), tiny_batch(rng)
    config = TINY.replace(dropout=0.0)
    together = captioner.loss_only(params, batch, config)
    alone = []
    for b, length in enumerate(LENGTHS):
        one = batches.Batch(
            batch.inputs[b // 3 : b // 3 + 1],
            *(array[:length, b : b + 1] for array in (batch.words, batch.targets, batch.mask)),
        )
        alone.append(captioner.loss_only(params, one, config))
    assert together.total == pytest.approx(np.mean([loss.total for loss in alone]), rel=1e-12)
    assert together.penalty == pytest.approx(np.mean([loss.penalty for loss in alone]), rel=1e-12)
    words = np.average([loss.word for loss in alone], weights=LENGTHS)
    assert together.word == pytest.approx(words, rel=1e-12)


def test_starts_at_the_unigram_entropy(rng):
    """The output bias alone scores the unigram entropy, far below ln V."""
    frequencies = np.array([0.001, 0.1, 0.009, 0.4, 0.2, 0.05, 0.04, 0.05, 0.05, 0.05, 0.05])
    config = TINY.replace(dropout=0.0, attention_penalty=0.0)
    params = captioner.init_params(rng, config, np.log(frequencies), np.float64)
    params["L_o"] *= 0
    targets = rng.choice(V, p=frequencies, size=(200, 50))
    batch = batches.Batch(rng.standard_normal((1, 8, 8, 3)), np.zeros_like(targets), targets, np.ones((200, 50)))
    entropy = -(frequencies * np.log(frequencies)).sum()
    assert captioner.loss_only(params, batch, config).word == pytest.approx(entropy, abs=0.03)
    assert entropy < np.log(V) - 0.4


def test_biases_at_the_start(rng):
    params = captioner.init_params(rng, TINY, np.log(np.full(V, 1 / V)))
    S = TINY.decoder.hidden_size
    assert np.array_equal(params["b"], np.repeat([0, 1, 0, 0], S))
    assert np.allclose(params["b_o"], -np.log(V))


def test_weights_at_the_start(rng):
    """Each normal and scaled by its inputs, so that what comes out is as large as what goes in."""
    D, M, S, A = 50, 60, 70, 80
    params = attend_tell.init_params(rng, D, M, S, A, np.zeros(100))
    shapes = {
        **{"E": (100, M), "W_h0": (D, S), "b_h0": (S,), "W_c0": (D, S), "b_c0": (S,)},
        **{"W_a": (D, A), "b_a": (A,), "W_h": (S, A), "v": (A,), "w_beta": (S,), "b_beta": (1,)},
        **{"W_x": (M + D, 4 * S), "W_hh": (S, 4 * S), "b": (4 * S,)},
        **{"L_h": (S, M), "L_z": (D, M), "L_o": (M, 100), "b_o": (100,)},
    }
    assert {name: array.shape for name, array in params.items()} == shapes
    for name, array in params.items():
        assert array.dtype == np.float32
        if name.startswith("b"):
            assert name in ("b", "b_o") or not array.any()
        else:
            scale = 0.5 if name == "E" else len(array) ** -0.5
            assert abs(array.std() / scale - 1) < 4 / np.sqrt(2 * array.size), name
            assert abs(array.mean() / scale) < 4 / np.sqrt(array.size), name
            assert abs((np.abs(array) < scale).mean() - 0.683) < 2 / np.sqrt(array.size), name


def test_one_picture_is_encoded_once_for_all_its_captions(rng, monkeypatch):
    seen = []
    forward = convnet.encode_forward
    monkeypatch.setattr(convnet, "encode_forward", lambda p, x, *rest: seen.append(len(x)) or forward(p, x, *rest))
    captioner.loss_and_grads(tiny_params(rng), tiny_batch(rng), TINY, rng)
    assert seen == [2]


LAYERS = [importlib.import_module(f"numpy_sat.layers.{found.name}") for found in pkgutil.iter_modules(layers.__path__)]


def test_no_layer_function_is_imported_by_name():
    """`from numpy_sat.layers.linear import linear_forward` would keep a learner's function from taking its place."""
    folder = Path(numpy_sat.__file__).parent
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith("numpy_sat.layers."), path


HELPERS = "check_arguments", "output_shape", "before"  # no layers: a kernel that a layer declares may not need them
NOT_IN_THE_MODEL = {
    "numpy_sat.layers.embedding.one_hot",  # says as a product what the lookup does without one
    "numpy_sat.layers.policy.advantage",  # make a batch's weights, before the step
    "numpy_sat.layers.policy.advantage_over_others",
    "numpy_sat.layers.lstm.lstm_sequence_forward",  # each input holds what was looked at, which the state decides:
    "numpy_sat.layers.lstm.lstm_sequence_backward",  # a captioner cannot know them all beforehand
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_layer_function_is_reached_through_its_module(request, rng, monkeypatch, dtype):
    """Counting wrappers in the modules' place: one training step and one captioning call them all, float32 unfused."""
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
    for config in (TINY, TINY.replace(batch_norm=True), *models, bottlenecks):
        params = {name: array.astype(dtype) for name, array in tiny_params(rng, config).items()}
        with kernels.unfused():
            captioner.loss_and_grads(params, batch, config, rng)
            drawn = batch._replace(weights=np.ones(6, dtype))
            captioner.loss_and_grads(params, drawn, config, rng)
            a = captioner.annotate(params, batch.inputs, config)
            search.beam_search(writer(config), params, a, k=2, max_words=3)
    assert names - set(calls) == NOT_IN_THE_MODEL
    assert calls["numpy_sat.layers.conv.conv_forward"] == 39 and calls["numpy_sat.layers.lstm.lstm_backward"] == 70


RECURRENCE = {  # what a decoder may be made of: its Parts, the parameters that one word reads besides the LSTM's
    "soft": (ALL, ("W_h", "v", "w_beta", "b_beta")),
    "soft without a gate": (ALL._replace(gate=False), ("W_h", "v")),
    "dot": (attend_tell.Parts(dot_attention), ("W_q", "W_v", "w_beta", "b_beta")),
    "hard": (attend_tell.Parts(hard_attention, gate=False), ("W_h", "v")),
    "mean": (attend_tell.Parts(mean), ("w_beta", "b_beta")),
}


@pytest.mark.parametrize("name", RECURRENCE)
def test_gradients_of_the_recurrence(request, rng, name):
    """One word alone; N 2, L 3, D 5, B 6, A 7, or 21 of three heads, M 8, S 9; four captions sample."""
    if name != "soft":
        request.getfixturevalue("general_decoder")
    decoder_parts, names = RECURRENCE[name]
    params = decoder_arrays(rng, "dot" if name == "dot" else "mlp")
    params = {name: params[name] for name in (*names, "W_x", "W_hh", "b")}
    keys = {"dot": (3, 2, 3, 7), "mean": (2, 5)}.get(name, (2, 3, 7))
    shapes = {"a": (2, 3, 5), "keys": keys, "Ey": (6, 8), "h": (6, 9), "c": (6, 9)}
    inputs = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    uniforms, expected, look = np.array([0.01, 0.5, 0.99, 0.5, 0.5, 0.99]), np.arange(6) % 3 == 1, None
    if name == "hard":
        (look,) = hard.sampling(uniforms[None], expected)

    def forward(a, keys, Ey, h, c, **weights):
        h, c, z, alpha, cache = attend_tell.recur_forward(weights, a, keys, Ey, h, c, decoder_parts, look)
        assert h.shape == c.shape == (6, 9) and z.shape == (6, 21 if name == "dot" else 5) and alpha.shape == (6, 3)
        if name == "hard":
            sampled, s = np.flatnonzero(~expected), cache.attend.s
            np.testing.assert_array_equal(z[sampled], a[sampled // 3, s[sampled]])
            assert s[0] == 0 and s[2] == s[5] == 2
        return h, c, z, alpha, cache

    def backward(dh, dc, dz, dalpha, cache):
        da, *grads, by_name = attend_tell.recur_backward(dh, dc, dz, dalpha, cache)
        assert by_name.keys() == params.keys()
        return da + np.zeros(shapes["a"]), *grads, *(by_name[name] for name in params)

    report = gradcheck.check_layer(forward, backward, {**inputs, **params}, rng)
    assert report.ok, str(report)


def decoder_arrays(rng, score="mlp"):
    """Parameters and annotations; N 2, L 4, D 5, A 7, M 8, S 9, V 11; of score "dot" A 21, three heads."""
    arrays = attend_tell.init_params(rng, 5, 8, 9, 7, np.zeros(V), np.float64)
    if score == "dot":
        arrays = dot.init_params(rng, 5, TINY.replace(attention_size=21, heads=3), np.zeros(V), np.float64)
    arrays["a"] = rng.standard_normal((2, 4, 5))
    return {name: array + 0.3 * rng.standard_normal(array.shape) for name, array in arrays.items()}


DECODERS = {  # Parts, and what is left out of the parameters
    "soft": (ALL, ()),
    "soft without a gate": (ALL._replace(gate=False), ("gate",)),
    "soft without deep output": (ALL._replace(deep_output=False), ("deep output",)),
    "soft without attention": (ALL._replace(attention=mean), ("attention",)),
    "dot": (attend_tell.Parts(dot_attention), ()),
    "dot without attention": (attend_tell.Parts(mean_value), ("attention",)),
    "hard": (attend_tell.Parts(hard_attention, gate=False), ("gate",)),
}


@pytest.mark.parametrize("name", DECODERS)
def test_gradients_of_the_decoder_along_a_direction(request, rng, name):
    """One number, against moving all arrays at once: quick enough to be asked a thousand times (test_mutations.py)."""
    if name != "soft":
        request.getfixturevalue("general_decoder")
    (decoder_parts, left_out), score = DECODERS[name], "dot" if name.startswith("dot") else "mlp"
    arrays, (T, B, L) = parts.removed(decoder_arrays(rng, score), left_out), (3, 6, 4)
    words, mask_h, uniforms = rng.integers(0, V, (T, B)), rng.standard_normal((T, B, 9)), rng.random((T, B))
    dlogits, dalpha = rng.standard_normal((T, B, V)), rng.standard_normal((T, B, L))
    direction = {name: rng.standard_normal(array.shape) for name, array in arrays.items()}
    looks = hard.sampling(uniforms, np.arange(B) % 2 == 0) if name == "hard" else None

    def decode(step):
        moved = {name: array + step * direction[name] for name, array in arrays.items()}
        return attend_tell.decode_forward(moved, moved["a"], words, mask_h, decoder_parts, looks)

    def loss(step):
        logits, alpha, _ = decode(step)
        return np.vdot(dlogits, logits) + np.vdot(dalpha, alpha)

    _, alpha, cache = decode(0)
    da, grads = attend_tell.decode_backward(dlogits, dalpha, cache)
    grads["a"] = da
    assert {name: array.shape for name, array in arrays.items()} == {name: d.shape for name, d in grads.items()}
    assert all(d.flags.c_contiguous for d in grads.values())
    slope = sum(np.vdot(grads[name], direction[name]) for name in arrays)
    assert (loss(1e-5) - loss(-1e-5)) / 2e-5 == pytest.approx(slope, rel=1e-7)
    assert alpha.shape == (T, B, L)
    if "attention" in left_out:
        np.testing.assert_array_equal(alpha, 1 / L)
    if name == "hard":
        sampled, s = np.array([1, 3, 5]), attend_tell.locations(cache)
        right = [look(alpha_t)[1] for look, alpha_t in zip(looks, alpha, strict=True)]
        np.testing.assert_array_equal(s, right)
        np.testing.assert_array_equal(cache.output.z[:, sampled], arrays["a"][sampled // 3, s[:, sampled]])


def test_the_first_state_is_its_definition(rng):
    params = decoder_arrays(rng)
    a = params["a"]
    h0, c0, _ = attend_tell.first_state_forward(params, a)
    state = attend_tell.begin(params, a, ALL)
    for n in range(2):
        abar = sum(a[n]) / 4
        for found, name in ((h0, "h0"), (c0, "c0")):
            expected = np.tanh(abar @ params[f"W_{name}"] + params[f"b_{name}"])
            np.testing.assert_allclose(found[n], expected, rtol=0, atol=1e-14)
        np.testing.assert_allclose(state.keys[n], a[n] @ params["W_a"] + params["b_a"], rtol=0, atol=1e-13)
    for found, right in ((state.a, a), (state.h, h0), (state.c, c0)):
        np.testing.assert_array_equal(found, right)


@pytest.mark.parametrize("name", DECODERS)
def test_decoding_step_by_step_is_the_training_recurrence(rng, name):
    (decoder_parts, left_out), score = DECODERS[name], "dot" if name.startswith("dot") else "mlp"
    params, words, T = parts.removed(decoder_arrays(rng, score), left_out), rng.integers(0, V, (3, 2)), 3
    look = hard.look_everywhere if name == "hard" else None
    logits, alpha, _ = attend_tell.decode_forward(
        params, params["a"], words, np.ones((T, 2, 9)), decoder_parts, T * [look]
    )
    state = attend_tell.begin(params, params["a"], decoder_parts, look)
    for t, column in enumerate(words):
        step_logits, step_alpha, beta, state = attend_tell.step(params, state, column)
        assert np.allclose(step_logits, logits[t], rtol=0, atol=1e-13)
        assert np.allclose(step_alpha, alpha[t], rtol=0, atol=1e-14)
        assert beta.shape == (2,) and ((0 < beta) & (beta < 1)).all() if decoder_parts.gate else (beta == 1).all()


@pytest.mark.parametrize("model", ["hard", "tell"])
def test_parts_of_a_model_that_has_none(rng, model):
    with pytest.raises(InputError, match=f"without=gate: the model {model} has no parts that can be left out"):
        tiny_params(rng, TINY.replace(model=model, without=("gate",)))
