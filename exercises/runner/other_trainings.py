"""Short trainings of the parts that are not in a captioner.

These are alignments, word vectors, word detectors, re-ranking, and the prediction of hidden words and of tags.

They use the scenes of small_training.py. A location is one of 8 x 8 cells, and its annotation is the cell's mean color.
"""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import NamedTuple

import numpy as np

from exercises.runner import caption_trainings, small_training
from exercises.runner.substitution import Part
from numpy_sat import aligner
from numpy_sat.data.vocabulary import SPECIALS
from numpy_sat.decoders import masking, oscar, stack, vlp
from numpy_sat.decoding import line_search, viterbi
from numpy_sat.evaluation import neighbors, reconstruction
from numpy_sat.layers import (
    alignment,
    assignment,
    contrastive,
    discriminator,
    embedding,
    glove,
    gumbel,
    linear,
    masked_words,
    noisy_or,
    rollouts,
    set_loss,
    skip_gram,
)
from numpy_sat.system.streams import PARAMETERS, stream
from numpy_sat.training import optimizers
from numpy_sat.training.objectives import meta_gradients
from numpy_sat.training.word_vectors.corpus import WINDOW, Corpus

CELLS = 8  # in a row of an image
SIZE = 16  # of the vectors of words and regions
RATE, DETECTOR_RATE, PAIRS, NEGATIVES, CANDIDATES, BETA = 0.02, 0.3, 24, 5, 6, 1.0
HIDDEN_WORDS, LAYERS, HEADS = 0.15, 2, 2  # of the model that fills gaps
TAGS = 2  # per image


class Training(NamedTuple):
    """A short training."""

    name: str
    unit: str  # of its loss
    run: Callable[[int], tuple[list[float], str]]  # number of steps -> the loss of each step, and what was learned


def needed(parts: Sequence[Part]) -> list[Training]:
    """Return the trainings that call some of these parts."""
    return list(dict.fromkeys(TRAININGS[part.module] for part in parts if part.module in TRAININGS))


def _annotations(split):
    """Return the annotations (N, L, 3) of a split's images."""
    N, side, _, _ = split.inputs.shape
    cells = split.inputs.reshape(N, CELLS, side // CELLS, CELLS, side // CELLS, 3).mean(axis=(2, 4))
    return (cells.reshape(N, CELLS * CELLS, 3) / 255).astype(np.float32)


def _rng():
    return stream(small_training.SEED, PARAMETERS)


def _align(steps):
    """Train in float64. In float32, rounding decides which region is the best, and two right implementations differ."""
    data, rng, losses, state = small_training.make_data(), _rng(), [], {}
    a = _annotations(data.train).astype(np.float64)
    params = aligner.init_params(rng, 3, len(data.vocabulary), SIZE, SIZE, np.float64)
    for _ in range(steps):
        rows = rng.choice(len(a), min(PAIRS, len(a)), replace=False)
        captions = [data.train.captions[row][0][:-1] for row in rows]  # without <end>
        lengths = np.array([len(caption) for caption in captions])
        words = np.zeros((lengths.max(), len(rows)), np.int64)
        for column, caption in enumerate(captions):
            words[: len(caption), column] = caption
        loss, grads = aligner.loss_and_grads(params, a[rows], words, lengths)
        optimizers.adam_update(params, grads, state, RATE)
        losses.append(loss)
    caption = data.unseen.captions[0][0][:-1]
    regions = viterbi.viterbi(aligner.products(params, _annotations(data.unseen)[0], caption), BETA)
    pairs = zip(data.vocabulary.decode(caption), regions, strict=True)
    return losses, f"Cells of the words: {', '.join(f'{word} {region}' for word, region in pairs)}."


def _corpus(data):
    captions = [words for references in data.train.references for words in references]
    return Corpus.build(captions, data.vocabulary)


def _nearest(vectors, vocabulary):
    word = len(SPECIALS)
    words, _ = neighbors.nearest(vectors, word, 3)
    return f'Nearest to "{vocabulary.words[word]}": {", ".join(vocabulary.words[near] for near in words)}.'


def _skip_gram(steps):
    data, rng, losses, state = small_training.make_data(), _rng(), [], {}
    corpus, V = _corpus(data), len(data.vocabulary)
    params = {name: (rng.standard_normal((V, SIZE)) / SIZE).astype(np.float32) for name in ("v", "u")}
    positions = corpus.pairs(1)
    for _ in range(steps):
        at = rng.choice(positions, 256)
        center, near = corpus.words[at], corpus.words[at + 1]
        words = np.column_stack([near, rng.choice(corpus.words, (len(at), NEGATIVES))])
        loss, cache = skip_gram.skip_gram_forward(params["v"][center], params["u"][words])
        gradients = skip_gram.skip_gram_backward(1.0, cache)
        grads = {name: np.zeros_like(array) for name, array in params.items()}
        for name, rows, gradient in zip(("v", "u"), (center, words), gradients, strict=True):
            np.add.at(grads[name], rows, gradient)
        optimizers.adam_update(params, grads, state, RATE)
        losses.append(float(loss))
    return losses, _nearest(params["v"], data.vocabulary)


def _glove(steps):
    data, rng, losses, state = small_training.make_data(), _rng(), [], {}
    corpus, V = _corpus(data), len(data.vocabulary)
    X = np.zeros((V, V), np.float32)
    for distance in range(1, WINDOW + 1):
        at = corpus.pairs(distance)
        np.add.at(X, (corpus.words[at], corpus.words[at + distance]), np.float32(1 / distance))
    i, j = np.nonzero(X + X.T)
    counts = (X + X.T)[i, j]
    params = {name: (rng.standard_normal((V, SIZE)) / SIZE).astype(np.float32) for name in ("w", "w_tilde")}
    params |= {name: np.zeros(V, np.float32) for name in ("b", "b_tilde")}
    rows = {"w": i, "w_tilde": j, "b": i, "b_tilde": j}
    for _ in range(steps):
        loss, cache = glove.glove_forward(*(params[name][rows[name]] for name in rows), counts)
        grads = {name: np.zeros_like(array) for name, array in params.items()}
        for name, gradient in zip(rows, glove.glove_backward(1.0, cache), strict=True):
            np.add.at(grads[name], rows[name], gradient)
        optimizers.adam_update(params, grads, state, RATE)
        losses.append(float(loss))
    return losses, _nearest(params["w"] + params["w_tilde"], data.vocabulary)


def _labels(split, V):
    """Return the words of each image's captions, (N, V)."""
    labels = np.zeros((len(split.captions), V), np.float32)
    for row, captions in zip(labels, split.captions, strict=True):
        row[np.concatenate(captions)] = 1
    return labels


def _detectors(steps):
    """Train word detectors on the cells, from the words' base rates. Return parameters, base rates and losses."""
    data, losses, state = small_training.make_data(), [], {}
    a, labels = _annotations(data.train), _labels(data.train, len(data.vocabulary))
    rates = (labels.sum(axis=0) + 1) / (len(labels) + 2)
    bias = noisy_or.bias_of_rate(rates, a.shape[1]).astype(np.float32)
    params = {"W": np.zeros((3, len(bias)), np.float32), "b": bias}
    for _ in range(steps):
        z, cache_z = linear.linear_forward(a, params["W"], params["b"])
        log_p, log_not_p, cache = noisy_or.noisy_or_forward(z)
        loss, cache_loss = noisy_or.detection_forward(log_p, log_not_p, labels)
        dz = noisy_or.noisy_or_backward(*noisy_or.detection_backward(1.0, cache_loss), cache)
        _, dW, db = linear.linear_backward(dz, cache_z)
        optimizers.adam_update(params, {"W": dW, "b": db}, state, DETECTOR_RATE)
        losses.append(float(loss))
    return params, rates, losses


def _detect(steps):
    data = small_training.make_data()
    params, rates, losses = _detectors(steps)
    log_p, _, _ = noisy_or.noisy_or_forward(_annotations(data.unseen)[:1] @ params["W"] + params["b"])
    words = np.argsort(np.log(rates) - log_p[0], kind="stable")[:5]
    names = ", ".join(data.vocabulary.words[word] for word in words)
    return losses, f"In an unseen image, these words are likelier than usual: {names}."


def _rerank(steps):
    """Choose captions of other images by their words: log p, log(1 - p) and length. The quality is their precision."""
    data, rng = small_training.make_data(), _rng()
    params, _, _ = _detectors(10)
    N, V = min(PAIRS, len(data.train.captions)), len(data.vocabulary)
    log_p, log_not_p, _ = noisy_or.noisy_or_forward(_annotations(data.train)[:N] @ params["W"] + params["b"])
    labels, lists = _labels(data.train, V), []
    for row in range(N):
        others = rng.integers(0, N, CANDIDATES)
        captions = [np.unique(data.train.captions[other][0]) for other in others]
        features = [[log_p[row, caption].sum(), -log_not_p[row, caption].sum(), len(caption)] for caption in captions]
        statistics = [[labels[row, caption].sum(), len(caption)] for caption in captions]
        lists.append(line_search.Candidates(np.array(features, float), np.array(statistics, float)))
    weights, losses = np.array([1.0, 0, 0]), []
    for step in range(steps):
        direction = np.eye(3)[step % 3]
        gamma, precision = line_search.line_search(lists, weights, direction, lambda sums: sums[:, 0] / sums[:, 1])
        weights = weights + gamma * direction
        losses.append(1 - precision)
    return losses, f"Share of right words in the chosen captions: {100 * (1 - losses[-1]):.1f} %."


def _fill_gaps(steps):
    """Train a small Transformer on hidden words of captions, without images. All words see each other."""
    data, rng, losses, state = small_training.make_data(), _rng(), [], {}
    captions = [caption[:-1] for image in data.train.captions for caption in image]  # without <end>
    V = len(data.vocabulary)
    params = vlp.init_params(rng, 1, 2 * SIZE, LAYERS, HEADS, np.zeros(V))
    for _ in range(steps):
        batch = [captions[row] for row in rng.choice(len(captions), PAIRS)]
        words = np.zeros((max(map(len, batch)), PAIRS), np.int64)
        real = np.zeros(words.shape, np.float32)
        for column, caption in enumerate(batch):
            words[: len(caption), column], real[: len(caption), column] = caption, 1
        choice = masking.choose(rng, real, HIDDEN_WORDS)
        tokens = masking.hide(rng, words, choice, V)
        logits, cache = _predict(params, tokens, real)
        loss, cache_loss = masked_words.masked_words_forward(vlp.by_word(logits, len(words)), words, choice)
        dlogits = masked_words.masked_words_backward(1.0, cache_loss)
        _, grads = vlp.predict_backward(vlp.by_sequence(dlogits, PAIRS), cache, stack)
        optimizers.adam_update(params, grads, state, RATE / 4)
        losses.append(float(loss))
    return losses, _filled_gap(params, data)


def _predict(params, tokens, real):
    """Return the logits (B, T, V) at all tokens, and the cache. The image is a zero."""
    B = tokens.shape[1]
    return vlp.predict_forward(
        params, np.zeros((B, 1, 1), np.float32), vlp.bidirectional(tokens, real, 1, B, np.float32), stack
    )


def _filled_gap(params, data):
    """Return the words that the model puts in a gap of an unseen caption, as text."""
    caption = np.array(data.unseen.captions[0][0][:-1])
    gap = len(caption) // 2
    tokens = np.where(np.arange(len(caption)) == gap, len(data.vocabulary), caption)[:, None]
    logits, _ = _predict(params, tokens, np.ones(tokens.shape, np.float32))
    words = data.vocabulary.decode(caption)
    best = [data.vocabulary.words[word] for word in np.argsort(-logits[0, gap], kind="stable")[:3]]
    text = " ".join([*words[:gap], "...", *words[gap + 1 :]])
    return f'In "{text}", the gap is most likely {", ".join(best)}; a person wrote {words[gap]}.'


def _tags(data):
    """Return two words of each image's captions, (N, TAGS), in a random order: colors, or a color and a shape."""
    labels = _labels(data.train, len(data.vocabulary))
    names = data.vocabulary.words
    rank = [2 * (word in reconstruction.KINDS["colors"]) + (word in reconstruction.KINDS["shapes"]) for word in names]
    best = (labels * rank).argsort(axis=1, kind="stable")[:, -TAGS:]
    return _rng().permuted(best, axis=1)


def _tell_tags(steps):
    """Learn whether tags are an image's own from the product of the vectors of its cells' colors and of its tags."""
    data, rng, losses, state = small_training.make_data(), _rng(), [], {}
    V = len(data.vocabulary)
    a, tags = _annotations(data.train).reshape(len(data.train.inputs), -1), _tags(data)
    a -= a.mean(axis=0)
    shapes = {"W": (a.shape[1], SIZE), "E": (V, SIZE), "w": (SIZE,)}
    params = {name: (rng.standard_normal(shape) / np.sqrt(SIZE)).astype(np.float32) for name, shape in shapes.items()}
    params |= {"b": np.zeros(SIZE, np.float32), "b_c": np.zeros(1, np.float32)}
    for _ in range(steps):
        rows = rng.choice(len(a), 4 * PAIRS)
        some_tags, y = oscar.pollute(rng, tags[rows])
        image, cache_image = linear.linear_forward(a[rows], params["W"], params["b"])
        vectors, cache_tags = embedding.embedding_forward(params["E"], some_tags)
        mean = vectors.mean(axis=1)
        loss, cache = contrastive.contrastive_forward(image * mean, params["w"], params["b_c"], y.astype(np.float32))
        dh, dw, db_c = contrastive.contrastive_backward(1.0, cache)
        _, dW, db = linear.linear_backward(dh * mean, cache_image)
        dvectors = np.repeat((dh * image)[:, None] / TAGS, TAGS, axis=1)
        grads = {"W": dW, "b": db, "E": embedding.embedding_backward(dvectors, cache_tags), "w": dw, "b_c": db_c}
        optimizers.adam_update(params, grads, state, RATE)
        losses.append(float(loss))
    right = ((cache.s > 0) == (y > 0)).mean()
    return losses, f"In the last step, {100 * right:.0f} % of the tags were told right. By chance, 50 % are."


def _predict_sets(steps):
    """Predict the tags of each image from its cells, at TAGS places. The tags have no order."""
    data, losses, state = small_training.make_data(), [], {}
    V = len(data.vocabulary)
    a, tags = _annotations(data.train), _tags(data).T
    a, hidden = a.reshape(len(a), -1), np.ones(tags.shape, np.float32)
    params = {"W": np.zeros((a.shape[1], TAGS * V), np.float32)}
    params["b"] = (_rng().standard_normal(TAGS * V) / 10).astype(np.float32)  # two equal places would stay equal
    for _ in range(steps):
        y, cache_y = linear.linear_forward(a, params["W"], params["b"])
        logits = y.reshape(-1, TAGS, V).swapaxes(0, 1)
        loss, cache = set_loss.set_loss_forward(logits, tags, hidden)
        dlogits = set_loss.set_loss_backward(1.0, cache)
        _, dW, db = linear.linear_backward(dlogits.swapaxes(0, 1).reshape(y.shape), cache_y)
        optimizers.adam_update(params, {"W": dW, "b": db}, state, RATE)
        losses.append(float(loss))
    logits = (_annotations(data.unseen)[:1].reshape(1, -1) @ params["W"] + params["b"]).reshape(TAGS, V)
    names = ", ".join(data.vocabulary.words[word] for word in logits.argmax(axis=1))
    return losses, f"The likeliest tag at each place of an unseen image: {names}."


ALIGN = Training("alignment of words and regions", "margin loss per pair", _align)
GAPS = Training("hidden words", "nats per chosen word", _fill_gaps)
POLLUTION = Training("polluted tags", "nats per sequence", _tell_tags)
SETS = Training("sets of tags", "nats per image", _predict_sets)
TRAININGS: dict[ModuleType, Training] = {  # {module: the training that calls its functions}
    alignment: ALIGN,
    viterbi: ALIGN,
    skip_gram: Training("skip-gram", "nats per pair", _skip_gram),
    glove: Training("GloVe", "weighted squared error", _glove),
    noisy_or: Training("word detectors", "nats per image", _detect),
    **dict.fromkeys((masking, masked_words), GAPS),
    **dict.fromkeys((oscar, contrastive), POLLUTION),
    **dict.fromkeys((assignment, set_loss), SETS),
    line_search: Training("re-ranking, one line search per step", "share of wrong words", _rerank),
    discriminator: Training("an evaluator of captions", "nats", caption_trainings.train_evaluator),
    rollouts: Training("words by roll-outs", "1 - mean reward", caption_trainings.train_with_rollouts),
    gumbel: Training("soft words", "squared distance", caption_trainings.train_soft_words),
    meta_gradients: Training("meta-learning", "mean squared error", caption_trainings.train_meta),
}
