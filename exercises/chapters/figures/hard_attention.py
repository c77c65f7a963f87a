"""The figure of the chapter about hard attention."""

import numpy as np
from matplotlib.figure import Figure

from exercises.chapters.figures import _drawing as drawing

ALPHA, REWARD = np.array([0.2, 0.5, 0.3]), np.array([-3.0, -1.0, -2.0])  # of one word and three locations
BASELINES = {0.0: drawing.RED, float(ALPHA @ REWARD): drawing.BLUE}


def hard_attention():
    """Draw the variance of the estimate over the baseline (left), and running means of estimates (right)."""
    figure = Figure(figsize=(8.4, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_variance(left)
    _draw_running_means(right, samples=2000)
    return figure


def _estimates(b):
    """Return the estimate of the scores' gradient for each sampled location, (3, 3)."""
    return (REWARD - b)[:, None] * (np.eye(3) - ALPHA)


def _variance(b):
    """Return the variance of the estimate, summed over the three scores."""
    return ALPHA @ (_estimates(b) - ALPHA @ _estimates(b)) ** 2 @ np.ones(3)


def _draw_variance(axis):
    baselines = np.linspace(-4, 1, 101)
    axis.plot(baselines, [_variance(b) for b in baselines], color=drawing.INK)
    for b, color in BASELINES.items():
        axis.plot(b, _variance(b), "o", color=color, label=f"b = {b:.1f}: variance {_variance(b):.2f}")
    axis.set(title="Variance of one estimate", xlabel="baseline b", ylim=(0, None))
    axis.legend(fontsize=9, loc="upper center")


def _draw_running_means(axis, samples):
    """Draw the mean of the first n estimates over n, and one standard deviation around the exact gradient."""
    rng, n = np.random.default_rng(1), np.arange(samples) + 1
    s = rng.choice(3, samples, p=ALPHA)
    exact = ALPHA[0] * (REWARD[0] - ALPHA @ REWARD)
    for b, color in BASELINES.items():
        estimates = _estimates(b)[:, 0]
        deviation = np.sqrt(ALPHA @ (estimates - exact) ** 2 / n)  # standard deviation of the mean
        axis.fill_between(n, exact - deviation, exact + deviation, color=color, alpha=0.15, linewidth=0)
        axis.semilogx(n, estimates[s].cumsum() / n, color=color, label=f"b = {b:.1f}")
    axis.axhline(exact, color=drawing.INK, linestyle="--", linewidth=1, label=f"exact: {exact:.2f}")
    axis.set(title="Gradient of the first score: mean over samples", xlabel="number of samples", ylim=(-1.3, 0.9))
    axis.legend(fontsize=9, loc="upper right")
