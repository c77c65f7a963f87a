"""Divergence: a training whose loss or parameters are no longer numbers stops, and saves nothing."""

import numpy as np

from numpy_sat.experiment import runs
from numpy_sat.system.errors import InputError


def check(run):
    """Raise InputError if the last update made a parameter infinite or nan: it must not be saved."""
    if not all(np.isfinite(array).all() for array in run.params.values()):
        raise error(run)


def error(run):
    """Return the InputError that reports a diverged run and says what to change."""
    path = run.folder / runs.LAST
    note = f"the last good checkpoint is {path}" if path.exists() else "there was no checkpoint yet"
    return InputError(
        f"the loss is no longer a number after step {run.progress.step} ({note}); train anew with a smaller "
        f"--learning-rate than {run.recipe.training.learning_rate:g}, "
        f"or a smaller --clip-norm than {run.recipe.training.clip_norm:g}."
    )
