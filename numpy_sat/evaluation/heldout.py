"""The captions and the loss of a trained model on a held-out split, for its evaluation and its figures."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from numpy_sat import __version__, captioner, decoders
from numpy_sat.data import batches, catalog, vocabulary
from numpy_sat.data.dataset import Dataset
from numpy_sat.decoding import likelihood, overflow, repetition, search
from numpy_sat.decoding.trace import Trace, trace_images
from numpy_sat.evaluation.report import Loss
from numpy_sat.experiment import runs
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.metrics.tokens import ptb_tokenize
from numpy_sat.pretrained import inputs
from numpy_sat.system import ranks
from numpy_sat.system.workspace import Workspace

CAPTIONS_PER_IMAGE = 5  # in the loss


class Request(NamedTuple):
    """A split to caption and the options of decoding."""

    split: str = "dev"  # or "test"
    beam: int = 3  # beam width; 1 is greedy decoding
    root: Path | None = None  # folder of the data; None is the folder of the training
    skip_missing: bool = False  # True to leave out missing photos
    skip_damaged: bool = False  # True to leave out photos that cannot be decoded
    decoding: Mapping = MappingProxyType({})  # settings of decoding as text by name, instead of those of the recipe


class Written(NamedTuple):
    """A split and the captions that a model writes for it."""

    dataset: Dataset
    examples: list  # dataset.Example of each of the N images (or phrases)
    captions: list  # N search.Captions
    texts: dict  # {name: text}, the captions as text
    references: dict  # {name: [texts]}; references without a word are left out
    seconds: float  # time of encoder and beam search, with compiled kernels
    inputs: np.ndarray  # (N, ...) model inputs of the examples
    beam: int  # beam width


def write(model: runs.Model, request: Request, load: Callable = inputs.load) -> Written:
    """Caption every image (or phrase) of a split of the data that a model was trained on.

    Args:
        model: runs.Model.
        request: Request.
        load: the load function of the model's task; the default is that of captioning.
    Returns:
        A Written.
    Raises:
        InputError: the data cannot be read.
    """
    settings, recipe = model.settings, model.recipe
    root = request.root or settings["root"]
    skip = request.skip_missing, request.skip_damaged
    dataset = catalog.open_dataset(settings["data"], root, (request.split,), *skip)
    examples = dataset.splits[request.split]
    model_inputs = load(recipe, examples)
    options = request.beam, recipe.decoding.max_words, recipe.decoding.length_power
    stems = repetition.stems_of(recipe, model.vocabulary)
    search.caption_images(
        model.params, recipe, model_inputs[:1], *options, stems=stems
    )  # compiles the kernels, outside the timing
    start = time.perf_counter()
    captions = search.caption_images(model.params, recipe, model_inputs, *options, stems=stems)
    seconds = time.perf_counter() - start
    overflow.refuse(captions)
    return Written(
        dataset,
        examples,
        captions,
        {example.name: text(model, caption) for example, caption in zip(examples, captions, strict=True)},
        {example.name: list(filter(ptb_tokenize, example.captions)) for example in examples},
        seconds,
        model_inputs,
        request.beam,
    )


def trace(model: runs.Model, written: Written, indices: Sequence[int]) -> list[Trace]:
    """Trace the captions of some examples of a split.

    Args:
        model: runs.Model.
        written: Written of the model.
        indices: indices of the examples.
    """
    return trace_images(model, written.inputs[list(indices)], written.beam)


def text(model: runs.Model, caption: search.Caption) -> str:
    """Return a search.Caption as text."""
    return " ".join(model.vocabulary.decode(caption.words))


def protocol(written: Written, request: Request) -> str:
    """Return a sentence that says how captions are written and judged. written: Written; request: Request."""
    counts = sorted({len(texts) for texts in written.references.values()})
    references_per_image = " to ".join(map(str, sorted({counts[0], counts[-1]})))
    return (
        f"{written.dataset.name}, {request.split}, {len(written.texts):,} images; beam width {request.beam}; "
        f"{references_per_image} references per image, lower case, no punctuation; corpus scores in percent, BLEU with "
        f"brevity penalty, CIDEr-D from 0 to 1000; numpy_sat {__version__}."
    )


def loss(params: dict[str, np.ndarray], recipe: Recipe, split: batches.Split) -> float:
    """Compute the negative log-likelihood per word of a split, in evaluation mode. Every word has the same weight.

    The ranks of a group share the batches.

    Args:
        params: arrays by name.
        recipe: the recipe of the run.
        split: batches.Split; CAPTIONS_PER_IMAGE captions of each image count.
    Returns:
        The loss in nats.
    """
    losses, group, workspace = [], ranks.current(), Workspace()
    own = batches.plain_batches(split, recipe.training.batch_size, CAPTIONS_PER_IMAGE, group.rank, group.size)
    for batch in batches.prefetch(own):
        count = batch.mask.sum()
        with workspace.step():
            losses.append((float(captioner.loss_only(params, batch, recipe).word * count), float(count)))
    totals, words = zip(*group.merged(losses), strict=True)
    return sum(totals) / sum(words)


def log_likelihoods(model: runs.Model, written: Written) -> tuple[np.ndarray, np.ndarray]:
    """Compute the log-probability of each image's references, as the decoder would write them.

    Args:
        model: runs.Model.
        written: Written of the model, with the images of the split.
    Returns:
        log_p: (N,) sum of the log-probabilities of CAPTIONS_PER_IMAGE references.
        words: (N,) their number of words, with <end>.
    """
    recipe, decoder = model.recipe, decoders.writer(model.recipe)
    split = batches.make_split(
        written.examples, written.inputs, model.vocabulary, recipe.decoding.max_words, written.dataset.tokenize
    )
    log_p, words = [], []
    for batch in batches.plain_batches(split, recipe.training.batch_size, CAPTIONS_PER_IMAGE):
        a = captioner.annotate(model.params, batch.inputs, recipe)
        state = decoder.select(decoder.begin(model.params, a), np.repeat(np.arange(len(a)), CAPTIONS_PER_IMAGE))
        lengths = batch.mask.sum(axis=0).astype(int)
        captions = [targets[:length] for targets, length in zip(batch.targets.T, lengths, strict=True)]
        log_p += [*likelihood.log_probabilities(decoder, model.params, state, captions)]
        words += [*lengths]
    return (np.reshape(values, (-1, CAPTIONS_PER_IMAGE)).sum(axis=1) for values in (log_p, words))


def judge_loss(model: runs.Model, written: Written, train: dict[str, list[str]]) -> Loss:
    """Compute the report.Loss of a captioner.

    Args:
        model: runs.Model.
        written: Written of the model, with the images of the split.
        train: {name: [texts]}, the captions of the training set.
    """
    recipe, model_vocabulary, tokenize = model.recipe, model.vocabulary, written.dataset.tokenize
    model_inputs = inputs.load(recipe, written.examples)
    split = batches.make_split(written.examples, model_inputs, model_vocabulary, recipe.decoding.max_words, tokenize)
    train_captions = (model_vocabulary.encode(tokenize(text)) for texts in train.values() for text in texts)
    split_captions = [model_vocabulary.encode(words) for references in split.references for words in references]
    frequencies = vocabulary.word_frequencies(model_vocabulary, train_captions)
    return Loss(loss(model.params, recipe, split), vocabulary.unigram_entropy(frequencies, split_captions))
