"""What can be in a drawn scene, how that is put into words, and how a caption of a scene is judged.

The tables and sentence forms below are the whole grammar. Captions are written by filling in a form, and a caption
parses only if filling in a form with what was read gives the same words again: writer and judge cannot disagree.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple, TypeVar

import numpy as np

Box = tuple[int, int, int, int]  # x0, y0, x1, y1 in pixels; x1 and y1 are just outside
Links = dict[int, tuple[int, ...]]  # place of a noun among a caption's words -> places of the objects it names
T = TypeVar("T")

COLORS = ("red", "green", "blue", "yellow", "purple", "orange")
BACKGROUNDS = ("plain", "shaded", "striped", "checked", "dotted")

# Each table maps every wording to its meaning.
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

# {be} agrees with {first}, and {first}, always named first, is in the relation to {second}.
ONE_GROUP_FORMS = (
    "there {be} {first}",
    "there {be} {first} {ground}",
    "there {be} {first} in the image",
    "{first} {ground}",
    "{ground} {be} {first}",
    "the image shows {first}",
    "an image of {first}",
)
TWO_GROUP_FORMS = (
    "{first} {relation} {second}",
    "{first} {be} {relation} {second}",
    "{first} {relation} {second} {ground}",
    "there {be} {first} {relation} {second}",
    "the image shows {first} {relation} {second}",
)

CAPTIONS = 5  # a scene, as in Flickr8k
SIZE_SAID = 0.5  # how often a caption says a group's size
COLOR_UNSAID = 0.1  # how often a caption of two groups says the color of only one
MARGIN = 6  # pixels that must lie between two groups for a relation to hold
DOMINANCE = 1.5  # how many times the offset along a relation's axis must exceed the offset across it


class Group(NamedTuple):
    """Objects that look alike."""

    count: int  # 1 to 4
    size: str
    color: str
    shape: str


class SceneObject(NamedTuple):
    """One drawn object."""

    group: int  # its group's place in the scene
    box: Box


class Scene(NamedTuple):
    """What one image shows, and which objects the nouns of its captions name."""

    groups: tuple[Group, ...]  # one or two
    objects: tuple[SceneObject, ...]
    background: str
    links: tuple[Links, ...] = ()  # one for each caption

    def members(self, groups: Iterable[int]) -> tuple[int, ...]:
        """Return the places of the objects of these groups."""
        wanted = set(groups)
        return tuple(place for place, thing in enumerate(self.objects) if thing.group in wanted)

    def boxes(self, groups: Iterable[int]) -> list[Box]:
        """Return the boxes of the objects of these groups."""
        return [self.objects[place].box for place in self.members(groups)]


class Caption(NamedTuple):
    """One caption of a scene; links count its words in lower case and without punctuation."""

    text: str
    links: Links


class Verdict(NamedTuple):
    """What is right about a caption of a scene."""

    true: bool  # it parses, and all it says is so
    complete: bool  # true, names a color, and says how the groups lie if there are two (a count is always said)
    links: Links  # of every noun phrase that is true of the scene, even if the rest of the caption is wrong
    objects_right: bool | None  # every noun phrase is well formed and true; None if there is none
    relation_right: bool | None  # the relation holds between what is named; None if no relation is said


class _Phrase(NamedTuple):
    count: int | None
    size: str | None  # as worded
    color: str | None
    shape: str


class _Sentence(NamedTuple):
    form: str
    first: _Phrase
    second: _Phrase | None
    relation: str | None  # as worded
    ground: str | None  # as worded


def relation_between(boxes: Sequence[Box], others: Sequence[Box]) -> str | None:
    """Return the one relation in which the first boxes, taken together, stand to the others, or None."""
    x0, y0, x1, y1 = _around(boxes)
    u0, v0, u1, v1 = _around(others)
    offset_x, offset_y = (x0 + x1 - u0 - u1) / 2, (y0 + y1 - v0 - v1) / 2
    if max(u0 - x1, x0 - u1) >= MARGIN and abs(offset_x) >= DOMINANCE * abs(offset_y):
        return "left" if offset_x < 0 else "right"
    if max(v0 - y1, y0 - v1) >= MARGIN and abs(offset_y) >= DOMINANCE * abs(offset_x):
        return "above" if offset_y < 0 else "below"
    return None


def describe(scene: Scene, rng: np.random.Generator) -> list[Caption]:
    """Write captions of a scene, each in a form of its own."""
    forms = ONE_GROUP_FORMS if len(scene.groups) == 1 else TWO_GROUP_FORMS
    return [_write(forms[i], scene, rng) for i in rng.choice(len(forms), CAPTIONS, replace=False)]


def judge(words: Sequence[str], scene: Scene) -> Verdict:
    """Judge a caption, given as lower-case words without punctuation, against a scene; any words will do."""
    text = " ".join(words)
    sentence = _parse(text)
    meant = {place: _referents(phrase, scene) for place, phrase in _find_phrases(text)}
    pair = _related_pair(sentence, scene) if sentence and sentence.relation else None
    if pair:  # the relation settles which of two like groups a phrase means
        meant = {place: [groups] for place, groups in zip(meant, pair, strict=True)}
    objects_right = all(meant.values()) if meant else None
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
    links = {place: scene.members(set().union(*sets)) for place, sets in meant.items() if sets}
    return Verdict(true, complete, links, objects_right, relation_right)


def _around(boxes: Sequence[Box]) -> Box:
    """Return the smallest box that holds them all."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


# Writing


def _write(form: str, scene: Scene, rng: np.random.Generator) -> Caption:
    groups = [int(group) for group in rng.permutation(len(scene.groups))]
    bare = rng.integers(2) if len(groups) == 2 and rng.random() < COLOR_UNSAID else None
    phrases = [_word_group(scene.groups[group], i != bare, rng) for i, group in enumerate(groups)]
    relation = None
    if len(groups) == 2:
        holds = relation_between(scene.boxes(groups[:1]), scene.boxes(groups[1:]))
        relation = _pick([wording for wording, meaning in RELATION_OF.items() if meaning == holds], rng)
    ground = _pick([wording for wording, meaning in GROUND_OF.items() if meaning == scene.background], rng)
    text = _render(_Sentence(form, phrases[0], phrases[1] if len(groups) == 2 else None, relation, ground))
    nouns = [place for place, word in enumerate(text.split()) if word in SHAPE_OF]
    named = [scene.members([group]) for group in groups]
    return Caption(text.capitalize() + " .", dict(zip(nouns, named, strict=True)))


def _word_group(group: Group, say_color: bool, rng: np.random.Generator) -> _Phrase:
    size = _pick([wording for wording, meaning in SIZE_OF.items() if meaning == group.size], rng)
    return _Phrase(
        group.count, size if rng.random() < SIZE_SAID else None, group.color if say_color else None, group.shape
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


# Reading


def _any_of(wordings: Iterable[str]) -> str:
    return f"(?:{'|'.join(wordings)})"


# The count may be missing here so that every noun is found; such a phrase is found wanting when it is spelt again.
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
            second = _read_phrase(parts["second"]) if "second" in parts else None
            sentence = _Sentence(form, _read_phrase(parts["first"]), second, parts.get("relation"), parts.get("ground"))
            if _render(sentence) == text:  # fails where words do not agree in number
                return sentence
    return None


def _find_phrases(text: str) -> list[tuple[int, _Phrase | None]]:
    """Return the place of each noun in the text and its phrase, None where that is badly formed."""
    found = []
    for match in _PHRASES.finditer(text):
        phrase = _read_phrase(match.group())
        found.append((text.count(" ", 0, match.end()), phrase if _spell(phrase) == match.group() else None))
    return found


def _read_phrase(text: str) -> _Phrase:
    words = text.split()
    size = next((word for word in words if word in SIZE_OF), None)
    color = next((word for word in words if word in COLORS), None)
    return _Phrase(COUNT_OF.get(words[0]), size, color, SHAPE_OF[words[-1]])


# Meaning


def _referents(phrase: _Phrase | None, scene: Scene) -> list[tuple[int, ...]]:
    """Return every set of groups a phrase can mean: all members fit it, and they are as many as it says."""
    if phrase is None:
        return []
    fitting = [place for place, group in enumerate(scene.groups) if _fits(phrase, group)]
    sets = [groups for size in (1, 2) for groups in combinations(fitting, size)]
    return [groups for groups in sets if sum(scene.groups[place].count for place in groups) == phrase.count]


def _fits(phrase: _Phrase, group: Group) -> bool:
    return (
        phrase.shape == group.shape
        and phrase.color in (None, group.color)
        and (phrase.size is None or SIZE_OF[phrase.size] == group.size)
    )


def _related_pair(sentence: _Sentence, scene: Scene) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Return the groups meant by first and second if the relation holds between them.

    There is at most one such pair: of two groups, only one is on the stated side of the other.
    """
    for first in _referents(sentence.first, scene):
        for second in _referents(sentence.second, scene):
            holds = relation_between(scene.boxes(first), scene.boxes(second))
            if holds == RELATION_OF[sentence.relation]:
                return first, second
    return None
