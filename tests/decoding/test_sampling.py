"""Test how captions are sampled: by uniform numbers, in float64, from the start or after given words."""

import numpy as np
import pytest

from numpy_sat import captioner
from numpy_sat.data import batches
from numpy_sat.data.vocabulary import END
from numpy_sat.decoders import writer
from numpy_sat.decoding import sampling
from numpy_sat.experiment.recipe import Recipe


class Table:
    """A decoder whose state is a row of a table: p[state, previous word] has the probabilities of the next word."""

    def __init__(self, p):
        self.p, self.steps = np.array(p), 0

    def begin(self, params, a):
        """Return the first state of each image, which is its annotation."""
        return a[:, 0, 0].astype(int)

    def step(self, params, state, words):
        self.steps += 1
        with np.errstate(divide="ignore"):
            return np.log(self.p[state, words]), None, None, np.minimum(state + 1, len(self.p) - 1)

    def select(self, state, rows):
        return state[rows]


def test_captions_are_sampled_by_their_uniform_numbers():
    """Check each word against the table, up to <end> (word 1) or the last uniform number."""
    table = Table(
        [
            [[0.25, 0.25, 0.5], [0, 0, 1], [0.5, 0.25, 0.25]],
            [[0.75, 0.25, 0], [0, 0, 1], [0, 0.5, 0.5]],
            [[0.25, 0.25, 0.5], [0.5, 0.5, 0], [0.75, 0.25, 0]],
        ]
    )
    a = np.arange(2.0)[:, None, None]
    uniforms = np.array([[0.25, 0.6, 0.0, 0.8], [0.9, 0.5, 0.74, 0.9], [0.49, 0.3, 0.75, 0.9]])
    assert sampling.draw(table, {}, a, uniforms) == [[END], [2, 2, 0], [0, 2, END], [END]] and table.steps == 3
    assert sampling.draw(table, {}, a, uniforms[:2, 1:3]) == [[2, 2], [0, 2]]
    assert sampling.draw(table, {}, a[:1], uniforms[:, 1:2]) == [[2, 2, 0]]
    table.steps = 0
    assert sampling.draw(table, {}, a[:1], np.full((9, 2), 0.25)) == [[END]] * 2 and table.steps == 1


def test_probabilities_that_sum_to_less_than_one():
    """Check that the largest uniform number below 1 selects the last word even if rounding makes the sum smaller."""
    for V in (3, 10, 300):
        captions = sampling.draw(Table(np.full((1, V, V), 1 / V)), {}, np.zeros((1, 1, 1)), np.full((1, 1), 1 - 2**-53))
        assert captions == [[V - 1]]


def test_words_are_sampled_in_float64():
    """Sample at uniform numbers that are closer to an edge than the rounding error of a sum of 300 float32 numbers."""
    p = np.random.default_rng(3).dirichlet(np.ones(300)).astype(np.float32)

    class Single(Table):
        def step(self, params, state, words):
            logits, *others = super().step(params, state, words)
            return logits.astype(np.float32), *others

    exact = np.exp(np.log(p).astype(np.float64)).cumsum()
    edges = exact[[100, 200, 280]] / exact[-1]
    for word, edge in zip([100, 200, 280], edges, strict=True):
        for nudge, expected in ((-1e-9, word), (1e-9, word + 1)):
            decoder, uniforms = Single(np.full((1, 300, 300), p)), np.full((1, 1), edge + nudge)
            assert sampling.draw(decoder, {}, np.zeros((1, 1, 1)), uniforms) == [[expected]]


@pytest.mark.parametrize("length", [1, 2])
def test_captions_continue_after_given_words(rng, length):
    """Continue after the first words of sampled captions with the same uniform numbers: the same endings follow."""
    table, uniforms = Table(rng.dirichlet(np.ones(4), (7, 4))), rng.random((6, 30))
    a = np.array([0.0, 2.0])[:, None, None]
    captions = [caption for caption in sampling.draw(table, {}, a, uniforms)]
    long = [b for b, caption in enumerate(captions) if len(caption) > length + 1]
    assert len(long) > 5
    for b in long:
        state = table.begin({}, a[b // 15 :][:1])
        for word in [0, *captions[b][: length - 1]]:
            _, _, _, state = table.step({}, state, np.array([word]))
        decoder = sampling.after(table, state, np.array([captions[b][length - 1]]))
        endings = sampling.draw(decoder, {}, a[:1], np.repeat(uniforms[length:, b : b + 1], 2, axis=1))
        assert endings == 2 * [captions[b][length:]]


def test_the_temperature_divides_the_logits(rng):
    """Check samples of a table at temperature 1/2 against samples of the table with squared probabilities."""
    p, uniforms, a = rng.dirichlet(np.ones(4), (7, 4)), rng.random((6, 30)), np.array([0.0, 2.0])[:, None, None]
    squared = p**2 / (p**2).sum(axis=-1, keepdims=True)
    cold = sampling.tempered(Table(p), 0.5)
    assert sampling.draw(cold, {}, a, uniforms) == sampling.draw(Table(squared), {}, a, uniforms)
    assert sampling.draw(sampling.tempered(Table(p), 1.0), {}, a, uniforms) == sampling.draw(Table(p), {}, a, uniforms)


def test_samples_of_images(rng):
    """Check three batches of images against one call for each of them. Later batches use later random numbers."""
    config = Recipe().replace(
        **{"image_size": 4, "stages": ((2,),), "embedding_size": 3, "hidden_size": 4, "attention_size": 5},
        max_words=6,
    )
    params = captioner.init_params(rng, config, np.log(rng.dirichlet(np.ones(9))))
    params = {name: array + rng.standard_normal(array.shape).astype(np.float32) for name, array in params.items()}
    images = rng.integers(0, 256, (5, 4, 4, 3)).astype(np.uint8)
    captions = sampling.sample_images(params, config, images, 3, 0.7, np.random.default_rng(1), size=2)
    again, expected = np.random.default_rng(1), []
    for start, stop in ((0, 2), (2, 4), (4, 5)):
        a = captioner.annotate(params, batches.scale_pixels(images[start:stop]), config)
        uniforms = again.random((6, 3 * (stop - start)))
        expected += sampling.draw(sampling.tempered(writer(config), 0.7), params, a, uniforms)
    assert captions == expected and len(captions) == 15 and len({tuple(caption) for caption in captions}) > 5
