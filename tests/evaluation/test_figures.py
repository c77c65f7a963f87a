"""The map of words."""

import itertools

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from numpy_sat.evaluation import figures

LETTERS = [f"word{number}" for number in range(30)]


def test_labels_of_the_map_hide_neither_each_other_nor_points(rng, tmp_path, monkeypatch):
    """Thirty words, most of them in one spot."""
    drawn, write = [], figures._save
    monkeypatch.setattr(figures, "_save", lambda figure, path: (drawn.append(figure), write(figure, path)))
    points = 0.02 * rng.standard_normal((30, 2))
    points[0] = 1, 1
    figures.words_figure(tmp_path / "map.png", LETTERS, points, (0.7, 0.2))
    (figure,) = drawn
    (axis,) = figure.axes
    assert isinstance(figure, Figure) and [text.get_text() for text in axis.texts] == LETTERS
    boxes = [Text.get_window_extent(text) for text in axis.texts]  # an Annotation's own would be with its line
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    places = axis.transData.transform(points)
    assert not any(box.contains(*place) for box in boxes for place in places)
    frame = axis.get_window_extent()
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 for box in boxes)
    np.testing.assert_allclose(axis.collections[0].get_offsets(), points)
    assert "70%" in axis.get_xlabel() and "20%" in axis.get_ylabel()
    with Image.open(tmp_path / "map.png") as image:
        assert image.size == (900, 900)


def test_the_map_is_the_same_every_time(rng, tmp_path):
    points = rng.standard_normal((30, 2))
    for name in "ab":
        figures.words_figure(tmp_path / name, LETTERS, points, (0.7, 0.2))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
