"""Captions that see nothing, and people's: what a captioner's scores are to be read between."""

import numpy as np

from numpy_sat.evaluation import constants
from numpy_sat.metrics.tokens import ptb_tokenize
from numpy_sat.system.errors import InputError


def best_constant(references, by="BLEU-4"):
    """The one of all references that scores best as the caption of every image: a text.

    references: {image: [texts]}, of train; by: "BLEU-4" or "CIDEr-D". What it scores on other images is the floor
    for models that see nothing.
    """
    score = {"BLEU-4": constants.bleu_4, "CIDEr-D": constants.cider_d}[by]
    cut = {text: ptb_tokenize(text) for texts in references.values() for text in texts}
    said = [[cut[text] for text in texts] for texts in references.values()]
    return list(cut)[int(np.argmax(score(list(cut.values()), said)))]


def random_captions(images, references, seed=0):
    """For each of the images, a caption of some image of train: {image: text}. references: those of train."""
    texts = [text for of_one in references.values() for text in of_one]
    chosen = np.random.default_rng(seed).integers(len(texts), size=len(images))
    return {image: texts[k] for image, k in zip(images, chosen, strict=True)}


def shuffled(captions, seed=0):
    """Every caption given to another image: {image: text}, in captions' order; of a single image, its own.

    What a captioner's own captions then score, they owe to nothing seen in the image.
    """
    names = list(captions)
    ring = np.random.default_rng(seed).permutation(names)
    given = dict(zip(ring, np.roll(ring, 1), strict=True))
    return {name: captions[given[name]] for name in names}


def one_against_the_others(references, k):
    """The k-th reference of each image as its caption, the others as references: two dicts for judging.judge.

    It has one reference less than a model that is given all: to compare the two, score the model on the others, too.
    Raises InputError for an image with no k-th reference or no other.
    """
    for image, texts in references.items():
        if len(texts) < max(k + 1, 2):
            raise InputError(f"{image} has {len(texts)} references, too few to set the one numbered {k} apart.")
    captions = {image: texts[k] for image, texts in references.items()}
    return captions, {image: [*texts[:k], *texts[k + 1 :]] for image, texts in references.items()}
