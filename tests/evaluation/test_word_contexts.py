"""Test the vectors of words in context: groups, neighbors, agreement, and the command."""

import re

import numpy as np
import pytest
from whole_model import TINY

from numpy_sat import train, words
from numpy_sat.data.vocabulary import END
from numpy_sat.decoders import MODELS
from numpy_sat.evaluation import word_contexts

BANK, RIVER, MONEY, FISH, COIN = range(3, 8)
AXES = np.eye(4)


def corpus_of(*captions):
    """Return a Corpus in which a word's vector is its own axis plus twice that of the word before it.

    Args:
        captions: lists of words.
    """
    T = max(map(len, captions)) + 1
    tokens, real, h = np.full((T, len(captions)), END), np.zeros((T, len(captions))), np.zeros((T, len(captions), 8))
    for b, caption in enumerate(captions):
        for t, word in enumerate([*caption, END]):
            tokens[t, b], real[t, b] = word, 1
            h[t, b, word] = 1
            if t:
                h[t, b, caption[t - 1]] += 2
    return word_contexts.Corpus(tokens, real, h)


CAPTIONS = [[RIVER, BANK, FISH], [MONEY, BANK, COIN], [RIVER, BANK, FISH], [MONEY, BANK, COIN], [MONEY, BANK, FISH]]


def test_two_contexts_make_two_groups():
    groups = word_contexts.group(corpus_of(*CAPTIONS), BANK)
    assert groups.places.tolist() == [[1, b] for b in range(5)]
    second = groups.is_second if groups.is_second[1] else ~groups.is_second
    assert second.tolist() == [False, True, False, True, True]
    np.testing.assert_allclose(np.linalg.norm(groups.vectors, axis=1), 1)


def test_equal_vectors_are_one_group():
    groups = word_contexts.group(corpus_of([RIVER, BANK], [RIVER, BANK], [FISH, COIN]), BANK)
    assert groups.is_second.all() or not groups.is_second.any()
    np.testing.assert_allclose(groups.vectors @ groups.vectors.T, 1)


def test_nearest_words_of_an_occurrence():
    """Check that fish after river is the neighbor of bank after river. The word itself and <end> do not count."""
    corpus = corpus_of([RIVER, BANK], [MONEY, BANK], [RIVER, FISH], [MONEY, COIN])
    (first, cosine), *others = word_contexts.nearest(corpus, 1, 0)
    assert first == FISH and others[0][1] < cosine <= 1
    assert word_contexts.nearest(corpus, 1, 1)[0][0] == COIN
    assert {word for word, _ in [(first, cosine), *others]} == {RIVER, MONEY, FISH, COIN}


def test_agreement_of_the_next_word():
    """Check five occurrences: four have a nearest one with the same next word, the last one has not."""
    corpus = corpus_of(*CAPTIONS)
    same, chance = word_contexts.agreement(corpus, word_contexts.group(corpus, BANK))
    assert same == pytest.approx(4 / 5)
    assert chance == pytest.approx((3 * 2 + 2 * 1) / (5 * 4))
    alone = corpus_of([BANK, BANK], [FISH])
    assert np.isnan(word_contexts.agreement(alone, word_contexts.group(alone, BANK))).all()


def test_a_caption_of_the_word_alone_does_not_compare_itself():
    corpus = corpus_of([BANK, BANK, COIN], [RIVER, BANK, FISH])
    same, chance = word_contexts.agreement(corpus, word_contexts.group(corpus, BANK))
    assert same == chance == 0


@pytest.fixture(scope="module")
def blind_run(tmp_path_factory):
    """Return the folder of a run on a few scenes."""
    folder = tmp_path_factory.mktemp("context") / "run"
    options = "train_images=32 validation_images=4 hidden_size=8 layers=1 heads=2 captions_per_image=1".split()
    command = ["--small", "--blind", "--model", "vlp", "--epochs", "1", "--out", str(folder), "--set", *options]
    assert train.main(command) == 0
    return folder


@pytest.mark.slow
def test_command(blind_run, capsys, monkeypatch):
    monkeypatch.setattr(word_contexts, "EXAMPLES", 1)
    assert words.main([str(blind_run), "--context", "on", "LEFT"]) == 0
    out, err = capsys.readouterr()
    assert not err and out.isascii()
    flat = " ".join(out.split())
    assert re.match(r"[\d,]+ hidden words of 2,500 captions of the validation set: [\d.]+ % are predicted right", flat)
    for word in ("on", "left"):
        assert re.search(rf'"{word}": [\d,]+ occurrences. E has one vector for all of them.', flat)
        assert f"[{word}]" in flat
    assert re.search(r"^    nearest other words: \S+ -?[\d.]+, ", out, re.M)
    assert flat.count("hidden, the model predicts:") == flat.count("nearest other words:") >= 2


def test_every_word_sees_every_word(rng):
    """Check that another first word changes the vector of the last one, and that padding changes nothing."""
    model, config = MODELS["vlp"], TINY.replace(model="vlp", hidden_size=4, heads=2, layers=1)
    params = model.init_params(rng, 3, config, np.zeros(9), np.float64)
    a, tokens, real = np.zeros((2, 1, 3)), rng.integers(3, 8, (4, 2)), np.ones((4, 2))
    real[3, 0] = 0
    h = model.vectors_in_context(params, a, tokens, real)
    assert h.shape == (4, 2, 4)
    other = tokens.copy()
    other[3, 0] += 1
    np.testing.assert_array_equal(model.vectors_in_context(params, a, other, real)[:3], h[:3])
    other[0] = 8
    assert (model.vectors_in_context(params, a, other, real)[2] != h[2]).any(axis=1).all()
