"""Run `python -m numpy_sat.show`: draw the training curves, the filters of the first layer, captions and attention."""

import sys

from numpy_sat.evaluation import heldout
from numpy_sat.system import cli
from numpy_sat.tasks import show


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = _parse(argv)
    request = heldout.Request("dev", args.beam, args.root, args.skip_missing, skip_damaged=args.skip_damaged)
    return cli.run(lambda: show.draw(args.runs, request))


def _parse(argv):
    parser = cli.Parser(prog="python -m numpy_sat.show", description="Draw figures of trained runs.")
    parser.add_argument(
        "runs", type=cli.path, nargs="+", metavar="RUN", help="folders of runs; only the curves show all"
    )
    parser.add_argument("--beam", type=cli.beam, default=3, help="beam width; 1 is greedy decoding (default: 3)")
    parser.add_argument("--root", type=cli.path, help="folder of the data set (default: the folder that training used)")
    parser.add_argument("--skip-missing", action="store_true", help="skip missing photos instead of stopping")
    parser.add_argument("--skip-damaged", action="store_true", help="skip damaged photos instead of stopping")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
