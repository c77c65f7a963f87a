"""python -m numpy_sat.evaluate: how good a trained model's captions are, on pictures it has not seen.

Beside its scores stand those of what sees nothing, and those of people, judged in the same way; alone they would say
little. All of it goes to the terminal and, as evaluate-SPLIT.md and evaluate-SPLIT.json, into the run's folder.

With --compare, several models stand in one table, a row each; it goes to the terminal and, as compare-SPLIT.md and
compare-SPLIT.json, into the first one's folder.
"""

import argparse
import json
import sys
from pathlib import Path

from numpy_sat import __version__
from numpy_sat.data import vocabulary
from numpy_sat.data.flickr8k import flickr8k
from numpy_sat.decoders.hard import LOOKS
from numpy_sat.decoding import ensemble
from numpy_sat.evaluation import (
    attention,
    blind_baseline,
    comparison,
    floors,
    heldout,
    report,
    run_comparison,
    table,
    translation,
)
from numpy_sat.evaluation.judging import judge
from numpy_sat.evaluation.variety import variety
from numpy_sat.experiment import runs, settings
from numpy_sat.metrics.meteor import matching
from numpy_sat.pretrained import inputs
from numpy_sat.system import cli
from numpy_sat.system.errors import InputError, writing


def main(argv=None):
    """The command; returns its exit code."""
    args = _parse(argv)
    return cli.run(lambda: _compare(args) if args.compare else _evaluate(args))


def _evaluate(args):
    (run,) = args.runs
    model, *others = (settings.with_look(runs.load_model(path), args.look) for path in (*args.runs, *args.others))
    if model.recipe.model.source:
        _refuse_what_is_for_pictures(args)
        _say("translating")
        found = translation.judge(run, model, args.split, args.beam)
        print(f"\n{translation.as_text(found)}")
        path = runs.folder_of(run) / f"evaluate-{args.split}.md"
        _keep(path, translation.as_text(found), translation.as_json(found))
        return
    digest = runs.digest(run)
    blind = blind_baseline.load(run, model, args.blind)
    together = ensemble.of([model, *others]) if others else None
    _say("writing captions")
    written = heldout.write(model, args.split, args.beam, args.root, args.skip_missing)
    for note in written.dataset.notes:
        print(note)
    train = flickr8k.read_captions(written.dataset.root, "train")
    nothing, constants = _seeing_nothing(args, written, train, blind)
    _say("judging")
    looked = attention.judge(model, written)
    found = report.Evaluation(
        title=f"{run}: its captions of {written.dataset.name}, {args.split}",
        protocol=heldout.protocol(written, args.split, args.beam),
        notes=(matching(), constants, *blind_baseline.notes(run, model, blind), *_who(args), *_how(args)),
        rows=[
            *comparison.compare(written.captions, written.references, nothing),
            *([_together(args, written, together)] if together else []),
            *comparison.PAPER.get(written.dataset.name, ()),
        ],
        vocabulary=len(model.vocabulary) - len(vocabulary.SPECIALS),
        loss=heldout.judge_loss(model, written.listed, train),
        **_captions_alone(written, train),
        looks=looked.looks,
        nowhere=looked.nowhere,
        truth=looked.truth,
    )
    print(f"\n{report.as_text(found)}")
    everything = {"version": __version__, "checkpoint": digest, **report.as_json(found), "captions": written.captions}
    _keep(runs.folder_of(run) / f"evaluate-{args.split}.md", report.as_markdown(found), everything)


def _compare(args):
    contenders, rows, first = run_comparison.load(args.runs, args.look), [], None
    if any(contender.model.recipe.model.source for contender in contenders):
        raise InputError("--compare is for captions of pictures; evaluate translators one by one.")
    for contender in contenders:
        _say(f"{contender.name}: writing captions, judging")
        written = heldout.write(contender.model, args.split, args.beam, args.root, args.skip_missing)
        train = flickr8k.read_captions(written.dataset.root, "train")
        row, judged = run_comparison.measure(contender, written, train)
        rows.append(row._replace(difference=judged.difference(first)) if first else row)
        first = first or judged
    found = table.Table(
        title=f"{len(rows)} models: their captions of {written.dataset.name}, {args.split}",
        protocol=heldout.protocol(written, args.split, args.beam),
        notes=(matching(), *run_comparison.notes(rows, contenders), *_how(args)),
        rows=rows,
    )
    print(f"\n{table.as_text(found)}")
    out = args.out or runs.folder_of(args.runs[0]) / f"compare-{args.split}.md"
    _keep(out, table.as_markdown(found), {"version": __version__, **table.as_json(found)})


def _seeing_nothing(args, written, train, blind):
    """Captions of the same pictures that owe nothing to them: {name: {picture: text}}; and a sentence about them."""
    constants = {"blind language model": blind_baseline.caption(blind, args.beam)} if blind else {}
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


def _together(args, written, together):
    """The row of an ensemble.Ensemble: this model and those that --with names."""
    model, size = together.members[0], len(together.members)
    _say(f"{size} models writing captions together")
    images = [inputs.load(member.recipe.model, written.listed) for member in together.members]
    found = ensemble.caption_images(together, images, args.beam)
    captions = {name: heldout.text(model, one) for name, one in zip(written.captions, found, strict=True)}
    judged = judge(captions, written.references)
    return comparison.Row(f"an ensemble of {size}, not one model", "ensemble", judged.score(), judged.intervals())


def _who(args):
    names = [str(path) for path in (*args.runs, *args.others)]
    return [f"The ensemble: {', '.join(names)}."] if args.others else []


def _how(args):
    """How models with hard attention looked, where somebody has chosen that."""
    sentence = f"While captions were written: --look {args.look}. The loss is with the expected context."
    return [sentence] if args.look else []


def _refuse_what_is_for_pictures(args):
    """Raise InputError for options that mean nothing to a translator."""
    given = {"--blind": args.blind, "--with": args.others, "--root": args.root, "--skip-missing": args.skip_missing}
    named = [option for option, value in given.items() if value]
    if named:
        raise InputError(f"a translator is judged alone, on phrases that are drawn: leave out {' and '.join(named)}.")


def _captions_alone(written, train):
    """The captions' variety, and that of one of people's captions a picture; words as the model is taught them."""
    known = [vocabulary.tokenise(text) for texts in train.values() for text in texts]
    ours = [vocabulary.tokenise(text) for text in written.captions.values()]
    people = [vocabulary.tokenise(texts[0]) for texts in written.references.values()]
    return {"ours": variety(ours, known), "people": variety(people, known)}


def _keep(path, markdown, everything):
    """Write a report as Markdown and, beside it, as JSON with every caption."""
    text = json.dumps(everything, indent=1, allow_nan=False) + "\n"
    for file, contents in ((path, markdown), (path.with_suffix(".json"), text)):
        aside = Path(f"{file}.part")
        with writing(file, aside):
            aside.write_text(contents, encoding="utf-8")
            aside.replace(file)
        print(f"written: {file}")


def _say(what):
    """What is being done, for those who wait; not part of the report."""
    print(f"{what} ...", file=sys.stderr, flush=True)


def _parse(argv):
    parser = argparse.ArgumentParser(prog="python -m numpy_sat.evaluate", description="Judge a trained model.")
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="a run's folder, or a checkpoint")
    parser.add_argument("--compare", action="store_true", help="several RUNs of the same data, in one table")
    parser.add_argument("--out", type=Path, metavar="FILE.md", help="that table (default: in the first RUN's folder)")
    parser.add_argument("--split", choices=("dev", "test"), default="dev")
    parser.add_argument("--beam", type=cli.count, default=3, help="beams; 1 is greedy search (default: 3)")
    parser.add_argument("--look", choices=LOOKS, help="with hard attention: where, while it writes (default: expected)")
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
