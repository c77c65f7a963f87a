"""Figures of a captioner's best, middle and worst captions: a contact sheet, and their attention."""

from pathlib import Path

import numpy as np

from numpy_sat.data import images
from numpy_sat.evaluation import attention, figures, heldout, page
from numpy_sat.evaluation.judging import judge
from numpy_sat.experiment import runs
from numpy_sat.metrics import bleu
from numpy_sat.system import output

GROUP_SIZE = 3  # captions each of the best, the middle and the worst


def draw(folder: Path, model: runs.Model, written: heldout.Written) -> None:
    """Draw the contact sheet and the attention of its captions into a folder.

    Args:
        folder: folder of the run.
        model: runs.Model.
        written: heldout.Written of the model.
    """
    judged = judge(written.texts, written.references)
    choice = _choose(judged.means["CIDEr-D"])
    _draw_sheet(folder / "show-captions.png", written, judged, choice)
    _draw_attention(folder, model, written, judged, choice)


def _choose(cider):
    """Choose the captions with the highest CIDEr-D, around the median, and with the lowest.

    Args:
        cider: (N,) scores.
    Returns:
        A list of ("best", index), ...
    """
    order = np.argsort(-cider, kind="stable")
    middle = max(0, len(order) // 2 - GROUP_SIZE // 2)
    groups = {"best": order[:GROUP_SIZE], "middle": order[middle : middle + GROUP_SIZE], "worst": order[-GROUP_SIZE:]}
    return [(group, k) for group, indices in groups.items() for k in indices]


def _draw_sheet(path, written, judged, choice):
    figures.sheet_figure(path, [_entry(group, written, judged, k) for group, k in choice])
    output.show(f"captions, the best, middle and worst by CIDEr-D: {path}")


def _entry(group, written, judged, k):
    """Return the entry of the k-th caption on the contact sheet: image, title and lines of text."""
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


def _draw_attention(folder, model, written, judged, choice):
    """Draw the attention of the same captions, as a figure and as a page."""
    traces = heldout.trace(model, written, [k for _, k in choice])
    titles = [f"{group}: CIDEr-D {judged.means['CIDEr-D'][k]:.0f}" for group, k in choice]
    examples = [written.examples[k] for _, k in choice]
    absence = attention.explain_absence(model.recipe, traces[0].alpha)
    entries = [
        page.Entry(
            example.name,
            traced,
            images.read_small(example.path, page.SIDE),
            absence=absence,
            note=f"{title}. A person: {written.references[example.name][0]}",
        )
        for example, traced, title in zip(examples, traces, titles, strict=True)
    ]
    path = folder / "show-attention.html"
    page.write(path, "The best, middle and worst captions by CIDEr-D", entries)
    output.show(f"these captions word by word, for a browser: {path}")
    if absence:
        output.show(f"no attention map: {absence}")
        return
    rows = [
        (images.read_image(example.path, attention.SIDE), title, traced.texts, traced.alpha)
        for example, traced, title in zip(examples, traces, titles, strict=True)
    ]
    path = folder / "show-attention.png"
    figures.attention_rows_figure(path, rows)
    output.show(f"attention maps of these captions: {path}")
