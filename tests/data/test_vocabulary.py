"""Test the tokenizer and the vocabulary."""

import json

import numpy as np
import pytest

from numpy_sat.data import vocabulary
from numpy_sat.data.vocabulary import END, START, UNK, Vocabulary, tokenize
from numpy_sat.system.errors import InputError

CAPTIONS = [["a", "dog", "runs"], ["a", "cat"], ["a", "dog", "sits"], []]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A child , in a PINK dress .", "a child in a pink dress"),
        ("the man's dog", "the man 's dog"),
        ("the man 's dog", "the man 's dog"),
        ("the man\u2019s dog", "the man 's dog"),
        ("two dogs' toys", "two dogs toys"),
        ("it isn't; it did n't", "it is n't it did n't"),
        ("I'm sure they'll", "i 'm sure they 'll"),
        ("a t-shirt at 3 o'clock", "a t-shirt at 3 o'clock"),
        ("bird's-eye-view", "bird 's eye-view"),
        ("rock 'n' roll - \"loud\" (very)", "rock n roll loud very"),
        ("on a 'slide -- fast--er", "on a slide fast er"),
        ("<start> a_b #1 <unk>", "start a b 1 unk"),
        ("Ein MÄDCHEN im Cafe\u0301", "ein mädchen im café"),
        ("एक हिन्दी वाक्य।", "एक हिन्दी वाक्य"),
        ("собака\u2014друг \U0001f415 one\u00a0two", "собака друг one two"),
        (" ...!? ", ""),
        ("", ""),
    ],
)
def test_tokenize(text, words):
    assert tokenize(text) == words.split()


def test_tokenizing_again_changes_nothing():
    words = tokenize("The man's t-shirt isn't at the bird's-eye-view, it's o'clock")
    assert tokenize(" ".join(words)) == words


def test_words_are_ordered_by_count_then_alphabet():
    words = Vocabulary.build(CAPTIONS, min_count=1).words
    assert words == ("<start>", "<end>", "<unk>", "a", "dog", "cat", "runs", "sits")
    assert (words[START], words[END], words[UNK]) == ("<start>", "<end>", "<unk>")


def test_rare_words_are_left_out():
    assert Vocabulary.build(CAPTIONS, min_count=2).words[3:] == ("a", "dog")


def test_captions_may_come_from_a_generator():
    assert len(Vocabulary.build((caption for caption in CAPTIONS), min_count=1)) == 8


@pytest.mark.parametrize(("captions", "count"), [(CAPTIONS, 3), ([], 0)])
def test_a_vocabulary_without_words_is_refused(captions, count):
    with pytest.raises(InputError, match=f"min_count = 4 leaves no word: the most frequent word occurs {count} times"):
        Vocabulary.build(captions, min_count=4)


def test_encode_and_decode():
    words = Vocabulary.build(CAPTIONS, min_count=2)
    assert words.encode(["dog", "unicorn", "a"]) == [4, UNK, 3]
    assert words.encode([]) == []
    assert words.decode(np.array([START, 3, UNK, 4, END, 3])) == ["a", "<unk>", "dog"]
    assert words.decode([3, 4]) == ["a", "dog"]


def test_vocabulary_cannot_be_changed():
    with pytest.raises(AttributeError):
        Vocabulary.build(CAPTIONS, min_count=1).words = ()


def test_vocabulary_survives_json():
    words = Vocabulary.build(CAPTIONS, min_count=1)
    assert Vocabulary(tuple(json.loads(json.dumps(words.words)))) == words


@pytest.mark.parametrize(
    ("stored", "sentence"),
    [
        (["a", "dog"], "must start with <start>, <end>, <unk>"),
        (["<end>", "<start>", "<unk>", "a"], "must start with <start>, <end>, <unk>"),
        ([], "must start with"),
        (["<start>", "<end>", "<unk>", "a", "dog", "a"], 'each word once, but "a" is repeated'),
        (["<start>", "<end>", "<unk>", "a", "<unk>"], 'each word once, but "<unk>" is repeated'),
        (["<start>", "<end>", "<unk>", 7], "must hold words only"),
    ],
)
def test_an_invalid_vocabulary_is_refused(stored, sentence):
    with pytest.raises(InputError, match=sentence):
        Vocabulary(tuple(stored))


def test_frequencies_count_words_and_ends_plus_one():
    words = Vocabulary.build(CAPTIONS, min_count=2)  # <start> <end> <unk> a dog
    frequencies = vocabulary.word_frequencies(words, [words.encode(caption) for caption in CAPTIONS])
    np.testing.assert_allclose(frequencies, np.array([0 + 1, 4 + 1, 3 + 1, 3 + 1, 2 + 1]) / 17, rtol=1e-15)
    assert frequencies.dtype == np.float64


def test_unigram_entropy_is_the_mean_of_minus_log_frequency():
    frequencies = np.array([0.125, 0.25, 0.125, 0.5])
    bits = (1 + 1 + 2) + (3 + 2)  # "a a <end>" and "<unk> <end>"
    assert vocabulary.unigram_entropy(frequencies, [[3, 3], [UNK]]) == pytest.approx(bits * np.log(2) / 5)


def test_entropy_of_equal_frequencies_is_the_log_of_their_number():
    assert vocabulary.unigram_entropy(np.full(7, 1 / 7), [[3, 4, 5], [6]]) == pytest.approx(np.log(7))


def test_ascii_is_tokenized_like_other_text(rng):
    """Check that the fast path for ASCII gives the same words as the general path."""
    characters = [chr(code) for code in range(32, 127)] + ["'s", "n't", " - ", "t-shirt"]
    for _ in range(500):
        text = "".join(rng.choice(characters, size=30))
        assert tokenize(text) == tokenize(f"{text} é")[:-1]


def test_a_word_is_once_in_memory():
    first, second = tokenize("A brown dog."), tokenize("The dogs and the brown dog, 狗")
    assert first[1] is second[4] and first[2] is second[5]
