"""Baselines for a captioner's scores: captions that do not depend on the image (floors), and people's captions."""

import numpy as np

from numpy_sat.evaluation import constants
from numpy_sat.metrics.tokens import ptb_tokenize
from numpy_sat.system.errors import InputError


def best_constant(references, by="BLEU-4"):
    """Return the reference that scores best as the caption of every image, as text.

    Its score on other images is the floor for models that see nothing.

    Args:
        references: {image: [texts]}, of train.
        by: "BLEU-4" or "CIDEr-D".
    """
    score = {"BLEU-4": constants.bleu_4, "CIDEr-D": constants.cider_d}[by]
    cut = {text: ptb_tokenize(text) for texts in references.values() for text in texts}
    said = [[cut[text] for text in texts] for texts in references.values()]
    return list(cut)[int(np.argmax(score(list(cut.values()), said)))]


def random_captions(images, references, seed=0):
    """Return a random caption of train for each of the images, {image: text}. references: those of train."""
    texts = [text for of_one in references.values() for text in of_one]
    chosen = np.random.default_rng(seed).integers(len(texts), size=len(images))
    return {image: texts[k] for image, k in zip(images, chosen, strict=True)}


def shuffled(captions, seed=0):
    """Assign every caption to another image; return {image: text}, in the same order. A single image keeps its own.

    The score of these captions owes nothing to what the model sees in an image.
    """
    names = list(captions)
    ring = np.random.default_rng(seed).permutation(names)
    other = dict(zip(ring, np.roll(ring, 1), strict=True))
    return {name: captions[other[name]] for name in names}


def one_against_the_others(references, k):
    """Return the k-th reference of each image as its caption, and the others as references, for judging.judge.

    A person has one reference less than a model that is judged by all. To compare the two, judge the model by the
    others as well. Raises InputError for an image without a k-th reference, or without another.
    """
    for image, texts in references.items():
        if len(texts) < max(k + 1, 2):
            raise InputError(f"{image} has {len(texts)} references, too few to set the one numbered {k} apart.")
    captions = {image: texts[k] for image, texts in references.items()}
    return captions, {image: [*texts[:k], *texts[k + 1 :]] for image, texts in references.items()}
