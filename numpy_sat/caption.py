"""python -m numpy_sat.caption: what a trained model writes of pictures, or of phrases, and where it looked."""

import argparse
import sys
from pathlib import Path

from numpy_sat.data.phrases import phrase_language
from numpy_sat.decoders.hard import LOOKS
from numpy_sat.decoding import search
from numpy_sat.experiment import runs, settings
from numpy_sat.pretrained import inputs
from numpy_sat.system import cli


def main(argv=None):
    """The command; returns its exit code."""
    args = _parse(argv)
    return cli.run(lambda: _caption(args))


def _caption(args):
    model = settings.with_look(runs.load_model(args.run or runs.SHIPPED), args.look)
    recipe, config = model.recipe, model.recipe.model
    for number, path in enumerate(args.pictures, 1):
        given = inputs.read(config, path)
        (found,) = search.caption_images(model.params, config, given, args.beam, recipe.max_words, recipe.length_power)
        words = model.vocabulary.decode(found.words)
        written = phrase_language.text(words) if config.source else " ".join(words)
        print(f"{path}: {written}  (log p {found.log_p:.2f})")
        if args.show:
            show = args.show if len(args.pictures) == 1 else _numbered(args.show, number)
            _draw(show, config, path, [*words, "<end>"], found)


def _draw(show, config, path, words, found):
    """Where it looked, into the file `show`."""
    from numpy_sat.evaluation import (
        attention,  # brings matplotlib and nltk, half a second that a caption alone need not wait for
    )

    if nowhere := attention.looks_nowhere(config, found.alpha):
        print(f"  nothing drawn: {nowhere}")
        return
    attention.draw(show, config, path.lower() if config.source else path, words, found)
    print(f"  where it looked: {show}")


def _numbered(path, number):
    """look.png as look-1.png, look-2.png, ..."""
    return path.with_name(f"{path.stem}-{number}{path.suffix}")


def _parse(argv):
    parser = argparse.ArgumentParser(prog="python -m numpy_sat.caption", description="Caption pictures.")
    parser.add_argument(
        "given",
        nargs="+",
        metavar="[RUN] PICTURE",
        help="a run's folder or checkpoint (default: the captioner that comes with the package), and pictures; of a "
        "translator phrases, each in quotes",
    )
    parser.add_argument("--beam", type=cli.count, default=3, help="beams; 1 is greedy search (default: 3)")
    parser.add_argument("--look", choices=LOOKS, help="with hard attention: where, while it writes (default: expected)")
    parser.add_argument(
        "--show",
        type=Path,
        metavar="FILE.png",
        help="draw where the model looked, word by word; of several pictures FILE-1.png, FILE-2.png, ...",
    )
    args = parser.parse_args(argv)
    if args.show and not args.show.suffix:
        parser.error(f"--show needs a file's name, such as look.png, not {args.show}")
    is_run = Path(args.given[0]).is_dir() or args.given[0].endswith(".npz")
    args.run, args.pictures = (args.given[0], args.given[1:]) if is_run else (None, args.given)
    if not args.pictures:
        parser.error(f"what is {args.run} to caption? Name a PICTURE, too")
    return args


if __name__ == "__main__":
    sys.exit(main())
