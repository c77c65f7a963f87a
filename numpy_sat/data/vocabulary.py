"""Tokenization of captions, and the vocabulary that numbers their words."""

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

PLAIN = str.maketrans(contractions.PLAIN)  # NFKC does not change these characters
LETTER = r"[^\s'-]"  # valid after everything except letters, digits, ' and - was replaced by a blank
GLUED = contractions.separator(LETTER)
SEPARATOR = re.compile(r"[^a-z0-9'-]")  # in lower-case ASCII
TOKEN = re.compile(rf"{contractions.ending(LETTER)}|{LETTER}+(?:['-]{LETTER}+)*")


def tokenize(text: str) -> list[str]:
    """Split a caption into the lower-case words that a captioner learns.

    "man's" becomes man + 's and "isn't" becomes is + n't, even if the text already separates them, as Flickr8k does.
    "t-shirt" and "o'clock" are one word. Every other punctuation mark or symbol separates words and is dropped.
    Scores use another tokenizer, metrics.tokens.ptb_tokenize, which also keeps numbers, abbreviations and signs whole.
    """
    return list(_tokens(text))


@lru_cache(maxsize=1 << 17)  # training tokenizes its captions twice: to build the vocabulary and to encode them
def _tokens(text: str) -> tuple[str, ...]:
    if text.isascii():  # same result, ten times faster
        text = SEPARATOR.sub(" ", text.lower())
    else:
        text = unicodedata.normalize("NFKC", text).lower().translate(PLAIN)
        text = "".join(map(_letter_or_blank, text))
    return tuple(TOKEN.findall(GLUED.sub(r" \1", text)))


@lru_cache(maxsize=4096)
def _letter_or_blank(character: str) -> str:
    # Keep marks (M) too: many scripts write vowels with them, and \w would split their words there.
    return character if character in "'-" or unicodedata.category(character)[0] in "LMN" else " "


@dataclass(frozen=True)
class Vocabulary:
    """The words of a model in the order of their numbers.

    <start>, <end> and <unk> come first, then the other words by descending count, ties in alphabetical order. Store
    `words` to save a vocabulary, and call Vocabulary(tuple(stored_words)) to load it.

    Raises:
        InputError: the words do not form a vocabulary.
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
        """Build the vocabulary of the words that occur at least min_count times.

        Args:
            captions: captions as word lists.
            min_count: smallest number of occurrences of a word.
        Returns:
            The vocabulary.
        Raises:
            InputError: no word occurs that often.
        """
        counts = Counter(word for caption in captions for word in caption)
        frequent = [word for word, count in counts.items() if count >= min_count]
        if not frequent:
            raise InputError(
                f"min_count = {min_count} leaves no word: "
                f"the commonest occurs {max(counts.values(), default=0)} times; give more captions."
            )
        return cls(SPECIALS + tuple(sorted(frequent, key=lambda word: (-counts[word], word))))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self._numbers

    def encode(self, words: Iterable[str]) -> list[int]:
        """Return the numbers of words, UNK for unknown words. Neither START nor END is added."""
        number = self._numbers.get
        return [number(word, UNK) for word in words]

    def decode(self, numbers: Iterable[int]) -> list[str]:
        """Return the words of numbers up to the first END, without START."""
        words = []
        for number in numbers:
            if number == END:
                break
            if number != START:
                words.append(self.words[number])
        return words


def word_frequencies(vocabulary: Vocabulary, encoded_captions: Iterable[Sequence[int]]) -> np.ndarray:
    """Compute the relative frequency of every word among a decoder's targets: the captions' words and their ENDs.

    One is added to every count, so that the logarithm is finite. It initializes the output bias.

    Args:
        vocabulary: vocabulary of V words.
        encoded_captions: captions as word numbers, without END.
    Returns:
        (V,) float64 frequencies; they sum to 1.
    """
    counts = _target_counts(encoded_captions, len(vocabulary)) + 1
    return counts / counts.sum()


def unigram_entropy(frequencies: np.ndarray, encoded_captions: Iterable[Sequence[int]]) -> float:
    """Compute the mean of -log frequency over the captions' words and ENDs, in nats per word.

    This is the loss per word of a decoder whose output is only the bias log(frequencies).

    Args:
        frequencies: (V,) relative frequencies of the words.
        encoded_captions: captions as word numbers, without END.
    Returns:
        The entropy, in nats per word.
    """
    counts = _target_counts(encoded_captions, len(frequencies))
    return float(-(counts @ np.log(frequencies)) / counts.sum())


def _target_counts(encoded_captions: Iterable[Sequence[int]], size: int) -> np.ndarray:
    targets = [number for caption in encoded_captions for number in (*caption, END)]
    return np.bincount(targets, minlength=size)
