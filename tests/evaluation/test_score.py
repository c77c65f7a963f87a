"""Scores of captions by hand, their tokeniser, their intervals, and what they are read between."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from nltk.translate.meteor_score import meteor_score

from numpy_sat.data import vocabulary
from numpy_sat.evaluation import bootstrap, constants, floors, judging
from numpy_sat.metrics import bleu, bleu_counts, cider, meteor, rouge, tokens
from numpy_sat.system.errors import InputError

CAT = "the cat sat on the mat".split()
LAY = "the cat lay down on the mat".split()
NAMES = ["BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "METEOR", "ROUGE-L", "CIDEr-D"]
WORDS = ["a", "a", "a", "dog", "cat", "runs", "red", "two", "on", "grass", "the", "the"]


@pytest.fixture(autouse=True)
def no_wordnet(monkeypatch):
    """The same figures with and without WordNet installed."""

    def missing(word):
        raise LookupError

    with_wordnet(monkeypatch, missing)
    yield
    meteor._synonyms.cache_clear()


def with_wordnet(monkeypatch, synsets):
    monkeypatch.setattr(meteor, "wordnet", SimpleNamespace(synsets=synsets))
    meteor._synonyms.cache_clear()


def made_up(rng, pictures, references=3):
    """Word lists of 0 to 11 words, references of 1 to 11: captions and references."""
    captions = [list(rng.choice(WORDS, rng.integers(12))) for _ in range(pictures)]
    said = [[list(rng.choice(WORDS, rng.integers(1, 12))) for _ in range(references)] for _ in range(pictures)]
    return captions, said


def as_texts(captions, said):
    """The same as score() takes them."""
    named = {f"{k}.jpg": " ".join(words) for k, words in enumerate(captions)}
    return named, {f"{k}.jpg": [" ".join(words) for words in texts] for k, texts in enumerate(said)}


# Cutting texts into words: what the COCO evaluation's tokeniser gives for each.


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A child , in a PINK dress .", "a child in a pink dress"),
        ("A dog runs. A cat sits.", "a dog runs a cat sits"),
        ("the dog's toy, the dogs' toys", "the dog 's toy the dogs toys"),
        ("the dog 's toy", "the dog 's toy"),
        ("I'm sure he'd say they'll, we've, you're", "i 'm sure he 'd say they 'll we 've you 're"),
        ("DON'T run, it isn't; it did n't", "do n't run it is n't it did n't"),
        ("he shouldn't've", "he should n't 've"),
        ("the dog\u2019s toy isn\u2019t \u201chere\u201d", "the dog 's toy is n't here"),
        ("cannot gonna wanna gotta gimme lemme 'tis", "can not gon na wan na got ta gim me lem me 't is"),
        ("a t-shirt at 3 o'clock, ma'am", "a t-shirt at 3 o'clock ma'am"),
        ("a bird's-eye view, an ant 's-eye-view", "a bird 's eye view an ant 's eye-view"),
        ("slip 'n' slide, rock 'n roll, rock n' roll", "slip 'n' slide rock 'n roll rock n roll"),
        ("an '80s car, a 70's car, get 'em", "an '80s car a 70 's car get 'em"),
        ("3,000 dogs, 1.5 cats, 10:30, 1/2 and 3,4", "3,000 dogs 1.5 cats 10:30 1/2 and 3,4"),
        ("player #7 gets $5 & 50%", "player # 7 gets $ 5 & 50 %"),
        ("black/white dogs&cats", "black/white dogs & cats"),
        ("in Washington D.C. at 9 a.m.", "in washington d.c. at 9 a.m."),
        ("Mr. and mrs. Dog, Dr. Cat on main st., Jan. 6", "mr. and mrs. dog dr. cat on main st. jan. 6"),
        ("shirt no. 5 , no.", "shirt no. 5 no"),
        ("a dog ( brown ) [x] {y}", "a dog -lrb- brown -rrb- -lsb- x -rsb- -lcb- y -rcb-"),
        ("dog -- cat - bird -fish mid- x--y a\u2014b", "dog cat bird fish mid x y a b"),
        ("\"loud\" 'quiet' ``old'' `x`", "loud quiet old x"),
        ("wow! what? wow!! a dog?! ... runs....", "wow what wow !! a dog ?! runs"),
        ("see avrovulcan.com a_b", "see avrovulcan.com a_b"),
        ("a <unk> dog", "a <unk> dog"),
        ("the sun. the slide.", "the sun the slide"),
        ("Ein MÄDCHEN im Cafe\u0301", "ein mädchen im café"),
        (" ...!? ", "!?"),
        (" . ", ""),
        ("", ""),
    ],
)
def test_texts_are_cut_as_coco_does(text, words):
    assert tokens.tokenise(text) == words.split()
    assert tokens.tokenise(words) == words.split()  # cut again, nothing changes


def test_words_a_captioner_learns_are_words_to_the_scorer():
    words = vocabulary.tokenise("The man's t-shirt isn't at the bird's-eye-view, it's 3 o'clock (they'll say)")
    assert tokens.tokenise(" ".join(words)) == words


# BLEU


def test_bleu_by_hand_with_and_without_brevity():
    """5 of 6 words, 3 of 5 pairs, 1 of 4 triples, 0 of 3 quadruples; 6 words for the reference's 7."""
    counts = bleu_counts.count([CAT], [[LAY]])
    assert counts.tolist() == [[5, 3, 1, 0, 6, 5, 4, 3, 6, 7]]
    plain = [5 / 6, math.sqrt(5 / 6 * 3 / 5), (5 / 6 * 3 / 5 * 1 / 4) ** (1 / 3), 0]
    assert bleu_counts.bleu_of(counts[0], brevity=False) == pytest.approx([100 * score for score in plain])
    brief = math.exp(1 - 7 / 6)
    assert bleu_counts.bleu_of(counts[0]) == pytest.approx([100 * brief * score for score in plain])


def test_a_sure_beginning_has_all_its_words_right_and_is_too_short():
    counts = bleu_counts.count([["a", "man"]], [["a man in a red boat".split(), "a man who sits".split()]])
    assert bleu_counts.bleu_of(counts[0], brevity=False)[0] == pytest.approx(100)
    assert bleu_counts.bleu_of(counts[0])[0] == pytest.approx(100 * math.exp(1 - 4 / 2))


def test_bleu_of_counts_is_bleu_of_the_corpus(rng):
    for _ in range(20):
        captions, said = made_up(rng, pictures=8)
        summed = bleu_counts.count(captions, said).sum(axis=0)
        np.testing.assert_allclose(bleu_counts.bleu_of(summed), bleu.bleu(captions, said), atol=1e-10)


def test_bleu_of_a_resample_is_bleu_of_its_captions(rng):
    captions, said = made_up(rng, pictures=12)
    drawn = bootstrap.draws(12, seed=3)[5]
    again = np.repeat(np.arange(12), drawn.astype(int))
    expected = bleu.bleu([captions[k] for k in again], [said[k] for k in again])
    np.testing.assert_allclose(bleu_counts.bleu_of(drawn @ bleu_counts.count(captions, said)), expected)


# ROUGE-L


def test_rouge_by_hand():
    """the cat .. on the mat: 5 words, P = 5/6, R = 5/7."""
    expected = (1 + 1.44) * (5 / 6) * (5 / 7) / (5 / 7 + 1.44 * 5 / 6)
    assert rouge.rouge_l([CAT], [[LAY]]) == pytest.approx([100 * expected])


def test_rouge_takes_precision_and_recall_from_whichever_reference_is_best():
    """P = 5/6 by the long one; R = 1 by the short one, which has only "the mat"."""
    expected = (1 + 1.44) * (5 / 6) * 1 / (1 + 1.44 * 5 / 6)
    for references in ([LAY, ["the", "mat"]], [["the", "mat"], LAY]):
        assert rouge.rouge_l([CAT], [references]) == pytest.approx([100 * expected])


@pytest.mark.parametrize(
    ("first", "second", "common"),
    [
        ("a b c d", "b d", 2),
        ("a b c", "c b a", 1),
        ("a x b y a", "a b a", 3),
        ("a a", "a", 1),
        ("a", "b", 0),
        ("", "", 0),
    ],
)
def test_longest_common_subsequence(first, second, common):
    assert rouge.common_words(first.split(), second.split()) == common
    assert rouge.common_words(second.split(), first.split()) == common


# CIDEr-D


def test_cider_by_hand():
    """Both pictures have "a", whose idf is ln 2/2 = 0; all else weighs ln 2 and cancels.

    First: one of two words that weigh, one of two pairs: (1/2 + 1/2 + 0 + 0) / 4. Second: words, pairs and the triple
    agree, and there are no four words: (1 + 1 + 1 + 0) / 4.
    """
    captions = ["a dog sits".split(), "a cat sits".split()]
    references = [["a dog runs".split()], ["a cat sits".split()]]
    assert cider.cider_d(captions, references) == pytest.approx([250, 750])


def test_cider_clips_and_expects_the_length():
    """ "dog" has 2 ln 2 and 1 ln 2: min 1, so 1 * 1 / (2 * sqrt 2), of 4 orders; one word is missing."""
    found = cider.cider_d([["dog", "dog"], ["a"]], [["a dog runs".split()], ["a cat sits".split()]])
    assert found == pytest.approx([1000 * math.exp(-1 / (2 * 36)) / (2 * math.sqrt(2)) / 4, 0])


def test_cider_is_the_mean_over_references():
    captions, other = ["a dog sits".split(), ["x"]], [["a cat sits".split()]]
    once = cider.cider_d(captions, [["a dog runs".split()], *other])[0]
    twice = cider.cider_d(captions, [["a dog runs".split(), "a bird flies".split()], *other])[0]
    assert twice == pytest.approx(once / 2)  # with the bird it has "a" in common, which weighs nothing


def test_idf_counts_pictures_not_references():
    """ "dog" stands in two references of one picture of three; "a" in all three; "owl" in none, which counts as one."""
    said = [[cider.count_ngrams(text.split()) for text in texts] for texts in (["a dog", "dog"], ["a"], ["a"])]
    idf = cider.Idf(said)
    assert [idf.of((word,)) for word in ("dog", "a", "owl")] == pytest.approx([math.log(3), 0, math.log(3)])


def test_cider_of_a_single_picture_is_0():
    assert cider.cider_d([CAT], [[CAT]]).tolist() == [0]


# METEOR


def test_meteor_by_hand():
    """5 matches in 2 chunks, "the cat" and "on the mat"; P = 5/6, R = 5/7."""
    mean = (5 / 6) * (5 / 7) / (0.85 * 5 / 6 + 0.15 * 5 / 7)
    assert meteor.meteor([CAT], [[LAY]]) == pytest.approx([100 * mean * (1 - 0.6 * (2 / 5) ** 0.2)])


def test_meteor_matches_stems_and_takes_the_best_reference():
    """dogs = dog, run = runs: 2 matches in 1 chunk, P = R = 1."""
    found = meteor.meteor([["dogs", "run"]], [[["a", "cat"], ["dog", "runs"], ["dogs", "sleep"]]])
    assert found == pytest.approx([100 * (1 - 0.6 * (1 / 2) ** 0.2)])


def test_meteor_matches_synonyms_where_wordnet_is(monkeypatch):
    assert meteor.meteor([["pup"]], [[["dog"]]]).tolist() == [0]
    assert "no synonyms" in meteor.matching() and "WordNet is missing" in meteor.matching()
    with_wordnet(monkeypatch, synonyms)
    assert meteor.meteor([["pup"]], [[["dog"]]]) == pytest.approx([100 * (1 - 0.6)])
    assert meteor.matching() == "METEOR matches words, stems and WordNet's synonyms."


def synonyms(word):
    names = ["dog", "pup"] if word in ("dog", "pup") else []
    return [SimpleNamespace(lemmas=lambda: [SimpleNamespace(name=lambda name=name: name) for name in names])]


def test_meteor_is_nltks(rng, monkeypatch):
    with_wordnet(monkeypatch, synonyms)
    captions, said = made_up(rng, pictures=10)
    captions[0].append("pup")
    known = dict(wordnet=SimpleNamespace(synsets=synonyms), alpha=0.85, beta=0.2, gamma=0.6)
    expected = [100 * meteor_score(of_one, caption, **known) for caption, of_one in zip(captions, said, strict=True)]
    assert meteor.meteor(captions, said) == pytest.approx(expected)


def test_a_wordnet_that_cannot_be_read_is_as_none(monkeypatch):
    def refused(word):
        raise PermissionError("not in the data path")

    with_wordnet(monkeypatch, refused)
    assert "WordNet cannot be read (not in the data path)" in meteor.matching()
    assert meteor.meteor([["dog"]], [[["dog"]]]) == pytest.approx([40])


# All of them


def test_score_by_hand():
    """Two pictures; of each score what the tests above say, as sums of counts or means of figures."""
    captions = {"1.jpg": "A dog sits .", "2.jpg": "a cat sits"}
    found = judging.score(captions, {"2.jpg": ["A cat sits."], "1.jpg": ["a dog runs"], "3.jpg": ["unused"]})
    assert list(found) == NAMES
    whole = 1 - 0.6 * (1 / 3) ** 0.2  # 3 matches, 1 chunk
    part = 2 / 3 * (1 - 0.6 * (1 / 2) ** 0.2)  # 2 matches, P = R = 2/3
    expected = {
        "BLEU-1": 5 / 6,
        "BLEU-2": math.sqrt(5 / 6 * 3 / 4),
        "BLEU-3": (5 / 6 * 3 / 4 * 1 / 2) ** (1 / 3),
        "BLEU-4": 0,
        "METEOR": (whole + part) / 2,
        "ROUGE-L": (2 / 3 + 1) / 2,
        "CIDEr-D": 5,
    }
    assert found == pytest.approx({name: 100 * figure for name, figure in expected.items()})


def test_brevity_is_bleus_alone():
    captions, references = {"1": "a dog runs", "2": "a cat"}, {"1": ["a dog runs far away"], "2": ["a cat sits here"]}
    with_it, without = (judging.score(captions, references, brevity) for brevity in (True, False))
    brief = math.exp(1 - 9 / 5)
    assert [with_it[name] for name in NAMES[:2]] == pytest.approx([brief * without[name] for name in NAMES[:2]])
    assert [with_it[name] for name in NAMES[4:]] == [without[name] for name in NAMES[4:]]
    assert judging.intervals(captions, references, brevity=False)["BLEU-1"] == pytest.approx((100, 100))
    short, long = judging.judge(captions, references), judging.judge({"1": "a dog runs far", "2": "a cat"}, references)
    assert long.difference(short, brevity=False)["BLEU-1"] == pytest.approx((0, 0))
    assert long.difference(short)["BLEU-1"][1] > 1


def test_a_caption_that_is_a_reference_has_all_there_is():
    """CIDEr-D gives 0 for the orders that a caption is too short for, and METEOR is never quite 100."""
    texts = {"1": "a dog runs on the grass", "2": "two cats sit by a wall", "3": "he jumps"}
    alone = judging.score(texts, {name: [text] for name, text in texts.items()})
    assert alone["CIDEr-D"] == pytest.approx(1000 * (1 + 1 + 2 / 4) / 3)
    del texts["3"]
    found = judging.score(texts, {name: [text, "something else"] for name, text in texts.items()})
    assert [found[name] for name in (*NAMES[:4], "ROUGE-L")] == pytest.approx([100] * 5)
    assert found["METEOR"] == pytest.approx(100 * (1 - 0.6 * (1 / 6) ** 0.2))


def test_captions_with_nothing_right_and_without_words_score_0():
    references = {"1": ["a dog runs"], "2": ["a cat sits"]}
    for caption in ("no such thing", ".", ""):
        assert set(judging.score({"1": caption, "2": caption}, references).values()) == {0.0}
    assert set(judging.score({"1": "."}, {"1": [".", "a dog"]}).values()) == {0.0}


def test_a_reference_without_words_gives_nothing():
    found = judging.score({"1": "a dog", "2": "a cat"}, {"1": ["a dog", "..."], "2": ["a cat"]})
    assert found["ROUGE-L"] == pytest.approx(100) and all(map(math.isfinite, found.values()))


@pytest.mark.parametrize(
    ("captions", "references", "sentence"),
    [
        ({}, {}, "no caption to judge"),
        ({"1": "a"}, {}, "1 has a caption but no references"),
        ({"1": "a"}, {"1": []}, "1: none of its references has a word"),
        ({"1": "a"}, {"1": [" . "]}, "1: none of its references has a word"),
        ({"1": "a"}, {"1": "a dog"}, "1: references are a list of texts, not 'a dog'"),
        ({"1": "a"}, {"1": [["a", "dog"]]}, "1: references are a list of texts"),
        ({"1": ["a", "dog"]}, {"1": ["a"]}, "1: the caption is not a text but"),
        ({"1": None}, {"1": ["a"]}, "1: the caption is not a text but None"),
        (["a dog"], [["a dog"]], "given as {picture: text}"),
    ],
)
def test_what_cannot_be_judged_is_refused(captions, references, sentence):
    with pytest.raises(InputError, match=sentence):
        judging.score(captions, references)


# What chance makes of them


def test_resamples_have_as_many_pictures():
    draws = bootstrap.draws(7, seed=0)
    assert draws.shape == (1000, 7) and (draws.sum(axis=1) == 7).all() and draws.dtype == np.float64
    assert abs(draws.mean(axis=0) - 1).max() < 0.1


def test_interval_is_the_middle_95_percent():
    assert bootstrap.interval(np.arange(1001.0)) == (25.0, 975.0)


def test_intervals_are_the_same_for_the_same_seed_and_hold_the_figures(rng):
    captions, said = made_up(rng, pictures=60)
    captions[::3] = [of_one[0] for of_one in said[::3]]
    captions, references = as_texts(captions, said)
    judged = judging.judge(captions, references)
    found = judged.intervals(seed=1)
    assert found == judging.intervals(captions, references, seed=1) != judged.intervals(seed=2)
    assert list(found) == NAMES
    for name, figure in judged.score().items():
        assert found[name][0] < figure < found[name][1]


def test_the_interval_of_a_mean_is_as_wide_as_theory_says(rng):
    """Means of N figures spread with their standard deviation / sqrt N; 95 % lie within 1.96 of it."""
    judged = judging.judge(*as_texts(*made_up(rng, pictures=400)))
    low, high = judged.intervals()["ROUGE-L"]
    assert (high - low) / 2 == pytest.approx(1.96 * judged.means["ROUGE-L"].std() / math.sqrt(400), rel=0.1)


def test_differences_are_of_the_same_pictures(rng):
    captions, said = made_up(rng, pictures=80)
    judged = judging.judge(*as_texts(captions, said))
    better = [words if k % 2 else said[k][0] for k, words in enumerate(captions)]
    better = judging.judge(*as_texts(better, said))
    assert set(judged.difference(judged).values()) == {(0.0, 0.0)}
    gained = better.difference(judged)
    for name, (low, high) in gained.items():
        assert 0 < low < better.score()[name] - judged.score()[name] < high
    assert judged.difference(better)["ROUGE-L"] == pytest.approx(tuple(-edge for edge in gained["ROUGE-L"][::-1]))
    assert gained == better.difference(judged, seed=0) != better.difference(judged, seed=1)
    with pytest.raises(InputError, match="same pictures"):
        judged.difference(judging.judge({"other.jpg": "a"}, {"other.jpg": ["a"]}))


# What they are read between


def test_constants_score_as_they_would_one_by_one(rng):
    _, said = made_up(rng, pictures=9)
    said = [[*texts, ["a"]] for texts in said]  # which then weighs nothing
    candidates = [*(texts[0] for texts in said), [], ["a"], ["a", "dog", "a", "dog", "a"], ["unseen"]]
    bleus, ciders = constants.bleu_4(candidates, said), constants.cider_d(candidates, said)
    for words, of_bleu, of_cider in zip(candidates, bleus, ciders, strict=True):
        assert of_bleu == pytest.approx(bleu.bleu([words] * 9, said)[3], abs=1e-10)
        assert of_cider == pytest.approx(cider.cider_d([words] * 9, said).mean(), abs=1e-10)


@pytest.mark.parametrize("by", ["BLEU-4", "CIDEr-D"])
def test_no_reference_is_a_better_constant(rng, by):
    _, references = as_texts(*made_up(rng, pictures=15))
    of_each = {
        text: judging.score(dict.fromkeys(references, text), references)[by]
        for texts in references.values()
        for text in texts
    }
    best = floors.best_constant(references, by)
    assert of_each[best] == pytest.approx(max(of_each.values())) and of_each[best] > 0


def test_random_captions_are_trains():
    train = {f"{k}.jpg": [f"caption {k} {j}" for j in range(5)] for k in range(40)}
    found = floors.random_captions(["x.jpg", "y.jpg", "z.jpg"], train, seed=1)
    assert list(found) == ["x.jpg", "y.jpg", "z.jpg"] and len(set(found.values())) == 3
    assert set(found.values()) <= {text for texts in train.values() for text in texts}
    assert found == floors.random_captions(found, train, seed=1) != floors.random_captions(found, train, seed=2)


def test_shuffled_captions_are_all_there_and_none_where_it_was(rng):
    for pictures in (2, 3, 50):
        captions = {f"{k}.jpg": f"caption {k}" for k in rng.permutation(pictures)}
        found = floors.shuffled(captions, seed=1)
        assert list(found) == list(captions) and sorted(found.values()) == sorted(captions.values())
        assert all(found[name] != text for name, text in captions.items())
    assert found == floors.shuffled(captions, seed=1) != floors.shuffled(captions, seed=2)
    assert floors.shuffled({"1": "alone"}) == {"1": "alone"}


def test_one_person_is_judged_by_the_others():
    captions, references = floors.one_against_the_others({"1": ["a", "b", "c"], "2": ("d", "e", "f")}, 1)
    assert captions == {"1": "b", "2": "e"} and references == {"1": ["a", "c"], "2": ["d", "f"]}
    for references, k in (({"1": ["a", "b"]}, 2), ({"1": ["a"]}, 0)):
        with pytest.raises(InputError, match="too few"):
            floors.one_against_the_others(references, k)
