"""What a trained translator makes of phrases that it has not seen, judged."""

from typing import NamedTuple

from numpy_sat import __version__
from numpy_sat.data.phrases import phrase_language, phrases
from numpy_sat.evaluation import heldout
from numpy_sat.evaluation.layout import percent, wrapped
from numpy_sat.evaluation.translation_truth import Truth, are_exact, judge_translations
from numpy_sat.metrics import bleu

SHOWN = 5  # wrong translations


class Evaluation(NamedTuple):
    """What was found out about a translator."""

    title: str
    protocol: str
    truth: Truth
    bleu: list  # BLEU-1 to 4, percent
    seconds: float  # a phrase
    translations: dict  # {English: Italian}
    wrong: list  # (English, its Italian, the right one) of some that are wrong


def judge(run, model, split, beam):
    """The Evaluation of a translator on a split, "dev" or "test". run: its path; model: runs.Model; beam: beams."""
    written, meant = heldout.write(model, split, beam), phrases.draw_splits()[split]
    words = [model.vocabulary.decode(caption.words) for caption in written.found]
    looks = "attention" not in model.recipe.model.without and written.found[0].alpha.shape[1]
    alphas = [caption.alpha for caption in written.found] if looks else None
    texts = [phrase_language.text(of_one) for of_one in words]
    pairs = zip(are_exact(words, meant), meant, texts, strict=True)
    wrong = [(" ".join(p.source), text, phrase_language.text(p.target)) for right, p, text in pairs if not right]
    return Evaluation(
        f"{run}: its translations of phrases, {split}",
        f"{len(meant):,} phrases, each with a colour beside a noun that train never puts it beside; beam {beam}; "
        f"numpy_sat {__version__}.",
        judge_translations(words, alphas, meant),
        bleu.bleu(words, [[list(phrase.target)] for phrase in meant]),
        written.seconds / len(meant),
        dict(zip(written.captions, texts, strict=True)),
        wrong[:SHOWN],
    )


def as_text(found):
    """An Evaluation as text, for the terminal as for Markdown."""
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
    """An Evaluation as what the json module can write."""
    truth = {name: share if share == share else None for name, share in found.truth._asdict().items()}
    return {"version": __version__, **found._asdict(), "truth": truth}
