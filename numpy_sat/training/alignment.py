"""Train the model that aligns words with regions (aligner.py), judge it, and draw alignments.

The regions have the annotations of a trained captioner's encoder, which does not change. After an interruption, the
same command continues after the last complete epoch.
"""

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from numpy_sat import aligner, captioner, decoders
from numpy_sat.data import batches, catalog, images
from numpy_sat.data.dataset import Dataset
from numpy_sat.data.scenes import scenes
from numpy_sat.decoding.viterbi import viterbi
from numpy_sat.evaluation import alignment, attention, figures, regions, retrieval
from numpy_sat.experiment import checkpoint, runs
from numpy_sat.experiment.recipe import Augmentation
from numpy_sat.pretrained import inputs
from numpy_sat.system import lock, output, progress
from numpy_sat.system.errors import InputError
from numpy_sat.system.streams import PARAMETERS, stream
from numpy_sat.training import optimizers

FILE, FIGURE = "alignment.npz", "alignment.png"
H = 128  # size of the vectors of regions and words
BATCH = 64  # pairs of an image and a caption
RATE, WARMUP, LARGEST_NORM = 1e-3, 100, 5.0  # of Adam: learning rate, steps until it is reached, largest gradient
FIGURE_IMAGES, FIGURE_BETA = 4, 3.0  # images in the figure, and its beta


class Request(NamedTuple):
    """What to train, and where."""

    run: Path  # of the captioner
    out: Path | None = None  # folder of the results; None means "alignment" in the run's folder
    kind: str = "cells"  # one of regions.KINDS
    epochs: int = 8
    seed: int = 0
    root: Path | None = None  # folder of the data; None is the folder of the training
    split: str = "dev"  # or "test": the images to judge and to draw


def align(request: Request) -> None:
    """Train the model, or continue. Then print how well it aligns a held-out split, and draw some alignments.

    Args:
        request: Request.
    Raises:
        InputError: the run, the data and the folder do not fit together.
    """
    model = runs.load_model(request.run)
    settings = model.settings
    if settings["data"] == "phrases" or model.recipe.encoder.blind:
        raise InputError(f"{request.run}: reads no images, so there are no regions; choose a captioner of images.")
    if model.recipe.encoder.regions == "boxes":
        raise InputError(f"{request.run}: reads boxes of objects instead of a grid; choose the run of its encoder.")
    if request.kind == "boxes" and settings["data"] != "scenes":
        raise InputError("--regions boxes: boxes are known for scenes only; choose cells.")
    root = request.root or settings["root"]
    dataset = catalog.open_dataset(settings["data"], root, ("train", request.split), *runs.skipped(settings))
    folder = request.out or runs.output_folder(request.run) / "alignment"
    with lock.folder_lock(folder):
        params = _train(request, model, dataset, folder / FILE)
        samples = _samples(model, dataset, request.split, request.kind)
        _report(params, samples, request)
        _draw(folder / FIGURE, params, samples, dataset, request)


def _train(request, model, dataset, path):
    """Train the remaining epochs and return the parameters. After each epoch, write a checkpoint to `path`."""
    origin = {"captioner": runs.digest(request.run), "regions": request.kind, "seed": request.seed}
    state = _load(path, origin) if path.exists() else None
    if state and state.progress["epochs"] >= request.epochs:
        return state.params
    split = _split(model, dataset, "train")
    true_scenes = _scenes(dataset, split.names)
    if state is None:
        D = _vectors(model, split.inputs[:1], true_scenes and true_scenes[:1], request.kind).shape[2]
        sizes = D, len(model.vocabulary), model.recipe.decoder.embedding_size, H
        state = checkpoint.Checkpoint(aligner.init_params(stream(request.seed, PARAMETERS), *sizes), {}, origin, {})
    first = state.progress.get("epochs", 0)
    for epoch in range(first, request.epochs):
        loss = _epoch(request, model, split, true_scenes, state, epoch)
        checkpoint.save(path, state._replace(progress={"epochs": epoch + 1}))
        output.show(f"epoch {epoch + 1} of {request.epochs}: margin loss {loss:.3f}")
    return state.params


def _load(path, origin):
    """Return the checkpoint of an earlier call. Raise InputError if that call had another origin."""
    state = checkpoint.load(path)
    if state.settings != origin:
        different = ", ".join(name for name in origin if state.settings.get(name) != origin[name])
        raise InputError(f"{path}: was trained with another {different}; choose another folder with --out.")
    return state


def _epoch(request, model, split, true_scenes, state, epoch):
    """Train one epoch, change the state in place, and return the mean loss."""
    batch_size, losses = min(BATCH, len(split.names)), []
    incoming = batches.epoch_batches(split, batch_size, 1, Augmentation(), request.seed, epoch)
    steps = batches.batches_per_epoch(split, batch_size)
    for batch in progress.bar(batches.prefetch(incoming), total=steps, desc=f"epoch {epoch + 1}", leave=False):
        a = _vectors(model, batch.inputs, true_scenes and [true_scenes[row] for row in batch.rows], request.kind)
        lengths = (batch.mask * (batch.targets != batches.END)).sum(axis=0).astype(int)
        loss, grads = aligner.loss_and_grads(state.params, a, batch.targets, lengths)
        if not math.isfinite(loss):
            raise InputError(f"{request.run}: the alignment diverges; choose another --seed.")
        optimizers.clip_by_norm(grads, LARGEST_NORM)
        step = epoch * steps + len(losses)
        optimizers.adam_update(state.params, grads, state.optimizer, RATE * min(1, (step + 1) / WARMUP))
        losses.append(loss)
    return float(np.mean(losses))


def _split(model, dataset, name):
    examples = dataset.splits[name]
    loaded = inputs.load(model.recipe, examples)
    return batches.make_split(examples, loaded, model.vocabulary, model.recipe.decoding.max_words, dataset.tokenize)


def _scenes(dataset: Dataset, names: Sequence[str]):
    """Return the scenes of images, None for photos."""
    if dataset.name != "scenes":
        return None
    scene_by_name = scenes.read_scenes(dataset.root)
    return [scene_by_name[name] for name in names]


def _vectors(model, model_inputs, true_scenes, kind):
    """Return the annotations of regions, (N, R, D)."""
    return regions.KINDS[kind].vectors(_annotate(model, model_inputs), true_scenes)


def _annotate(model, model_inputs):
    """Return the annotations, (N, L, D)."""
    return captioner.annotate(model.params, batches.scale_pixels(model_inputs), model.recipe)


def _attend(model, a, captions):
    """Return the attention while given captions are written, (N, T, L), where L is 0 without attention.

    Args:
        model: runs.Model.
        a: (N, L, D) annotations.
        captions: N lists of word numbers, of which the longest has T.
    """
    words, _, _ = batches.arrange(captions)
    writer = decoders.writer(model.recipe)
    state, alphas = writer.begin(model.params, a), []
    for previous in words:
        _, alpha, _, state = writer.step(model.params, state, previous)
        alphas.append(alpha)
    return np.stack(alphas, axis=1)


def _samples(model, dataset, name, kind):
    """Return an alignment.Sample of each image of a split, with its first caption."""
    split = _split(model, dataset, name)
    true_scenes, samples = _scenes(dataset, split.names), []
    for first in range(0, len(split.names), BATCH):
        rows = range(first, min(first + BATCH, len(split.names)))
        some_scenes = true_scenes and [true_scenes[row] for row in rows]
        captions = [split.references[row][0] for row in rows]
        numbers = [model.vocabulary.encode(words) for words in captions]
        a = _annotate(model, split.inputs[rows.start : rows.stop])
        alphas = _attend(model, a, numbers)
        some_vectors = regions.KINDS[kind].vectors(a, some_scenes)
        pooled = None
        if not attention.explain_absence(model.recipe, alphas[0]):
            # a word's attention to a region is pooled like one number of the annotations
            pooled = regions.KINDS[kind].vectors(alphas.transpose(0, 2, 1), some_scenes)
        for n, row in enumerate(rows):
            scene, T = true_scenes and true_scenes[row], len(numbers[n])
            links = scene.links[0] if scene else {}
            alpha = None if pooled is None else pooled[n, :, :T].T
            samples.append(alignment.Sample(some_vectors[n], captions[n], np.array(numbers[n]), scene, links, alpha))
    return samples


def _report(params, samples, request):
    """Print how well words are aligned, for each beta, and how well captions find their images."""
    kind = regions.KINDS[request.kind]
    print(f"{len(samples):,} images of {request.split}, their first captions; regions: {request.kind}")
    print(f"{'beta':>9}  {'words a phrase':>14}  {'nouns at their objects':>22}  {'by chance':>9}")
    rows = alignment.judge_alignment(params, samples, kind)
    if samples[0].attention is not None:
        rows.append(alignment.judge_attention(samples, kind))
    for row in rows:
        beta = "attention" if row.beta is None else f"{row.beta:.1f}"
        nouns, chance = (_share(row.nouns, row.count), f"{row.chance:.1%}") if row.count else 2 * ("unknown",)
        print(f"{beta:>9}  {row.phrase:14.2f}  {nouns:>22}  {chance:>9}")
    share, chance = alignment.retrieve(params, samples)
    right = _share(share, len(samples))
    print(f"captions that find a right image among {retrieval.POOL}: {right}, by chance {chance:.1%}")


def _share(share, count):
    """Return a share of `count` cases with half the width of its 95 % interval, as text."""
    return f"{share:.1%} +- {1.96 * math.sqrt(share * (1 - share) / count):.1%}"


def _draw(path, params, samples, dataset, request):
    """Draw the first images of the split with their phrases and regions."""
    entries = []
    for sample, example in zip(samples[:FIGURE_IMAGES], dataset.splits[request.split], strict=False):
        scores = aligner.products(params, sample.vectors, sample.numbers)
        shares = regions.KINDS[request.kind].shares(sample.scene, scores.shape[1])
        words = zip(viterbi(scores, FIGURE_BETA), sample.words, strict=True)
        phrases = [
            (" ".join(word for _, word in group), shares[region])
            for region, group in itertools.groupby(words, key=lambda pair: pair[0])
        ]
        entries.append((images.read_image(example.path, attention.SIDE), phrases))
    figures.regions_figure(path, entries)
    output.show(f"figure: {path}")
