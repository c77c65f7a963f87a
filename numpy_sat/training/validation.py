"""Validation after every epoch: loss and captions of dev, checkpoints and figures."""

from tqdm import tqdm

from numpy_sat import captioner
from numpy_sat.data import batches
from numpy_sat.decoding import search
from numpy_sat.evaluation import figures, heldout
from numpy_sat.experiment import runs
from numpy_sat.metrics import bleu, cider
from numpy_sat.system.errors import InputError
from numpy_sat.training import divergence, objectives, optimizers

SAMPLES = 3  # captions printed after every epoch


def validate(run, data):
    """Evaluate the run on dev, and move its progress on to the next epoch.

    Loss and scores go to the log and the terminal, the parameters to the checkpoints, and curves and attention to the
    run's figures.

    Args:
        run: runs.Run.
        data: start.Data.
    """
    divergence.check(run)
    recipe, progress = run.recipe, run.progress
    params = optimizers.averaged(run.params, run.optimizer)
    plain = batches.plain_batches(data.train, recipe.training.batch_size, captions_per_image=1)
    captioner.measure_running_statistics(params, plain, recipe)
    loss = heldout.loss(params, recipe, data.dev)
    captions = search.caption_images(
        params, recipe, data.dev.inputs, 1, recipe.decoding.max_words, recipe.decoding.length_power
    )
    texts = [run.vocabulary.decode(caption.words) for caption in captions]
    scores = bleu.bleu(texts, data.dev.references)
    mean_cider = float(cider.cider_d(texts, data.dev.references).mean())
    is_best = _move_on(progress, recipe, loss, mean_cider)
    entry = {"loss": loss, "bleu": scores, "cider": mean_cider}
    runs.log(run, "dev", epoch=progress.epoch, **entry, seconds=round(progress.training_seconds, 2))
    if is_best:  # before LAST, whose progress says that it exists
        runs.save_best(run, params)
    runs.save_last(run)
    tqdm.write(
        f"epoch {progress.epoch}/{recipe.training.epochs}: dev loss {loss:.3f} nats a word, "
        f"BLEU-1..4 {' '.join(f'{score:.1f}' for score in scores)}, CIDEr-D {mean_cider:.1f}"
        f"{' (best so far)' if is_best else ''}"
    )
    _show_samples(data.dev, texts, progress.epoch)
    _draw_figures(run, data, captions[0])


def _move_on(progress, recipe, loss, mean_cider):
    """Update the progress after an epoch. Return True if its parameters are the best so far."""
    objective = objectives.of_epoch(recipe, progress.epoch)
    score = objective.selection_score(recipe, mean_cider)
    is_best = (score, -loss) > (progress.best_score, -progress.best_loss)
    progress.epochs_since_best += 1
    if is_best:
        progress.best_score, progress.best_loss, progress.epochs_since_best = score, loss, 0
    progress.epoch, progress.batch = progress.epoch + 1, 0
    if objectives.of_epoch(recipe, progress.epoch) is not objective:
        progress.epochs_since_best = 0  # another objective gets the full patience
    return is_best


def _show_samples(dev, texts, epoch):
    """Print a few captions, each beside a reference; other images every epoch."""
    for k in range(SAMPLES):
        place = (epoch * SAMPLES + k) * 7919 % len(texts)
        tqdm.write(
            f"  {dev.names[place]}: {' '.join(texts[place])}\n    a person: {' '.join(dev.references[place][0])}"
        )


def _draw_figures(run, data, caption):
    """Draw the run's curves, and the attention of one caption.

    A figure that cannot be written, such as one that is open in a viewer on Windows, does not end the training.

    Args:
        run: runs.Run.
        data: start.Data.
        caption: search.Caption of data.shown.
    """
    log = runs.read_log(run.folder)
    train, validated = ([entry for entry in log if entry["kind"] == kind] for kind in ("train", "dev"))
    words = [*run.vocabulary.decode(caption.words), "<end>"]
    try:
        figures.curves_figure(run.folder / "curves.png", train, validated)
        source = data.task.source(data.shown)
        data.task.draw(run.folder / "attention.png", run.recipe, source, words, caption)
    except InputError as error:
        tqdm.write(f"note: {error}")
