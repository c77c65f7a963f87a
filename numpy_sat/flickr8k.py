"""Run `python -m numpy_sat.flickr8k`: check a copy of Flickr8k, or download one."""

import argparse
import sys

from numpy_sat.data import description
from numpy_sat.data.flickr8k import copy
from numpy_sat.system import cli, machine, output
from numpy_sat.system.errors import InputError


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = _parse(argv)
    return cli.run(lambda: _describe(args))


def _describe(args: argparse.Namespace) -> int:
    """Download missing parts if asked to, and describe the copy. Return 0, or the code of an interruption."""
    try:
        if args.download:
            copy.obtain(args.root)
    except KeyboardInterrupt as stop:
        command = f"python -m numpy_sat.flickr8k --download --root {cli.quoted(args.root)}"
        output.show(f"\nstopped; the downloaded part is kept. Continue with: {command}", file=sys.stderr)
        return getattr(stop, "code", 130)
    if not args.root.exists():
        raise InputError(
            f"{args.root}: there is no such folder; use --download to download the data set, or --root to name your "
            "copy."
        )
    description.describe("flickr8k", args.root)
    return 0


def _parse(argv):
    default = machine.cache_folder() / "flickr8k"
    parser = cli.Parser(prog="python -m numpy_sat.flickr8k", description="Check a copy of Flickr8k, or download one.")
    parser.add_argument("--download", action="store_true", help="download the missing files (1.1 GB) and unpack them")
    parser.add_argument("--root", type=cli.path, default=default, help="folder of the data set (default: %(default)s)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
