"""The classifier of boxes, which predicts tags: softmax regression on the annotations of a box.

    p(color) = softmax(a W_color + b_color),   p(shape) = softmax(a W_shape + b_shape)

Its mistakes are those of a real detector: similar shapes and small objects, not random words. The cost is convex, so
some hundred steps of Adam on all objects at once come close to its minimum.
"""

import numpy as np

from numpy_sat.data.scenes import tags
from numpy_sat.data.scenes.scene_language import COLORS
from numpy_sat.encoders.frozen import TAGGER
from numpy_sat.layers import losses
from numpy_sat.system import output
from numpy_sat.training import optimizers

STEPS, RATE = 300, 0.05
SMALLEST = 1e-3  # standard deviation of a component below which it is not scaled up


def train(annotations: np.ndarray, tag_words: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Train the classifier on the boxes of all objects of the training images.

    Args:
        annotations: (N, R, D + tags.WORDS_OF_TAG) annotations of boxes with the true tags.
        tag_words: numbers of tags.WORDS in the vocabulary.
    Returns:
        {name: array} with the names of frozen.TAGGER: W (D, C) and b (C,) of the C words.
    """
    regions, words = tags.split(annotations.astype(np.float32))
    shows_object = words[..., 0] != tags.NO_TAG
    index = {number: k for k, number in enumerate(tag_words)}
    x, labels = regions[shows_object], np.vectorize(index.get)(words[shows_object])
    mean, std = x.mean(axis=0), np.maximum(x.std(axis=0), SMALLEST)
    params = _fit((x - mean) / std, labels, len(tag_words))
    W = params["W"] / std[:, None]
    share = np.mean(_predict(x @ W + params["b"] - mean @ W) == labels)
    output.show(f"tags are predicted from {len(x):,} boxes; {share:.1%} of their colors and shapes are right")
    return dict(zip(TAGGER, (W, params["b"] - mean @ W), strict=True))


def _fit(x, labels, C):
    """Return W and b that minimize the cross-entropy. x: (M, D); labels: (M, 2) a color and a shape below C."""
    params = {"W": np.zeros((x.shape[1], C), np.float32), "b": np.zeros(C, np.float32)}
    optimizer, mask = {}, np.ones((1, len(x)), np.float32)
    parts = slice(0, len(COLORS)), slice(len(COLORS), C)
    for _ in range(STEPS):
        logits = x @ params["W"] + params["b"]
        dlogits = np.empty_like(logits)
        for part, label in zip(parts, labels.T, strict=True):
            _, cache = losses.cross_entropy_forward(logits[None, :, part], label[None] - part.start, mask)
            dlogits[:, part] = losses.cross_entropy_backward(1.0, cache)[0]
        grads = {"W": x.T @ dlogits, "b": dlogits.sum(axis=0)}
        optimizers.adam_update(params, grads, optimizer, RATE)
    return params


def _predict(logits):
    """Return the likeliest color and shape, (M, 2) indices below C. logits: (M, C)."""
    return np.stack(
        [logits[:, : len(COLORS)].argmax(axis=1), len(COLORS) + logits[:, len(COLORS) :].argmax(axis=1)], axis=1
    )
