"""The figure of the chapter about measuring a gradient."""

import numpy as np
from matplotlib.figure import Figure

from exercises.chapters.figures import _drawing as drawing


def difference_quotients():
    """Draw secants of x^4 at 1 (left), and the errors of both difference quotients over the step (right)."""
    figure = Figure(figsize=(8.4, 3.3), layout="constrained")
    axes = figure.subplots(1, 2)
    _draw_secants(axes[0], step=0.6)
    _draw_errors(axes[1])
    return figure


def _draw_secants(axis, step):
    x = np.linspace(0.2, 1.75, 100)
    axis.plot(x, x**4, color=drawing.INK)
    axis.plot(x, 1 + 4 * (x - 1), color=drawing.GRAY, linestyle="--", label="tangent, slope 4")
    for start, color, name in ((1, drawing.ORANGE, "forward"), (1 - step, drawing.BLUE, "central")):
        ends = np.array([start, 1 + step])
        slope = np.diff(ends**4)[0] / np.diff(ends)[0]
        axis.plot(ends, ends**4, "o-", color=color, label=f"{name}, slope {slope:.2f}")
    axis.set(title=f"Secants of x⁴ at x = 1, step {step}", xlabel="x", ylabel="f(x) = x⁴", ylim=(-2, 9))
    axis.legend(fontsize=8, loc="upper left")


def _draw_errors(axis):
    steps = np.logspace(-12, 0, 100)
    forward = ((1 + steps) ** 4 - 1) / steps
    central = ((1 + steps) ** 4 - (1 - steps) ** 4) / (2 * steps)
    for slope, color, name in ((forward, drawing.ORANGE, "forward"), (central, drawing.BLUE, "central")):
        axis.loglog(steps, np.abs(slope - 4), ".", color=color, markersize=4, label=name)
    axis.axvline(1e-5, color=drawing.GRAY, linestyle=":")
    axis.text(1.4e-5, 1, "the library's step", fontsize=8, color=drawing.GRAY)
    axis.set(title="Error of the slope", xlabel="step d", ylabel="|measured slope - 4|")
    axis.legend(fontsize=8, loc="lower right")
