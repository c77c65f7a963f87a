"""Test the phrases: correct Italian, splits without overlap, and the judgment of translations."""

from itertools import chain

import numpy as np
import pytest

from numpy_sat.data.phrases import phrase_language as grammar
from numpy_sat.data.phrases import phrases
from numpy_sat.data.phrases.phrase_language import NounPhrase, Time, make_phrase
from numpy_sat.data.vocabulary import END, SPECIALS, Vocabulary
from numpy_sat.evaluation.translation_truth import are_exact, judge_translations
from numpy_sat.system.errors import InputError

# Written by hand, not by the grammar: every noun with "the", "a" and "that", and its plural with "the".
ARTICLES = """\
house: la casa, una casa, quella casa, le case
chair: la sedia, una sedia, quella sedia, le sedie
car: la macchina, una macchina, quella macchina, le macchine
key: la chiave, una chiave, quella chiave, le chiavi
door: la porta, una porta, quella porta, le porte
window: la finestra, una finestra, quella finestra, le finestre
bottle: la bottiglia, una bottiglia, quella bottiglia, le bottiglie
star: la stella, una stella, quella stella, le stelle
city: la città, una città, quella città, le città
island: l'isola, un'isola, quell'isola, le isole
eagle: l'aquila, un'aquila, quell'aquila, le aquile
bee: l'ape, un'ape, quell'ape, le api
book: il libro, un libro, quel libro, i libri
table: il tavolo, un tavolo, quel tavolo, i tavoli
flower: il fiore, un fiore, quel fiore, i fiori
dog: il cane, un cane, quel cane, i cani
cat: il gatto, un gatto, quel gatto, i gatti
train: il treno, un treno, quel treno, i treni
hat: il cappello, un cappello, quel cappello, i cappelli
tree: l'albero, un albero, quell'albero, gli alberi
bird: l'uccello, un uccello, quell'uccello, gli uccelli
ring: l'anello, un anello, quell'anello, gli anelli
clock: l'orologio, un orologio, quell'orologio, gli orologi
umbrella: l'ombrello, un ombrello, quell'ombrello, gli ombrelli
backpack: lo zaino, uno zaino, quello zaino, gli zaini
mirror: lo specchio, uno specchio, quello specchio, gli specchi
boot: lo stivale, uno stivale, quello stivale, gli stivali
squirrel: lo scoiattolo, uno scoiattolo, quello scoiattolo, gli scoiattoli
egg: l'uovo, un uovo, quell'uovo, le uova"""

PHRASES = {  # also written by hand
    "the two red houses on monday: le due case rosse lunedì": make_phrase(
        noun_phrases=[NounPhrase("house", True, "the", "two", color="red")], time=Time("monday")
    ),
    "the eight old red trees on monday: gli otto vecchi alberi rossi lunedì": make_phrase(
        noun_phrases=[NounPhrase("tree", True, "the", "eight", adjective="old", color="red")], time=Time("monday")
    ),
    "those six yellow backpacks: quei sei zaini gialli": make_phrase(
        noun_phrases=[NounPhrase("backpack", True, "that", "six", color="yellow")]
    ),
    "those white mirrors: quegli specchi bianchi": make_phrase(
        noun_phrases=[NounPhrase("mirror", True, "that", color="white")]
    ),
    "those eleven beautiful grey cities: quelle undici belle città grigie": make_phrase(
        noun_phrases=[NounPhrase("city", True, "that", "eleven", adjective="beautiful", color="grey")]
    ),
    "those eleven dogs: quegli undici cani": make_phrase(noun_phrases=[NounPhrase("dog", True, "that", "eleven")]),
    "a white egg: un uovo bianco": make_phrase(noun_phrases=[NounPhrase("egg", False, "a", color="white")]),
    "ten big white eggs: dieci grandi uova bianche": make_phrase(
        noun_phrases=[NounPhrase("egg", True, None, "ten", adjective="big", color="white")]
    ),
    "a beautiful green island: una bell'isola verde": make_phrase(
        noun_phrases=[NounPhrase("island", False, "a", adjective="beautiful", color="green")]
    ),
    "a beautiful tree: un bell'albero": make_phrase(
        noun_phrases=[NounPhrase("tree", False, "a", adjective="beautiful")]
    ),
    "a beautiful mirror: un bello specchio": make_phrase(
        noun_phrases=[NounPhrase("mirror", False, "a", adjective="beautiful")]
    ),
    "that beautiful blue book: quel bel libro blu": make_phrase(
        noun_phrases=[NounPhrase("book", False, "that", adjective="beautiful", color="blue")]
    ),
    "the beautiful pink birds: i begli uccelli rosa": make_phrase(
        noun_phrases=[NounPhrase("bird", True, "the", adjective="beautiful", color="pink")]
    ),
    "the three beautiful black dogs: i tre bei cani neri": make_phrase(
        noun_phrases=[NounPhrase("dog", True, "the", "three", adjective="beautiful", color="black")]
    ),
    "the small backpack: il piccolo zaino": make_phrase(
        noun_phrases=[NounPhrase("backpack", False, "the", adjective="small")]
    ),
    "the old green bee: la vecchia ape verde": make_phrase(
        noun_phrases=[NounPhrase("bee", False, "the", adjective="old", color="green")]
    ),
    "an old umbrella: un vecchio ombrello": make_phrase(
        noun_phrases=[NounPhrase("umbrella", False, "a", adjective="old")]
    ),
    "an eagle: un'aquila": make_phrase(noun_phrases=[NounPhrase("eagle", False, "a")]),
    "the key on the table: la chiave sul tavolo": make_phrase(
        noun_phrases=[NounPhrase("key", False, "the"), NounPhrase("table", False, "the", preposition="on")]
    ),
    "the key on the two trees: la chiave sui due alberi": make_phrase(
        noun_phrases=[NounPhrase("key", False, "the"), NounPhrase("tree", True, "the", "two", preposition="on")]
    ),
    "a cat in the eggs: un gatto nelle uova": make_phrase(
        noun_phrases=[NounPhrase("cat", False, "a"), NounPhrase("egg", True, "the", preposition="in")]
    ),
    "a cat in the umbrellas: un gatto negli ombrelli": make_phrase(
        noun_phrases=[NounPhrase("cat", False, "a"), NounPhrase("umbrella", True, "the", preposition="in")]
    ),
    "the door of the red island: la porta dell'isola rossa": make_phrase(
        noun_phrases=[
            NounPhrase("door", False, "the"),
            NounPhrase("island", False, "the", color="red", preposition="of"),
        ]
    ),
    "the door of an island: la porta di un'isola": make_phrase(
        noun_phrases=[NounPhrase("door", False, "the"), NounPhrase("island", False, "a", preposition="of")]
    ),
    "the car near the squirrel: la macchina vicino allo scoiattolo": make_phrase(
        noun_phrases=[NounPhrase("car", False, "the"), NounPhrase("squirrel", False, "the", preposition="near")]
    ),
    "the car near that clock: la macchina vicino a quell'orologio": make_phrase(
        noun_phrases=[NounPhrase("car", False, "the"), NounPhrase("clock", False, "that", preposition="near")]
    ),
    "five rings under the hat: cinque anelli sotto il cappello": make_phrase(
        noun_phrases=[NounPhrase("ring", True, None, "five"), NounPhrase("hat", False, "the", preposition="under")]
    ),
    "a bottle with nine flowers: una bottiglia con nove fiori": make_phrase(
        noun_phrases=[NounPhrase("bottle", False, "a"), NounPhrase("flower", True, None, "nine", preposition="with")]
    ),
    "a new boot or the stars: un nuovo stivale o le stelle": make_phrase(
        noun_phrases=[NounPhrase("boot", False, "a", adjective="new"), NounPhrase("star", True, "the")],
        conjunction="or",
    ),
    "the new black chair and that train: la nuova sedia nera e quel treno": make_phrase(
        noun_phrases=[
            NounPhrase("chair", False, "the", adjective="new", color="black"),
            NounPhrase("train", False, "that"),
        ],
        conjunction="and",
    ),
    "the window every sunday evening: la finestra ogni domenica sera": make_phrase(
        noun_phrases=[NounPhrase("window", False, "the")], time=Time("sunday", True, hour="evening")
    ),
    "the windows on saturday morning: le finestre sabato mattina": make_phrase(
        noun_phrases=[NounPhrase("window", True, "the")], time=Time("saturday", hour="morning")
    ),
    "hello: ciao": make_phrase("hello"),
    "good night old house: buonanotte vecchia casa": make_phrase(
        "good night", noun_phrases=[NounPhrase("house", adjective="old")]
    ),
    "good morning beautiful trees: buongiorno begli alberi": make_phrase(
        "good morning", noun_phrases=[NounPhrase("tree", True, adjective="beautiful")]
    ),
}


@pytest.fixture(scope="module")
def splits():
    return phrases.sample_splits()


@pytest.mark.parametrize("line", ARTICLES.splitlines(), ids=lambda line: line.split(":")[0])
def test_every_noun_has_its_articles(line):
    noun, forms = line.split(": ")
    noun_phrases = [NounPhrase(noun, False, determiner) for determiner in ("the", "a", "that")] + [
        NounPhrase(noun, True, "the")
    ]
    assert [
        grammar.text(make_phrase(noun_phrases=[noun_phrase]).target) for noun_phrase in noun_phrases
    ] == forms.split(", ")


def test_all_nouns_are_tested():
    assert [line.split(":")[0] for line in ARTICLES.splitlines()] == list(grammar.NOUNS)


@pytest.mark.parametrize("text", PHRASES)
def test_phrases(text):
    source, target, alignment = PHRASES[text]
    assert f"{' '.join(source)}: {grammar.text(target)}" == text
    assert len(alignment) == len(target)


@pytest.mark.parametrize(
    ("english", "target", "alignment"),
    [
        ("the two red houses on monday", "le due case rosse lunedì", [(0,), (1,), (3,), (2,), (4, 5)]),
        ("the door of the red island", "la porta dell' isola rossa", [(0,), (1,), (2, 3), (5,), (4,)]),
        ("the car near the squirrel", "la macchina vicino allo scoiattolo", [(0,), (1,), (2,), (2, 3), (4,)]),
        ("the car near that clock", "la macchina vicino a quell' orologio", [(0,), (1,), (2,), (2,), (3,), (4,)]),
        ("the new black chair and that train", "la nuova sedia nera e quel treno", [*zip((0, 1, 3, 2, 4, 5, 6))]),
        ("the window every sunday evening", "la finestra ogni domenica sera", [*zip(range(5))]),
        ("good night old house", "buonanotte vecchia casa", [(0, 1), (2,), (3,)]),
    ],
)
def test_alignment(english, target, alignment):
    phrase = next(phrase for text, phrase in PHRASES.items() if text.split(":")[0] == english)
    assert phrase == (tuple(english.split()), tuple(target.split()), tuple(alignment))


def test_splits_have_their_sizes_and_do_not_overlap(splits):
    assert {split: len(split_phrases) for split, split_phrases in splits.items()} == phrases.COUNTS
    sources = [phrase.source for phrase in chain(*splits.values())]
    assert len(set(sources)) == len(sources)
    assert max(map(len, sources)) <= phrases.LONGEST
    assert len({phrase.target for phrase in chain(*splits.values())}) > 0.99 * len(sources)


def test_dev_and_test_have_known_words_in_new_pairs(splits):
    """Check that train has all words of dev and test, in both languages, but not their pairs of color and noun."""
    for language in ("source", "target"):
        words = [word for phrase in splits["train"] for word in getattr(phrase, language)]
        assert all(words.count(word) > 5 for word in set(words))
        for split in ("dev", "test"):
            assert {word for phrase in splits[split] for word in getattr(phrase, language)} <= set(words)
    assert {word for phrase in splits["train"] for word in phrase.source} == set(grammar.ENGLISH)
    train = {pair for phrase in splits["train"] for pair in color_pairs(phrase)}
    assert 0.7 < len(train) / (len(grammar.COLORS) * 2 * len(grammar.NOUNS)) < 0.8
    for split in ("dev", "test"):
        assert all(set(color_pairs(phrase)) - train for phrase in splits[split])
    dev, test = (
        {pair for phrase in splits[split] for pair in color_pairs(phrase)} - train for split in ("dev", "test")
    )
    assert test - dev and dev and not all(set(color_pairs(phrase)) <= dev | train for phrase in splits["test"])


def color_pairs(phrase):
    """Return the (color, noun) pairs in a phrase."""
    return [pair for pair in zip(phrase.source, phrase.source[1:], strict=False) if pair[0] in grammar.COLORS]


def test_the_same_seed_gives_the_same_phrases():
    few = {"train": 60, "dev": 5, "test": 5}
    assert phrases.sample_splits(3, few) == phrases.sample_splits(3, few)
    assert phrases.sample_splits(3, few) != phrases.sample_splits(4, few)


def test_vocabulary_holds_all_english_words():
    assert phrases.VOCABULARY.words == SPECIALS + grammar.ENGLISH
    assert {"the", "an", "those", "every", "houses", "night", "of", "twelve"} < set(grammar.ENGLISH)
    assert list(grammar.ENGLISH) == sorted(set(grammar.ENGLISH))


def test_sources_are_numbered_and_padded_with_end():
    vocabulary = Vocabulary((*SPECIALS, "red", "the", "house"))
    numbers = phrases.number_sources([["the", "red", "house"], ("house",), ["the"] * 14], vocabulary)
    assert numbers.shape == (3, 15) and numbers.dtype.kind == "i"
    assert numbers[0].tolist() == [4, 3, 5, *[END] * 12]
    assert numbers[1].tolist() == [5, *[END] * 14]
    assert numbers[2].tolist() == [*[4] * 14, END]
    assert phrases.number_sources([], vocabulary).shape == (0, 15)
    defaults = phrases.number_sources([grammar.ENGLISH[:3]])
    assert defaults[0, :4].tolist() == [3, 4, 5, END]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], '"": a phrase has 1 to 14 words, not 0.'),
        (["the"] * 15, "a phrase has 1 to 14 words, not 15."),
        (
            ["the", "purple", "house"],
            "'purple' is not among the known words; those with the most similar spelling are ",
        ),
    ],
)
def test_invalid_sources_are_refused(words, sentence):
    with pytest.raises(InputError, match=sentence.replace(".", r"\.")):
        phrases.number_sources([["the"], words])


def test_judgment_by_hand():
    """Check three translations, two of them correct, with .5, 1 and .75 of the attention on the aligned words."""
    house = make_phrase(noun_phrases=[NounPhrase("house", False, "the")])  # the house: la casa
    table = make_phrase(
        noun_phrases=[NounPhrase("table", False, "that", preposition="on")]
    )  # on that table: su quel tavolo
    night = make_phrase(greeting="good night")
    alphas = [
        np.array([[0.5, 0.25, 0.25, 0], [0, 1, 0, 0], [1, 0, 0, 0]]),
        np.full((4, 4), 0.25),
        np.array([[0.25, 0.5, 0.25, 0], [0, 0, 0, 1]]),
    ]
    translations = [["la", "casa"], ["sul", "tavolo"], ["buonanotte"]]
    truth = judge_translations(translations, alphas, [house, table, night])
    assert truth == pytest.approx((2 / 3, (0.5 + 1 + 0.75) / 3, (0.25 + 0.25 + 0.5) / 3))
    assert are_exact(translations, [house, table, night]).tolist() == [1, 0, 1]
    blind = judge_translations(translations, None, [house, table, night])
    assert blind.exact == 2 / 3 and np.isnan(blind.aligned) and np.isnan(blind.chance)
    wrong = judge_translations([["le", "case"]], alphas[:1], [house])
    assert wrong.exact == 0 and np.isnan(wrong.aligned)
