"""python -m numpy_sat.evaluate: how good a trained model's captions are, on pictures it has not seen.

Beside its scores stand those of what sees nothing, and those of people, judged in the same way; alone they would say
little. All of it goes to the terminal and, as evaluate-SPLIT.md and evaluate-SPLIT.json, into the run's folder.
"""

import argparse
import json
import sys
from pathlib import Path

from numpy_sat import __version__, command, counterpart, heldout, runs
from numpy_sat.data import flickr8k, scenes, vocabulary
from numpy_sat.errors import writing
from numpy_sat.metrics import comparison, floors, matching, report
from numpy_sat.metrics.looks import looks
from numpy_sat.metrics.scene_truth import judge_captions
from numpy_sat.metrics.variety import variety


def main(argv=None):
    """The command; returns its exit code."""
    args = _parse(argv)
    return command.run(lambda: _evaluate(args))


def _evaluate(args):
    model = runs.load_model(args.run)
    blind = counterpart.load(args.run, model, args.blind)
    _say("writing captions")
    written = heldout.write(model, args.split, args.beam, args.root, args.skip_missing)
    for note in written.dataset.notes:
        print(note)
    train = flickr8k.read_captions(written.dataset.root, "train")
    nothing, constants = _seeing_nothing(args, written, train, blind)
    _say("judging")
    found = report.Evaluation(
        title=f"{args.run}: its captions of {written.dataset.name}, {args.split}",
        protocol=_protocol(args, written),
        notes=(matching(), constants, *counterpart.notes(args.run, model, blind)),
        rows=[
            *comparison.compare(written.captions, written.references, nothing),
            *comparison.PAPER.get(written.dataset.name, ()),
        ],
        vocabulary=len(model.vocabulary) - len(vocabulary.SPECIALS),
        **_captions_alone(written, train),
        **_attention(written),
    )
    print(f"\n{report.as_text(found)}")
    _keep(args, found, written.captions)


def _seeing_nothing(args, written, train, blind):
    """Captions of the same pictures that owe nothing to them: {name: {picture: text}}; and a sentence about them."""
    constants = {"blind language model": counterpart.caption(blind, args.beam)} if blind else {}
    _say("looking among train's captions for the best to be given to every picture")
    by_bleu, by_cider = (floors.best_constant(train, score) for score in ("BLEU-4", "CIDEr-D"))
    if by_bleu == by_cider:
        constants["best constant of train"] = by_bleu
    else:
        constants |= {"best of train by BLEU-4": by_bleu, "best of train by CIDEr-D": by_cider}
    nothing = {"its pictures shuffled": floors.shuffled(written.captions)}
    nothing |= {name: dict.fromkeys(written.captions, text) for name, text in constants.items()}
    said = ", ".join(f'"{text}" ({name})' for name, text in constants.items())
    return nothing, f"Said of every picture alike: {said}."


def _protocol(args, written):
    counts = sorted({len(texts) for texts in written.references.values()})
    each = " to ".join(map(str, sorted({counts[0], counts[-1]})))
    return (
        f"{written.dataset.name}, {args.split}, {len(written.captions):,} pictures; beam {args.beam}; {each} "
        f"references a picture, lower case, punctuation removed; scores of the corpus in percent, BLEU with brevity "
        f"penalty, CIDEr-D from 0 to 1000; numpy_sat {__version__}."
    )


def _captions_alone(written, train):
    """The captions' variety, and that of one of people's captions a picture; words as the model is taught them."""
    known = [vocabulary.tokenise(text) for texts in train.values() for text in texts]
    ours = [vocabulary.tokenise(text) for text in written.captions.values()]
    people = [vocabulary.tokenise(texts[0]) for texts in written.references.values()]
    return {"ours": variety(ours, known), "people": variety(people, known)}


def _attention(written):
    """Where it looked; of drawn scenes what was drawn says, too, whether that was right, and the caption."""
    alphas, truth = [caption.alpha for caption in written.found], None
    if written.dataset.name == "scenes":
        drawn = scenes.read_scenes(written.dataset.root)
        words = [text.split() for text in written.captions.values()]
        truth = judge_captions(words, alphas, [drawn[name] for name in written.captions])
    return {"looks": looks(alphas), "truth": truth}


def _keep(args, found, captions):
    """Write the report into the run's folder, as Markdown and as JSON with every caption."""
    path = runs.folder_of(args.run) / f"evaluate-{args.split}"
    everything = {"version": __version__, **report.as_json(found), "captions": captions}
    text = json.dumps(everything, indent=1, allow_nan=False) + "\n"
    for suffix, contents in ((".md", report.as_markdown(found)), (".json", text)):
        aside = Path(f"{path}{suffix}.part")
        with writing(f"{path}{suffix}", aside):
            aside.write_text(contents, encoding="utf-8")
            aside.replace(f"{path}{suffix}")
        print(f"written: {path}{suffix}")


def _say(what):
    """What is being done, for those who wait; not part of the report."""
    print(f"{what} ...", file=sys.stderr, flush=True)


def _parse(argv):
    parser = argparse.ArgumentParser(prog="python -m numpy_sat.evaluate", description="Judge a trained model.")
    parser.add_argument("run", type=Path, help="a run's folder, or a checkpoint")
    parser.add_argument("--split", choices=("dev", "test"), default="dev")
    parser.add_argument("--beam", type=command.count, default=3, help="beams; 1 is greedy search (default: 3)")
    parser.add_argument("--blind", type=Path, metavar="RUN", help="trained with --blind (default: RUN-blind, if there)")
    parser.add_argument("--root", type=Path, help="the data's folder, where it is not the one trained on")
    parser.add_argument("--skip-missing", action="store_true", help="go on without photos that are not there")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
