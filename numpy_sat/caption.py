"""Run `python -m numpy_sat.caption`: caption images or translate phrases, and draw attention maps."""

import os
import sys
from pathlib import Path

from tqdm import tqdm

from numpy_sat import tasks
from numpy_sat.experiment import decoding_options, runs
from numpy_sat.system import cli, output, progress
from numpy_sat.tasks import attention_files, caption, rows


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = _parse(argv)
    return cli.run(lambda: _caption(args))


def _caption(args):
    model = decoding_options.apply(runs.load_model(args.run or runs.SHIPPED), decoding_options.settings_of(args))
    task = tasks.of_model(model)
    sources = task.sources(args.sources)
    maps = attention_files.of(args.show, sources, task, model.recipe) if args.show else None
    notes = sys.stdout if args.rows is rows.Text else sys.stderr
    errors, is_long = 0, len(sources) > caption.BATCH
    shows_progress = is_long and sys.stderr.isatty()  # in a file, the captions themselves show the progress
    if args.rows.head:
        print(args.rows.head)
    with progress.bar(total=len(sources), unit=" images", disable=not shows_progress) as bar:
        for captioned in caption.caption(model, task, sources, args.beam, traced=bool(maps)):
            if captioned.error:  # the other sources may still be read
                errors += 1
                bar.clear()
                cli.report(captioned.error)
            _print(args.rows.line(captioned, task), sys.stdout)
            if maps:
                _print(output.printable(maps.add(captioned)), notes)
            bar.update()
    if maps:
        _print(output.printable(maps.close()), notes)
    if errors and is_long:
        print(f"{errors:,} of {len(sources):,} images have no caption; the errors above name them", file=sys.stderr)
    return 2 if errors else 0


def _print(line, file):
    """Print a line above the progress bar, if there are a line and a bar."""
    if line:
        tqdm.write(line, file=file)


def _parse(argv):
    parser = cli.Parser(prog="python -m numpy_sat.caption", description="Caption images or translate phrases.")
    parser.add_argument(
        "arguments",
        nargs="+",
        metavar="[RUN] IMAGE",
        help="the folder or checkpoint of a run (default: the captioner of the package), and images: files, folders, "
        "patterns such as 'shots/*.jpg'; for a translator, phrases in quotes",
    )
    parser.add_argument("--beam", type=cli.beam, default=3, help="beam width; 1 is greedy decoding (default: 3)")
    decoding_options.add(parser)
    parser.add_argument(
        "--show",
        type=cli.figure_or_page,
        metavar="FILE",
        help="show where the model attends: FILE.html is one page for a browser; FILE.png is a figure, with several "
        "images FILE-1.png, FILE-2.png, ...",
    )
    formats = parser.add_mutually_exclusive_group()
    formats.set_defaults(rows=rows.Text)
    formats.add_argument(
        "--json", dest="rows", action="store_const", const=rows.Json, help="print one JSON object a line"
    )
    formats.add_argument(
        "--csv", dest="rows", action="store_const", const=rows.Csv, help="print the rows of a CSV file"
    )
    args = parser.parse_args(argv)
    first, *others = args.arguments
    is_run = first.endswith(".npz") or (os.path.isdir(first) and runs.is_run(Path(first)))
    args.run, args.sources = (first, others) if is_run else (None, args.arguments)
    if not args.sources:
        parser.error(f"no image to caption: name an IMAGE after {args.run}")
    return args


if __name__ == "__main__":
    sys.exit(main())
