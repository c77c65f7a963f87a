"""The training loop: epochs of steps, each epoch followed by a validation."""

import signal
import sys
import time
from functools import partial

import numpy as np

from numpy_sat import captioner
from numpy_sat.data import batches
from numpy_sat.experiment import runs
from numpy_sat.pretrained import inputs
from numpy_sat.system import cli
from numpy_sat.system import progress as progress_bar
from numpy_sat.system.streams import stream
from numpy_sat.system.workspace import Workspace
from numpy_sat.training import divergence, objectives, optimizers, start, validation

SAVE_SECONDS = 60  # between checkpoints
LOG_STEPS = 10  # between entries of the log


def train(args):
    """Train a new run or a resumed one to its end, or until Ctrl-C.

    Args:
        args: as experiment.arguments.parse returns them.
    Returns:
        The command's exit code: 0, or 130 after Ctrl-C.
    """
    started = time.monotonic()
    run, data = start.resume_run(args) if args.resume else start.start_run(args)
    recipe, progress = run.recipe, run.progress
    steps = recipe.training.epochs * batches.batches_per_epoch(data.train, recipe.training.batch_size)
    print(f"{run.folder}: {steps:,} steps of {recipe.training.batch_size} images")
    bar = progress_bar.bar(total=steps, initial=progress.step, unit="step")
    with _Interrupt() as interrupt, bar:
        while not is_finished(run) and not interrupt.asked:
            _run_epoch(run, data.train, steps, bar, interrupt)
            if not interrupt.asked:
                validation.validate(run, data)
    if interrupt.asked:
        _save_last(run)
        print(f"stopped at step {progress.step}; go on with: {_resume_command(run)}")
        return 130
    if progress.epoch < recipe.training.epochs:
        print(f"stopped early: dev CIDEr-D has not risen for {progress.epochs_since_best} epochs")
    _report(run, data.task, time.monotonic() - started)
    return 0


def is_finished(run):
    """Return True when training is over: all epochs are done, or early stopping triggered.

    Early stopping never ends a run before the epochs of its last objective.
    """
    recipe, progress = run.recipe, run.progress
    stops_early = progress.epochs_since_best >= recipe.training.patience and objectives.is_last(recipe, progress.epoch)
    return progress.epoch >= recipe.training.epochs or stops_early


def train_step(run, batch, objective, prepared, steps, workspace):
    """Update run.params and run.optimizer once, in place.

    Args:
        run: runs.Run.
        batch: data.batches.Batch.
        objective, prepared: a module of training/objectives, and what its prepare returned.
        steps: of the whole run, for the learning rate's schedule.
        workspace: system.workspace.Workspace.
    Returns:
        The loss, the objective's further scores, the gradient's norm and the learning rate.
    """
    recipe, step = run.recipe, run.progress.step
    random = partial(_random, run.settings["seed"], step)
    with np.errstate(over="ignore", invalid="ignore"):  # an overflow shows in the loss, and is reported
        loss, grads, scores = objective.loss_and_grads(run.params, batch, recipe, prepared, random, workspace)
        norm = optimizers.clip_by_norm(grads, recipe.training.clip_norm)
    if not np.isfinite(loss.total) or not np.isfinite(norm):
        raise divergence.error(run)
    rate = optimizers.cosine_rate(step, steps, recipe.training.learning_rate, recipe.training.warmup_steps)
    slower = captioner.names_of_encoder(recipe) & grads.keys() if recipe.training.encoder_rate_factor != 1 else ()
    before = {name: run.params[name].copy() for name in slower}
    if recipe.training.weight_decay:
        optimizers.decay_weights(run.params, grads, rate * recipe.training.weight_decay)
    update = getattr(optimizers, f"{recipe.training.optimizer}_update")
    update(run.params, grads, run.optimizer, rate)
    optimizers.shorten_step(run.params, before, recipe.training.encoder_rate_factor)
    if recipe.training.ema and objective.AVERAGES_WEIGHTS:
        optimizers.average_weights(run.params, run.optimizer, recipe.training.ema)
    return loss, scores, norm, rate


def _random(seed, step, purpose):
    return stream(seed, purpose, step)


def _run_epoch(run, split, steps, bar, interrupt):
    """Train the rest of an epoch, from where run.progress stands. Return early when interrupted."""
    progress, workspace = run.progress, Workspace()
    saved = began = time.monotonic()
    objective = objectives.of_epoch(run.recipe, progress.epoch)
    prepared = objective.prepare(split, run.vocabulary)
    coming = batches.prefetch(_batches(run, split, first=progress.batch))
    for batch in inputs.encoded(run.recipe, coming):
        loss, scores, norm, rate = train_step(run, batch, objective, prepared, steps, workspace)
        now = time.monotonic()
        progress.step, progress.batch = progress.step + 1, progress.batch + 1
        progress.training_seconds, began = progress.training_seconds + now - began, now
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
        if interrupt.asked:
            return
        if now - saved > SAVE_SECONDS:
            _save_last(run)
            saved = now


def _batches(run, split, first=0):
    """Return the batches of the epoch that run.progress is in, from the one numbered `first` on."""
    recipe, progress = run.recipe, run.progress
    seed, size, each = run.settings["seed"], recipe.training.batch_size, recipe.training.captions_per_image
    return batches.epoch_batches(split, size, each, recipe.augmentation, seed, progress.epoch, first)


def _save_last(run):
    divergence.check(run)
    runs.save_last(run)


def _report(run, task, seconds):
    folder = cli.quoted(run.folder)
    files = [name for name in ("curves.png", "attention.png", runs.LOG) if (run.folder / name).exists()]
    score, loss = run.progress.best_score, run.progress.best_loss
    best = f"CIDEr-D {score:.1f}" if score > 0 else f"loss {loss:.3f}"
    print(
        f"done in {seconds / 60:.1f} minutes; best dev {best}. "
        f"In {run.folder}: {', '.join(files)}. Now try:\n"
        f"  python -m numpy_sat.evaluate {folder}\n"
        f"  python -m numpy_sat.caption {folder} {task.EXAMPLE} --show where-it-looked.png"
    )


def _resume_command(run):
    return f"python -m numpy_sat.train --resume --out {cli.quoted(run.folder)}"


class _Interrupt:
    """While it is entered, the first Ctrl-C is only noted, so that the step under way is finished; the second ends."""

    def __enter__(self):
        self.asked = False
        self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_):
        signal.signal(signal.SIGINT, self._before)

    def _note(self, *_):
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        print("\nstopping after this step or validation (Ctrl-C again: at once)", file=sys.stderr)
