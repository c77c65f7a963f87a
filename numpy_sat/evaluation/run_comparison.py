"""Judge several trained models by the same protocol and print one table."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from numpy_sat import __version__, captioner
from numpy_sat.data import catalog, vocabulary
from numpy_sat.evaluation import attention, front, heldout, report_files, self_retrieval, table
from numpy_sat.evaluation.caption_evaluation import decoding_notes
from numpy_sat.evaluation.comparison import paper_rows
from numpy_sat.evaluation.judging import Judged, judge
from numpy_sat.evaluation.variety import variety
from numpy_sat.experiment import decoding_options, runs
from numpy_sat.metrics.meteor import matching
from numpy_sat.system.errors import InputError


class Contender(NamedTuple):
    """A model to compare: its name, its run and its parameters."""

    name: str
    run: Path
    model: runs.Model


def compare(
    paths: Sequence[Path], request: heldout.Request, out: Path | None = None, curve: Sequence[Path] = ()
) -> None:
    """Judge several captioners, print one table and write it to a file.

    Args:
        paths: paths of the runs; all are compared with the first.
        request: heldout.Request.
        out: path of the Markdown file; the default is a file in the first run's folder.
        curve: paths of further runs, whose losses and CIDEr-D form a curve. The figure is drawn beside the table.
    Raises:
        InputError: the runs were trained on different data, or a run is named twice.
    """
    contenders, rows, points, first = load([*paths, *curve], request), [], [], None
    path = report_files.place(out, paths[0], f"compare-{request.split}")
    retriever = self_retrieval.Retriever(contenders[0].model)
    for contender in contenders:
        report_files.say(f"{contender.name}: writing captions and judging them")
        written = heldout.write(contender.model, request)
        train = catalog.read_captions(written.dataset, "train")
        row, judged = measure(contender, written, train, retriever)
        rows.append(row._replace(difference=judged.difference(first)) if first else row)
        first = first or judged
        points += [front.point_of(contender.model, written, judged)] if curve else []
    models = [contender.model for contender in contenders]
    names = {request.split: written.texts, "train": train}
    paper = paper_rows((model.recipe.decoder.model for model in models), written.dataset.name, names)
    subject = "1 model: its captions" if len(rows) == 1 else f"{len(rows)} models: their captions"
    comparison = table.Comparison(
        title=f"{subject} of {written.dataset.name}, {request.split}",
        protocol=heldout.protocol(written, request),
        notes=(
            matching(),
            *notes(rows, contenders),
            *decoding_notes(request, models),
        ),
        rows=rows,
        paper=paper,
        heights=front.heights([row.name for row in rows], points, len(curve)) if curve else [],
    )
    if curve:
        figure = path.with_suffix(".png")
        front.draw(
            figure, [row.name for row in rows], points, len(curve), f"Likelihood and CIDEr-D: {comparison.title}"
        )
    plain = {"version": __version__, **table.as_json(comparison)}
    report_files.write(path, table.as_markdown(comparison), plain, table.as_text(comparison))


def load(paths: Sequence[Path], request: heldout.Request | None = None) -> list[Contender]:
    """Load the models of several runs.

    Args:
        paths: paths of the runs.
        request: heldout.Request, whose options of decoding replace the models' settings.
    Returns:
        A list of Contenders.
    Raises:
        InputError: the runs were trained on different data, or a run is named twice.
    """
    request = request or heldout.Request()
    models = [decoding_options.apply(runs.load_model(path), request.decoding) for path in paths]
    names = _names(paths)
    first = models[0].settings
    for path, model in zip(paths, models, strict=True):
        if model.settings["dataset_digest"] != first["dataset_digest"]:
            raise InputError(
                f"{path} was trained on {model.settings['data']}, and {paths[0]} on "
                f"{'another copy of ' * (model.settings['data'] == first['data'])}{first['data']}; "
                f"only runs of the same images and captions can be compared."
            )
    return [Contender(*fields) for fields in zip(names, paths, models, strict=True)]


def _names(paths):
    """Return short names that tell the runs apart.

    A name is the shortest unique end of the folder's path. If two checkpoints are in one folder, the name of the
    checkpoint is added.

    Raises:
        InputError: a run is named twice.
    """
    files = [runs.checkpoint_of(path).resolve() for path in paths]
    folders = [file.parent for file in files]
    duplicates = [str(path) for path, file in zip(paths, files, strict=True) if files.count(file) > 1]
    if duplicates:
        raise InputError(f"{', '.join(duplicates)}: the same model; name each once.")
    ends = {folder: [Path(*folder.parts[-k:]) for k in range(1, len(folder.parts) + 1)] for folder in folders}
    names = {
        folder: next(end for end in own_ends if sum(end in all_ends for all_ends in ends.values()) == 1)
        for folder, own_ends in ends.items()
    }
    return [str(names[file.parent] / (file.name if folders.count(file.parent) > 1 else "")) for file in files]


def measure(
    contender: Contender,
    written: heldout.Written,
    train: dict[str, list[str]],
    retriever: self_retrieval.Retriever,
) -> tuple[table.ModelFigures, Judged]:
    """Measure the scores and the costs of a model.

    Args:
        contender: Contender.
        written: heldout.Written of the model.
        train: {image: [texts]}, the captions of the training set.
        retriever: self_retrieval.Retriever, which chooses an image for each caption.
    Returns:
        row: its table.ModelFigures, without the difference from the first row.
        judged: the judging.Judged of its captions. For scenes, the share of true captions is among the scores.
    """
    name, run, model = contender
    judged, judgement = judge(written.texts, written.references), attention.judge(model, written)
    if judgement.is_true is not None:
        judged = judged._replace(means={**judged.means, table.TRUE: 100 * judgement.is_true})
    train_captions = [vocabulary.tokenize(text) for texts in train.values() for text in texts]
    row = table.ModelFigures(
        name=name,
        parameters=sum(array.size for key, array in model.params.items() if not key.endswith(captioner.MEASURED)),
        minutes=_seconds(run) / 60,
        milliseconds=1000 * written.seconds / len(written.captions),
        loss=heldout.judge_loss(model, written, train),
        figures=judged.score(),
        interval=judged.intervals(),
        difference=None,
        attention=judgement.statistics,
        truth=judgement.truth,
        variety=variety([vocabulary.tokenize(text) for text in written.texts.values()], train_captions),
        retrieval=retriever.measure(written),
        captions=written.texts,
    )
    return row, judged


def notes(rows: Sequence[table.ModelFigures], contenders: Sequence[Contender]) -> list[str]:
    """Return sentences about the losses and the costs of the models.

    Args:
        rows: table.ModelFigures of each model.
        contenders: the Contenders in the same order.
    """
    loss_note = f"The word frequencies of the training set alone have a loss of {rows[0].loss.frequencies:.3f}."
    if len({contender.model.vocabulary for contender in contenders}) > 1:
        loss_note = "The models have different vocabularies, so their losses cannot be compared."
    configs = {contender.name: contender.model.recipe for contender in contenders}
    pretrained = [name for name, config in configs.items() if config.encoder.pretrained and not config.encoder.blind]
    cost_note = (
        f"{', '.join(pretrained)}: parameters and milliseconds exclude the frozen stages of the pretrained encoder, "
        "whose features are cached on disk."
    )
    return [loss_note, *[cost_note] * bool(pretrained)]


def _seconds(run):
    """Return the training time of a run in seconds from its log; nan without a log."""
    seconds = [entry["seconds"] for entry in runs.read_log(runs.folder_of(run)) if "seconds" in entry]
    return seconds[-1] if seconds else math.nan
