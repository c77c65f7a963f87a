"""The vectors of one word in different captions, from a Transformer that fills gaps.

E has one vector for each word. After the blocks, a word's vector depends on the words around it, too. A model that is
trained on hidden words alone shows what it has learned about them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from numpy_sat import captioner
from numpy_sat.data import catalog
from numpy_sat.data.vocabulary import END
from numpy_sat.decoders import MODELS, masking
from numpy_sat.evaluation import neighbors
from numpy_sat.evaluation.word_neighbors import NEIGHBORS, number_of
from numpy_sat.experiment import runs
from numpy_sat.layers import masked_words, softmax
from numpy_sat.system import output
from numpy_sat.system.errors import InputError
from numpy_sat.system.streams import ORDER, stream

BATCH = 64  # captions at a time
EXAMPLES = 2  # captions shown of each group
ROUNDS = 50  # of k-means, at most


class Corpus(NamedTuple):
    """Captions as arrays, and what the model makes of them. Padding is END, as the end of a caption."""

    words: np.ndarray  # (T, B)
    real: np.ndarray  # (T, B) 1 at words and at <end>
    h: np.ndarray  # (T, B, S) vectors of all words


class Groups(NamedTuple):
    """The occurrences of a word in two groups."""

    places: np.ndarray  # (occurrences, 2) t and b
    vectors: np.ndarray  # (occurrences, S) of length 1, after the mean of all words is subtracted
    is_second: np.ndarray  # (occurrences,) bool


def show(run: Path, words: Sequence[str]) -> None:
    """Print how the vectors of words differ between the captions of the validation set.

    Args:
        run: path of the run.
        words: texts.
    Raises:
        InputError: the model does not fill gaps in captions without images, or a word is unknown or too rare.
    """
    model = runs.load_model(run)
    if not (model.recipe.encoder.blind and hasattr(MODELS[model.recipe.decoder.model], "vectors_in_context")):
        raise InputError(
            f"{run}: --context needs a model that fills gaps in captions alone: train --blind --model vlp."
        )
    numbers = [number_of(run, model.vocabulary.words, word) for word in words]
    corpus = _read(model)
    for word, number in zip(words, numbers, strict=True):
        count = int(((corpus.words == number) & (corpus.real > 0)).sum())
        if count < 2:
            raise InputError(f'{run}: "{word}" occurs {count} times in the validation set; two contexts need two.')
    _print_hidden(model, corpus)
    for number in numbers:
        _print_word(model, corpus, number)


def _read(model):
    """Return the Corpus of the validation set."""
    settings, vocabulary = model.settings, model.vocabulary
    dataset = catalog.open_dataset(settings["data"], settings["root"], ("dev",), *runs.skipped(settings))
    texts = [dataset.tokenize(text) for example in dataset.splits["dev"] for text in example.captions]
    longest = model.recipe.decoding.max_words
    captions = [[*vocabulary.encode(text)[:longest], END] for text in texts if text]
    words = np.full((max(map(len, captions)), len(captions)), END)
    real = np.zeros(words.shape, np.float32)
    for column, caption in enumerate(captions):
        words[: len(caption), column], real[: len(caption), column] = caption, 1
    vectors = MODELS[model.recipe.decoder.model].vectors_in_context
    return Corpus(words, real, _in_parts(model, words, real, lambda *arrays: vectors(model.params, *arrays)))


def _fill(model, tokens, real):
    """Return the logits (T, B, V) at all tokens, which see each other."""
    fill, recipe = MODELS[model.recipe.decoder.model].fill, model.recipe
    return _in_parts(model, tokens, real, lambda *arrays: fill(model.params, *arrays, True, recipe))


def _in_parts(model, tokens, real, compute):
    """Call compute(a, tokens, real) for BATCH captions at a time, and return all results, (T, B, ...)."""
    parts = []
    for first in range(0, tokens.shape[1], BATCH):
        columns = slice(first, first + BATCH)
        B = tokens[:, columns].shape[1]
        a = captioner.annotate(model.params, np.zeros((B, 1, 1, 3), np.float32), model.recipe)
        parts.append(compute(a, tokens[:, columns], real[:, columns]))
    return np.concatenate(parts, axis=1)


def _print_hidden(model, corpus):
    """Print how well the model predicts hidden words. All chosen words become [MASK]."""
    choice = masking.choose(stream(0, ORDER), corpus.real, model.recipe.loss.hidden_words)
    logits = _fill(model, np.where(choice, len(model.vocabulary), corpus.words), corpus.real)
    loss, _ = masked_words.masked_words_forward(logits, corpus.words, choice)
    right = (logits[choice].argmax(axis=1) == corpus.words[choice]).mean()
    output.show(
        f"{choice.sum():,} hidden words of {corpus.words.shape[1]:,} captions of the validation set: "
        f"{100 * right:.1f} % are predicted right, loss {loss:.3f} nats per word."
    )


def _print_word(model, corpus, word):
    """Print the two groups of a word's occurrences."""
    groups = group(corpus, word)
    cosines = groups.vectors @ groups.vectors.T
    others = cosines[~np.eye(len(cosines), dtype=bool)]
    same, chance = agreement(corpus, groups)
    print()
    output.show(
        f'"{model.vocabulary.words[word]}": {len(cosines):,} occurrences. E has one vector for all of them. '
        f"In context, two of them have a cosine of {others.mean():.2f} on average, and at least {others.min():.2f}. "
        "The nearest occurrence in another caption is followed by the same word in "
        f"{100 * same:.0f} % (two random ones: {100 * chance:.0f} %)."
    )
    for name, members in (("one group", ~groups.is_second), ("other group", groups.is_second)):
        if members.any():
            output.show(f"{name}, {members.sum():,} occurrences:")
            _print_group(model, corpus, groups, np.flatnonzero(members))


def _print_group(model, corpus, groups, members):
    """Print the captions in the middle of a group, with the nearest other words and the words that fit the gap."""
    center = groups.vectors[members].mean(axis=0)
    order = members[np.argsort(-groups.vectors[members] @ center, kind="stable")]
    texts = []
    for occurrence in order:
        t, b = groups.places[occurrence]
        text = _caption(model, corpus, t, b)
        if text not in texts:
            texts.append(text)
            near = ", ".join(f"{model.vocabulary.words[word]} {cosine:.2f}" for word, cosine in nearest(corpus, t, b))
            fits = ", ".join(f"{model.vocabulary.words[word]} {p:.2f}" for word, p in _fitting(model, corpus, t, b))
            output.show(f"  {text}\n    nearest other words: {near}\n    hidden, the model predicts: {fits}")
        if len(texts) == EXAMPLES:
            return


def _caption(model, corpus, t, b):
    """Return a caption as text, with the word at t in brackets."""
    length = int(corpus.real[:, b].sum()) - 1
    words = [model.vocabulary.words[word] for word in corpus.words[:length, b]]
    return " ".join([*words[:t], f"[{words[t]}]", *words[t + 1 :]])


def _fitting(model, corpus, t, b):
    """Return the likeliest words at a place whose word is hidden, and their probabilities."""
    tokens, real = corpus.words[:, b : b + 1].copy(), corpus.real[:, b : b + 1]
    tokens[t] = len(model.vocabulary)
    p, _ = softmax.softmax_forward(_fill(model, tokens, real)[t, 0])
    return [(word, p[word]) for word in np.argsort(-p, kind="stable")[:NEIGHBORS]]


def group(corpus: Corpus, word: int) -> Groups:
    """Divide the occurrences of a word into two groups of similar vectors, by k-means.

    The first centers are the means on both sides of the first principal axis, so the result is always the same.

    Args:
        corpus: Corpus.
        word: its number, with at least two occurrences.
    """
    places = np.argwhere((corpus.words == word) & (corpus.real > 0))
    vectors = _directions(corpus, corpus.h[tuple(places.T)])
    axes, _ = neighbors.principal_axes(vectors, 1)
    is_second = neighbors.project(vectors, axes)[:, 0] > 0
    for _ in range(ROUNDS):
        if is_second.all() or not is_second.any():
            break
        centers = vectors[~is_second].mean(axis=0), vectors[is_second].mean(axis=0)
        distances = [((vectors - center) ** 2).sum(axis=1) for center in centers]
        before, is_second = is_second, distances[1] < distances[0]
        if (before == is_second).all():
            break
    return Groups(places, vectors, is_second)


def nearest(corpus: Corpus, t: int, b: int) -> list[tuple[int, float]]:
    """Return the NEIGHBORS other words with the nearest occurrences to place t of caption b, and their cosines."""
    places = np.argwhere((corpus.real > 0) & (corpus.words != corpus.words[t, b]) & (corpus.words != END))
    words = corpus.words[tuple(places.T)]
    cosines = _directions(corpus, corpus.h[tuple(places.T)]) @ _directions(corpus, corpus.h[t, b])
    order = np.argsort(-cosines, kind="stable")
    _, first = np.unique(words[order], return_index=True)
    return [(int(words[order[row]]), float(cosines[order[row]])) for row in np.sort(first)[:NEIGHBORS]]


def agreement(corpus: Corpus, groups: Groups) -> tuple[float, float]:
    """Compare the word after each occurrence with that after the nearest other one in another caption.

    Args:
        corpus: Corpus.
        groups: Groups of a word.
    Returns:
        same: share of the occurrences whose nearest one is followed by the same word.
        chance: this share for two occurrences in random captions.
    """
    t, b = groups.places.T
    after = corpus.words[t + 1, b]
    equal, other = after[:, None] == after, b[:, None] != b
    if not other.any():
        return float("nan"), float("nan")
    rows = np.flatnonzero(other.any(axis=1))
    best = np.where(other, groups.vectors @ groups.vectors.T, -np.inf).argmax(axis=1)
    return float(equal[rows, best[rows]].mean()), float(equal[other].mean())


def _directions(corpus, vectors):
    """Return vectors minus the mean of all words' vectors, scaled to length 1."""
    centered = vectors - corpus.h[corpus.real > 0].mean(axis=0)
    return centered / np.maximum(np.linalg.norm(centered, axis=-1, keepdims=True), np.finfo(centered.dtype).tiny)
