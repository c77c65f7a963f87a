"""Self-critical training (Rennie et al. 2017): the model samples captions and learns from their CIDEr-D.

Sampled captions are weighted by the policy gradient of layers/policy.py. The baseline b is the score of the greedy
caption of the same image, so that words become more likely where a sample did better than the model would do by
itself. With reward_baseline = "others" it is the mean score of the image's other samples (Luo 2020). Nothing is learned
besides the model itself.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat import captioner, decoders
from numpy_sat.data import batches
from numpy_sat.data.vocabulary import END, START
from numpy_sat.decoders import MODELS
from numpy_sat.decoding import search
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.layers import policy, softmax
from numpy_sat.metrics import cider
from numpy_sat.system.streams import CAPTIONS, DROPOUT

AVERAGES_WEIGHTS = True


class Judge(NamedTuple):
    """CIDEr-D against the captions of train, which also give the idf."""

    idf: cider.Idf
    references: list  # of each image of train: cider.WeightedNgrams of each caption
    vocabulary: object  # data.vocabulary.Vocabulary


class Samples(NamedTuple):
    """Sampled captions of a batch, and their scores."""

    a: np.ndarray  # (N, L, D) annotations, dropout applied
    batch: batches.Batch  # the sampled captions, with their weights r - b
    config: Recipe  # the run's, with the settings that training on samples needs
    sampled: float  # mean CIDEr-D of the sampled captions, percent
    greedy: float  # mean CIDEr-D of the greedy captions, percent


def prepare(split, vocabulary):
    """Return the Judge of a training split. split: data.batches.Split."""
    counts = [[cider.count_ngrams(words) for words in references] for references in split.references]
    idf = cider.Idf(counts)
    return Judge(idf, [[idf.weigh(caption) for caption in references] for references in counts], vocabulary)


def loss_and_grads(params, batch, recipe, prepared, random, workspace):
    """Sample captions of the batch's images, and compute the policy loss and its gradients.

    Args:
        params: arrays by name.
        batch: data.batches.Batch; its captions are replaced.
        recipe: the run's.
        prepared: the Judge.
        random: function from a purpose of system/streams.py to a numpy Generator.
        workspace: system.workspace.Workspace. The gradients lie in its memory until its next step.
    Returns:
        The loss, the gradients by name, and the mean CIDEr-D {"sampled": percent, "greedy": percent}.
    """
    samples = sample_captions(params, batch, recipe, prepared, random(CAPTIONS))
    decoder = MODELS[recipe.decoder.model]
    with workspace.step():
        loss, _, grads = decoder.loss_and_grads(params, samples.a, samples.batch, samples.config, random(DROPOUT))
    return loss, grads, {"sampled": samples.sampled, "greedy": samples.greedy}


def selection_score(config, cider):
    """Return the mean CIDEr-D of the captions of dev, which is what this objective raises."""
    return cider


def scores(judge, rows, captions):
    """Score captions by CIDEr-D, 0 to 10.

    Args:
        judge: the Judge.
        rows: (B,) the images' places in train.
        captions: B lists of integers.
    Returns:
        (B,) scores.
    """
    weighed = (judge.idf.weigh(cider.count_ngrams(judge.vocabulary.decode(words))) for words in captions)
    return np.array([10 * cider.score(one, judge.references[row]) for one, row in zip(weighed, rows, strict=True)])


def sample_captions(params, batch, recipe, judge, rng):
    """Sample as many captions of each image as the batch has, and weight them by r - b.

    The model that samples must be the model that is trained. Otherwise words that it never writes become ever less
    likely. So the only dropout is that of the annotations, the same for sampling and training, and the encoder, whose
    batch normalisation differs between training and inference, is not trained: the decoder gets its annotations.

    Args:
        params: arrays by name.
        batch: data.batches.Batch.
        recipe: the run's.
        judge: the Judge.
        rng: numpy Generator.
    Returns:
        The Samples.
    """
    a = captioner.annotate(params, batch.inputs, recipe)
    a = a * captioner.annotations_mask(rng, a, recipe)
    B = batch.words.shape[1]
    decoder = decoders.writer(recipe.replace(attention_mode="expected"))  # hard attention trains so, too
    sampled = draw(decoder, params, a, rng.random((recipe.decoding.max_words, B)))
    greedy = [caption.words for caption in search.beam_search(decoder, params, a, 1, recipe.decoding.max_words)]
    sampled_scores = scores(judge, np.repeat(batch.rows, B // len(a)), sampled)
    greedy_scores = scores(judge, batch.rows, greedy)
    words, targets, mask = batches.arrange(sampled)
    if recipe.training.reward_baseline == "others":
        weights = policy.advantage_over_others(sampled_scores, recipe.training.captions_per_image)
    else:
        weights = policy.advantage(sampled_scores, greedy_scores)
    # No dropout is left to be drawn. Hard attention trains with the expected context, as it has written.
    config = recipe.replace(dropout=0.0, annotation_dropout=0.0, expected_context=1.0)
    batch = batch._replace(words=words, targets=targets, mask=mask, weights=weights.astype(mask.dtype))
    return Samples(a, batch, config, 100 * float(sampled_scores.mean()), 100 * float(greedy_scores.mean()))


def draw(decoder, params, a, uniforms):
    """Sample captions word by word, y_t from p(y_t | a, y_1..t-1), until <end> or until T words.

    The word is the first at which p_1 + ... + p_k exceeds the uniform number times the sum of all p, in float64. Hard
    attention samples locations in the same way.

    Args:
        decoder: a decoders.Writer.
        params: arrays by name.
        a: (N, L, D) annotations.
        uniforms: (T, B) random numbers from 0 to below 1; B / N consecutive captions belong to each image.
    Returns:
        B lists of integers, <end> last unless T words came before it.
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
