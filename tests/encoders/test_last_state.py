"""Test encoders.last_state: one vector for a whole sentence."""

import helpers
import numpy as np
from sentences import SIZES, N, layer, random_params, random_sources

from numpy_sat.check import gradcheck
from numpy_sat.encoders import last_state, reader


def test_gradients(rng):
    report = gradcheck.check_layer(*layer(random_sources(rng, L=6), last_state), random_params(rng), rng)
    assert report.ok, str(report)


def test_the_vector_holds_the_last_state_of_each_direction(rng):
    params, sources = random_params(rng), random_sources(rng, L=6)
    a, last = reader.encode(params, sources, SIZES), last_state.encode(params, sources, SIZES)
    assert last.shape == (N, 1, last_state.size(SIZES))
    np.testing.assert_array_equal(last[:, 0, :2], a[:, -1, :2])
    np.testing.assert_array_equal(last[:, 0, 2:], a[:, 0, 2:])
    np.testing.assert_array_equal(last, last_state.encode_forward(params, sources, SIZES)[0])


def test_parameters_are_those_of_the_reader():
    params, reader_params = (encoder.init_params(np.random.default_rng(3), SIZES) for encoder in (last_state, reader))
    assert params.keys() == reader_params.keys()
    assert all(np.array_equal(params[name], reader_params[name]) for name in params)


def test_float32(rng):
    helpers.check_float32(*layer(random_sources(rng, L=6), last_state), random_params(rng), rng)
