"""Typesetting of an exercise's text for a page in the browser: subscripts, powers, Greek letters and sums.

The text is written for a text editor, where a column of a table or drawing starts below the column above it. So each
line becomes pieces that know their column, and no typeset piece is wider than its text.
"""

import re
from typing import NamedTuple

FLOWING = ("Goal", "Your task")  # sections whose plain lines are always text
LONG = 84  # characters of a line that may be wrapped text
COLUMN = 16  # where a section's text starts, right of its title
GREEK = dict(
    zip(
        ["alpha", "beta", "gamma", "delta", "epsilon", "eta", "theta", "lambda", "mu", "sigma", "phi"],
        "αβγδεηθλμσφ",
        strict=True,
    )
)
ACCENTS = {"hat": "\u0302", "tilde": "\u0303"}  # combining characters, after the letter
SIGNS = {"<=": "≤", ">=": "≥", "...": "…", "->": "→"}
NO_BASES = "log|dlog|cache|max|one|to|from|of|over|in"  # log_p and cache_u are names of variables
_GREEK = "|".join(GREEK)
_SHORT_INDEX = r"\{[^{}]{1,8}\}|[a-z0-9]|[bijkmnst]{2,4}"  # other words are parts of a name: take_along
_INDEX = r"\{[^{}]{1,8}\}|[A-Za-z0-9]+"
TOKEN = re.compile(
    rf"""
    (?<![\w.])sum\ over\ (?P<over>[a-z](?:,\ [a-z])*)\ of(?!\w)
    | (?<![\w.])sum_(?P<sum>\{{[^{{}}]{{1,12}}\}}|[a-z])(?!\w)
    | (?<![\w.])(?P<base>d?(?:[A-Za-z]|{_GREEK}))_(?P<index>{_INDEX})(?![\w(])
    | (?<![\w.])(?!(?:{NO_BASES})_)(?P<word>[A-Za-z]{{2,}})_(?P<short>{_SHORT_INDEX})(?![\w(])
    | (?<![\w.])(?P<greek>d?(?:{_GREEK}))(?![\w(])
    | \^(?P<power>\{{[^{{}}]{{1,8}}\}}|\d+(?:\.\d+)?|[A-Z]\b)
    | (?P<prime>(?<=\b[A-Za-z])'(?![\w']))
    | (?P<sign>(?<![-=<.])(?:<=|>=|->|\.\.\.)(?![-=>.]))
    """,
    re.VERBOSE,
)


class Piece(NamedTuple):
    """A part of a line."""

    text: str
    kind: str = ""  # "sub" for a subscript, "sup" for a superscript


class Cell(NamedTuple):
    """The pieces of a line from a column on, up to the next gap of two or more blanks."""

    column: int
    pieces: list  # of Piece


class Block(NamedTuple):
    """Consecutive lines of a section."""

    kind: str  # "prose" for a paragraph, "task" for an item of a list, "layout" for equations and drawings
    lines: list  # a list of Cell for each line


class Section(NamedTuple):
    """A section of an exercise's text."""

    title: str
    blocks: list  # of Block


def sections(text: str) -> list[Section]:
    """Return the sections of a lesson's INTRO, typeset."""
    result = []
    for line in text.rstrip().splitlines():
        title, rest = line[:COLUMN].strip(), line[COLUMN:].rstrip()
        if title:
            result.append((title, []))
        result[-1][1].append(rest)
    return [Section(title, _blocks(title, _without_blank_end(lines))) for title, lines in result]


def _without_blank_end(lines):
    return lines[:-1] if len(lines) > 1 and not lines[-1] else lines


def _blocks(title, lines):
    """Return lines as blocks. In text that was wrapped, each line but the last is long, and has no gap."""
    result, was_long = [], False
    for k, line in enumerate(lines):
        is_plain = not re.search(r"\S {2,}\S", line) and len(line) - len(line.lstrip()) <= len("1. ")
        is_long = is_plain and len(line) >= LONG and not line.endswith(":")
        has_more = is_long and k + 1 < len(lines) and not re.search(r"\S {2,}\S", lines[k + 1])
        if title in FLOWING and is_plain:
            kind, starts = ("task", True) if re.match(r"\d+\. ", line) else ("prose", not result)
        else:
            kind, starts = ("prose", not was_long) if is_plain and (has_more or was_long) else ("layout", False)
        if starts or not result or (kind == "layout") != (result[-1].kind == "layout"):
            result.append(Block(kind, []))
        result[-1].lines.append(cells(line))
        was_long = kind != "layout" and is_long
    return result


def cells(line: str) -> list[Cell]:
    """Return the cells of a line. A gap of two or more blanks ends a cell."""
    return [Cell(match.start(), pieces(match[0])) for match in re.finditer(r"\S+(?: \S+)*", line)]


def pieces(text: str) -> list[Piece]:
    """Return a text as pieces: x_ni becomes x with the subscript ni."""
    result, end = [], 0
    for match in TOKEN.finditer(text):
        result += [Piece(text[end : match.start()]), *_typeset(match)]
        end = match.end()
    return _joined([*result, Piece(text[end:])])


def _typeset(match):
    """Return the pieces of a token."""
    groups = match.groupdict()
    if index := groups["over"] or groups["sum"]:
        return [Piece("∑"), Piece(_symbol(index.strip("{}").replace(" ", "")), "sub")]
    if base := groups["base"] or groups["word"]:
        index = (groups["index"] or groups["short"]).strip("{}")
        if index in ACCENTS:
            return [Piece(_symbol(base) + ACCENTS[index])]
        return [Piece(_symbol(base)), Piece(_symbol(index).replace("-", "−"), "sub")]
    if power := groups["power"]:
        return [Piece(power.strip("{}"), "sup")]
    if groups["prime"]:
        return [Piece("′")]
    return [Piece(SIGNS.get(match[0]) or _symbol(match[0]))]


def _symbol(name):
    """Return a name with its Greek letter; a d in front of a name stands for the gradient."""
    for word, letter in GREEK.items():
        if name in (word, f"d{word}"):
            return name.replace(word, letter)
    return name


def _joined(parts):
    """Return the pieces without empty ones, neighbors of the same kind joined."""
    result = []
    for part in parts:
        if result and result[-1].kind == part.kind == "":
            result[-1] = Piece(result[-1].text + part.text)
        elif part.text:
            result.append(part)
    return result
