"""Figures of values over training steps: losses and scores of runs, comparisons, the variance of gradients."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from numpy_sat.evaluation.figures import canvas

STEP = "training step"
LOSS = "negative log-likelihood per word (nats)"


def runs_figure(path: Path, runs: dict[str, tuple[list[dict], list[dict]]]) -> None:
    """Write a PNG with the losses and the BLEU-4 of several runs in two panels.

    Args:
        path: of the PNG.
        runs: {name: (train, validations)}, log entries as in curves_figure.
    Raises:
        InputError: the file cannot be written.
    """
    longest = max(map(len, runs))
    columns = 2 if longest < 60 else 1
    figure = Figure(figsize=(10, 4.2 + 0.2 * -(-len(runs) // columns)), layout="constrained")
    loss_panel, bleu_panel = figure.subplots(1, 2)
    for k, (name, (train, validations)) in enumerate(runs.items()):
        color = f"C{k % 10}"
        steps, losses = _reference_losses(train)
        loss_panel.plot(steps, losses, lw=0.5, alpha=0.4, color=color)
        _plot(loss_panel, validations, lambda entry: entry["loss"], marker=".", color=color, label=name)
        _plot(bleu_panel, validations, lambda entry: entry["bleu"][3], marker=".", color=color)
    if not any(validations for _, validations in runs.values()):
        text = "no validation yet: the first one follows the first epoch"
        bleu_panel.text(0.5, 0.5, text, ha="center", va="center", transform=bleu_panel.transAxes)
        bleu_panel.set(xticks=[], yticks=[])
    loss_panel.set(xlabel=STEP, ylabel=LOSS)
    loss_panel.set_title("Loss (thin line: training batches; dots: validation set)", fontsize=10)
    bleu_panel.set(xlabel=STEP, ylabel="BLEU-4 (%)", ylim=(0, None))
    bleu_panel.set_title("BLEU-4 of the validation set, greedy decoding", fontsize=10)
    for axis in (loss_panel, bleu_panel):
        axis.grid(alpha=0.3)
    size = canvas.fit_size("x" * longest, 9.2 / columns, 10)
    figure.legend(loc="outside upper center", ncols=columns, frameon=False, fontsize=size)
    canvas.save(figure, path)


def curves_figure(path: Path, train: list[dict], validations: list[dict]) -> None:
    """Write a PNG with the curves of one run: loss, BLEU and CIDEr-D.

    Args:
        path: of the PNG.
        train: log entries with "step" and "loss"; those of sampled captions also have "sampled", those of
            self-critical steps "greedy".
        validations: log entries with "step", "loss", "bleu" (four percentages) and "cider".
    Raises:
        InputError: the file cannot be written.
    """
    figure = Figure(figsize=(13, 4), layout="constrained")
    loss_panel, bleu_panel, cider_panel = figure.subplots(1, 3)
    steps, losses = _reference_losses(train)
    if steps:
        loss_panel.plot(steps, losses, lw=0.8, label="training batches")
    validation = {"marker": ".", "color": "C1", "label": "validation set"}
    _plot(loss_panel, validations, lambda entry: entry["loss"], **validation)
    loss_panel.set(ylabel=LOSS)
    for n in range(4):
        _plot(bleu_panel, validations, lambda entry, n=n: entry["bleu"][n], marker=".", label=f"BLEU-{n + 1}")
    bleu_panel.set(ylabel="BLEU (%)")
    if self_critical := [entry for entry in train if "greedy" in entry]:
        label = "training batches (self-critical)"
        _plot(cider_panel, self_critical, lambda entry: entry["greedy"], lw=0.8, label=label)
    _plot(cider_panel, validations, lambda entry: entry["cider"], **validation)
    cider_panel.set(ylabel="CIDEr-D (%)")
    titles = "Loss", "BLEU of the validation set, greedy decoding", "CIDEr-D, greedy decoding"
    for axis, title in zip((loss_panel, bleu_panel, cider_panel), titles, strict=True):
        axis.set(xlabel=STEP, ylim=(0, None))
        axis.set_title(title, fontsize=11, pad=24)
        options = {"frameon": False, "fontsize": 9, "columnspacing": 1, "handlelength": 1.5}
        axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=4, **options)  # outside, clear of the curves
        axis.grid(alpha=0.3)
    canvas.save(figure, path)


def compared_figure(path: Path, curves: dict[str, dict[str, Sequence[float]]], xlabel: str, ylabel: str) -> None:
    """Write a PNG with one panel per title, each with several curves.

    Args:
        path: of the PNG.
        curves: {title: {label: values}}, one value per step. The first curve is wide and lies under the others.
        xlabel, ylabel: names of the axes with their units.
    Raises:
        InputError: the file cannot be written.
    """
    figure = Figure(figsize=(max(6, 4.5 * len(curves)), 4), layout="constrained")
    panels = figure.subplots(1, len(curves), squeeze=False)[0]
    for axis, (title, values_by_label) in zip(panels, curves.items(), strict=True):
        for k, (label, values) in enumerate(values_by_label.items()):
            axis.plot(range(1, len(values) + 1), values, lw=1.2 if k else 5, alpha=1 if k else 0.35, label=label)
        axis.set(xlabel=xlabel, ylabel=ylabel, ylim=(0, None))
        axis.set_title(title, fontsize=canvas.fit_size(title, 4, 11))
        axis.legend(frameon=False)
        axis.grid(alpha=0.3)
    canvas.save(figure, path)


def variance_figure(path: Path, steps: Sequence[int], variances: dict[str, Sequence[float]]) -> None:
    """Write a PNG with the variance of a gradient over the training steps.

    Args:
        path: of the PNG.
        steps: (n,) training steps.
        variances: {label: (n,) values}.
    Raises:
        InputError: the file cannot be written.
    """
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axis = figure.subplots()
    for label, values in variances.items():
        axis.plot(steps, values, marker=".", label=label)
    axis.set(
        xlabel=STEP, ylabel="variance of one caption's gradient\n(nats², summed over all parameters)", yscale="log"
    )
    axis.set_title("Variance of REINFORCE's gradient, by baseline")
    axis.legend(frameon=False)
    axis.grid(alpha=0.3, which="both")
    canvas.save(figure, path)


def _plot(axis, entries, value, **options):
    """Plot a value of log entries over their steps. value: function of an entry; options: of Axes.plot."""
    axis.plot([entry["step"] for entry in entries], [value(entry) for entry in entries], **options)


def _reference_losses(train):
    """Return steps and losses of the log entries with the loss of reference captions.

    The loss of sampled captions is on another scale.
    """
    entries = [entry for entry in train if "sampled" not in entry]
    return [entry["step"] for entry in entries], [entry["loss"] for entry in entries]
