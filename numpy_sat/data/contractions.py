"""English contractions, for all that cuts texts into words: "man's" is man + 's, and "isn't" is is + n't."""

import re

# Typographic apostrophes and hyphens, for str.translate.
PLAIN = {"\u2018": "'", "\u2019": "'", "\u2010": "-"}


def ending(letter):
    """Return the regular expression of 's, 'm, 'd, 're, 've and 'll. letter: that of one letter or digit."""
    return rf"'(?:s|m|d|re|ve|ll)(?!{letter})"


def separator(letter):
    r"""Return the compiled expression whose group 1 is a contraction's ending within a word; ' \1' cuts it off."""
    return re.compile(rf"(?<={letter})({ending(letter)}|n't(?!{letter}))")
