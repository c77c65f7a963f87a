"""Validation after every epoch: loss and captions of the validation set, checkpoints and figures."""

import os

from tqdm import tqdm

from numpy_sat import captioner
from numpy_sat.data import batches
from numpy_sat.decoding import repetition, search
from numpy_sat.decoding.trace import trace_images
from numpy_sat.evaluation import heldout, page
from numpy_sat.experiment import runs
from numpy_sat.metrics import bleu, cider
from numpy_sat.system import output, ranks
from numpy_sat.system.errors import InputError
from numpy_sat.training import divergence, objectives, optimizers, start

if os.environ.get("MPLBACKEND"):  # a wrong one ends the command now, not after an epoch
    from numpy_sat.evaluation import figures  # noqa: F401

SAMPLES = 3  # captions printed after every epoch
PAGE, PAGE_IMAGES, PAGE_BEAM = "attention.html", 12, 3  # the page that training ends with


def validate(run: runs.Run, data: start.Data) -> None:
    """Evaluate the run on the validation set, save it, and advance its progress to the next epoch.

    Loss and scores go to the log and the terminal. The curves and an attention map go to the run's figures.

    Args:
        run: runs.Run.
        data: start.Data.
    Raises:
        InputError: a parameter is no longer finite, or a file cannot be written.
    """
    divergence.check(run)
    recipe, progress = run.recipe, run.progress
    params = optimizers.ema_params(run.params, run.optimizer)
    plain = batches.plain_batches(data.train, recipe.training.batch_size, captions_per_image=1)
    captioner.measure_running_statistics(params, plain, recipe)
    objectives.objective_of(recipe, progress.epoch).measure(run, data.train)
    loss = heldout.loss(params, recipe, data.dev)
    options = 1, recipe.decoding.max_words, recipe.decoding.length_power
    stems = repetition.stems_of(recipe, run.vocabulary)
    captions = search.caption_images(params, recipe, data.dev.inputs, *options, stems=stems)
    texts = [run.vocabulary.decode(caption.words) for caption in captions]
    scores = bleu.bleu(texts, data.dev.references)
    mean_cider = float(cider.cider_d(texts, data.dev.references).mean())
    is_best = _advance(progress, recipe, loss, mean_cider)
    entry = {"loss": loss, "bleu": scores, "cider": mean_cider}
    runs.log(run, "dev", epoch=progress.epoch, **entry, seconds=round(progress.training_seconds, 2))
    if is_best:  # before LAST, whose progress implies that the best checkpoint exists
        runs.save_best(run, params)
    runs.save_last(run)
    tqdm.write(
        f"epoch {progress.epoch}/{recipe.training.epochs}: dev loss {loss:.3f} nats per word, "
        f"BLEU-1..4 {' '.join(f'{score:.1f}' for score in scores)}, CIDEr-D {mean_cider:.1f}"
        f"{' (best so far)' if is_best else ''}"
    )
    _show_samples(data.dev, texts, progress.epoch)
    if ranks.current().is_first:
        with ranks.alone():
            _draw_figures(run, data, params)


def _advance(progress, recipe, loss, mean_cider):
    """Update the progress after an epoch. Return True if its parameters are the best so far."""
    objective = objectives.objective_of(recipe, progress.epoch)
    score = objective.selection_score(recipe, mean_cider)
    is_better = (score, -loss) > (progress.best_score, -progress.best_loss)
    is_best = is_better or getattr(objective, "KEEPS_LAST", False)
    progress.epochs_since_best += 1
    if is_best:
        progress.best_score, progress.best_loss, progress.epochs_since_best = score, loss, 0
    progress.epoch, progress.batch = progress.epoch + 1, 0
    if objectives.objective_of(recipe, progress.epoch) is not objective:
        progress.epochs_since_best = 0  # a new objective starts with the full patience
    return is_best


def _show_samples(dev, texts, epoch):
    """Print a few captions, each with a reference. Every epoch shows other images."""
    for k in range(SAMPLES):
        row = (epoch * SAMPLES + k) * 7919 % len(texts)
        reference = " ".join(dev.references[row][0])
        lines = f"  {dev.names[row]}: {' '.join(texts[row])}\n    a person: {reference}"
        tqdm.write(output.printable(lines, output.LAYOUT))


def _draw_figures(run, data, params):
    """Draw the run's curves and the attention map of the first image of the validation set.

    Training continues if a figure cannot be written, for example because a viewer on Windows has opened it.

    Args:
        run: runs.Run.
        data: start.Data.
        params: {name: array}, which may be the EMA of the weights.
    """
    from numpy_sat.evaluation import figures  # matplotlib takes half a second, and a training begins without it

    try:
        log = runs.read_log(run.folder)
        train, dev = ([entry for entry in log if entry["kind"] == kind] for kind in ("train", "dev"))
        figures.curves_figure(run.folder / "curves.png", train, dev)
        model = runs.Model(params, run.recipe, run.vocabulary, run.settings, {})
        (traced,) = trace_images(model, data.dev.inputs[:1], beam=1)
        if not data.task.absence(run.recipe, traced):
            data.task.draw(run.folder / "attention.png", data.task.source(data.dev_examples[0]), traced)
    except InputError as error:
        tqdm.write(output.printable(f"note: {error}"))


def write_page(run: runs.Run, data: start.Data) -> None:
    """Write a page of the best checkpoint's first captions of the validation set, attention.html.

    Training ends well even if the page cannot be written.

    Args:
        run: runs.Run whose training is over.
        data: start.Data.
    """
    try:
        model = runs.load_model(run.folder)
        traces = trace_images(model, data.dev.inputs[:PAGE_IMAGES], beam=PAGE_BEAM)
        entries = [
            data.task.entry(run.recipe, data.task.source(example), traced, f"A person: {' '.join(references[0])}")
            for example, traced, references in zip(data.dev_examples, traces, data.dev.references, strict=False)
        ]
        page.write(run.folder / PAGE, f"Captions of {run.folder.resolve().name}", entries)
    except InputError as error:
        output.show(f"note: {error}")
