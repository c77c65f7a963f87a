"""Run `python -m numpy_sat.serve`: caption photos on a page in the browser, on this computer alone."""

import sys

from numpy_sat.system import cli
from numpy_sat.tasks import serve


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = _parse(argv)
    return cli.run(lambda: serve.serve(args.runs, args.port))


def _parse(argv):
    parser = cli.Parser(prog="python -m numpy_sat.serve", description="Caption photos on a page in the browser.")
    parser.add_argument(
        "runs",
        type=cli.path,
        nargs="*",
        metavar="RUN",
        help="folders of runs to choose from on the page (default: the captioner of the package)",
    )
    parser.add_argument("--port", type=cli.port, default=8765, help="port; 0 is a free one (default: %(default)s)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
