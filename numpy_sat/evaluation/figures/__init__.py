"""Figures of runs, captions, parameters and arrays, one module for each subject.

    attention.py   attention weights over an image, or over the words of a phrase
    curves.py      values over training steps
    images.py      contact sheets of captions, filters
    plane.py       captioners in the plane of diversity and accuracy
    regions.py     phrases and the regions of an image
    words.py       the map of words
    arrays.py      pairs of arrays beside each other
    fonts.py       fonts for characters that the default font lacks
    canvas.py      what all figures share: panels, color bars, titles, saving

Every figure has a title and names its axes with their units. Where colors mean numbers, a color bar gives the scale.
"""

import os

from numpy_sat.system import output

try:
    import matplotlib  # noqa: F401, the first import of it, which reads MPLBACKEND
except ValueError as error:
    backend = output.printable(os.environ.get("MPLBACKEND", "")[:40])
    raise SystemExit(f"MPLBACKEND={backend}: is no backend of matplotlib; unset it, or set it to agg.") from error

from numpy_sat.evaluation.figures.arrays import pairs_figure
from numpy_sat.evaluation.figures.attention import alignment_figure, attention_figure, attention_rows_figure
from numpy_sat.evaluation.figures.curves import compared_figure, curves_figure, runs_figure, variance_figure
from numpy_sat.evaluation.figures.images import filters_figure, sheet_figure
from numpy_sat.evaluation.figures.plane import plane_figure
from numpy_sat.evaluation.figures.regions import regions_figure
from numpy_sat.evaluation.figures.words import words_figure

__all__ = [
    "alignment_figure",
    "attention_figure",
    "attention_rows_figure",
    "compared_figure",
    "curves_figure",
    "filters_figure",
    "pairs_figure",
    "plane_figure",
    "regions_figure",
    "runs_figure",
    "sheet_figure",
    "variance_figure",
    "words_figure",
]
