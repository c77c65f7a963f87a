"""python -m numpy_sat.show: draw how training went, the first layer's filters, captions and attention."""

import argparse
import sys
from pathlib import Path

from numpy_sat.evaluation import heldout
from numpy_sat.system import cli
from numpy_sat.tasks import show


def main(argv=None):
    """Run the command and return its exit code."""
    args = _parse(argv)
    return cli.run(lambda: show.draw(args.runs, heldout.Request("dev", args.beam, args.root, args.skip_missing)))


def _parse(argv):
    parser = argparse.ArgumentParser(prog="python -m numpy_sat.show", description="Draw what was trained.")
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folders; all but curves are of the first")
    parser.add_argument("--beam", type=cli.count, default=3, help="beams; 1 is greedy search (default: 3)")
    parser.add_argument("--root", type=Path, help="the data's folder, where it is not the one trained on")
    parser.add_argument("--skip-missing", action="store_true", help="go on without photos that are not there")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
