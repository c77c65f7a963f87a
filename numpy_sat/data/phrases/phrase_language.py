"""A small grammar that says the same in English and in Italian, and which word stands for which.

    the eight old red trees on monday      gli otto vecchi alberi rossi lunedì

Looking up word by word is not enough. An Italian article asks for the gender and number of its noun (le case, i libri)
and for the sound of whatever word comes next (l'albero, lo zaino, il vecchio zaino), adjectives agree, a color comes
after its noun, and two words may be one (on the: sul, sullo, sull', ...). So a phrase must be read as a whole, and not
in order. What is said can be silly; it is meant to be correct Italian.

The tables are all there is to say. An elided word is a word of its own, l' albero; `text` writes l'albero.
"""

import re
from typing import NamedTuple

# English singular and plural, Italian singular and plural, and the genders of these two.
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
    "beautiful": None,  # goes by the next table
}

# Words that look to the next one. Masculine singular, the same before s + consonant or z, before a vowel; feminine
# singular, before a vowel; masculine plural, before a vowel, s + consonant or z; feminine plural.
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
JOINTS = {"and": "e", "or": "o"}
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
        | {"the", "a", "an", "that", "those", "every", *COLORS, *ADJECTIVES, *NUMBERS, *PREPOSITIONS, *JOINTS}
        | {*DAYS, *HOURS, *" ".join(GREETINGS).split()}
    )
)


class Thing(NamedTuple):
    """A noun and what is said of it, None where it is not said."""

    noun: str  # of NOUNS
    plural: bool = False
    determiner: str | None = None  # "the", "a" or "that"
    number: str | None = None
    adjective: str | None = None
    color: str | None = None
    preposition: str | None = None


class Time(NamedTuple):
    """On monday, on monday morning, every monday, every monday morning."""

    day: str
    every: bool = False
    hour: str | None = None


class Phrase(NamedTuple):
    """A phrase in both languages."""

    source: tuple[str, ...]  # English words
    target: tuple[str, ...]  # Italian words
    alignment: tuple[tuple[int, ...], ...]  # per Italian word: the places of the English words that it translates

    @property
    def name(self):
        """The English phrase, which names the example in its data set (dataset.Example)."""
        return " ".join(self.source)

    @property
    def captions(self):
        """The Italian phrase, the only caption of the example."""
        return (" ".join(self.target),)


def say(greeting=None, things=(), joint=None, time=None):
    """The Phrase: a greeting of GREETINGS, Things, the second after one of JOINTS if there is one, a Time."""
    pieces = [_greeting(greeting)] if greeting else []
    for k, thing in enumerate(things):
        pieces += [([joint], [(JOINTS[joint], (0,))])] if joint and k == 1 else []
        pieces.append(_thing(thing))
    pieces += [_time(time)] if time else []
    source, target = [], []
    for english, italian in pieces:
        target += [(word, tuple(len(source) + place for place in places)) for word, places in italian]
        source += english
    words, alignment = zip(*target, strict=True)
    return Phrase(tuple(source), words, alignment)


def text(words):
    """Italian words as they are written: l' and albero are l'albero."""
    return " ".join(words).replace("' ", "'")


def _greeting(greeting):
    """English words; [(Italian word, places of those it stands for), ...]."""
    words = greeting.split()
    return words, [(GREETINGS[greeting], tuple(range(len(words))))]


def _time(time):
    """The same of a Time."""
    source = ["every" if time.every else "on", time.day]
    target = [("ogni", (0,)), (DAYS[time.day], (1,))] if time.every else [(DAYS[time.day], (0, 1))]
    if time.hour:
        source.append(time.hour)
        target.append((HOURS[time.hour], (2,)))
    return source, target


def _thing(thing):
    """The same of a Thing. The Italian is made from its last word to its first, for an article looks to the next."""
    english = _english(thing)
    places, gender = [part for part, _ in english], NOUNS[thing.noun][4 + thing.plural]
    backwards = []

    def add(word, *parts):
        backwards.append((word, tuple(places.index(part) for part in parts)))

    def article(name):
        return _article(ARTICLES[name], gender, thing.plural, backwards[-1][0])

    if thing.color:
        add(_agreeing(COLORS[thing.color], gender, thing.plural), "color")
    add(NOUNS[thing.noun][2 + thing.plural], "noun")
    if thing.adjective in ARTICLES:
        add(article(thing.adjective), "adjective")
    elif thing.adjective:
        add(_agreeing(ADJECTIVES[thing.adjective], gender, thing.plural), "adjective")
    if thing.number:
        add(NUMBERS[thing.number], "number")
    before = PREPOSITIONS[thing.preposition].split() if thing.preposition else []
    if (both := f"{thing.preposition} {thing.determiner}") in ARTICLES:
        add(article(both), "preposition", "determiner")
        before.pop()
    elif thing.determiner:
        add(article(thing.determiner), "determiner")
    for word in reversed(before):
        add(word, "preposition")
    return [word for _, word in english], backwards[::-1]


def _english(thing):
    """[(part, word), ...] of a Thing, the words in English order."""
    determiner = thing.determiner
    if determiner == "that" and thing.plural:
        determiner = "those"
    if determiner == "a" and VOWEL.match(thing.adjective or thing.color or thing.noun):
        determiner = "an"
    parts = {
        **{"preposition": thing.preposition, "determiner": determiner, "number": thing.number},
        **{"adjective": thing.adjective, "color": thing.color, "noun": NOUNS[thing.noun][thing.plural]},
    }
    return [(part, word) for part, word in parts.items() if word]


def _agreeing(forms, gender, plural):
    """Of an adjective's four forms the one for a noun."""
    return forms.split()[2 * plural + (gender == "f")]


def _article(forms, gender, plural, following):
    """Of an article's eight forms the one for a noun, before an Italian word."""
    vowel, like_lo = bool(VOWEL.match(following)), bool(LIKE_LO.match(following))
    if gender == "f":
        place = 7 if plural else 3 + vowel
    else:
        place = 5 + (vowel or like_lo) if plural else 2 * vowel + like_lo
    return forms.split()[place]
