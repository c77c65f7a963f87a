"""python -m numpy_sat.soup: make one model of the mean of several runs' weights."""

import argparse
import sys
from pathlib import Path

from numpy_sat.system import cli
from numpy_sat.training import soup


def main(argv=None):
    """Run the command and return its exit code."""
    args = _parse(argv)
    return cli.run(lambda: soup.mix(args.runs, args.shares, args.out))


def _parse(argv):
    parser = argparse.ArgumentParser(
        prog="python -m numpy_sat.soup", description="Make one model of the mean of several runs' weights."
    )
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="each begun --from another, or all from one")
    parser.add_argument(
        "--shares", type=cli.positive, nargs="+", metavar="SHARE", help="of each RUN (default: all alike)"
    )
    parser.add_argument("--out", type=Path, help="the new run's folder; default: a new one in runs/")
    args = parser.parse_args(argv)
    if len(args.runs) < 2:
        parser.error("name two RUNs or more")
    args.shares = args.shares or [1.0] * len(args.runs)
    if len(args.shares) != len(args.runs):
        parser.error(f"--shares needs one number for each RUN, {len(args.runs)}, not {len(args.shares)}")
    return args


if __name__ == "__main__":
    sys.exit(main())
