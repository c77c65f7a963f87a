"""The evaluation of a translator."""

from typing import NamedTuple

from numpy_sat import __version__
from numpy_sat.data.phrases import phrase_language
from numpy_sat.evaluation import attention, heldout, report_files
from numpy_sat.evaluation.layout import percent, wrapped
from numpy_sat.evaluation.translation_truth import Truth, are_exact, judge_translations
from numpy_sat.experiment import runs
from numpy_sat.metrics import bleu

SHOWN = 5  # wrong translations


class Evaluation(NamedTuple):
    """The results of judging a translator."""

    title: str
    protocol: str
    truth: Truth
    bleu: list  # BLEU-1 to 4, percent
    seconds: float  # a phrase
    translations: dict  # {English: Italian}
    wrong: list  # (English, its Italian, the right one) of some that are wrong


def evaluate(run, model, load, request):
    """Judge a translator, print the report and write it into the run's folder.

    Args:
        run: path of the run.
        model: its runs.Model.
        load: tasks.translation.load.
        request: heldout.Request.
    """
    report_files.say("translating")
    evaluation = judge(run, model, heldout.write(model, request, load), request)
    text = as_text(evaluation)
    print(f"\n{text}")
    report_files.write(runs.folder_of(run) / f"evaluate-{request.split}.md", text, as_json(evaluation))


def judge(run, model, written, request):
    """Return the Evaluation of a translator.

    Args:
        run: path of the run.
        model: its runs.Model.
        written: heldout.Written by it.
        request: heldout.Request.
    """
    meant, words = written.examples, [model.vocabulary.decode(caption.words) for caption in written.captions]
    has_attention = not attention.explain_absence(model.recipe, written.captions[0].alpha)
    alphas = [caption.alpha for caption in written.captions] if has_attention else None
    texts = [phrase_language.text(of_one) for of_one in words]
    pairs = zip(are_exact(words, meant), meant, texts, strict=True)
    wrong = [(" ".join(p.source), text, phrase_language.text(p.target)) for right, p, text in pairs if not right]
    return Evaluation(
        f"{run}: its translations of phrases, {request.split}",
        f"{len(meant):,} phrases, each with a colour beside a noun that train never puts it beside; "
        f"beam {request.beam}; numpy_sat {__version__}.",
        judge_translations(words, alphas, meant),
        bleu.bleu(words, [[list(phrase.target)] for phrase in meant]),
        written.seconds / len(meant),
        dict(zip(written.texts, texts, strict=True)),
        wrong[:SHOWN],
    )


def as_text(found):
    """Return an Evaluation as text, for the terminal and for Markdown."""
    lines = [f"# {found.title}", "", *wrapped(found.protocol), ""]
    lines.append(f"* Exactly right, word for word: {percent(found.truth.exact)} of phrases")
    lines.append(f"* BLEU-1 to 4: {' / '.join(f'{score:.1f}' for score in found.bleu)}")
    if found.truth.aligned == found.truth.aligned:
        lines += wrapped(
            f"* Attention on the English words that an Italian one stands for: {percent(found.truth.aligned)}, "
            f"chance {percent(found.truth.chance)}"
        )
    lines.append(f"* {1000 * found.seconds:.1f} ms a phrase")
    for english, italian, right in found.wrong:
        lines += ["", f"    {english}", f"    {italian}   WRONG", f"    {right}"]
    return "\n".join(lines) + "\n"


def as_json(found):
    """Return an Evaluation as what the json module can write."""
    truth = {name: share if share == share else None for name, share in found.truth._asdict().items()}
    return {"version": __version__, **found._asdict(), "truth": truth}
