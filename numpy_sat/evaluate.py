"""python -m numpy_sat.evaluate: how good a trained model's captions are, on pictures it has not seen."""

import argparse
import sys
from pathlib import Path

import numpy as np

from numpy_sat import command, machine, runs, search
from numpy_sat.data import batches, scenes, sources
from numpy_sat.metrics import bleu
from numpy_sat.metrics.scene_truth import judge_captions


def main(argv=None):
    """The command; returns its exit code."""
    args = _parse(argv)
    return command.run(lambda: _evaluate(args))


def _evaluate(args):
    model = runs.load_model(args.run)
    settings, recipe = model.settings, model.recipe
    dataset = sources.open_dataset(settings["data"], args.root or settings["root"], (args.split,), args.skip_missing)
    size = recipe.model.picture_size
    split = batches.load_split(
        dataset.splits[args.split], model.vocabulary, size, machine.cache_folder(), recipe.max_words
    )
    for note in (*dataset.notes, *split.notes):
        print(note)
    found = search.caption_pictures(model.params, recipe.model, split.pictures, args.beam, recipe.max_words)
    captions = [model.vocabulary.decode(caption.words) for caption in found]
    print(
        f"{dataset.name}, {args.split}: {len(split.names):,} pictures, beam {args.beam}, all references, lower case, "
        f"punctuation removed, brevity penalty"
    )
    print("BLEU-1..4  " + "  ".join(f"{score:.1f}" for score in bleu.bleu(captions, split.references)))
    alpha = np.concatenate([caption.alpha for caption in found])
    entropy = -(alpha * np.log(np.maximum(alpha, 1e-30))).sum(axis=1).mean()
    print(f"attention  entropy {entropy:.2f} of at most ln {alpha.shape[1]} = {np.log(alpha.shape[1]):.2f} nats")
    if settings["data"] == "scenes":
        drawn = scenes.read_scenes(dataset.root)
        _print_truth(judge_captions(captions, [c.alpha for c in found], [drawn[name] for name in split.names]))


def _print_truth(truth):
    print(
        f"true       {truth.complete:.1%} of captions: an object with its colour, a relation or count where there are\n"
        f"           several, and every word true of the scene\n"
        f"           {truth.objects:.1%} have every object right; {truth.relation:.1%} of relations said are right\n"
        f"attention  {truth.in_box:.1%} inside the named object's box while its noun is written; chance "
        f"{truth.chance:.1%}, so {truth.in_box / truth.chance:.1f} x chance"
    )


def _parse(argv):
    parser = argparse.ArgumentParser(prog="python -m numpy_sat.evaluate", description="Judge a trained model.")
    parser.add_argument("run", type=Path, help="a run's folder, or a checkpoint")
    parser.add_argument("--split", choices=("dev", "test"), default="dev")
    parser.add_argument("--beam", type=command.count, default=3, help="beams; 1 is greedy search (default: 3)")
    parser.add_argument("--root", type=Path, help="the data's folder, where it is not the one trained on")
    parser.add_argument("--skip-missing", action="store_true", help="go on without photos that are not there")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
