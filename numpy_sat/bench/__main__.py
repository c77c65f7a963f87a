"""python -m numpy_sat.bench: measure the speed of the kernels against the machine's limit and PyTorch."""

import importlib.util
import json
import os
import statistics
import sys
from contextlib import ExitStack
from datetime import date
from functools import partial
from importlib.metadata import version
from pathlib import Path

from numpy_sat.bench import report, works
from numpy_sat.bench.workers import Worker
from numpy_sat.system import cli, files, machine
from numpy_sat.system.errors import InputError

OURS = "from numpy_sat.bench import ours; ours.main()"
# torch comes first: numpy_sat sets environment variables for itself, and torch must not see them.
THEIRS = "import torch; from numpy_sat.bench import theirs; theirs.main()"
NO_PAGE_FAULTS = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "100000000000"}


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = _parse(argv)
    return cli.run(lambda: _bench(args))


def _bench(args):
    """Measure the selected works, print the table, and write the files."""
    if args.compare:
        runs = [_read(path) for path in args.compare]
        for text in report.comparison(args.compare, *zip(*runs, strict=True)):
            print(text)
        return
    selection = _select_works(args)
    for path in (args.json, args.plot):
        if path and path != Path("-"):
            files.refuse_unwritable(path)
    show = partial(print, file=sys.stderr if args.json == Path("-") else sys.stdout, flush=True)
    results = []
    with ExitStack() as stack:
        workers = _start(stack, selection)
        record = _print_limits(workers, show)
        peak, bandwidth = record["gflops"], record["gbytes"]
        for k, work in enumerate(selection):
            if not k or selection[k - 1].group != work.group:
                show(f"\n{report.head(work.group)}")
            _progress(f"{k + 1} of {len(selection)}: {work.group} {work.name} {work.pass_}")
            work_results = measure(work, workers, args.rounds)
            _progress("")
            for result in work_results:
                show(report.line(result, peak, bandwidth))
                if result.outside is not None:
                    show(report.note(result))
                results.append(result)
    lines = [{"machine": record}, *(report.row(result, peak, bandwidth) for result in results)]
    lines = "".join(json.dumps(line) + "\n" for line in lines)
    if args.json == Path("-"):
        print(lines, end="")
    elif args.json:
        with files.replacing(args.json) as temporary_path:
            temporary_path.write_text(lines, encoding="utf-8")
    if args.plot:
        from numpy_sat.bench import roofline, size_figure  # matplotlib takes a second

        convolutions = [result for result in results if result.work.group == "conv"]
        if convolutions:
            roofline.roofline_figure(args.plot, convolutions, peak, bandwidth)
        else:
            size_figure.draw(args.plot, [result for result in results if result.work.group == "size"])


def _read(path):
    """Return the record of the machine, {} without one, and the rows of a file that --json wrote."""
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        records = [line["machine"] for line in lines if "machine" in line]
        rows = [line for line in lines if "machine" not in line]
        for row in rows:
            row.setdefault("share_of_limit", None)  # files of older versions lack it
        if all({*report.KEYS, "ms", "ratio"} <= row.keys() for row in rows) and rows:
            return (records or [{}])[0], rows
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    except (ValueError, TypeError, AttributeError):
        pass
    raise InputError(f"{path}: was not written by --json; write it with python -m numpy_sat.bench --json FILE.")


def _progress(text):
    """Print what is measured now. On a terminal the next line overwrites it."""
    if sys.stderr.isatty():
        print(f"{text:<99}", end="\r", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)


def measure(work: works.Work, workers: dict[str, Worker], rounds: int) -> list[report.Result]:
    """Measure all rungs of a work in alternating rounds, after calls that are not counted.

    Args:
        work: the Work.
        workers: {"ours", "blas", "torch": Worker}; the last two only if needed and installed.
        rounds: number of rounds; the times are medians over them.
    Returns:
        A report.Result for every rung.
    """
    worker_of = {rung: workers["blas" if rung in works.BLAS_RUNGS else "ours"] for rung in work.rungs}
    if "torch" in workers:
        worker_of["torch"] = workers["torch"]
    errors, times = {}, {rung: [] for rung in worker_of}
    for worker in dict.fromkeys(worker_of.values()):
        errors |= worker.ask("prepare", work, [rung for rung in worker_of if worker_of[rung] is worker])
    for _ in range(rounds):
        for rung, worker in worker_of.items():
            times[rung].append(worker.ask("measure", rung))
    if work.bytes is None:
        work = work._replace(bytes=workers["ours"].ask("bytes", work.rungs[0]))
    medians = {rung: statistics.median(ms) for rung, ms in times.items()}
    outside = workers["ours"].ask("outside", work.rungs[0]) if work.group in works.MODELS else None
    torch_ms = medians.get("torch")
    return [report.Result(work, rung, medians[rung], errors[rung], torch_ms, outside) for rung in work.rungs]


def _select_works(args):
    """Return the works that --group and --work select."""
    candidates = [work for work in works.all_works() if work.group in args.group]
    selection = [work for work in candidates if args.work.lower() in work.name.lower()]
    if not selection:
        names = ", ".join(dict.fromkeys(work.name for work in candidates))
        raise InputError(
            f"--work {args.work}: no work of {', '.join(args.group)} has that in its name; choose from: {names}."
        )
    if args.plot and not {"conv", "size"} & {work.group for work in selection}:
        raise InputError(
            f"--plot {args.plot}: only convolutions and sizes are drawn; add --group conv or --group size."
        )
    return selection


def _start(stack, selection):
    """Start the worker processes that the works need, and return them by name.

    In the process for the BLAS rungs, BLAS gets as many threads as the kernels.
    """
    commands = {"ours": (OURS, dict(os.environ))}
    if any(rung in works.BLAS_RUNGS for work in selection for rung in work.rungs):
        commands["blas"] = OURS, os.environ | {"OPENBLAS_NUM_THREADS": str(machine.THREADS)}
    if importlib.util.find_spec("torch"):
        # Remove the variables that numpy_sat sets on import. theirs.py sets torch's number of threads.
        environment = {
            name: os.environ[name] for name in os.environ if not name.endswith(("_NUM_THREADS", "WAIT_POLICY"))
        }
        commands["torch"] = THEIRS, environment | NO_PAGE_FAULTS
    return {name: stack.enter_context(Worker(code, env)) for name, (code, env) in commands.items()}


def _print_limits(workers, show):
    """Print the conditions of the measurement, and measure the machine's limits.

    Returns:
        The record of the machine: threads, cpu, versions, and the limits "gflops" and "gbytes".
    """
    for worker in workers.values():  # a worker that is still importing its libraries would halve the limits
        worker.ask("ready")
    record = workers["ours"].ask("about") | workers["ours"].ask("limits")
    record |= {"torch": version("torch") if "torch" in workers else None, "date": date.today().isoformat()}
    show(report.describe(record).replace("; limits", "\nlimits"))
    return record


def _parse(argv):
    parser = cli.Parser(
        prog="python -m numpy_sat.bench",
        description="Measure the kernels, the machine's limit and, if it is installed, PyTorch.",
        epilog="GFLOP/s counts the operations of the direct definition for every algorithm. Winograd needs fewer, so "
        "its share may exceed 1. Times are medians of rounds in which all rungs and torch take turns. "
        "torch uses its fastest memory layout. ratio is the time divided by torch's time. error is the largest error "
        "against float64, relative to the largest value. limit is the least time in ms by the roofline: operations at "
        "the machine's GFLOP/s, or bytes at its GB/s. share is limit / ms. The bytes of whole models are those of the "
        "arrays of all kernels.",
    )
    parser.add_argument("--group", nargs="+", action="extend", choices=works.GROUPS, help="default: all")
    parser.add_argument("--work", default="", metavar="SUBSTRING", help="only works with this in their names")
    parser.add_argument("--rounds", type=cli.count, default=7, help="default: 7")
    parser.add_argument(
        "--json",
        type=cli.path,
        metavar="FILE",
        help="write one JSON object per line; -: to standard output, with the table on standard error",
    )
    parser.add_argument(
        *("--plot",),
        **dict(type=cli.png, metavar="FILE.png"),
        help="draw the convolutions under the machine's roofline or, with --group size, the time against each size",
    )
    parser.add_argument(
        "--compare",
        nargs=2,
        type=cli.path,
        metavar=("A.jsonl", "B.jsonl"),
        help="measure nothing; compare two files that --json has written",
    )
    args = parser.parse_args(argv)
    args.group = args.group or works.GROUPS
    return args


if __name__ == "__main__":
    sys.exit(main())
