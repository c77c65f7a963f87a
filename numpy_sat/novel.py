"""Run `python -m numpy_sat.novel`: do models name objects that no caption of their training named?

The table has a row for each run. It is printed, and written to novel.md and novel.json in the folder of the first run.
"""

import sys

from numpy_sat.data.scenes import tags
from numpy_sat.evaluation import novel_evaluation
from numpy_sat.evaluation.novel_evaluation import Request
from numpy_sat.system import cli


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = _parse(argv)
    request = Request(tuple(args.words), args.images, args.beam, args.tags, args.root)
    return cli.run(lambda: novel_evaluation.compare(args.runs, request, args.out))


def _parse(argv):
    default = Request()
    parser = cli.Parser(
        prog="python -m numpy_sat.novel",
        description="Judge captions of scenes with objects whose words were held out of training.",
    )
    parser.add_argument("runs", type=cli.path, nargs="+", metavar="RUN", help="the folder or checkpoint of a run")
    parser.add_argument(
        "--words",
        nargs="+",
        default=default.words,
        metavar="WORD",
        help="words or phrases for the object (default: those held out of the first RUN)",
    )
    parser.add_argument(
        "--images",
        type=cli.count,
        default=default.images,
        metavar="N",
        help="scenes that show the object, and as many that do not (default: 2000)",
    )
    parser.add_argument("--beam", type=cli.beam, default=default.beam, help="beam width (default: 3)")
    parser.add_argument(
        "--tags", choices=tags.KINDS[1:], help="tags that models with tags read (default: those of their training)"
    )
    parser.add_argument("--root", type=cli.path, help="folder in which scenes are drawn (default: the cache)")
    parser.add_argument(
        "--out", type=cli.path, metavar="FILE.md", help="file for the report (default: in the folder of the first RUN)"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
