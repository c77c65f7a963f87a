"""python -m numpy_sat.ship: the captioner that comes with the package, and how another run takes its place."""

import argparse
import sys
from pathlib import Path

from numpy_sat.evaluation import shipping
from numpy_sat.experiment import runs
from numpy_sat.system import cli


def main(argv=None):
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m numpy_sat.ship", description="Say where the captioner of the package comes from, or replace it."
    )
    parser.add_argument("run", type=Path, nargs="?", help="that `evaluate` has judged; without it, say what there is")
    parser.add_argument("--out", type=Path, default=runs.SHIPPED, metavar="FILE.npz", help="default: into the package")
    args = parser.parse_args(argv)
    return cli.run(lambda: shipping.ship(args.run, args.out) if args.run else print(shipping.describe(args.out)))


if __name__ == "__main__":
    sys.exit(main())
