"""Run `python -m numpy_sat.study`: train variants of a model with the same budget, and print a table of them."""

import sys

from numpy_sat.system import cli, mpi
from numpy_sat.training import study


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    mpi.silence_others()
    argv = sys.argv[1:] if argv is None else argv
    args, rest = _parse(argv)
    command = " ".join(["python -m numpy_sat.study", *map(cli.quoted, argv)])
    return cli.run_on_ranks(lambda: study.run(args.study, args.out, rest, command))


def _parse(argv):
    parser = cli.Parser(
        prog="python -m numpy_sat.study",
        usage="%(prog)s NAME [--out FOLDER] [--data NAME] [--root DIR] [--small] [--seed N] [--epochs N] [--set ...]",
        description="Train the variants of a study one after the other with the same budget, and print one table.",
        epilog="All other arguments go to every variant: see python -m numpy_sat.train --help.",
        allow_abbrev=False,
    )
    names = (*study.VARIANTS, study.RECIPE)
    parser.add_argument("study", metavar="NAME", choices=names, help=" or ".join(names))
    parser.add_argument(
        "--out",
        type=cli.path,
        metavar="FOLDER",
        help="folder of the study (default: one in runs/; it continues a study that is there)",
    )
    return parser.parse_known_args(argv)


if __name__ == "__main__":
    sys.exit(main())
