"""python -m numpy_sat.study: variants of a model, trained one after the other on the same budget, and their table.

A study that was broken off, however that was, goes on where it stopped when the same command is given again.
"""

import argparse
import json
import sys
from pathlib import Path

from numpy_sat import evaluate, train
from numpy_sat.decoders import MODELS
from numpy_sat.experiment import runs
from numpy_sat.experiment.settings import is_idle, with_settings
from numpy_sat.system import cli
from numpy_sat.system.errors import InputError, writing
from numpy_sat.training import start

WHOLE = {"whole": []}
VARIANTS = {  # of each study, by their folders' names: what makes them, as arguments of train
    "slides": {
        **WHOLE,
        "lambda-0": ["--set", "penalty=0"],
        "target-T-over-L": ["--set", "penalty_target=T/L"],
        "no-gate": ["--set", "without=gate"],
        "no-deep-output": ["--set", "without=deep output"],
        "mean-annotation": ["--set", "without=attention"],
        "blind": ["--blind"],
    },
    "models": {name: ["--model", name] for name in MODELS},
}
RECIPE = "recipe"  # the study of the pieces of a recipe: it without each of those that it has
PIECES = {  # each piece's setting, and what that is without it
    **{"norm": "false", "dropout": "0", "dropout_a": "0", "smoothing": "0", "penalty": "0", "decay": "0"},
    **{"flip": "false", "shift": "0", "zoom": "1", "colour": "0"},
}


def main(argv=None):
    """The command; returns its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    args, rest = _parse(argv)
    again = " ".join(["python -m numpy_sat.study", *map(cli.quoted, argv)])
    return cli.run(lambda: _study(args, rest, again))


def _study(args, rest, again):
    """rest: train's arguments, the same for every variant; again: the command that goes on with the study."""
    common = start.parse(rest)
    if common.start or common.blind or common.data == "phrases":
        raise InputError("a study trains captioners of pictures anew: leave out --from, --blind and --data phrases.")
    variants = variants_of(args.study, start.wanted(common))
    _refuse_what_does_not_apply(args.study, variants, rest)
    folder = args.out or Path("runs") / f"{args.study}-{common.data}{'-small' * common.small}"
    _refuse_another(folder, {"study": args.study, **vars(common), "root": None})
    root = ["--root", str(common.root)] if common.root else []
    for name, its_own in variants.items():
        if code := _train(folder / name, [*rest, *its_own], root):
            break
    else:
        trained = [str(folder / name) for name in variants]
        skipping = ["--skip-missing"] * common.skip_missing
        code = evaluate.main(["--compare", *trained, "--out", str(folder / "table.md"), *root, *skipping])
    if code == 130:
        print(f"the study goes on with: {again}")
    return code


def variants_of(study, recipe):
    """A study's variants, {name: arguments of train}. recipe: presets.Recipe, of the whole."""
    if study != RECIPE:
        return VARIANTS[study]
    pieces = {
        name: text
        for name, text in PIECES.items()
        if not is_idle(recipe, name) and with_settings(recipe, {name: text}) != recipe
    }
    return WHOLE | {f"no-{name}": ["--set", f"{name}={text}"] for name, text in pieces.items()}


def _refuse_what_does_not_apply(study, variants, rest):
    """Raise InputError, before anything is trained, where variants make no sense for the model in train's arguments."""
    faults, found, given = [], {}, dict(start.parse(rest).set)
    for name, its_own in variants.items():
        try:
            recipe = start.wanted(start.parse([*rest, *its_own]))
        except InputError as error:
            faults.append(f"{name} ({str(error).rstrip('.')})")
            continue
        if "without" in given and "without" in dict(start.parse(its_own).set):
            faults.append(f"{name} (would have the parts again that without={given['without']} leaves out)")
        elif (same := found.setdefault(recipe, name)) != name:
            faults.append(f"{name} (the same as {same})")
    if faults:
        raise InputError(f"the study {study} has variants that do not apply: {', '.join(faults)}.")


def _refuse_another(folder, arguments):
    """Raise InputError where the folder holds something trained with other arguments than these."""
    path, text = folder / "study.json", json.dumps(arguments, default=str, indent=1) + "\n"
    if any(folder.glob(f"*/{runs.LAST}")) and path.exists() and path.read_text(encoding="utf-8") != text:
        raise InputError(f"{folder} holds a study with other arguments, see {path}; choose another folder by --out.")
    with writing(path):
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _train(folder, arguments, root):
    """Train a variant, or go on with it. Returns train's exit code; 0 where it is trained already."""
    if (folder / runs.LAST).exists():
        run = runs.resume(folder)
        if runs.is_finished(run):
            print(f"{folder}: trained already")
            return 0
        arguments = ["--resume", *root]
    arguments = [*arguments, "--out", str(folder)]
    print(" ".join(["\npython -m numpy_sat.train", *map(cli.quoted, arguments)]))
    return train.main(arguments)


def _parse(argv):
    parser = argparse.ArgumentParser(
        prog="python -m numpy_sat.study",
        usage="%(prog)s NAME [--out FOLDER] [--data NAME] [--root DIR] [--small] [--seed N] [--epochs N] [--set ...]",
        description="Train the variants of a study alike, one after the other, and put them into one table.",
        epilog="All other arguments are those of train, see its --help, and go to every variant.",
        allow_abbrev=False,
    )
    parser.add_argument("study", metavar="NAME", choices=(*VARIANTS, RECIPE), help=" or ".join((*VARIANTS, RECIPE)))
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="of the study; default: one in runs/")
    return parser.parse_known_args(argv)


if __name__ == "__main__":
    sys.exit(main())
