"""Self-critical training (Rennie et al. 2017): the model is taught by captions of its own, judged by CIDEr-D.

Captions are drawn from the model, and followed by the policy gradient of layers/policy.py. Its baseline b is the score
of the greedy caption of the same picture, so that words are made likelier where they did better than what the model
would have written, and unlikelier where they did worse; or the mean score of the other captions drawn of the picture
(Luo 2020). Either way there is nothing to be learnt but the model itself.

A batch is changed, and the training step is what it was: loss.py sees by a batch's weights that it was drawn.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from numpy_sat import captioner, decoders
from numpy_sat.data import batches
from numpy_sat.data.vocabulary import END, START
from numpy_sat.decoding import search
from numpy_sat.layers import policy, softmax
from numpy_sat.metrics import cider


class Judge(NamedTuple):
    """CIDEr-D by the captions of train, from which its idf comes, too."""

    idf: cider.Idf
    references: list  # of each picture of train: cider.Weighed of each caption
    vocabulary: object  # data.vocabulary.Vocabulary


class Lesson(NamedTuple):
    """What a training step learns from: captions of the model's own, and how good they are."""

    batch: batches.Batch
    config: captioner.Config  # that it is to be trained with
    drawn: float  # mean CIDEr-D of the captions that were drawn, in percent
    greedy: float  # of the greedy ones


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
    """The Lesson of a batch: the same pictures with as many captions, drawn from the model, weighed by r - b.

    What draws must be what is trained, or words that it never writes are made ever more unlikely. So there is no
    dropout but that of annotations, the same in both, and the encoder, which in training normalises otherwise than in
    use, stays as it is: for pictures the batch has their annotation vectors, that dropout done.
    batch: data.batches.Batch; recipe: presets.Recipe; rng: numpy Generator.
    """
    a = captioner.annotate(params, batch.inputs, recipe.model)
    a = a * captioner.annotations_mask(rng, a, recipe.model)
    B = batch.words.shape[1]
    decoder = decoders.writer(replace(recipe.model, look="expected"))  # hard attention writes what it is trained with
    drawn = draw(decoder, params, a, rng.random((recipe.max_words, B)))
    greedy = [caption.words for caption in search.beam_search(decoder, params, a, 1, recipe.max_words)]
    of_drawn, of_greedy = scores(judge, np.repeat(batch.rows, B // len(a)), drawn), scores(judge, batch.rows, greedy)
    words, targets, mask = batches.arrange(drawn)
    if recipe.baseline == "others":
        weights = policy.advantage_over_others(of_drawn, recipe.captions)
    else:
        weights = policy.advantage(of_drawn, of_greedy)
    as_drawn = {"dropout": 0.0, "dropout_a": 0.0, "expected": 1.0}  # hard attention draws with the expected context
    config = replace(recipe.model, frozen=True, tuned=0, blind=False, source=(), **as_drawn)
    batch = batch._replace(inputs=a, words=words, targets=targets, mask=mask, weights=weights.astype(mask.dtype))
    return Lesson(batch, config, 100 * float(of_drawn.mean()), 100 * float(of_greedy.mean()))


def draw(decoder, params, a, uniforms):
    """Captions drawn word by word, y_t from p(y_t | a, y_1..t-1), until <end> or until there is no uniform number left.

    The word is the first at which p_1 + ... + p_k exceeds the uniform number times the sum of all, as hard attention
    draws locations. p is of float64.
    decoder: a decoders.Writer, or what has its begin, step and select; a: (N, L, D) annotations; uniforms: (T, B), from
    0 to below 1, B / N captions a picture side by side, T words at most.
    Returns B lists of integers, <end> last but where T words came before it.
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
