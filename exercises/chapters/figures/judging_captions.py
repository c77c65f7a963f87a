"""The figure of the chapter about how captions are judged."""

import numpy as np
from matplotlib.figure import Figure

from exercises.chapters.figures import _drawing as drawing
from numpy_sat.data import vocabulary
from numpy_sat.data.scenes import scene_language, scenes
from numpy_sat.metrics import bleu, cider, rouge

OPPOSITE = {"left": "right", "right": "left", "above": "below", "below": "above", "over": "under", "under": "over"}
NEXT_COLOR = dict(zip(scene_language.COLORS, np.roll(scene_language.COLORS, -1).tolist(), strict=True))
SCENES = 400  # of these, the scenes with two groups are used
SCORES = {"BLEU-1": drawing.BLUE, "BLEU-4": drawing.GREEN, "ROUGE-L": drawing.ORANGE, "CIDEr-D": drawing.RED}


def judging_captions():
    """Draw the scores of captions that are wrong on purpose, as shares of the scores of the true captions."""
    captions, references = _describe_scenes(np.random.default_rng(0))
    rng = np.random.default_rng(1)
    edits = {
        "opposite relation": [_replaced(caption, OPPOSITE, most=9) for caption in captions],
        "one wrong color": [_replaced(caption, NEXT_COLOR, most=1) for caption in captions],
        "words shuffled": [list(rng.permutation(caption)) for caption in captions],
        "another image's": captions[1:] + captions[:1],
    }
    human = _score(captions, references)
    shares = np.array([100 * _score(edited, references) / human for edited in edits.values()])  # (edits, scores)
    figure = Figure(figsize=(8.6, 3.4), layout="constrained")
    axis = figure.subplots()
    places = np.arange(len(edits))
    for k, (name, color) in enumerate(SCORES.items()):
        axis.bar(places + 0.2 * (k - 1.5), shares[:, k], width=0.19, color=color, label=name)
    axis.axhline(100, color=drawing.INK, linestyle="--", linewidth=1, label="true captions")
    axis.set_xticks(places, edits)
    axis.set(title="Captions that are all false", ylabel="% of the score of true captions", ylim=(0, 118))
    axis.legend(fontsize=8, ncols=5, loc="upper center")
    return figure


def _describe_scenes(rng):
    """Return one caption of each scene with two groups, and its other captions as references."""
    pairs = [scene for scene in (scenes.random_scene(rng) for _ in range(SCENES)) if len(scene.groups) == 2]
    texts = [[vocabulary.tokenize(c.text) for c in scene_language.describe(scene, rng)] for scene in pairs]
    return [text[0] for text in texts], [text[1:] for text in texts]


def _replaced(caption, table, most):
    """Return a caption with its first words that are keys of the table replaced, at most `most` of them."""
    places = [i for i, word in enumerate(caption) if word in table][:most]
    return [table[word] if i in places else word for i, word in enumerate(caption)]


def _score(captions, references):
    """Return the SCORES of a corpus, (4,)."""
    bleu_1, *_, bleu_4 = bleu.bleu(captions, references)
    mean_rouge, mean_cider = rouge.rouge_l(captions, references).mean(), cider.cider_d(captions, references).mean()
    return np.array([bleu_1, bleu_4, mean_rouge, mean_cider])
