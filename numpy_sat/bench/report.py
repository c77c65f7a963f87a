"""Format the results of the bench as JSON objects and as lines of a table."""

from typing import NamedTuple

from numpy_sat.bench.works import Work

LINE = "{:<14} {:<18} {:<16} {:>9} {:>7} {:>7} {:>7} {:>8} {:>5}"


class Result(NamedTuple):
    """The median time of one implementation (rung) of a work."""

    work: Work
    rung: str
    ms: float
    error: float | None = None  # largest error against float64, relative to the largest value
    torch_ms: float | None = None  # median time of PyTorch in the same rounds


def row(result: Result, peak: float) -> dict:
    """Return the JSON object of a Result.

    Args:
        result: the Result.
        peak: the machine's limit in GFLOP/s.
    """
    work, rung, ms, error, torch_ms = result
    gflops = work.flops and work.flops / ms / 1e6
    return {
        **{"group": work.group, "work": work.name, "pass": work.pass_, "rung": rung, "ms": ms, "gflops": gflops},
        **{"share_of_peak": gflops and gflops / peak, "error": error},
        **{"torch_ms": torch_ms, "ratio": torch_ms and ms / torch_ms},
    }


def head(group: str) -> str:
    """Return the header line of a group's table."""
    speed = "GB/s" if group == "elementwise" else "GFLOP/s"
    return LINE.format(group, "", "rung", "ms", speed, "of peak", "error", "torch ms", "ratio")


def line(result: Result, peak: float) -> str:
    """Return the line of a Result in the table, with GB/s instead of GFLOP/s for elementwise works.

    Args:
        result: the Result.
        peak: the machine's limit in GFLOP/s.
    """
    work, fields = result.work, row(result, peak)
    speed = work.bytes / result.ms / 1e6 if work.group == "elementwise" else fields["gflops"]
    numbers = _number(speed), _fixed(fields["share_of_peak"]), "-" if result.error is None else f"{result.error:.0e}"
    return LINE.format(
        *(work.name, work.pass_, result.rung, _number(result.ms), *numbers),
        *(_number(result.torch_ms), _fixed(fields["ratio"])),
    )


def _number(value):
    """Format a number with three significant digits, or as an integer from 100 on; None gives "-"."""
    return "-" if value is None else f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _fixed(value):
    """Format a number with two decimals, or as an integer from 100 on; None gives "-"."""
    return "-" if value is None else f"{value:.2f}" if value < 100 else f"{value:.0f}"
