"""Test the evaluation of gaps, with models whose answers are known."""

from types import SimpleNamespace

import numpy as np
import pytest

from numpy_sat import captioner
from numpy_sat.data.vocabulary import Vocabulary
from numpy_sat.decoders import MODELS
from numpy_sat.evaluation import gap_evaluation, layout, report

CAPTIONS = ("a red star over two blue circles", "there is a blue star", "a green circle", "a red star under a red star")
WORDS = sorted({word for caption in CAPTIONS for word in caption.split()} | {"above"})
VOCABULARY = Vocabulary(("<start>", "<end>", "<unk>", *WORDS))


def judge(monkeypatch, answer, name="scenes"):
    """Judge a model that fills every gap with the word answer(number of the image, caption with the gap, way)."""

    def fill(params, a, tokens, real, sees_later, config):
        logits = np.zeros((*tokens.shape, len(VOCABULARY)))
        for b, column in enumerate(tokens.T):
            words = [VOCABULARY.words[k] if k < len(VOCABULARY) else "?" for k in column[real[:, b] > 0]]
            word = answer(int(a[b, 0, 0]), " ".join(words[:-1]), sees_later)
            logits[column == len(VOCABULARY), b, VOCABULARY.words.index(word)] = 1
        return logits

    monkeypatch.setitem(MODELS, "vlp", SimpleNamespace(fill=fill))
    monkeypatch.setattr(captioner, "annotate", lambda params, inputs, config: inputs)
    examples = [SimpleNamespace(name=f"image {n}") for n in range(4)]
    written = SimpleNamespace(
        dataset=SimpleNamespace(name=name, tokenize=str.split),
        references={f"image {n}": [caption] for n, caption in enumerate(CAPTIONS)},
        examples=examples,
        inputs=np.arange(4.0)[:, None, None],
    )
    recipe = SimpleNamespace(decoder=SimpleNamespace(model="vlp"))
    return gap_evaluation.judge(SimpleNamespace(recipe=recipe, params={}, vocabulary=VOCABULARY), written)


def test_constant_answers(monkeypatch):
    """Check that each kind counts its own gaps: red is right at 3 of 6 colors, star at 4 of 6 shapes."""
    gaps = judge(monkeypatch, lambda image, caption, sees_later: "red")
    assert gaps.cases == {"colors": 6, "shapes": 6, "relations": 2}
    assert [share.value for share in gaps.right["colors"].values()] == 3 * [0.5]
    assert gaps.right["shapes"][gap_evaluation.BOTH].value == 0
    gaps = judge(monkeypatch, lambda image, caption, sees_later: "star")
    assert gaps.right["shapes"][gap_evaluation.LEFT].value == pytest.approx(4 / 6)


def test_a_relation_is_right_by_its_meaning(monkeypatch):
    gaps = judge(monkeypatch, lambda image, caption, sees_later: "above")
    assert gaps.right["relations"][gap_evaluation.BOTH].value == 0.5


def test_both_sides_and_the_image(monkeypatch):
    """Check what a model is given: it knows the caption of each image, and answers only with both sides."""

    def answer(image, caption, sees_later):
        words, own = caption.split(), CAPTIONS[image].split()
        assert words.count("?") == 1
        k = words.index("?")
        return own[k] if sees_later and k < len(own) and own[k] in WORDS else "two"

    right = judge(monkeypatch, answer).right["shapes"]
    assert right[gap_evaluation.BOTH].value == 1 and right[gap_evaluation.LEFT].value == 0
    assert right[gap_evaluation.OTHER].value < 1


def test_photos_have_gaps_at_all_words(monkeypatch):
    gaps = judge(monkeypatch, lambda image, caption, sees_later: "a", name="flickr8k")
    assert gaps.cases == {"words": 22}
    assert gaps.right["words"][gap_evaluation.BOTH].value == pytest.approx(5 / 22)
    (sentence,) = report._gaps(gaps)
    assert sentence.startswith("Gaps: of 22 hidden words, it fills 22.7 % (")
    assert layout.finite(gaps)["right"]["words"][gap_evaluation.LEFT][0] == pytest.approx(5 / 22)


def test_other_models_have_no_gaps():
    model = SimpleNamespace(recipe=SimpleNamespace(decoder=SimpleNamespace(model="soft")))
    assert gap_evaluation.judge(model, None) is None
