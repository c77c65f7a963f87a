"""Provide checks of a whole model for the tests of every decoder.

All sizes differ, so that no axis can be mistaken for another: N 2, D 5, B 6, T 7, M 8, S 9, A 10, V 11, L 16.
"""

from contextlib import ExitStack, nullcontext
from unittest import mock

import numpy as np
import pytest

from numpy_sat import captioner, kernels
from numpy_sat import loss as losses
from numpy_sat.check import gradcheck
from numpy_sat.data import batches
from numpy_sat.data.vocabulary import END, START
from numpy_sat.decoders import soft, with_memory, without_attention, writer
from numpy_sat.decoding import search
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.layers import softmax
from numpy_sat.system.workspace import Workspace

V = 11
LENGTHS = (7, 3, 4, 2, 5, 1)  # of 6 captions of 2 images
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
# Large enough that the arrays fill SIMD vectors. No size is a multiple of a vector.
LARGER = TINY.replace(image_size=24, stages=((16,), (32, 48)), embedding_size=37, hidden_size=21)


def params_of(rng, config, dtype=np.float64, moved=0.3):
    """Draw parameters and move all of them away from their initial values."""
    params = captioner.init_params(rng, config, np.log(rng.dirichlet(np.ones(V))), np.float64)
    return {name: (x + moved * rng.standard_normal(x.shape)).astype(dtype) for name, x in params.items()}


def batch_of(rng, config, dtype=np.float64):
    """Draw a batch of captions of different lengths, with random words in the padding."""
    T, B, side = max(LENGTHS), len(LENGTHS), config.encoder.image_size
    mask = (np.arange(T)[:, None] < LENGTHS).astype(dtype)
    words = np.concatenate([np.full((1, B), START), rng.integers(0, V, (T - 1, B))])
    return batches.Batch(rng.standard_normal((2, side, side, 3)).astype(dtype), words, rng.integers(0, V, (T, B)), mask)


class ForwardPassEndError(Exception):
    """Ends loss_and_grads before its backward pass. Its argument is the loss."""


def loss_alone(loss_and_grads):
    """Return a function that runs loss_and_grads as far as the cross-entropy and the attention penalty.

    All decoders but the one of hard attention can use it.
    """

    def stop(*arguments):
        raise ForwardPassEndError(losses.loss_forward(*arguments)[0].total)

    def loss(params):
        with ExitStack() as stack, pytest.raises(ForwardPassEndError) as end:
            for module in (soft, without_attention, with_memory):
                stack.enter_context(mock.patch.object(module, "loss_forward", stop))
            loss_and_grads(params)
        return end.value.args[0]

    return loss


def check_gradients(rng, config, hidden_size=4):
    """Check the gradients of all parameters, including the encoder's, with dropout and label smoothing.

    A small hidden size halves the time. 4 equals no other size.
    """
    config = config.replace(hidden_size=hidden_size)
    params, batch = params_of(rng, config), batch_of(rng, config)

    def loss_and_grads(params):
        loss, grads = captioner.loss_and_grads(params, batch, config, np.random.default_rng(5))
        return loss.total, grads

    report = gradcheck.check_loss(loss_and_grads, params, loss=loss_alone(loss_and_grads))
    assert report.ok, str(report)
    assert {array.name for array in report.arrays} == set(params)


def check_a_blind_model(rng, config, hidden_size=4):
    """Check that the gradients of a blind model are correct and do not depend on the image."""
    config = config.replace(blind=True)
    check_gradients(rng, config, hidden_size)
    params, batch = params_of(rng, config), batch_of(rng, config)
    _, grads = captioner.loss_and_grads(params, batch, config, np.random.default_rng(5))
    other_batch = batch._replace(inputs=-batch.inputs)
    _, other_grads = captioner.loss_and_grads(params, other_batch, config, np.random.default_rng(5))
    assert all(np.array_equal(grads[name], other_grads[name]) for name in params)


def check_float32(rng, config):
    """Check float32 against float64, fused and unfused, with and without a workspace; no input changes."""
    config = LARGER.replace(model=config.decoder.model, heads=config.decoder.heads)
    params, batch = params_of(rng, config, moved=0.03), batch_of(rng, config)
    loss, expected = captioner.loss_and_grads(params, batch, config, np.random.default_rng(5))
    params = {name: x.astype(np.float32) for name, x in params.items()}
    batch = batch._replace(inputs=batch.inputs.astype(np.float32), mask=batch.mask.astype(np.float32))
    inputs = [x for x in (*params.values(), *batch) if isinstance(x, np.ndarray)]
    before = [x.copy() for x in inputs]
    workspace, results = Workspace(), []
    for memory in (nullcontext, workspace.step, workspace.step):
        with memory():
            loss32, grads = captioner.loss_and_grads(params, batch, config, np.random.default_rng(5))
            results.append((loss32, {name: gradient.copy(order="K") for name, gradient in grads.items()}))
    with kernels.unfused():
        results.append(captioner.loss_and_grads(params, batch, config, np.random.default_rng(5)))
    assert all(map(np.array_equal, before, inputs))
    for loss32, grads in results:
        assert loss32.total == pytest.approx(loss.total, rel=1e-5) and loss32.word.dtype == np.float32
        assert grads.keys() == expected.keys()
        for name, gradient in grads.items():
            assert gradient.dtype == np.float32 and gradient.flags.c_contiguous, name
            assert np.abs(gradient - expected[name]).max() <= 1e-5 * np.abs(expected[name]).max() + 1e-7, name
    for name in expected:
        assert np.array_equal(results[0][1][name], results[1][1][name]), name


def check_padding(rng, config):
    """Check that words after a caption's <end> change neither loss nor gradients."""
    config = config.replace(dropout=0.0)
    params, batch = params_of(rng, config), batch_of(rng, config)
    padding = batch.mask == 0
    words, targets = np.where(padding, 3, batch.words), np.where(padding, V - 1, batch.targets)
    loss, grads = captioner.loss_and_grads(params, batch, config, rng)
    other_loss, other_grads = captioner.loss_and_grads(
        params, batch._replace(words=words, targets=targets), config, rng
    )
    assert loss == other_loss
    for name, gradient in grads.items():
        np.testing.assert_allclose(other_grads[name], gradient, rtol=0, atol=1e-13 * np.abs(gradient).max())


def check_steps(rng, config, locations=0):
    """Check that decoding word by word gives the log probabilities of whole captions in training.

    Args:
        rng: numpy Generator.
        config: the recipe.
        locations: L; 0 for a decoder without attention.
    """
    config = config.replace(dropout=0.0, label_smoothing=0.0, attention_penalty=0.0)
    params, batch = params_of(rng, config), batch_of(rng, config)
    decoder, T = writer(config), len(batch.words)
    a = captioner.annotate(params, batch.inputs, config)
    for lengths in (LENGTHS, (T,) * 6, (1, 2, 1, 2, 1, 2)):
        batch = batch._replace(mask=(np.arange(T)[:, None] < lengths) * 1.0)
        state, total = decoder.select(decoder.begin(params, a), np.repeat([0, 1], 3)), 0.0
        for words, targets, mask in zip(batch.words, batch.targets, batch.mask, strict=True):
            logits, alpha, beta, state = decoder.step(params, state, words)
            assert alpha.shape == (6, locations) and beta.shape == (6,) and logits.shape == (6, V)
            assert ((0 < beta) & (beta < 1)).all() if locations else np.array_equal(beta, np.ones(6))
            assert locations == 0 or np.allclose(alpha.sum(axis=1), 1, rtol=0, atol=1e-12)
            total += (softmax.log_softmax(logits)[np.arange(6), targets] * mask).sum()
        assert captioner.loss_only(params, batch, config).total == pytest.approx(-total / 6, rel=1e-12)
        loss, _ = captioner.loss_and_grads(params, batch, config, rng)
        assert loss.total == pytest.approx(-total / 6, rel=1e-12)


def check_captions(rng, config, locations=0):
    """Check that beam search returns a caption of each image with the log p that the model gives to it.

    The arguments are those of check_steps.
    """
    config = config.replace(dropout=0.0, label_smoothing=0.0)
    params = params_of(rng, config, np.float32)
    images = rng.integers(0, 256, (3, config.encoder.image_size, config.encoder.image_size, 3), np.uint8)
    captions = search.caption_images(params, config, images, 3, 6)
    for image, caption in zip(images, captions, strict=True):
        batch = batches.make_batch(image[None], [np.array([*caption.words, END])])
        T = len(caption.words) + 1
        assert 2 <= T <= 7 and caption.alpha.shape == (T, locations)
        assert (caption.beta < 1).all() if locations else np.array_equal(caption.beta, np.ones(T))
        loss = captioner.loss_only(params, batch, config)
        assert loss.total == pytest.approx(-caption.log_p, rel=1e-4)


def check_the_start(rng, config):
    """Check that the first loss is near the unigram entropy, far below ln V."""
    frequencies = rng.dirichlet(np.full(200, 0.3)) + 1e-6
    frequencies /= frequencies.sum()
    config = config.replace(dropout=0.0, embedding_size=64, hidden_size=64)
    params = captioner.init_params(rng, config, np.log(frequencies))
    targets = rng.choice(200, p=frequencies, size=(40, 60))
    words = rng.choice(200, p=frequencies, size=(40, 60))
    images = rng.standard_normal((2, 8, 8, 3)).astype(np.float32)
    batch = batches.Batch(images, words, targets, np.ones((40, 60), np.float32))
    entropy = -(frequencies * np.log(frequencies)).sum()
    word = captioner.loss_only(params, batch, config).word
    assert entropy - 0.3 < word < entropy + 0.7 < np.log(200)
    assert all(x.dtype == np.float32 and x.flags.c_contiguous for x in params.values())


def check_attend_to(rng, config, D=5):
    """Check that attend_to changes nothing with all locations, and else sets weights to zero and renormalizes.

    Returns:
        The weights of the remaining locations, (heads, B, K), and those of the whole images for the same locations.
    """
    params, decoder = params_of(rng, config), writer(config)
    a = rng.standard_normal((3, 6, D))
    state = decoder.begin(params, a)
    for words in (np.full(3, START), np.array([4, 5, 6]), np.array([7, 4, 8])):
        before = state
        logits, _, _, state = decoder.step(params, before, words)
    images, kept = np.array([2, 0]), np.array([[5, 1, 2], [0, 3, 4]])
    everything = np.array([[3, 0, 5, 1, 4, 2], [1, 2, 0, 5, 4, 3]])  # the order does not matter
    same = decoder.step(params, decoder.attend_to(before, images, everything), words[images])
    np.testing.assert_allclose(same[0], logits[images], rtol=0, atol=1e-12)
    restricted = decoder.attend_to(before, images, kept)
    assert restricted.weights is None
    fewer = decoder.step(params, restricted, words[images])
    assert np.abs(fewer[0] - logits[images]).max() > 1e-3
    np.testing.assert_allclose(fewer[1].sum(axis=1), 1, rtol=0, atol=1e-12)
    # a second word with all of the locations that remain
    again = decoder.step(params, fewer[3], words[images])
    assert np.isfinite(again[0]).all() and again[0].shape == (2, V)
    return fewer[3].weights, np.take_along_axis(state.weights[:, images], kept[None], axis=2)
