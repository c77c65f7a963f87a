"""The tokenizer of the metrics, as in the COCO caption evaluation (Chen et al. 2015, arXiv 1504.00325).

That evaluation runs the Stanford PTBTokenizer (in Java) on lower-case text and drops most punctuation. On captions,
this module gives the same words. Unlike the tokenizer of the captioner (data/vocabulary.py), it keeps numbers and
abbreviations whole ("3,000", "10:30", "d.c.", "mr."), signs ("#", "&") and brackets ("-lrb-").

Known differences, all rare in captions:

* web and mail addresses, smileys, currency signs and fraction signs,
* units directly after a time ("12:30pm") and punctuation between letters ("fish?cow"),
* apostrophes inside words ("b'day", "y'all"): this module keeps them, PTBTokenizer splits all words it does not know,
* abbreviations: PTBTokenizer knows about a hundred, this module only those that occur in captions.
"""

import re
import unicodedata
from functools import lru_cache

from numpy_sat.data import contractions

PLAIN = str.maketrans(
    contractions.PLAIN | dict.fromkeys("\u201c\u201d", '"') | dict.fromkeys("\u2013\u2014\u2026", " ")
)

LETTER = r"[^\W_]"  # letter or digit
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
    | -[lr][rsc]b-                                    # brackets of an already tokenized text
    | (?:{CLITIC} | n't(?!{LETTER}))                  # 's, n't
    | '(?:n'? | em | til | cause | \d\ds? | t(?=\s(?:is|was)\b))(?!{LETTER})    # 'n', 'em, '80s, 't is
    | (?:[^\W\d_]\.)+ (?!{LETTER})                    # u.s., plan b.
    | (?:{ABBREVIATIONS})\. (?!{LETTER})              # mr.
    | no\.(?=\s*\d)                                   # no. 5
    | {LETTER}+ (?:(?:[-./_'] | (?<=\d)[,:](?=\d)) {LETTER}+)*    # t-shirt, o'clock, 3,000
    | [?!]{{2,}}                                      # a single mark is dropped, several are kept
    | \S
    """,
    re.VERBOSE,
)


def ptb_tokenize(text: str) -> list[str]:
    """Split a text into lower-case words as the COCO caption evaluation does."""
    return list(_tokens(text))


@lru_cache(maxsize=1 << 17)  # the same references are scored many times
def _tokens(text):
    text = unicodedata.normalize("NFC", text).lower().translate(PLAIN)
    text = TWO_WORDS.sub(_separate, GLUED.sub(r" \1", text))
    return tuple(BRACKETS.get(token, token) for token in TOKEN.findall(text) if token not in DROPPED)


def _separate(match):
    return " ".join(filter(None, match.groups()))
