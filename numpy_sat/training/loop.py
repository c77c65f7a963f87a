"""The training loop: epochs of steps, each epoch followed by a validation."""

import argparse
import contextlib
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from numpy_sat import captioner
from numpy_sat.data import batches
from numpy_sat.experiment import runs
from numpy_sat.loss import Loss
from numpy_sat.pretrained import inputs
from numpy_sat.system import cli, closed_output, files, interrupt, lock, output, ranks
from numpy_sat.system import progress as progress_bar
from numpy_sat.system.workspace import Workspace
from numpy_sat.training import divergence, first_step, objectives, optimizers, shares, start, validation

SAVE_SECONDS = 60  # seconds between checkpoints
LOG_STEPS = 10  # steps between entries of the log
OUTPUT = "output.log"  # the file in the run's folder for what can no longer be printed


def train(args: argparse.Namespace) -> int:
    """Train a new or a resumed run to its end, or until Ctrl-C or another signal stops it.

    Args:
        args: what experiment.arguments.parse returned.
    Returns:
        The command's exit code: 0, or 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP.
    Raises:
        InputError: the run cannot be started or resumed, for example because another process trains it.
    """
    folder = ranks.current().from_first(args.out or start.free_folder(args))
    with owned(folder):
        return _train(args, folder)


@contextlib.contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Hold the folder's lock and keep the output inside. Only the first rank writes to the folder."""
    if not ranks.current().is_first:
        yield
        return
    with lock.folder_lock(folder), closed_output.kept(folder / OUTPUT):
        files.remove_parts(folder, "*")
        yield


def _train(args, folder):
    start_time = time.monotonic()
    run, data = start.resume_run(args) if args.resume else start.start_run(args, folder)
    shares.refuse_differences(run, data.train, data.dev)
    recipe, progress = run.recipe, run.progress
    steps = recipe.training.epochs * batches.batches_per_epoch(data.train, recipe.training.batch_size)
    output.show(f"{run.folder}: {steps:,} steps of {recipe.training.batch_size} images")
    bar = progress_bar.bar(total=steps, initial=progress.step, unit="step")
    with interrupt.Request() as stop, bar:
        while not is_finished(run) and not stop.code:
            _run_epoch(run, data.train, steps, bar, stop)
            if not stop.code:
                _save_last(run)  # a process that is killed during the validation can be resumed
                validation.validate(run, data)
                _agree(stop)
        if stop.code:
            _save_last(run)
    if stop.code:
        output.show(f"stopped at step {progress.step}; continue with: {_resume_command(run)}")
        return stop.code
    if progress.epoch < recipe.training.epochs:
        print(f"stopped early: dev CIDEr-D has not risen for {progress.epochs_since_best} epochs")
    if ranks.current().is_first:
        with ranks.alone():
            validation.write_page(run, data)
        _report(run, data.task, time.monotonic() - start_time)
    return 0


def _agree(stop):
    """Stop all ranks at the same step if one of them got a signal. stop: interrupt.Request."""
    (stop.code,) = ranks.current().largest(stop.code)


def is_finished(run: runs.Run) -> bool:
    """Return True when training is over: all epochs are done, or early stopping triggered.

    Early stopping never ends a run before its last objective has begun.
    """
    recipe, progress = run.recipe, run.progress
    stops_early = progress.epochs_since_best >= recipe.training.patience and objectives.is_last(recipe, progress.epoch)
    return progress.epoch >= recipe.training.epochs or stops_early


def train_step(
    run: runs.Run, batch: batches.Batch, objective: ModuleType, prepared: Any, steps: int, workspace: Workspace
) -> tuple[Loss, dict[str, float], float, float]:
    """Update run.params and run.optimizer once, in place.

    Args:
        run: runs.Run.
        batch: data.batches.Batch.
        objective: a module of training/objectives.
        prepared: what the objective's `prepare` returned.
        steps: number of steps of the whole run, for the learning-rate schedule.
        workspace: system.workspace.Workspace.
    Returns:
        loss: loss.Loss.
        scores: further scores of the objective, {name: percent}.
        norm: Euclidean norm of the gradient before clipping.
        rate: learning rate of the step.
    Raises:
        InputError: the loss or the gradient is no longer finite.
    """
    recipe, step = run.recipe, run.progress.step
    random = partial(shares.random_stream, run.settings["seed"], step, batch.share)
    with np.errstate(over="ignore", invalid="ignore"):  # the loss shows an overflow, which is reported below
        loss, grads, scores = shares.loss_and_grads(objective, run.params, batch, recipe, prepared, random, workspace)
        norm = optimizers.clip_by_norm(grads, recipe.training.clip_norm)
    if not np.isfinite(loss.total) or not np.isfinite(norm):
        raise divergence.error(run)
    rate = objectives.learning_rate(recipe, run.progress.epoch, step, steps)
    # The encoder may have its own learning rate, which shorten_step applies after the update.
    names = captioner.names_of_encoder(recipe) & grads.keys() if recipe.training.encoder_rate_factor != 1 else ()
    before = {name: run.params[name].copy() for name in names}
    if recipe.training.weight_decay:
        optimizers.decay_weights(run.params, grads, rate * recipe.training.weight_decay)
    update = getattr(optimizers, f"{recipe.training.optimizer}_update")
    update(run.params, grads, run.optimizer, rate)
    optimizers.shorten_step(run.params, before, recipe.training.encoder_rate_factor)
    if recipe.training.ema and objective.AVERAGES_WEIGHTS:
        optimizers.average_weights(run.params, run.optimizer, recipe.training.ema)
    return loss, scores, norm, rate


def _run_epoch(run, split, steps, bar, stop):
    """Train the remaining batches of an epoch, from run.progress on. Return early after Ctrl-C."""
    shares.synchronize(run)
    progress, workspace = run.progress, Workspace()
    save_time = step_time = time.monotonic()
    objective = objectives.objective_of(run.recipe, progress.epoch)
    prepared = objective.prepare(run, split)
    share = shares.of_batch(run.recipe.training.batch_size)
    incoming = batches.prefetch(_batches(run, split, progress.batch, share))
    for batch in shares.aligned(inputs.encode_batches(run.recipe, incoming)):
        if bar.n == bar.initial:
            first_step.compile_kernels(run, batch, objective, prepared, workspace)
        loss, scores, norm, rate = train_step(run, batch, objective, prepared, steps, workspace)
        now = time.monotonic()
        progress.step, progress.batch = progress.step + 1, progress.batch + 1
        progress.training_seconds, step_time = progress.training_seconds + now - step_time, now
        bar.set_postfix(loss=f"{loss.word:.3f}", refresh=False, **{name: f"{x:.1f}" for name, x in scores.items()})
        bar.update()
        if progress.step % LOG_STEPS == 0:
            entry = {"loss": float(loss.word), "penalty": float(loss.penalty), "total": float(loss.total), **scores}
            runs.log(
                run,
                "train",
                **entry,
                gradient_norm=norm,
                learning_rate=rate,
                seconds=round(progress.training_seconds, 2),
            )
        _agree(stop)
        if stop.code:
            return
        if now - save_time > SAVE_SECONDS:
            _save_last(run)
            save_time = now


def _batches(run, split, first=0, share=None):
    """Return the batches of the current epoch, starting with number `first`, or a rank's share of them."""
    recipe, progress = run.recipe, run.progress
    sizes = recipe.training.batch_size, recipe.training.captions_per_image
    return batches.epoch_batches(split, *sizes, recipe.augmentation, run.settings["seed"], progress.epoch, first, share)


def _save_last(run):
    divergence.check(run)
    runs.save_last(run)


def _report(run, task, seconds):
    """Print the result of training, its files, and commands to try next."""
    folder = cli.quoted(run.folder)
    files = [
        name for name in ("curves.png", "attention.png", validation.PAGE, runs.LOG) if (run.folder / name).exists()
    ]
    score, loss = run.progress.best_score, run.progress.best_loss
    best = f"CIDEr-D {score:.1f}" if score > 0 else f"loss {loss:.3f}"
    output.show(
        f"done in {seconds / 60:.1f} minutes; best dev {best}. "
        f"In {run.folder}: {', '.join(files)}. Now try:\n"
        f"  python -m numpy_sat.evaluate {folder}\n"
        f"  python -m numpy_sat.caption {folder} {task.EXAMPLE} --show look.html"
    )


def _resume_command(run):
    return f"python -m numpy_sat.train --resume --out {cli.quoted(run.folder)}"
