"""Tokenization of captions, and the vocabulary that numbers their words."""

import re
import sys
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

PLAIN = str.maketrans(contractions.PLAIN)  # typographic ' and -, which NFKC does not change
LETTER = r"[^\s'-]"  # a letter or digit, in a text that contains nothing else but blanks, ' and -
GLUED = contractions.separator(LETTER)  # the ending of a contraction inside a word
# Upper-case ASCII becomes lower-case, and what separates words becomes a blank; for str.translate.
ASCII = {code: chr(code).lower() if chr(code).isalnum() or chr(code) in "'-" else " " for code in range(128)}
TOKEN = re.compile(rf"{contractions.ending(LETTER)}|{LETTER}+(?:['-]{LETTER}+)*")


def tokenize(text: str) -> list[str]:
    """Split a caption into lower-case words, the words of the vocabulary.

    "man's" becomes man + 's and "isn't" becomes is + n't, even if the text already separates them, as Flickr8k does.
    "t-shirt" and "o'clock" are one word. Every other punctuation mark or symbol separates words and is dropped.
    Scores use another tokenizer, metrics.tokens.ptb_tokenize, which also keeps numbers, abbreviations and signs whole.
    """
    return list(_tokens(text))


@lru_cache(maxsize=1 << 17)  # training tokenizes its captions twice: to build the vocabulary and to encode them
def _tokens(text: str) -> tuple[str, ...]:
    if text.isascii():  # the same result as below, ten times faster
        text = text.translate(ASCII)
        if "'" not in text and "-" not in text:
            return tuple(map(sys.intern, text.split()))
    else:
        text = unicodedata.normalize("NFKC", text).lower().translate(PLAIN)
        text = "".join(map(_letter_or_blank, text))
    # sys.intern keeps a word once, however often captions repeat it.
    return tuple(map(sys.intern, TOKEN.findall(GLUED.sub(r" \1", text))))


@lru_cache(maxsize=4096)
def _letter_or_blank(character: str) -> str:
    # Keep letters (L), marks (M) and numbers (N). Many scripts write vowels as marks, where \w would split the words.
    return character if character in "'-" or unicodedata.category(character)[0] in "LMN" else " "


@dataclass(frozen=True)
class Vocabulary:
    """The words of a model in the order of their numbers.

    <start>, <end> and <unk> come first. `build` sorts the other words by descending count, and words of equal count
    alphabetically. To save a vocabulary, store `words`. To load it, call Vocabulary(tuple(stored_words)).

    Raises:
        InputError: the words do not form a vocabulary.
    """

    words: tuple[str, ...]

    def __post_init__(self):
        if self.words[: len(SPECIALS)] != SPECIALS:
            raise InputError(f"A vocabulary must start with {', '.join(SPECIALS)}; build it from the captions again.")
        if not all(isinstance(word, str) for word in self.words):
            raise InputError("A vocabulary must hold words only, as text; build it from the captions again.")
        repeated = [word for word, count in Counter(self.words).items() if count > 1]
        if repeated:
            raise InputError(f'A vocabulary must hold each word once, but "{repeated[0]}" is repeated; build it again.')

    @classmethod
    def build(cls, captions: Iterable[Sequence[str]], min_count: int) -> "Vocabulary":
        """Build the vocabulary of the words that occur at least min_count times.

        Args:
            captions: captions as word lists.
            min_count: smallest count of a word in the vocabulary.
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
                f"the most frequent word occurs {max(counts.values(), default=0)} times; "
                "lower min_count or give more captions."
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
        number_of = self._numbers.get  # looked up once: a start of training encodes two million words
        return [number_of(word, UNK) for word in words]

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
    """Compute the relative frequency of every word among a decoder's targets: the words of the captions and END.

    The logarithm of the frequencies initializes the output bias. It is finite, because one is added to every count.

    Args:
        vocabulary: vocabulary of V words.
        encoded_captions: captions as word numbers, without END.
    Returns:
        (V,) float64 frequencies; they sum to 1.
    """
    counts = _target_counts(encoded_captions, len(vocabulary)) + 1
    return counts / counts.sum()


def unigram_entropy(frequencies: np.ndarray, encoded_captions: Iterable[Sequence[int]]) -> float:
    """Compute the mean of -log frequency over the words of the captions and END.

    This is the cross-entropy of a decoder that predicts `frequencies` for every word.

    Args:
        frequencies: (V,) relative frequencies of the words.
        encoded_captions: captions as word numbers, without END.
    Returns:
        The cross-entropy, in nats per word.
    """
    counts = _target_counts(encoded_captions, len(frequencies))
    return float(-(counts @ np.log(frequencies)) / counts.sum())


def _target_counts(encoded_captions: Iterable[Sequence[int]], size: int) -> np.ndarray:
    targets = [number for caption in encoded_captions for number in (*caption, END)]
    return np.bincount(targets, minlength=size)
