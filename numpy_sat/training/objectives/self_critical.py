"""Self-critical training (Rennie et al. 2017): the model samples captions and learns from their CIDEr-D.

The policy gradient (layers/policy.py) weights each sampled caption by r - b, its score less a baseline. The baseline b
is the score of the greedy caption of the same image. So samples that beat greedy decoding become more likely. With
reward_baseline = "others", b is the mean score of the image's other samples (Luo 2020). No baseline has parameters.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from numpy_sat import captioner, decoders
from numpy_sat.data import batches
from numpy_sat.data.vocabulary import END, START, Vocabulary
from numpy_sat.decoders import MODELS
from numpy_sat.decoding import search
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.experiment.runs import Run
from numpy_sat.layers import policy, softmax
from numpy_sat.loss import Loss
from numpy_sat.metrics import cider
from numpy_sat.system.streams import CAPTIONS, DROPOUT
from numpy_sat.system.workspace import Workspace

AVERAGES_WEIGHTS = True
RATE_FACTOR = 1.0


class Judge(NamedTuple):
    """The references of the training set, against which CIDEr-D scores captions, and their idf."""

    idf: cider.Idf
    references: list  # for each training image, the cider.WeightedNgrams of each reference
    vocabulary: Vocabulary


class Samples(NamedTuple):
    """Sampled captions of a batch and their scores."""

    a: np.ndarray  # (N, L, D) annotations after dropout
    batch: batches.Batch  # the sampled captions, with their weights r - b
    config: Recipe  # the recipe of the run, with the settings that training on samples needs
    sampled: float  # mean CIDEr-D of the sampled captions, percent
    greedy: float  # mean CIDEr-D of the greedy captions, percent


def prepare(split: batches.Split, vocabulary: Vocabulary) -> Judge:
    """Return the Judge of a training split. split: data.batches.Split."""
    counts = [[cider.count_ngrams(words) for words in references] for references in split.references]
    idf = cider.Idf(counts)
    return Judge(idf, [[idf.weigh(caption) for caption in references] for references in counts], vocabulary)


def loss_and_grads(
    params: dict[str, np.ndarray],
    batch: batches.Batch,
    recipe: Recipe,
    prepared: Judge,
    random: Callable,
    workspace: Workspace,
) -> tuple[Loss, dict[str, np.ndarray], dict[str, float]]:
    """Sample captions of the batch's images, and compute the policy loss and its gradients.

    Args:
        params: {name: array}.
        batch: data.batches.Batch. Sampled captions replace its captions.
        recipe: Recipe of the run.
        prepared: Judge.
        random: function that returns the numpy Generator of a purpose of system/streams.py.
        workspace: system.workspace.Workspace. It owns the memory of the gradients until its next step.
    Returns:
        loss: loss.Loss.
        grads: gradients by name.
        scores: mean CIDEr-D, {"sampled": percent, "greedy": percent}.
    """
    samples = sample_captions(params, batch, recipe, prepared, random(CAPTIONS))
    decoder = MODELS[recipe.decoder.model]
    with workspace.step():
        loss, _, grads = decoder.loss_and_grads(params, samples.a, samples.batch, samples.config, random(DROPOUT))
    return loss, grads, {"sampled": samples.sampled, "greedy": samples.greedy}


def measure(run: Run, split: batches.Split) -> None:
    """Do nothing, because no parameter of this objective is measured."""


def selection_score(config: Recipe, cider: float) -> float:
    """Return the mean CIDEr-D on the validation set, which this objective raises."""
    return cider


def scores(judge: Judge, rows: np.ndarray, captions: Sequence[Sequence[int]]) -> np.ndarray:
    """Score captions by CIDEr-D.

    Args:
        judge: Judge.
        rows: (B,) index of each caption's image in the training set.
        captions: B lists of word numbers.
    Returns:
        (B,) scores from 0 to 10.
    """
    candidates = (judge.idf.weigh(cider.count_ngrams(judge.vocabulary.decode(words))) for words in captions)
    return np.array(
        [10 * cider.score(candidate, judge.references[row]) for candidate, row in zip(candidates, rows, strict=True)]
    )


def sample_captions(
    params: dict[str, np.ndarray], batch: batches.Batch, recipe: Recipe, judge: Judge, rng: np.random.Generator
) -> Samples:
    """Sample as many captions of each image as the batch has, and weight them by r - b.

    The model that is trained must be exactly the model that samples. Otherwise words that it never writes become ever
    less likely. So there is no dropout but annotation dropout, with one mask for sampling and training. The encoder is
    not trained, because its batch normalization differs between training and inference.

    Args:
        params: {name: array}.
        batch: data.batches.Batch.
        recipe: Recipe of the run.
        judge: Judge.
        rng: numpy Generator.
    Returns:
        The Samples.
    """
    a = captioner.annotate(params, batch.inputs, recipe)
    a = a * captioner.annotations_mask(rng, a, recipe)
    B = batch.words.shape[1]
    decoder = decoders.writer(recipe.replace(attention_mode="expected"))  # as hard attention is trained below
    sampled = draw(decoder, params, a, rng.random((recipe.decoding.max_words, B)))
    greedy = [caption.words for caption in search.beam_search(decoder, params, a, 1, recipe.decoding.max_words)]
    sampled_scores = scores(judge, np.repeat(batch.rows, B // len(a)), sampled)
    greedy_scores = scores(judge, batch.rows, greedy)
    words, targets, mask = batches.arrange(sampled)
    if recipe.training.reward_baseline == "others":
        weights = policy.advantage_over_others(sampled_scores, recipe.training.captions_per_image)
    else:
        weights = policy.advantage(sampled_scores, greedy_scores)
    # Training draws no further dropout masks. Hard attention trains with the expected context, as in sampling.
    config = recipe.replace(dropout=0.0, annotation_dropout=0.0, expected_context=1.0)
    batch = batch._replace(words=words, targets=targets, mask=mask, weights=weights.astype(mask.dtype))
    return Samples(a, batch, config, 100 * float(sampled_scores.mean()), 100 * float(greedy_scores.mean()))


def draw(decoder, params, a, uniforms):
    """Sample captions word by word, y_t from p(y_t | a, y_1..t-1), until <end> or T words.

    The sampled word is the first k for which p_0 + ... + p_k exceeds the uniform number times the sum of all p, in
    float64. Hard attention samples locations in the same way.

    Args:
        decoder: decoders.Writer.
        params: {name: array}.
        a: (N, L, D) annotations.
        uniforms: (T, B) uniform random numbers in [0, 1); B / N consecutive captions belong to each image.
    Returns:
        B lists of word numbers, each with <end> last unless it was cut at T words.
    """
    B = uniforms.shape[1]
    state = decoder.select(decoder.begin(params, a), np.repeat(np.arange(len(a)), B // len(a)))
    words, captions, done = np.full(B, START), [[] for _ in range(B)], np.zeros(B, bool)
    for uniforms_t in uniforms:
        logits, _, _, state = decoder.step(params, state, words)
        p, _ = softmax.softmax_forward(logits.astype(np.float64))
        upto = p.cumsum(axis=1)
        words = (upto <= (uniforms_t * upto[:, -1])[:, None]).sum(axis=1)
        for b in np.flatnonzero(~done):
            captions[b].append(int(words[b]))
        done |= words == END
        if done.all():
            break
    return captions
