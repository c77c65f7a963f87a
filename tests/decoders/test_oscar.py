"""Test the Transformer that reads tags: gradients, what sees what, polluted tags, writing, and float32."""

import numpy as np
import pytest
import whole_model

from numpy_sat.check import gradcheck
from numpy_sat.data.scenes import tags as scene_tags
from numpy_sat.data.vocabulary import START
from numpy_sat.decoders import MODELS, masking, oscar, stack, vlp, with_oscar
from numpy_sat.decoders.fast import stack as fast_stack
from numpy_sat.layers import softmax

CONFIG = whole_model.TINY.replace(model="oscar", layers=2, heads=3, tags="oracle", tag_words=tuple(range(3, 13)))
MODEL = MODELS["oscar"]

# The model alone: N 2, L 5, D 4, G 8, B 6, T 7, S 12, heads 2, V 13, two blocks.
V, L, G = 13, 5, 8


def arrays_of(rng, dtype=np.float64):
    arrays = oscar.init_params(rng, 4, 12, 2, 2, np.zeros(V), np.float64)
    arrays = {name: array + 0.2 * rng.standard_normal(array.shape) for name, array in arrays.items()}
    return {name: array.astype(dtype) for name, array in arrays.items()}


def annotations_of(rng, dtype=np.float64):
    """Return annotations (2, 5, 6) with two and three tags."""
    tags = np.full((2, L, 2), scene_tags.NO_TAG)
    tags[0, :2] = [[5, 10], [3, 12]]
    tags[1, :3] = [[8, 9], [4, 11], [4, 9]]
    return np.concatenate([rng.standard_normal((2, L, 4)), tags], axis=2).astype(dtype)


def batch_of(rng, dtype=np.float64):
    batch = whole_model.batch_of(rng, CONFIG, dtype)
    return batch._replace(words=np.concatenate([batch.words[:1], batch.targets[:-1]]))


def test_tags_are_sorted(rng):
    regions, tags = oscar.separate(annotations_of(rng))
    assert regions.shape == (2, L, 4)
    none = scene_tags.NO_TAG
    assert tags.tolist() == [[3, 12, 5, 10, none, none, none, none], [4, 9, 4, 11, 8, 9, none, none]]


@pytest.mark.parametrize("bidirectional", [0.0, 1.0])
def test_gradients_along_a_direction(rng, bidirectional):
    """Check all losses together. The same generator hides the same words and pollutes the same tags."""
    config = CONFIG.replace(bidirectional=bidirectional, dropout=0.3, contrastive_weight=0.7)
    params, a, batch = arrays_of(rng), annotations_of(rng), batch_of(rng)
    config = config.replace(hidden_size=12, heads=2)
    arrays = params | {"a": a}
    direction = {name: rng.standard_normal(array.shape) for name, array in arrays.items()}
    direction["a"][..., -2:] = 0

    def run(step):
        moved = {name: array + step * direction[name] for name, array in arrays.items()}
        return MODEL.loss_and_grads(moved, moved["a"], batch, config, np.random.default_rng(1))

    _, da, grads = run(0)
    assert not da[..., -2:].any()
    slope = sum(np.vdot(gradient, direction[name]) for name, gradient in (grads | {"a": da}).items())
    assert grads.keys() == params.keys() - (set() if bidirectional else {"w_c", "b_c"})
    above, below = (run(step)[0].total for step in (1e-6, -1e-6))
    assert (above - below) / 2e-6 == pytest.approx(slope, rel=1e-6)


@pytest.mark.slow
def test_gradients_of_every_entry(rng):
    """Check the vectors of [CLS], tags and words, for every parameter that they depend on."""
    arrays = arrays_of(rng) | {"a": rng.standard_normal((2, L, 4))}
    for unused in ("w_c", "b_c", "b_o"):
        del arrays[unused]
    names, tags = sorted(arrays), rng.integers(3, V, (6, G))
    real = (np.arange(5)[:, None] < [5, 1, 3, 4, 2, 5]).astype(float)
    reading = oscar.pretraining(rng.integers(3, V + 1, (5, 6)), tags, real, V, L, 2, float)

    def forward(**arrays):
        return vlp.read_forward(arrays, arrays["a"], reading, stack)

    def backward(dh, cache):
        da, grads = vlp.read_backward(dh, cache, stack)
        return tuple((grads | {"a": da})[name] for name in names)

    report = gradcheck.check_layer(forward, backward, {name: arrays[name] for name in names}, rng, tolerance=1e-6)
    assert report.ok, str(report)


@pytest.mark.parametrize("bidirectional", [0.0, 1.0])
def test_float32_is_float64(rng, bidirectional):
    config = CONFIG.replace(bidirectional=bidirectional, dropout=0.0, hidden_size=12, heads=2)
    params, a, batch = arrays_of(rng), annotations_of(rng), batch_of(rng)
    loss, da, grads = MODEL.loss_and_grads(params, a, batch, config, np.random.default_rng(1))
    single = {name: array.astype(np.float32) for name, array in params.items()}
    batch = batch._replace(mask=batch.mask.astype(np.float32))
    fused, da_fused, grads_fused = MODEL.loss_and_grads(
        single, a.astype(np.float32), batch, config, np.random.default_rng(1)
    )
    assert fused.total == pytest.approx(loss.total, rel=1e-5)
    for name, gradient in (grads | {"a": da}).items():
        result = (grads_fused | {"a": da_fused})[name]
        assert result.dtype == np.float32, name
        np.testing.assert_allclose(result, gradient, rtol=0, atol=1e-4 * np.abs(gradient).max() + 1e-6, err_msg=name)


@pytest.mark.parametrize(("dtype", "core"), [(np.float64, stack), (np.float32, fast_stack)])
def test_what_sees_what_in_writing(rng, dtype, core):
    """Check bits. Words see tags and earlier words. Tags and regions see no word."""
    params, tokens = arrays_of(rng, dtype), rng.integers(3, V, (5, 6))
    a, tags = rng.standard_normal((2, L, 4)).astype(dtype), rng.integers(3, V, (2, G))
    changed_tokens, changed_tags = tokens.copy(), tags.copy()
    changed_tokens[3:] = (changed_tokens[3:] - 2) % (V - 3) + 3
    changed_tags[:, 5] = (changed_tags[:, 5] - 2) % (V - 3) + 3

    def vectors(tokens, tags):
        """Return h of the tags and h of the words, (2, G, S) and (5, 6, S)."""
        reading = vlp.left_to_right(tokens, L, tags, dtype)
        assert reading.first == reading.tags == G
        h, _ = vlp.read_forward(params, a, reading._replace(first=0), core)
        return h[:, :G], vlp.by_word(h[:, G:], 5)

    of_tags, of_words = vectors(tokens, tags)
    with_other_words, with_other_tags = vectors(changed_tokens, tags), vectors(tokens, changed_tags)
    np.testing.assert_array_equal(with_other_words[0], of_tags)
    np.testing.assert_array_equal(with_other_words[1][:3], of_words[:3])
    assert (with_other_words[1][3:] != of_words[3:]).any(axis=-1).all()
    assert (with_other_tags[0] != of_tags).any(axis=-1).all()
    assert (with_other_tags[1] != of_words).any(axis=-1).all()


def test_all_see_all_in_pretraining(rng):
    """Check that a word and a tag change the vectors of all positions of their sequence, and of no other."""
    params, tokens, real = arrays_of(rng), rng.integers(3, V, (5, 6)), np.ones((5, 6))
    a, tags = rng.standard_normal((2, L, 4)), rng.integers(3, V, (6, G))
    changed_tokens, changed_tags = tokens.copy(), tags.copy()
    changed_tokens[4, 2] = changed_tags[1, 7] = V  # [MASK]

    def vectors(tokens, tags):
        return vlp.read_forward(params, a, oscar.pretraining(tokens, tags, real, V, L, 2, float), stack)[0]

    h = vectors(tokens, tags)
    assert h.shape == (6, G + 1 + 5, 12)
    for other, sequence in ((vectors(changed_tokens, tags), 2), (vectors(tokens, changed_tags), 1)):
        differs = (other != h).any(axis=-1)
        assert differs[sequence].all() and not np.delete(differs, sequence, axis=0).any()


def test_steps_are_the_loss_of_whole_captions(rng):
    config = CONFIG.replace(dropout=0.0, label_smoothing=0.0, hidden_size=12, heads=2)
    params, a, batch, total = arrays_of(rng), annotations_of(rng), batch_of(rng), 0.0
    state = MODEL.select(MODEL.begin(params, a, config), np.repeat([0, 1], 3))
    for words, targets, mask in zip(batch.words, batch.targets, batch.mask, strict=True):
        logits, alpha, beta, state = MODEL.step(params, state, words)
        assert alpha.shape == (6, L) and ((0 < beta) & (beta < 1)).all()
        np.testing.assert_allclose(alpha.sum(axis=1), 1)
        total += (softmax.log_softmax(logits)[np.arange(6), targets] * mask).sum()
    assert MODEL.loss_only(params, a, batch, config).total == pytest.approx(-total / 6, rel=1e-12)


def test_polluted_tags_differ(rng):
    """Check that a half is polluted, with tags of other sequences, and never labeled polluted if they are equal."""
    tags = rng.integers(0, 3, (800, 1)).repeat(2, axis=1)
    polluted, is_own = oscar.pollute(rng, tags)
    assert np.mean(is_own) == pytest.approx(0.5, abs=0.05)
    np.testing.assert_array_equal((polluted == tags).all(axis=1), is_own == 1)
    others = polluted[(is_own == 0) & (tags[:, 0] == 0), 0]
    assert set(others) == {1, 2} and np.mean(others == 1) == pytest.approx(0.5, abs=0.15)
    same = np.full((5, 2), 7)
    polluted, is_own = oscar.pollute(rng, same)
    assert (polluted == same).all() and (is_own == 1).all()


def test_pretraining_predicts_the_tags_that_it_reads(rng, monkeypatch):
    """Check the three losses against their definitions on one batch, whose hidden words and tags are known."""
    config = CONFIG.replace(bidirectional=1.0, dropout=0.0, label_smoothing=0.0, hidden_size=12, heads=2)
    config = config.replace(contrastive_weight=0.5)
    params, a, batch = arrays_of(rng), annotations_of(rng), batch_of(rng)
    regions, tags = oscar.separate(a)
    tags, is_own = tags[[1, 0, 0, 1, 1, 0]], np.array([0.0, 1, 1, 1, 1, 0])
    monkeypatch.setattr(oscar, "pollute", lambda rng, own: (tags, is_own))
    monkeypatch.setattr(masking, "choose", lambda rng, real, rate: (np.arange(len(real))[:, None] == 0) & (real > 0))
    monkeypatch.setattr(masking, "hide", lambda rng, words, choice, V: np.where(choice, V, words))
    loss, _, _ = with_oscar.pretrain_on(params, regions, tags[:2], batch, config, rng)
    words, hidden_tags = batch.targets.copy(), tags.copy()
    words[0], hidden_tags[:, 0] = V, V
    h, _ = vlp.read_forward(params, regions, oscar.pretraining(words, hidden_tags, batch.mask, V, L, 2, float), stack)
    log_p = softmax.log_softmax(h @ params["E"].T + params["b_o"])
    of_words = -log_p[np.arange(6), G + 1, batch.targets[0]].mean()
    of_tags = -log_p[np.arange(6), 0, tags[:, 0]].mean()
    p = 1 / (1 + np.exp(-(h[:, G] @ params["w_c"] + params["b_c"])))
    of_cls = -np.log(np.where(is_own == 1, p, 1 - p)).mean()
    assert loss.word == pytest.approx(of_words)
    assert loss.total == pytest.approx(of_words + of_tags + 0.5 * of_cls)


def test_without_tags_it_is_vlp(rng):
    config = whole_model.TINY.replace(model="oscar", layers=2, heads=3)
    params = whole_model.params_of(rng, config)
    assert params.keys() == whole_model.params_of(rng, config.replace(model="vlp")).keys()
    whole_model.check_captions(rng, config, 16)
    assert START not in oscar.separate(annotations_of(rng))[1]
