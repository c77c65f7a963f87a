"""Run `python -m numpy_sat.flickr8k`: check a copy of Flickr8k, or download one."""

import sys

from numpy_sat.data.flickr8k import copy
from numpy_sat.system import cli, machine


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = _parse(argv)
    return cli.run(lambda: copy.describe(args.root, args.download))


def _parse(argv):
    default = machine.cache_folder() / "flickr8k"
    parser = cli.Parser(prog="python -m numpy_sat.flickr8k", description="Check a copy of Flickr8k, or download one.")
    parser.add_argument("--download", action="store_true", help="download the missing files (1.1 GB) and unpack them")
    parser.add_argument("--root", type=cli.path, default=default, help="folder of the data set (default: %(default)s)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
