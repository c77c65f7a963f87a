"""Training of a small model for a few dozen steps, with a learner's functions in place of the library's.

The library calls each function through its module, so a replacement in the module takes effect everywhere. Parameters,
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

from exercises.runner import language_model, terminal
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
STEPS, BATCH_SIZE, CAPTIONS_PER_IMAGE, WARMUP = 80, 12, 3, 5
SECONDS = 120  # time limit, after which no further step starts: learners' loops in Python may be slow
UNSEEN = 8  # images to caption after training
STATISTICS_BATCHES = 4  # batches on which the running mean and variance are measured
RATES = {"adam": 6e-3, "rmsprop": 1e-3}  # peak learning rates; higher ones amplify rounding until the curves differ
BEAM = 3
WORDS = 30  # number of frequent words in the word map
RECIPE = presets.PRESETS["scenes", True]
CONFIG = RECIPE.replace(batch_norm=True)  # so that the model contains every layer


class Model(NamedTuple):
    """A model to train: its modules, and the model in two sizes."""

    name: str
    module: ModuleType  # with the functions of captioner.py
    writer: ModuleType  # with caption_images, as in search.py
    small: object  # the recipe or configuration for training
    tiny: object  # a smaller one for the gradient check, which computes the loss twice per number of a parameter
    self_critical: bool = False  # True if the last quarter of the steps is self-critical training


CAPTIONER = Model(
    "the captioner",
    captioner,
    search,
    CONFIG,
    CONFIG.replace(
        image_size=4, stages=((2,), (3,)), embedding_size=2, hidden_size=3, attention_size=2, attention_penalty=0.5
    ),
)
LANGUAGE_MODEL = Model(
    "a language model that sees no image",
    language_model,
    language_model,
    language_model.Config(64, 192),
    language_model.Config(2, 3),
)


TRANSLATOR = Model(
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
LITE0 = CAPTIONER._replace(
    name='the captioner, encoder "lite0"',
    small=CAPTIONER.small.replace(network="lite0", batch_norm=False, stages=SMALL_STAGES),
    tiny=CAPTIONER.tiny.replace(network="lite0", batch_norm=False, stages=((2,), (1, 3, 1, 1, 3), (1, 3, 1, 2, 2))),
)


def with_decoder(name: str) -> Model:
    """Return the captioner with another decoder, one of decoders.MODELS."""
    small, tiny = (config.replace(model=name, heads=2) for config in (CAPTIONER.small, CAPTIONER.tiny))
    if name == "transformer":
        small, tiny = small.replace(hidden_size=64, layers=2), tiny.replace(hidden_size=4, layers=1)
    # The REINFORCE term is not the gradient of a loss, nor is that of the reconstruction, whose target is a constant.
    tiny = tiny.replace(reinforce_weight=0.0, reconstruction_weight=0.0)
    return CAPTIONER._replace(name=f'the captioner, model "{name}"', small=small, tiny=tiny)


def self_critical_captioner() -> Model:
    """Return the captioner that trains on reference captions first, then on its own sampled captions."""
    return CAPTIONER._replace(name="the captioner, self-critical", self_critical=True)


class Data(NamedTuple):
    """Images or phrases with captions: a training set, and unseen examples to caption."""

    vocabulary: Vocabulary
    train: batches.Split
    unseen: batches.Split
    images: list  # (H, W, 3) uint8 unseen images at full size; empty for phrases


class WordMap(NamedTuple):
    """Frequent words projected on two axes, see neighbors.py."""

    words: tuple
    near: list  # the words nearest to the first one
    points: np.ndarray  # (words, 2) coordinates
    shares: np.ndarray  # (2,) share of the variance along each axis


class Outcome(NamedTuple):
    """The results of a training run."""

    losses: list  # -log p per word (nats) of each step's batch, before the update
    scores: list  # mean CIDEr-D of each step's sampled captions, in percent; None where the step samples none
    before: search.Caption  # of the first unseen image, before training
    after: search.Caption  # of the same image, after training
    bleu: list  # BLEU-1 to 4 on all unseen images, after training
    map: WordMap  # of the embedding E, after training


def make_data(model: Model = CAPTIONER) -> Data:
    """Return the Data for a Model, from a fixed seed. This takes about a second."""
    return _phrases() if model is TRANSLATOR else _scenes()


@functools.cache
def _scenes():
    count = STEPS * BATCH_SIZE
    samples = [scenes.sample(SEED, index) for index in range(count + UNSEEN)]
    # After so few steps, captions of single objects are best. plug shows the first image, so few objects come first.
    unseen = sorted(samples[count:], key=lambda sample: len(sample.scene.objects))
    captions = [tokenize(caption.text) for sample in samples for caption in sample.captions]
    vocabulary = Vocabulary.build(captions, min_count=1)
    images = [np.array(sample.image) for sample in unseen]
    return Data(vocabulary, _split(samples[:count], vocabulary), _split(unseen, vocabulary), images)


@functools.cache
def _phrases():
    """Return English phrases in place of images."""
    splits = phrases.sample_splits(SEED, {"train": STEPS * BATCH_SIZE, "dev": 0, "test": UNSEEN})
    vocabulary = Vocabulary.build([phrase.target for phrase in splits["train"]], min_count=1)
    return Data(vocabulary, *(_phrase_split(splits[name], vocabulary) for name in ("train", "test")), [])


def _phrase_split(samples, vocabulary):
    captions = tuple((np.array([*vocabulary.encode(phrase.target), END]),) for phrase in samples)
    references = tuple((list(phrase.target),) for phrase in samples)
    sources = [phrase.source for phrase in samples]
    return batches.Split(tuple(map(" ".join, sources)), phrases.number_sources(sources), captions, references, ())


def _split(samples, vocabulary):
    side = CONFIG.encoder.image_size
    images = [np.array(sample.image.resize((side, side), Image.Resampling.BILINEAR)) for sample in samples]
    references = tuple(tuple(tokenize(caption.text) for caption in sample.captions) for sample in samples)
    captions = tuple(
        tuple(np.array([*vocabulary.encode(words), END]) for words in image_references)
        for image_references in references
    )
    return batches.Split(tuple(map(str, range(len(samples)))), np.stack(images), captions, references, ())


def run(model: Model, optimizer: str, data: Data, label: str, steps: int | None = None) -> Outcome:
    """Train a Model without fused kernels, so that each layer's own function is called.

    Args:
        model: the Model.
        optimizer: "adam" or "rmsprop".
        data: the Data for the model.
        label: text of the progress bar.
        steps: number of steps; None for STEPS. After SECONDS the training ends early.
    Returns:
        The Outcome.
    """
    with kernels.unfused():
        params = model.module.init_params(stream(SEED, PARAMETERS), model.small, np.log(_frequencies(data)))
        before = _write(model, params, data, data.unseen.inputs[:1])
        losses, scores = _train(model, params, optimizer, data, label, steps or STEPS)
        after = _write(model, params, data, data.unseen.inputs)
    captions = [data.vocabulary.decode(caption.words) for caption in after]
    word_map = _word_map(params["E"], data.vocabulary)
    return Outcome(losses, scores, before[0], after[0], bleu.bleu(captions, data.unseen.references), word_map)


def _word_map(E, vocabulary):
    rows = slice(len(SPECIALS), len(SPECIALS) + WORDS)
    E, words = E[rows], vocabulary.words[rows]
    axes, shares = neighbors.principal_axes(E, 2)
    near, _ = neighbors.nearest(E, 0, 3)
    return WordMap(words, [words[word] for word in near], neighbors.project(E, axes), shares)


def _frequencies(data):
    """Return the (V,) relative frequencies of the target words, with add-one smoothing, for the output bias."""
    words = np.concatenate([caption for image_captions in data.train.captions for caption in image_captions])
    counts = embedding.one_hot(words, len(data.vocabulary)).sum(axis=0) + 1
    return counts / counts.sum()


def _write(model, params, data, images):
    """Measure the running mean and variance, and return the captions of images."""
    train_batches = batches.plain_batches(data.train, BATCH_SIZE, captions_per_image=1)
    first_batches = itertools.islice(train_batches, STATISTICS_BATCHES)
    model.module.measure_running_statistics(params, first_batches, model.small)
    return model.writer.caption_images(params, model.small, images, BEAM, RECIPE.decoding.max_words)


def _train(model, params, optimizer, data, label, steps):
    losses, scores, state, workspace = [], [], {}, Workspace()
    augmentation = (TRANSLATOR.small if model is TRANSLATOR else RECIPE).augmentation
    training_batches = batches.epoch_batches(data.train, BATCH_SIZE, CAPTIONS_PER_IMAGE, augmentation, SEED, epoch=0)
    judge = self_critical.judge_of(data.train, data.vocabulary) if model.self_critical else None
    start = time.monotonic()
    for step in tqdm(range(steps), desc=label, unit="step", ascii=True, ncols=79, file=terminal.stream("stderr")):
        if losses and time.monotonic() - start > SECONDS:
            break
        batch, random = next(training_batches), functools.partial(_random, step)
        if judge and step >= steps * 3 // 4:
            loss, grads, means = self_critical.loss_and_grads(params, batch, model.small, judge, random, workspace)
            scores.append(means["sampled"])
        else:
            scores.append(None)
            with workspace.step():
                loss, grads = model.module.loss_and_grads(params, batch, model.small, random(DROPOUT))
        optimizers.clip_by_norm(grads, RECIPE.training.clip_norm)
        rate = optimizers.cosine_rate(step, STEPS, RATES[optimizer], WARMUP)
        getattr(optimizers, f"{optimizer}_update")(params, grads, state, rate)
        losses.append(float(loss.word))
    return losses, scores


def _random(step, purpose):
    return stream(SEED, purpose, step)


def check_gradients(model: Model) -> gradcheck.Report:
    """Check the gradients of a Model at its tiny size on random float64 numbers and return the gradcheck.Report."""
    rng, V, T, N, side = np.random.default_rng(SEED), 7, 3, 2, 4
    params = model.module.init_params(rng, model.tiny, rng.standard_normal(V), np.float64)
    params = {name: array + 0.3 * rng.standard_normal(array.shape) for name, array in params.items()}
    untrained = {name: params.pop(name) for name in list(params) if name.endswith(captioner.MEASURED)}
    words, targets = rng.integers(0, V, (2, T, 2 * N))
    mask = (np.arange(T)[:, None] < [3, 1, 2, 3]).astype(np.float64)
    inputs = rng.standard_normal((N, side, side, 3))
    if model is TRANSLATOR:
        inputs = rng.integers(0, len(model.tiny.encoder.source_words), (N, side))
    batch = batches.Batch(inputs, words, targets, mask)
    if model.self_critical:
        batch = batch._replace(weights=rng.standard_normal(2 * N))

    def loss_and_grads(params):
        loss, grads = model.module.loss_and_grads({**params, **untrained}, batch, model.tiny, np.random.default_rng(0))
        return loss.total, grads

    with kernels.unfused():
        return gradcheck.check_loss(loss_and_grads, params)
