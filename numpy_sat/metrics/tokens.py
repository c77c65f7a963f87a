"""The words of captions for scores, as in the COCO caption evaluation (Chen et al. 2015, arXiv 1504.00325).

That evaluation runs the Stanford PTBTokenizer, in Java, in lower case, and drops most punctuation. This module does
the same on captions. Unlike the words that a captioner learns (data/vocabulary.py), it keeps numbers and abbreviations
whole ("3,000", "10:30", "d.c.", "mr."), signs ("#", "&") and brackets ("-lrb-").

Known differences, all rare in captions: web and mail addresses, smileys, currency and fraction signs, units glued to a
time ("12:30pm"), marks of punctuation between letters ("fish?cow"), and apostrophes inside words, which are kept here
and split there unless the word is known to it ("b'day", "y'all"); of its hundred or so abbreviations, those that occur
in captions.
"""

import re
import unicodedata
from functools import lru_cache

from numpy_sat.data import contractions

PLAIN = str.maketrans(
    contractions.PLAIN | dict.fromkeys("\u201c\u201d", '"') | dict.fromkeys("\u2013\u2014\u2026", " ")
)

LETTER = r"[^\W_]"  # or digit
CLITIC = contractions.ending(LETTER)
GLUED = contractions.separator(LETTER)
TWO_WORDS = re.compile(r"\b(can)(not)\b|\b(gon|wan)(na)\b|\b(got)(ta)\b|\b(gim|lem)(me)\b|(?<!\w)('t)(is|was)\b")
ABBREVIATIONS = (
    "mr|mrs|ms|dr|prof|st|jr|sr|lt|sgt|capt|col|gov|sen|rev|co|corp|inc|ltd|dept|ave|blvd|rd|mt|ft|sq|etc|vs|"
    "jan|feb|mar|apr|jun|jul|aug|sept|oct|nov|dec"
)
BRACKETS = {"(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"}
DROPPED = frozenset(".,:;?!-'`\"")
TOKEN = re.compile(
    rf"""
      </?{LETTER}+>                                   # <unk>
    | -[lr][rsc]b-                                    # cut already
    | (?:{CLITIC} | n't(?!{LETTER}))                  # 's, n't
    | '(?:n'? | em | til | cause | \d\ds? | t(?=\s(?:is|was)\b))(?!{LETTER})    # 'n', 'em, '80s, 't is
    | (?:[^\W\d_]\.)+ (?!{LETTER})                    # u.s., plan b.
    | (?:{ABBREVIATIONS})\. (?!{LETTER})              # mr.
    | no\.(?=\s*\d)                                   # no. 5
    | {LETTER}+ (?:(?:[-./_'] | (?<=\d)[,:](?=\d)) {LETTER}+)*    # t-shirt, o'clock, 3,000
    | [?!]{{2,}}                                      # one mark is dropped, several are not
    | \S
    """,
    re.VERBOSE,
)


def ptb_tokenize(text):
    """Cut a text into lower-case words as the COCO caption evaluation does. Returns a list of str."""
    return list(_tokens(text))


@lru_cache(maxsize=1 << 17)  # a set of references is scored against many times
def _tokens(text):
    text = unicodedata.normalize("NFC", text).lower().translate(PLAIN)
    text = TWO_WORDS.sub(_apart, GLUED.sub(r" \1", text))
    return tuple(BRACKETS.get(token, token) for token in TOKEN.findall(text) if token not in DROPPED)


def _apart(found):
    return " ".join(filter(None, found.groups()))
