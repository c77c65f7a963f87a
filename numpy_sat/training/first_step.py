"""Prepare the first step of training: compile its kernels on all cores."""

import contextlib
import math
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from numpy_sat.data.batches import Batch
from numpy_sat.experiment.runs import Run
from numpy_sat.kernels import compilation, updates
from numpy_sat.system import machine, ranks
from numpy_sat.system.workspace import Workspace
from numpy_sat.training import objectives, optimizers, shares


def compile_kernels(run: Run, batch: Batch, objective: ModuleType, prepared: Any, workspace: Workspace) -> None:
    """Compile the kernels of a training step that are not in the kernel cache, in a process for each core.

    The step is computed once without its kernels, on copies of the parameters, to find out which kernels it calls.

    Args:
        run: runs.Run.
        batch: a batch of the run.
        objective: a module of training/objectives. Only the step of "cross-entropy" is computed: the others sample.
        prepared: what its `prepare` returned.
        workspace: the Workspace of the training, whose memory the step uses.
    """
    if objective is not objectives.cross_entropy or ranks.current().size > 1 or machine.THREADS == 1:
        return
    params = {name: w.copy() for name, w in run.params.items()}  # batch normalization changes its running statistics
    random = partial(shares.random_stream, run.settings["seed"], run.progress.step, batch.share)
    failures = contextlib.suppress(Exception)  # without the results of kernels, anything may fail
    with compilation.recorded() as calls, np.errstate(all="ignore"), failures:
        _, grads, _ = objective.loss_and_grads(params, batch, run.recipe, prepared, random, workspace)
        optimizers.clip_by_norm(grads, math.inf)
        updates.scale(grads.values(), 1.0)  # clip_by_norm calls it if the norm is large
        getattr(optimizers, f"{run.recipe.training.optimizer}_update")(params, grads, {}, 0.0)
    compilation.compile_missing(calls)
