"""Judge how well a model fills gaps: it predicts a hidden word of a human caption, from both sides or from the left."""

import numpy as np

from numpy_sat import captioner
from numpy_sat.data import batches
from numpy_sat.data.scenes import scene_language
from numpy_sat.data.vocabulary import END
from numpy_sat.decoders import MODELS
from numpy_sat.evaluation import bootstrap, heldout
from numpy_sat.evaluation.gaps import BOTH, LEFT, OTHER, Gaps
from numpy_sat.experiment import runs

BATCH = 64  # gaps at a time
# {kind of words: {word: meaning}} of scenes. A gap is filled right if the word has the meaning of the hidden one.
KINDS = {
    "colors": {color: color for color in scene_language.COLORS},
    "shapes": {noun: noun for noun in scene_language.SHAPE_OF},
    "relations": {"left": "left", "right": "right", "above": "above", "over": "above", "below": "below"}
    | {"under": "below"},
}
WORDS = "words"  # the only kind of words of photos


def judge(model: runs.Model, written: heldout.Written) -> Gaps | None:
    """Fill gaps in the first reference of each image. Return None for a model that does not learn from gaps.

    Args:
        model: runs.Model.
        written: heldout.Written of the model.
    """
    fill = getattr(MODELS[model.recipe.decoder.model], "fill", None)
    if fill is None:
        return None
    captions = [written.dataset.tokenize(written.references[example.name][0]) for example in written.examples]
    kinds = KINDS if written.dataset.name == "scenes" else {WORDS: None}
    counts, cases, right = bootstrap.resample(len(captions), seed=0), {}, {}
    for kind, meanings in kinds.items():
        gaps = [
            (n, t)
            for n, words in enumerate(captions)
            for t, word in enumerate(words)
            if word in model.vocabulary and _belongs(word, meanings)
        ]
        rows, places = np.array(gaps).reshape(-1, 2).T
        cases[kind] = len(gaps)
        for way in (BOTH, LEFT, OTHER) if gaps else ():
            is_right = _fill(model, fill, written.inputs, captions, rows, places, way, meanings)
            sums = np.zeros((2, len(captions)))
            np.add.at(sums, (slice(None), rows), np.stack([is_right, np.ones(len(rows))]))
            right.setdefault(kind, {})[way] = bootstrap.share(counts, *sums)
    return Gaps(cases, right)


def _belongs(word, meanings):
    return meanings is None or word in meanings


def _fill(model, fill, inputs, captions, rows, places, way, meanings):
    """Return which gaps are filled right, as a float array. rows, places: image and place of each gap."""
    right, texts, V = [], model.vocabulary.words, len(model.vocabulary)
    for first in range(0, len(rows), BATCH):
        images, t = rows[first : first + BATCH], places[first : first + BATCH]
        _, words, mask = batches.arrange([[*model.vocabulary.encode(captions[n]), END] for n in images])
        b = np.arange(len(images))
        hidden = words[t, b].copy()
        words[t, b] = V
        if way == OTHER:
            images = (images + len(captions) // 2) % len(captions)
        a = captioner.annotate(model.params, batches.scale_pixels(inputs[images]), model.recipe)
        logits = fill(model.params, a, words, mask.astype(a.dtype), way != LEFT, model.recipe)
        for number, expected in zip(logits[t, b].argmax(axis=-1), hidden, strict=True):
            is_right = number == expected
            right.append(is_right if meanings is None else meanings.get(texts[number]) == meanings[texts[expected]])
    return np.array(right, np.float64)
