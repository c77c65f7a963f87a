"""Train the tiny recipe as a rank of mpiexec: python mpi_worker.py FAULT ARGUMENTS.

FAULT is a function below that damages one rank, "none", or "study" for a study instead of a training.
"""

import errno
import os
import signal
import sys

import tiny

from numpy_sat import study, train
from numpy_sat.evaluation.figures import canvas
from numpy_sat.experiment import presets
from numpy_sat.system import npz, ranks
from numpy_sat.training import loop, shares, start

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
    if os.environ.get("PMI_RANK", os.environ.get("OMPI_COMM_WORLD_RANK")) == "1":
        shares.__version__ = "0.0.9"


def data():
    """Give rank 1 another data set."""
    digest = start.digest
    start.digest = lambda dataset: digest(dataset) + str(ranks.current().rank == 1)


if __name__ == "__main__":
    canvas.save = tiny.save_blank
    presets.PRESETS["flickr8k", True] = tiny.RECIPE
    fault, *arguments = sys.argv[1:]
    if fault not in ("none", "study"):
        globals()[fault]()
    if "--resume" not in arguments:
        arguments = ["--small", "--data", "flickr8k", *arguments]
    sys.exit(study.main(["word-vectors", *arguments]) if fault == "study" else train.main(arguments))
