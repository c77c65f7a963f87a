"""The figures of the chapter about convolution."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from exercises.chapters.figures import _drawing as drawing
from numpy_sat.data.scenes import scenes
from numpy_sat.evaluation.figures import canvas
from numpy_sat.layers import conv

FILTERS = {
    "vertical edges": np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=float),
    "horizontal edges": np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]], dtype=float),
}
COLORS = (drawing.BLUE, drawing.ORANGE, drawing.GREEN, drawing.RED)


def filters_on_a_scene():
    """Draw a scene beside the responses of two filters to its mean over the color channels."""
    image = np.asarray(scenes.sample(0, 15).image, dtype=float) / 255
    figure, axes = canvas.bare_panels(1, 3, 2.6, 2.7)
    axes[0].imshow(image)
    axes[0].set_title("image", fontsize=10)
    x = image.mean(axis=-1)[None, :, :, None]
    for axis, (name, weights) in zip(axes[1:], FILTERS.items(), strict=True):
        response, _ = conv.conv_forward(x, weights[:, :, None, None], np.zeros(1))
        axis.imshow(response[0, :, :, 0], cmap="RdBu_r", vmin=-1.5, vmax=1.5)
        rows = "\n".join(" ".join(f"{value:3g}" for value in row) for row in weights)
        axis.set_title(name, fontsize=10)
        axis.set_xlabel(rows, family="monospace", fontsize=9)
    return figure


def convolution_windows():
    """Draw the four windows that cover the middle cell of a 3 x 3 image, and the four products in its gradient."""
    figure = Figure(figsize=(8.4, 2.6))
    x_axis, filter_axis, dy_axis, sum_axis = figure.subplots(1, 4, width_ratios=(3, 2, 2, 3.4))
    figure.subplots_adjust(left=0.02, right=0.98, top=0.88, bottom=0.03, wspace=0.25)
    names = [[f"x{i}{j}" for j in range(3)] for i in range(3)]
    middle = np.full((3, 3), "white", dtype=object)
    middle[1, 1] = "#fff2b3"
    drawing.draw_cells(x_axis, np.zeros((3, 3)), "x, with the four windows", middle, names)
    for k, (i, j) in enumerate(np.ndindex(2, 2)):
        inset = 0.05 + 0.04 * k
        side = 2 - 2 * inset
        x_axis.add_patch(
            Rectangle((j + inset, 1 - i + inset), side, side, fill=False, edgecolor=COLORS[k], linewidth=2)
        )
    pale = np.array([drawing.PALE[color] for color in COLORS], dtype=object).reshape(2, 2)
    cells = [[f"W{p}{q}" for q in range(2)] for p in range(2)]
    drawing.draw_cells(filter_axis, np.zeros((2, 2)), "filter W", pale[::-1, ::-1], cells)
    drawing.draw_cells(dy_axis, np.zeros((2, 2)), "dy, one per window", pale, [["dy00", "dy01"], ["dy10", "dy11"]])
    sum_axis.axis("off")
    sum_axis.set(xlim=(0, 3), ylim=(0, 4))
    sum_axis.set_title("gradient of the middle cell", fontsize=11, color=drawing.INK)
    for k, (i, j) in enumerate(np.ndindex(2, 2)):
        text = f"{'dx11 = ' if k == 0 else '     + '}dy{i}{j} · W{1 - i}{1 - j}"
        sum_axis.text(0.1, 3.4 - k, text, color=COLORS[k], fontsize=12, family="monospace", weight="bold")
    return figure
