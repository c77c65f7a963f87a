"""Sampled captions: each word is drawn from the decoder's distribution, from the start or after given words."""

from typing import Any, NamedTuple

import numpy as np

from numpy_sat import captioner, decoders
from numpy_sat.data import batches
from numpy_sat.data.vocabulary import END, START
from numpy_sat.decoders import Writer
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.layers import softmax


def draw(decoder, params, a, uniforms):
    """Sample captions word by word, y_t from p(y_t | a, y_1..t-1), until <end> or T words.

    The sampled word is the first k for which p_0 + ... + p_k exceeds the uniform number times the sum of all p, in
    float64. Hard attention samples locations in the same way.

    Args:
        decoder: decoders.Writer.
        params: {name: array}.
        a: (N, L, D) annotations.
        uniforms: (T, B) uniform random numbers in [0, 1); B / N consecutive captions belong to each image.
    Returns:
        B lists of word numbers, each with <end> last unless it was cut at T words.
    """
    B = uniforms.shape[1]
    state = decoder.select(decoder.begin(params, a), np.repeat(np.arange(len(a)), B // len(a)))
    words, captions, done = np.full(B, START), [[] for _ in range(B)], np.zeros(B, bool)
    for uniforms_t in uniforms:
        logits, _, _, state = decoder.step(params, state, words)
        p, _ = softmax.softmax_forward(logits.astype(np.float64))
        upto = p.cumsum(axis=1)
        words = (upto <= (uniforms_t * upto[:, -1])[:, None]).sum(axis=1)
        for b in np.flatnonzero(~done):
            captions[b].append(int(words[b]))
        done |= words == END
        if done.all():
            break
    return captions


class Continued(NamedTuple):
    """The state of captions that go on after given words."""

    state: Any  # the decoder's state before it reads the words
    words: np.ndarray | None  # (B,) the last of the given words; None after it has been read


def after(decoder: Writer, state: Any, words: np.ndarray) -> Writer:
    """Return a Writer that continues captions. Its first step reads the given words in place of <start>.

    Args:
        decoder: decoders.Writer.
        state: the decoder's state before it reads `words`, one row for each caption.
        words: (N,) the last words of N captions.
    """

    def begin(params, a):
        return Continued(state, words)

    def step(params, continued, last):
        last = last if continued.words is None else continued.words
        logits, alpha, beta, following = decoder.step(params, continued.state, last)
        return logits, alpha, beta, Continued(following, None)

    def select(continued, rows):
        words = None if continued.words is None else continued.words[rows]
        return Continued(decoder.select(continued.state, rows), words)

    return Writer(begin, step, select)


def tempered(decoder: Writer, temperature: float) -> Writer:
    """Return a Writer with the distribution softmax(logits / temperature).

    Temperatures below 1 favor likely words. The limit 0 is greedy decoding.

    Args:
        decoder: decoders.Writer.
        temperature: positive number.
    """

    def step(params, state, words):
        logits, *others = decoder.step(params, state, words)
        return logits / temperature, *others

    return Writer(decoder.begin, step, decoder.select)


def sample_images(
    params: dict[str, np.ndarray],
    config: Recipe,
    images: np.ndarray,
    samples: int,
    temperature: float,
    rng: np.random.Generator,
    size: int = 64,
) -> list[list[int]]:
    """Sample several captions of each image.

    Args:
        params: arrays by name.
        config: the recipe.
        images: (N, ...) model inputs, as inputs.load returns them.
        samples: K, captions per image.
        temperature: see tempered.
        rng: numpy Generator.
        size: batch size.
    Returns:
        N K lists of word numbers; K consecutive captions belong to each image.
    """
    decoder, captions = tempered(decoders.writer(config), temperature), []
    for start in range(0, len(images), size):
        a = captioner.annotate(params, batches.scale_pixels(images[start : start + size]), config)
        captions += draw(decoder, params, a, rng.random((config.decoding.max_words, len(a) * samples)))
    return captions
