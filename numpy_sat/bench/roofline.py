"""Draw the roofline of the convolutions: the speed of each rung, under the limits of memory and arithmetic."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from numpy_sat.bench.report import Result
from numpy_sat.bench.works import LADDER
from numpy_sat.system.files import replacing

YOURS = "yours"  # the learner's loops of exercise 8
MARKERS = dict(zip((*LADDER, "kernel", "torch", YOURS), "v^<>sDo*PHX", strict=True))
LOOPS = "nested loops"  # too slow for the scale: the marker is at the lower edge, and the legend states the speed


def roofline_figure(path: str | Path, results: Sequence[Result], peak: float, bandwidth: float) -> None:
    """Write a PNG with one panel for each pass.

    The operations of a layer and of all its rungs are those of the direct definition. Winograd needs fewer, so it may
    be above the roof.

    Args:
        path: the PNG file.
        results: the results of group conv.
        peak: the machine's limit in GFLOP/s.
        bandwidth: the memory's limit in GB/s.
    Raises:
        InputError: the file cannot be written.
    """
    passes = list(dict.fromkeys(result.work.pass_ for result in results))
    layer_colors = {name: f"C{k}" for k, name in enumerate(dict.fromkeys(result.work.name for result in results))}
    figure = Figure(figsize=(4.5 + 3.2 * len(passes), 7), layout="constrained")
    panels = figure.subplots(1, len(passes), sharex=True, sharey=True, squeeze=False)[0]
    for axes, pass_ in zip(panels, passes, strict=True):
        _roof(axes, peak, bandwidth, [result.work.flops / result.work.bytes for result in results])
        for work, rung, ms, _, torch_ms, _ in results:
            if work.pass_ == pass_:
                _point(axes, work, rung, ms, layer_colors[work.name])
            if work.pass_ == pass_ and torch_ms:
                _point(axes, work, "torch", torch_ms, layer_colors[work.name])
        axes.set(xscale="log", yscale="log", title=pass_, xlabel="operations per byte of x, W and y")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.grid(alpha=0.3)
    panels[0].set_ylabel(f"GFLOP/s of the definition; the roof: {peak:.0f} GFLOP/s, {bandwidth:.0f} GB/s")
    figure.legend(handles=_legend(results, layer_colors), loc="outside right upper", frameon=False)
    with replacing(path) as temporary_path:
        figure.savefig(temporary_path, format="png", dpi=100)


def _roof(axes, peak, bandwidth, intensities):
    """Draw the roof over the intensities of all layers."""
    corner = peak / bandwidth
    xs = [min(*intensities, corner) / 1.5, corner, max(*intensities, corner) * 1.5]
    axes.plot(xs, [min(peak, bandwidth * x) for x in xs], color="black", lw=1.2, zorder=0)


def _point(axes, work, rung, ms, color):
    """Draw the marker of a rung of a work."""
    intensity = work.flops / work.bytes
    if rung == LOOPS:
        axes.plot(intensity, 0.015, transform=axes.get_xaxis_transform(), color=color, **_shape(rung))
    else:
        axes.plot(intensity, work.flops / ms / 1e6, color=color, **_shape(rung))


def _shape(rung):
    """Return the marker options of a rung."""
    size, fill = (14, "none") if rung in ("torch", YOURS) else (8, "full")
    return dict(marker=MARKERS[rung], markersize=size, fillstyle=fill, linestyle="")


def _legend(results, layer_colors):
    """Return the legend's handles: the marker of each rung and the color of each layer."""
    speeds = [result.work.flops / result.ms / 1e6 for result in results if result.rung == LOOPS]
    labels = {
        rung: rung for rung in MARKERS if any(rung == r.rung or (rung == "torch" and r.torch_ms) for r in results)
    }
    if speeds:
        labels[LOOPS] += f", below: {min(speeds):.1g} GFLOP/s"
    rungs = [Line2D([], [], color="black", label=label, **_shape(rung)) for rung, label in labels.items()]
    return rungs + [Line2D([], [], color=color, lw=5, label=layer) for layer, color in layer_colors.items()]
