"""Run `python -m numpy_sat.caption`: caption images or translate phrases, and draw attention maps."""

import argparse
import sys
from pathlib import Path

from numpy_sat import tasks
from numpy_sat.decoding import search
from numpy_sat.experiment import runs, settings
from numpy_sat.experiment.recipe import SETTINGS
from numpy_sat.system import cli


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = _parse(argv)
    return cli.run(lambda: _caption(args))


def _caption(args):
    model = settings.with_attention_mode(runs.load_model(args.run or runs.SHIPPED), args.attention_mode)
    task, recipe = tasks.of_model(model), model.recipe
    for number, source in enumerate(args.sources, 1):
        inputs = task.read(recipe, source)
        (caption,) = search.caption_images(
            model.params, recipe, inputs, args.beam, recipe.decoding.max_words, recipe.decoding.length_power
        )
        words = model.vocabulary.decode(caption.words)
        print(f"{source}: {task.write(words)}  (log p {caption.log_p:.2f})")
        if args.show:
            path = args.show if len(args.sources) == 1 else _numbered(args.show, number)
            reason = task.draw(path, recipe, source, [*words, "<end>"], caption)
            print(f"  no attention map: {reason}" if reason else f"  attention map: {path}")


def _numbered(path, number):
    """Insert a number into the name of a file: look.png becomes look-1.png."""
    return path.with_name(f"{path.stem}-{number}{path.suffix}")


def _parse(argv):
    parser = argparse.ArgumentParser(
        prog="python -m numpy_sat.caption", description="Caption images or translate phrases."
    )
    parser.add_argument(
        "arguments",
        nargs="+",
        metavar="[RUN] IMAGE",
        help="the folder or checkpoint of a run (default: the captioner of the package), and image files; for a "
        "translator, phrases in quotes",
    )
    parser.add_argument("--beam", type=cli.count, default=3, help="beam width; 1 is greedy decoding (default: 3)")
    parser.add_argument(
        "--attention-mode",
        choices=SETTINGS["attention_mode"].choices,
        help="how hard attention chooses locations while it writes (default: the run's setting, else expected)",
    )
    parser.add_argument(
        "--show",
        type=Path,
        metavar="FILE.png",
        help="draw the attention map of every word into this file; with several images FILE-1.png, FILE-2.png, ...",
    )
    args = parser.parse_args(argv)
    if args.show and not args.show.suffix:
        parser.error(f"--show needs a file name such as look.png, not {args.show}")
    first, *others = args.arguments
    is_run = Path(first).is_dir() or first.endswith(".npz")
    args.run, args.sources = (first, others) if is_run else (None, args.arguments)
    if not args.sources:
        parser.error(f"no image to caption: name an IMAGE after {args.run}")
    return args


if __name__ == "__main__":
    sys.exit(main())
