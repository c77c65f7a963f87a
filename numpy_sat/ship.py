"""Run `python -m numpy_sat.ship`: describe the captioner of the package, or replace it with a run."""

import sys

from numpy_sat.evaluation import shipping
from numpy_sat.experiment import runs
from numpy_sat.system import cli, output


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = cli.Parser(
        prog="python -m numpy_sat.ship", description="Describe the captioner of the package, or replace it."
    )
    parser.add_argument(
        "run", type=cli.path, nargs="?", help="a run that `evaluate` has scored (default: describe the captioner)"
    )
    parser.add_argument(
        "--out", type=cli.path, default=runs.SHIPPED, metavar="FILE.npz", help="output file (default: in the package)"
    )
    args = parser.parse_args(argv)
    if args.out.suffix != ".npz":
        parser.error(f"--out needs the name of a checkpoint such as captioner.npz, not {args.out}")
    return cli.run(lambda: shipping.ship(args.run, args.out) if args.run else output.show(shipping.describe(args.out)))


if __name__ == "__main__":
    sys.exit(main())
