"""A small model on drawn scenes, trained for a few dozen steps: what `plug` puts a learner's functions into.

The library's functions are called through their modules, so that whatever stands in their place is called. Parameters,
images and batches are the same in every run.
"""

import functools
import itertools
import time
from types import ModuleType
from typing import NamedTuple

import numpy as np
from PIL import Image
from tqdm import tqdm

from exercises.runner import language_model
from numpy_sat import captioner, kernels
from numpy_sat.check import gradcheck
from numpy_sat.data import batches
from numpy_sat.data.phrases import phrases
from numpy_sat.data.scenes import scenes
from numpy_sat.data.vocabulary import END, SPECIALS, Vocabulary, tokenize
from numpy_sat.decoding import search
from numpy_sat.evaluation import neighbors
from numpy_sat.experiment import presets
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.layers import embedding
from numpy_sat.metrics import bleu
from numpy_sat.system.streams import DROPOUT, PARAMETERS, stream
from numpy_sat.system.workspace import Workspace
from numpy_sat.training import optimizers
from numpy_sat.training.objectives import self_critical

SEED = 20150210
STEPS, IMAGES, CAPTIONS, WARMUP = 80, 12, 3, 5
SECONDS = 120  # after which no further step is begun: loops in Python take their time
UNSEEN = 8  # images that captions are written of
MOMENT_BATCHES = 4  # that batch normalisation's moments are measured on before captions are written
RATES = {"adam": 6e-3, "rmsprop": 1e-3}  # of learning, at its peak; with a higher one rounding alone parts curves
BEAM = 3
WORDS = 30  # the most frequent ones, of which a map is drawn
RECIPE = presets.PRESETS["scenes", True]
CONFIG = RECIPE.replace(batch_norm=True)  # so that every layer there is has a part in it


class Model(NamedTuple):
    """What is trained: modules that have what captioner.py and search.py have, and two sizes of it."""

    name: str
    module: ModuleType
    writer: ModuleType
    small: object
    tiny: object  # for the gradient check: every number of it is moved twice
    self_critical: bool = False  # whether in the last quarter of its steps captions of its own teach it


SEEING = Model(
    "the captioner",
    captioner,
    search,
    CONFIG,
    CONFIG.replace(
        image_size=4, stages=((2,), (3,)), embedding_size=2, hidden_size=3, attention_size=2, attention_penalty=0.5
    ),
)
BLIND = Model(
    "a language model without eyes",
    language_model,
    language_model,
    language_model.Config(64, 192),
    language_model.Config(2, 3),
)


TRANSLATING = Model(
    "a translator",
    captioner,
    search,
    presets.PRESETS["phrases", True],
    Recipe().replace(
        network="bilstm",
        source_words=tuple("abcde"),
        embedding_size=4,
        hidden_size=6,
        attention_size=3,
        attention_penalty=0.5,
    ),
)


SMALL_STAGES = (16,), (1, 3, 1, 1, 16), (1, 3, 2, 3, 32), (1, 5, 2, 3, 64)
LITE0 = SEEING._replace(
    name='the captioner, encoder "lite0"',
    small=SEEING.small.replace(network="lite0", batch_norm=False, stages=SMALL_STAGES),
    tiny=SEEING.tiny.replace(network="lite0", batch_norm=False, stages=((2,), (1, 3, 1, 1, 3), (1, 3, 1, 2, 2))),
)


def with_decoder(name):
    """The captioner with another decoder, one of decoders.MODELS."""
    small, tiny = (config.replace(model=name, heads=2) for config in (SEEING.small, SEEING.tiny))
    tiny = tiny.replace(reinforce_weight=0.0)  # what hard attention learns from draws is no gradient of a single loss
    return SEEING._replace(name=f'the captioner, model "{name}"', small=small, tiny=tiny)


def self_critical_one():
    """The captioner, taught by people's captions first and by its own then."""
    return SEEING._replace(name="the captioner, self-critical", self_critical=True)


class Data(NamedTuple):
    """Drawn scenes: some to train on, some to write of."""

    vocabulary: Vocabulary
    train: batches.Split
    unseen: batches.Split
    drawn: list  # (H, W, 3) uint8 of each unseen scene, as large as it was drawn


class Map(NamedTuple):
    """Frequent words in a plane, see neighbors.py."""

    words: tuple
    near: list  # the words nearest to the first
    points: np.ndarray  # (words, 2)
    shares: np.ndarray  # (2,)


class Outcome(NamedTuple):
    """What came of a run."""

    losses: list  # -log p a word, nats, of every step's batch before it
    before: search.Caption  # of the first unseen image
    after: search.Caption
    bleu: list  # BLEU-1 to 4 of all unseen images, after
    map: Map  # of E, after


def draw(model=SEEING):
    """The Data of a Model, the same every time, drawn in a second."""
    return _phrases() if model is TRANSLATING else _scenes()


@functools.cache
def _scenes():
    count = STEPS * IMAGES
    drawn = [scenes.sample(SEED, index) for index in range(count + UNSEEN)]
    # A single object is what so few steps can teach the most about, so such a scene is the one that is shown.
    unseen = sorted(drawn[count:], key=lambda sample: len(sample.scene.objects))
    captions = [[tokenize(caption.text) for caption in sample.captions] for sample in drawn]
    vocabulary = Vocabulary.build([words for of_one in captions for words in of_one], min_count=1)
    large = [np.array(sample.image) for sample in unseen]
    return Data(vocabulary, _split(drawn[:count], vocabulary), _split(unseen, vocabulary), large)


@functools.cache
def _phrases():
    """English phrases in the images' place."""
    drawn = phrases.sample_splits(SEED, {"train": STEPS * IMAGES, "dev": 0, "test": UNSEEN})
    vocabulary = Vocabulary.build([phrase.target for phrase in drawn["train"]], min_count=1)
    return Data(vocabulary, *(_split_of_phrases(drawn[split], vocabulary) for split in ("train", "test")), [])


def _split_of_phrases(drawn, vocabulary):
    captions = tuple((np.array([*vocabulary.encode(phrase.target), END]),) for phrase in drawn)
    references = tuple((list(phrase.target),) for phrase in drawn)
    sources = [phrase.source for phrase in drawn]
    return batches.Split(tuple(map(" ".join, sources)), phrases.number_sources(sources), captions, references, ())


def _split(samples, vocabulary):
    side = CONFIG.encoder.image_size
    images = [np.array(sample.image.resize((side, side), Image.Resampling.BILINEAR)) for sample in samples]
    references = tuple(tuple(tokenize(caption.text) for caption in sample.captions) for sample in samples)
    captions = tuple(tuple(np.array([*vocabulary.encode(words), END]) for words in of_one) for of_one in references)
    return batches.Split(tuple(map(str, range(len(samples)))), np.stack(images), captions, references, ())


def run(model, optimizer, data, label, steps=None):
    """Train a Model for STEPS, or so many, or SECONDS, with every layer's own function called. Returns its Outcome."""
    with kernels.unfused():
        params = model.module.init_params(stream(SEED, PARAMETERS), model.small, np.log(_frequencies(data)))
        before = _write(model, params, data, data.unseen.inputs[:1])
        losses = _train(model, params, optimizer, data, label, steps or STEPS)
        after = _write(model, params, data, data.unseen.inputs)
    written = [data.vocabulary.decode(caption.words) for caption in after]
    drawn = _map(params["E"], data.vocabulary)
    return Outcome(losses, before[0], after[0], bleu.bleu(written, data.unseen.references), drawn)


def _map(E, vocabulary):
    few = slice(len(SPECIALS), len(SPECIALS) + WORDS)
    E, words = E[few], vocabulary.words[few]
    axes, shares = neighbors.principal_axes(E, 2)
    near, _ = neighbors.nearest(E, 0, 3)
    return Map(words, [words[word] for word in near], neighbors.project(E, axes), shares)


def _frequencies(data):
    """How often each word is to be predicted, from which the output's bias starts; each counted once too often."""
    words = np.concatenate([caption for of_one in data.train.captions for caption in of_one])
    counts = embedding.one_hot(words, len(data.vocabulary)).sum(axis=0) + 1
    return counts / counts.sum()


def _write(model, params, data, images):
    some = itertools.islice(batches.plain_batches(data.train, IMAGES, captions_per_image=1), MOMENT_BATCHES)
    model.module.measure_running_statistics(params, some, model.small)
    return model.writer.caption_images(params, model.small, images, BEAM, RECIPE.decoding.max_words)


def _train(model, params, optimizer, data, label, steps):
    losses, state, workspace = [], {}, Workspace()
    augmentation = (TRANSLATING.small if model is TRANSLATING else RECIPE).augmentation
    coming = batches.epoch_batches(data.train, IMAGES, CAPTIONS, augmentation, SEED, epoch=0)
    judge = self_critical.prepare(data.train, data.vocabulary) if model.self_critical else None
    began = time.monotonic()
    for step in tqdm(range(steps), desc=label, unit="step", ascii=True, ncols=79):
        if losses and time.monotonic() - began > SECONDS:
            break
        batch, random = next(coming), functools.partial(_random, step)
        if judge and step >= steps * 3 // 4:
            loss, grads, _ = self_critical.loss_and_grads(params, batch, model.small, judge, random, workspace)
        else:
            with workspace.step():
                loss, grads = model.module.loss_and_grads(params, batch, model.small, random(DROPOUT))
        optimizers.clip_by_norm(grads, RECIPE.training.clip_norm)
        rate = optimizers.cosine_rate(step, STEPS, RATES[optimizer], WARMUP)
        getattr(optimizers, f"{optimizer}_update")(params, grads, state, rate)
        losses.append(float(loss.word))
    return losses


def _random(step, purpose):
    return stream(SEED, purpose, step)


def check_gradients(model):
    """A gradcheck.Report of the Model at its tiny size, in float64, on random numbers."""
    rng, V, T, N, side = np.random.default_rng(SEED), 7, 3, 2, 4
    params = model.module.init_params(rng, model.tiny, rng.standard_normal(V), np.float64)
    params = {name: array + 0.3 * rng.standard_normal(array.shape) for name, array in params.items()}
    untrained = {name: params.pop(name) for name in list(params) if name.endswith(captioner.MEASURED)}
    words, targets = rng.integers(0, V, (2, T, 2 * N))
    mask = (np.arange(T)[:, None] < [3, 1, 2, 3]).astype(np.float64)
    seen = rng.standard_normal((N, side, side, 3))
    if model is TRANSLATING:
        seen = rng.integers(0, len(model.tiny.encoder.source_words), (N, side))
    batch = batches.Batch(seen, words, targets, mask)
    if model.self_critical:
        batch = batch._replace(weights=rng.standard_normal(2 * N))

    def loss_and_grads(params):
        loss, grads = model.module.loss_and_grads({**params, **untrained}, batch, model.tiny, np.random.default_rng(0))
        return loss.total, grads

    with kernels.unfused():
        return gradcheck.check_loss(loss_and_grads, params)
