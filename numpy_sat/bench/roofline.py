"""The roofline of the convolutions: how fast each rung is, under what memory and arithmetic allow."""

from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from numpy_sat.bench.works import LADDER
from numpy_sat.system.errors import writing

YOURS = "yours"  # exercise 8's loops
MARKERS = dict(zip((*LADDER, "kernel", "torch", YOURS), "v^<>sDo*PHX", strict=True))
LOOPS = "nested loops"  # so slow that the others would be one blot beside them: at the lower edge, its speed in words


def roofline_figure(path, results, peak, bandwidth):
    """Write a PNG, a panel for each pass. results: report.Result of group conv; peak: GFLOP/s; bandwidth: GB/s.

    A layer stands at its direct definition's operations a byte, and a rung's operations are the definition's too:
    Winograd, which does fewer, may stand above the roof.
    """
    passes = list(dict.fromkeys(result.work.pass_ for result in results))
    colours = {name: f"C{k}" for k, name in enumerate(dict.fromkeys(result.work.name for result in results))}
    figure = Figure(figsize=(4.5 + 3.2 * len(passes), 7), layout="constrained")
    panels = figure.subplots(1, len(passes), sharex=True, sharey=True, squeeze=False)[0]
    for axes, pass_ in zip(panels, passes, strict=True):
        _roof(axes, peak, bandwidth, [result.work.flops / result.work.bytes for result in results])
        for work, rung, ms, _, torch_ms in results:
            if work.pass_ == pass_:
                _point(axes, work, rung, ms, colours[work.name])
            if work.pass_ == pass_ and torch_ms:
                _point(axes, work, "torch", torch_ms, colours[work.name])
        axes.set(xscale="log", yscale="log", title=pass_, xlabel="operations a byte of x, W and y")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.grid(alpha=0.3)
    panels[0].set_ylabel(f"GFLOP/s of the definition; the roof: {peak:.0f} GFLOP/s, {bandwidth:.0f} GB/s")
    figure.legend(handles=_legend(results, colours), loc="outside right upper", frameon=False)
    aside = Path(f"{path}.part")
    with writing(path, aside):
        figure.savefig(aside, format="png", dpi=100)
        aside.replace(path)


def _roof(axes, peak, bandwidth, places):
    corner = peak / bandwidth
    xs = [min(*places, corner) / 1.5, corner, max(*places, corner) * 1.5]
    axes.plot(xs, [min(peak, bandwidth * x) for x in xs], color="black", lw=1.2, zorder=0)


def _point(axes, work, rung, ms, colour):
    place = work.flops / work.bytes
    if rung == LOOPS:
        axes.plot(place, 0.015, transform=axes.get_xaxis_transform(), color=colour, **_shape(rung))
    else:
        axes.plot(place, work.flops / ms / 1e6, color=colour, **_shape(rung))


def _shape(rung):
    size, fill = (14, "none") if rung in ("torch", YOURS) else (8, "full")
    return dict(marker=MARKERS[rung], markersize=size, fillstyle=fill, linestyle="")


def _legend(results, colours):
    """Lines that say which rung a marker's shape is and which layer its colour."""
    speeds = [result.work.flops / result.ms / 1e6 for result in results if result.rung == LOOPS]
    labels = {
        rung: rung for rung in MARKERS if any(rung == r.rung or (rung == "torch" and r.torch_ms) for r in results)
    }
    if speeds:
        labels[LOOPS] += f", below: {min(speeds):.1g} GFLOP/s"
    rungs = [Line2D([], [], color="black", label=label, **_shape(rung)) for rung, label in labels.items()]
    return rungs + [Line2D([], [], color=colour, lw=5, label=layer) for layer, colour in colours.items()]
