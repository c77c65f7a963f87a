"""Figures of trained models: how training went, the first layer's filters, captions and attention."""

from numpy_sat import tasks
from numpy_sat.evaluation import figures, heldout, report_files
from numpy_sat.experiment import runs


def draw(paths, request):
    """Draw figures into the first run's folder.

    Args:
        paths: of the runs. The curves show all of them, the other figures only the first.
        request: heldout.Request.
    Raises:
        InputError: a run or its data cannot be read.
    """
    folder = runs.folder_of(paths[0])
    model, *_ = [runs.load_model(path) for path in paths]
    task = tasks.of_model(model)
    _draw_curves(folder / "show-curves.png", paths)
    if "conv1_1.W" in model.params:
        path = folder / "show-filters.png"
        figures.filters_figure(path, model.params["conv1_1.W"])
        print(f"first layer's filters: {path}")
    report_files.say(f"writing captions for {request.split}")
    task.show(folder, model, heldout.write(model, request, task.load))


def _draw_curves(path, paths):
    """Draw the curves of the runs that have a log, each named by its folder."""
    logs = {str(run): log for run in paths if (log := runs.read_log(runs.folder_of(run)))}
    if not logs:
        print("curves: none, for what was mixed or shipped has no log of training")
        return
    kinds = {name: [[e for e in log if e["kind"] == kind] for kind in ("train", "dev")] for name, log in logs.items()}
    figures.runs_figure(path, kinds)
    print(f"curves: {path}")
