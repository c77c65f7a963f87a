"""Run `python -m numpy_sat.diversity`: compare the accuracy and the diversity of captions.

The first run writes captions by beam search and samples them at several temperatures. Every other run writes captions
by beam search and samples them at temperature 1. The report says whether they lie above the curve of temperatures. It
is printed, and written to diversity-SPLIT.md, .json and .png in the folder of the first run.
"""

import sys

from numpy_sat.evaluation import diversity_evaluation
from numpy_sat.evaluation.diversity_evaluation import Request
from numpy_sat.system import cli


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = _parse(argv)
    request = Request(args.split, args.samples, tuple(args.temperatures), args.beam, args.seed, args.root)
    return cli.run(lambda: diversity_evaluation.compare(args.runs, request, args.out))


def _parse(argv):
    default = Request()
    parser = cli.Parser(
        prog="python -m numpy_sat.diversity", description="Compare the accuracy and the diversity of captions."
    )
    parser.add_argument("runs", type=cli.path, nargs="+", metavar="RUN", help="the folder or checkpoint of a run")
    parser.add_argument("--split", choices=("dev", "test"), default=default.split, help="images (default: dev)")
    parser.add_argument(
        "--samples", type=cli.natural, default=default.samples, metavar="K", help="captions per image (default: 5)"
    )
    parser.add_argument(
        "--temperatures",
        type=cli.positive,
        nargs="+",
        default=default.temperatures,
        metavar="T",
        help="temperatures of the first RUN's samples (default: 0.1 0.2 0.3 0.5 0.7 1 1.3)",
    )
    parser.add_argument("--beam", type=cli.beam, default=default.beam, help="beam width (default: 5)")
    parser.add_argument("--seed", type=cli.natural, default=default.seed, help="seed of the samples (default: 0)")
    parser.add_argument("--root", type=cli.path, help="folder of the data set (default: the folder that training used)")
    parser.add_argument(
        "--out", type=cli.path, metavar="FILE.md", help="file for the report (default: in the folder of the first RUN)"
    )
    args = parser.parse_args(argv)
    if not 2 <= args.samples <= 100:
        parser.error(f"--samples must be a whole number from 2 to 100, not {args.samples}")
    if args.out and args.out.suffix != ".md":
        parser.error(f"--out needs the name of a Markdown file such as table.md, not {args.out}")
    return args


if __name__ == "__main__":
    sys.exit(main())
