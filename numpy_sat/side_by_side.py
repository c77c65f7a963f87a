"""Several trained models, judged alike: the rows of one table."""

import math
from pathlib import Path
from typing import NamedTuple

from numpy_sat import captioner, heldout, looking, runs
from numpy_sat.errors import InputError
from numpy_sat.metrics import judge, table


class Contender(NamedTuple):
    """One of the models to be compared."""

    name: str
    run: Path
    model: runs.Model


def load(paths):
    """The Contenders of some runs. Raises InputError where one was trained on other pictures than the first."""
    names = [runs.folder_of(path).resolve().name for path in paths]
    if len(set(names)) < len(names):
        names = [str(path) for path in paths]
    models = [runs.load_model(path) for path in paths]
    first = models[0].settings
    for path, model in zip(paths, models, strict=True):
        if model.settings["pictures"] != first["pictures"]:
            raise InputError(
                f"{path} was trained on {model.settings['data']}, and {paths[0]} on "
                f"{'another copy of ' * (model.settings['data'] == first['data'])}{first['data']}; "
                f"only runs of the same pictures and captions can be compared."
            )
    return [Contender(*found) for found in zip(names, paths, models, strict=True)]


def measure(contender, written, train):
    """A model's table.Row, and the metrics.Judged of its captions.

    written: heldout.Written, by it; train: {picture: [texts]}. Of drawn scenes there is, among the scores, the share of
    captions that are true. The row's difference is still to be filled in.
    """
    name, run, model = contender
    judged, looked = judge(written.captions, written.references), looking.judge(model, written)
    if looked.true is not None:
        judged = judged._replace(means={**judged.means, table.TRUE: 100 * looked.true})
    row = table.Row(
        name=name,
        parameters=sum(array.size for key, array in model.params.items() if not key.endswith(captioner.MEASURED)),
        minutes=_seconds(run) / 60,
        milliseconds=1000 * written.seconds / len(written.found),
        loss=heldout.judge_loss(model, written.listed, train),
        figures=judged.score(),
        interval=judged.intervals(),
        difference=None,
        looks=looked.looks,
        truth=looked.truth,
        captions=written.captions,
    )
    return row, judged


def notes(rows, vocabularies):
    """Sentences about the losses of table.Rows. vocabularies: of each row's model."""
    if len(set(vocabularies)) > 1:
        return ["Their vocabularies are not the same, and so their losses say nothing of each other."]
    return [f"The word frequencies of train alone have a loss of {rows[0].loss.frequencies:.3f}."]


def _seconds(run):
    """How long a run was trained, as its log says; nan where it says nothing."""
    seconds = [entry["seconds"] for entry in runs.read_log(runs.folder_of(run))]
    return seconds[-1] if seconds else math.nan
