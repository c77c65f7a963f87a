"""The options of commands that change how a trained model writes captions, each the setting of the same name."""

import argparse

from numpy_sat.experiment import settings
from numpy_sat.experiment.recipe import SETTINGS
from numpy_sat.experiment.runs import Model


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options to a command's parser. An option that is not given is None, and keeps the model's setting."""
    parser.add_argument(
        "--attention-mode",
        choices=SETTINGS["attention_mode"].choices,
        help="how hard attention chooses locations while it writes (default: the run's setting, else expected)",
    )
    parser.add_argument(
        "--no-repeats",
        action="store_const",
        const="true",
        help="repeat no content word in a caption (default: the run's setting)",
    )
    parser.add_argument(
        "--rare-words",
        metavar="TAU",
        help="write rarer words, from 0 (not) to 1; larger values cost accuracy (default: the run's setting)",
    )


def settings_of(args: argparse.Namespace) -> dict[str, str]:
    """Return the settings that the arguments of a command choose, as text by name."""
    texts = {name: getattr(args, name) for name in ("attention_mode", "no_repeats", "rare_words")}
    return {name: text for name, text in texts.items() if text is not None}


def apply(model: Model, texts: dict[str, str]) -> Model:
    """Return a model that writes captions with other settings.

    Args:
        model: runs.Model.
        texts: settings as text by name.
    Raises:
        InputError: a setting does nothing for the model, or its value is impossible.
    """
    settings.refuse_idle(model.recipe, texts)
    return model._replace(recipe=settings.with_settings(model.recipe, texts)) if texts else model
