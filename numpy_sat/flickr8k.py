"""python -m numpy_sat.flickr8k: say what a copy of Flickr8k holds, or download one."""

import argparse
import sys
from pathlib import Path

from numpy_sat.data.flickr8k import copy
from numpy_sat.system import cli, machine


def main(argv=None):
    """Run the command and return its exit code."""
    args = _parse(argv)
    return cli.run(lambda: copy.describe(args.root, args.download))


def _parse(argv):
    default = machine.cache_folder() / "flickr8k"
    parser = argparse.ArgumentParser(
        prog="python -m numpy_sat.flickr8k", description="Say what a copy of Flickr8k holds, or download one."
    )
    parser.add_argument("--download", action="store_true", help="fetch what is missing (1.1 GB) and unpack it")
    parser.add_argument("--root", type=Path, default=default, help="the data's folder; default: %(default)s")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
