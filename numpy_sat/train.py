"""python -m numpy_sat.train: train the captioner, from drawn scenes or photos to captions."""

import signal
import sys
import time

import numpy as np
from tqdm import tqdm

from numpy_sat import captioner
from numpy_sat.data import batches
from numpy_sat.decoding import search
from numpy_sat.evaluation import attention, figures, heldout
from numpy_sat.experiment import runs
from numpy_sat.metrics import bleu, cider
from numpy_sat.pretrained import inputs
from numpy_sat.system import cli
from numpy_sat.system import progress as progress_bar
from numpy_sat.system.errors import InputError
from numpy_sat.system.streams import CAPTIONS, DROPOUT, stream
from numpy_sat.system.workspace import Workspace
from numpy_sat.training import optimizers, start
from numpy_sat.training.objectives import self_critical

SAVE_SECONDS = 60  # between checkpoints
LOG_STEPS = 10  # between entries of the log
SAMPLES = 3  # captions shown after every epoch


def main(argv=None):
    """The command; returns its exit code."""
    args = start.parse(argv)
    return cli.run(lambda: _train(args))


def _train(args):
    started = time.monotonic()
    run, data = start.resumed(args) if args.resume else start.begun(args)
    recipe, progress = run.recipe, run.progress
    steps = recipe.epochs * batches.batches_per_epoch(data.train, recipe.pictures)
    print(f"{run.folder}: {steps:,} steps of {recipe.pictures} pictures")
    bar = progress_bar.bar(total=steps, initial=progress.step, unit="step")
    with _Interrupt() as interrupt, bar:
        while not runs.is_finished(run) and not interrupt.asked:
            _epoch(run, data.train, steps, bar, interrupt)
            if not interrupt.asked:
                _validate(run, data)
    if interrupt.asked:
        _save_last(run)
        print(f"stopped at step {progress.step}; go on with: {_resume_command(run)}")
        return 130
    if progress.epoch < recipe.epochs:
        print(f"stopped early: dev CIDEr-D has not risen for {progress.stale} epochs")
    _report(run, time.monotonic() - started)
    return 0


def _epoch(run, split, steps, bar, interrupt):
    """The rest of an epoch, from where run.progress stands; leaves early when interrupted."""
    progress, workspace = run.progress, Workspace()
    saved = began = time.monotonic()
    judge = self_critical.judge(split, run.vocabulary) if runs.by_own_captions(run) else None
    drawn = batches.made_ahead(_drawn(run, split, first=progress.batch))
    for batch in inputs.encoded(run.recipe.model, drawn):
        config, rewards = run.recipe.model, {}
        if judge:
            rng = stream(run.settings["seed"], CAPTIONS, progress.step)
            lesson = self_critical.rewarded(run.params, batch, run.recipe, judge, rng)
            batch, config, rewards = lesson.batch, lesson.config, {"drawn": lesson.drawn, "greedy": lesson.greedy}
        loss, norm, rate = train_step(run, batch, config, steps, workspace)
        now = time.monotonic()
        progress.step, progress.batch = progress.step + 1, progress.batch + 1
        progress.seconds, began = progress.seconds + now - began, now
        bar.set_postfix(loss=f"{loss.word:.3f}", refresh=False, **{name: f"{x:.1f}" for name, x in rewards.items()})
        bar.update()
        if progress.step % LOG_STEPS == 0:
            entry = {"loss": float(loss.word), "penalty": float(loss.penalty), "total": float(loss.total), **rewards}
            runs.log(run, "train", **entry, norm=norm, rate=rate, seconds=round(progress.seconds, 2))
        if interrupt.asked:
            return
        if now - saved > SAVE_SECONDS:
            _save_last(run)
            saved = now


def _drawn(run, split, first=0):
    """The batches of the epoch that run.progress is in, from the one numbered `first` on."""
    recipe, progress = run.recipe, run.progress
    seed, kinds = run.settings["seed"], recipe.augmentation
    return batches.epoch_batches(split, recipe.pictures, recipe.captions, kinds, seed, progress.epoch, first)


def train_step(run, batch, config, steps, workspace):
    """One update of run.params and run.optimizer, in place. Returns the Loss, the gradient's norm and the rate."""
    recipe, step = run.recipe, run.progress.step
    rng = stream(run.settings["seed"], DROPOUT, step)
    with (
        workspace.step(),
        np.errstate(over="ignore", invalid="ignore"),
    ):  # what overflows is seen in the loss, and reported
        loss, grads = captioner.loss_and_grads(run.params, batch, config, rng)
        norm = optimizers.clip_by_norm(grads, recipe.clip)
    if not np.isfinite(loss.total) or not np.isfinite(norm):
        raise _diverged(run)
    rate = optimizers.cosine_rate(step, steps, recipe.learning_rate, recipe.warmup)
    slower = captioner.names_of_encoder(recipe.model) & grads.keys() if recipe.encoder_rate != 1 else ()
    before = {name: run.params[name].copy() for name in slower}
    if recipe.decay:
        optimizers.decay_weights(run.params, grads, rate * recipe.decay)
    update = getattr(optimizers, f"{recipe.optimizer}_update")
    update(run.params, grads, run.optimizer, rate)
    optimizers.shorten_step(run.params, before, recipe.encoder_rate)
    if recipe.average and runs.by_own_captions(run):
        optimizers.average_weights(run.params, run.optimizer, recipe.average)
    return loss, norm, rate


def _validate(run, data):
    """Loss and decoded captions on dev, into log, curves, attention figure and checkpoints; on to the next epoch."""
    _refuse_diverged(run)
    recipe, progress, params = run.recipe, run.progress, optimizers.averaged(run.params, run.optimizer)
    some = batches.plain_batches(data.train, recipe.pictures, each=1)
    captioner.measure_running_statistics(params, some, recipe.model)
    loss = heldout.loss(params, recipe, data.dev)
    found = search.caption_images(params, recipe.model, data.dev.inputs, 1, recipe.max_words, recipe.length_power)
    captions = [run.vocabulary.decode(caption.words) for caption in found]
    scores = bleu.bleu(captions, data.dev.references)
    of_each = cider.cider_d(captions, data.dev.references)
    # A blind model's one caption says little of how well it has learned to predict people's: its loss chooses, until it
    # learns by the CIDEr-D of that caption. Then this does, as of any model; one above 0 is better than all before.
    own = runs.by_own_captions(run)
    by_loss = recipe.model.blind and not own
    score = 0.0 if by_loss else float(of_each.mean())
    better = (score, -loss) > (progress.best_score, -progress.best_loss)
    progress.stale += 1
    if better:
        progress.best_score, progress.best_loss, progress.stale = score, loss, 0
    progress.epoch, progress.batch = progress.epoch + 1, 0
    if runs.by_own_captions(run) and not own:
        progress.stale = 0  # what comes now learns otherwise
    entry = {"loss": loss, "bleu": scores, "cider": float(of_each.mean())}
    runs.log(run, "dev", epoch=progress.epoch, **entry, seconds=round(progress.seconds, 2))
    if better:  # before LAST, which will say that it is there
        runs.save_best(run, params)
    runs.save_last(run)
    tqdm.write(
        f"epoch {progress.epoch}/{recipe.epochs}: dev loss {loss:.3f} nats a word, "
        f"BLEU-1..4 {' '.join(f'{score:.1f}' for score in scores)}, CIDEr-D {of_each.mean():.1f}"
        f"{' (best so far)' if better else ''}"
    )
    _show_samples(data.dev, captions, progress.epoch)
    _draw(run, data.shown, found[0])


def _show_samples(dev, captions, epoch):
    """A few captions beside a reference, other pictures every epoch."""
    for k in range(SAMPLES):
        p = (epoch * SAMPLES + k) * 7919 % len(captions)
        tqdm.write(f"  {dev.names[p]}: {' '.join(captions[p])}\n    a person: {' '.join(dev.references[p][0])}")


def _draw(run, picture, caption):
    """The run's figures; one that cannot be written (open in a viewer on Windows) does not end the training.

    picture: the data.dataset.CaptionedImage that the second shows; caption: search.Caption of it.
    """
    log = runs.read_log(run.folder)
    train, validated = ([entry for entry in log if entry["kind"] == kind] for kind in ("train", "dev"))
    words = [*run.vocabulary.decode(caption.words), "<end>"]
    try:
        figures.curves_figure(run.folder / "curves.png", train, validated)
        seen = picture.name if run.recipe.model.source else picture.path
        attention.draw(run.folder / "attention.png", run.recipe.model, seen, words, caption)
    except InputError as error:
        tqdm.write(f"note: {error}")


def _save_last(run):
    _refuse_diverged(run)
    runs.save_last(run)


def _refuse_diverged(run):
    """Raise InputError where the last update left a parameter that is no number: it must not be saved."""
    if not all(np.isfinite(array).all() for array in run.params.values()):
        raise _diverged(run)


def _diverged(run):
    kept = run.folder / runs.LAST
    good = f"the last good checkpoint is {kept}" if kept.exists() else "there was no checkpoint yet"
    return InputError(
        f"the loss is no longer a number after step {run.progress.step} ({good}); train anew with a smaller "
        f"--learning-rate than {run.recipe.learning_rate:g}, or a smaller --clip than {run.recipe.clip:g}."
    )


def _report(run, seconds):
    folder = cli.quoted(run.folder)
    example = '"the two red houses on monday"' if run.recipe.model.source else "PICTURE"
    made = [name for name in ("curves.png", "attention.png", runs.LOG) if (run.folder / name).exists()]
    score, loss = run.progress.best_score, run.progress.best_loss
    best = f"CIDEr-D {score:.1f}" if score > 0 else f"loss {loss:.3f}"
    print(
        f"done in {seconds / 60:.1f} minutes; best dev {best}. "
        f"In {run.folder}: {', '.join(made)}. Now try:\n"
        f"  python -m numpy_sat.evaluate {folder}\n"
        f"  python -m numpy_sat.caption {folder} {example} --show where-it-looked.png"
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


if __name__ == "__main__":
    sys.exit(main())
