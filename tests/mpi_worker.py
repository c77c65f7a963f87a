"""Train the tiny recipe as a rank of mpiexec: python mpi_worker.py FAULT ARGUMENTS.

FAULT is a function below that damages one rank, "none", "study" for a study instead of a training, or "float64" for
the steps of short_training.py, whose parameters every rank writes into a folder.
"""

import errno
import os
import signal
import sys
from pathlib import Path

import numpy as np
import short_training
import tiny

from numpy_sat import study, train
from numpy_sat.evaluation.figures import canvas
from numpy_sat.experiment import presets
from numpy_sat.system import cli, mpi, npz, ranks
from numpy_sat.training import loop, start

KILL_STEP = 8  # in the second epoch of the tiny recipe


def kill():
    """Let rank 1 be killed in the middle of an epoch, and let rank 0 save after every step."""
    step, loop.SAVE_SECONDS = loop.train_step, -1

    def train_step(run, *rest):
        if ranks.current().rank == 1 and run.progress.step == KILL_STEP:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(run, *rest)

    loop.train_step = train_step


def crash():
    """Raise an unexpected error on rank 1."""
    step = loop.train_step

    def train_step(run, *rest):
        if ranks.current().rank == 1 and run.progress.step == KILL_STEP:
            raise RuntimeError("a bug")
        return step(run, *rest)

    loop.train_step = train_step


def full():
    """Let the disk of rank 0 be full at the second checkpoint."""
    write, calls = npz.write, []

    def limited(path, arrays):
        calls.append(path)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(path, arrays)

    npz.write = limited


def interrupt():
    """Send Ctrl-C to the last rank alone."""
    step = loop.train_step

    def train_step(run, *rest):
        group = ranks.current()
        if group.rank == group.size - 1 and run.progress.step == KILL_STEP:
            signal.raise_signal(signal.SIGINT)
        return step(run, *rest)

    loop.train_step = train_step


def version():
    """Give rank 1 another version of the package."""
    if is_second():
        mpi.__version__ = "0.0.9"


def command():
    """Give rank 1 another command."""
    if is_second():
        sys.argv += ["--seed", "1"]


def argument():
    """Give rank 1 an argument that does not exist."""
    if is_second():
        sys.argv += ["--bogus"]


def cache():
    """Give rank 1 another cache of decoded images."""
    if is_second():
        os.environ["NUMPY_SAT_CACHE"] += "-of-rank-1"


def is_second():
    """Return True on rank 1, also before the ranks are connected."""
    return os.environ.get("PMI_RANK", os.environ.get("OMPI_COMM_WORLD_RANK")) == "1"


def float64(folder):
    """Train in float64 for 20 steps with an uneven batch, and write the parameters of this rank into the folder."""
    params, _ = short_training.trained(*short_training.uneven(), Path(folder))
    np.savez(Path(folder) / f"rank{ranks.current().rank}.npz", **params)


def data():
    """Give rank 1 another data set."""
    digest = start.digest
    start.digest = lambda dataset: digest(dataset) + str(ranks.current().rank == 1)


if __name__ == "__main__":
    canvas.save = tiny.save_blank
    presets.PRESETS["flickr8k", True] = tiny.RECIPE
    fault, *arguments = sys.argv[1:]
    if fault == "float64":
        sys.exit(cli.run_on_ranks(lambda: float64(*arguments)))
    if fault not in ("none", "study"):
        globals()[fault]()
        arguments = sys.argv[2:]
    if not {"--resume", "--from"} & set(arguments):
        arguments = ["--small", "--data", "flickr8k", *arguments]
    sys.exit(study.main(["word-vectors", *arguments]) if fault == "study" else train.main(arguments))
