"""Test the command show: the figures of a run."""

import numpy as np
import pytest
from html_pages import data_of
from PIL import Image

from numpy_sat import show
from numpy_sat.data.flickr8k import flickr8k
from numpy_sat.evaluation import (
    figures,
    heldout,
    judging,
)
from numpy_sat.metrics import bleu
from numpy_sat.metrics.tokens import ptb_tokenize

pytestmark = pytest.mark.usefixtures("tiny_preset")


@pytest.mark.drawn
def test_showing(root, trained, monkeypatch, capsys):
    """Check the four figures in the folder of the first run, and the order and scores of the captions."""
    write, sheets, attention_maps, curves = heldout.write, [], [], []

    def better_and_better(*args):
        """Replace the k-th caption by the first k words of a reference."""
        written = write(*args)
        texts = {name: " ".join(of[0].split()[: k + 1]) for k, (name, of) in enumerate(written.references.items())}
        return written._replace(texts=texts)

    monkeypatch.setattr(heldout, "write", better_and_better)
    records = (("sheet_figure", sheets), ("attention_rows_figure", attention_maps), ("runs_figure", curves))
    for name, calls in records:
        draw = getattr(figures, name)
        monkeypatch.setattr(figures, name, lambda *args, draw=draw, calls=calls: calls.append(args) or draw(*args))
    assert show.main([str(trained), str(trained.parent / "blind"), "--beam", "1"]) == 0
    printed = capsys.readouterr().out
    for name in ("curves", "filters", "captions", "attention"):
        assert f": {trained / f'show-{name}.png'}\n" in printed
        with Image.open(trained / f"show-{name}.png") as image:
            assert image.format == "PNG" and image.width > 300 and np.ptp(np.asarray(image.convert("L"))) > 100
    assert not list((trained.parent / "blind").glob("show-*"))
    assert f": {trained / 'show-attention.html'}\n" in printed
    entries = data_of((trained / "show-attention.html").read_text(encoding="utf-8"))
    assert [entry["note"].split(":")[0] for entry in entries] == ["best"] * 3 + ["middle"] * 3 + ["worst"] * 3
    ((_, logs),) = curves
    assert list(logs) == [str(trained), str(trained.parent / "blind")]
    assert all([e["step"] for e in dev] == [6] and dev[0]["bleu"] for _, dev in logs.values())

    ((_, entries),) = sheets
    assert [title.split(":")[0] for _, title, _ in entries] == ["best"] * 3 + ["middle"] * 3 + ["worst"] * 3
    references = flickr8k.read_captions(root, "dev")
    captions = {name: " ".join(texts[0].split()[: k + 1]) for k, (name, texts) in enumerate(references.items())}
    judged = judging.judge(captions, references)
    scores = dict(zip(judged.images, judged.means["CIDEr-D"], strict=True))
    ranked = sorted(scores.values(), reverse=True)
    assert len(set(ranked)) == 8
    for (image, title, lines), rank in zip(entries, (0, 1, 2, 3, 4, 5, 5, 6, 7), strict=True):
        name = title.split(": ")[1]
        assert image.shape == (224, 224, 3) and scores[name] == ranked[rank]
        assert lines[:2] == [f"model: {captions[name]}", f"reference: {references[name][0]}"]
        words = ptb_tokenize(captions[name])
        bleu_scores = bleu.bleu([words], [[*map(ptb_tokenize, references[name])]])
        cider = f"CIDEr-D {scores[name]:.0f}"
        assert lines[2] == f"{cider}, BLEU-1 {bleu_scores[0]:.0f}, BLEU-4 {bleu_scores[3]:.0f}"
        assert lines[3].startswith("METEOR ") and "ROUGE-L " in lines[3]
    for (image, title, words, alpha), entry in zip(attention_maps[0][1], entries, strict=True):
        place, cider = entry[1].split(":")[0], entry[2][2].split(",")[0]
        assert title == f"{place}: {cider}" and np.array_equal(image, entry[0])
        assert alpha.shape == (len(words), 64) and words[-1] == "<end>"


def test_a_blind_run_has_no_filters(trained, capsys):
    blind = trained.parent / "blind"
    assert show.main([str(blind), "--beam", "1"]) == 0
    assert "filters" not in capsys.readouterr().out and not (blind / "show-filters.png").exists()


def test_showing_a_missing_run(trained, tmp_path, capsys):
    assert show.main([str(trained), str(tmp_path / "nowhere")]) == 2
    assert "nowhere" in capsys.readouterr().err and not list(trained.glob("show-*"))
