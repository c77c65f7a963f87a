"""python -m numpy_sat.bench: how fast the kernels are, beside the machine's limit and PyTorch."""

import argparse
import importlib.util
import json
import os
import statistics
import sys
from contextlib import ExitStack
from functools import partial
from importlib.metadata import version
from pathlib import Path

from numpy_sat.bench import report, works
from numpy_sat.bench.workers import Worker
from numpy_sat.system import cli, machine
from numpy_sat.system.errors import InputError, writing

OURS = "from numpy_sat.bench import ours; ours.main()"
# torch first: it must not find the environment that numpy_sat settles for itself.
THEIRS = "import torch; from numpy_sat.bench import theirs; theirs.main()"
NO_PAGE_FAULTS = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "100000000000"}


def main(argv=None):
    """The command; returns its exit code."""
    args = _parse(argv)
    return cli.run(lambda: _bench(args))


def _bench(args):
    chosen = _choose(args)
    for path in (args.json, args.plot):
        if path and path != Path("-"):
            _write(path, None)
    show = partial(print, file=sys.stderr if args.json == Path("-") else sys.stdout, flush=True)
    results = []
    with ExitStack() as stack:
        workers = _start(stack, chosen)
        peak, bandwidth = _introduce(workers, show)
        for k, work in enumerate(chosen):
            if not k or chosen[k - 1].group != work.group:
                show(f"\n{report.head(work.group)}")
            _progress(f"{k + 1} of {len(chosen)}: {work.group} {work.name} {work.pass_}")
            found = measure(work, workers, args.rounds)
            _progress("")
            for result in found:
                show(report.line(result, peak))
                results.append(result)
    lines = "".join(json.dumps(report.row(result, peak)) + "\n" for result in results)
    if args.json == Path("-"):
        print(lines, end="")
    elif args.json:
        _write(args.json, lines)
    if args.plot:
        from numpy_sat.bench import roofline  # matplotlib takes a second

        roofline.roofline_figure(args.plot, [r for r in results if r.work.group == "conv"], peak, bandwidth)


def _progress(text):
    """What is being done, on a terminal a line that the next one overwrites."""
    if sys.stderr.isatty():
        print(f"{text:<99}", end="\r", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)


def measure(work, workers, rounds):
    """A report.Result for every rung: the medians of alternating rounds, after calls that are not counted."""
    sides = {rung: workers["blas" if rung in works.BLAS_RUNGS else "ours"] for rung in work.rungs}
    if "torch" in workers:
        sides["torch"] = workers["torch"]
    errors, times = {}, {rung: [] for rung in sides}
    for worker in dict.fromkeys(sides.values()):
        errors |= worker.ask("prepare", work, [rung for rung in sides if sides[rung] is worker])
    for _ in range(rounds):
        for rung, worker in sides.items():
            times[rung].append(worker.ask("measure", rung))
    medians = {rung: statistics.median(ms) for rung, ms in times.items()}
    return [report.Result(work, rung, medians[rung], errors[rung], medians.get("torch")) for rung in work.rungs]


def _choose(args):
    """The works of the groups asked for that have in their names what was asked for."""
    of_groups = [work for work in works.all_works() if work.group in args.group]
    chosen = [work for work in of_groups if args.work.lower() in work.name.lower()]
    if not chosen:
        names = ", ".join(dict.fromkeys(work.name for work in of_groups))
        raise InputError(
            f"--work {args.work}: no work of {', '.join(args.group)} has that in its name; take of {names}."
        )
    if args.plot and all(work.group != "conv" for work in chosen):
        raise InputError(f"--plot {args.plot}: the roofline is of convolutions; measure --group conv, too.")
    return chosen


def _start(stack, chosen):
    """The processes that are needed, by name. For the rungs made of it BLAS gets as many threads as the kernels."""
    start = {"ours": (OURS, dict(os.environ))}
    if any(rung in works.BLAS_RUNGS for work in chosen for rung in work.rungs):
        start["blas"] = OURS, os.environ | {"OPENBLAS_NUM_THREADS": str(machine.THREADS)}
    if importlib.util.find_spec("torch"):
        # Without what numpy_sat sets for itself when it is imported; torch is told its number of threads.
        kept = {name: os.environ[name] for name in os.environ if not name.endswith(("_NUM_THREADS", "WAIT_POLICY"))}
        start["torch"] = THEIRS, kept | NO_PAGE_FAULTS
    return {name: stack.enter_context(Worker(*how)) for name, how in start.items()}


def _introduce(workers, show):
    """Say what the figures depend on, measure the machine's limits, and return them: GFLOP/s, GB/s."""
    for worker in workers.values():  # one that still imports its libraries would halve the limits
        worker.ask("ready")
    about, limits = workers["ours"].ask("about"), workers["ours"].ask("limits")
    torch = f"torch {version('torch')}" if "torch" in workers else "torch is not installed: nothing to compare with"
    show(
        f"{about['threads']} threads on {about['cpu']}; numpy {about['numpy']} (OpenBLAS kernel: {about['blas']}), "
        f"numba {about['numba']}, {torch}\n"
        f"limits: {limits['gflops']:.0f} GFLOP/s of float32 multiply-adds, {limits['gbytes']:.0f} GB/s read from memory"
    )
    return limits["gflops"], limits["gbytes"]


def _write(path, text):
    """Write a file aside and rename it; without text only find out, before an hour of measuring, whether that works."""
    aside = Path(f"{path}.part")
    with writing(path, aside):
        if path.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        aside.write_text(text or "", encoding="utf-8")
        aside.unlink() if text is None else aside.replace(path)


def _parse(argv):
    parser = argparse.ArgumentParser(
        prog="python -m numpy_sat.bench",
        description="Measure the kernels, beside the machine's limit and, where it is installed, PyTorch.",
        epilog="GFLOP/s counts the operations of the direct definition, whatever the algorithm does: Winograd does "
        "fewer, so its share of the peak may exceed 1. Times are medians of rounds in which all rungs and torch take "
        "turns, torch in its fastest layout; ratio is a time over torch's. error is the largest against float64, "
        "relative to the largest value.",
    )
    parser.add_argument("--group", nargs="+", action="extend", choices=works.GROUPS, help="default: all")
    parser.add_argument("--work", default="", metavar="SUBSTRING", help="only works with this in their names")
    parser.add_argument("--rounds", type=cli.count, default=7, help="default: 7")
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="an object a line; -: standard output, and the table goes to standard error",
    )
    parser.add_argument(
        "--plot", type=Path, metavar="FILE.png", help="draw the convolutions under the machine's roofline"
    )
    args = parser.parse_args(argv)
    args.group = args.group or works.GROUPS
    return args


if __name__ == "__main__":
    sys.exit(main())
