"""The words of captions: how a caption is cut into words, and the number of each word."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from numpy_sat.data import contractions
from numpy_sat.system.errors import InputError

SPECIALS = ("<start>", "<end>", "<unk>")
START, END, UNK = range(3)

PLAIN = str.maketrans(contractions.PLAIN)  # NFKC leaves these
LETTER = r"[^\s'-]"  # holds once everything but letters, digits, ' and - has become a blank
GLUED = contractions.separator(LETTER)
NEITHER_LETTER_NOR_DIGIT = re.compile(r"[^a-z0-9'-]")  # of lower-case ASCII
TOKEN = re.compile(rf"{contractions.ending(LETTER)}|{LETTER}+(?:['-]{LETTER}+)*")


def tokenize(text: str) -> list[str]:
    """Cut a caption into the lower-case words that a captioner learns.

    "man's" is man + 's and "isn't" is is + n't, written together or apart (Flickr8k writes them apart); "t-shirt" and
    "o'clock" are one word. Every other mark and symbol separates words and is dropped. Scores are computed on the words
    of metrics.tokens.ptb_tokenize, which also keeps numbers, abbreviations and signs whole.
    """
    return list(_tokens(text))


@lru_cache(maxsize=1 << 17)  # training reads its captions twice: for the vocabulary, and by it
def _tokens(text: str) -> tuple[str, ...]:
    if text.isascii():  # the same, ten times faster
        text = NEITHER_LETTER_NOR_DIGIT.sub(" ", text.lower())
    else:
        text = unicodedata.normalize("NFKC", text).lower().translate(PLAIN)
        text = "".join(map(_letter_or_blank, text))
    return tuple(TOKEN.findall(GLUED.sub(r" \1", text)))


@lru_cache(maxsize=4096)
def _letter_or_blank(character: str) -> str:
    # Marks (M) too: many scripts write vowels with them, and \w would cut their words there.
    return character if character in "'-" or unicodedata.category(character)[0] in "LMN" else " "


@dataclass(frozen=True)
class Vocabulary:
    """The words by number: <start>, <end>, <unk>, then the others by falling count, ties alphabetical.

    `words` is all there is to store; Vocabulary(tuple(stored)) raises InputError where that is no vocabulary.
    """

    words: tuple[str, ...]

    def __post_init__(self):
        if self.words[: len(SPECIALS)] != SPECIALS:
            raise InputError(f"A vocabulary must start with {', '.join(SPECIALS)}; store it anew from the captions.")
        if not all(isinstance(word, str) for word in self.words):
            raise InputError("A vocabulary must hold words only, as text; store it anew from the captions.")
        repeated = [word for word, count in Counter(self.words).items() if count > 1]
        if repeated:
            raise InputError(f'A vocabulary must hold each word once, but "{repeated[0]}" is repeated; store it anew.')

    @classmethod
    def build(cls, captions: Iterable[Sequence[str]], min_count: int) -> "Vocabulary":
        """Number the words that occur at least min_count times; raises InputError where none does."""
        counts = Counter(word for caption in captions for word in caption)
        kept = [word for word, count in counts.items() if count >= min_count]
        if not kept:
            raise InputError(
                f"min_count = {min_count} leaves no word: "
                f"the commonest occurs {max(counts.values(), default=0)} times; give more captions."
            )
        return cls(SPECIALS + tuple(sorted(kept, key=lambda word: (-counts[word], word))))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self._numbers

    def encode(self, words: Iterable[str]) -> list[int]:
        """Give the words' numbers, UNK for an unknown one; neither START nor END is added."""
        number = self._numbers.get
        return [number(word, UNK) for word in words]

    def decode(self, numbers: Iterable[int]) -> list[str]:
        """Give the words up to the first END, without START."""
        words = []
        for number in numbers:
            if number == END:
                break
            if number != START:
                words.append(self.words[number])
        return words


def word_frequencies(vocabulary: Vocabulary, encoded_captions: Iterable[Sequence[int]]) -> np.ndarray:
    """Give the relative frequencies float64 (V,) of what a decoder has to predict: each caption's words and its END.

    One is added to every count, so that the logarithm (the output's bias at the start) is finite.
    """
    counts = _target_counts(encoded_captions, len(vocabulary)) + 1
    return counts / counts.sum()


def unigram_entropy(frequencies: np.ndarray, encoded_captions: Iterable[Sequence[int]]) -> float:
    """Give the mean of -log frequency over the captions' words and ENDs, in nats a word.

    It is the loss per word of a decoder whose output is nothing but the bias log(frequencies), float64 (V,).
    """
    counts = _target_counts(encoded_captions, len(frequencies))
    return float(-(counts @ np.log(frequencies)) / counts.sum())


def _target_counts(encoded_captions: Iterable[Sequence[int]], size: int) -> np.ndarray:
    targets = [number for caption in encoded_captions for number in (*caption, END)]
    return np.bincount(targets, minlength=size)
