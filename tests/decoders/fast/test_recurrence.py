"""Compare the fused decoder with the plain one."""

import numpy as np
import pytest
from tiny_captioner import VECTORS, V, vectors_model

from numpy_sat import captioner, kernels
from numpy_sat.decoders import attend_tell, parts
from numpy_sat.decoders.attentions import soft as soft_attention
from numpy_sat.decoders.fast import recurrence

ALL = attend_tell.Parts(soft_attention)  # a decoder with all parts


@pytest.mark.parametrize("without", [(), tuple(parts.PARTS)])
def test_the_whole_models_fast_gradients_are_the_plain_ones(without, request):
    """Compare float32 kernels, fused and unfused, with the plain definition in float64."""
    if without:
        request.getfixturevalue("general_decoder")

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
    for name, expected in plain.items():
        for gradient in (fused[name], unfused[name]):
            assert gradient.dtype == np.float32 and gradient.flags.c_contiguous, name
            assert gradient.shape == expected.shape, name
            assert np.abs(gradient - expected).max() <= 1e-5 * np.abs(expected).max(), name


def test_fusing_is_what_float32_does(monkeypatch):
    monkeypatch.setattr(attend_tell, "decode_forward", None)
    params, batch = vectors_model(np.random.default_rng(3), np.float32)
    captioner.loss_and_grads(params, batch, VECTORS, np.random.default_rng(5))


def test_fused_takes_arrays_of_any_layout(rng):
    params = attend_tell.init_params(rng, 16, 8, 9, 16, np.zeros(V))
    a, words = rng.standard_normal((2, 7, 16)).astype(np.float32), rng.integers(0, V, (3, 4))
    mask_h = np.ones((3, 4, 9), np.float32)
    logits, *_ = recurrence.decode_forward(params, a, words, mask_h, ALL)
    strided_params = {name: np.repeat(x, 2, axis=-1)[..., ::2] for name, x in params.items()}
    fortran_arrays = np.asfortranarray(a), np.asfortranarray(words)
    strided_logits, *_ = recurrence.decode_forward(strided_params, *fortran_arrays, mask_h, ALL)
    np.testing.assert_allclose(strided_logits, logits, rtol=0, atol=1e-5)
