"""Test the Transformer that writes captions: its gradients, its mask, its memory while it writes, and float32."""

from pathlib import Path

import numpy as np
import pytest
import whole_model

from numpy_sat.decoders import MODELS, stack, transformer
from numpy_sat.decoders.fast import stack as fast_stack
from numpy_sat.decoders.fast import transformer as fast_transformer
from numpy_sat.experiment import checkpoint
from numpy_sat.kernels import threads
from numpy_sat.layers import position
from numpy_sat.system import machine
from numpy_sat.system.errors import InputError
from numpy_sat.system.workspace import Workspace

CONFIG = whole_model.TINY.replace(model="transformer", layers=2)
L = 16  # locations of whole_model's images


@pytest.mark.parametrize("heads", [2, pytest.param(1, marks=pytest.mark.slow)])
def test_gradients_of_the_whole_model(rng, heads):
    whole_model.check_gradients(rng, CONFIG.replace(heads=heads), 6)


def test_a_blind_model(rng):
    whole_model.check_a_blind_model(rng, CONFIG, 6)


def test_float32_is_float64(rng):
    whole_model.check_float32(rng, CONFIG.replace(heads=3))


def test_padding_changes_nothing(rng):
    whole_model.check_padding(rng, CONFIG)


def test_steps_are_the_training_recurrence(rng):
    whole_model.check_steps(rng, CONFIG.replace(heads=3), L)


def test_captions(rng):
    whole_model.check_captions(rng, CONFIG.replace(heads=3), L)


def test_the_first_loss(rng):
    whole_model.check_the_start(rng, CONFIG.replace(heads=4))


# The decoder alone: N 2, L 4, D 9, B 6, T 5, S 18, heads 3, V 9, two blocks.


def decoder_arrays(rng, dtype=np.float64):
    """Draw parameters and annotations."""
    arrays = transformer.init_params(rng, 9, 18, 2, 3, np.zeros(9), np.float64)
    arrays["a"] = rng.standard_normal((2, 4, 9))
    return {name: (array + 0.2 * rng.standard_normal(array.shape)).astype(dtype) for name, array in arrays.items()}


def test_weights_at_the_start(rng):
    D, S, V = 50, 64, 300
    frequencies = rng.standard_normal(V)
    params = transformer.init_params(rng, D, S, 2, 4, frequencies)
    blocks = {name for name in params if name.startswith("block")}
    assert len(blocks) == 2 * 14 and {name[:7] for name in blocks} == {"block1.", "block2."}
    assert {name: params[name].shape for name in params.keys() - blocks} == {
        **{"W_r": (D, S), "b_r": (S,), "E": (V, S), "gamma": (S,), "beta": (S,), "b_o": (V,)}
    }
    for name, std in {"W_r": D**-0.5, "E": S**-0.5}.items():
        assert params[name].std() == pytest.approx(std, rel=0.05) and abs(params[name].mean()) < 0.1 * std, name
        assert abs(params[name]).max() < 6 * std
    np.testing.assert_array_equal(params["gamma"], np.float32(0.125))
    assert not params["b_r"].any() and not params["beta"].any()
    np.testing.assert_array_equal(params["b_o"], frequencies.astype(np.float32))
    assert params["block2.W_q"].shape == (S, 4, 16)
    np.testing.assert_array_equal(params["block2.c"], np.full(S, transformer.SHIFT_START, np.float32))
    without = transformer.init_params(rng, D, S, 2, 4, frequencies, shift=False)
    assert params.keys() - without.keys() == {"block1.c", "block2.c"}
    assert not np.array_equal(params["block1.W_q"], params["block2.W_q"])


def test_the_start_of_weights_is_scaled_exactly():
    """Check the scales with a generator that draws ones."""

    class Ones:
        standard_normal = staticmethod(np.ones)

    params = transformer.init_params(Ones, 50, 64, 1, 4, np.zeros(30), np.float64)
    for name, inputs in {"W_r": 50, "E": 64, "block1.W_q": 64, "block1.W_2": 256}.items():
        np.testing.assert_allclose(params[name], inputs**-0.5, rtol=1e-15)
    W_r = transformer.init_params(Ones, 50, 64, 1, 4, np.zeros(30), np.float64, places=2)["W_r"]
    np.testing.assert_allclose(W_r[:48], 50**-0.5, rtol=1e-15)
    np.testing.assert_allclose(W_r[48:], transformer.PLACE_SCALE * 50**-0.5, rtol=1e-15)


@pytest.mark.parametrize(
    ("changes", "has_places"), [({}, True), ({"regions": "boxes"}, False), ({"network": "lite0"}, False)]
)
def test_rows_and_columns_start_larger_where_annotations_end_with_them(changes, has_places):
    config = CONFIG.replace(**changes)
    params = MODELS["transformer"].init_params(np.random.default_rng(0), 50, config, np.zeros(9))
    ratio = params["W_r"][48:].std() / params["W_r"][:48].std()
    assert ratio == pytest.approx(transformer.PLACE_SCALE if has_places else 1, rel=0.5)


def test_a_checkpoint_without_a_token_shift_is_refused():
    """Check the message for a model that an earlier version trained, without the parameter c."""
    expected = transformer.init_params(np.random.default_rng(0), 5, 8, 2, 2, np.zeros(9))
    older = {name: array for name, array in expected.items() if not name.endswith(".c")}
    message = "block1.c is missing; block2.c is missing; train the model again, or use the version that wrote it"
    with pytest.raises(InputError, match=message):
        checkpoint.check_shapes(Path("best.npz"), older, expected)


def test_gradients_of_the_decoder_along_a_direction(rng):
    """Compare the slope along one direction in the space of all arrays, as test_mutations.py needs it: fast."""
    arrays, (T, B) = decoder_arrays(rng), (5, 6)
    words, dlogits = rng.integers(0, 9, (T, B)), rng.standard_normal((T, B, 9))
    dropout_masks = stack.dropout_masks(rng, (2, 4 + 15, 18), 2, 4, 0.3, np.float64)
    direction = {name: rng.standard_normal(array.shape) for name, array in arrays.items()}

    def decode(step):
        moved = {name: array + step * direction[name] for name, array in arrays.items()}
        return transformer.decode_forward(moved, moved["a"], words, dropout_masks)

    da, grads = transformer.decode_backward(dlogits, decode(0)[1])
    grads["a"] = da
    assert {name: array.shape for name, array in arrays.items()} == {name: d.shape for name, d in grads.items()}
    assert all(d.flags.c_contiguous for d in grads.values())
    slope = sum(np.vdot(grads[name], direction[name]) for name in arrays)
    above, below = (np.vdot(dlogits, decode(step)[0]) for step in (1e-6, -1e-6))
    assert (above - below) / 2e-6 == pytest.approx(slope, rel=1e-6)


def test_the_input_of_the_fused_stack(rng):
    """Check that the sequence is the regions of all images, then the words of all captions, each with its place."""
    r, Ey = (rng.standard_normal(shape).astype(np.float32) for shape in ((2, 3, 16), (4, 16)))
    places = np.array([0, 0, 1, 2])
    sequence = fast_transformer.join(r, Ey, places)
    assert sequence.shape == (1, 6 + 4, 16)
    sinusoids = position.sinusoids(3, 16)
    np.testing.assert_allclose(sequence[0, 5], r[1, 2] + sinusoids[2], rtol=0, atol=1e-6)
    np.testing.assert_allclose(sequence[0, 6 + 3], 4 * Ey[3] + sinusoids[2], rtol=0, atol=1e-6)


def test_the_input_of_the_stack(rng):
    """Check that an image's sequence is its regions, then the words of each caption, each with its place."""
    r, Ey = rng.standard_normal((2, 3, 16)), rng.standard_normal((6, 5, 16))
    sequence = transformer.join(r, Ey)
    assert sequence.shape == (2, 3 + 15, 16)
    places = position.sinusoids(5, 16)
    np.testing.assert_allclose(sequence[1, 2], r[1, 2] + places[2], rtol=0, atol=1e-15)
    # caption 5 is the last one of image 1
    np.testing.assert_allclose(sequence[1, 3 + 10 + 1], 4 * Ey[5, 1] + places[1], rtol=0, atol=1e-14)
    words = transformer.by_word(sequence[:, 3:], 5)
    np.testing.assert_array_equal(words[1, 5], sequence[1, 3 + 10 + 1])
    np.testing.assert_array_equal(transformer.by_image(words, 2), sequence[:, 3:])


LENGTHS = np.array([3, 5, 1, 4, 4, 2])


def test_padding_changes_no_bit_and_costs_no_position(rng):
    """Check logits and all gradients of the fused decoder with other padding and with more of it."""
    arrays, words, dlogits = decoder_arrays(rng, np.float32), rng.integers(0, 9, (5, 6)), rng.standard_normal((5, 6, 9))
    real = np.arange(5)[:, None] < LENGTHS

    def results(words, dlogits):
        logits, cache = fast_transformer.decode_forward(arrays, arrays["a"], words, None, LENGTHS)
        da, grads = fast_transformer.decode_backward(dlogits.astype(np.float32), cache)
        assert cache.stack.blocks[0].n_1.shape == (1, 2 * 4 + LENGTHS.sum(), 18)
        assert cache.h.shape == (LENGTHS.sum(), 18)
        return logits, [da, *grads.values()]

    logits, grads = results(words, dlogits)
    assert not logits[~real].any() and logits[real].all()
    more = np.concatenate([np.where(real, words, 7), rng.integers(0, 9, (3, 6))])
    padding = rng.standard_normal((8, 6, 9))
    padding[:5][real] = dlogits[real]
    other_logits, other_grads = results(more, padding)
    np.testing.assert_array_equal(other_logits[:5], logits)
    assert not other_logits[5:].any() and all(map(np.array_equal, other_grads, grads))


def test_training_and_validation_compute_no_padding(monkeypatch, rng):
    """Check the positions of the blocks when the model gets a batch with padding."""
    params, batch = whole_model.params_of(rng, CONFIG, np.float32), whole_model.batch_of(rng, CONFIG, np.float32)
    a, shapes = rng.standard_normal((2, L, 5)).astype(np.float32), []
    forward = fast_stack.stack_forward

    def record(params, x, *rest, **options):
        shapes.append(x.shape)
        return forward(params, x, *rest, **options)

    monkeypatch.setattr(fast_stack, "stack_forward", record)
    MODELS["transformer"].loss_and_grads(params, a, batch, CONFIG, rng)
    MODELS["transformer"].loss_only(params, a, batch, CONFIG)
    assert shapes == 2 * [(1, 2 * L + sum(whole_model.LENGTHS), 9)]


@pytest.mark.parametrize("rate", [0.0, 0.3])
def test_the_fused_decoder_is_the_padded_one(rng, rate):
    """Compare logits of real words and all gradients with the equations, which compute padding."""
    arrays, words = decoder_arrays(rng), rng.integers(0, 9, (5, 6))
    real = np.arange(5)[:, None] < LENGTHS
    dlogits = rng.standard_normal((5, 6, 9)) * real[:, :, None]
    masks = stack.dropout_masks(rng, (2, 4 + 15, 18), 2, 4, rate, np.float32)
    results = []
    for module, dtype in ((transformer, np.float64), (fast_transformer, np.float32)):
        params = {name: array.astype(dtype) for name, array in arrays.items()}
        logits, cache = module.decode_forward(params, params["a"], words, masks, LENGTHS)
        da, grads = module.decode_backward(dlogits.astype(dtype), cache)
        results.append({"logits": logits[real], "da": da} | grads)
    assert results[0].keys() == results[1].keys()
    for name, expected in results[0].items():
        np.testing.assert_allclose(results[1][name], expected, rtol=0, atol=2e-5 * np.abs(expected).max(), err_msg=name)


@pytest.mark.parametrize("lengths", [[0, 2, 0, 5, 0, 1], [1, 1, 1, 1, 1, 1]])
def test_captions_without_words(rng, lengths):
    arrays, words = decoder_arrays(rng, np.float32), rng.integers(0, 9, (5, 6))
    expected, _ = fast_transformer.decode_forward(arrays, arrays["a"], words, None)
    logits, cache = fast_transformer.decode_forward(arrays, arrays["a"], words, None, np.array(lengths))
    real = np.arange(5)[:, None] < lengths
    np.testing.assert_allclose(logits[real], expected[real], rtol=0, atol=1e-5 * np.abs(expected).max())
    da, grads = fast_transformer.decode_backward(np.ones_like(logits), cache)
    assert all(np.isfinite(array).all() for array in (da, *grads.values()))


def later_words_exchanged(words, t, V):
    """Return the words with all words after t exchanged."""
    other = words.copy()
    other[t + 1 :] = (other[t + 1 :] + 1) % V
    return other


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("fused", [True, False])
def test_a_later_word_changes_no_bit_of_an_earlier_logit(rng, dtype, fused):
    """Check that nothing leaks: not from later words of a caption, nor from another caption of the image."""
    arrays, words = decoder_arrays(rng, dtype), rng.integers(0, 9, (5, 6))
    module = fast_transformer if fused and dtype == np.float32 else transformer
    logits, _ = module.decode_forward(arrays, arrays["a"], words, None)
    for t in range(4):
        other, _ = module.decode_forward(arrays, arrays["a"], later_words_exchanged(words, t, 9), None)
        np.testing.assert_array_equal(other[: t + 1], logits[: t + 1])
        assert (other[t + 1 :] != logits[t + 1 :]).any(axis=-1).all()
    others = words.copy()
    others[:, 1] = (others[:, 1] + 1) % 9
    other, _ = module.decode_forward(arrays, arrays["a"], others, None)
    rest = [0, 2, 3, 4, 5]
    np.testing.assert_array_equal(other[:, rest], logits[:, rest])
    assert (other[:, 1] != logits[:, 1]).any()


def test_every_word_sees_every_region(rng):
    arrays, words = decoder_arrays(rng), rng.integers(0, 9, (5, 6))
    logits, _ = transformer.decode_forward(arrays, arrays["a"], words, None)
    for region in range(4):
        a = arrays["a"].copy()
        a[0, region] += 1
        other, _ = transformer.decode_forward(arrays, a, words, None)
        assert (other[:, :3] != logits[:, :3]).any(axis=-1).all()
        np.testing.assert_array_equal(other[:, 3:], logits[:, 3:])


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-13), (np.float32, 1e-5)])
def test_the_memory_gives_the_logits_of_whole_captions_step_by_step(rng, dtype, tolerance):
    arrays, words = decoder_arrays(rng, dtype), rng.integers(0, 9, (5, 6))
    logits, _ = transformer.decode_forward(arrays, arrays["a"], words, None)
    state = transformer.select(transformer.begin(arrays, arrays["a"]), np.repeat([0, 1], 3))
    for t in range(5):
        logits_t, _, _, state = transformer.step(arrays, state, words[t])
        np.testing.assert_allclose(logits_t, logits[t], rtol=0, atol=tolerance * np.abs(logits).max())
        assert logits_t.dtype == dtype and state.words[1].k.shape == (6, t + 1, 3, 6)


def test_attention_maps_are_those_of_the_last_block(rng):
    arrays, words = decoder_arrays(rng), rng.integers(0, 9, (5, 6))
    _, cache = transformer.decode_forward(arrays, arrays["a"], words, None)
    weights = cache.stack.blocks[1].attention.attend.p.mean(axis=1)  # (N, Q, P), Q = 3 * 5 words
    state = transformer.select(transformer.begin(arrays, arrays["a"]), np.repeat([0, 1], 3))
    for t in range(5):
        _, alpha, beta, state = transformer.step(arrays, state, words[t])
        for b in range(6):
            row = weights[b // 3, b % 3 * 5 + t, :4]
            np.testing.assert_allclose(beta[b], row.sum(), rtol=1e-12)
            np.testing.assert_allclose(alpha[b], row / row.sum(), rtol=1e-12)
            heads = cache.stack.blocks[1].attention.attend.p[b // 3, :, b % 3 * 5 + t, :4]
            np.testing.assert_allclose(state.weights[:, b], heads / beta[b], rtol=1e-12)


def test_states_are_selected(rng):
    arrays = decoder_arrays(rng)
    state = transformer.select(transformer.begin(arrays, arrays["a"]), np.array([0, 0, 1, 1]))
    *_, state = transformer.step(arrays, state, np.array([3, 4, 5, 6]))
    rows, words = np.array([1, 1, 0, 3, 2, 3]), np.array([1, 2, 3, 4, 5, 6])
    selected = transformer.select(state, rows)
    for memory, before in zip(selected.words, state.words, strict=True):
        for array, array_before in zip(memory, before, strict=True):
            np.testing.assert_array_equal(array, array_before[rows])
    logits, *_ = transformer.step(arrays, selected, words)
    for k in range(3):
        pair = [k, 3 + k]  # a caption of each image
        alone, *_ = transformer.step(arrays, transformer.select(state, rows[pair]), words[pair])
        np.testing.assert_allclose(logits[pair], alone, rtol=0, atol=1e-13)


def test_dropout_masks(rng):
    masks = stack.dropout_masks(rng, (2, 5, 400), 3, 1, 0.25, np.float32)
    arrays = [masks.input, *(mask for pair in masks.blocks for mask in pair)]
    assert [mask.shape for mask in arrays] == [*5 * [(2, 5, 400)], *2 * [(2, 4, 400)]]
    for mask in arrays:
        assert mask.dtype == np.float32 and np.isin(mask, [0, np.float32(1 / 0.75)]).all()
        assert mask.mean() == pytest.approx(1, abs=0.05)
    assert not np.array_equal(arrays[0], arrays[1])
    assert stack.dropout_masks(rng, (2, 3, 4), 2, 1, 0.0, np.float32) is None


def test_fusing_is_what_float32_does(monkeypatch, rng):
    monkeypatch.setattr(transformer, "decode_forward", None)
    params, batch = whole_model.params_of(rng, CONFIG, np.float32), whole_model.batch_of(rng, CONFIG, np.float32)
    a = rng.standard_normal((2, 16, 5)).astype(np.float32)
    MODELS["transformer"].loss_and_grads(params, a, batch, CONFIG, rng)
    MODELS["transformer"].loss_only(params, a, batch, CONFIG)


@pytest.mark.parametrize("heads", [1, 4])
def test_fused_gradients_are_equal_for_any_number_of_threads(monkeypatch, rng, heads):
    """Check bits, with and without dropout."""
    params = transformer.init_params(rng, 10, 64, 2, heads, np.zeros(30))
    a, words = rng.standard_normal((5, 20, 10)).astype(np.float32), rng.integers(0, 30, (9, 15))
    dlogits = rng.standard_normal((9, 15, 30)).astype(np.float32)
    dropped = stack.dropout_masks(rng, (5, 20 + 27, 64), 2, 20, 0.3, np.float32)
    lengths = rng.integers(1, 10, 15)

    def results(dropout_masks):
        logits, cache = fast_transformer.decode_forward(params, a, words, dropout_masks, lengths)
        da, grads = fast_transformer.decode_backward(dlogits, cache)
        return [logits, da, *grads.values()]

    for dropout_masks in (None, dropped):
        monkeypatch.setattr(machine, "THREADS", 1)
        expected = results(dropout_masks)
        monkeypatch.setattr(machine, "THREADS", 3)
        pool = threads._Pool()
        monkeypatch.setattr(threads, "_cached_pool", lambda pool=pool: pool)
        for _ in range(2):
            assert all(map(np.array_equal, results(dropout_masks), expected))


def test_two_fused_forwards_then_both_backwards_in_one_workspace(rng):
    params, inputs = transformer.init_params(rng, 4, 12, 2, 3, np.zeros(9)), []
    for T in (5, 3):
        a, dlogits = (rng.standard_normal(shape).astype(np.float32) for shape in ((2, 3, 4), (T, 6, 9)))
        inputs.append(((params, a, rng.integers(0, 9, (T, 6)), None), dlogits))

    def results(logits, cache, dlogits):
        da, grads = fast_transformer.decode_backward(dlogits, cache)
        return [logits, da, *grads.values()]

    separate = [results(*fast_transformer.decode_forward(*arrays), dlogits) for arrays, dlogits in inputs]
    with Workspace().step():
        forwards = [fast_transformer.decode_forward(*arrays) for arrays, _ in inputs]
        together = [results(*forward, dlogits) for forward, (_, dlogits) in zip(forwards, inputs, strict=True)]
    for arrays, expected_arrays in zip(together, separate, strict=True):
        for array, expected in zip(arrays, expected_arrays, strict=True):
            np.testing.assert_array_equal(array, expected)


def test_writing_begins_with_fused_blocks(monkeypatch, rng):
    arrays = decoder_arrays(rng, np.float32)
    plain = transformer.begin(arrays, arrays["a"])
    monkeypatch.setattr(stack, "stack_forward", None)
    fused = MODELS["transformer"].begin(arrays, arrays["a"], CONFIG)
    for memory, expected in zip(fused.regions, plain.regions, strict=True):
        for x, y in zip(memory[:2], expected[:2], strict=True):
            assert x.shape == (2, 4, 3, 6) and x.flags.c_contiguous
            np.testing.assert_allclose(x, y, rtol=0, atol=1e-5 * np.abs(y).max())


def test_attend_to_selected_regions(rng):
    """Check the State with some of the regions. The blocks before the last change what it attends to."""
    config = CONFIG.replace(heads=3, dropout=0.0)
    fewer, whole = whole_model.check_attend_to(rng, config)
    assert fewer.shape == whole.shape == (3, 2, 3)
    one_block = config.replace(layers=1)
    fewer, whole = whole_model.check_attend_to(rng, one_block)
    # words compete with regions for the attention of each head, so only the ratios stay
    fewer, whole = (weights / weights.sum(axis=2, keepdims=True) for weights in (fewer, whole))
    np.testing.assert_allclose(fewer, whole, rtol=0, atol=1e-12)
