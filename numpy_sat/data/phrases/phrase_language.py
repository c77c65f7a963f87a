"""A small grammar that generates a phrase in English and in Italian, with the alignment of their words.

    the eight old red trees on monday      gli otto vecchi alberi rossi lunedì

A dictionary of words is not enough to translate these phrases. An Italian article depends on the gender and number of
its noun (le case, i libri) and on the sound of the next word (l'albero, lo zaino, il vecchio zaino). Adjectives agree
with their noun. A color follows its noun. Two English words may become one (on the: sul, sullo, sull', ...). So a
translator must read the whole phrase, and not in order. The phrases are correct Italian, but they may make no sense.

The tables below hold the whole grammar. An elided article is a separate word (l' albero); `text` writes l'albero.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

# English singular and plural, Italian singular and plural, and the genders of the Italian forms.
NOUNS = {
    line.split()[0]: line.split()
    for line in """\
house      houses     casa       case       f f
chair      chairs     sedia      sedie      f f
car        cars       macchina   macchine   f f
key        keys       chiave     chiavi     f f
door       doors      porta      porte      f f
window     windows    finestra   finestre   f f
bottle     bottles    bottiglia  bottiglie  f f
star       stars      stella     stelle     f f
city       cities     città      città      f f
island     islands    isola      isole      f f
eagle      eagles     aquila     aquile     f f
bee        bees       ape        api        f f
book       books      libro      libri      m m
table      tables     tavolo     tavoli     m m
flower     flowers    fiore      fiori      m m
dog        dogs       cane       cani       m m
cat        cats       gatto      gatti      m m
train      trains     treno      treni      m m
hat        hats       cappello   cappelli   m m
tree       trees      albero     alberi     m m
bird       birds      uccello    uccelli    m m
ring       rings      anello     anelli     m m
clock      clocks     orologio   orologi    m m
umbrella   umbrellas  ombrello   ombrelli   m m
backpack   backpacks  zaino      zaini      m m
mirror     mirrors    specchio   specchi    m m
boot       boots      stivale    stivali    m m
squirrel   squirrels  scoiattolo scoiattoli m m
egg        eggs       uovo       uova       m f
""".splitlines()
}

# Masculine and feminine singular, masculine and feminine plural.
COLORS = {
    "red": "rosso rossa rossi rosse",
    "black": "nero nera neri nere",
    "white": "bianco bianca bianchi bianche",
    "yellow": "giallo gialla gialli gialle",
    "grey": "grigio grigia grigi grigie",
    "green": "verde verde verdi verdi",
    "blue": "blu blu blu blu",
    "pink": "rosa rosa rosa rosa",
}
ADJECTIVES = {
    "old": "vecchio vecchia vecchi vecchie",
    "new": "nuovo nuova nuovi nuove",
    "small": "piccolo piccola piccoli piccole",
    "big": "grande grande grandi grandi",
    "beautiful": None,  # its forms are in the next table
}

# Words whose form depends on the next word, with eight forms: masculine singular; the same before s + consonant or z;
# the same before a vowel; feminine singular; the same before a vowel; masculine plural; the same before a vowel,
# s + consonant or z; feminine plural.
ARTICLES = {
    "the": "il lo l' la l' i gli le",
    "a": "un uno un una un'",
    "that": "quel quello quell' quella quell' quei quegli quelle",
    "beautiful": "bel bello bell' bella bell' bei begli belle",
    "on the": "sul sullo sull' sulla sull' sui sugli sulle",
    "in the": "nel nello nell' nella nell' nei negli nelle",
    "of the": "del dello dell' della dell' dei degli delle",
    "near the": "al allo all' alla all' ai agli alle",
}
VOWEL = re.compile("[aeiou]")
LIKE_LO = re.compile("z|s[^aeiou]")

NUMBERS = {
    **{"two": "due", "three": "tre", "four": "quattro", "five": "cinque", "six": "sei", "seven": "sette"},
    **{"eight": "otto", "nine": "nove", "ten": "dieci", "eleven": "undici", "twelve": "dodici"},
}
PREPOSITIONS = {"on": "su", "in": "in", "of": "di", "near": "vicino a", "under": "sotto", "with": "con"}
CONJUNCTIONS = {"and": "e", "or": "o"}
DAYS = {
    **{"monday": "lunedì", "tuesday": "martedì", "wednesday": "mercoledì", "thursday": "giovedì"},
    **{"friday": "venerdì", "saturday": "sabato", "sunday": "domenica"},
}
HOURS = {"morning": "mattina", "evening": "sera"}
GREETINGS = {
    **{"hello": "ciao", "goodbye": "arrivederci", "good morning": "buongiorno", "good evening": "buonasera"},
    "good night": "buonanotte",
}

ENGLISH = tuple(
    sorted(
        {word for noun in NOUNS.values() for word in noun[:2]}
        | {"the", "a", "an", "that", "those", "every", *COLORS, *ADJECTIVES, *NUMBERS, *PREPOSITIONS, *CONJUNCTIONS}
        | {*DAYS, *HOURS, *" ".join(GREETINGS).split()}
    )
)


class NounPhrase(NamedTuple):
    """A noun with its article and modifiers. None means that the phrase leaves a part out."""

    noun: str  # a key of NOUNS
    plural: bool = False
    determiner: str | None = None  # "the", "a" or "that"
    number: str | None = None
    adjective: str | None = None
    color: str | None = None
    preposition: str | None = None


class Time(NamedTuple):
    """A time, such as on monday, on monday morning, every monday or every monday morning."""

    day: str
    every: bool = False
    hour: str | None = None


class Phrase(NamedTuple):
    """A phrase in both languages."""

    source: tuple[str, ...]  # English words
    target: tuple[str, ...]  # Italian words
    alignment: tuple[tuple[int, ...], ...]  # per Italian word: the indices of the English words that it translates

    @property
    def name(self) -> str:
        """Return the English phrase. It is the name of the example in its data set (dataset.Example)."""
        return " ".join(self.source)

    @property
    def captions(self) -> tuple[str]:
        """Return the Italian phrase, the only caption of the example."""
        return (" ".join(self.target),)


def make_phrase(
    greeting: str | None = None,
    noun_phrases: Sequence[NounPhrase] = (),
    conjunction: str | None = None,
    time: Time | None = None,
) -> Phrase:
    """Build a phrase in both languages from its parts, in this order.

    Args:
        greeting: a key of GREETINGS.
        noun_phrases: the noun phrases.
        conjunction: a key of CONJUNCTIONS, placed before the second noun phrase.
        time: the time.
    Returns:
        The phrase.
    """
    pieces = [_translate_greeting(greeting)] if greeting else []
    for k, noun_phrase in enumerate(noun_phrases):
        pieces += [([conjunction], [(CONJUNCTIONS[conjunction], (0,))])] if conjunction and k == 1 else []
        pieces.append(_translate_noun_phrase(noun_phrase))
    pieces += [_translate_time(time)] if time else []
    source, target = [], []
    for english, italian in pieces:
        target += [(word, tuple(len(source) + index for index in indices)) for word, indices in italian]
        source += english
    words, alignment = zip(*target, strict=True)
    return Phrase(tuple(source), words, alignment)


def text(words: Sequence[str]) -> str:
    """Join Italian words in their usual spelling: l' and albero become l'albero."""
    return " ".join(words).replace("' ", "'")


def _translate_greeting(greeting):
    """Translate a greeting into words of both languages.

    Returns:
        source: English words.
        target: a list of (Italian word, indices of the English words that it translates).
    """
    words = greeting.split()
    return words, [(GREETINGS[greeting], tuple(range(len(words))))]


def _translate_time(time):
    """Translate a Time. Return the same pair as `_translate_greeting`."""
    source = ["every" if time.every else "on", time.day]
    target = [("ogni", (0,)), (DAYS[time.day], (1,))] if time.every else [(DAYS[time.day], (0, 1))]
    if time.hour:
        source.append(time.hour)
        target.append((HOURS[time.hour], (2,)))
    return source, target


def _translate_noun_phrase(noun_phrase):
    """Translate a NounPhrase. Return the same pair as `_translate_greeting`.

    The Italian words are made from the last to the first, because an article depends on the next word.
    """
    english = _english(noun_phrase)
    parts, gender = [part for part, _ in english], NOUNS[noun_phrase.noun][4 + noun_phrase.plural]
    reversed_target = []

    def add(word, *translated_parts):
        reversed_target.append((word, tuple(parts.index(part) for part in translated_parts)))

    def article(name):
        return _article(ARTICLES[name], gender, noun_phrase.plural, reversed_target[-1][0])

    if noun_phrase.color:
        add(_agree(COLORS[noun_phrase.color], gender, noun_phrase.plural), "color")
    add(NOUNS[noun_phrase.noun][2 + noun_phrase.plural], "noun")
    if noun_phrase.adjective in ARTICLES:
        add(article(noun_phrase.adjective), "adjective")
    elif noun_phrase.adjective:
        add(_agree(ADJECTIVES[noun_phrase.adjective], gender, noun_phrase.plural), "adjective")
    if noun_phrase.number:
        add(NUMBERS[noun_phrase.number], "number")
    prepositions = PREPOSITIONS[noun_phrase.preposition].split() if noun_phrase.preposition else []
    if (contraction := f"{noun_phrase.preposition} {noun_phrase.determiner}") in ARTICLES:
        add(article(contraction), "preposition", "determiner")
        prepositions.pop()
    elif noun_phrase.determiner:
        add(article(noun_phrase.determiner), "determiner")
    for word in reversed(prepositions):
        add(word, "preposition")
    return [word for _, word in english], reversed_target[::-1]


def _english(noun_phrase):
    """Return the English words of a NounPhrase in order, as a list of (part, word)."""
    determiner = noun_phrase.determiner
    if determiner == "that" and noun_phrase.plural:
        determiner = "those"
    if determiner == "a" and VOWEL.match(noun_phrase.adjective or noun_phrase.color or noun_phrase.noun):
        determiner = "an"
    parts = {
        **{"preposition": noun_phrase.preposition, "determiner": determiner, "number": noun_phrase.number},
        **{
            "adjective": noun_phrase.adjective,
            "color": noun_phrase.color,
            "noun": NOUNS[noun_phrase.noun][noun_phrase.plural],
        },
    }
    return [(part, word) for part, word in parts.items() if word]


def _agree(forms, gender, plural):
    """Return the form of an adjective, out of four, that agrees with a noun."""
    return forms.split()[2 * plural + (gender == "f")]


def _article(forms, gender, plural, following):
    """Return the form of an article, out of eight, for a noun and the Italian word that follows the article."""
    vowel, like_lo = bool(VOWEL.match(following)), bool(LIKE_LO.match(following))
    if gender == "f":
        form = 7 if plural else 3 + vowel
    else:
        form = 5 + (vowel or like_lo) if plural else 2 * vowel + like_lo
    return forms.split()[form]
