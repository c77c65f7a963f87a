"""The figures of the chapters: one module per chapter, one public function per figure.

A module has the name of its chapter, and modules whose names begin with an underscore hold shared code. A function
takes no arguments and returns a matplotlib Figure. Its file is exercises/chapters/images/FUNCTION.png. To draw all
files again, or only some of them:

    python -m exercises.chapters.figures
    python -m exercises.chapters.figures FUNCTION ...

Figures show numbers that the program computes, or images of drawn scenes. They never show photos.
"""

import inspect
import pkgutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from numpy_sat.evaluation.figures import canvas

COLORS = 256  # a palette makes the files about half as large
IMAGES = Path(__file__).parents[1] / "images"


def drawers() -> dict[str, Callable[[], Figure]]:
    """Return the functions that draw the figures, by name."""
    names = [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]
    modules = [import_module(f"{__name__}.{name}") for name in names]
    return {
        name: function
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }


def save(figure: Figure, path: Path) -> None:
    """Write a figure to a PNG file with a palette."""
    canvas.save(figure, path)
    Image.open(path, formats=["PNG"]).convert("RGB").quantize(
        COLORS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
    ).save(path, optimize=True)
