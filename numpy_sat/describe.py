"""Run `python -m numpy_sat.describe`: count the images and captions of a data set of photos, and report oddities."""

import sys

from numpy_sat.data import catalog, description
from numpy_sat.system import cli


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = _parse(argv)
    return cli.run(lambda: description.describe(args.data, args.root))


def _parse(argv):
    parser = cli.Parser(
        prog="python -m numpy_sat.describe",
        description="Count the images and captions of a data set of photos, and report everything unusual in it.",
    )
    names = [name for name, dataset in catalog.DATASETS.items() if dataset.TASK == "captioning"]
    parser.add_argument(
        "--data", choices=names, default="folder", help="data set (default: folder, photos of your own)"
    )
    parser.add_argument("--root", type=cli.path, help="folder of the data set")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
