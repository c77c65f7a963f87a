"""Test the Transformer that trains on hidden words: gradients, its two masks, writing, and float32."""

import numpy as np
import pytest
import whole_model

from numpy_sat import captioner
from numpy_sat.check import gradcheck
from numpy_sat.data.vocabulary import START
from numpy_sat.decoders import masking, stack, vlp, writer
from numpy_sat.decoders.fast import stack as fast_stack
from numpy_sat.layers import softmax

CONFIG = whole_model.TINY.replace(model="vlp", layers=2, heads=3)
L, V = 16, whole_model.V  # of whole_model's images and words


@pytest.mark.parametrize("bidirectional", [0.0, 1.0])
def test_float32_is_float64(rng, bidirectional):
    whole_model.check_float32(rng, CONFIG.replace(bidirectional=bidirectional))


def test_steps_are_the_loss_of_whole_captions(rng):
    """Check that loss_only, which predicts all words at once, gives the log probabilities of writing word by word."""
    config = CONFIG.replace(dropout=0.0, label_smoothing=0.0)
    params, batch = whole_model.params_of(rng, config), whole_model.batch_of(rng, config)
    batch.words[1:] = batch.targets[:-1]
    a, decoder, total = captioner.annotate(params, batch.inputs, config), writer(config), 0.0
    state = decoder.select(decoder.begin(params, a), np.repeat([0, 1], 3))
    for words, targets, mask in zip(batch.words, batch.targets, batch.mask, strict=True):
        logits, alpha, beta, state = decoder.step(params, state, words)
        assert alpha.shape == (6, L) and ((0 < beta) & (beta < 1)).all()
        total += (softmax.log_softmax(logits)[np.arange(6), targets] * mask).sum()
    assert captioner.loss_only(params, batch, config).total == pytest.approx(-total / 6, rel=1e-12)


def test_captions(rng):
    whole_model.check_captions(rng, CONFIG, L)


def test_padding_changes_nothing_of_the_loss_of_whole_captions(rng):
    params, batch = whole_model.params_of(rng, CONFIG), whole_model.batch_of(rng, CONFIG)
    other = batch._replace(
        words=np.where(batch.mask == 0, 3, batch.words), targets=np.where(batch.mask, batch.targets, 5)
    )
    expected = captioner.loss_only(params, batch, CONFIG)
    assert captioner.loss_only(params, other, CONFIG) == expected


def test_sampled_captions_with_weights_train_all_words(rng):
    config = CONFIG.replace(dropout=0.0)
    params, batch = whole_model.params_of(rng, config), whole_model.batch_of(rng, config)
    batch.words[1:] = batch.targets[:-1]
    loss, grads = captioner.loss_and_grads(params, batch._replace(weights=np.ones(6)), config, rng)
    plain = captioner.loss_only(params, batch, config.replace(label_smoothing=0.0))
    assert loss.word == pytest.approx(plain.word, rel=1e-12)
    _, negative = captioner.loss_and_grads(params, batch._replace(weights=-2 * np.ones(6)), config, rng)
    for name, gradient in grads.items():
        np.testing.assert_allclose(negative[name], -2 * gradient, rtol=1e-9, atol=1e-12, err_msg=name)


# The model alone: N 2, L 3, D 4, B 6, T 5, S 12, heads 2, V 9, two blocks.


def arrays_of(rng, dtype=np.float64):
    arrays = vlp.init_params(rng, 4, 12, 2, 2, np.zeros(9), np.float64) | {"a": rng.standard_normal((2, 3, 4))}
    return {name: (array + 0.2 * rng.standard_normal(array.shape)).astype(dtype) for name, array in arrays.items()}


def readings(rng, dtype=np.float64):
    """Return a Reading of each kind, of six captions of one to five words, in a dict."""
    real = (np.arange(5)[:, None] < [5, 1, 3, 4, 2, 5]).astype(dtype)
    tokens = masking.hide(rng, rng.integers(3, 9, (5, 6)), masking.choose(rng, real, 0.4), 9)
    words = np.concatenate([np.full((1, 6), START), rng.integers(3, 9, (4, 6))])
    return {
        "left to right": vlp.left_to_right(tokens, 3, vlp.no_tags(2), dtype),
        "bidirectional": vlp.bidirectional(tokens, real, 3, 2, dtype),
        "writing": vlp.writing(words, 9, 3, vlp.no_tags(2), dtype),
    }


KINDS = pytest.mark.parametrize("kind", ["left to right", "bidirectional", "writing"])


@KINDS
def test_gradients_of_the_decoder_along_a_direction(rng, kind):
    arrays, reading = arrays_of(rng), readings(rng)[kind]
    direction = {name: rng.standard_normal(array.shape) for name, array in arrays.items()}
    sequences, Q = reading.tokens.shape
    dropped = stack.dropout_masks(rng, (sequences, 3 + Q, 12), 2, 3 + reading.first, 0.3, np.float64)

    def predict(step):
        moved = {name: array + step * direction[name] for name, array in arrays.items()}
        return vlp.predict_forward(moved, moved["a"], reading, stack, dropped)

    logits, cache = predict(0)
    dlogits = rng.standard_normal(logits.shape)
    da, grads = vlp.predict_backward(dlogits, cache, stack)
    grads["a"] = da
    assert {name: array.shape for name, array in arrays.items()} == {name: d.shape for name, d in grads.items()}
    slope = sum(np.vdot(grads[name], direction[name]) for name in arrays)
    above, below = (np.vdot(dlogits, predict(step)[0]) for step in (1e-6, -1e-6))
    assert (above - below) / 2e-6 == pytest.approx(slope, rel=1e-6)


@pytest.mark.slow
@KINDS
def test_gradients_of_every_entry(rng, kind):
    arrays, reading = arrays_of(rng), readings(rng)[kind]
    names = sorted(arrays)

    def forward(**arrays):
        return vlp.predict_forward(arrays, arrays["a"], reading, stack)

    def backward(dlogits, cache):
        da, grads = vlp.predict_backward(dlogits, cache, stack)
        return tuple((grads | {"a": da})[name] for name in names)

    report = gradcheck.check_layer(forward, backward, {name: arrays[name] for name in names}, rng, tolerance=1e-6)
    assert report.ok, str(report)


@KINDS
def test_fused_blocks_give_the_same(rng, kind):
    arrays = arrays_of(rng)
    reading = readings(rng)[kind]
    logits, _ = vlp.predict_forward(arrays, arrays["a"], reading, stack)
    single = {name: array.astype(np.float32) for name, array in arrays.items()}
    reading = reading._replace(mask=reading.mask.astype(np.float32))
    fused, _ = vlp.predict_forward(single, single["a"], reading, fast_stack)
    np.testing.assert_allclose(fused, logits, rtol=0, atol=1e-5 * np.abs(logits).max())


@pytest.mark.parametrize(("dtype", "core"), [(np.float64, stack), (np.float32, fast_stack)])
def test_later_words_are_seen_in_one_mode_alone(rng, dtype, core):
    """Check bits: left to right, a later word changes no earlier logit. Bidirectional, it changes all of them."""
    arrays, tokens = arrays_of(rng, dtype), rng.integers(3, 9, (5, 6))
    changed = tokens.copy()
    changed[3:] = (changed[3:] - 3 + 1) % 6 + 3
    real = np.ones((5, 6), dtype)

    def logits(words, both):
        one_way = vlp.left_to_right(words, 3, vlp.no_tags(2), dtype)
        reading = vlp.bidirectional(words, real, 3, 2, dtype) if both else one_way
        return vlp.by_word(vlp.predict_forward(arrays, arrays["a"], reading, core)[0], 5)

    np.testing.assert_array_equal(logits(changed, False)[:3], logits(tokens, False)[:3])
    assert (logits(changed, False)[3:] != logits(tokens, False)[3:]).any(axis=-1).all()
    assert (logits(changed, True) != logits(tokens, True)).any(axis=-1).all()


def test_padding_is_not_seen_in_the_bidirectional_mode(rng):
    arrays, tokens, real = arrays_of(rng), rng.integers(3, 9, (5, 6)), np.ones((5, 6))
    real[3:] = 0
    other = tokens.copy()
    other[3:] = 9
    logits, expected = (
        vlp.by_word(vlp.predict_forward(arrays, arrays["a"], vlp.bidirectional(t, real, 3, 2, float), stack)[0], 5)
        for t in (tokens, other)
    )
    np.testing.assert_array_equal(logits[:3], expected[:3])


def test_the_first_word_is_written_from_the_regions_alone(rng):
    """Check that <start> is not read: the first [MASK] sees the regions and itself."""
    arrays = arrays_of(rng)
    state = vlp.begin(arrays, arrays["a"])
    logits, _, _, state = vlp.step(arrays, state, np.full(2, START))
    other, *_ = vlp.step(arrays, vlp.begin(arrays, arrays["a"]), np.full(2, 7))
    np.testing.assert_array_equal(logits, other)
    assert state.words[0].k.shape[1] == 0
    _, _, _, state = vlp.step(arrays, state, np.array([4, 5]))
    assert state.words[0].k.shape[1] == 1
