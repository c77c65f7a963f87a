"""Baselines for a captioner's scores: captions that do not depend on the image (floors), and human captions."""

import numpy as np

from numpy_sat.evaluation import constants
from numpy_sat.metrics.tokens import ptb_tokenize
from numpy_sat.system.errors import InputError


def best_constant(references: dict[str, list[str]], by: str = "BLEU-4") -> str:
    """Return the training caption that scores best as the caption of every image.

    Its score on other images is the floor for models that do not read the image.

    Args:
        references: {image: [texts]}, the captions of the training set.
        by: "BLEU-4" or "CIDEr-D".
    Returns:
        The caption as text.
    """
    score = {"BLEU-4": constants.bleu_4, "CIDEr-D": constants.cider_d}[by]
    words = {text: ptb_tokenize(text) for texts in references.values() for text in texts}
    reference_words = [[words[text] for text in texts] for texts in references.values()]
    return list(words)[int(np.argmax(score(list(words.values()), reference_words)))]


def shuffled(captions: dict[str, str], seed: int = 0) -> dict[str, str]:
    """Assign every caption to another image. A single image keeps its caption.

    The score of these captions does not depend on what the model reads in an image.

    Args:
        captions: {image: text}.
        seed: seed of the random numbers.
    Returns:
        {image: text} in the same order of images.
    """
    names = list(captions)
    ring = np.random.default_rng(seed).permutation(names)
    source = dict(zip(ring, np.roll(ring, 1), strict=True))
    return {name: captions[source[name]] for name in names}


def one_against_the_others(references: dict[str, list[str]], k: int) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return the k-th reference of each image as its caption, and the others as references, for judging.judge.

    A human caption then has one reference less than a model that is judged by all. To compare the two, judge the model
    by the same references.

    Args:
        references: {image: [texts]}.
        k: index of the reference, from 0.
    Returns:
        captions: {image: text}.
        others: {image: [texts]}.
    Raises:
        InputError: an image has no k-th reference, or no other.
    """
    for image, texts in references.items():
        if len(texts) < max(k + 1, 2):
            raise InputError(f"{image} has {len(texts)} references, too few to leave out the one with index {k}.")
    captions = {image: texts[k] for image, texts in references.items()}
    return captions, {image: [*texts[:k], *texts[k + 1 :]] for image, texts in references.items()}
