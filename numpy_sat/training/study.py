"""A study: train variants of a model one after the other with the same budget, and compare them in a table.

On several ranks (system/ranks.py), each rank trains other variants.

After an interruption, the same command continues the study where it stopped.
"""

import json
from pathlib import Path

from numpy_sat import tasks
from numpy_sat.decoders import MODELS
from numpy_sat.evaluation import heldout
from numpy_sat.evaluation.comparison import PAPER
from numpy_sat.experiment import arguments, runs
from numpy_sat.experiment.recipe import SETTINGS, Recipe
from numpy_sat.experiment.settings import is_idle
from numpy_sat.system import cli, lock, output, ranks
from numpy_sat.system.errors import InputError, refuse_special, writing
from numpy_sat.system.files import replacing
from numpy_sat.training import loop, word_vectors

WHOLE = {"whole": []}
VARIANTS = {  # {study: {name of the variant's folder: arguments of train}}
    "slides": {
        **WHOLE,
        "lambda-0": ["--set", "attention_penalty=0"],
        "target-T-over-L": ["--set", "penalty_target=T/L"],
        "no-gate": ["--set", "without=gate"],
        "no-deep-output": ["--set", "without=deep output"],
        "mean-annotation": ["--set", "without=attention"],
        "blind": ["--blind"],
    },
    # without tags, a model that can read them is another model of the table
    "models": {name: ["--model", name] for name, model in MODELS.items() if "tags" not in model.SETTINGS},
    "table": {name: ["--model", name] for name in PAPER},  # the systems that Xu et al. compare
    "word-vectors": {
        **WHOLE,
        **{name: ["--set", f"embedding_start={name}"] for name in word_vectors.METHODS},
    },
}
RECIPE = "recipe"  # ablation of a recipe: each variant switches one setting off


def run(study: str, out: Path | None, rest: list[str], again: str) -> int:
    """Train the variants of a study and compare them.

    Args:
        study: one of VARIANTS, or RECIPE.
        out: folder of the study; None means one in runs/.
        rest: arguments of train, the same for every variant.
        again: command that continues the study.
    Returns:
        The exit code.
    Raises:
        InputError: a variant does not apply to the model, or the folder holds another study.
    """
    common = arguments.parse(rest)
    if common.start or common.blind or common.data == "phrases":
        raise InputError(
            "a study trains captioners of images from scratch: leave out --from, --blind and --data phrases."
        )
    variants = variants_of(study, arguments.choose_recipe(common))
    if common.model and any("--model" in options for options in variants.values()):
        raise InputError(f"the study {study} chooses the models: leave out --model {common.model}.")
    _refuse_what_does_not_apply(study, variants, rest)
    folder = out or Path("runs") / f"{study}-{common.data}{'-small' * common.small}"
    with loop.owned(folder):
        return _run(study, variants, common, folder, rest, again)


def _run(study, variants, common, folder, rest, again):
    settings = {"study": study, **vars(common), "root": None, "command": None}
    if not common.skip_damaged:  # studies that began before this option existed lack the entry
        del settings["skip_damaged"]
    group, code = ranks.current(), 0
    if group.is_first:
        _refuse_another(folder, settings)
    root = ["--root", str(common.root)] if common.root else []
    for name in group.part(list(variants)):  # each rank trains other variants
        with ranks.alone():
            code = _train(folder / name, [*rest, *variants[name]], root)
        if code:
            break
    (code,) = group.largest(code)
    if not code:
        code = cli.run(lambda: _compare([folder / name for name in variants], common, folder / "table.md"))
    if code >= 128:  # a signal
        output.show(f"continue the study with: {again}")
    return code


def _compare(paths, common, out):
    request = heldout.Request(root=common.root, skip_missing=common.skip_missing, skip_damaged=common.skip_damaged)
    tasks.of_data(common.data).compare(paths, request, out)


def variants_of(study: str, recipe: Recipe) -> dict[str, list[str]]:
    """Return the variants of a study, {name: arguments of train}.

    Args:
        study: one of VARIANTS, or RECIPE.
        recipe: Recipe of the whole model.
    """
    if study != RECIPE:
        return VARIANTS[study]
    off_texts = {
        name: setting.text(setting.off)
        for name, setting in SETTINGS.items()
        if setting.off is not None and not is_idle(recipe, name) and recipe.values()[name] != setting.off
    }
    return WHOLE | {f"no-{name.replace('_', '-')}": ["--set", f"{name}={text}"] for name, text in off_texts.items()}


def _refuse_what_does_not_apply(study, variants, rest):
    """Raise InputError if variants do not apply to the model that train's arguments select, or are the same."""
    faults, names, common = [], {}, dict(arguments.parse(rest).set)  # names: {recipe: first variant with it}
    for name, options in variants.items():
        try:
            recipe = arguments.choose_recipe(arguments.parse([*rest, *options]))
        except InputError as error:
            faults.append(f"{name} ({str(error).rstrip('.')})")
            continue
        if "without" in common and "without" in dict(arguments.parse(options).set):
            faults.append(f"{name} (would restore the parts that without={common['without']} leaves out)")
        elif (first := names.setdefault(recipe, name)) != name:
            faults.append(f"{name} (the same as {first})")
    if faults:
        raise InputError(f"the study {study} has variants that do not apply: {', '.join(faults)}.")


def _refuse_another(folder, settings):
    """Raise InputError if the folder holds a study with other arguments. settings: {argument: value}."""
    path, text = folder / "study.json", json.dumps(settings, default=str, indent=1) + "\n"
    refuse_special(path)
    if any(folder.glob(f"*/{runs.LAST}")) and path.exists() and path.read_text("utf-8", "replace") != text:
        raise InputError(f"{folder} holds a study with other arguments, see {path}; choose another folder with --out.")
    with writing(path):
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _train(folder, argv, root):
    """Train a variant, or resume its training. Return train's exit code, which is 0 for a finished variant."""
    if (folder / runs.LAST).exists():
        with lock.folder_lock(folder):
            is_finished = loop.is_finished(runs.resume(folder))
        if is_finished:
            output.show(f"{folder}: already trained")
            return 0
        argv = ["--resume", *root]
    argv = [*argv, "--out", str(folder)]
    output.show(" ".join(["\npython -m numpy_sat.train", *map(cli.quoted, argv)]))
    return cli.run(lambda: loop.train(arguments.parse(argv)))
