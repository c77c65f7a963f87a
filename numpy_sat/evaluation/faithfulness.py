"""Measure the faithfulness of attention: whether the model needs the locations that it attends to.

While the model writes a content word, a fifth of the locations is removed: the weights of these locations are set to
zero, and the others are divided by their sum. If attention shows what the word rests on, the log-probability of the
word falls more without the locations of the largest weights than without random ones. The words before it were
predicted with all locations, so only the attention of this word changes.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat import decoders
from numpy_sat.data import batches
from numpy_sat.evaluation import bootstrap
from numpy_sat.evaluation.bootstrap import Share
from numpy_sat.layers import softmax

REMOVED = 0.2  # share of the locations
KINDS = "largest", "random", "smallest"  # weights of the removed locations
DRAWS = 5  # sets of random locations per word
SEED = 0  # of the random locations and of the bootstrap


class Faithfulness(NamedTuple):
    """The fall of the log-probability of content words without some locations, as means over words."""

    words: int  # number of content words
    removed: int  # number of locations that are removed
    locations: int
    largest: Share  # nats, without the locations of the largest weights
    random: Share  # nats, without random locations
    smallest: Share  # nats, without the locations of the smallest weights
    ratio: Share  # largest / random; nan if the interval of random reaches 0


def removed_locations(L: int) -> int:
    """Return the number of locations that are removed, of L."""
    return min(max(1, round(REMOVED * L)), L - 1)


def falls(
    decoder: decoders.Writer,
    params: dict[str, np.ndarray],
    a: np.ndarray,
    captions: list[tuple[int, ...]],
    is_content: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Sum the falls of the log-probabilities of the content words of captions.

    Args:
        decoder: decoders.Writer with attend_to.
        params: arrays by name.
        a: (N, L, D) annotations.
        captions: N captions, one per image: word numbers with <end> last.
        is_content: (V,) bool, which words are content words.
        rng: numpy Generator of the random locations.
    Returns:
        totals: (N, 3) sums over the content words of each image, for KINDS, in nats.
        counts: (N,) number of content words.
    """
    words, targets, mask = batches.arrange(captions)
    (N, L, _), k = a.shape, removed_locations(a.shape[1])
    totals, counts = np.zeros((N, len(KINDS))), np.zeros(N, int)
    state = decoder.begin(params, a)
    for words_t, targets_t, mask_t in zip(words, targets, mask, strict=True):
        before = state
        logits, alpha, _, state = decoder.step(params, before, words_t)
        images = np.flatnonzero((mask_t > 0) & is_content[targets_t])
        if not len(images):
            continue
        whole = _log_p(logits[images], targets_t[images])

        def fall(kept, before=before, words_t=words_t, targets_t=targets_t, images=images, whole=whole):
            logits, _, _, _ = decoder.step(params, decoder.attend_to(before, images, kept), words_t[images])
            return whole - _log_p(logits, targets_t[images])

        order = np.argsort(-alpha[images], axis=1, kind="stable")  # the largest weight first
        draws = [rng.permuted(np.tile(np.arange(L), (len(images), 1)), axis=1)[:, k:] for _ in range(DRAWS)]
        totals[images] += np.stack(
            [fall(order[:, k:]), np.mean([fall(kept) for kept in draws], axis=0), fall(order[:, : L - k])], axis=1
        )
        counts[images] += 1
    return totals, counts


def summarize(totals: np.ndarray, counts: np.ndarray, locations: int) -> Faithfulness:
    """Return the Faithfulness of images, with intervals of the bootstrap over images.

    Args:
        totals, counts: of N images, as `falls` returns them.
        locations: number of locations L.
    """
    resamples = bootstrap.resample(len(counts), SEED)
    shares = {kind: bootstrap.share(resamples, total, counts) for kind, total in zip(KINDS, totals.T, strict=True)}
    largest, random = totals.T[:2]
    is_defined = shares["random"].low > 0  # so nearly all resamples have a ratio
    ratio = bootstrap.share(resamples, largest, random if is_defined else 0 * random)
    return Faithfulness(int(counts.sum()), removed_locations(locations), locations, **shares, ratio=ratio)


def _log_p(logits, words):
    """Return the log-probabilities of words, (B,) float64. logits: (B, V); words: (B,)."""
    return softmax.log_softmax(logits.astype(np.float64))[np.arange(len(words)), words]
