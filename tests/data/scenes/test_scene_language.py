"""Test the captions of scenes and the judge of captions."""

import re

import numpy as np
import pytest

from numpy_sat.data.scenes import scene_language as language
from numpy_sat.data.scenes import scenes
from numpy_sat.data.scenes.scene_language import Group, Scene, SceneObject

CIRCLE_AND_SQUARES = Scene(
    groups=(Group(1, "small", "red", "circle"), Group(2, "large", "blue", "square")),
    objects=(
        SceneObject(0, (10, 50, 30, 70)),
        SceneObject(1, (70, 20, 105, 55)),
        SceneObject(1, (75, 70, 110, 105)),
    ),
    background="striped",
)
TWO_STARS = Scene(
    groups=(Group(1, "small", "red", "star"), Group(1, "large", "orange", "star")),
    objects=(SceneObject(0, (50, 10, 70, 30)), SceneObject(1, (45, 80, 80, 115))),
    background="plain",
)
FOUR_TRIANGLES = Scene(
    groups=(Group(4, "small", "green", "triangle"),),
    objects=tuple(SceneObject(0, (10 + 30 * i, 50, 30 + 30 * i, 70)) for i in range(4)),
    background="dotted",
)


def words_of(text):
    return text.lower().replace(".", "").split()


def described_scenes(count, seed=0):
    """Yield random scenes with their captions."""
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        scene = scenes.random_scene(rng)
        yield scene, language.describe(scene, rng)


@pytest.mark.parametrize(
    ("scene", "text", "complete", "links"),
    [
        (CIRCLE_AND_SQUARES, "a red circle left of two blue squares", True, {2: (0,), 7: (1, 2)}),
        (CIRCLE_AND_SQUARES, "two big squares are to the right of a red circle", True, {2: (1, 2), 10: (0,)}),
        (CIRCLE_AND_SQUARES, "a circle left of two squares", False, {1: (0,), 5: (1, 2)}),
        (CIRCLE_AND_SQUARES, "there is a red circle against a striped background", False, {4: (0,)}),
        (CIRCLE_AND_SQUARES, "the picture shows two squares", False, {4: (1, 2)}),
        (TWO_STARS, "a picture of two stars", False, {4: (0, 1)}),
        (TWO_STARS, "there is a star", False, {3: (0, 1)}),
        (TWO_STARS, "an orange star under a star", True, {2: (1,), 5: (0,)}),
        (TWO_STARS, "there is a star above a large orange star", True, {3: (0,), 8: (1,)}),
        (FOUR_TRIANGLES, "four green triangles on a dotted background", True, {2: (0, 1, 2, 3)}),
        (FOUR_TRIANGLES, "there are four small triangles", False, {4: (0, 1, 2, 3)}),
    ],
)
def test_true_captions(scene, text, complete, links):
    assert language.judge(text.split(), scene) == (
        True,
        complete,
        links,
        True,
        True if any(f"{word} " in text for word in language.RELATION_OF) else None,
    )


@pytest.mark.parametrize(
    ("scene", "text", "links", "objects_right", "relation_right"),
    [
        (CIRCLE_AND_SQUARES, "a red circle right of two blue squares", {2: (0,), 7: (1, 2)}, True, False),
        (CIRCLE_AND_SQUARES, "a red circle above two blue squares", {2: (0,), 6: (1, 2)}, True, False),
        (CIRCLE_AND_SQUARES, "a red circle left of two green squares", {2: (0,)}, False, False),
        (CIRCLE_AND_SQUARES, "a red circle left of three blue squares", {2: (0,)}, False, False),
        (CIRCLE_AND_SQUARES, "a red circle left of a blue square", {2: (0,)}, False, False),
        (CIRCLE_AND_SQUARES, "a big red circle left of two blue squares", {8: (1, 2)}, False, False),
        (CIRCLE_AND_SQUARES, "a red circle on a plain background", {2: (0,)}, True, None),
        (TWO_STARS, "a red star above a red star", {2: (0,), 6: (0,)}, True, False),
        (TWO_STARS, "there are three stars", {}, False, None),
        (FOUR_TRIANGLES, "there are three green triangles", {}, False, None),
        (
            FOUR_TRIANGLES,
            "four green triangles above four green triangles",
            dict.fromkeys((2, 6), (0, 1, 2, 3)),
            True,
            False,
        ),
    ],
)
def test_false_captions(scene, text, links, objects_right, relation_right):
    assert language.judge(text.split(), scene) == (False, False, links, objects_right, relation_right)


@pytest.mark.parametrize(
    ("text", "links", "objects_right", "relation_right"),
    [
        ("", {}, None, None),
        ("a", {}, None, None),
        ("striped background", {}, None, None),
        ("left of", {}, None, False),
        ("there is two blue squares", {4: (1, 2)}, True, None),
        ("two blue squares is right of a red circle", {2: (1, 2), 8: (0,)}, True, False),
        ("there are two blue square", {}, False, None),
        ("there is an red circle", {}, False, None),
        ("there is red circle", {}, False, None),
        ("there is a red small circle", {}, False, None),
        ("there is a red blue circle", {}, False, None),
        ("a red circle", {2: (0,)}, True, None),
        ("a red circle circle left of two blue squares", {2: (0,), 8: (1, 2)}, False, False),
        ("a red circle left two blue squares", {2: (0,), 6: (1, 2)}, True, None),
        ("a red circle is a red circle", {2: (0,), 6: (0,)}, True, None),
        ("a red circle on a dog background", {2: (0,)}, True, None),
        ("squares blue two of left circle red a", {}, False, None),
    ],
)
def test_captions_that_do_not_parse(text, links, objects_right, relation_right):
    verdict = language.judge(text.split(), CIRCLE_AND_SQUARES)
    assert verdict == (False, False, links, objects_right, relation_right)


@pytest.mark.parametrize(
    ("second", "relation"),
    [
        ((60, 40, 80, 60), "left"),
        ((0, 40, 20, 60), "right"),
        ((40, 70, 60, 90), "above"),
        ((40, 0, 60, 20), "below"),
        ((66, 64, 86, 84), "left"),  # offset 36 against 24
        ((66, 65, 86, 85), None),  # offset 36 against 25: neither direction dominates
        ((56, 40, 76, 60), "left"),
        ((55, 40, 75, 60), None),  # too close
        ((55, 66, 75, 86), None),  # the vertical offset does not dominate the horizontal offset
        ((40, 40, 60, 60), None),
    ],
)
def test_relation_between_two_boxes(second, relation):
    assert language.relation_between([(30, 40, 50, 60)], [second]) == relation


def test_relation_depends_on_all_members():
    left, far, between = (0, 40, 20, 60), (100, 40, 120, 60), (50, 40, 70, 60)
    assert language.relation_between([left, between], [far]) == "left"
    assert language.relation_between([left, far], [between]) is None


def test_written_captions_are_judged_true_and_complete():
    for scene, captions in described_scenes(400):
        for caption in captions:
            verdict = language.judge(words_of(caption.text), scene)
            relation_right = True if len(scene.groups) == 2 else None
            assert verdict == (True, True, caption.links, True, relation_right), caption.text


def test_links_connect_a_noun_to_all_its_objects():
    for scene, captions in described_scenes(200):
        for caption in captions:
            words = words_of(caption.text)
            assert sorted(sum(caption.links.values(), ())) == list(range(len(scene.objects)))
            for noun, objects in caption.links.items():
                (group,) = {scene.objects[i].group for i in objects}
                assert words[noun].rstrip("s") == scene.groups[group].shape
                assert words[noun - 1] == scene.groups[group].color or words[noun - 1] not in language.COLORS


def test_a_scene_has_five_different_captions():
    captions = [[caption.text for caption in captions] for _, captions in described_scenes(200)]
    assert all(len(set(texts)) == 5 for texts in captions)


def test_captions_resemble_flickr8k():
    texts = [caption.text for _, captions in described_scenes(400) for caption in captions]
    assert all(re.fullmatch(r"[A-Z][a-z ]+ \.", text) for text in texts)
    assert len({word for text in texts for word in words_of(text)}) < 60
    lengths = [len(words_of(text)) for text in texts]
    assert min(lengths) >= 4 and max(lengths) <= 18
    assert np.quantile(lengths, 0.98) <= 16


WORDINGS = (language.SIZE_OF, language.SHAPE_OF, language.RELATION_OF, dict(zip(*[language.COLORS] * 2, strict=True)))
WORDINGS += ({background: background for background in language.BACKGROUNDS},)
WORDINGS += ({"two": 2, "three": 3, "four": 4},)


def corruptions(text):
    """Yield the text with one content word replaced by each word of its class with another meaning."""
    for table in WORDINGS:
        longest_first = sorted(table, key=len, reverse=True)
        for match in re.finditer(rf"\b({'|'.join(longest_first)})\b", text):
            for wording, meaning in table.items():
                same_number = wording.endswith("s") == match.group().endswith("s")
                if meaning != table[match.group()] and same_number:
                    changed = text[: match.start()] + wording + text[match.end() :]
                    yield re.sub(r"\ban? (?=[aeiou])", "an ", re.sub(r"\ban? (?![aeiou])", "a ", changed))


def test_replacing_a_content_word_makes_a_caption_false():
    count = 0
    for scene, captions in described_scenes(100, seed=1):
        for caption in captions:
            for text in corruptions(" ".join(words_of(caption.text))):
                assert not language.judge(text.split(), scene).true, (caption.text, text)
                count += 1
    assert count > 5000


@pytest.mark.parametrize("aspect", ["size", "color", "shape"])
def test_replaced_words_are_true_of_the_changed_scene(aspect):
    """Check that the judge refuses a replaced word for its meaning, not because the caption fails to parse."""
    options = {"size": language.SIZES, "color": language.COLORS, "shape": language.SHAPES}[aspect]
    group = Group(1, "small", "red", "circle")
    for value in options:
        changed = group._replace(**{aspect: value})
        article = "an" if changed.color == "orange" and aspect != "size" else "a"
        size = changed.size + " " if aspect == "size" else ""
        words = f"there is {article} {size}{changed.color} {changed.shape}".split()
        scene = Scene((group,), (SceneObject(0, (10, 10, 30, 30)),), "plain")
        assert language.judge(words, scene).complete == (value == getattr(group, aspect))
        assert language.judge(words, scene._replace(groups=(changed,))).complete


def test_a_doubled_word_is_never_true():
    for scene, captions in described_scenes(60, seed=2):
        for caption in captions:
            words = words_of(caption.text)
            for i in range(len(words)):
                assert not language.judge(words[: i + 1] + words[i:], scene).true
