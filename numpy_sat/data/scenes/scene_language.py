"""The contents of a synthetic scene, the grammar that writes its captions, and the judge of captions.

The tables and sentence forms below are the whole grammar. A caption is written by filling in a form. A caption parses
only if filling in a form with the parsed parts gives the same words again. So writer and judge cannot disagree.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple, TypeVar

import numpy as np

Box = tuple[int, int, int, int]  # x0, y0, x1, y1 in pixels; x1 and y1 are exclusive
Links = dict[int, tuple[int, ...]]  # index of a noun in the caption -> indices of its objects
T = TypeVar("T")

COLORS = ("red", "green", "blue", "yellow", "purple", "orange")
BACKGROUNDS = ("plain", "shaded", "striped", "checked", "dotted")

# Each table maps all wordings to their meanings.
COUNT_OF = {"a": 1, "an": 1, "two": 2, "three": 3, "four": 4}
SIZE_OF = {"small": "small", "little": "small", "large": "large", "big": "large"}
SHAPE_OF = {noun: shape for shape in ("circle", "square", "triangle", "star") for noun in (shape, shape + "s")}
RELATION_OF = {
    "left of": "left",
    "to the left of": "left",
    "on the left side of": "left",
    "right of": "right",
    "to the right of": "right",
    "on the right side of": "right",
    "above": "above",
    "over": "above",
    "below": "below",
    "under": "below",
}
GROUND_OF = {
    f"{word} a {background} background": background for word in ("on", "against") for background in BACKGROUNDS
}

SIZES = tuple(dict.fromkeys(SIZE_OF.values()))
SHAPES = tuple(dict.fromkeys(SHAPE_OF.values()))

# {be} agrees with {first}. {relation} is the relation of {first} to {second}. {first} always comes before {second}.
ONE_GROUP_FORMS = (
    "there {be} {first}",
    "there {be} {first} {ground}",
    "there {be} {first} in the picture",
    "{first} {ground}",
    "{ground} {be} {first}",
    "the picture shows {first}",
    "a picture of {first}",
)
TWO_GROUP_FORMS = (
    "{first} {relation} {second}",
    "{first} {be} {relation} {second}",
    "{first} {relation} {second} {ground}",
    "there {be} {first} {relation} {second}",
    "the picture shows {first} {relation} {second}",
)

CAPTIONS = 5  # captions per scene, as in Flickr8k
SIZE_PROBABILITY = 0.5  # of a phrase to mention the size of its group
MISSING_COLOR_PROBABILITY = 0.1  # of a caption of two groups to mention only one color
MARGIN = 6  # smallest gap in pixels between two groups in a relation
DOMINANCE = 1.5  # smallest ratio of the offset along a relation's axis to the offset across it


class Group(NamedTuple):
    """One to four objects of the same size, color and shape."""

    count: int
    size: str
    color: str
    shape: str


class SceneObject(NamedTuple):
    """One object in the image."""

    group: int  # index of its group in the scene
    box: Box


class Scene(NamedTuple):
    """The contents of one image, and the links from nouns in its captions to objects."""

    groups: tuple[Group, ...]  # one or two
    objects: tuple[SceneObject, ...]
    background: str
    links: tuple[Links, ...] = ()  # one entry per caption

    def members(self, groups: Iterable[int]) -> tuple[int, ...]:
        """Return the indices of the objects of these groups."""
        groups = set(groups)
        return tuple(i for i, scene_object in enumerate(self.objects) if scene_object.group in groups)

    def boxes(self, groups: Iterable[int]) -> list[Box]:
        """Return the boxes of the objects of these groups."""
        return [self.objects[i].box for i in self.members(groups)]


class Caption(NamedTuple):
    """One caption of a scene. Its links index the words in lower case and without punctuation."""

    text: str
    links: Links


class Verdict(NamedTuple):
    """The judgment of a caption of a scene."""

    true: bool  # it parses, and every statement is correct
    complete: bool  # true, names a color and, for two groups, their relation (a count is always named)
    links: Links  # of all noun phrases that are true of the scene, even in a wrong caption
    objects_right: bool | None  # all noun phrases are well formed and true; None without noun phrases
    relation_right: bool | None  # the relation holds between the named groups; None without a relation


class _Phrase(NamedTuple):
    count: int | None
    size: str | None  # a key of SIZE_OF
    color: str | None
    shape: str


class _Sentence(NamedTuple):
    form: str
    first: _Phrase
    second: _Phrase | None
    relation: str | None  # a key of RELATION_OF
    ground: str | None  # a key of GROUND_OF


def relation_between(first: Sequence[Box], second: Sequence[Box]) -> str | None:
    """Return the relation of the first boxes, as one group, to the second boxes.

    Returns:
        "left", "right", "above", "below", or None if no relation is clear.
    """
    x0, y0, x1, y1 = _bounding_box(first)
    u0, v0, u1, v1 = _bounding_box(second)
    offset_x, offset_y = (x0 + x1 - u0 - u1) / 2, (y0 + y1 - v0 - v1) / 2
    if max(u0 - x1, x0 - u1) >= MARGIN and abs(offset_x) >= DOMINANCE * abs(offset_y):
        return "left" if offset_x < 0 else "right"
    if max(v0 - y1, y0 - v1) >= MARGIN and abs(offset_y) >= DOMINANCE * abs(offset_x):
        return "above" if offset_y < 0 else "below"
    return None


def describe(scene: Scene, rng: np.random.Generator) -> list[Caption]:
    """Write CAPTIONS captions of a scene, each with a different sentence form."""
    forms = ONE_GROUP_FORMS if len(scene.groups) == 1 else TWO_GROUP_FORMS
    return [_write(forms[i], scene, rng) for i in rng.choice(len(forms), CAPTIONS, replace=False)]


def judge(words: Sequence[str], scene: Scene) -> Verdict:
    """Judge a caption of a scene.

    Args:
        words: any lower-case words, without punctuation.
        scene: the scene.
    Returns:
        The verdict.
    """
    text = " ".join(words)
    sentence = _parse(text)
    referents = {noun: _referents(phrase, scene) for noun, phrase in _find_phrases(text)}
    pair = _related_pair(sentence, scene) if sentence and sentence.relation else None
    if pair:  # the relation decides which of two similar groups a phrase refers to
        referents = {noun: [groups] for noun, groups in zip(referents, pair, strict=True)}
    objects_right = all(referents.values()) if referents else None
    relation_right = pair is not None if _RELATION.search(text) else None
    true = (
        sentence is not None
        and objects_right is True
        and relation_right is not False
        and (sentence.ground is None or GROUND_OF[sentence.ground] == scene.background)
    )
    complete = (
        true
        and any(phrase and phrase.color for phrase in (sentence.first, sentence.second))
        and (len(scene.groups) == 1 or sentence.relation is not None)
    )
    links = {noun: scene.members(set().union(*sets)) for noun, sets in referents.items() if sets}
    return Verdict(true, complete, links, objects_right, relation_right)


def relation_said(words: Sequence[str]) -> str | None:
    """Return the first relation in a caption, such as "left"; None without a relation. words: lower-case words."""
    match = _RELATION.search(" ".join(words))
    return RELATION_OF[match.group()] if match else None


def choices(words: Sequence[str], scene: Scene) -> list[tuple[tuple, object]]:
    """Return the choices that a caption makes where the grammar leaves several, as (question, answer).

    A caption that does not parse answers the first question, which form it has, by None, and no other. WORDINGS has the
    probability of every right answer.

    Args:
        words: lower-case words, without punctuation.
        scene: the scene that the caption describes.
    """
    sentence, groups = _parse(" ".join(words)), len(scene.groups)
    if sentence is None:
        return [(("form", groups), None)]
    phrases = [phrase for phrase in (sentence.first, sentence.second) if phrase]
    answers = [(("form", groups), sentence.form)]
    answers += [(("relation", RELATION_OF[sentence.relation]), sentence.relation)] if sentence.relation else []
    answers += [(("ground",), sentence.ground.split()[0])] if sentence.ground else []
    answers += [(("size", SIZE_OF[phrase.size]), phrase.size) for phrase in phrases if phrase.size]
    answers += [(("size said",), phrase.size is not None) for phrase in phrases]
    answers += [(("colors said",), sum(phrase.color is not None for phrase in phrases))] if len(phrases) == 2 else []
    return answers


def _bounding_box(boxes: Sequence[Box]) -> Box:
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


# Writing captions


def _write(form: str, scene: Scene, rng: np.random.Generator) -> Caption:
    groups = [int(group) for group in rng.permutation(len(scene.groups))]
    colorless = rng.integers(2) if len(groups) == 2 and rng.random() < MISSING_COLOR_PROBABILITY else None
    phrases = [_choose_wording(scene.groups[group], i != colorless, rng) for i, group in enumerate(groups)]
    relation = None
    if len(groups) == 2:
        meaning = relation_between(scene.boxes(groups[:1]), scene.boxes(groups[1:]))
        relation = _pick([wording for wording in RELATION_OF if RELATION_OF[wording] == meaning], rng)
    ground = _pick([wording for wording, meaning in GROUND_OF.items() if meaning == scene.background], rng)
    text = _render(_Sentence(form, phrases[0], phrases[1] if len(groups) == 2 else None, relation, ground))
    nouns = [i for i, word in enumerate(text.split()) if word in SHAPE_OF]
    objects = [scene.members([group]) for group in groups]
    return Caption(text.capitalize() + " .", dict(zip(nouns, objects, strict=True)))


def _choose_wording(group: Group, with_color: bool, rng: np.random.Generator) -> _Phrase:
    size = _pick([wording for wording, meaning in SIZE_OF.items() if meaning == group.size], rng)
    return _Phrase(
        group.count, size if rng.random() < SIZE_PROBABILITY else None, group.color if with_color else None, group.shape
    )


def _pick(options: Sequence[T], rng: np.random.Generator) -> T:
    return options[rng.integers(len(options))]


def _render(sentence: _Sentence) -> str:
    return sentence.form.format(
        first=_spell(sentence.first),
        be="is" if sentence.first.count == 1 else "are",
        relation=sentence.relation,
        second=_spell(sentence.second) if sentence.second else None,
        ground=sentence.ground,
    )


def _spell(phrase: _Phrase) -> str:
    words = [word for word in (phrase.size, phrase.color) if word]
    words.append(phrase.shape if phrase.count == 1 else phrase.shape + "s")
    if phrase.count == 1:
        count = "an" if words[0][0] in "aeiou" else "a"
    else:
        count = next((word for word, number in COUNT_OF.items() if number == phrase.count), "")
    return " ".join([count, *words])


# Parsing captions


def _any_of(wordings: Iterable[str]) -> str:
    return f"(?:{'|'.join(wordings)})"


# The count is optional here, so that every noun is found. A phrase without a count fails when it is spelled again.
_PHRASE = rf"(?:{_any_of(COUNT_OF)} )?(?:{_any_of(SIZE_OF)} )?(?:{_any_of(COLORS)} )?{_any_of(SHAPE_OF)}"
_PHRASES = re.compile(rf"\b{_PHRASE}\b")
_RELATION = re.compile(rf"\b{_any_of(RELATION_OF)}\b")
_SLOTS = {
    "first": f"(?P<first>{_PHRASE})",
    "be": "(?:is|are)",
    "relation": f"(?P<relation>{_any_of(RELATION_OF)})",
    "second": f"(?P<second>{_PHRASE})",
    "ground": f"(?P<ground>{_any_of(GROUND_OF)})",
}
_PATTERNS = {form: re.compile(form.format(**_SLOTS)) for form in ONE_GROUP_FORMS + TWO_GROUP_FORMS}


def _parse(text: str) -> _Sentence | None:
    for form, pattern in _PATTERNS.items():
        if match := pattern.fullmatch(text):
            parts = match.groupdict()
            second = _parse_phrase(parts["second"]) if "second" in parts else None
            sentence = _Sentence(
                form, _parse_phrase(parts["first"]), second, parts.get("relation"), parts.get("ground")
            )
            if _render(sentence) == text:  # differs if words do not agree in number
                return sentence
    return None


def _find_phrases(text: str) -> list[tuple[int, _Phrase | None]]:
    """Return the index of each noun in the text and its phrase. The phrase is None if it is not well formed."""
    phrases = []
    for match in _PHRASES.finditer(text):
        phrase = _parse_phrase(match.group())
        noun = text.count(" ", 0, match.end())
        phrases.append((noun, phrase if _spell(phrase) == match.group() else None))
    return phrases


def _parse_phrase(text: str) -> _Phrase:
    words = text.split()
    size = next((word for word in words if word in SIZE_OF), None)
    color = next((word for word in words if word in COLORS), None)
    return _Phrase(COUNT_OF.get(words[0]), size, color, SHAPE_OF[words[-1]])


# The probability of every choice


def _uniform(answers: Iterable[T]) -> dict[T, float]:
    answers = list(answers)
    return dict.fromkeys(answers, 1 / len(answers))


def _wordings(table: dict[str, T], meaning: T) -> dict[str, float]:
    return _uniform(wording for wording in table if table[wording] == meaning)


WORDINGS = {  # {question: {answer: probability}}, see choices
    ("form", 1): _uniform(ONE_GROUP_FORMS),
    ("form", 2): _uniform(TWO_GROUP_FORMS),
    **{("relation", meaning): _wordings(RELATION_OF, meaning) for meaning in dict.fromkeys(RELATION_OF.values())},
    ("ground",): _uniform(dict.fromkeys(wording.split()[0] for wording in GROUND_OF)),
    **{("size", meaning): _wordings(SIZE_OF, meaning) for meaning in SIZES},
    ("size said",): {True: SIZE_PROBABILITY, False: 1 - SIZE_PROBABILITY},
    ("colors said",): {2: 1 - MISSING_COLOR_PROBABILITY, 1: MISSING_COLOR_PROBABILITY},
}


# Matching phrases with groups


def _referents(phrase: _Phrase | None, scene: Scene) -> list[tuple[int, ...]]:
    """Return all sets of one or two groups that match a phrase and together have its count."""
    if phrase is None:
        return []
    matches = [i for i, group in enumerate(scene.groups) if _matches(phrase, group)]
    sets = [groups for size in (1, 2) for groups in combinations(matches, size)]
    return [groups for groups in sets if sum(scene.groups[i].count for i in groups) == phrase.count]


def _matches(phrase: _Phrase, group: Group) -> bool:
    return (
        phrase.shape == group.shape
        and phrase.color in (None, group.color)
        and (phrase.size is None or SIZE_OF[phrase.size] == group.size)
    )


def _related_pair(sentence: _Sentence, scene: Scene) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Return the groups of the first and the second phrase if the relation holds between them, else None.

    At most one pair exists, because the relation holds between two groups in one direction only.
    """
    for first in _referents(sentence.first, scene):
        for second in _referents(sentence.second, scene):
            relation = relation_between(scene.boxes(first), scene.boxes(second))
            if relation == RELATION_OF[sentence.relation]:
                return first, second
    return None
