"""python -m numpy_sat.caption: what a trained model writes of pictures, and where it looked."""

import argparse
import sys
from pathlib import Path

import numpy as np

from numpy_sat import command, figures, runs, search
from numpy_sat.data import pictures
from numpy_sat.errors import InputError

FIGURE_SIDE = 224  # pixels of a picture in the attention figure


def main(argv=None):
    """The command; returns its exit code."""
    args = _parse(argv)
    return command.run(lambda: _caption(args))


def _caption(args):
    model = runs.load_model(args.checkpoint)
    for path in args.pictures:
        image = pictures.read_picture(path, model.config.picture_size)
        max_words = model.settings["recipe"]["max_words"]
        (found,) = search.caption_pictures(model.params, model.config, image[np.newaxis], args.beam, max_words)
        words = model.vocabulary.decode(found.words)
        print(f"{path}: {' '.join(words)}  (log p {found.log_p:.2f})")
        if args.show:
            _show(_figure_path(args.show, path, len(args.pictures)), path, words, found)
    return 0


def _show(path, picture, words, found):
    titles = [*words, "<end>"][: len(found.alpha)]
    try:
        figures.attention_figure(path, pictures.read_picture(picture, FIGURE_SIDE), titles, found.alpha, found.beta)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another --show.") from error
    print(f"  where it looked: {path}")


def _figure_path(show, picture, count):
    """--show as it is for one picture; with the picture's name in it for several."""
    return show if count == 1 else show.with_name(f"{show.stem}-{Path(picture).stem}{show.suffix}")


def _parse(argv):
    parser = argparse.ArgumentParser(prog="python -m numpy_sat.caption", description="Caption pictures.")
    parser.add_argument("checkpoint", type=Path, help="a run's folder, or a checkpoint")
    parser.add_argument("pictures", type=Path, nargs="+", metavar="PICTURE")
    parser.add_argument("--beam", type=int, default=3, help="beams; 1 is greedy search (default: 3)")
    parser.add_argument("--show", type=Path, metavar="FILE.png", help="draw where the model looked, word by word")
    args = parser.parse_args(argv)
    if args.beam < 1:
        parser.error(f"--beam must be at least 1, not {args.beam}")
    return args


if __name__ == "__main__":
    sys.exit(main())
