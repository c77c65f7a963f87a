"""Test encoders.reader: annotation vectors of sentences, and a translator of this encoder and a decoder."""

import math

import helpers
import numpy as np
import pytest
from sentences import SIZES, L, N, layer, random_params, random_sources
from whole_model import loss_alone

from numpy_sat.check import gradcheck
from numpy_sat.data import batches
from numpy_sat.data.vocabulary import END
from numpy_sat.decoders import soft
from numpy_sat.encoders import last_state, reader
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.layers import lstm


@pytest.mark.parametrize(
    ("N", "L", "sizes"), [(3, 5, (7, 4, 2)), (2, 3, (6, 2, 5)), (4, 1, (5, 3, 1)), (3, 3, (9, 3, 3))]
)
def test_gradients(rng, N, L, sizes):
    sources = random_sources(rng, N, L, sizes[0]) if L > 1 else rng.integers(0, sizes[0], (N, L))
    report = gradcheck.check_layer(*layer(sources, sizes=sizes), random_params(rng, sizes), rng)
    assert report.ok, str(report)


@pytest.mark.parametrize("encoder", [reader, last_state])
@pytest.mark.parametrize("without", [(), pytest.param(("attention",), marks=pytest.mark.slow)])
def test_gradients_of_a_translator(rng, encoder, without, request):
    """Check encoder and decoder together, with two translations of each sentence, of different lengths."""
    if without:
        request.getfixturevalue("general_decoder")
    config = Recipe().replace(
        image_size=0,
        stages=(),
        embedding_size=3,
        hidden_size=6,
        attention_size=5,
        without=without,
        dropout=0.3,
        label_smoothing=0.1,
        attention_penalty=0.7,
    )
    decoder_params = soft.init_params(rng, encoder.size(SIZES), config, rng.standard_normal(8), np.float64)
    params = {**random_params(rng), **decoder_params}
    params = {name: array + 0.3 * rng.standard_normal(array.shape) for name, array in params.items()}
    targets = batches.arrange([rng.integers(1, 8, length) for length in (4, 2, 1, 6, 3, 3)])
    batch = batches.Batch(random_sources(rng), *targets)

    def loss_and_grads(params):
        a, cache = encoder.encode_forward(params, batch.inputs, SIZES)
        loss, da, grads = soft.loss_and_grads(params, a, batch, config, np.random.default_rng(5))
        return loss.total, grads | encoder.encode_backward(da, cache)

    report = gradcheck.check_loss(loss_and_grads, params, loss=loss_alone(loss_and_grads))
    assert report.ok, str(report)
    assert {array.name for array in report.arrays} == set(params)


def test_no_image_is_too_small():
    assert reader.smallest(SIZES) == 0


def test_forward_is_the_definition(rng):
    """Compare with loops over sentences, directions and words."""
    params, sources = random_params(rng), random_sources(rng)
    a, _ = reader.encode_forward(params, sources, SIZES)
    assert a.shape == (N, L, reader.size(SIZES)) == (N, L, 4)
    for n in range(N):
        for end, positions, half in (
            ("ahead", range(L), a[n, :, :2]),
            ("back", range(L - 1, -1, -1), a[n, :, 2:]),
        ):
            h = c = np.zeros((1, 2))
            for j in positions:
                x = params["E_source"][sources[n, j]][None]
                h, c, _ = lstm.lstm_forward(x, h, c, *(params[f"{name}_{end}"] for name in ("W_x", "W_hh", "b")))
                np.testing.assert_allclose(half[j], h[0], rtol=0, atol=1e-14)
    np.testing.assert_array_equal(reader.encode(params, sources, SIZES), a)


def test_lstms_that_sum_their_inputs_by_hand():
    """Check LSTMs with open gates and W_hh = 0, whose cell state c sums tanh of the inputs.

    The inputs are atanh 1/4, 1/2 and 0. The LSTM ahead has c = 1/4, 3/4, 3/4. The LSTM back has c = 3/4, 1/2, 0.
    """
    gates = np.array([1000.0, 1000, 1000, 0])  # i, f, o, g
    weights = {"W_x": np.array([[0.0, 0, 0, 1]]), "W_hh": np.zeros((1, 4)), "b": gates}
    E = np.array([[math.atanh(0.25)], [0], [math.atanh(0.5)]])
    params = {"E_source": E} | {f"{name}_{end}": x for end in ("ahead", "back") for name, x in weights.items()}
    a, _ = reader.encode_forward(params, np.array([[0, 2, END]]), (3, 1, 1))
    ahead, back = [0.25, 0.75, 0.75], [0.75, 0.5, 0]
    np.testing.assert_allclose(a[0], np.tanh([*zip(ahead, back, strict=True)]), rtol=0, atol=1e-15)


def test_each_direction_depends_on_its_side_alone(rng):
    """Check which states and gradients change when the third word changes."""
    params, sources = random_params(rng), np.array([[3, 4, 5, 6, END]])
    changed_sources = np.array([[3, 4, 6, 6, END]])
    a, cache = reader.encode_forward(params, sources, SIZES)
    same = a == reader.encode(params, changed_sources, SIZES)
    assert same[0, :, :2].tolist() == [*[[True] * 2] * 2, *[[False] * 2] * 3]
    assert same[0, :, 2:].tolist() == [*[[False] * 2] * 3, *[[True] * 2] * 2]
    da = np.zeros_like(a)
    da[0, 1, :2] = 1  # the state of the LSTM ahead after the words 3 and 4
    dE = reader.encode_backward(da, cache)["E_source"]
    assert dE.any(axis=1).tolist() == [False, False, False, True, True, False, False]
    da = np.zeros_like(a)
    da[0, 2, 2:] = 1  # the state of the LSTM back after <end> and the words 6 and 5
    dE = reader.encode_backward(da, cache)["E_source"]
    assert dE.any(axis=1).tolist() == [False, True, False, False, False, True, True]


def test_padding_is_read_like_any_word(rng):
    """Check that more padding changes the states of the LSTM back alone, and that sentences are independent."""
    params = random_params(rng)
    short, long = (np.array([[3, 4, *[END] * more], [5, 6, *[END] * more]]) for more in (1, 3))
    a, longer = reader.encode(params, short, SIZES), reader.encode(params, long, SIZES)
    np.testing.assert_allclose(longer[:, :3, :2], a[..., :2], rtol=0, atol=1e-15)
    assert (longer[:, :3, 2:] != a[..., 2:]).all()
    np.testing.assert_allclose(reader.encode(params, short[1:], SIZES), a[1:], rtol=0, atol=1e-15)
    assert reader.encode(params, short[:0], SIZES).shape == (0, 3, 4)


def test_float32(rng):
    forward, backward = layer(random_sources(rng))
    helpers.check_float32(forward, backward, random_params(rng), rng)


def test_inputs_do_not_change_and_results_repeat(rng):
    params, sources = random_params(rng), random_sources(rng)
    before = {name: array.copy() for name, array in params.items()}, sources.copy()
    a, cache = reader.encode_forward(params, sources, SIZES)
    _, other_cache = reader.encode_forward(params, sources[::-1], SIZES)
    da = rng.standard_normal(a.shape)
    da_before = da.copy()
    grads, other_grads = reader.encode_backward(da, cache), reader.encode_backward(da, other_cache)
    repeated_grads = reader.encode_backward(da, reader.encode_forward(params, sources, SIZES)[1])
    assert all(np.array_equal(grads[name], repeated_grads[name]) for name in params)
    assert any(not np.array_equal(grads[name], other_grads[name]) for name in params)
    assert a.flags.c_contiguous and np.array_equal(da, da_before) and np.array_equal(sources, before[1])
    assert all(np.array_equal(params[name], array) for name, array in before[0].items())


def test_initial_parameters():
    V, M, S = 90, 80, 70
    params = reader.init_params(np.random.default_rng(3), (V, M, S))
    rng = np.random.default_rng(3)
    expected = {"E_source": 0.5 * rng.standard_normal((V, M))}
    for end in ("ahead", "back"):
        expected[f"W_x_{end}"] = rng.standard_normal((M, 4 * S)) / M**0.5
        expected[f"W_hh_{end}"] = rng.standard_normal((S, 4 * S)) / S**0.5
        expected[f"b_{end}"] = np.array([*[0] * S, *[1] * S, *[0] * 2 * S])
    assert params.keys() == expected.keys()
    for name, array in params.items():
        assert array.dtype == np.float32 and array.flags.c_contiguous
        np.testing.assert_allclose(array, expected[name], rtol=1e-6)
    assert reader.init_params(rng, SIZES, dtype=np.float64)["b_back"].dtype == np.float64


def test_reader_agrees_with_torchs_bidirectional_lstm(rng):
    """Compare outputs and gradients in float64. torch has the gate order i, f, g, o and two biases."""
    torch = pytest.importorskip("torch")
    params, sources = random_params(rng), random_sources(rng)
    _, M, S = SIZES

    def as_torch(W):
        i, f, o, g = np.split(W, 4, axis=-1)
        return torch.tensor(np.concatenate([i, f, g, o], axis=-1).T)

    net = torch.nn.LSTM(M, S, bidirectional=True, batch_first=True).double()
    with torch.no_grad():
        for end, suffix in (("ahead", "l0"), ("back", "l0_reverse")):
            for name, torch_name in (("W_x", "weight_ih"), ("W_hh", "weight_hh"), ("b", "bias_ih")):
                getattr(net, f"{torch_name}_{suffix}").copy_(as_torch(params[f"{name}_{end}"]))
            getattr(net, f"bias_hh_{suffix}").zero_()
    E = torch.tensor(params["E_source"], requires_grad=True)
    out, _ = net(E[torch.tensor(sources)])
    a, cache = reader.encode_forward(params, sources, SIZES)
    np.testing.assert_allclose(a, out.detach().numpy(), rtol=0, atol=1e-13)
    da = rng.standard_normal(a.shape)
    out.backward(torch.tensor(da))
    grads = reader.encode_backward(da, cache)
    np.testing.assert_allclose(grads["E_source"], E.grad.numpy(), rtol=0, atol=1e-13)
    np.testing.assert_allclose(as_torch(grads["W_hh_back"]), net.weight_hh_l0_reverse.grad, rtol=0, atol=1e-13)
    np.testing.assert_allclose(as_torch(grads["W_x_ahead"]), net.weight_ih_l0.grad, rtol=0, atol=1e-13)
