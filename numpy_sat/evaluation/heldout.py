"""What a trained model makes of a split's pictures and captions: where judging and showing it begin."""

import time
from typing import NamedTuple

from numpy_sat import __version__, captioner
from numpy_sat.data import batches, catalog, vocabulary
from numpy_sat.data.dataset import Dataset
from numpy_sat.decoding import search
from numpy_sat.evaluation.report import Loss
from numpy_sat.metrics.tokens import tokenise
from numpy_sat.pretrained import inputs
from numpy_sat.system.workspace import Workspace

EACH = 5  # captions of a picture in the loss


class Written(NamedTuple):
    """A split and a model's captions of it."""

    dataset: Dataset
    listed: list  # dataset.CaptionedImage of each of the N pictures
    found: list  # search.Caption of each
    captions: dict  # {name: text}
    references: dict  # {name: [texts]}, people's, as written; those without a word left out
    seconds: float  # that writing took, encoder and search, on kernels compiled before


def write(model, split, beam, root=None, skip_missing=False):
    """Caption every picture of a split of the data a model was trained on.

    model: runs.Model; split: "dev" or "test"; beam: beams; root: the data's folder, where it is not the one trained on;
    skip_missing: go on without photos that are not there. Returns Written. Raises InputError.
    """
    settings, recipe = model.settings, model.recipe
    dataset = catalog.open_dataset(settings["data"], root or settings["root"], (split,), skip_missing)
    listed = dataset.splits[split]
    images = inputs.load(recipe.model, listed)
    how = beam, recipe.max_words, recipe.length_power
    search.caption_images(model.params, recipe.model, images[:1], *how)  # compiles what is not compiled yet
    started = time.perf_counter()
    found = search.caption_images(model.params, recipe.model, images, *how)
    seconds = time.perf_counter() - started
    return Written(
        dataset,
        listed,
        found,
        {picture.name: text(model, caption) for picture, caption in zip(listed, found, strict=True)},
        {picture.name: list(filter(tokenise, picture.captions)) for picture in listed},
        seconds,
    )


def text(model, caption):
    """A search.Caption as text."""
    return " ".join(model.vocabulary.decode(caption.words))


def protocol(written, split, beam):
    """How captions were written and are judged, a sentence. written: Written."""
    counts = sorted({len(texts) for texts in written.references.values()})
    each = " to ".join(map(str, sorted({counts[0], counts[-1]})))
    return (
        f"{written.dataset.name}, {split}, {len(written.captions):,} pictures; beam {beam}; {each} "
        f"references a picture, lower case, punctuation removed; scores of the corpus in percent, BLEU with brevity "
        f"penalty, CIDEr-D from 0 to 1000; numpy_sat {__version__}."
    )


def loss(params, recipe, split):
    """-log p a word over a split's pictures with five captions each, nats, no dropout; every word counts the same.

    recipe: presets.Recipe; split: batches.Split.
    """
    total, words, workspace = 0.0, 0.0, Workspace()
    for batch in batches.made_ahead(batches.plain_batches(split, recipe.pictures, EACH)):
        count = batch.mask.sum()
        with workspace.step():
            total += float(captioner.loss_only(params, batch, recipe.model).word * count)
        words += float(count)
    return total / words


def judge_loss(model, listed, train):
    """The metrics.report.Loss of a model. listed: the split's CaptionedImages; train: {name: [texts]}."""
    recipe, known = model.recipe, model.vocabulary
    split = inputs.load_split(recipe.model, listed, known, recipe.max_words)
    of_train = (known.encode(inputs.cut(recipe.model)(text)) for texts in train.values() for text in texts)
    of_split = [known.encode(words) for references in split.references for words in references]
    frequencies = vocabulary.word_frequencies(known, of_train)
    return Loss(loss(model.params, recipe, split), vocabulary.unigram_entropy(frequencies, of_split))
