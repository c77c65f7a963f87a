"""The evaluation of a translator: exact matches, BLEU and attention on the right words."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from numpy_sat import __version__
from numpy_sat.data.phrases import phrase_language
from numpy_sat.evaluation import attention, heldout, report_files
from numpy_sat.evaluation.layout import percent, wrap
from numpy_sat.evaluation.translation_truth import Truth, are_exact, judge_translations
from numpy_sat.experiment import runs
from numpy_sat.metrics import bleu

EXAMPLES = 5  # wrong translations in the report


class Evaluation(NamedTuple):
    """The results of judging a translator."""

    title: str
    protocol: str
    truth: Truth
    bleu: list  # BLEU-1 to 4, percent
    seconds: float  # per phrase
    translations: dict  # {English: Italian}
    wrong: list  # some wrong translations: (English, Italian, right Italian)


def evaluate(run: Path, model: runs.Model, load: Callable, request: heldout.Request, out: Path | None = None) -> None:
    """Judge a translator, print the report and write it to files.

    Args:
        run: path of the run.
        model: its runs.Model.
        load: tasks.translation.load.
        request: heldout.Request.
        out: path of the Markdown file; the default is a file in the run's folder.
    """
    path = report_files.place(out, run, f"evaluate-{request.split}")
    report_files.say("translating")
    evaluation = judge(run, model, heldout.write(model, request, load), request)
    text = as_text(evaluation)
    report_files.write(path, text, as_json(evaluation), text)


def judge(run: Path, model: runs.Model, written: heldout.Written, request: heldout.Request) -> Evaluation:
    """Return the Evaluation of a translator.

    Args:
        run: path of the run.
        model: its runs.Model.
        written: heldout.Written by it.
        request: heldout.Request.
    """
    phrases, words = written.examples, [model.vocabulary.decode(caption.words) for caption in written.captions]
    has_attention = not attention.explain_absence(model.recipe, written.captions[0].alpha)
    alphas = [caption.alpha for caption in written.captions] if has_attention else None
    texts = [phrase_language.text(translation) for translation in words]
    results = zip(are_exact(words, phrases), phrases, texts, strict=True)
    wrong = [(" ".join(p.source), text, phrase_language.text(p.target)) for right, p, text in results if not right]
    return Evaluation(
        f"{run}: its translations of phrases, {request.split}",
        f"{len(phrases):,} phrases, each with a pair of color and noun that the training set does not contain; "
        f"beam width {request.beam}; numpy_sat {__version__}.",
        judge_translations(words, alphas, phrases),
        bleu.bleu(words, [[list(phrase.target)] for phrase in phrases]),
        written.seconds / len(phrases),
        dict(zip(written.texts, texts, strict=True)),
        wrong[:EXAMPLES],
    )


def as_text(evaluation: Evaluation) -> str:
    """Return an Evaluation as text, for the terminal and for Markdown."""
    truth = evaluation.truth
    lines = [f"# {evaluation.title}", "", *wrap(evaluation.protocol), ""]
    lines.append(f"* Exact match: {percent(truth.exact)} of phrases")
    lines.append(f"* BLEU-1 to 4: {' / '.join(f'{score:.1f}' for score in evaluation.bleu)}")
    if truth.aligned == truth.aligned:  # not nan
        lines += wrap(
            f"* Attention on the English words that the Italian word translates: {percent(truth.aligned)}, "
            f"chance {percent(truth.chance)}"
        )
    lines.append(f"* {1000 * evaluation.seconds:.1f} ms per phrase")
    for english, italian, right in evaluation.wrong:
        lines += ["", f"    {english}", f"    {italian}   WRONG", f"    {right}"]
    return "\n".join(lines) + "\n"


def as_json(evaluation: Evaluation) -> dict:
    """Return an Evaluation as a dict for the json module; nan becomes None."""
    truth = {name: share if share == share else None for name, share in evaluation.truth._asdict().items()}
    return {"version": __version__, **evaluation._asdict(), "truth": truth}
