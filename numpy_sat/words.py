"""python -m numpy_sat.words: which words a trained model has come to treat alike, and a map of them."""

import argparse
import sys
from pathlib import Path

from numpy_sat.evaluation import word_neighbors
from numpy_sat.system import cli


def main(argv=None):
    """Run the command and return its exit code."""
    args = _parse(argv)
    return cli.run(lambda: word_neighbors.show(args.run, args.words, args.out))


def _parse(argv):
    parser = argparse.ArgumentParser(
        prog="python -m numpy_sat.words", description="Show which words a trained model holds for alike."
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="a run's folder, or a checkpoint")
    parser.add_argument("words", nargs="*", metavar="WORD", help="default: the most frequent ones")
    parser.add_argument("--out", type=Path, metavar="FILE.png", help="the map (default: words.png in the run's folder)")
    args = parser.parse_args(argv)
    if args.out and not args.out.suffix:
        parser.error(f"--out needs a file's name, such as words.png, not {args.out}")
    return args


if __name__ == "__main__":
    sys.exit(main())
