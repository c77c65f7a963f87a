"""Ensembles: several models write a caption together. The probability of a word is its mean over the models."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from numpy_sat import captioner, decoders
from numpy_sat.data import batches
from numpy_sat.decoding import repetition, search
from numpy_sat.experiment import runs
from numpy_sat.layers import softmax
from numpy_sat.system.errors import InputError, shortened

# Settings that all members must share. They decide whether a model reads images. The encoders may differ.
SHARED = ("source_words", "blind")


class Ensemble(NamedTuple):
    """The members of an ensemble, with the functions of a decoders.Writer.

    `begin` reads model inputs, not annotations. Each image has one input per member, because members may read images of
    different sizes or features of different encoders.
    """

    members: tuple  # runs.Models
    writers: tuple  # the decoders.Writer of each

    def begin(self, params, inputs):
        """Return the state of each member before the first word.

        Args:
            params: not used.
            inputs: for each of N images, a tuple with the model input of each member.
        """
        states = []
        for writer, model, member_inputs in zip(self.writers, self.members, zip(*inputs, strict=True), strict=True):
            a = captioner.annotate(model.params, np.stack(member_inputs), model.recipe)
            states.append(writer.begin(model.params, a))
        return states

    def step(self, params, states, words):
        """Predict the next word of each caption.

        Args:
            params: not used.
            states: the state of each member.
            words: (B,) previous words.
        Returns:
            log_p: (B, V) log of the mean probabilities.
            alpha: (B, 0), since an ensemble has no common attention.
            beta: (B,) ones.
            states: the state of each member after the word.
        """
        members = zip(self.writers, self.members, states, strict=True)
        steps = [writer.step(model.params, state, words) for writer, model, state in members]
        log_p = np.stack([softmax.log_softmax(logits.astype(np.float64)) for logits, *_ in steps])
        mean = np.logaddexp.reduce(log_p, axis=0) - np.log(len(steps))
        return mean, np.zeros((len(words), 0)), np.ones(len(words)), [state for *_, state in steps]

    def select(self, states, rows):
        """Return the states of a selection of captions. rows: (B',) indices."""
        return [writer.select(state, rows) for writer, state in zip(self.writers, states, strict=True)]


def of(models: Sequence[runs.Model]) -> Ensemble:
    """Return the Ensemble of several models.

    Args:
        models: runs.Models.
    Raises:
        InputError: the models do not read the same inputs, or have different vocabularies.
    """
    first, *others = models
    for other in others:
        for name in SHARED:
            value, expected = (model.recipe.values()[name] for model in (other, first))
            if value != expected:
                value, expected = (shortened(str(setting)) for setting in (value, expected))
                raise InputError(f"an ensemble needs models with the same inputs: {name} is {value}, not {expected}.")
        if other.vocabulary.words != first.vocabulary.words:
            raise InputError("an ensemble needs models with the same vocabulary, trained on the same captions.")
    return Ensemble(tuple(models), tuple(decoders.writer(model.recipe) for model in models))


def caption_images(ensemble: Ensemble, images: Sequence[np.ndarray], beam: int, size: int = 64) -> list[search.Caption]:
    """Caption images by beam search, with the decoding settings of the first member's recipe.

    Args:
        ensemble: Ensemble.
        images: for each member, its model inputs of the same images, (N, ...) as inputs.load returns them.
        beam: beam width.
        size: batch size.
    Returns:
        N search.Captions.
    """
    first, captions = ensemble.members[0], []
    recipe = first.recipe
    decoder = repetition.restricted(ensemble, repetition.stems_of(recipe, first.vocabulary))
    for start in range(0, len(images[0]), size):
        member_inputs = [batches.scale_pixels(member_images[start : start + size]) for member_images in images]
        inputs = list(zip(*member_inputs, strict=True))
        captions += search.beam_search(
            decoder, None, inputs, beam, recipe.decoding.max_words, recipe.decoding.length_power
        )
    return captions
