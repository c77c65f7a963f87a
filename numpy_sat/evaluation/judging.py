"""All scores of a set of captions: corpus scores in percent, with confidence intervals."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from numpy_sat.evaluation import bootstrap
from numpy_sat.metrics import bleu, cider, meteor, rouge
from numpy_sat.metrics.tokens import ptb_tokenize
from numpy_sat.system.errors import InputError


class Judged(NamedTuple):
    """The counts and scores of each image's caption, from which the scores of any resample follow."""

    images: tuple  # N names
    bleu: np.ndarray  # (N, 10), see bleu.count
    means: dict[str, np.ndarray]  # {score: (N,) float64}, for each score that is a mean over images

    def score(self, brevity: bool = True) -> dict[str, float]:
        """Return {name: score in percent}. brevity: True for BLEU with brevity penalty."""
        ones = np.ones((1, len(self.images)))
        return {name: float(values[0]) for name, values in self._scores(ones, brevity).items()}

    def intervals(self, seed: int = 0, brevity: bool = True) -> dict[str, tuple[float, float]]:
        """Return {name: (low, high)}, the 95 % confidence intervals over resampled images.

        All resamples share the idf of the whole set.
        """
        scores = self._scores(bootstrap.resample(len(self.images), seed), brevity)
        return {name: bootstrap.interval(values) for name, values in scores.items()}

    def difference(self, other: "Judged", seed: int = 0, brevity: bool = True) -> dict[str, tuple[float, float]]:
        """Return the 95 % confidence intervals of these scores minus those of other captions.

        Both are resampled together. If an interval excludes 0, the two differ by more than chance.

        Args:
            other: Judged of the same images.
            seed: seed of the bootstrap.
            brevity: True for BLEU with brevity penalty.
        Returns:
            {name: (low, high)} in percent.
        Raises:
            InputError: the images are not the same, in the same order.
        """
        if self.images != other.images:
            raise InputError("Captions can be compared only if they are of the same images, in the same order.")
        counts = bootstrap.resample(len(self.images), seed)
        ours, theirs = self._scores(counts, brevity), other._scores(counts, brevity)
        return {name: bootstrap.interval(values - theirs[name]) for name, values in ours.items()}

    def _scores(self, counts, brevity):
        """Compute the scores of R resamples.

        Args:
            counts: (R, N) how often each image occurs in a resample.
            brevity: True for BLEU with brevity penalty.
        Returns:
            {name: (R,) scores}.
        """
        bleu_scores = bleu.from_counts(counts @ self.bleu, brevity)
        scores = {f"BLEU-{n}": bleu_scores[:, n - 1] for n in bleu.ORDERS}
        return scores | {name: counts @ values / len(self.images) for name, values in self.means.items()}


def judge(captions: Mapping[str, str], references: Mapping[str, list[str]]) -> Judged:
    """Judge one caption of each image by the references of the image.

    Texts are split into words by tokens.ptb_tokenize.

    Args:
        captions: {image: text}.
        references: {image: [texts]}; images without a caption are ignored.
    Returns:
        A Judged.
    Raises:
        InputError: a caption or its references are missing or not text.
    """
    _check(captions, references)
    words = [ptb_tokenize(text) for text in captions.values()]
    reference_words = [[ptb_tokenize(text) for text in references[image]] for image in captions]
    means = {
        "METEOR": meteor.meteor(words, reference_words),
        "ROUGE-L": rouge.rouge_l(words, reference_words),
        "CIDEr-D": cider.cider_d(words, reference_words),
    }
    return Judged(tuple(captions), bleu.count(words, reference_words), means)


def score(captions: Mapping[str, str], references: Mapping[str, list[str]], brevity: bool = True) -> dict[str, float]:
    """Return the scores of judge(captions, references), {"BLEU-1": ..., "METEOR": ..., ...}, in percent."""
    return judge(captions, references).score(brevity)


def intervals(
    captions: Mapping[str, str], references: Mapping[str, list[str]], seed: int = 0, brevity: bool = True
) -> dict[str, tuple[float, float]]:
    """Return the 95 % confidence intervals of these scores, {"BLEU-1": (low, high), ...}, in percent."""
    return judge(captions, references).intervals(seed, brevity)


def _check(captions, references):
    """Raise InputError if captions or references are not what `judge` needs."""
    if not isinstance(captions, Mapping) or not isinstance(references, Mapping):
        raise InputError("Captions must be {image: text}, and references {image: [texts]}.")
    if not captions:
        raise InputError("There is no caption to judge; pass at least one.")
    for image, caption in captions.items():
        if not isinstance(caption, str):
            raise InputError(f"{image}: the caption must be a text, not {caption!r}; join its words with blanks.")
        if image not in references:
            raise InputError(f"{image} has a caption but no references; add them, or leave out its caption.")
        _check_texts(image, references[image])


def _check_texts(image, texts):
    """Raise InputError if the references of an image are no list of texts, or have no word."""
    if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) for text in texts):
        raise InputError(f"{image}: references must be a list of texts, not {texts!r}.")
    if not any(map(ptb_tokenize, texts)):
        raise InputError(f"{image}: no reference has a word; add one that has, or leave out the caption.")
