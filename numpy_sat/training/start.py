"""The start of training: create or resume a run, and load its data."""

import argparse
import hashlib
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np

from numpy_sat import captioner, pretrained, tasks
from numpy_sat.data import batches, catalog
from numpy_sat.data.dataset import Dataset, Example
from numpy_sat.data.scenes import tags
from numpy_sat.data.vocabulary import Vocabulary, unigram_entropy, word_frequencies
from numpy_sat.decoders import MODELS
from numpy_sat.evaluation import novel_words
from numpy_sat.experiment import arguments, checkpoint, conditions, memory, runs
from numpy_sat.experiment.recipe import SETTINGS
from numpy_sat.experiment.settings import settings_between
from numpy_sat.system import output
from numpy_sat.system.errors import InputError, shortened
from numpy_sat.system.streams import PARAMETERS, stream
from numpy_sat.training import tagger, word_vectors

GROWING = ("tuned_stages",)  # settings that add parameters, which a run of --from takes from elsewhere


class Data(NamedTuple):
    """The task and the data of a training run."""

    task: ModuleType  # one of tasks.TASKS
    train: batches.Split
    dev: batches.Split  # the examples of the validation set that validation uses
    dev_examples: tuple[Example, ...]  # those of dev, in the same order, for the run's figures


def free_folder(args: argparse.Namespace) -> Path:
    """Return the default folder of a new run, such as runs/flickr8k-small-hard. It does not exist yet."""
    if args.start:
        return runs.free_folder(f"{runs.folder_of(args.start).resolve().name}-on")
    parts = {"small": args.small, args.model: args.model, "blind": args.blind}
    first = [args.data, args.encoder] if isinstance(args.encoder, str) else [args.data]
    if isinstance(args.encoder, Path):
        first = [runs.folder_of(args.encoder).resolve().name]
    return runs.free_folder("-".join([*first, *(word for word, value in parts.items() if value)]))


def start_run(args: argparse.Namespace, folder: Path) -> tuple[runs.Run, Data]:
    """Create a new run and load its data.

    Args:
        args: what experiment.arguments.parse returned.
        folder: folder of the run.
    Returns:
        run: runs.Run.
        data: Data.
    Raises:
        InputError: the arguments, the data and the weights do not fit together.
    """
    before = runs.load_model(args.start) if args.start else None
    recipe = _checked_recipe(args, before)
    settings = _run_settings(args, before)
    dataset = catalog.open_dataset(
        settings["data"], settings["root"], ("train", "dev"), args.skip_missing, args.skip_damaged
    )
    settings["dataset_digest"] = digest(dataset)
    captions = [dataset.tokenize(text) for example in dataset.splits["train"] for text in example.captions]
    vocabulary = before.vocabulary if before else Vocabulary.build(captions, recipe.training.min_word_count)
    recipe = _with_tag_words(recipe, vocabulary)
    frequencies = word_frequencies(vocabulary, map(vocabulary.encode, captions))
    memory.check(recipe, len(vocabulary))
    params = _initial_params(args, recipe, before, settings["seed"], np.log(frequencies))
    if not before:
        params |= _counted(recipe, vocabulary, dataset)
    if recipe.decoder.embedding_start != "random" and not before:
        params["E"] = word_vectors.train(
            recipe.decoder.embedding_start, captions, vocabulary, recipe.decoder.embedding_size, settings["seed"]
        )
    data = _load(recipe, vocabulary, dataset, settings["seed"])
    if recipe.encoder.tags == "predicted" and not before:
        params |= tagger.train(data.train.inputs, recipe.encoder.tag_words)
    seconds = before.progress["training_seconds"] if before else 0.0
    run = runs.create(folder, settings, recipe, vocabulary, params, seconds)
    dev_captions = [vocabulary.encode(words) for references in data.dev.references for words in references]
    print(
        f"{len(data.train.names):,} images to train on, {len(data.dev.names):,} of dev for validation; "
        f"{len(vocabulary):,} words, whose frequencies alone give a dev loss of "
        f"{unigram_entropy(frequencies, dev_captions):.3f} nats per word"
    )
    return run, data


def resume_run(args: argparse.Namespace) -> tuple[runs.Run, Data]:
    """Resume the run in the folder args.out, and load its data.

    Args:
        args: what experiment.arguments.parse returned.
    Returns:
        run: runs.Run.
        data: Data.
    Raises:
        InputError: there is no checkpoint, or the data set is not the one that the run was trained on.
    """
    run = runs.resume(args.out)
    settings = run.settings
    if args.root:
        settings["root"] = str(args.root.resolve())
    dataset = catalog.open_dataset(settings["data"], settings["root"], ("train", "dev"), *runs.skipped(settings))
    if digest(dataset) != settings["dataset_digest"]:
        raise InputError(f"{dataset.root}: not the images that {args.out} was trained on; name their folder by --root.")
    return run, _load(run.recipe, run.vocabulary, dataset, settings["seed"])


def digest(dataset: Dataset) -> str:
    """Return the SHA-256 of the names and captions of train and dev, to recognize a data set."""
    examples = (example for split in ("train", "dev") for example in dataset.splits[split])
    text = "\0".join(part for example in examples for part in (example.name, *example.captions))
    return hashlib.sha256(text.encode()).hexdigest()


def _checked_recipe(args, before):
    """Return the recipe that the arguments select, with the digest of a pretrained encoder.

    Args:
        args: what experiment.arguments.parse returned.
        before: runs.Model of the run that --from names, or None.
    Raises:
        InputError: the recipe does not fit the run of --from, the data or the weights.
    """
    recipe = arguments.choose_recipe(args, before)
    if before:
        _refuse_other_sizes(args.start, before.recipe, recipe)
        if recipe.decoder.embedding_start != before.recipe.decoder.embedding_start:
            raise InputError(f"embedding_start: does nothing, because E comes from {args.start}; leave it out.")
    if recipe.encoder.pretrained:
        recipe = _with_digest(recipe, args.start, before)
    objective = recipe.training.objective
    if objective not in conditions.WITHOUT_SAMPLES and not recipe.training.cross_entropy_epochs and not before:
        raise InputError(
            f"objective={objective}: an untrained model cannot learn from the captions that it samples; start --from "
            "a trained run, or set cross_entropy_epochs."
        )
    return recipe


def _with_digest(recipe, start, before):
    """Return the recipe with the digest of the encoder's frozen stages. before: runs.Model of `start`, or None."""
    recipe = recipe.replace(weights_digest="")
    if before:
        pretrained.net(before.recipe)  # raises InputError if the file of the weights has changed
        tuned, minimum = recipe.encoder.tuned_stages, before.recipe.encoder.tuned_stages
        if tuned < minimum:
            raise InputError(
                f"tuned_stages={tuned}: {start} has trained {minimum} stages already; set tuned_stages={minimum}."
            )
    return recipe.replace(weights_digest=pretrained.net(recipe).digest)


def _with_tag_words(recipe, vocabulary):
    """Return the recipe with the numbers of the tags' words. Raises InputError if the vocabulary lacks one."""
    if recipe.encoder.tags == "none":
        return recipe
    words = tags.words(recipe.encoder.plural_tags)
    missing = [word for word in words if word not in vocabulary]
    if missing:
        raise InputError(
            f"tags={recipe.encoder.tags}: no training caption has the word {missing[0]}, which tags of scenes need; "
            "set tags=none, or train on more captions of scenes."
        )
    return recipe.replace(tag_words=tuple(vocabulary.encode(words)))


def _run_settings(args, before):
    """Return the settings that a run stores about its origin; with --from, also those of the first run of its chain."""
    root = args.root or (before and before.settings["root"])
    settings = {
        "command": args.command,
        "data": before.settings["data"] if before else args.data,
        "root": str(Path(root).resolve()) if root else None,
        "seed": args.seed or 0,
        "skip_missing": args.skip_missing,
    }
    settings |= {runs.SKIP_DAMAGED: True} if args.skip_damaged else {}
    return settings | (runs.origin(before.settings) if before else {})


def _without(dataset, split, phrases, vocabulary):
    """Return the examples of a split without those whose captions say one of the phrases."""
    for phrase in phrases:
        if not all(word in vocabulary for word in phrase.split()):
            raise InputError(f"held_out={shortened(phrase)}: no training caption says this; correct it.")
    examples = dataset.splits[split]
    return (
        [e for e in examples if not novel_words.says_any(map(dataset.tokenize, e.captions), phrases)]
        if phrases
        else examples
    )


def _refuse_left_out(train, dev, training):
    """Raise InputError if held-out words leave no batch to train on, or no image for validation."""
    if training.held_out and (len(train) < training.batch_size or not dev):
        raise InputError(
            f"held_out={shortened(','.join(training.held_out))}: leaves {len(train)} images to train on, of which a "
            f"batch needs {training.batch_size}, and {len(dev)} for validation; hold out rarer words."
        )


def _initial_params(args, recipe, before, seed, log_frequencies):
    """Initialize the parameters: from the run of --from, a pretrained encoder, or else at random."""
    params = captioner.init_params(stream(seed, PARAMETERS), recipe, log_frequencies)
    trained_params = pretrained.tuned(recipe) | (before.params if before else {})
    if before:
        checkpoint.check_shapes(args.start, trained_params, params)
    return params | trained_params


def _counted(recipe, vocabulary, dataset):
    """Return the parameters that the model counts in the training captions, {} for most models."""
    count = getattr(MODELS[recipe.decoder.model], "count", None)
    if not count:
        return {}
    captions = [
        [vocabulary.encode(dataset.tokenize(text)) for text in example.captions] for example in dataset.splits["train"]
    ]
    return count(captions, len(vocabulary), recipe)


def _refuse_other_sizes(start, before_recipe, recipe):
    """Raise InputError if a setting gives the parameters other names or shapes than those of the run of --from."""
    shapes = memory.shapes(before_recipe, 1)
    for name, text in settings_between(recipe, before_recipe).items():
        changed = before_recipe.replace(**{name: recipe.values()[name]})
        if name not in GROWING and not _are_alike(shapes, changed):
            old_text = SETTINGS[name].text(before_recipe.values()[name]) or "none"
            raise InputError(f"{name}={text}: does not fit the model of {start}, which has {old_text}; leave it out.")


def _are_alike(shapes, recipe):
    """Return True if a recipe's parameters have these shapes, {name: array}."""
    try:
        other_shapes = memory.shapes(recipe, 1)
    except InputError:  # such as a number of heads that does not divide the attention size
        return False
    return {name: array.shape for name, array in shapes.items()} == {
        name: array.shape for name, array in other_shapes.items()
    }


def _load(recipe, vocabulary, dataset, seed):
    """Load the model inputs of train and dev, from the on-disk cache where possible, and encode the captions."""
    held_out = recipe.training.held_out
    train, dev = (_without(dataset, split, held_out, vocabulary) for split in ("train", "dev"))
    _refuse_left_out(train, dev, recipe.training)
    first, count = recipe.training.skipped_images, recipe.training.train_images or len(train)
    train = train[first : first + count]
    if len(train) < recipe.training.batch_size:
        raise InputError(
            f"{dataset.root or dataset.name}: the training set has fewer images than a batch, "
            f"{len(train)} instead of {recipe.training.batch_size}; set a smaller batch_size, or train on more."
        )
    task = tasks.of_data(dataset.name)

    def split(examples, is_augmented):
        inputs = task.load(recipe, examples, is_augmented)
        return batches.make_split(examples, inputs, vocabulary, recipe.decoding.max_words, dataset.tokenize)

    validation_examples = dev[: recipe.training.validation_images]
    train_split = split(train, recipe.augmentation.changes)
    train_split = batches.exchange_captions(train_split, recipe.training.caption_noise, seed)
    data = Data(task, train_split, split(validation_examples, False), validation_examples)
    for note in (*dataset.notes, *data.train.notes, *data.dev.notes):
        output.show(note)
    return data
