"""python -m numpy_sat.show: pictures of trained models: how training went, what the first layer looks for, captions."""

import argparse
import sys
from pathlib import Path

import numpy as np

from numpy_sat.data import images
from numpy_sat.evaluation import attention, figures, heldout
from numpy_sat.evaluation.judging import judge
from numpy_sat.experiment import runs
from numpy_sat.metrics import bleu_counts
from numpy_sat.system import cli

EACH = 3  # captions from the best, the middle and the worst


def main(argv=None):
    """The command; returns its exit code."""
    args = _parse(argv)
    return cli.run(lambda: _show(args))


def _show(args):
    folder = runs.folder_of(args.runs[0])
    models = [runs.load_model(run) for run in args.runs]
    _curves(folder / "show-curves.png", args.runs)
    _filters(folder / "show-filters.png", models[0])
    print("writing captions for dev ...", file=sys.stderr, flush=True)
    written = heldout.write(models[0], "dev", args.beam, args.root, args.skip_missing)
    if models[0].recipe.model.source:
        longest = max(range(len(written.listed)), key=lambda k: len(written.listed[k].name.split()))
        _alignment(folder / "show-attention.png", models[0], written, longest)
        return
    judged = judge(written.captions, written.references)
    chosen = _chosen(judged.means["CIDEr-D"])
    _sheet(folder / "show-captions.png", written, judged, chosen)
    _looks(folder / "show-attention.png", models[0], written, judged, chosen)


def _curves(path, paths):
    """The curves of the runs that have a log, each by its folder's name."""
    logs = {str(run): log for run in paths if (log := runs.read_log(runs.folder_of(run)))}
    if not logs:
        print("curves: none, for what was mixed or shipped has no log of training")
        return
    kinds = {name: [[e for e in log if e["kind"] == kind] for kind in ("train", "dev")] for name, log in logs.items()}
    figures.runs_figure(path, kinds)
    print(f"curves: {path}")


def _filters(path, model):
    if "conv1_1.W" in model.params:
        figures.filters_figure(path, model.params["conv1_1.W"])
        print(f"first layer's filters: {path}")


def _chosen(cider):
    """Pictures whose captions have the highest CIDEr-D, one around the middle, and the lowest: [("best", k), ...]."""
    order = np.argsort(-cider, kind="stable")
    middle = max(0, len(order) // 2 - EACH // 2)
    places = {"best": order[:EACH], "middle": order[middle : middle + EACH], "worst": order[-EACH:]}
    return [(place, k) for place, of_place in places.items() for k in of_place]


def _sheet(path, written, judged, chosen):
    entries = [_entry(place, written, judged, k) for place, k in chosen]
    figures.sheet_figure(path, entries)
    print(f"captions, the best, middle and worst by CIDEr-D: {path}")


def _entry(place, written, judged, k):
    """A picture of the contact sheet: its photo, its title, and what there is to say of it. place: "best", ..."""
    picture = written.listed[k]
    bleu = bleu_counts.bleu_of(judged.bleu[k])
    cider, meteor, rouge = (judged.means[name][k] for name in ("CIDEr-D", "METEOR", "ROUGE-L"))
    return (
        images.read_image(picture.path, attention.SIDE),
        f"{place}: {picture.name}",
        [
            f"model: {written.captions[picture.name]}",
            f"reference: {written.references[picture.name][0]}",
            f"CIDEr-D {cider:.0f}, BLEU-1 {bleu[0]:.0f}, BLEU-4 {bleu[3]:.0f}",
            f"METEOR {meteor:.0f}, ROUGE-L {rouge:.0f}",
        ],
    )


def _looks(path, model, written, judged, chosen):
    """Where it looked while it wrote those captions, well and badly written alike."""
    if nowhere := attention.looks_nowhere(model.recipe.model, written.found[0].alpha):
        print(f"where it looked: nothing drawn, {nowhere}")
        return
    entries = [
        (
            images.read_image(written.listed[k].path, attention.SIDE),
            f"{place}: CIDEr-D {judged.means['CIDEr-D'][k]:.0f}",
            [*model.vocabulary.decode(written.found[k].words), "<end>"],
            written.found[k].alpha,
        )
        for place, k in chosen
    ]
    figures.looks_figure(path, entries)
    print(f"where it looked, of the same: {path}")


def _alignment(path, model, written, k):
    """Where a translator looked in the sentence k."""
    config, picture, caption = model.recipe.model, written.listed[k], written.found[k]
    if nowhere := attention.looks_nowhere(config, caption.alpha):
        print(f"where it looked: nothing drawn, {nowhere}")
        return
    words = [*model.vocabulary.decode(caption.words), "<end>"]
    attention.draw(path, config, picture.name, words, caption)
    print(f"where it looked, of {picture.name}: {path}")


def _parse(argv):
    parser = argparse.ArgumentParser(prog="python -m numpy_sat.show", description="Draw what was trained.")
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folders; all but curves are of the first")
    parser.add_argument("--beam", type=cli.count, default=3, help="beams; 1 is greedy search (default: 3)")
    parser.add_argument("--root", type=Path, help="the data's folder, where it is not the one trained on")
    parser.add_argument("--skip-missing", action="store_true", help="go on without photos that are not there")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
