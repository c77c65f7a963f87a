"""Phrases to translate, drawn from the grammar of phrase_language.py: what is learned, and what is judged.

What is judged is made of known words in unknown pairs: a phrase of dev or test has a color beside a noun that train
never puts it beside. Whoever has learned phrases by heart, or words only together, gets it wrong.
"""

import numpy as np

from numpy_sat.data.dataset import Dataset
from numpy_sat.data.phrases import phrase_language as grammar
from numpy_sat.data.vocabulary import END, SPECIALS, Vocabulary
from numpy_sat.system.errors import InputError

TASK = "translation"
COUNTS = {"train": 20000, "dev": 500, "test": 1000}
SPLITS = tuple(COUNTS)
LONGEST = 14  # words that an English phrase has at most
VOCABULARY = Vocabulary(SPECIALS + grammar.ENGLISH)  # the English one


def open_dataset(root, splits, skip_missing):
    """Draw the phrases of some splits. There is no folder, and no phrase is ever missing."""
    drawn = sample_splits()
    return Dataset("phrases", None, {split: list(drawn[split]) for split in splits}, (), tokenize)


def tokenize(text):
    """Split an Italian phrase into words. It is written with a blank after l', too."""
    return text.split()


def sample_splits(seed=0, counts=COUNTS):
    """{split: tuple of its Phrases}, all different, the same for the same seed. counts: {split: how many}."""
    rng, seen, splits = np.random.default_rng(seed), set(), {split: [] for split in counts}
    while any(len(splits[split]) < count for split, count in counts.items()):
        greeting, things, joint, time = _draw(rng)
        phrase, drawn = grammar.say(greeting, things, joint, time), splits[_split_of(things)]
        if phrase.source not in seen and len(drawn) < counts[_split_of(things)]:
            seen.add(phrase.source)
            drawn.append(phrase)
    return {split: tuple(phrases) for split, phrases in splits.items()}


def number_sources(sources, vocabulary=VOCABULARY):
    """English phrases as an encoder reads them, all filled up to one length.

    sources: N sequences of words; vocabulary: of the English words. Returns (N, L) integers, L = LONGEST + 1: the
    words' numbers, then <end>, at least once. Raises InputError for a phrase without words, with too many, or with one
    that is unknown.
    """
    numbers = np.full((len(sources), LONGEST + 1), END)
    for row, words in zip(numbers, sources, strict=True):
        said = f'"{" ".join(words)}"'
        if not 0 < len(words) <= LONGEST:
            raise InputError(f"{said}: a phrase has 1 to {LONGEST} words, not {len(words)}.")
        unknown = [word for word in words if word not in vocabulary]
        if unknown:
            known = ", ".join(vocabulary.words[len(SPECIALS) :])
            raise InputError(f"{said}: {unknown[0]!r} is not among the words that are known: {known}.")
        row[: len(words)] = vocabulary.encode(words)
    return numbers


def _draw(rng):
    """What is to be said: the arguments of `say`."""
    form = _one(rng, ("thing", "thing", "place", "place", "joint", "joint", "joint", "joint", "greeting"))
    things, joint = [_draw_thing(rng)], None
    if form == "greeting":
        things = [thing._replace(determiner=None, number=None) for thing in things if rng.random() < 0.9]
        return _one(rng, grammar.GREETINGS), things, None, None
    if form == "place":
        things.append(_draw_thing(rng)._replace(preposition=_one(rng, grammar.PREPOSITIONS)))
    if form == "joint":
        things.append(_draw_thing(rng))
        joint = _one(rng, grammar.JOINTS)
    time = grammar.Time(_one(rng, grammar.DAYS), rng.random() < 0.5, _maybe(rng, 0.3, grammar.HOURS))
    return None, things, joint, time if rng.random() < 0.4 else None


def _draw_thing(rng):
    plural = rng.random() < 0.5
    number = _maybe(rng, 0.5, grammar.NUMBERS) if plural else None
    no_other = "a" if not plural else None if number else "the"  # one word in four
    determiner = _one(rng, ("the", "the", "that", no_other))
    adjective, color = _maybe(rng, 0.5, grammar.ADJECTIVES), _maybe(rng, 0.6, grammar.COLORS)
    return grammar.Thing(_one(rng, grammar.NOUNS), plural, determiner, number, adjective, color)


def _one(rng, words):
    return tuple(words)[rng.integers(len(words))]


def _maybe(rng, share, words):
    return _one(rng, words) if rng.random() < share else None


def _split_of(things):
    """By the pairs of noun and color in a phrase; of the eight colors of a noun test and dev have one each."""
    nouns, colors = tuple(grammar.NOUNS), tuple(grammar.COLORS)
    pairs = {(nouns.index(t.noun) + colors.index(t.color)) % len(colors) for t in things if t.color}
    return "test" if 0 in pairs else "dev" if 4 in pairs else "train"
