"""Run `python -m numpy_sat.evaluate`: score the captions of a trained model on images that it has not seen.

The report compares the model with floors (captions that ignore the image) and with human captions, all scored in the
same way. It is printed, and written to evaluate-SPLIT.md and evaluate-SPLIT.json in the folder of the run.

With --compare, one table has a row for each of several models. It is printed, and written to compare-SPLIT.md and
compare-SPLIT.json in the folder of the first run. With --curve, the plane of loss and CIDEr-D is drawn beside them.

--out names other files. For the captioner of the package, the default is the current folder.
"""

import sys

from numpy_sat import tasks
from numpy_sat.evaluation import heldout
from numpy_sat.experiment import decoding_options, runs
from numpy_sat.system import cli, mpi


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    mpi.silence_others()
    args = _parse(argv)
    return cli.run_on_ranks(lambda: _evaluate(args))


def _evaluate(args):
    request = heldout.Request(
        args.split,
        args.beam,
        args.root,
        args.skip_missing,
        args.skip_damaged,
        decoding_options.settings_of(args),
    )
    if args.compare:
        tasks.of_run(args.runs[0]).compare(args.runs, request, args.out, args.curve)
    else:
        paths = (*args.runs, *args.others)
        models = [decoding_options.apply(runs.load_model(path), request.decoding) for path in paths]
        tasks.of_model(models[0]).report(paths, models, request, args.blind, args.out)


def _parse(argv):
    parser = cli.Parser(prog="python -m numpy_sat.evaluate", description="Score the captions of a trained model.")
    parser.add_argument("runs", type=cli.path, nargs="+", metavar="RUN", help="the folder or checkpoint of a run")
    parser.add_argument("--compare", action="store_true", help="compare several RUNs on the same data in one table")
    parser.add_argument(
        "--out", type=cli.path, metavar="FILE.md", help="file for the report (default: in the folder of RUN)"
    )
    parser.add_argument("--split", choices=("dev", "test"), default="dev", help="images to caption (default: dev)")
    parser.add_argument("--beam", type=cli.beam, default=3, help="beam width; 1 is greedy decoding (default: 3)")
    decoding_options.add(parser)
    parser.add_argument(
        "--blind", type=cli.path, metavar="RUN", help="blind baseline (default: RUN-blind, if it exists)"
    )
    parser.add_argument(
        "--with",
        dest="others",
        type=cli.path,
        nargs="+",
        default=[],
        metavar="RUN",
        help="add a row for the ensemble of RUN and these runs",
    )
    parser.add_argument(
        "--curve",
        type=cli.path,
        nargs="+",
        default=[],
        metavar="RUN",
        help="with --compare: further runs, whose losses and CIDEr-D form a curve, which is drawn; "
        "the table says how far each RUN lies above it",
    )
    parser.add_argument("--root", type=cli.path, help="folder of the data set (default: the folder that training used)")
    parser.add_argument("--skip-missing", action="store_true", help="skip missing photos instead of stopping")
    parser.add_argument("--skip-damaged", action="store_true", help="skip damaged photos instead of stopping")
    args = parser.parse_args(argv)
    if not args.compare and len(args.runs) > 1:
        parser.error("several RUNs need --compare")
    if args.compare and args.blind:
        parser.error("--compare takes no --blind: name a blind run among the RUNs")
    if args.compare and args.others:
        parser.error("--with takes one RUN and cannot be combined with --compare")
    if args.curve and not args.compare:
        parser.error("--curve needs --compare")
    if len(args.curve) == 1:
        parser.error("--curve needs two RUNs or more")
    if args.out and args.out.suffix != ".md":
        parser.error(f"--out needs the name of a Markdown file such as table.md, not {args.out}")
    return args


if __name__ == "__main__":
    sys.exit(main())
