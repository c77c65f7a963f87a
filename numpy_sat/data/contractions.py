"""English contractions, for the tokenizers: "man's" becomes man + 's, and "isn't" becomes is + n't."""

import re

# Typographic apostrophes and hyphens, for str.translate.
PLAIN = {"\u2018": "'", "\u2019": "'", "\u2010": "-"}


def ending(letter: str) -> str:
    """Return the regular expression of the endings 's, 'm, 'd, 're, 've and 'll.

    Args:
        letter: regular expression of one letter or digit.
    """
    return rf"'(?:s|m|d|re|ve|ll)(?!{letter})"


def separator(letter: str) -> re.Pattern:
    r"""Return the compiled expression whose group 1 is the ending of a contraction inside a word.

    Replacing a match by ' \1' separates the ending from the word.

    Args:
        letter: regular expression of one letter or digit.
    """
    return re.compile(rf"(?<={letter})({ending(letter)}|n't(?!{letter}))")
