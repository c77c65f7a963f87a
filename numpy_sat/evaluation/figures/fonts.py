"""Choose fonts for text that matplotlib's default font cannot show, such as Chinese captions."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

from numpy_sat.system import progress

NO_GLYPHS = "Last Resort"  # fonts of this name have a box for every character
SHOWN = 20  # characters in a note
NORMAL = (400, "normal", "regular", "book")  # weights


def families(text: str) -> list[str]:
    """Return the families of the default font and of installed fonts that have the characters it lacks.

    If no installed font has them, a note names them, once.
    """
    fallbacks, missing = _fallbacks(frozenset(filter(str.isprintable, text)))
    if missing:
        _note(missing)
    return [*mpl.rcParams["font.family"], *fallbacks]


def cover(figure: Figure) -> None:
    """Set the families of all texts of a figure, if the default font lacks some of their characters."""
    texts = figure.findobj(Text)
    selection = families("".join(text.get_text() for text in texts))
    if selection != mpl.rcParams["font.family"]:
        for text in texts:
            text.set_fontfamily(selection)


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress matplotlib's warnings about missing characters, which `families` has named."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"(?s)Glyph .* missing from|Matplotlib currently does not support")
        yield


@lru_cache
def _fallbacks(characters: frozenset[str]) -> tuple[tuple[str, ...], str]:
    """Return families that have the characters which the default font lacks, and the characters that none has."""
    default = FT2Font(fontManager.findfont(FontProperties()))
    missing = {character for character in characters if not default.get_char_index(ord(character))}
    selection = []
    while missing:
        name, covered = max(_coverage(frozenset(missing)), key=lambda item: len(item[1]), default=("", frozenset()))
        if not covered:
            break
        selection.append(name)
        missing -= covered
    return tuple(selection), "".join(sorted(missing))


@lru_cache
def _coverage(characters: frozenset[str]) -> tuple[tuple[str, frozenset[str]], ...]:
    """Return the name of each installed font that has any of the characters, and those that it has."""
    coverage = []
    for entry in fontManager.ttflist:
        if NO_GLYPHS in entry.name or entry.style != "normal" or entry.weight not in NORMAL:
            continue
        try:
            font = FT2Font(entry.fname)
        except (OSError, RuntimeError):  # removed since matplotlib listed it, or damaged
            continue
        covered = {character for character in characters if font.get_char_index(ord(character))}
        if covered and font.scalable:  # matplotlib cannot draw fonts of bitmaps, such as those of color emoji
            coverage.append((entry.name, frozenset(covered)))
    return tuple(coverage)


@lru_cache
def _note(missing: str) -> None:
    more = f" and {len(missing) - SHOWN:,} more" if len(missing) > SHOWN else ""
    progress.note(
        f"no installed font has the characters {' '.join(missing[:SHOWN])}{more}: figures show boxes instead. "
        "Install a font of their script, such as one of the Noto fonts."
    )
