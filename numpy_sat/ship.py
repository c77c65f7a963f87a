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
    parser.add_argument(
        "--card",
        type=cli.path,
        metavar="REPORT.json",
        help="write the model card of the captioner in --out again, from a report of `evaluate` on this file",
    )
    args = parser.parse_args(argv)
    if args.card and args.run:
        parser.error("--card takes no run: a run gets its card when it is shipped")
    if args.out.suffix != ".npz":
        parser.error(f"--out needs the name of a checkpoint such as captioner.npz, not {args.out}")
    return cli.run(lambda: _ship(args))


def _ship(args):
    if args.run:
        shipping.ship(args.run, args.out)
    elif args.card:
        shipping.renew_card(args.out, args.card)
    else:
        output.show(shipping.describe(args.out))


if __name__ == "__main__":
    sys.exit(main())
