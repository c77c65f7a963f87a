"""Figures of trained models: training curves, the filters of the first layer, captions and attention."""

from collections.abc import Sequence
from pathlib import Path

from numpy_sat import tasks
from numpy_sat.evaluation import figures, heldout, report_files
from numpy_sat.experiment import runs
from numpy_sat.system import files, output

CURVES = "show-curves.png"


def draw(paths: Sequence[Path], request: heldout.Request) -> None:
    """Draw figures into the first run's folder, or for a captioner of the package into the current one.

    Args:
        paths: paths of the runs. The curves show all runs, the other figures only the first.
        request: heldout.Request.
    Raises:
        InputError: a run or its data cannot be read.
    """
    folder = runs.output_folder(paths[0])
    model, *_ = [runs.load_model(path) for path in paths]
    files.refuse_unwritable(folder / CURVES)
    task = tasks.of_model(model)
    _draw_curves(folder / CURVES, paths)
    if "conv1_1.W" in model.params:
        path = folder / "show-filters.png"
        figures.filters_figure(path, model.params["conv1_1.W"])
        output.show(f"filters of the first layer: {path}")
    report_files.say(f"writing captions for {request.split}")
    task.show(folder, model, heldout.write(model, request, task.load))


def _draw_curves(path, paths):
    """Draw the curves of the runs that have a log. The path of a run names its curves."""
    logs = {str(run): log for run in paths if (log := runs.read_log(runs.folder_of(run)))}
    if not logs:
        output.show("training curves: none, because averaged and shipped models have no training log")
        return
    entries = {name: [[e for e in log if e["kind"] == kind] for kind in ("train", "dev")] for name, log in logs.items()}
    figures.runs_figure(path, entries)
    output.show(f"training curves: {path}")
