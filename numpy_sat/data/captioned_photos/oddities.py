"""Oddities of caption files: counted while the files are read, then reported in one sentence each."""

import re
from collections.abc import Iterable

from numpy_sat.system.errors import shortened

LONG = 100  # words; the longest caption of Flickr8k has 37
MISSING = frozenset({"nan", "null", "none", "n/a", "#n/a", "<na>"})  # how programs write a cell without a value
WORD = re.compile(r"\w")
BREAK = re.compile(r"[\r\n\u2028\u2029]")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
MARKUP = re.compile(r"</?[A-Za-z][^<>]*>|&(?:[A-Za-z]+|#\d+);")
# The bytes of a UTF-8 character, each read as a character of Latin-1 or Windows-1252, such as Ã© for é.
MISREAD = re.compile(
    r"[\u00c2\u00c3][\u0080-\u00bf]|\u00e2\u20ac|[\u00e0-\u00ef][\u0080-\u009f\u00a1-\u00bf][\u0080-\u00bf]"
)
# Letters of Chinese, Japanese, Thai, Lao, Burmese and Khmer, which put no blanks between words.
UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
# {kind: (what is counted, the sentence)}. {n} is the count with its noun, {where} the first place.
SENTENCES = {
    "empty": ("empty caption", "Left out: {n} of {file} ({where})."),
    "wordless": ("caption", "Left out: {n} of {file} without any letter or digit ({where})."),
    "missing": (
        "caption",
        'Left out: {n} of {file} that a program wrote for a missing value, such as "nan" ({where}).',
    ),
    "repeated": ("caption", "{file} gives an image the same words again, in {n} ({where}); all of them count."),
    "unseparated": (
        "line",
        "{file} lacks a separator between number and caption, in {n} ({where}); it was read as if it were there.",
    ),
    "no header": ("table", "{file} has no header; its columns were recognized by the photo names in its first line."),
    "long": (
        "caption",
        f"{{file}} has more than {LONG} words in {{n}} ({{where}}); look for a quote that is never closed.",
    ),
    "broken": ("caption", "{file} has a line break inside {n} ({where}); look for a quote that is never closed."),
    "control": ("caption", "{file} has control characters in {n} ({where}); they separate words."),
    "markup": (
        "caption",
        "{file} has HTML in {n} ({where}), which is read as words; replace it by the characters that it stands for.",
    ),
    "lost": (
        "caption",
        "{file} has the sign for a lost character, \ufffd, in {n} ({where}); convert the original file to UTF-8 again.",
    ),
    "misread": (
        "caption",
        "{file} has letters that were converted to UTF-8 twice, in {n} ({where}); convert the original file once.",
    ),
}


class Oddities:
    """The oddities of one caption file: how often each kind occurs, and where first."""

    def __init__(self, file: str, unit: str) -> None:
        """Start with none. file: name of the file; unit: what its Rows are numbered by, such as "line"."""
        self.file, self.unit = file, unit
        self.counts: dict[str, int] = {}
        self.first: dict[str, int] = {}

    def add(self, kind: str, number: int) -> None:
        """Count an oddity. kind: a key of SENTENCES; number: where it is, in units."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self.first.setdefault(kind, number)

    def is_left_out(self, text: str, number: int) -> bool:
        """Return True if a caption has no words, and count that. text: the caption, stripped; number: its place."""
        kind = None
        if not text:
            kind = "empty"
        elif len(text) < 8 and text.lower() in MISSING:
            kind = "missing"
        elif not WORD.search(text):
            kind = "wordless"
        if kind:
            self.add(kind, number)
        return kind is not None

    def inspect(self, text: str, number: int) -> None:
        """Count the oddities of a caption that stays. text: the caption; number: its place."""
        if len(text) > 2 * LONG and len(text.split()) > LONG:
            self.add("long", number)
        if not text.isprintable():
            if BREAK.search(text):
                self.add("broken", number)
            if CONTROL.search(text):
                self.add("control", number)
        if ("<" in text or "&" in text) and MARKUP.search(text):
            self.add("markup", number)
        if not text.isascii():
            if "\ufffd" in text:
                self.add("lost", number)
            if MISREAD.search(text):
                self.add("misread", number)

    def notes(self) -> list[str]:
        """Return a sentence for each kind that occurs."""
        notes = []
        for kind, (noun, sentence) in SENTENCES.items():
            if number := self.counts.get(kind):
                where = f"{'first in ' * (number > 1)}{self.unit} {self.first[kind]:,}"
                notes.append(sentence.format(n=count(number, noun), file=self.file, where=where))
        return notes


def notes_on_blanks(captions: Iterable[str]) -> list[str]:
    """Return a note if most captions of a script without blanks between words have no blank."""
    unspaced = [text for text in captions if not text.isascii() and UNSPACED.search(text)]
    unsplit = sum(len(text.split()) == 1 for text in unspaced)
    if unsplit <= len(unspaced) / 2:
        return []
    return [
        f"{count(unsplit, 'caption')} without a blank, such as {unspaced[0]}: words are separated by blanks here, so "
        "each whole phrase counts as one word. Put blanks between the words; a word segmenter does it."
    ]


def count(number: int, noun: str) -> str:
    """Return a number with its noun, such as "1 photo" or "2,000 photos"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def first_names(names: Iterable[str], limit: int = 3) -> str:
    """Return the first names of a list as text."""
    names = list(names)
    return ", ".join(map(shortened, names[:limit])) + (", and more" if len(names) > limit else "")
