"""Run `python -m numpy_sat.variance`: measure the variance of REINFORCE's gradients, with and without a baseline."""

import sys
from pathlib import Path

import numpy as np

from numpy_sat.system import cli
from numpy_sat.training import variance


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    description = "Measure the variance of REINFORCE's gradients, with and without a baseline."
    parser = cli.Parser(prog="python -m numpy_sat.variance", description=description)
    parser.add_argument(
        "--out", type=cli.png, default=Path("variance.png"), metavar="FILE.png", help="figure (default: %(default)s)"
    )
    parser.add_argument("--seed", type=cli.natural, default=0, help="random seed (default: 0)")
    args = parser.parse_args(argv)
    return cli.run(lambda: variance.show(args.out, np.random.default_rng(args.seed)))


if __name__ == "__main__":
    sys.exit(main())
