"""Test the pre-training on tags alone: gradients, the set of tags, what is predicted, and places."""

import numpy as np
import pytest
import whole_model

from numpy_sat.data.scenes import tags as scene_tags
from numpy_sat.decoders import MODELS, masking, oscar, stack, vivo, vlp
from numpy_sat.layers import set_loss, softmax

SIZES = whole_model.TINY.replace(model="oscar", tags="oracle", tag_words=tuple(range(3, 13)), hidden_words=0.5)
SIZES = SIZES.replace(hidden_size=12, heads=2, layers=2, dropout=0.0)
MODEL, NONE = MODELS["oscar"], scene_tags.NO_TAG
V = 13


def arrays_of(rng):
    """Return parameters for D 4, S 12, two blocks and two heads."""
    arrays = oscar.init_params(rng, 4, 12, 2, 2, np.zeros(V), np.float64)
    return {name: array + 0.2 * rng.standard_normal(array.shape) for name, array in arrays.items()}


def annotations_of(rng):
    """Return annotations (2, 5, 6) with two and three tags."""
    tags = np.full((2, 5, 2), NONE)
    tags[0, :2] = [[5, 10], [3, 12]]
    tags[1, :3] = [[8, 9], [4, 11], [4, 9]]
    return np.concatenate([rng.standard_normal((2, 5, 4)), tags], axis=2)


@pytest.mark.parametrize("order", ["matched", "fixed"])
def test_gradients_along_a_direction(rng, order):
    """Check every parameter at once. The same generator hides the same tags and drops the same components."""
    config = SIZES.replace(dropout=0.3, tag_order=order)
    arrays = arrays_of(rng) | {"a": annotations_of(rng)}
    direction = {name: rng.standard_normal(array.shape) for name, array in arrays.items()}
    direction["a"][..., -2:] = 0

    def run(step):
        moved = {name: array + step * direction[name] for name, array in arrays.items()}
        return MODEL.tags_loss_and_grads(moved, moved["a"], config, np.random.default_rng(1))

    _, da, grads = run(0)
    slope = sum(np.vdot(gradient, direction[name]) for name, gradient in (grads | {"a": da}).items())
    assert da.shape == arrays["a"].shape and not da[..., -2:].any()
    assert grads.keys() == arrays.keys() - {"a", "w_c", "b_c"}
    above, below = (run(step)[0].total for step in (1e-6, -1e-6))
    assert (above - below) / 2e-6 == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("order", ["matched", "fixed"])
def test_the_loss_by_its_definition(rng, order, monkeypatch):
    """Hide the first three words of the tags in the order of `shuffle`, and compute the loss from the vectors."""
    params, a, config = arrays_of(rng), annotations_of(rng), SIZES.replace(tag_order=order)
    regions, tags = oscar.separate(a)
    monkeypatch.setattr(vivo, "shuffle", lambda rng, tags: tags)
    monkeypatch.setattr(masking, "choose", lambda rng, real, rate: (np.arange(8) < 3)[:, None] & real)
    loss, _, _ = MODEL.tags_loss_and_grads(params, a, config, rng)
    tokens = np.where(np.arange(8) < 3, V, tags)
    h, _ = vlp.read_forward(params, regions, vivo.reading(tokens, regions.shape[1], float), stack)
    logits = np.ascontiguousarray((h @ params["E"].T + params["b_o"]).swapaxes(0, 1))
    hidden = np.tile((np.arange(8) < 3)[:, None], 2).astype(float)
    targets = set_loss.match(logits, tags.T, hidden) if order == "matched" else tags.T
    log_p = np.take_along_axis(softmax.log_softmax(logits), targets[..., None], axis=2)[..., 0]
    assert loss.total == pytest.approx(-(log_p * hidden).sum() / 2)
    assert loss.word == pytest.approx(-(log_p * hidden).sum() / 6)


def test_the_matched_loss_is_the_same_for_every_order(rng, monkeypatch):
    """Check that exchanging two hidden tags of an image changes the fixed loss alone."""
    params, a = arrays_of(rng), annotations_of(rng)
    monkeypatch.setattr(masking, "choose", lambda rng, real, rate: (np.arange(8) < 4)[:, None] & real)
    losses = {}
    for order in ("matched", "fixed"):
        for exchanged in ([0, 1, 2, 3], [2, 1, 0, 3]):
            with monkeypatch.context() as patch:
                patch.setattr(vivo, "shuffle", lambda rng, tags, k=exchanged: tags[:, [*k, 4, 5, 6, 7]])
                loss, _, _ = MODEL.tags_loss_and_grads(params, a, SIZES.replace(tag_order=order), rng)
            losses.setdefault(order, []).append(loss.total)
    assert losses["matched"][0] == losses["matched"][1] < min(losses["fixed"])
    assert losses["fixed"][0] != losses["fixed"][1]


def test_shuffled_tags_keep_their_words(rng):
    tags = np.tile([[3, 12, 5, 10, 4, 9, NONE, NONE], [6, 11, NONE, NONE, NONE, NONE, NONE, NONE]], (300, 1))
    shuffled = vivo.shuffle(rng, tags).reshape(600, 4, 2)
    assert {tuple(pair) for pair in shuffled[::2, :3].reshape(-1, 2).tolist()} == {(3, 12), (5, 10), (4, 9)}
    assert len({tuple(row) for row in shuffled[::2].reshape(300, 8).tolist()}) == 6
    assert (shuffled[::2, 3] == NONE).all() and (shuffled[1::2, 1:] == NONE).all() and (shuffled[1::2, 0, 0] == 6).all()


def test_what_is_read(rng):
    tokens = rng.integers(3, V + 1, (3, 8))
    reading = vivo.reading(tokens, 5, np.float32)
    np.testing.assert_array_equal(reading.tokens, tokens)
    np.testing.assert_array_equal(reading.places, np.arange(1, 9))
    assert reading.mask.shape == (1, 13, 13) and not reading.mask.any() and reading.mask.dtype == np.float32
    assert (reading.copies, reading.first, reading.tags) == (1, 0, 8)


def test_hidden_places_differ(rng):
    """Check that places separate two [MASK] tokens: with equal vectors, no assignment would be the best one."""
    params, regions = arrays_of(rng), rng.standard_normal((1, 5, 4))
    tokens = np.array([[V, V, 5, 10, V, 9, NONE, NONE]])
    reading = vivo.reading(tokens, 5, float)
    h, _ = vlp.read_forward(params, regions, reading, stack)
    assert np.abs(h[0, 0] - h[0, 1]).max() > 0.01 and np.abs(h[0, 0] - h[0, 4]).max() > 0.01
    alike, _ = vlp.read_forward(params, regions, reading._replace(places=np.ones(8, int)), stack)
    np.testing.assert_allclose(alike[0, 0], alike[0, 1], atol=1e-12)


def test_float32_is_float64(rng):
    params, a = arrays_of(rng), annotations_of(rng)
    loss, da, grads = MODEL.tags_loss_and_grads(params, a, SIZES, np.random.default_rng(1))
    single = {name: array.astype(np.float32) for name, array in params.items()}
    fused, da_fused, grads_fused = MODEL.tags_loss_and_grads(
        single, a.astype(np.float32), SIZES, np.random.default_rng(1)
    )
    assert fused.total == pytest.approx(loss.total, rel=1e-5)
    for name, gradient in (grads | {"a": da}).items():
        result = (grads_fused | {"a": da_fused})[name]
        assert result.dtype == np.float32, name
        np.testing.assert_allclose(result, gradient, rtol=0, atol=1e-4 * np.abs(gradient).max() + 1e-6, err_msg=name)
