"""Divergence: training stops without saving when the loss or a parameter is no longer a finite number."""

import numpy as np

from numpy_sat.experiment import runs
from numpy_sat.system.errors import InputError


def check(run: runs.Run) -> None:
    """Raise InputError if a number that a checkpoint would hold is infinite or NaN.

    Args:
        run: runs.Run.
    """
    parts = run.params, run.optimizer, *run.objective.values()
    if not all(np.isfinite(array).all() for part in parts for array in part.values()):
        raise error(run)


def error(run: runs.Run) -> InputError:
    """Return the InputError that reports a diverged run and suggests what to change. run: runs.Run."""
    path = run.folder / runs.LAST
    note = f"the last good checkpoint is {path}" if path.exists() else "there was no checkpoint yet"
    return InputError(
        f"the loss is no longer a number after step {run.progress.step} ({note}); train again with a smaller "
        f"--learning-rate than {run.recipe.training.learning_rate:g}, "
        f"or a smaller --clip-norm than {run.recipe.training.clip_norm:g}."
    )
