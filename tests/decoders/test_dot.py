"""Test the model "dot": scaled dot-product attention, with one head or several, in the decoder of soft attention."""

import numpy as np
import pytest
import whole_model

from numpy_sat import captioner, kernels
from numpy_sat.data import batches
from numpy_sat.data.vocabulary import END
from numpy_sat.decoders import attend_tell, dot, parts, writer
from numpy_sat.decoders.fast import recurrence
from numpy_sat.decoding import search
from numpy_sat.system.workspace import Workspace

CONFIG = whole_model.TINY.replace(model="dot", heads=2)
V = 11
several = pytest.mark.parametrize("heads", [1, 2, 5])


pytestmark = pytest.mark.usefixtures("general_decoder")


@pytest.mark.slow
@pytest.mark.parametrize("heads", [1, 2])
def test_gradients_of_the_whole_model(rng, heads):
    whole_model.check_gradients(rng, CONFIG.replace(heads=heads))


@pytest.mark.slow
@pytest.mark.parametrize("without", [("attention",), ("gate", "deep output")])
def test_gradients_without_parts(rng, without):
    config = CONFIG.replace(without=without)
    names = {name for part in without for name in parts.PARTS[part]}
    assert not set(whole_model.params_of(rng, config)) & names
    whole_model.check_gradients(rng, config)


@pytest.mark.slow
def test_a_blind_model(rng):
    whole_model.check_a_blind_model(rng, CONFIG)


@several
def test_float32_is_float64(rng, heads):
    whole_model.check_float32(rng, CONFIG.replace(heads=heads))


def test_padding_changes_nothing(rng):
    whole_model.check_padding(rng, CONFIG)


def test_the_first_loss(rng):
    whole_model.check_the_start(rng, CONFIG)


@pytest.mark.parametrize(("heads", "attention"), [(3, 10), (0, 10), (-1, 10), (20, 10)])
def test_heads_that_cannot_share_the_attention_size(rng, heads, attention):
    with pytest.raises(ValueError, match=f"heads={heads}: must be at least 1 and divide attention_size={attention}"):
        whole_model.params_of(rng, CONFIG.replace(heads=heads, attention_size=attention))


@pytest.mark.parametrize("heads", [1, 4])
def test_weights_at_the_start(rng, heads):
    """Check that weights are normal and scaled by 1 / sqrt(inputs), which keeps the scale of the signal."""
    D, M, S, A, frequencies = 50, 60, 70, 80, rng.standard_normal(100)
    config = CONFIG.replace(embedding_size=M, hidden_size=S, attention_size=A, heads=heads)
    params = dot.init_params(rng, D, config, frequencies)
    soft = attend_tell.init_params(rng, D, M, S, A, np.zeros(100))
    shapes = {name: x.shape for name, x in soft.items() if name not in ("W_a", "b_a", "W_h", "v")}
    shapes |= {"W_q": (heads, S, A // heads), "W_k": (heads, D, A // heads), "W_v": (heads, D, A // heads)}
    shapes |= {"W_x": (M + A, 4 * S), "L_z": (A, M)}
    assert {name: x.shape for name, x in params.items()} == shapes
    assert all(x.dtype == np.float32 and x.flags.c_contiguous for x in params.values())
    assert np.array_equal(params["b"], np.repeat([0, 1, 0, 0], S))
    assert np.array_equal(params["b_o"], frequencies.astype(np.float32))
    for name in ("W_q", "W_k", "W_v", "W_x", "L_z"):
        x, scale = params[name], params[name].shape[-2] ** -0.5
        assert abs(x.std() / scale - 1) < 4 / np.sqrt(2 * x.size), name
        assert abs(x.mean() / scale) < 4 / np.sqrt(x.size), name
        assert abs((np.abs(x) < scale).mean() - 0.683) < 2 / np.sqrt(x.size), name


def test_decoding_step_by_step_is_the_training_recurrence(rng):
    """Check that steps give the logits of whole captions, and that alpha sums to 1 over the locations."""
    params, batch = whole_model.params_of(rng, CONFIG), whole_model.batch_of(rng, CONFIG)
    a = captioner.annotate(params, batch.inputs, CONFIG)
    mask_h = np.ones((*batch.words.shape, CONFIG.decoder.hidden_size))
    logits, alpha, _ = attend_tell.decode_forward(params, a, batch.words, mask_h, dot.parts_of(CONFIG))
    assert alpha.shape == (7, 6, 16)
    np.testing.assert_allclose(alpha.sum(axis=2), 1, rtol=1e-14)
    decoder = writer(CONFIG)
    state = decoder.select(decoder.begin(params, a), np.repeat([0, 1], 3))
    for t, column in enumerate(batch.words):
        step_logits, step_alpha, beta, state = decoder.step(params, state, column)
        np.testing.assert_allclose(step_logits, logits[t], rtol=0, atol=1e-12)
        np.testing.assert_allclose(step_alpha, alpha[t], rtol=0, atol=1e-14)
        assert beta.shape == (6,) and (0 < beta).all() and (beta < 1).all()


def test_captions(rng):
    """Check that beam search returns captions with the log p that the model gives to them."""
    config = CONFIG.replace(dropout=0.0, label_smoothing=0.0, attention_penalty=0.0)
    params = whole_model.params_of(rng, config, np.float32)
    images = rng.integers(0, 256, (3, 8, 8, 3), np.uint8)
    for image, caption in zip(images, search.caption_images(params, config, images, 3, 6), strict=True):
        assert 1 <= len(caption.words) <= 6 and caption.alpha.shape == (len(caption.words) + 1, 16)
        np.testing.assert_allclose(caption.alpha.sum(axis=1), 1, rtol=1e-5)
        loss = captioner.loss_only(params, batches.make_batch(image[None], [np.array([*caption.words, END])]), config)
        assert loss.total == pytest.approx(-caption.log_p, rel=1e-4)


@pytest.mark.parametrize("without", [(), ("attention",)])
def test_gradients_along_a_direction(rng, without):
    """Compare the slope along one direction in the space of all arrays.

    The check is fast enough for the thousands of runs of test_mutations.py.
    """
    config = CONFIG.replace(without=without)
    params, batch = dot.init_params(rng, 5, config, np.zeros(V), np.float64), whole_model.batch_of(rng, config)
    arrays = {**params, "a": rng.standard_normal((2, 3, 5))}
    direction = {name: rng.standard_normal(array.shape) for name, array in arrays.items()}

    def loss_and_grads(step):
        moved = {name: array + step * direction[name] for name, array in arrays.items()}
        loss, da, grads = dot.loss_and_grads(moved, moved["a"], batch, config, np.random.default_rng(5))
        return loss.total, {**grads, "a": da}

    _, grads = loss_and_grads(0)
    assert {name: array.shape for name, array in arrays.items()} == {name: d.shape for name, d in grads.items()}
    slope = sum(np.vdot(grads[name], direction[name]) for name in arrays)
    assert (loss_and_grads(1e-5)[0] - loss_and_grads(-1e-5)[0]) / 2e-5 == pytest.approx(slope, rel=1e-7)
    without_dropout = config.replace(dropout=0.0)
    loss, *_ = dot.loss_and_grads(arrays, arrays["a"], batch, without_dropout, rng)
    assert dot.loss_only(arrays, arrays["a"], batch, config) == loss


def decoder_inputs(rng, T, dtype=np.float32):
    """Draw inputs of a decoder and gradients of its results for T words. N 2, L 7, D 10, B 6, S 9."""
    a, mask_h, dlogits, dalpha = (
        rng.standard_normal(shape).astype(dtype) for shape in ((2, 7, 10), (T, 6, 9), (T, 6, V), (T, 6, 7))
    )
    return (a, rng.integers(0, V, (T, 6)), mask_h), (dlogits, dalpha)


def results(decoder, params, arrays, douts):
    """Run a decoder forward and backward, and return all results by name."""
    logits, alpha, cache = decoder.decode_forward(params, *arrays, dot.parts_of(CONFIG))
    da, grads = decoder.decode_backward(*douts, cache)
    return {"logits": logits, "alpha": alpha, "da": da, **grads}


@several
def test_fused_is_plain(rng, heads):
    """Compare every result of the fused decoder with the plain one, for two memory layouts."""
    params = dot.init_params(rng, 10, CONFIG.replace(heads=heads), np.zeros(V), np.float64)
    arrays, douts = decoder_inputs(rng, 4, np.float64)
    plain = results(attend_tell, params, arrays, douts)
    params, arrays, douts = (
        {name: x.astype(np.float32) for name, x in params.items()},
        [x.astype(np.float32) if x.dtype == np.float64 else x for x in arrays],
        [x.astype(np.float32) for x in douts],
    )
    fused = results(recurrence, params, arrays, douts)
    strided_params = {name: np.repeat(x, 2, axis=-1)[..., ::2] for name, x in params.items()}
    arrays[0] = np.asfortranarray(arrays[0])
    fused_strided = results(recurrence, strided_params, arrays, douts)
    assert fused.keys() == plain.keys()
    for name, expected in plain.items():
        for x in (fused[name], fused_strided[name]):
            assert x.dtype == np.float32 and x.flags.c_contiguous
            np.testing.assert_allclose(x, expected, rtol=0, atol=1e-5 * np.abs(expected).max(), err_msg=name)


def test_two_forwards_then_both_backwards_in_one_workspace(rng):
    params = dot.init_params(rng, 10, CONFIG, np.zeros(V))
    inputs = [decoder_inputs(rng, T) for T in (5, 3)]
    before = [[x.copy() for x in (*arrays, *douts)] for arrays, douts in inputs]
    separate = [results(recurrence, params, *arrays_and_douts) for arrays_and_douts in inputs]
    with Workspace().step():
        forwards = [recurrence.decode_forward(params, *arrays, dot.parts_of(CONFIG)) for arrays, _ in inputs]
        for (_, _, cache), (_, douts), expected in zip(forwards, inputs, separate, strict=True):
            da, grads = recurrence.decode_backward(*douts, cache)
            for name, x in {"da": da, **grads}.items():
                np.testing.assert_array_equal(x, expected[name], name)
    for (arrays, douts), copies in zip(inputs, before, strict=True):
        for x, copy in zip((*arrays, *douts), copies, strict=True):
            np.testing.assert_array_equal(x, copy, "an input was changed")


def test_float32_is_fused(rng, monkeypatch):
    params, batch = whole_model.params_of(rng, CONFIG, np.float32), whole_model.batch_of(rng, CONFIG, np.float32)
    monkeypatch.setattr(attend_tell, "decode_forward", None)
    captioner.loss_and_grads(params, batch, CONFIG, rng)
    with kernels.unfused(), pytest.raises(TypeError):
        captioner.loss_and_grads(params, batch, CONFIG, rng)
