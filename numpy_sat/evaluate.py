"""python -m numpy_sat.evaluate: how good a trained model's captions are, on images it has not seen.

The scores stand beside those of captions that see nothing, and those of people, judged in the same way. All of it goes
to the terminal and, as evaluate-SPLIT.md and evaluate-SPLIT.json, into the run's folder.

With --compare, several models stand in one table, a row each. It goes to the terminal and, as compare-SPLIT.md and
compare-SPLIT.json, into the first one's folder.
"""

import argparse
import sys
from pathlib import Path

from numpy_sat import tasks
from numpy_sat.evaluation import heldout
from numpy_sat.experiment import runs, settings
from numpy_sat.experiment.recipe import SETTINGS
from numpy_sat.system import cli


def main(argv=None):
    """Run the command and return its exit code."""
    args = _parse(argv)
    return cli.run(lambda: _evaluate(args))


def _evaluate(args):
    request = heldout.Request(args.split, args.beam, args.root, args.skip_missing, args.attention_mode)
    if args.compare:
        tasks.of_run(args.runs[0]).compare(args.runs, request, args.out)
    else:
        paths = (*args.runs, *args.others)
        models = [settings.with_attention_mode(runs.load_model(path), args.attention_mode) for path in paths]
        tasks.of_model(models[0]).report(paths, models, request, args.blind)


def _parse(argv):
    parser = argparse.ArgumentParser(prog="python -m numpy_sat.evaluate", description="Judge a trained model.")
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="a run's folder, or a checkpoint")
    parser.add_argument("--compare", action="store_true", help="several RUNs of the same data, in one table")
    parser.add_argument("--out", type=Path, metavar="FILE.md", help="that table (default: in the first RUN's folder)")
    parser.add_argument("--split", choices=("dev", "test"), default="dev")
    parser.add_argument("--beam", type=cli.count, default=3, help="beams; 1 is greedy search (default: 3)")
    parser.add_argument(
        "--attention-mode",
        choices=SETTINGS["attention_mode"].choices,
        help="of hard attention, while it writes (default: the run's own, expected unless set)",
    )
    parser.add_argument("--blind", type=Path, metavar="RUN", help="trained with --blind (default: RUN-blind, if there)")
    parser.add_argument(
        "--with",
        dest="others",
        type=Path,
        nargs="+",
        default=[],
        metavar="RUN",
        help="a row more: the captions that RUN and these write together, as an ensemble",
    )
    parser.add_argument("--root", type=Path, help="the data's folder, where it is not the one trained on")
    parser.add_argument("--skip-missing", action="store_true", help="go on without photos that are not there")
    args = parser.parse_args(argv)
    if not args.compare and (len(args.runs) > 1 or args.out):
        parser.error("several RUNs, and --out, are for --compare")
    if args.compare and args.blind:
        parser.error("--compare takes no --blind: a blind run is compared like any other")
    if args.compare and args.others:
        parser.error("--with is for one RUN, not for --compare")
    if args.out and args.out.suffix != ".md":
        parser.error(f"--out needs the name of a Markdown file, such as table.md, not {args.out}")
    return args


if __name__ == "__main__":
    sys.exit(main())
