"""All scores of a set of captions, for the whole corpus, in percent, with confidence intervals."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from numpy_sat.evaluation import bootstrap
from numpy_sat.metrics import bleu, cider, meteor, rouge
from numpy_sat.metrics.tokens import ptb_tokenize
from numpy_sat.system.errors import InputError


class Judged(NamedTuple):
    """The counts and scores of each image's caption. The scores of any resample of the images follow from these."""

    images: tuple  # their names
    bleu: np.ndarray  # (N, 10), see bleu.count
    means: dict[str, np.ndarray]  # of each score that is a mean over images: float64 (N,)

    def score(self, brevity=True):
        """Return the figures in percent by name. brevity: whether BLEU has its brevity penalty."""
        everything = np.ones((1, len(self.images)))
        return {name: float(found[0]) for name, found in self._figures(everything, brevity).items()}

    def intervals(self, seed=0, brevity=True):
        """Return the 95 % interval (low, high) of every figure over resampled images, all with one idf."""
        figures = self._figures(bootstrap.draws(len(self.images), seed), brevity)
        return {name: bootstrap.interval(found) for name, found in figures.items()}

    def difference(self, other, seed=0, brevity=True):
        """Return the 95 % intervals of these figures less another's of the same images, resampled together.

        If an interval excludes 0, the two differ by more than chance. Raises InputError for other images.
        """
        if self.images != other.images:
            raise InputError("Only captions of the same images, in the same order, can be compared; judge them so.")
        draws = bootstrap.draws(len(self.images), seed)
        ours, theirs = self._figures(draws, brevity), other._figures(draws, brevity)
        return {name: bootstrap.interval(found - theirs[name]) for name, found in ours.items()}

    def _figures(self, draws, brevity):
        """Compute the figures of resamples, arrays (R,) by name. draws: (R, N) how often each image counts."""
        scores = bleu.from_counts(draws @ self.bleu, brevity)
        figures = {f"BLEU-{n}": scores[:, n - 1] for n in bleu.ORDERS}
        return figures | {name: draws @ found / len(self.images) for name, found in self.means.items()}


def judge(captions, references):
    """Judge a caption of each image by its references.

    captions: {image: text}; references: {image: [texts]}, of images without a caption not looked at. Texts are
    cut into words by tokens.ptb_tokenize. Returns a Judged. Raises InputError where something is missing or no text.
    """
    _check(captions, references)
    cut = [ptb_tokenize(text) for text in captions.values()]
    said = [[ptb_tokenize(text) for text in references[image]] for image in captions]
    means = {
        "METEOR": meteor.meteor(cut, said),
        "ROUGE-L": rouge.rouge_l(cut, said),
        "CIDEr-D": cider.cider_d(cut, said),
    }
    return Judged(tuple(captions), bleu.count(cut, said), means)


def score(captions, references, brevity=True):
    """Return the figures of judge(captions, references), {"BLEU-1": ..., "METEOR": ..., ...}, in percent."""
    return judge(captions, references).score(brevity)


def intervals(captions, references, seed=0, brevity=True):
    """Return the 95 % intervals of these figures, {"BLEU-1": (low, high), ...}, in percent."""
    return judge(captions, references).intervals(seed, brevity)


def _check(captions, references):
    if not isinstance(captions, Mapping) or not isinstance(references, Mapping):
        raise InputError("Captions are given as {image: text}, references as {image: [texts]}.")
    if not captions:
        raise InputError("There is no caption to judge; give at least one.")
    for image, caption in captions.items():
        if not isinstance(caption, str):
            raise InputError(f"{image}: the caption is not a text but {caption!r}; join its words with blanks.")
        if image not in references:
            raise InputError(f"{image} has a caption but no references; add them, or leave its caption out.")
        _check_texts(image, references[image])


def _check_texts(image, texts):
    if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) for text in texts):
        raise InputError(f"{image}: references are a list of texts, not {texts!r}.")
    if not any(map(ptb_tokenize, texts)):
        raise InputError(f"{image}: none of its references has a word; add some, or leave its caption out.")
