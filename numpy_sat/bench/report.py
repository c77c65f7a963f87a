"""Format the results of the bench as JSON objects and as lines of a table."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from numpy_sat.bench.works import Work

LINE = "{:<14} {:<18} {:<16} {:>8} {:>7} {:>7} {:>5} {:>5} {:>5} {:>5}"
KEYS = "group", "work", "pass", "rung"  # what identifies a row
COMPARED = "{:<12} {:<14} {:<18} {:<16} {:>8} {:>8} {:>5} {:>7} {:>7} {:>7} {:>7}"


class Result(NamedTuple):
    """The median time of one implementation (rung) of a work."""

    work: Work
    rung: str
    ms: float
    error: float | None = None  # largest error against float64, relative to the largest value
    torch_ms: float | None = None  # median time of PyTorch in the same rounds
    outside: float | None = None  # share of the time outside of kernels


def limit(work: Work, peak: float, bandwidth: float) -> float | None:
    """Return the least milliseconds of a work by the roofline: the larger one of arithmetic and memory.

    Winograd needs fewer operations than the definition, so it may take less.

    Args:
        work: the Work; its bytes are counted.
        peak: the machine's limit in GFLOP/s.
        bandwidth: the memory's limit in GB/s.
    """
    times = [work.flops and work.flops / peak / 1e6, work.bytes and work.bytes / bandwidth / 1e6]
    return max((time for time in times if time), default=None)


def row(result: Result, peak: float, bandwidth: float) -> dict:
    """Return the JSON object of a Result. peak, bandwidth: as in `limit`."""
    work, rung, ms, error, torch_ms, outside = result
    gflops, limit_ms = work.flops and work.flops / ms / 1e6, limit(work, peak, bandwidth)
    return {
        **{"group": work.group, "work": work.name, "pass": work.pass_, "rung": rung, "ms": ms, "gflops": gflops},
        **{"share_of_peak": gflops and gflops / peak, "error": error},
        **{"torch_ms": torch_ms, "ratio": torch_ms and ms / torch_ms},
        **{"bytes": work.bytes, "limit_ms": limit_ms, "share_of_limit": limit_ms and limit_ms / ms},
        **{"items": work.items, "outside": outside},
    }


def head(group: str) -> str:
    """Return the header line of a group's table."""
    speed = "GB/s" if group == "elementwise" else "GFLOP/s"
    return LINE.format(group, "", "rung", "ms", speed, "limit", "share", "error", "torch", "ratio")


def line(result: Result, peak: float, bandwidth: float) -> str:
    """Return the line of a Result in the table, with GB/s instead of GFLOP/s for elementwise works.

    peak, bandwidth: as in `limit`.
    """
    work, fields = result.work, row(result, peak, bandwidth)
    speed = work.bytes / result.ms / 1e6 if work.group == "elementwise" else fields["gflops"]
    limits = _number(fields["limit_ms"]), _fixed(fields["share_of_limit"])
    return LINE.format(
        *(work.name, work.pass_, result.rung, _number(result.ms), _number(speed), *limits),
        *("-" if result.error is None else f"{result.error:.0e}", _number(result.torch_ms), _fixed(fields["ratio"])),
    )


def note(result: Result) -> str:
    """Return the line under the line of a whole model."""
    return (
        f"  {result.work.bytes / 1e6:.0f} MB in the arrays of kernels; {result.outside:.0%} of the time outside of them"
    )


def comparison(names: Sequence[str], machines: Sequence[dict], rows: Sequence[list[dict]]) -> Iterator[str]:
    """Yield the lines that compare the common works of two runs: A, B, the ratio B / A, and each one's shares.

    Args:
        names: names of the two files.
        machines: their records of the machine, {} if there is none.
        rows: their JSON objects, as from `row`.
    """
    for letter, name, record in zip("AB", names, machines, strict=True):
        yield f"{letter}: {name}: {describe(record) if record else 'no record of the machine'}"
    yield COMPARED.format(
        *("group", "work", "pass", "rung", "A ms", "B ms", "B / A", "A share", "B share", "A ratio", "B ratio")
    )
    before, after = ({tuple(row[key] for key in KEYS): row for row in run} for run in rows)
    for key, a in before.items():
        if b := after.get(key):
            shares = (_fixed(x[field]) for field in ("share_of_limit", "ratio") for x in (a, b))
            yield COMPARED.format(*key, _number(a["ms"]), _number(b["ms"]), _fixed(b["ms"] / a["ms"]), *shares)


def describe(machine: dict) -> str:
    """Return the conditions of a measurement in one line. machine: its record, see bench/__main__.py."""
    torch = f"torch {machine['torch']}" if machine["torch"] else "torch is not installed: nothing to compare with"
    threads = f"{machine['threads']} thread{'s' * (machine['threads'] > 1)}"
    return (
        f"{threads} on {machine['cpu']}; numpy {machine['numpy']} (OpenBLAS kernel: {machine['blas']}), "
        f"numba {machine['numba']}, {torch}; "
        f"limits: {machine['gflops']:.0f} GFLOP/s of float32 multiply-adds, "
        f"{machine['gbytes']:.0f} GB/s read from memory"
    )


def _number(value):
    """Format a number with three significant digits, or as an integer from 100 on; None gives "-"."""
    return "-" if value is None else f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _fixed(value):
    """Format a number with two decimals, or as an integer from 100 on; None gives "-"."""
    return "-" if value is None else f"{value:.2f}" if value < 100 else f"{value:.0f}"
