"""Test word vectors on corpora whose right answers are known."""

import numpy as np
import pytest

from numpy_sat.data.scenes import scenes
from numpy_sat.data.scenes.scene_language import COLORS
from numpy_sat.data.vocabulary import END, START, Vocabulary, tokenize
from numpy_sat.evaluation import neighbors
from numpy_sat.experiment.recipe import SETTINGS
from numpy_sat.training import word_vectors
from numpy_sat.training.word_vectors.corpus import Corpus

SHAPES = ("circle", "square", "triangle", "star")


@pytest.fixture(scope="module")
def captions():
    """Return the captions of 1,500 scenes as word lists. Nothing is drawn."""
    texts = []
    for k in range(1500):
        rng = np.random.default_rng([7, k])
        texts += [tokenize(caption.text) for caption in scenes.describe(scenes.random_scene(rng), rng)]
    return texts


def test_the_corpus_keeps_captions_apart():
    vocabulary = Vocabulary.build([["a", "dog"]], 1)
    corpus = Corpus.build([["a", "dog"], ["dog"]], vocabulary)
    a, dog = vocabulary.encode(["a", "dog"])
    assert corpus.words.tolist() == [START, a, dog, END, START, dog, END]
    assert corpus.pairs(2).tolist() == [0, 1, 4] and corpus.counts[dog] == 2


@pytest.mark.parametrize("method", word_vectors.METHODS)
def test_neighbors_in_the_grammar_of_scenes(captions, method):
    """Check that most of the nearest neighbors of colors are colors, and of shapes are shapes: by chance one in ten."""
    vocabulary = Vocabulary.build(captions, 1)
    E = word_vectors.train(method, captions, vocabulary, 32, seed=3)
    assert E.shape == (len(vocabulary), 32) and E.dtype == np.float32
    right = []
    for kind in (COLORS, SHAPES):
        for word in kind:
            nearest, _ = neighbors.nearest(E, vocabulary.encode([word])[0], len(kind) - 1)
            right += [vocabulary.words[k] in kind for k in nearest]
    assert np.mean(right) >= 0.75


def test_the_seed_determines_the_vectors(captions):
    vocabulary = Vocabulary.build(captions[:100], 1)
    first, second, other = (word_vectors.train("skip-gram", captions[:100], vocabulary, 4, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, second) and not np.array_equal(first, other)


def test_the_recipe_offers_all_methods():
    assert SETTINGS["embedding_start"].choices == ("random", *word_vectors.METHODS)
