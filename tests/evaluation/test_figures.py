"""Figures: scales, titles, labels, and what they draw."""

import itertools
import re
import warnings

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.text import Text
from PIL import Image

from numpy_sat.evaluation import bootstrap, figures
from numpy_sat.evaluation.figures import canvas, fonts

pytestmark = pytest.mark.drawn
LABELS = [f"word{number}" for number in range(30)]
LONG_WORDS = ["a", "counterrevolutionaries", "skateboarding", "incomprehensibilities"] * 5
LOSS = "negative log-likelihood per word (nats)"
VALIDATIONS = [{"step": 30, "loss": 2.5, "bleu": [1, 2, 3, 4], "cider": 5}]


@pytest.fixture
def saved(monkeypatch):
    """Collect the figures that are saved."""
    saved, save = [], canvas.save
    monkeypatch.setattr(canvas, "save", lambda figure, path: (saved.append(figure), save(figure, path)))
    return saved


def weights(rng, *shape):
    """Return random attention weights that sum to 1 over the last axis."""
    alpha = rng.random(shape)
    return alpha / alpha.sum(axis=-1, keepdims=True)


def color_bars(figure):
    """Return the Axes of a figure's color bars."""
    return [axis for axis in figure.axes if axis.get_label() == "<colorbar>"]


def assert_all_texts_are_inside(figure):
    """Check that every text lies inside the figure, with a pixel of tolerance. Numbers may be ticks out of view."""
    frame = figure.bbox.padded(1)
    for text in figure.findobj(lambda artist: isinstance(artist, Text) and artist.get_visible()):
        box = text.get_window_extent()
        if box.width and re.search("[a-z]", text.get_text()):
            assert frame.x0 <= box.x0 and box.x1 <= frame.x1, text.get_text()
            assert frame.y0 <= box.y0 and box.y1 <= frame.y1, text.get_text()


def test_curves_without_a_validation_say_so(tmp_path, saved):
    train = [{"step": 10, "loss": 3.0}, {"step": 20, "loss": 2.5}]
    figures.runs_figure(tmp_path / "a.png", {"interrupted": (train, [])})
    figures.runs_figure(tmp_path / "b.png", {"interrupted": (train, []), "whole": (train, VALIDATIONS)})
    texts = [[text.get_text() for text in figure.axes[1].texts] for figure in saved]
    assert texts == [["no validation yet: the first one follows the first epoch"], []]
    assert_all_texts_are_inside(saved[0])


def test_texts_that_no_font_can_show_are_escaped(tmp_path, saved):
    """Check a run whose folder's name is not UTF-8, and one with control characters."""
    figures.runs_figure(tmp_path / "a.png", {"r\udcff": ([], VALIDATIONS), "\x1b[31m": ([], VALIDATIONS)})
    assert [text.get_text() for text in saved[0].legends[0].get_texts()] == [r"r\udcff", r"\x1b[31m"]


# Attention


@pytest.mark.parametrize("words", [["dog"], [*LONG_WORDS, "<end>"]])
def test_the_words_of_a_caption_share_one_scale(rng, tmp_path, saved, words):
    alpha, beta = weights(rng, len(words), 16), np.full(len(words), 0.25)
    figures.attention_figure(tmp_path / "a.png", np.zeros((32, 32, 3), np.uint8), words, alpha, beta)
    (figure,) = saved
    maps = [axis.images[1] for axis in figure.axes if len(axis.images) == 2]
    assert len(maps) == len(words)
    assert {image.get_clim() for image in maps} == {(0, alpha.max())}
    (bar,) = color_bars(figure)
    assert bar.get_ylabel() == "attention weight alpha" and bar.get_ylim() == (0, alpha.max())
    panels = figure.axes[1 : 1 + len(words)]
    assert [axis.get_title() for axis in panels] == words
    expected = [f"beta 0.25, max {row.max():.2f}" for row in alpha]
    assert [axis.get_xlabel() for axis in panels] == expected
    assert "Attention" in figure.get_suptitle()
    assert_all_texts_are_inside(figure)
    widths = [axis.title.get_window_extent().width for axis in panels]
    assert max(widths) < figure.bbox.width / min(6, len(words) + 1)


def test_the_panels_of_a_row_share_one_scale(rng, tmp_path, saved):
    image, long_caption, short_caption = np.zeros((32, 32, 3), np.uint8), LONG_WORDS[:6], ["dog"]
    entries = [
        (image, "best: CIDEr-D 103", words, weights(rng, len(words), 16)) for words in (long_caption, short_caption)
    ]
    figures.attention_rows_figure(tmp_path / "a.png", entries)
    (figure,) = saved
    ranges = [axis.images[1].get_clim() for axis in figure.axes if len(axis.images) == 2]
    assert ranges == [(0, entries[0][3].max())] * 6 + [(0, entries[1][3].max())]
    bars = color_bars(figure)
    assert [bar.get_ylim()[1] for bar in bars] == [alpha.max() for *_, alpha in entries]
    assert {bar.get_ylabel() for bar in bars} == {"attention weight alpha"}
    assert_all_texts_are_inside(figure)


def test_rows_of_an_alignment_are_queries_and_columns_are_keys(tmp_path, saved):
    """Check the matrix of three source words and two target words."""
    alpha = np.array([[0.1, 0.2, 0.7], [0.6, 0.1, 0.3]])
    figures.alignment_figure(tmp_path / "a.png", ["red", "house", "<end>"], ["casa", "rossa"], alpha)
    (figure,) = saved
    axis = figure.axes[0]
    np.testing.assert_array_equal(axis.images[0].get_array(), alpha)
    assert [label.get_text() for label in axis.get_xticklabels()] == ["red", "house", "<end>"]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["casa", "rossa"]
    assert axis.get_xlabel().startswith("keys: ") and figure.get_supylabel().startswith("queries: ")
    assert axis.images[0].get_clim() == (0, 1)
    assert [bar.get_ylabel() for bar in color_bars(figure)] == ["attention weight alpha"]
    assert_all_texts_are_inside(figure)
    with Image.open(tmp_path / "a.png") as image:
        assert min(image.size) > 100


@pytest.mark.parametrize(("source", "words"), [(["<end>"], ["casa"]), ([*LONG_WORDS, "<end>"], LONG_WORDS)])
def test_alignments_of_any_length_are_not_clipped(rng, tmp_path, saved, source, words):
    figures.alignment_figure(tmp_path / "a.png", source, words, weights(rng, len(words), len(source)))
    assert_all_texts_are_inside(saved[0])


# Fonts


@pytest.fixture
def installed_fonts(monkeypatch):
    """Leave the default font alone installed, and return the list of fonts."""
    installed = [entry for entry in fontManager.ttflist if entry.name == "DejaVu Sans"]
    monkeypatch.setattr(fontManager, "ttflist", installed)
    caches = (fonts._fallbacks, fonts._coverage, fonts._note)
    for cache in caches:
        cache.cache_clear()
    yield installed
    for cache in caches:
        cache.cache_clear()


def write_font(path, characters):
    """Write a font in which every character is a square."""
    pen = TTGlyphPen(None)
    for k, point in enumerate([(0, 0), (0, 900), (900, 900), (900, 0)]):
        (pen.lineTo if k else pen.moveTo)(point)
    pen.closePath()
    square, names = pen.glyph(), [".notdef", *(f"u{ord(character):X}" for character in characters)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap(dict(zip(map(ord, characters), names[1:], strict=True)))
    builder.setupGlyf(dict.fromkeys(names, square))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": "Tiny Han", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)


def draw_all_with_words(folder, words):
    """Draw the figures that show words of captions, with every warning an error."""
    image, alpha = np.zeros((16, 16, 3), np.uint8), np.full((len(words), 4), 0.25)
    points = np.arange(2.0 * len(words)).reshape(-1, 2) ** 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figures.attention_figure(folder / "a.png", image, words, alpha, np.ones(len(words)))
        figures.attention_rows_figure(folder / "b.png", [(image, "best", words, alpha)])
        figures.alignment_figure(folder / "c.png", [*words, "<end>"], words, np.full((len(words), len(words) + 1), 0.1))
        figures.sheet_figure(folder / "d.png", [(image, "best", [f"model: {' '.join(words)}"])])
        figures.words_figure(folder / "e.png", words, points, (0.7, 0.2))


def test_missing_characters_are_named_once_without_a_warning(tmp_path, installed_fonts, capsys):
    draw_all_with_words(tmp_path, ["dog", "狗", "草地"])
    err = capsys.readouterr().err
    assert err.startswith("note: no installed font has the characters 地 狗 草: figures show boxes instead. Install")
    assert err.count("\n") == 1


def test_an_installed_font_that_has_the_characters_is_chosen(tmp_path, installed_fonts, saved, capsys):
    write_font(tmp_path / "tiny.ttf", "狗草地")
    fontManager.addfont(tmp_path / "tiny.ttf")
    draw_all_with_words(tmp_path, ["dog", "狗", "草地"])
    assert capsys.readouterr().err == ""
    for figure in saved:
        texts = figure.findobj(lambda artist: isinstance(artist, Text) and "狗" in artist.get_text())
        assert texts and all("Tiny Han" in text.get_fontfamily() for text in texts)
        assert_all_texts_are_inside(figure)


def test_ordinary_words_keep_the_default_font(tmp_path, installed_fonts, saved, capsys):
    draw_all_with_words(tmp_path, ["dog", "café"])
    assert capsys.readouterr().err == ""
    families = {tuple(text.get_fontfamily()) for figure in saved for text in figure.findobj(Text)}
    assert len(families) == 1


# Curves


def test_curves_name_quantities_and_units(tmp_path, saved):
    train = [{"step": 10, "loss": 3.0}, {"step": 20, "loss": 2.0}]
    figures.curves_figure(tmp_path / "a.png", train, VALIDATIONS)
    figures.runs_figure(tmp_path / "b.png", {"a": (train, VALIDATIONS), 100 * "long": (train, VALIDATIONS)})
    curves, runs = saved
    assert [axis.get_ylabel() for axis in curves.axes] == [LOSS, "BLEU (%)", "CIDEr-D (%)"]
    assert [axis.get_ylabel() for axis in runs.axes] == [LOSS, "BLEU-4 (%)"]
    for figure in saved:
        assert {axis.get_xlabel() for axis in figure.axes} == {"training step"}
        assert all(axis.get_title() for axis in figure.axes)
    assert_all_texts_are_inside(curves)


def test_long_names_of_runs_are_not_clipped(tmp_path, saved):
    name = "/a/long/path/" + 8 * "to/the/run/"
    figures.runs_figure(tmp_path / "a.png", {name: ([], VALIDATIONS), "b": ([], VALIDATIONS)})
    assert_all_texts_are_inside(saved[0])


def test_the_training_curve_is_the_loss_of_reference_captions(tmp_path, saved):
    """Check that self-critical steps are left out. Their loss, of sampled captions, has another scale."""
    references = [{"step": 10, "loss": 3.0}, {"step": 20, "loss": 2.0}]
    train = [*references, {"step": 30, "loss": 0.1, "sampled": 8.0, "greedy": 9.0}]
    figures.curves_figure(tmp_path / "a.png", train, VALIDATIONS)
    figures.runs_figure(tmp_path / "b.png", {"a": (train, VALIDATIONS)})
    assert [figure.axes[0].lines[0].get_xydata().tolist() for figure in saved] == [[[10, 3], [20, 2]]] * 2


def test_without_reference_captions_there_is_no_training_curve(tmp_path, saved):
    figures.curves_figure(tmp_path / "a.png", [{"step": 30, "loss": 0.1, "sampled": 8.0, "greedy": 9.0}], VALIDATIONS)
    loss_panel, _, cider_panel = saved[0].axes
    assert [text.get_text() for text in loss_panel.get_legend().get_texts()] == ["validation set"]
    names = [text.get_text() for text in cider_panel.get_legend().get_texts()]
    assert names == ["training batches (self-critical)", "validation set"]


def test_comparisons_and_variances_have_titles_and_labels(tmp_path, saved):
    figures.compared_figure(tmp_path / "a.png", {"adam": {"a": [1, 2], "b": [1, 3]}}, "training step", LOSS)
    figures.variance_figure(tmp_path / "b.png", [0, 20], {"no baseline": [3, 2]})
    compared, variance = (figure.axes[0] for figure in saved)
    assert (compared.get_title(), compared.get_xlabel(), compared.get_ylabel()) == ("adam", "training step", LOSS)
    assert variance.get_title() and variance.get_xlabel() == "training step" and "nats²" in variance.get_ylabel()


# Images and arrays


def test_captions_with_dollars_are_not_mathematics(tmp_path):
    image = np.zeros((4, 4, 3), np.uint8)
    figures.sheet_figure(tmp_path / "sheet.png", [(image, "best: a$_$.jpg", ["a $_$ smile", "100% $5 # $6"])])
    assert (tmp_path / "sheet.png").exists()


def test_long_captions_of_a_sheet_are_not_clipped(tmp_path, saved):
    entry = (np.zeros((8, 8, 3), np.uint8), "middle: 0123456789_0123456789.jpg", [f"model: {' '.join(LONG_WORDS)}"])
    figures.sheet_figure(tmp_path / "sheet.png", [entry] * 3)
    assert saved[0].get_suptitle()
    assert_all_texts_are_inside(saved[0])


@pytest.mark.slow
@pytest.mark.parametrize("filters", [1, 10])
def test_filters_share_one_scale(rng, tmp_path, saved, filters):
    W = rng.standard_normal((3, 3, 3, filters))
    W[0, 0, 0, 0] = -10
    figures.filters_figure(tmp_path / "a.png", W)
    (figure,) = saved
    pixels = np.stack([axis.images[0].get_array() for axis in figure.axes if axis.images], axis=-1)
    np.testing.assert_allclose(pixels, 0.5 + W / 20, atol=1e-6)
    (bar,) = color_bars(figure)
    assert bar.get_xlim() == (-10, 10) and bar.get_xlabel() == "weight of each color channel"
    assert figure.axes[0].get_xlabel() == "max 10.00" and figure.get_suptitle()
    assert_all_texts_are_inside(figure)


@pytest.mark.slow
def test_pairs_have_labelled_scales(rng, tmp_path, saved):
    pairs = {"dx": rng.standard_normal((2, 5, 7)), "db": rng.standard_normal((2, 3))}
    figures.pairs_figure(
        tmp_path / "a.png", {"dx": (pairs["dx"], -pairs["dx"]), "db": (pairs["db"], np.ones(3))}, "Pairs"
    )
    (figure,) = saved
    names = [bar.get_ylabel() for bar in color_bars(figure)]
    assert names == ["value", "value", "difference", "value", "value"]
    yours, right = figure.axes[:2]
    assert yours.images[0].get_clim() == right.images[0].get_clim()
    assert yours.get_xlabel() == "last axis" and yours.get_ylabel() == "other axes, flattened"
    assert_all_texts_are_inside(figure)


@pytest.mark.slow
def test_small_pairs_show_numbers_axes_and_gates(rng, tmp_path, saved):
    dW, dkeys = np.zeros((2, 8)), rng.standard_normal((2, 3, 4))
    dW[0, 7], dkeys[0, 0, 0] = 3, np.nan
    axes = {"dW": ("I", "4S"), "dkeys": ("N", "L", "A")}
    figures.pairs_figure(tmp_path / "a.png", {"dW": (dW, 2 * dW), "dkeys": (dkeys, dkeys)}, "Small", axes)
    (figure,) = saved
    yours = figure.axes[0]
    texts = [text.get_text() for text in yours.texts]
    assert texts[:4] == list("ifog") and texts[4:] == ["0.00"] * 7 + ["3.00"] + ["0.00"] * 8
    assert yours.get_xlabel() == "4S" and yours.get_ylabel() == "I" and len(yours.lines) == 6
    keys = figure.axes[3]
    assert keys.get_xlabel() == "A" and keys.get_ylabel() == "N, L" and keys.texts[0].get_text() == "nan"
    assert [label.get_text() for label in keys.get_yticklabels()] == ["0, 0", "0, 1", "0, 2", "1, 0", "1, 1", "1, 2"]
    assert_all_texts_are_inside(figure)
    assert figure.get_suptitle() == "Small"


def test_numbers_of_pairs_do_not_touch(tmp_path, saved):
    db = -0.0123 * np.arange(1, 9)
    figures.pairs_figure(tmp_path / "a.png", {"db": (db, 2 * db)}, "Pairs")
    boxes = [text.get_window_extent() for text in saved[0].axes[0].texts]
    assert len(boxes) == 8 and all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))


def test_whole_numbers_of_pairs_have_no_decimals(tmp_path, saved):
    figures.pairs_figure(tmp_path / "a.png", {"s": (np.array([0, 2, 1]), np.array([0, 1, 1]))}, "Pairs")
    (figure,) = saved
    assert [text.get_text() for text in figure.axes[0].texts] == ["0", "2", "1"]
    ticks = [tick for bar in color_bars(figure) for tick in bar.get_yticks()]
    assert ticks and all(tick == int(tick) for tick in ticks)


# The map of words


def test_labels_of_the_map_hide_neither_each_other_nor_points(rng, tmp_path, saved):
    """Check the labels of thirty words, most of them in one spot."""
    points = 0.02 * rng.standard_normal((30, 2))
    points[0] = 1, 1
    figures.words_figure(tmp_path / "map.png", LABELS, points, (0.7, 0.2))
    (figure,) = saved
    (axis,) = figure.axes
    assert isinstance(figure, Figure) and [text.get_text() for text in axis.texts] == LABELS
    boxes = [Text.get_window_extent(text) for text in axis.texts]  # that of an Annotation includes its line
    assert not any(first.overlaps(second) for first, second in itertools.combinations(boxes, 2))
    places = axis.transData.transform(points)
    assert not any(box.contains(*place) for box in boxes for place in places)
    frame = axis.get_window_extent()
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 for box in boxes)
    np.testing.assert_allclose(axis.collections[0].get_offsets(), points)
    assert "axis 1 (70%" in axis.get_xlabel() and "axis 2 (20%" in axis.get_ylabel() and axis.get_title()
    with Image.open(tmp_path / "map.png") as image:
        assert image.size == (900, 900)


def test_labels_of_a_plane_hide_neither_each_other_nor_points(tmp_path, saved):
    """Check the labels of points that nearly coincide, and that the legend lies outside the axes."""
    places = [(30, 70), (30.1, 70.2), (30, 69.9), (62, 49), (62.2, 48.8)]
    shares = [[bootstrap.Share(value, value - 2, value + 2) for value in place] for place in places]
    groups = {"first": [("beam 3", *shares[0]), ("T = 1", *shares[3])]}
    groups |= {"second": [("beam 3", *shares[1]), ("T = 1", *shares[4])], "third": [("", *shares[2])]}
    figures.plane_figure(tmp_path / "plane.png", groups, "x (%)", "y (%)", "title")
    (figure,) = saved
    (axis,), (legend,) = figure.axes, figure.legends
    assert [text.get_text() for text in axis.texts] == ["beam 3", "T = 1", "beam 3", "T = 1"]
    boxes = [Text.get_window_extent(text) for text in axis.texts]
    assert not any(first.overlaps(second) for first, second in itertools.combinations(boxes, 2))
    assert not any(box.contains(*place) for box in boxes for place in axis.transData.transform(places))
    assert not legend.get_window_extent().overlaps(axis.get_window_extent())
    assert [text.get_text() for text in legend.get_texts()] == list(groups)


@pytest.mark.slow
def test_the_map_is_the_same_every_time(rng, tmp_path):
    points = rng.standard_normal((30, 2))
    for name in "ab":
        figures.words_figure(tmp_path / name, LABELS, points, (0.7, 0.2))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
