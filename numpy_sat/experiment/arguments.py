"""The arguments of `python -m numpy_sat.train`, and the recipe that they select."""

import argparse
import sys
from collections.abc import Sequence

from numpy_sat.data import catalog
from numpy_sat.encoders import reads_sentences
from numpy_sat.experiment import presets, runs, settings
from numpy_sat.experiment.recipe import SETTINGS, Recipe
from numpy_sat.system import cli, output
from numpy_sat.system.errors import InputError, shortened

DEFAULT_DATA = "scenes"
OPTIONS = tuple(name for name, setting in SETTINGS.items() if setting.has_own_option)
HELP = "help"  # argument of --set that prints all settings


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command's arguments.

    Contradictory arguments end the program with a message, as in argparse.

    Args:
        argv: list of arguments; None means those of the program.
    Returns:
        An argparse.Namespace. Its `command` is the command line as a list that starts with "train".
    """
    argv = sys.argv[1:] if argv is None else argv
    parser = _parser()
    args = parser.parse_args(argv)
    changed = {name for name, value in vars(args).items() if value != parser.get_default(name)}
    if args.resume and (args.out is None or changed - {"resume", "out", "root"}):
        parser.error("--resume takes --out, the run's folder, and optionally --root; all else comes from the run")
    if (args.weights or args.preprocessing) and not str(args.encoder).startswith("vgg"):
        parser.error("--weights and --preprocessing are for --encoder vgg16 and vgg19")
    if args.encoder and args.small:
        parser.error("--encoder has one preset: leave out --small")
    if args.start and changed & {"data", "small", "blind", "model", "encoder", "weights", "preprocessing"}:
        parser.error("--from takes data and model from the run; change other settings by --set")
    args.data = args.data or DEFAULT_DATA
    args.command = ["train", *argv]
    if HELP in dict(args.set):
        parser.exit(_print_settings(args))
    return args


def _parser():
    parser = cli.Parser(
        prog="python -m numpy_sat.train", description="Train a captioner of images, or a translator of phrases."
    )
    parser.add_argument("--small", action="store_true", help="train a small model: a few minutes on a laptop")
    parser.add_argument(
        "--data",
        choices=catalog.NAMES,
        help="data set (default: scenes, drawn images; folder: your own photos and captions, in --root)",
    )
    parser.add_argument(
        "--root", type=cli.path, help="folder of the data set; for scenes, an existing folder to store them in"
    )
    parser.add_argument(
        "--encoder",
        type=_encoder,
        metavar=f"{{{','.join(presets.ENCODER_STAGES)},RUN}}",
        help="pretrained encoder, or the encoder of RUN, which is not trained; --set tuned_stages=N trains the last N "
        "stages of a pretrained one",
    )
    parser.add_argument("--weights", type=cli.path, metavar="FILE", help="weights of VGG, .safetensors or .npz")
    parser.add_argument(
        "--from", type=cli.path, dest="start", metavar="RUN", help="start a new run with the best parameters of RUN"
    )
    parser.add_argument("--out", type=cli.path, help="folder of the run (default: a new one in runs/)")
    parser.add_argument("--resume", action="store_true", help="continue the run in --out exactly where it stopped")
    parser.add_argument("--skip-missing", action="store_true", help="leave out photos that are missing")
    parser.add_argument("--skip-damaged", action="store_true", help="leave out photos that cannot be decoded")
    parser.add_argument("--seed", type=cli.natural, help="random seed (default: 0)")
    for name in OPTIONS:
        _add_option(parser, SETTINGS[name])
    parser.add_argument(
        "--set",
        nargs="+",
        type=_setting,
        default=[],
        metavar="NAME=VALUE",
        action="extend",
        help=f"change settings of the recipe, such as attention_penalty=0; --set {HELP} lists all of them",
    )
    return parser


def choose_recipe(args: argparse.Namespace, before: runs.Model | None = None) -> Recipe:
    """Return the Recipe that the arguments select.

    Args:
        args: what `parse` returned.
        before: the runs.Model of the run that --from names, or None.
    Raises:
        InputError: a setting is unknown, impossible, or does nothing for this model.
    """
    texts = _settings(args)
    if before and "min_word_count" in texts:
        raise InputError("min_word_count: --from takes the vocabulary from the run; leave out this setting.")
    start = continued(before.recipe) if before else preset(args)
    recipe = settings.with_settings(start, texts)
    settings.refuse_idle(recipe, texts)
    return recipe


def continued(recipe: Recipe) -> Recipe:
    """Return the recipe of a run that starts from a run of this recipe, before --set changes settings."""
    return recipe.replace(objective=SETTINGS["objective"].default, cross_entropy_epochs=0)


def preset(args: argparse.Namespace) -> Recipe:
    """Return the preset Recipe of the arguments, before --set and other options change settings."""
    if not args.encoder:
        return presets.from_random_weights(args.data, args.small, args.model)
    if args.encoder not in presets.ENCODER_STAGES:
        if not args.encoder.exists():
            names = ", ".join(presets.ENCODER_STAGES)
            raise InputError(f"--encoder {args.encoder}: there is no such run; name {names} or the folder of a run.")
        source = runs.load_model(args.encoder).recipe
        if reads_sentences(source):
            raise InputError(f"--encoder {args.encoder}: reads phrases, not images; name another run by --encoder.")
        if reads_sentences(presets.from_random_weights(args.data, small=True)):
            raise InputError(f"--encoder {args.encoder} is for images, and --data {args.data} has none; leave it out.")
        return presets.on_run(args.data, source, runs.checkpoint_of(args.encoder), args.model)
    if args.data not in presets.PHOTOS:
        raise InputError(f"--encoder {args.encoder} is for photos: --data {', '.join(presets.PHOTOS)}")
    return presets.on_pretrained(args.data, args.encoder, args.weights, args.model)


def _settings(args):
    """Return the settings that the arguments change, {name: text}."""
    values = {name: getattr(args, name) for name in OPTIONS}
    return {name: SETTINGS[name].text(value) for name, value in values.items() if value} | dict(args.set)


def _encoder(text):
    """Parse the name of a pretrained encoder as text, or that of a run as a path."""
    return text if text in presets.ENCODER_STAGES else cli.path(text)


def _setting(text):
    """Parse an argument of --set, NAME=VALUE, as (name, value). HELP has no value."""
    name, equals, value = text.partition("=")
    if text == HELP:
        return HELP, ""
    if not equals:
        raise argparse.ArgumentTypeError(
            f"must be NAME=VALUE, such as attention_penalty=0, or {HELP}, not {shortened(text)}"
        )
    if name in SETTINGS and SETTINGS[name].option:
        raise argparse.ArgumentTypeError(f"{name} is set by its own option, {SETTINGS[name].option}")
    return name, value


def _add_option(parser, setting):
    """Add the option of a setting that has one instead of --set."""
    if isinstance(setting.default, bool):
        parser.add_argument(setting.option, action="store_true", help=setting.meaning)
    elif setting.choices:
        meaning = f"{setting.meaning} (default: {setting.default})"
        parser.add_argument(setting.option, choices=setting.choices, help=meaning)
    else:

        def value(text):
            try:
                return setting.parse(text)
            except InputError as error:
                expected = setting.describe_expected(text)
                raise argparse.ArgumentTypeError(f"must be {expected}, not {shortened(text)}") from error

        parser.add_argument(setting.option, type=value, metavar="N", help=f"{setting.meaning} (default: the preset's)")


def _print_settings(args):
    """Print all settings, with their values in the preset or in the run of --from, and return the exit code."""
    return cli.run(
        lambda: output.show(settings.help_text(runs.load_model(args.start).recipe if args.start else preset(args)))
    )
