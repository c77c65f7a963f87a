"""Random phrases to translate, from the grammar of phrase_language.py, in splits that test generalization.

Every phrase of dev and test has a noun with a color that this noun never has in train. All single words occur in train.
A model that memorizes phrases, or pairs of words, fails on dev and test.
"""

import difflib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from numpy_sat.data.dataset import Dataset
from numpy_sat.data.phrases import phrase_language as grammar
from numpy_sat.data.vocabulary import END, SPECIALS, Vocabulary
from numpy_sat.system.errors import InputError

TASK = "translation"
SIMILAR = 5  # known words that the message about an unknown word names
COUNTS = {"train": 20000, "dev": 500, "test": 1000}  # phrases per split
SPLITS = tuple(COUNTS)
LONGEST = 14  # words of the longest English phrase
FORMS = ("noun", "noun", "place", "place", *("conjunction",) * 4, "greeting")  # one of these nine entries is chosen
VOCABULARY = Vocabulary(SPECIALS + grammar.ENGLISH)  # of the English words


def open_dataset(root: Path | None, splits: Sequence[str], skip_missing: bool) -> Dataset:
    """Sample the phrases of some splits. `root` and `skip_missing` are ignored, because nothing is read from disk."""
    phrases = sample_splits()
    return Dataset("phrases", None, {split: list(phrases[split]) for split in splits}, (), tokenize)


def tokenize(text: str) -> list[str]:
    """Split an Italian phrase into words at blanks. Elided words such as l' are followed by a blank, too."""
    return text.split()


def sample_splits(seed: int = 0, counts: dict[str, int] = COUNTS) -> dict[str, tuple[grammar.Phrase, ...]]:
    """Sample the phrases of all splits. All phrases are different.

    Args:
        seed: the same seed gives the same phrases.
        counts: number of phrases by split.
    Returns:
        The phrases by split.
    """
    rng, sources, splits = np.random.default_rng(seed), set(), {split: [] for split in counts}
    while any(len(splits[split]) < count for split, count in counts.items()):
        greeting, noun_phrases, conjunction, time = _sample_parts(rng)
        phrase, split = grammar.make_phrase(greeting, noun_phrases, conjunction, time), _split_of(noun_phrases)
        if phrase.source not in sources and len(splits[split]) < counts[split]:
            sources.add(phrase.source)
            splits[split].append(phrase)
    return {split: tuple(phrases) for split, phrases in splits.items()}


def number_sources(sources: Sequence[Sequence[str]], vocabulary: Vocabulary = VOCABULARY) -> np.ndarray:
    """Encode English phrases as the input of the sentence encoder, padded to the same length with <end>.

    Args:
        sources: N phrases as word sequences.
        vocabulary: vocabulary of the English words.
    Returns:
        (N, L) integers with L = LONGEST + 1: the numbers of the words, then <end> at least once.
    Raises:
        InputError: a phrase has no words, too many words or an unknown word.
    """
    numbers = np.full((len(sources), LONGEST + 1), END)
    for row, words in zip(numbers, sources, strict=True):
        text = f'"{" ".join(words)}"'
        if not 0 < len(words) <= LONGEST:
            raise InputError(f"{text}: a phrase has 1 to {LONGEST} words, not {len(words)}.")
        unknown_words = [word for word in words if word not in vocabulary]
        if unknown_words:
            similar = difflib.get_close_matches(unknown_words[0], vocabulary.words[len(SPECIALS) :], SIMILAR, cutoff=0)
            raise InputError(
                f"{text}: {unknown_words[0]!r} is not among the known words; "
                f"those with the most similar spelling are {', '.join(similar)}."
            )
        row[: len(words)] = vocabulary.encode(words)
    return numbers


def _sample_parts(rng):
    """Return the arguments of `make_phrase` for a random phrase."""
    form = _choose(rng, FORMS)
    noun_phrases, conjunction = [_sample_noun_phrase(rng)], None
    if form == "greeting":
        noun_phrases = [noun._replace(determiner=None, number=None) for noun in noun_phrases if rng.random() < 0.9]
        return _choose(rng, grammar.GREETINGS), noun_phrases, None, None
    if form == "place":
        noun_phrases.append(_sample_noun_phrase(rng)._replace(preposition=_choose(rng, grammar.PREPOSITIONS)))
    if form == "conjunction":
        noun_phrases.append(_sample_noun_phrase(rng))
        conjunction = _choose(rng, grammar.CONJUNCTIONS)
    time = grammar.Time(_choose(rng, grammar.DAYS), rng.random() < 0.5, _choose_sometimes(rng, 0.3, grammar.HOURS))
    return None, noun_phrases, conjunction, time if rng.random() < 0.4 else None


def _sample_noun_phrase(rng):
    """Return a random NounPhrase. Plurals may have a number, and "a" is for singulars only."""
    plural = rng.random() < 0.5
    number = _choose_sometimes(rng, 0.5, grammar.NUMBERS) if plural else None
    last_determiner = "a" if not plural else None if number else "the"
    determiner = _choose(rng, ("the", "the", "that", last_determiner))
    adjective, color = _choose_sometimes(rng, 0.5, grammar.ADJECTIVES), _choose_sometimes(rng, 0.6, grammar.COLORS)
    return grammar.NounPhrase(_choose(rng, grammar.NOUNS), plural, determiner, number, adjective, color)


def _choose(rng, words):
    """Return one of the words; all are equally likely."""
    return tuple(words)[rng.integers(len(words))]


def _choose_sometimes(rng, probability, words):
    """Return one of the words with a probability, else None."""
    return _choose(rng, words) if rng.random() < probability else None


def _split_of(noun_phrases):
    """Return the split of a phrase, which depends on its pairs of noun and color.

    For each noun, one of the eight colors is reserved for test and another one for dev.
    """
    nouns, colors = tuple(grammar.NOUNS), tuple(grammar.COLORS)
    groups = {
        (nouns.index(phrase.noun) + colors.index(phrase.color)) % len(colors) for phrase in noun_phrases if phrase.color
    }
    return "test" if 0 in groups else "dev" if 4 in groups else "train"
