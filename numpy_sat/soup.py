"""Run `python -m numpy_sat.soup`: average the weights of several runs into one model."""

import sys

from numpy_sat.system import cli
from numpy_sat.training import soup


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = _parse(argv)
    return cli.run(lambda: soup.mix(args.runs, args.shares, args.out))


def _parse(argv):
    parser = cli.Parser(
        prog="python -m numpy_sat.soup", description="Average the weights of several runs into one model."
    )
    parser.add_argument(
        "runs", type=cli.path, nargs="+", metavar="RUN", help="runs that started --from each other or from the same run"
    )
    parser.add_argument(
        "--shares",
        type=cli.positive,
        nargs="+",
        metavar="SHARE",
        help="weight of each RUN in the mean (default: equal)",
    )
    parser.add_argument("--out", type=cli.path, help="folder of the new run (default: a new one in runs/)")
    args = parser.parse_args(argv)
    if len(args.runs) < 2:
        parser.error("name at least two RUNs")
    args.shares = args.shares or [1.0] * len(args.runs)
    if len(args.shares) != len(args.runs):
        parser.error(f"--shares needs one number for each RUN, {len(args.runs)}, not {len(args.shares)}")
    return args


if __name__ == "__main__":
    sys.exit(main())
