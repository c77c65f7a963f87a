"""python -m numpy_sat.caption: write captions of images, or translate phrases, and draw the attention."""

import argparse
import sys
from pathlib import Path

from numpy_sat import tasks
from numpy_sat.decoding import search
from numpy_sat.experiment import runs, settings
from numpy_sat.experiment.recipe import SETTINGS
from numpy_sat.system import cli


def main(argv=None):
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
            print(f"  nothing drawn: {reason}" if reason else f"  where it looked: {path}")


def _numbered(path, number):
    """Return look.png as look-1.png, look-2.png, ..."""
    return path.with_name(f"{path.stem}-{number}{path.suffix}")


def _parse(argv):
    parser = argparse.ArgumentParser(prog="python -m numpy_sat.caption", description="Caption images.")
    parser.add_argument(
        "given",
        nargs="+",
        metavar="[RUN] IMAGE",
        help="a run's folder or checkpoint (default: the captioner that comes with the package), and images; of a "
        "translator phrases, each in quotes",
    )
    parser.add_argument("--beam", type=cli.count, default=3, help="beams; 1 is greedy search (default: 3)")
    parser.add_argument(
        "--attention-mode",
        choices=SETTINGS["attention_mode"].choices,
        help="of hard attention, while it writes (default: the run's own, expected unless set)",
    )
    parser.add_argument(
        "--show",
        type=Path,
        metavar="FILE.png",
        help="draw where the model looked, word by word; of several images FILE-1.png, FILE-2.png, ...",
    )
    args = parser.parse_args(argv)
    if args.show and not args.show.suffix:
        parser.error(f"--show needs a file's name, such as look.png, not {args.show}")
    is_run = Path(args.given[0]).is_dir() or args.given[0].endswith(".npz")
    args.run, args.sources = (args.given[0], args.given[1:]) if is_run else (None, args.given)
    if not args.sources:
        parser.error(f"what is {args.run} to caption? Name an IMAGE, too")
    return args


if __name__ == "__main__":
    sys.exit(main())
