"""Figures of a captioner's captions of dev: a contact sheet, and the attention of the same captions."""

import numpy as np

from numpy_sat.data import images
from numpy_sat.evaluation import attention, figures
from numpy_sat.evaluation.judging import judge
from numpy_sat.metrics import bleu

EACH = 3  # captions from the best, the middle and the worst


def draw(folder, model, written):
    """Draw the contact sheet and the attention of its captions into a folder.

    Args:
        folder: the run's.
        model: runs.Model.
        written: heldout.Written by it.
    """
    judged = judge(written.texts, written.references)
    chosen = _chosen(judged.means["CIDEr-D"])
    _draw_sheet(folder / "show-captions.png", written, judged, chosen)
    _draw_attention(folder / "show-attention.png", model, written, judged, chosen)


def _chosen(cider):
    """Choose the captions of highest CIDEr-D, of around the median, and of lowest: [("best", place), ...]."""
    order = np.argsort(-cider, kind="stable")
    middle = max(0, len(order) // 2 - EACH // 2)
    groups = {"best": order[:EACH], "middle": order[middle : middle + EACH], "worst": order[-EACH:]}
    return [(group, k) for group, places in groups.items() for k in places]


def _draw_sheet(path, written, judged, chosen):
    figures.sheet_figure(path, [_entry(group, written, judged, k) for group, k in chosen])
    print(f"captions, the best, middle and worst by CIDEr-D: {path}")


def _entry(group, written, judged, k):
    """Return an entry of the contact sheet: an image, its title, and lines of text. group: "best", ..."""
    example = written.examples[k]
    scores = bleu.from_counts(judged.bleu[k])
    cider, meteor, rouge = (judged.means[name][k] for name in ("CIDEr-D", "METEOR", "ROUGE-L"))
    return (
        images.read_image(example.path, attention.SIDE),
        f"{group}: {example.name}",
        [
            f"model: {written.texts[example.name]}",
            f"reference: {written.references[example.name][0]}",
            f"CIDEr-D {cider:.0f}, BLEU-1 {scores[0]:.0f}, BLEU-4 {scores[3]:.0f}",
            f"METEOR {meteor:.0f}, ROUGE-L {rouge:.0f}",
        ],
    )


def _draw_attention(path, model, written, judged, chosen):
    """Draw the attention of the chosen captions, well and badly written alike."""
    if absence := attention.explain_absence(model.recipe, written.captions[0].alpha):
        print(f"where it looked: nothing drawn, {absence}")
        return
    entries = [
        (
            images.read_image(written.examples[k].path, attention.SIDE),
            f"{group}: CIDEr-D {judged.means['CIDEr-D'][k]:.0f}",
            [*model.vocabulary.decode(written.captions[k].words), "<end>"],
            written.captions[k].alpha,
        )
        for group, k in chosen
    ]
    figures.attention_rows_figure(path, entries)
    print(f"where it looked, of the same: {path}")
