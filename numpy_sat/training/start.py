"""What training begins with: the arguments of `python -m numpy_sat.train`, the data they name, the run they start."""

import argparse
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from numpy_sat import captioner, pretrained
from numpy_sat.data import batches, catalog
from numpy_sat.data.dataset import CaptionedImage
from numpy_sat.data.vocabulary import Vocabulary, unigram_entropy, word_frequencies
from numpy_sat.decoders import MODELS
from numpy_sat.encoders import vgg
from numpy_sat.experiment import checkpoint, presets, runs, settings
from numpy_sat.pretrained import inputs
from numpy_sat.system import cli
from numpy_sat.system.errors import InputError
from numpy_sat.system.streams import PARAMETERS, stream

DEFAULT_DATA = "scenes"
OF_ENCODER = ("encoder", "weights", "preprocessing", "frozen", "digest")  # settings that --encoder makes
OF_DATA = ("source",)  # settings that --data makes
OF_WRITING = ("look",)  # settings with an option of caption and evaluate
OPTIONS = ("epochs", "learning_rate", "optimizer", "clip", "model", "blind")  # settings with an option of their own


class Data(NamedTuple):
    """The splits training reads; of dev as many pictures as are decoded."""

    train: batches.Split
    dev: batches.Split
    shown: CaptionedImage  # the first of dev, on which the run's figure is drawn


def parse(argv):
    """The arguments of the command."""
    parser = argparse.ArgumentParser(prog="python -m numpy_sat.train", description="Train the captioner.")
    parser.add_argument("--small", action="store_true", help="a small model, a few minutes on a laptop")
    parser.add_argument("--blind", action="store_true", help="a language model: the same decoder, shown nothing")
    parser.add_argument("--data", choices=catalog.NAMES, help="default: scenes, drawn pictures")
    parser.add_argument("--root", type=Path, help="the data's folder, or for scenes where to keep them")
    parser.add_argument("--model", choices=tuple(MODELS), help="the decoder (default: soft)")
    parser.add_argument(
        "--encoder", choices=tuple(presets.ENCODER_STAGES), help="a pretrained net; --set tuned=N trains N stages"
    )
    parser.add_argument("--weights", type=Path, metavar="FILE", help="of VGG: its weights, .safetensors or .npz")
    parser.add_argument(
        "--preprocessing", choices=tuple(vgg.PREPROCESSINGS), help="of those weights (default: imagenet)"
    )
    parser.add_argument("--from", type=Path, dest="start", metavar="RUN", help="go on from a run's best, as a new run")
    parser.add_argument("--out", type=Path, help="the run's folder; default: a new one in runs/")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out, exactly where it stopped")
    parser.add_argument("--skip-missing", action="store_true", help="go on without photos that are not there")
    parser.add_argument("--seed", type=cli.natural, help="of all that is random (default: 0)")
    parser.add_argument("--epochs", type=cli.count, help="instead of the preset's")
    parser.add_argument("--learning-rate", type=cli.positive, help="the schedule's peak, instead of the preset's")
    parser.add_argument("--optimizer", choices=("adam", "rmsprop"), help="instead of the preset's")
    parser.add_argument("--clip", type=cli.positive, help="largest norm of the gradient, instead of the preset's")
    parser.add_argument(
        "--set",
        nargs="+",
        type=_setting,
        default=[],
        metavar="NAME=VALUE",
        action="extend",
        help="other settings of the recipe, e.g. penalty=0",
    )
    args = parser.parse_args(argv)
    given = {name for name, value in vars(args).items() if value != parser.get_default(name)}
    if args.resume and (args.out is None or given - {"resume", "out", "root"}):
        parser.error("--resume takes --out, the run's folder, and perhaps --root; all else is as the run began")
    if (args.weights or args.preprocessing) and not (args.encoder or "").startswith("vgg"):
        parser.error("--weights and --preprocessing are for --encoder vgg16 and vgg19")
    if args.encoder and args.small:
        parser.error("--encoder has one preset: leave out --small")
    if args.start and given & {"data", "small", "blind", "model", "encoder", "weights", "preprocessing"}:
        parser.error("--from takes data and model from the run; set what else is to be different")
    args.data = args.data or DEFAULT_DATA
    return args


def begun(args):
    """A new run as the arguments say, and its data."""
    before = runs.load_model(args.start) if args.start else None
    name = before.settings["data"] if before else args.data
    root = args.root or (before and before.settings["root"])
    recipe = wanted(args, before)
    if recipe.model.frozen:
        recipe = _with_digest(recipe, args.start, before)
    if recipe.self_critical >= recipe.epochs and not before:
        raise InputError(
            f"self_critical={recipe.self_critical}: a model that has not learned to write cannot learn from captions "
            f"of its own; choose more --epochs than {recipe.epochs}, or fewer of these by --set self_critical=0."
        )
    if recipe.model.source and recipe.model.blind:
        raise InputError("a translator that reads nothing is not there: leave out --blind.")
    dataset = catalog.open_dataset(name, root, ("train", "dev"), args.skip_missing)
    cut = inputs.cut(recipe.model)
    captions = [cut(text) for picture in dataset.splits["train"] for text in picture.captions]
    vocabulary = before.vocabulary if before else Vocabulary.build(captions, recipe.min_count)
    frequencies = word_frequencies(vocabulary, map(vocabulary.encode, captions))
    of_run = {
        **{"data": name, "root": str(Path(root).resolve()) if root else None, "seed": args.seed or 0},
        **{"skip_missing": args.skip_missing, "pictures": _digest(dataset)},
    }
    if before:
        of_run |= dict(zip(runs.FIRST, runs.beginning(before.settings), strict=True))
    params = captioner.init_params(stream(of_run["seed"], PARAMETERS), recipe.model, np.log(frequencies))
    given = pretrained.tuned(recipe.model) | (before.params if before else {})
    if before:
        checkpoint.check_shapes(args.start, given, params)
    params |= given
    seconds = before.progress["seconds"] if before else 0.0
    data = _load(recipe, vocabulary, dataset)
    run = runs.create(args.out or runs.free_folder(_name(args, name)), of_run, recipe, vocabulary, params, seconds)
    of_dev = [vocabulary.encode(words) for references in data.dev.references for words in references]
    print(
        f"{len(data.train.names):,} pictures to train on, {len(data.dev.names):,} of dev to judge by; "
        f"{len(vocabulary):,} words, whose frequencies alone would score "
        f"{unigram_entropy(frequencies, of_dev):.3f} nats a word on dev"
    )
    return run, data


def wanted(args, before=None):
    """The Recipe that the arguments ask for. before: runs.Model of the run that --from names. Raises InputError."""
    given = _settings(args)
    if before and "min_count" in given:
        raise InputError("min_count: --from takes the vocabulary from the run, with the words that it has.")
    recipe = settings.with_settings(replace(before.recipe, self_critical=0) if before else preset(args), given)
    settings.refuse_idle(recipe, given)
    return recipe


def as_arguments(given):
    """Settings, {field: text}, as the command's arguments."""
    own = [f"--{name.replace('_', '-')} {text}" for name, text in given.items() if name in OPTIONS]
    others = [cli.quoted(f"{name}={text}") for name, text in given.items() if name not in OPTIONS]
    return [*own, *(["--set", *others] if others else [])]


def resumed(args):
    """The run in a folder, and its data, which must be the same pictures."""
    run = runs.resume(args.out)
    before = run.settings
    if args.root:
        before["root"] = str(args.root.resolve())
    dataset = catalog.open_dataset(before["data"], before["root"], ("train", "dev"), before["skip_missing"])
    if _digest(dataset) != before["pictures"]:
        raise InputError(f"{dataset.root}: not the pictures that {args.out} was trained on; name theirs with --root.")
    return run, _load(run.recipe, run.vocabulary, dataset)


def preset(args):
    """The recipe that the arguments begin with."""
    if not args.encoder:
        return presets.from_random_weights(args.data, args.small, args.model)
    if args.data not in presets.PRETRAINED:
        raise InputError(f"--encoder {args.encoder} is for photos: --data {', '.join(presets.PRETRAINED)}")
    return presets.on_pretrained(args.data, args.encoder, args.weights, args.preprocessing or "imagenet")


def _settings(args):
    """What the arguments set otherwise than the preset, as settings.with_settings takes it."""
    given = {name: getattr(args, name) for name in OPTIONS}
    return {name: str(value) for name, value in given.items() if value} | dict(args.set)


def _digest(dataset):
    """What tells one set of pictures from another: their names and captions, in order."""
    listed = (picture for split in ("train", "dev") for picture in dataset.splits[split])
    text = "\0".join(part for picture in listed for part in (picture.name, *picture.captions))
    return hashlib.sha256(text.encode()).hexdigest()


def _load(recipe, vocabulary, dataset):
    """Pictures decoded (from the cache where they are there) and captions numbered."""
    train, dev = dataset.splits["train"], dataset.splits["dev"]
    if len(train) < recipe.pictures:
        raise InputError(
            f"{dataset.root}: {len(train)} pictures to train on are fewer than a batch, {recipe.pictures}."
        )
    load, most = inputs.load_pixels if recipe.augmentation.changes else inputs.load, recipe.max_words
    data = Data(
        inputs.load_split(recipe.model, train, vocabulary, most, load),
        inputs.load_split(recipe.model, dev[: recipe.dev_pictures], vocabulary, most),
        dev[0],
    )
    for note in (*dataset.notes, *data.train.notes, *data.dev.notes):
        print(note)
    return data


def _with_digest(recipe, start, before):
    """The recipe, with the digest of the stages that stay as they are. before: runs.Model of `start`, or None."""
    model = replace(recipe.model, digest="")
    if before:
        pretrained.net(before.recipe.model)  # which raises where its weights are others now
        if model.tuned < before.recipe.model.tuned:
            least = before.recipe.model.tuned
            raise InputError(f"tuned={model.tuned}: {start} has trained {least} stages already; set tuned={least}.")
    return replace(recipe, model=replace(model, digest=pretrained.net(model).digest))


def _name(args, data):
    """The name of a new run's folder."""
    if args.start:
        return f"{runs.folder_of(args.start).resolve().name}-on"
    said = {"small": args.small, args.encoder: args.encoder, args.model: args.model, "blind": args.blind}
    return "-".join([data, *(word for word, is_said in said.items() if is_said)])


def _setting(text):
    """An argument's type: NAME=VALUE as (name, value)."""
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE, such as penalty=0, not {text}")
    if name in (*OPTIONS, *OF_ENCODER, *OF_DATA):
        option = "encoder" if name in OF_ENCODER else "data" if name in OF_DATA else name.replace("_", "-")
        raise argparse.ArgumentTypeError(f"{name} has an option of its own, --{option}")
    if name in OF_WRITING:
        raise argparse.ArgumentTypeError(f"{name} has an option of caption and evaluate, --{name}")
    return name, value
