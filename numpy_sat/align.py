"""Run `python -m numpy_sat.align`: learn which word belongs to which region, from images and captions alone."""

import sys

from numpy_sat.evaluation import regions
from numpy_sat.system import cli
from numpy_sat.training import alignment


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = _parse(argv)
    return cli.run(lambda: alignment.align(alignment.Request(**vars(args))))


def _parse(argv):
    defaults = alignment.Request._field_defaults
    parser = cli.Parser(
        prog="python -m numpy_sat.align",
        description="Train a model that aligns words with regions (Karpathy and Li 2014), judge it, and draw "
        "alignments. The same command continues an interrupted training.",
    )
    parser.add_argument("run", type=cli.path, metavar="RUN", help="the captioner whose encoder describes the regions")
    parser.add_argument(
        "--regions",
        dest="kind",
        choices=tuple(regions.KINDS),
        default=defaults["kind"],
        help="the encoder's grid cells, or the objects' boxes, which are known for scenes (default: %(default)s)",
    )
    parser.add_argument(
        "--epochs",
        type=cli.count,
        default=defaults["epochs"],
        help="passes over the training set (default: %(default)s)",
    )
    parser.add_argument(
        "--split",
        choices=("dev", "test"),
        default=defaults["split"],
        help="images to judge and to draw (default: %(default)s)",
    )
    parser.add_argument("--seed", type=cli.natural, default=defaults["seed"], help="random seed (default: %(default)s)")
    parser.add_argument("--out", type=cli.path, metavar="FOLDER", help="results (default: alignment in RUN's folder)")
    parser.add_argument("--root", type=cli.path, metavar="FOLDER", help="the data set, if it has moved since training")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
