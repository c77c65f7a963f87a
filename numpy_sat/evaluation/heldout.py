"""A trained model's captions and loss of a held-out split: where judging and showing it begin."""

import time
from pathlib import Path
from typing import NamedTuple

from numpy_sat import __version__, captioner
from numpy_sat.data import batches, catalog, vocabulary
from numpy_sat.data.dataset import Dataset
from numpy_sat.decoding import search
from numpy_sat.evaluation.report import Loss
from numpy_sat.metrics.tokens import ptb_tokenize
from numpy_sat.pretrained import inputs
from numpy_sat.system.workspace import Workspace

EACH = 5  # captions of an image in the loss


class Request(NamedTuple):
    """Which split is captioned, and how."""

    split: str = "dev"  # or "test"
    beam: int = 3  # beam width; 1 is greedy decoding
    root: Path | None = None  # the data's folder, if it is not the one trained on
    skip_missing: bool = False  # go on without photos that are not there
    attention_mode: str | None = None  # of hard attention; None is the mode of the model's recipe


class Written(NamedTuple):
    """A split and a model's captions of it."""

    dataset: Dataset
    examples: list  # dataset.Example of each of the N images (or phrases)
    captions: list  # search.Caption of each
    texts: dict  # {name: text}, the captions as text
    references: dict  # {name: [texts]}, people's captions as written; those without a word are left out
    seconds: float  # that writing took, encoder and beam search, with compiled kernels


def write(model, request, load=inputs.load):
    """Caption every image (or phrase) of a split of the data that a model was trained on.

    Args:
        model: runs.Model.
        request: Request.
        load: the load function of the model's task, by default that of captioning.
    Returns:
        Written.
    Raises:
        InputError: the data cannot be read.
    """
    settings, recipe = model.settings, model.recipe
    dataset = catalog.open_dataset(
        settings["data"], request.root or settings["root"], (request.split,), request.skip_missing
    )
    examples = dataset.splits[request.split]
    model_inputs = load(recipe, examples)
    how = request.beam, recipe.decoding.max_words, recipe.decoding.length_power
    search.caption_images(model.params, recipe, model_inputs[:1], *how)  # compiles what is not compiled yet
    started = time.perf_counter()
    captions = search.caption_images(model.params, recipe, model_inputs, *how)
    seconds = time.perf_counter() - started
    return Written(
        dataset,
        examples,
        captions,
        {example.name: text(model, caption) for example, caption in zip(examples, captions, strict=True)},
        {example.name: list(filter(ptb_tokenize, example.captions)) for example in examples},
        seconds,
    )


def text(model, caption):
    """Return a search.Caption as text."""
    return " ".join(model.vocabulary.decode(caption.words))


def protocol(written, request):
    """Return how captions were written and are judged, a sentence. written: Written; request: Request."""
    counts = sorted({len(texts) for texts in written.references.values()})
    each = " to ".join(map(str, sorted({counts[0], counts[-1]})))
    return (
        f"{written.dataset.name}, {request.split}, {len(written.texts):,} images; beam {request.beam}; {each} "
        f"references an image, lower case, punctuation removed; scores of the corpus in percent, BLEU with brevity "
        f"penalty, CIDEr-D from 0 to 1000; numpy_sat {__version__}."
    )


def loss(params, recipe, split):
    """Compute -log p a word over a split, in nats, without dropout. Every word counts the same.

    Args:
        params: arrays by name.
        recipe: the run's.
        split: batches.Split; of each image EACH captions are used.
    """
    total, words, workspace = 0.0, 0.0, Workspace()
    for batch in batches.prefetch(batches.plain_batches(split, recipe.training.batch_size, EACH)):
        count = batch.mask.sum()
        with workspace.step():
            total += float(captioner.loss_only(params, batch, recipe).word * count)
        words += float(count)
    return total / words


def judge_loss(model, written, train):
    """Compute the report.Loss of a captioner.

    Args:
        model: runs.Model.
        written: Written by it, which names the split's images.
        train: {name: [texts]}, the captions of train.
    """
    recipe, known, tokenize = model.recipe, model.vocabulary, written.dataset.tokenize
    model_inputs = inputs.load(recipe, written.examples)
    split = batches.make_split(written.examples, model_inputs, known, recipe.decoding.max_words, tokenize)
    train_captions = (known.encode(tokenize(text)) for texts in train.values() for text in texts)
    split_captions = [known.encode(words) for references in split.references for words in references]
    frequencies = vocabulary.word_frequencies(known, train_captions)
    return Loss(loss(model.params, recipe, split), vocabulary.unigram_entropy(frequencies, split_captions))
