"""Self-critical training (Rennie et al. 2017): the model is taught by captions of its own, judged by CIDEr-D.

What is to be raised is the expected score of captions drawn from the model, sum_y p(y) r(y). Its gradient is

    sum_y p(y) (r(y) - b) d log p(y),

for any b that does not depend on y, since sum_y d p(y) = 0: draw y, and follow (r(y) - b) d log p(y). The less r - b
varies, the less does what is followed; b is the score of the greedy caption of the same picture, so that words are
made likelier where they did better than what the model would have written, and unlikelier where they did worse.

That is cross-entropy with the drawn captions in the place of people's, each weighed by r - b: a batch is changed, and
the training step is what it was.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat import captioner, search
from numpy_sat.data import batches
from numpy_sat.data.vocabulary import END, START
from numpy_sat.decoders import MODELS
from numpy_sat.layers import softmax
from numpy_sat.metrics import cider


class Judge(NamedTuple):
    """CIDEr-D by the captions of train, from which its idf comes, too."""

    idf: cider.Idf
    references: list  # of each picture of train: cider.Weighed of each caption
    vocabulary: object  # data.vocabulary.Vocabulary


def judge(split, vocabulary):
    """The Judge of a split's captions. split: data.batches.Split."""
    said = [[cider.count_ngrams(words) for words in of_picture] for of_picture in split.references]
    idf = cider.Idf(said)
    return Judge(idf, [[idf.weigh(counts) for counts in of_picture] for of_picture in said], vocabulary)


def scores(judge, rows, captions):
    """CIDEr-D, 0 to 10, of captions of pictures. rows: (B,) pictures of train; captions: B integer lists. (B,)."""
    said = (judge.idf.weigh(cider.count_ngrams(judge.vocabulary.decode(words))) for words in captions)
    return np.array([10 * cider.score(one, judge.references[p]) for one, p in zip(said, rows, strict=True)])


def rewarded(params, batch, recipe, judge, rng):
    """A Batch of the same pictures with as many captions, drawn from the model, weighed by r - b.

    batch: data.batches.Batch; recipe: presets.Recipe; rng: numpy Generator.
    """
    a = captioner.annotate(params, batch.pictures, recipe.model)
    each, decoder = batch.words.shape[1] // len(a), MODELS[recipe.model.model]
    drawn = draw(decoder, params, a, each, recipe.max_words, rng)
    greedy = [caption.words for caption in search.beam_search(decoder, params, a, 1, recipe.max_words)]
    reward = scores(judge, np.repeat(batch.rows, each), drawn) - np.repeat(scores(judge, batch.rows, greedy), each)
    words, targets, mask = batches.arrange(drawn)
    return batch._replace(words=words, targets=targets, mask=mask, weights=reward.astype(mask.dtype))


def draw(decoder, params, a, each, max_words, rng):
    """Captions drawn word by word from p(y_t | a, y_1..t-1). each: captions a picture.

    Returns N each lists of integers, <end> last, or cut after max_words as captions are in training.
    """
    B = len(a) * each
    state = decoder.select(decoder.begin(params, a), np.repeat(np.arange(len(a)), each))
    words, captions, done = np.full(B, START), [[] for _ in range(B)], np.zeros(B, bool)
    for _ in range(max_words):
        logits, _, _, state = decoder.step(params, state, words)
        p, _ = softmax.softmax_forward(logits.astype(np.float64))
        words = np.minimum((p.cumsum(axis=1) < rng.random((B, 1))).sum(axis=1), p.shape[1] - 1)  # inverse cdf
        for b in np.flatnonzero(~done):
            captions[b].append(int(words[b]))
        done |= words == END
        if done.all():
            break
    return captions
