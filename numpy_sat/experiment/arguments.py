"""The arguments of `python -m numpy_sat.train`, and the recipe they ask for."""

import argparse
from dataclasses import replace
from pathlib import Path

from numpy_sat.data import catalog
from numpy_sat.decoders import MODELS
from numpy_sat.encoders import vgg
from numpy_sat.experiment import presets, settings
from numpy_sat.system import cli
from numpy_sat.system.errors import InputError

DEFAULT_DATA = "scenes"
OF_ENCODER = ("encoder", "weights", "preprocessing", "frozen", "digest")  # settings that --encoder makes
OF_DATA = ("source",)  # settings that --data makes
OF_WRITING = ("look",)  # settings with an option of caption and evaluate
OPTIONS = ("epochs", "learning_rate", "optimizer", "clip", "model", "blind")  # settings with an option of their own


def parse(argv):
    """Parse the command's arguments. Refuse combinations that contradict each other, as argparse does."""
    parser = _parser()
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


def _parser():
    parser = argparse.ArgumentParser(prog="python -m numpy_sat.train", description="Train the captioner.")
    parser.add_argument("--small", action="store_true", help="a small model, a few minutes on a laptop")
    parser.add_argument("--blind", action="store_true", help="a language model: the same decoder without an image")
    parser.add_argument("--data", choices=catalog.NAMES, help="default: scenes, drawn images")
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
    return parser


def choose_recipe(args, before=None):
    """Return the Recipe that the arguments ask for.

    Args:
        args: as parse returns them.
        before: the runs.Model of the run that --from names, if any.
    Raises:
        InputError: a setting is unknown, impossible, or does nothing for this model.
    """
    given = _settings(args)
    if before and "min_count" in given:
        raise InputError("min_count: --from takes the vocabulary from the run, with the words that it has.")
    recipe = settings.with_settings(replace(before.recipe, self_critical=0) if before else preset(args), given)
    settings.refuse_idle(recipe, given)
    return recipe


def preset(args):
    """Return the Recipe that the arguments begin with, before any setting is changed."""
    if not args.encoder:
        return presets.from_random_weights(args.data, args.small, args.model)
    if args.data not in presets.PRETRAINED:
        raise InputError(f"--encoder {args.encoder} is for photos: --data {', '.join(presets.PRETRAINED)}")
    return presets.on_pretrained(args.data, args.encoder, args.weights, args.preprocessing or "imagenet")


def as_arguments(given):
    """Return settings, {field: text}, as arguments of the command."""
    own = [f"--{name.replace('_', '-')} {text}" for name, text in given.items() if name in OPTIONS]
    others = [cli.quoted(f"{name}={text}") for name, text in given.items() if name not in OPTIONS]
    return [*own, *(["--set", *others] if others else [])]


def _settings(args):
    """Return the settings that the arguments change, as settings.with_settings takes them."""
    given = {name: getattr(args, name) for name in OPTIONS}
    return {name: str(value) for name, value in given.items() if value} | dict(args.set)


def _setting(text):
    """Parse an argument NAME=VALUE to (name, value)."""
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE, such as penalty=0, not {text}")
    if name in (*OPTIONS, *OF_ENCODER, *OF_DATA):
        option = "encoder" if name in OF_ENCODER else "data" if name in OF_DATA else name.replace("_", "-")
        raise argparse.ArgumentTypeError(f"{name} has an option of its own, --{option}")
    if name in OF_WRITING:
        raise argparse.ArgumentTypeError(f"{name} has an option of caption and evaluate, --{name}")
    return name, value
