"""mpiexec -n K python -m numpy_sat.bench.scaling: measure a training step on K ranks, and predict larger clusters.

The command measures the steps of the preset of Flickr8k on random images: the whole step, the same step without other
ranks, and reductions of small and large arrays. Without mpiexec it measures one process. From the measurements, `Plan`
predicts the step on more ranks and other networks, by the usual model of a reduction:

    t = 2 log2(K) alpha + 2 (K - 1) / K bytes beta

alpha is the time that a message takes at least, and beta is the time of a byte.
"""

import argparse
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import numpy as np

from numpy_sat import captioner
from numpy_sat.data import batches
from numpy_sat.data.vocabulary import END, SPECIALS, Vocabulary
from numpy_sat.experiment import presets, runs
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.system import cli, machine, mpi, ranks
from numpy_sat.system.workspace import Workspace
from numpy_sat.training import loop, objectives, shares

V, SHORTEST, LONGEST = 2500, 8, 16  # words of the vocabulary; words of a caption
SMALL_MESSAGES = 4  # reductions of a step that send few bytes: longest caption, loss, stop, and the moving parameters
NETWORKS = {"10 Gbit/s": (20e-6, 8 / 10e9), "100 Gbit/s": (3e-6, 8 / 100e9)}  # {name: (alpha, beta) in seconds}
SIZES = (2, 4, 8, 16, 32, 64, 128, 256)  # numbers of ranks
COCO = 118_287  # images of COCO's training set


class Plan(NamedTuple):
    """What determines the time of a step on K ranks. Times are in seconds."""

    fixed: float  # a step's time that does not depend on the number of images: the optimizer, random numbers
    image: float  # time of an image
    size: int  # bytes of the gradient
    layers: int  # layers of batch normalization

    def reduction(self, K: int, alpha: float, beta: float) -> float:
        """Return the time that the reductions of a step take on K ranks."""
        if K == 1:
            return 0.0
        messages = 1 + SMALL_MESSAGES + 2 * self.layers
        # t = 2 log2(K) alpha + 2 (K - 1) / K bytes beta, with one alpha for every reduction of the step
        return 2 * math.log2(K) * alpha * messages + 2 * (K - 1) / K * self.size * beta

    def step(self, K: int, batch: int, alpha: float, beta: float) -> float:
        """Return the time of a step with `batch` images on K ranks. The largest share decides."""
        return self.fixed + self.image * math.ceil(batch / K) + self.reduction(K, alpha, beta)

    def efficiency(self, K: int, batch: int, alpha: float, beta: float) -> float:
        """Return images per second on K ranks, over K times those of one rank with the batch of one rank's preset.

        Args:
            K: number of ranks.
            batch: images of a batch on K ranks.
            alpha, beta: of the network.
        """
        return self.step(1, BATCH, 0, 0) / BATCH * batch / (K * self.step(K, batch, alpha, beta))


def _recipe(batch_size):
    """Return the preset of Flickr8k with another batch size."""
    return presets.from_random_weights("flickr8k", False).replace(batch_size=batch_size)


BATCH = presets.from_random_weights("flickr8k", False).training.batch_size


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    mpi.silence_others()
    parser = cli.Parser(prog="python -m numpy_sat.bench.scaling", description="Measure a training step on all ranks.")
    parser.add_argument("--rounds", type=cli.count, default=7, metavar="N", help="steps of each kind (default: 7)")
    args = parser.parse_args(argv)
    return cli.run_on_ranks(lambda: _scaling(args))


def _scaling(args: argparse.Namespace) -> None:
    """Measure and print."""
    group, threads = ranks.current(), machine.THREADS
    whole, half = _stepper(_recipe(BATCH)), _stepper(_recipe(BATCH // 2))
    shared = [_seconds(whole) for _ in range(args.rounds + 1)][1:]
    print(
        f"{group.size} ranks, {threads} threads each: step {1e3 * min(shared):.1f} ms (median "
        f"{1e3 * statistics.median(shared):.1f}), {BATCH / min(shared):.1f} images/s"
    )
    with ranks.alone():
        # Other programs on the machine do not count, so this is processor time.
        clock = time.process_time
        alone = [(_seconds(whole, clock), _seconds(half, clock)) for _ in range(args.rounds + 1)][1:]
    large, small = (min(times) for times in zip(*alone, strict=True))
    image = (large - small) / (BATCH - BATCH // 2)
    recipe = _recipe(BATCH)
    params = captioner.init_params(np.random.default_rng(0), recipe, np.zeros(V))
    size = sum(array.nbytes for name, array in params.items() if not name.endswith(captioner.MEASURED))
    plan = Plan(max(0.0, large - BATCH * image), image, size, sum(map(len, recipe.encoder.stages)))
    print(
        f"one rank, processor time: {1e3 * large:.1f} ms for {BATCH} images, {1e3 * small:.1f} ms for {BATCH // 2}; "
        f"{1e3 * plan.fixed:.1f} ms + {1e3 * image:.2f} ms per image; the gradient has {size / 1e6:.1f} MB"
    )
    if group.size > 1:
        alpha, beta = _network(group, size)
        print(
            f"reduction: alpha {1e6 * alpha:.1f} microseconds, 1 / beta {1e-9 / beta:.2f} GB/s; model of a step: "
            f"{1e3 * plan.step(group.size, BATCH, alpha, beta):.1f} ms"
        )
    print("\n".join(table(plan)))


def table(plan: Plan) -> list[str]:
    """Return the lines of a table of efficiencies: a fixed batch, and a batch that grows with the ranks."""
    columns = f"{'batch ' + str(BATCH):>16}  {'batch grows':>16}"
    lines = [f"{'network':>12}  {'ranks':>5}  {columns}  minutes per epoch of COCO"]
    for name, (alpha, beta) in NETWORKS.items():
        for K in SIZES:
            fixed = f"{plan.efficiency(K, BATCH, alpha, beta):.0%}" if K <= BATCH else "-"
            batch = BATCH * K
            minutes = COCO / batch * plan.step(K, batch, alpha, beta) / 60
            grown = f"{plan.efficiency(K, batch, alpha, beta):.0%} ({batch:,})"
            lines.append(f"{name:>12}  {K:5}  {fixed:>16}  {grown:>16}  {minutes:.2f}")
    return lines


def _stepper(recipe: Recipe) -> Callable:
    """Return a function that makes the next training step on random images."""
    rng, names = np.random.default_rng(0), (*SPECIALS, *(f"w{k}" for k in range(V - len(SPECIALS))))
    images, side = 2 * BATCH, recipe.encoder.image_size
    captions = tuple(
        tuple(np.append(rng.integers(len(SPECIALS), V, rng.integers(SHORTEST, LONGEST)), END) for _ in range(5))
        for _ in range(images)
    )
    pixels = rng.integers(0, 256, (images, side, side, 3), np.uint8)
    split = batches.Split(tuple(map(str, range(images))), pixels, captions, images * ((),), ())
    params = captioner.init_params(rng, recipe, np.zeros(V))
    folder = Path(tempfile.gettempdir())
    run = runs.Run(folder, {"seed": 0}, recipe, Vocabulary(names), params, {}, runs.Progress(), {})
    workspace, objective = Workspace(), objectives.objective_of(recipe, 0)
    incoming = {}  # the batches of this rank, for a group and without others

    def step():
        """Make the next step, in shares if there are other ranks."""
        size = ranks.current().size
        if size not in incoming:
            share = shares.of_batch(recipe.training.batch_size)
            options = recipe.training.batch_size, recipe.training.captions_per_image, recipe.augmentation
            incoming[size] = cycle(list(batches.epoch_batches(split, *options, seed=0, epoch=0, share=share)))
        (batch,) = shares.aligned([next(incoming[size])])
        loop.train_step(run, batch, objective, None, 10_000, workspace)
        run.progress.step += 1

    return step


def _seconds(function, clock=time.perf_counter):
    """Return the time of a call, from the moment when all ranks are ready."""
    ranks.current().largest(0)
    start = clock()
    function()
    return clock() - start


def _network(group, size, repeats=50):
    """Measure alpha and beta of the reductions of a group, in seconds."""
    messages, times = (np.zeros(2), np.zeros(size // 4, np.float32)), []
    for array in messages:
        group.average([array], 1.0)
        times.append(min(_seconds(lambda array=array: group.average([array], 1.0)) for _ in range(repeats)))
    steps, share = 2 * math.log2(group.size), 2 * (group.size - 1) / group.size
    return times[0] / steps, (times[1] - times[0]) / (share * size)


if __name__ == "__main__":
    sys.exit(main())
