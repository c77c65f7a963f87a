"""Draw the cost of a caption against each size of the decoder, and the cost of an image against its side."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator

from numpy_sat.bench.report import Result
from numpy_sat.system.files import replacing

AXES = {
    "L": "L, locations",
    "T": "T, words of a caption",
    "V": "V, words of the vocabulary",
    "N": "N, images of a batch",
    "side": "side of an image in pixels",
}


def draw(path: str | Path, results: Sequence[Result]) -> None:
    """Write a PNG with one panel for each size. Both axes are logarithmic.

    Args:
        path: the PNG file.
        results: the results of group "size".
    Raises:
        InputError: the file cannot be written.
    """
    points = {}  # {size: [(its value, ours, torch's) in ms per caption or image]}
    for work, _, ms, _, torch_ms, _ in results:
        size, value = work.name.split(" = ")
        points.setdefault(size, []).append((int(value), ms / work.items, torch_ms and torch_ms / work.items))
    figure = Figure(figsize=(3.2 * len(points), 3.2), layout="constrained")
    for axes, (size, rows) in zip(figure.subplots(1, len(points), squeeze=False)[0], points.items(), strict=True):
        values, ours, torch = zip(*rows, strict=True)
        axes.plot(values, ours, "o-", label="numpy_sat")
        if all(torch):
            axes.plot(values, torch, "s--", label="torch")
        axes.set(xscale="log", yscale="log", xlabel=AXES[size])
        axes.set_ylabel("ms per image" if size == "side" else "ms per caption")
        axes.set_title("encoder" if size == "side" else "decoder")
        axes.set_xticks(values, [f"{value:,}" for value in values])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    with replacing(path) as temporary_path:
        figure.savefig(temporary_path, format="png", dpi=100)
