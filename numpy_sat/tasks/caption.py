"""Caption many images (or phrases) in batches, in their order and in bounded memory.

While a batch is encoded and captioned, threads already decode the images of the next one.
"""

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import NamedTuple

import numpy as np

from numpy_sat.data import images
from numpy_sat.decoding import overflow, repetition, search
from numpy_sat.decoding.trace import Trace, trace_images
from numpy_sat.experiment import runs
from numpy_sat.system.errors import InputError

BATCH = 32  # images that are captioned together


class Captioned(NamedTuple):
    """What became of one image or phrase: its caption, or an error."""

    source: str  # the image file, or the phrase
    words: list | None = None  # texts of the caption
    log_p: float | None = None  # log-probability of the caption, nats
    trace: Trace | None = None  # None if no trace was asked for
    error: InputError | None = None  # why there is no caption


def caption(
    model: runs.Model, task: ModuleType, sources: Sequence[str], beam: int, traced: bool = False
) -> Iterator[Captioned]:
    """Caption images or phrases.

    Args:
        model: runs.Model.
        task: its task module, see tasks/__init__.py.
        sources: image files, or phrases.
        beam: beam width.
        traced: True to trace the captions as well, which takes longer.
    Yields:
        a Captioned of each source, in the order of the sources.
    Raises:
        InputError: the model's log-probabilities are not finite.
    """
    write = _trace if traced else _search
    for batch, model_inputs in _batches(model, task, sources):
        readable = [entry for entry in model_inputs if not isinstance(entry, InputError)]
        captions = iter(write(model, task.encode(model.recipe, np.concatenate(readable)), beam) if readable else ())
        for source, entry in zip(batch, model_inputs, strict=True):
            if isinstance(entry, InputError):
                yield Captioned(source, error=entry)
            else:
                yield Captioned(source, *next(captions))


def _search(model, model_inputs, beam):
    """Caption a batch. Return (words, log p, no trace) of each caption."""
    decoding = model.recipe.decoding
    options = beam, decoding.max_words, decoding.length_power
    stems = repetition.stems_of(model.recipe, model.vocabulary)
    captions = search.caption_images(model.params, model.recipe, model_inputs, *options, stems=stems)
    overflow.refuse(captions)
    return [(model.vocabulary.decode(caption.words), caption.log_p, None) for caption in captions]


def _trace(model, model_inputs, beam):
    """Caption a batch. Return (words, log p, Trace) of each caption."""
    traces = trace_images(model, model_inputs, beam)
    return [(entry.texts[:-1], entry.log_p, entry) for entry in traces]


def _batches(model, task, sources):
    """Yield batches of sources with the model input of each, or the InputError of one that cannot be read."""

    def read(source):
        try:
            return task.read(model.recipe, source)
        except InputError as error:
            return error

    def start(batch):
        return batch, [pool.submit(read, source) for source in batch]

    pool = ThreadPoolExecutor(images.THREADS)
    try:
        starts = range(0, len(sources), BATCH)
        reading = (start(sources[first : first + BATCH]) for first in starts)
        for (batch, futures), _ in itertools.pairwise(itertools.chain(reading, [None])):
            yield batch, [future.result() for future in futures]
    finally:
        pool.shutdown(cancel_futures=True)
