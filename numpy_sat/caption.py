"""Run `python -m numpy_sat.caption`: caption images or translate phrases, and draw attention maps."""

import os
import sys
from pathlib import Path

from numpy_sat import tasks
from numpy_sat.data.captioned_photos.photo_files import is_photo
from numpy_sat.decoding import overflow, search
from numpy_sat.experiment import runs, settings
from numpy_sat.experiment.recipe import SETTINGS
from numpy_sat.system import cli, files, output
from numpy_sat.system.errors import InputError


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = _parse(argv)
    return cli.run(lambda: _caption(args))


def _caption(args):
    model = settings.with_attention_mode(runs.load_model(args.run or runs.SHIPPED), args.attention_mode)
    task, recipe = tasks.of_model(model), model.recipe
    figures = _figures(args.show, args.sources)
    exit_code = 0
    for source, path in zip(args.sources, figures, strict=True):
        try:
            inputs = task.read(recipe, source)
        except InputError as error:  # the other sources may still be read
            exit_code = cli.report(error)
            continue
        (caption,) = search.caption_images(
            model.params, recipe, inputs, args.beam, recipe.decoding.max_words, recipe.decoding.length_power
        )
        overflow.refuse([caption])
        words = model.vocabulary.decode(caption.words)
        print(output.printable(f"{source}: {task.write(words)}  (log p {caption.log_p:.2f})"))
        if path:
            reason = task.draw(path, recipe, source, [*words, "<end>"], caption)
            output.show(f"  no attention map: {reason}" if reason else f"  attention map: {path}")
    return exit_code


def _figures(path, sources):
    """Return the path of each source's attention map: `path`, or look-1.png, look-2.png, ... for several sources.

    Args:
        path: Path, or None if no map is drawn.
        sources: the image files or phrases.
    Raises:
        InputError: a map cannot be written, or would replace one of the images.
    """
    if not path:
        return [None] * len(sources)
    numbers = [""] if len(sources) == 1 else [f"-{number}" for number in range(1, len(sources) + 1)]
    figures = [path.with_name(f"{path.stem}{number}{path.suffix}") for number in numbers]
    for figure in figures:
        files.refuse_unwritable(figure)
        if figure.exists() and any(os.path.exists(source) and figure.samefile(source) for source in sources):
            raise InputError(f"--show {path}: would replace the image {figure}; choose another name.")
    return figures


def _photo_of_folder(folder):
    """Return a photo of a folder that has photos and no checkpoint; None for other folders."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return None
    is_run = any(name in (runs.BEST, runs.LAST) for name in names)
    photos = [name for name in names if is_photo(name)]
    return folder / photos[0] if photos and not is_run else None


def _parse(argv):
    parser = cli.Parser(prog="python -m numpy_sat.caption", description="Caption images or translate phrases.")
    parser.add_argument(
        "arguments",
        nargs="+",
        metavar="[RUN] IMAGE",
        help="the folder or checkpoint of a run (default: the captioner of the package), and image files; for a "
        "translator, phrases in quotes",
    )
    parser.add_argument("--beam", type=cli.beam, default=3, help="beam width; 1 is greedy decoding (default: 3)")
    parser.add_argument(
        "--attention-mode",
        choices=SETTINGS["attention_mode"].choices,
        help="how hard attention chooses locations while it writes (default: the run's setting, else expected)",
    )
    parser.add_argument(
        "--show",
        type=cli.png,
        metavar="FILE.png",
        help="draw the attention map of every word into this file; with several images FILE-1.png, FILE-2.png, ...",
    )
    args = parser.parse_args(argv)
    first, *others = args.arguments
    is_run = os.path.isdir(first) or first.endswith(".npz")
    if photo := is_run and _photo_of_folder(Path(first)):
        parser.error(f"{first} is a folder of photos, not of a run: name the photos in it, such as {photo}")
    args.run, args.sources = (first, others) if is_run else (None, args.arguments)
    if not args.sources:
        parser.error(f"no image to caption: name an IMAGE after {args.run}")
    return args


if __name__ == "__main__":
    sys.exit(main())
