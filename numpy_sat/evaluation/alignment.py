"""Judge a model that aligns words with regions: are nouns at their objects, and do captions find their images?"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from numpy_sat import aligner
from numpy_sat.data.scenes.scene_language import Scene
from numpy_sat.decoding.viterbi import viterbi
from numpy_sat.evaluation import regions, retrieval

BETAS = (0.0, 1.0, 3.0, 10.0)  # rewards for neighboring words with the same region


class Sample(NamedTuple):
    """An image and one of its captions."""

    vectors: np.ndarray  # (R, D) annotations of the regions
    words: list  # the T words of the caption
    numbers: np.ndarray  # (T,) their numbers
    scene: Scene | None  # of a drawn image
    links: dict  # {position of a noun: indices of its objects}, for drawn images
    attention: np.ndarray | None = None  # (T, R) the captioner's attention to each region while it writes each word


class Row(NamedTuple):
    """The alignment with one beta, or by attention. Shares are from 0 to 1, nan without scenes."""

    beta: float | None  # None for attention
    nouns: float  # share of nouns in a region that shows one of their objects
    chance: float  # the same if a region is chosen at random
    count: int  # number of nouns
    phrase: float  # mean number of neighboring words with the same region


def judge_alignment(params: aligner.Arrays, samples: Sequence[Sample], kind: regions.Kind) -> list[Row]:
    """Align the words of all captions with each of BETAS, and return one Row for each.

    Args:
        params: arrays of the aligner by name.
        samples: the images and captions.
        kind: the kind of regions.
    """
    products = [aligner.products(params, sample.vectors, sample.numbers) for sample in samples]
    return [_row(beta, products, samples, kind) for beta in BETAS]


def judge_attention(samples: Sequence[Sample], kind: regions.Kind) -> Row:
    """Align each word with the region that has most of the captioner's attention while it is written.

    Args:
        samples: the images and captions; all have attention.
        kind: the kind of regions.
    """
    return _row(None, [sample.attention for sample in samples], samples, kind)


def _row(beta, products, samples, kind):
    right, chance, words, phrases = [], [], 0, 0
    for sample, scores in zip(samples, products, strict=True):
        a = viterbi(scores, beta or 0.0)
        words, phrases = words + len(a), phrases + 1 + np.count_nonzero(np.diff(a))
        for position, objects in sample.links.items():
            shows = kind.right(sample.scene, objects, scores.shape[1])
            right.append(shows[a[position]])
            chance.append(shows.mean())
    return Row(beta, _mean(right), _mean(chance), len(right), words / phrases)


def retrieve(params: aligner.Arrays, samples: Sequence[Sample]) -> tuple[float, float]:
    """Let each caption choose the image with the highest score S_kl, as retrieval.measure describes.

    Args:
        params: arrays of the aligner by name.
        samples: the images and captions.
    Returns:
        share: share of captions that choose a right image.
        chance: the same for an image that is chosen at random.
    """

    def choose(rows):
        pool = samples[rows]
        lengths = np.array([len(sample.numbers) for sample in pool])
        words = np.zeros((lengths.max(), len(pool)), np.int64)
        for b, sample in enumerate(pool):
            words[: lengths[b], b] = sample.numbers
        return aligner.scores(params, np.stack([sample.vectors for sample in pool]), words, lengths).argmax(axis=0)

    captions, scenes = [sample.words for sample in samples], [sample.scene for sample in samples]
    right, chance = retrieval.measure(captions, scenes, choose)
    return float(right.mean()), chance


def _mean(values):
    return float(np.mean(values)) if values else float("nan")
