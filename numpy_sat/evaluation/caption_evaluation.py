"""The evaluation of one captioner: its scores beside those of blind baselines and of human captions."""

from collections.abc import Sequence
from pathlib import Path

from numpy_sat import __version__
from numpy_sat.data import catalog, vocabulary
from numpy_sat.decoding import ensemble, overflow
from numpy_sat.evaluation import (
    attention,
    blind_baseline,
    comparison,
    floors,
    gap_evaluation,
    heldout,
    memory_evaluation,
    report,
    report_files,
    word_evaluation,
)
from numpy_sat.evaluation.judging import judge
from numpy_sat.evaluation.variety import variety
from numpy_sat.experiment import runs
from numpy_sat.experiment.recipe import SETTINGS
from numpy_sat.metrics.meteor import matching
from numpy_sat.pretrained import inputs
from numpy_sat.system import output


def evaluate(
    paths: Sequence[Path],
    models: Sequence[runs.Model],
    request: heldout.Request,
    blind_path: Path | None = None,
    out: Path | None = None,
) -> None:
    """Judge a captioner, print the report and write it to files.

    Args:
        paths: path of the run, followed by those of further members of an ensemble.
        models: the runs.Model of each path.
        request: heldout.Request.
        blind_path: path of the run's blind baseline; if None, the folder beside the run's is searched.
        out: path of the Markdown file; the default is a file in the run's folder.
    Raises:
        InputError: the data, the blind baseline or the ensemble's models do not fit.
    """
    run, model = paths[0], models[0]
    path = report_files.place(out, run, f"evaluate-{request.split}")
    digest = runs.digest(run)
    blind = blind_baseline.load(run, model, blind_path)
    mixture = ensemble.of(models) if len(models) > 1 else None
    report_files.say("writing captions")
    written = heldout.write(model, request)
    for note in written.dataset.notes:
        output.show(note)
    train = catalog.read_captions(written.dataset, "train")
    baselines, constants = _baselines(request, written, train, blind)
    report_files.say("judging")
    judgement = attention.judge(model, written)
    evaluation = report.Evaluation(
        title=f"{run}: its captions of {written.dataset.name}, {request.split}",
        protocol=heldout.protocol(written, request),
        notes=(
            *(matching(), constants, *blind_baseline.notes(run, model, blind)),
            *_ensemble_note(paths),
            *decoding_notes(request, models),
        ),
        rows=_rows(request, written, train, baselines, mixture),
        vocabulary=len(model.vocabulary) - len(vocabulary.SPECIALS),
        loss=heldout.judge_loss(model, written, train),
        **_variety(written, train),
        attention=judgement.statistics,
        no_attention=judgement.absence,
        reconstruction=memory_evaluation.judge(model, written),
        detection=word_evaluation.judge(model, written, request.beam),
        faithfulness=attention.judge_faithfulness(model, written),
        gaps=gap_evaluation.judge(model, written),
        truth=judgement.truth,
    )
    plain = {"version": __version__, "checkpoint": digest, **report.as_json(evaluation), "captions": written.texts}
    report_files.write(path, report.as_markdown(evaluation), plain, report.as_text(evaluation))


def _rows(request, written, train, baselines, mixture):
    """Return the rows of the table: the model between its baselines, the ensemble and the paper."""
    ensemble_rows = [_ensemble_row(request, written, mixture)] if mixture else []
    names = {request.split: written.texts, "train": train}
    paper_rows = comparison.paper_rows(("soft", "hard"), written.dataset.name, names)
    return [*comparison.compare(written.texts, written.references, baselines), *ensemble_rows, *paper_rows]


def decoding_notes(request: heldout.Request, models: Sequence[runs.Model]) -> list[str]:
    """Return sentences about the settings of decoding that are not the default."""
    modes = [model.recipe.decoding.attention_mode for model in models]
    mode = request.decoding.get("attention_mode") or next(
        (mode for mode in modes if mode != SETTINGS["attention_mode"].default), None
    )
    sentence = f"Captions were written with --attention-mode {mode}. The loss uses the expected context."
    repeats = [model.recipe.decoding.no_repeats for model in models]
    which = "" if all(repeats) else f" ({sum(repeats)} of {len(repeats)} models)"
    note = f"Captions repeat no content word{which}: no_repeats=true."
    rare = sorted({model.recipe.decoding.rare_words for model in models})
    adjustment = (
        f"Captions were written with rare_words={', '.join(f'{tau:g}' for tau in rare)}. Log-probabilities and the "
        "fall of a word include the adjustment, the loss does not."
    )
    return [*([sentence] if mode else []), *([note] if any(repeats) else []), *([adjustment] if any(rare) else [])]


def _baselines(request, written, train, blind):
    """Return the captions of the blind baselines, and a sentence about the constant ones.

    Args:
        request: heldout.Request.
        written: heldout.Written.
        train: {image: [texts]}, the captions of the training set.
        blind: runs.Model of the blind language model, or None.
    Returns:
        captions: {name: {image: text}}.
        sentence: text.
    """
    constants = {"blind language model": blind_baseline.caption(blind, request.beam)} if blind else {}
    report_files.say("searching the training captions for the best constant caption")
    by_bleu, by_cider = (floors.best_constant(train, score) for score in ("BLEU-4", "CIDEr-D"))
    if by_bleu == by_cider:
        constants["best constant caption"] = by_bleu
    else:
        constants |= {"best constant by BLEU-4": by_bleu, "best constant by CIDEr-D": by_cider}
    captions = {"images shuffled": floors.shuffled(written.texts)}
    captions |= {name: dict.fromkeys(written.texts, text) for name, text in constants.items()}
    texts = ", ".join(f'"{text}" ({name})' for name, text in constants.items())
    return captions, f"Captions that are the same for every image: {texts}."


def _ensemble_row(request, written, mixture):
    """Return the row of an ensemble. mixture: ensemble.Ensemble."""
    model, size = mixture.members[0], len(mixture.members)
    report_files.say(f"writing captions with an ensemble of {size} models")
    model_inputs = [inputs.load(member.recipe, written.examples) for member in mixture.members]
    captions = ensemble.caption_images(mixture, model_inputs, request.beam)
    overflow.refuse(captions)
    texts = {name: heldout.text(model, caption) for name, caption in zip(written.texts, captions, strict=True)}
    judged = judge(texts, written.references)
    return comparison.Row(f"ensemble of {size} models", "ensemble", judged.score(), judged.intervals())


def _ensemble_note(paths):
    return [f"The ensemble: {', '.join(map(str, paths))}."] if len(paths) > 1 else []


def _variety(written, train):
    """Return the Variety of the model's captions and of the first reference of each image."""
    train_captions = [vocabulary.tokenize(text) for texts in train.values() for text in texts]
    ours = [vocabulary.tokenize(text) for text in written.texts.values()]
    people = [vocabulary.tokenize(texts[0]) for texts in written.references.values()]
    return {"ours": variety(ours, train_captions), "people": variety(people, train_captions)}
