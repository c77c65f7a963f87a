"""python -m numpy_sat.study: train variants of a model on the same budget, and print their table."""

import argparse
import sys
from pathlib import Path

from numpy_sat.system import cli
from numpy_sat.training import study


def main(argv=None):
    """Run the command and return its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    args, rest = _parse(argv)
    again = " ".join(["python -m numpy_sat.study", *map(cli.quoted, argv)])
    return cli.run(lambda: study.run(args.study, args.out, rest, again))


def _parse(argv):
    parser = argparse.ArgumentParser(
        prog="python -m numpy_sat.study",
        usage="%(prog)s NAME [--out FOLDER] [--data NAME] [--root DIR] [--small] [--seed N] [--epochs N] [--set ...]",
        description="Train the variants of a study alike, one after the other, and put them into one table.",
        epilog="All other arguments are those of train, see its --help, and go to every variant.",
        allow_abbrev=False,
    )
    names = (*study.VARIANTS, study.RECIPE)
    parser.add_argument("study", metavar="NAME", choices=names, help=" or ".join(names))
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="of the study; default: one in runs/")
    return parser.parse_known_args(argv)


if __name__ == "__main__":
    sys.exit(main())
