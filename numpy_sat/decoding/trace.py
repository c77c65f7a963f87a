"""Trace captions: record for each word what the model predicted and where it looked.

`trace_images` searches as search.caption_images does. A writer around the decoder's records its predictions. So the
trace is that of the search itself, even where hard attention samples its locations.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from numpy_sat import captioner, decoders
from numpy_sat.data import batches
from numpy_sat.data.vocabulary import END, START
from numpy_sat.decoding import overflow, repetition, search
from numpy_sat.experiment.runs import Model
from numpy_sat.layers import softmax

LIKELIEST = 5  # words that a trace names at each step


class Beam(NamedTuple):
    """A beginning of a caption that beam search keeps."""

    words: tuple  # texts; the last is <end> if the caption is finished
    log_p: float  # log-probability of these words, nats


class TracedWord(NamedTuple):
    """A word of a caption, what the model predicted in its place, and where it looked."""

    text: str  # the word, or <end>
    probability: float  # given the image and the words before
    likeliest: tuple  # LIKELIEST pairs (text, probability), the most probable first
    beta: float | None  # value of the gate, see search.Caption; None for a model without a gate
    alpha: np.ndarray  # (L,) attention weights; L is 0 for a model without attention
    heads: np.ndarray  # (heads, L) the weights of each head; (0, L) for a model with one head
    location: int | None  # the only location that hard attention read; None if it read the expected context
    beams: tuple  # the Beams from which this word was added to one, best first


class Trace(NamedTuple):
    """The caption of one image, word by word."""

    words: tuple  # T TracedWords, the last is <end>
    log_p: float  # log-probability of the caption, nats

    @property
    def texts(self) -> list[str]:
        """Return the T words as text."""
        return [word.text for word in self.words]

    @property
    def alpha(self) -> np.ndarray:
        """Return the attention weights, (T, L)."""
        return np.stack([word.alpha for word in self.words])

    @property
    def beta(self) -> list[float] | None:
        """Return the T values of the gate; None for a model without a gate."""
        return None if self.words[0].beta is None else [word.beta for word in self.words]

    def without_padding(self, J: int) -> "Trace":
        """Return the trace with J locations: the weights of the J-th and of all behind it are added.

        A translator reads phrases that are padded with <end>, so these locations are all <end>.
        """
        words = (word._replace(alpha=_merged(word.alpha, J), heads=_merged(word.heads, J)) for word in self.words)
        return self._replace(words=tuple(words))


def trace_images(
    model: Model,
    images: np.ndarray,
    beam: int,
    max_words: int | None = None,
    length_power: float | None = None,
) -> list[Trace]:
    """Caption images by beam search, and trace the captions.

    Args:
        model: runs.Model.
        images: (N, ...) model inputs, as inputs.load returns them. They form one batch.
        beam: beam width.
        max_words, length_power: as in search.caption_images; the default is the recipe's.
    Returns:
        N Traces.
    Raises:
        InputError: the model's log-probabilities are not finite.
    """
    recipe = model.recipe
    options = recipe.decoding.max_words, recipe.decoding.length_power
    stems = repetition.stems_of(recipe, model.vocabulary)
    recorder = _Recorder(repetition.restricted(decoders.writer(recipe), stems))
    a = captioner.annotate(model.params, batches.scale_pixels(images), recipe)
    captions = search.search(
        recorder,
        model.params,
        a,
        beam,
        options[0] if max_words is None else max_words,
        options[1] if length_power is None else length_power,
    )
    overflow.refuse(captions)
    return [_trace(model, recorder, image, caption) for image, caption in enumerate(captions)]


class _State(NamedTuple):
    """The state of the decoder, and what each of B captions has written."""

    decoder: Any  # the state of the decoder
    written: tuple  # B tuples: the number of the image, then words, <start> first
    scores: np.ndarray  # (B,) log-probabilities of these words
    log_p: np.ndarray | None  # (B, V) log-probabilities of the next word; None before <start>


class _Prediction(NamedTuple):
    """What the decoder predicts after some words."""

    log_p: np.ndarray  # (V,)
    alpha: np.ndarray  # (L,)
    weights: np.ndarray | None  # (heads, L) weights of the context; None for a model without attention
    beta: float


class _Recorder:
    """A decoders.Writer that records the predictions of another one."""

    def __init__(self, writer):
        self.writer, self.rank = writer, writer.rank
        self.predictions = {}  # {written, as in _State: _Prediction}
        self.beams = {}  # {(number of the image, number of its words): [(words, log p), ...], best first}

    def begin(self, params, a):
        """Return the state before the first word, with one caption per image."""
        images = tuple((n,) for n in range(len(a)))
        return _State(self.writer.begin(params, a), images, np.zeros(len(a)), None)

    def select(self, state, rows):
        """Return the state of selected captions. rows: (B',) indices."""
        written = tuple(state.written[row] for row in rows)
        return _State(self.writer.select(state.decoder, rows), written, state.scores[rows], state.log_p[rows])

    def step(self, params, state, words):
        """Predict the next words as the decoder does, and record the predictions."""
        logits, alpha, beta, decoder_state = self.writer.step(params, state.decoder, words)
        log_p = softmax.log_softmax(logits.astype(np.float64))
        written = tuple((*before, int(word)) for before, word in zip(state.written, words, strict=True))
        scores = state.scores.copy()
        if state.log_p is not None:
            is_open = np.array([before[-1] != END for before in state.written])
            scores += np.where(is_open, state.log_p[np.arange(len(words)), words], 0)
        weights = getattr(decoder_state, "weights", None)
        for row, key in enumerate(written):
            row_weights = None if weights is None else weights[:, row]
            self.predictions[key] = _Prediction(log_p[row], alpha[row], row_weights, float(beta[row]))
            self.beams.setdefault((key[0], len(key) - 2), []).append((key[2:], float(scores[row])))
        return logits, alpha, beta, _State(decoder_state, written, scores, log_p)


def _trace(model, recorder, image, caption):
    """Return the Trace of the search.Caption of an image."""
    has_gate = bool((caption.beta != 1).any())
    words = [
        _traced_word(model, recorder, (image, START, *caption.words[:t]), word, has_gate)
        for t, word in enumerate((*caption.words, END))
    ]
    return Trace(tuple(words), caption.log_p)


def _traced_word(model, recorder, written, word, has_gate):
    """Return the TracedWord of a word that follows the words `written`."""
    prediction, vocabulary = recorder.predictions[written], model.vocabulary.words
    probabilities = np.exp(prediction.log_p)
    order = np.argsort(-probabilities, kind="stable")[:LIKELIEST]
    heads, location = _glimpse(prediction)
    return TracedWord(
        vocabulary[word],
        float(probabilities[word]),
        tuple((vocabulary[index], float(probabilities[index])) for index in order),
        prediction.beta if has_gate else None,
        prediction.alpha,
        heads,
        location,
        tuple(
            Beam(_texts(words, vocabulary), log_p)
            for words, log_p in recorder.beams[written[0], len(written) - 2]
            if np.isfinite(log_p)
        ),
    )


def _glimpse(prediction):
    """Return the weights of each head (none for one head), and the location that hard attention read, or None."""
    weights, alpha = prediction.weights, prediction.alpha
    if weights is None or (len(weights) == 1 and np.array_equal(weights[0], alpha)):
        return np.zeros((0, len(alpha)), alpha.dtype), None
    if len(weights) > 1:
        return weights, None
    return np.zeros((0, len(alpha)), alpha.dtype), int(weights[0].argmax())


def _texts(words: Sequence[int], vocabulary: Sequence[str]) -> tuple[str, ...]:
    """Return words as texts, up to the first <end>."""
    stop = words.index(END) + 1 if END in words else len(words)
    return tuple(vocabulary[word] for word in words[:stop])


def _merged(weights, J):
    """Return weights (..., L) as (..., J): the last one is the sum of all from the J-th on."""
    return np.concatenate([weights[..., : J - 1], weights[..., J - 1 :].sum(axis=-1, keepdims=True)], axis=-1)
