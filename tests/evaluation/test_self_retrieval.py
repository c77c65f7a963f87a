"""Test that captions choose images by the log p of a captioner."""

from types import SimpleNamespace

import numpy as np

from numpy_sat.data.vocabulary import END
from numpy_sat.decoding import likelihood
from numpy_sat.evaluation import self_retrieval
from numpy_sat.evaluation.self_retrieval import Retriever
from numpy_sat.experiment.recipe import Recipe

COLORS = ["red", "green", "blue"]


def test_captions_choose_the_likeliest_image(monkeypatch):
    """Check six images in pools of four, where log p counts the words that name the image's color."""
    colors, calls = [0, 1, 2, 0, 1, 2], []
    texts = ["a red dog", "a green dog", "a red dog", "a dog", "a blue dog", "a blue dog"]

    def log_probabilities(decoder, params, state, captions):
        calls.append(len(captions))
        assert all(caption[-1] == END and len(caption) == len(captions[0]) for caption in captions)
        return np.array([captions[0].count(10 + color) for color in state], float)

    monkeypatch.setattr(self_retrieval.inputs, "load", lambda recipe, examples: np.array(examples, dtype=float))
    monkeypatch.setattr(self_retrieval.captioner, "annotate", lambda params, inputs, recipe: inputs)
    monkeypatch.setattr(self_retrieval.retrieval, "POOL", 4)
    monkeypatch.setattr(likelihood, "log_probabilities", log_probabilities)
    words = SimpleNamespace(encode=lambda words: [10 + COLORS.index(word) if word in COLORS else 5 for word in words])
    retriever = Retriever(SimpleNamespace(params={}, recipe=Recipe(), vocabulary=words))
    monkeypatch.setattr(retriever, "_decoder", SimpleNamespace(begin=lambda params, a: a))
    written = SimpleNamespace(
        texts=dict(enumerate(texts)), examples=colors, dataset=SimpleNamespace(name="photos", root=None)
    )
    # right: the first, the second, and the last; "a dog" chooses the first of equal images
    share = retriever.measure(written)
    assert share.value == 3 / 6 and share.low < 3 / 6 < share.high
    assert calls == [4, 4, 4, 2] and retriever.measure(written) == share and len(calls) == 4
