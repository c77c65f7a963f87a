"""Test the measures of diversity by hand, the distance from the scenes' grammar, and the height above a curve."""

from collections import Counter

import numpy as np
import pytest

from numpy_sat.data.scenes import scene_language, scenes
from numpy_sat.evaluation import bootstrap, diversity, diversity_evaluation, scene_wording
from numpy_sat.metrics import bleu


def words_of(*texts):
    return [text.split() for text in texts]


def test_distinct_ngrams_by_hand():
    captions = words_of("a red ball", "a red ball", "a blue ball")
    assert diversity.distinct(captions, 1) == 4 / 9
    assert diversity.distinct(captions, 2) == 4 / 9
    assert diversity.distinct([[], []], 1) == 0


def test_diversity_by_hand():
    captions = [words_of("a red ball", "a red ball"), words_of("the cat of a cat", "two dogs run")]
    measures = diversity.measure(captions, words_of("a red ball", "two dogs run"))
    assert measures.words == 9 and measures.novel.tolist() == [0, 0.5] and measures.repeats.tolist() == [0, 0.5]
    np.testing.assert_allclose(measures.div1, [3 / 6, 7 / 8])
    np.testing.assert_allclose(measures.div2, [2 / 6, 6 / 8])
    equal = bleu.from_counts(measures.self_bleu[0])
    assert equal[2] == pytest.approx(100)
    assert bleu.from_counts(measures.self_bleu[1])[0] == 0


def test_self_bleu_uses_the_other_captions_as_references():
    captions = words_of("a b c d", "a b c d", "e f g h")
    counts = diversity.measure([captions], []).self_bleu.sum(axis=0)
    assert bleu.from_counts(counts)[3] == pytest.approx(100 * 2 / 3)


@pytest.fixture(scope="module")
def described():
    """Return the captions of 3000 random scenes, as word lists, and the scene of each caption."""
    captions, its_scenes = [], []
    for index in range(600):
        rng = np.random.default_rng(index)
        scene = scenes.random_scene(rng)
        for caption in scene_language.describe(scene, rng):
            captions.append(caption.text.lower().removesuffix(" .").split())
            its_scenes.append(scene)
    return captions, its_scenes


def test_the_grammars_own_captions_are_as_far_as_chance(described):
    wording = scene_wording.measure(*described)
    assert 0 < wording.forms.value <= wording.forms.noise + 0.01  # five different forms: less than chance
    for distance in (wording.synonyms, wording.omissions):
        assert 0.2 * distance.noise < distance.value < 2.5 * distance.noise < 0.06


def test_every_caption_of_the_grammar_is_read_and_every_answer_is_possible(described):
    for words, scene in zip(*described, strict=True):
        for question, answer in scene_language.choices(words, scene):
            assert scene_language.WORDINGS[question][answer] > 0
    assert all(sum(answers.values()) == pytest.approx(1) for answers in scene_language.WORDINGS.values())


def test_a_captioner_with_one_form_is_far_from_the_grammar(described):
    captions, its_scenes = described
    indices = [k for k, words in enumerate(captions) if words[:2] in (["there", "is"], ["there", "are"])]
    wording = scene_wording.measure([captions[k] for k in indices], [its_scenes[k] for k in indices])
    assert wording.forms.value > 0.4 and wording.synonyms.value < 0.06


def test_captions_outside_the_grammar_have_no_form(described):
    captions, its_scenes = described
    wording = scene_wording.measure([["a", "a"]] * len(captions), its_scenes)
    assert (
        wording.forms.value == pytest.approx(1)
        and np.isnan(wording.synonyms.value)
        and np.isnan(wording.omissions.noise)
    )


def test_total_variation_by_hand():
    true = {"a": 0.5, "b": 0.3, "c": 0.2}
    assert scene_wording.total_variation(Counter(a=5, b=3, c=2), true) == pytest.approx(0)
    assert scene_wording.total_variation(Counter(a=4), true) == pytest.approx(0.5)
    assert scene_wording.total_variation(Counter(d=4, a=4), true) == pytest.approx(0.5)


def way(accuracy, div2):
    values = np.full((2, 40), [[accuracy], [div2]]) + np.random.default_rng(0).uniform(-1, 1, 40) * [[2], [0]]
    zeros = np.zeros(40)
    measures = diversity.Diversity(zeros, values[1], np.zeros((40, 10)), zeros, zeros, 1)
    return diversity_evaluation.Way("run", "way", values[0], zeros, measures, None)


def test_the_height_above_a_curve():
    curve, counts = [way(60, 0.5), way(90, 0.3), way(80, 0.4)], bootstrap.resample(40, 0)
    height = diversity_evaluation.height_above(way(75, 0.45), curve, counts)
    assert height.value == pytest.approx(5) and height.low == pytest.approx(5) and height.high == pytest.approx(5)
    assert diversity_evaluation.height_above(way(60, 0.45), curve, counts).value == pytest.approx(-10)
    assert diversity_evaluation.height_above(way(75, 0.55), curve, counts) is None
    noisy = way(75, 0.45)
    noisy = noisy._replace(accuracy=75 + 10 * np.random.default_rng(1).standard_normal(40))
    height = diversity_evaluation.height_above(noisy, curve, counts)
    assert height.low < height.value < height.high
