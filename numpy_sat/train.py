"""python -m numpy_sat.train: train the captioner, from drawn scenes or photos to captions."""

import argparse
import dataclasses
import itertools
import signal
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from numpy_sat import captioner, command, figures, optim, presets, runs, search
from numpy_sat.data import batches, sources
from numpy_sat.data.dataset import cache_folder
from numpy_sat.data.vocabulary import Vocabulary, tokenise, unigram_entropy, word_frequencies
from numpy_sat.errors import InputError
from numpy_sat.metrics.bleu import bleu

SAVE_SECONDS = 60  # between checkpoints
LOG_STEPS = 10  # between entries of the log
SAMPLES = 3  # captions shown after every epoch


class Data(NamedTuple):
    """The splits training reads."""

    train: batches.Split
    dev: batches.Split
    references: list  # of each picture of dev, its captions as word lists


def main(argv=None):
    """The command; returns its exit code."""
    args = _parse(argv)
    return command.run(lambda: _train(args))


def _train(args):
    started = time.monotonic()
    run, data = _resumed(args.out) if args.resume else _begun(args)
    steps = run.recipe.epochs * batches.batches_per_epoch(data.train, run.recipe.pictures)
    print(f"{run.folder}: {steps:,} steps of {run.recipe.pictures} pictures; the first step compiles the kernels, once")
    with (
        _Interrupt() as interrupt,
        tqdm(total=steps, initial=run.progress.step, unit="step", mininterval=_pace()) as bar,
    ):
        for _ in range(run.progress.epoch, run.recipe.epochs):
            _epoch(run, data.train, steps, bar, interrupt)
            if interrupt.asked:
                runs.save(run, runs.LAST)
                bar.close()
                print(f"stopped at step {run.progress.step}; go on with: {_resume_command(run)}")
                return 130
            _validate(run, data)
            if run.progress.stale >= run.recipe.patience:
                tqdm.write(f"BLEU-4 has not risen for {run.progress.stale} epochs: stopping early")
                break
    _report(run, time.monotonic() - started)
    return 0


def _epoch(run, split, steps, bar, interrupt):
    """The rest of an epoch, from where run.progress stands; leaves early when interrupted."""
    recipe, progress, seed = run.recipe, run.progress, run.settings["seed"]
    augmentation = batches.Augmentation(recipe.flip, recipe.shift)
    ready = batches.epoch_batches(
        split, recipe.pictures, recipe.captions, augmentation, seed, progress.epoch, first=progress.batch
    )
    saved = time.monotonic()
    for batch in ready:
        began = time.monotonic()
        loss, norm, rate = train_step(run, batch, steps)
        progress.step, progress.batch = progress.step + 1, progress.batch + 1
        progress.seconds += time.monotonic() - began
        bar.set_postfix(loss=f"{loss.word:.3f}", refresh=False)
        bar.update()
        if progress.step % LOG_STEPS == 0:
            entry = {"loss": float(loss.word), "penalty": float(loss.penalty), "total": float(loss.total)}
            runs.log(run, "train", **entry, norm=norm, rate=rate, seconds=round(progress.seconds, 2))
        if interrupt.asked:
            return
        if time.monotonic() - saved > SAVE_SECONDS:
            _save_last(run)
            saved = time.monotonic()


def train_step(run, batch, steps):
    """One update of run.params and run.optimizer, in place. Returns the Loss, the gradient's norm and the rate."""
    recipe, step = run.recipe, run.progress.step
    rng = np.random.default_rng([run.settings["seed"], 1, step])
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is seen in the loss, and reported
        loss, grads = captioner.loss_and_grads(run.params, batch, recipe.model, rng)
        norm = optim.clip_by_norm(grads, recipe.clip)
    if not np.isfinite(loss.total) or not np.isfinite(norm):
        raise _diverged(run)
    rate = optim.cosine_rate(step, steps, recipe.learning_rate, recipe.warmup)
    update = getattr(optim, f"{recipe.optimizer}_update")
    update(run.params, grads, run.optimizer, rate)
    return loss, norm, rate


def _validate(run, data):
    """Loss and decoded captions on dev, into log, curves, attention figure and checkpoints; on to the next epoch."""
    recipe, progress = run.recipe, run.progress
    loss = dev_loss(run.params, recipe, data.dev)
    found = search.caption_pictures(run.params, recipe.model, data.dev.pictures, beam=1, max_words=recipe.max_words)
    captions = [run.vocabulary.decode(caption.words) for caption in found]
    scores = bleu(captions, data.references)
    better = scores[3] > progress.best_bleu
    progress.best_bleu, progress.stale = (scores[3], 0) if better else (progress.best_bleu, progress.stale + 1)
    progress.epoch, progress.batch = progress.epoch + 1, 0
    runs.log(run, "dev", epoch=progress.epoch, loss=loss, bleu=scores, seconds=round(progress.seconds, 2))
    _save_last(run)
    if better:
        runs.save(run, runs.BEST)
    tqdm.write(
        f"epoch {progress.epoch}/{recipe.epochs}: dev loss {loss:.3f} nats a word, "
        f"BLEU-1..4 {' '.join(f'{score:.1f}' for score in scores)}{' (best so far)' if better else ''}"
    )
    _show_samples(data, captions, progress.epoch)
    _draw(run, data.dev, found[0])


def dev_loss(params, recipe, split):
    """-log p a word over a split, nats, no dropout; every word counts the same."""
    total = words = 0
    for batch in batches.plain_batches(split, recipe.pictures, each=5):
        count = batch.mask.sum()
        total += float(captioner.loss_only(params, batch, recipe.model).word * count)
        words += float(count)
    return total / words


def _show_samples(data, captions, epoch):
    """A few captions beside a reference, other pictures every epoch."""
    for k in range(SAMPLES):
        p = (epoch * SAMPLES + k) * 7919 % len(captions)
        tqdm.write(f"  {data.dev.names[p]}: {' '.join(captions[p])}\n    a person: {' '.join(data.references[p][0])}")


def _draw(run, dev, caption):
    log = runs.read_log(run.folder)
    train, validated = ([entry for entry in log if entry["kind"] == kind] for kind in ("train", "dev"))
    figures.curves_figure(run.folder / "curves.png", train, validated)
    words = [run.vocabulary.words[word] for word in caption.words] + ["<end>"]
    figures.attention_figure(run.folder / "attention.png", dev.pictures[0], words, caption.alpha, caption.beta)


def _save_last(run):
    if not all(np.isfinite(array).all() for array in run.params.values()):
        raise _diverged(run)
    runs.save(run, runs.LAST)


def _diverged(run):
    kept = run.folder / runs.LAST
    good = f"the last good checkpoint is {kept}" if kept.exists() else "there was no checkpoint yet"
    return InputError(
        f"the loss is no longer a number after step {run.progress.step} ({good}); train anew with a smaller "
        f"--learning-rate than {run.recipe.learning_rate:g}, or a smaller --clip than {run.recipe.clip:g}."
    )


def _begun(args):
    """A new run as the arguments say, and its data."""
    recipe = presets.PRESETS[args.data, args.small]
    given = {name: getattr(args, name) for name in OVERRIDES if getattr(args, name) is not None}
    recipe = dataclasses.replace(recipe, **given)
    folder = args.out or _free_folder(f"{args.data}{'-small' if args.small else ''}")
    dataset = _open(args.data, args.root, args.skip_missing)
    captions = [tokenise(text) for picture in dataset.splits["train"] for text in picture.captions]
    vocabulary = Vocabulary.build(captions, recipe.min_count)
    encoded = [vocabulary.encode(caption) for caption in captions]
    frequencies = word_frequencies(vocabulary, encoded)
    settings = {
        **{"data": args.data, "root": str(args.root.resolve()) if args.root else None},
        **{"seed": args.seed, "skip_missing": args.skip_missing},
    }
    run = runs.create(folder, settings, recipe, vocabulary, np.log(frequencies))
    print(
        f"{len(dataset.splits['train']):,} pictures to train on, {len(dataset.splits['dev']):,} in dev; "
        f"{len(vocabulary):,} words, unigram entropy {unigram_entropy(frequencies, encoded):.3f} nats a word"
    )
    return run, _load(run, dataset)


def _resumed(folder):
    """The run in a folder, and its data."""
    run = runs.resume(folder)
    settings = run.settings
    dataset = _open(settings["data"], settings["root"], settings["skip_missing"])
    return run, _load(run, dataset)


def _open(name, root, skip_missing):
    dataset = sources.open_dataset(name, root, ("train", "dev"), skip_missing)
    for note in dataset.notes:
        print(note)
    return dataset


def _load(run, dataset):
    """Pictures decoded (from the cache where they are there), captions numbered; of dev as many as are decoded."""
    recipe, vocabulary = run.recipe, run.vocabulary
    dev = dataset.splits["dev"][: recipe.dev_pictures]
    train, dev = (
        batches.load_split(listed, vocabulary, recipe.model.picture_size, cache_folder(), recipe.max_words)
        for listed in (dataset.splits["train"], dev)
    )
    if batches.batches_per_epoch(train, recipe.pictures) == 0:
        raise InputError(f"{dataset.root}: {len(train.names)} pictures are fewer than a batch of {recipe.pictures}.")
    references = [
        [tokenise(text) for text in picture.captions] for picture in dataset.splits["dev"][: recipe.dev_pictures]
    ]
    return Data(train, dev, references)


def _free_folder(name):
    """runs/name, or the first of runs/name-2, runs/name-3, ... that holds no run yet."""
    names = itertools.chain([name], (f"{name}-{k}" for k in itertools.count(2)))
    return next(folder for folder in (Path("runs") / n for n in names) if not (folder / runs.LAST).exists())


def _report(run, seconds):
    best = run.folder / runs.BEST
    print(
        f"done in {seconds / 60:.1f} minutes; best dev BLEU-4 {run.progress.best_bleu:.1f}. "
        f"In {run.folder}: curves.png, attention.png, log.jsonl. Now try:\n"
        f"  python -m numpy_sat.evaluate {run.folder}\n"
        f"  python -m numpy_sat.caption {best} PICTURE --show where-it-looked.png"
    )


def _resume_command(run):
    return f"python -m numpy_sat.train --resume --out {run.folder}"


def _pace():
    """Seconds between two drawings of the progress bar: rare where they go into a file."""
    return 0.2 if sys.stderr.isatty() else 20


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


OVERRIDES = ("epochs", "learning_rate", "optimizer", "clip")


def _parse(argv):
    parser = argparse.ArgumentParser(prog="python -m numpy_sat.train", description="Train the captioner.")
    parser.add_argument("--small", action="store_true", help="a small model, a few minutes on a laptop")
    parser.add_argument("--data", choices=sources.NAMES, default="scenes", help="default: scenes, drawn pictures")
    parser.add_argument("--root", type=Path, help="the data's folder (for scenes: where to keep them)")
    parser.add_argument("--out", type=Path, help="the run's folder; default: runs/ and the data's name")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out, exactly where it stopped")
    parser.add_argument("--skip-missing", action="store_true", help="go on without photos that are not there")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, help="instead of the preset's")
    parser.add_argument("--learning-rate", type=float, help="the schedule's peak, instead of the preset's")
    parser.add_argument("--optimizer", choices=("adam", "rmsprop"), help="instead of the preset's")
    parser.add_argument("--clip", type=float, help="largest norm of the gradient, instead of the preset's")
    args = parser.parse_args(argv)
    if args.resume and args.out is None:
        parser.error("--resume needs --out, the run's folder; everything else comes from there")
    return args


if __name__ == "__main__":
    sys.exit(main())
