"""Ensembles: several models write a caption together. A word's probability is the mean of its probabilities."""

from typing import NamedTuple

import numpy as np

from numpy_sat import captioner, decoders
from numpy_sat.data import batches
from numpy_sat.decoding import search
from numpy_sat.layers import softmax
from numpy_sat.system.errors import InputError

# Settings that members must share: they say whether a model reads images. How it reads them may differ.
SHARED = ("source_words", "blind")


class Ensemble(NamedTuple):
    """The members of an ensemble, with the functions of a decoders.Writer.

    `begin` reads model inputs, not annotations. Each image has an input for each member, because members may read
    images of different sizes, or features of different encoders.
    """

    members: tuple  # runs.Models
    writers: tuple  # the decoders.Writer of each

    def begin(self, params, inputs):
        """Return each member's state before the first word.

        Args:
            params: not used.
            inputs: of each of N images, a tuple with the model input for each member.
        """
        states = []
        for writer, model, of_member in zip(self.writers, self.members, zip(*inputs, strict=True), strict=True):
            a = captioner.annotate(model.params, np.stack(of_member), model.recipe)
            states.append(writer.begin(model.params, a))
        return states

    def step(self, params, states, words):
        """Advance by one word: predict the word after each caption's last one.

        Args:
            params: not used.
            states: the state of each member.
            words: (B,) the words before.
        Returns:
            log_p: (B, V) log of the mean probabilities.
            alpha: (B, 0), for there is no common attention.
            beta: (B,), ones.
            states: the state of each member after the word.
        """
        of_each = zip(self.writers, self.members, states, strict=True)
        steps = [writer.step(model.params, state, words) for writer, model, state in of_each]
        log_p = np.stack([softmax.log_softmax(logits.astype(np.float64)) for logits, *_ in steps])
        mean = np.logaddexp.reduce(log_p, axis=0) - np.log(len(steps))
        return mean, np.zeros((len(words), 0)), np.ones(len(words)), [state for *_, state in steps]

    def select(self, states, rows):
        """Return the states of chosen captions. rows: (B',) integers."""
        return [writer.select(state, rows) for writer, state in zip(self.writers, states, strict=True)]


def of(models):
    """Return the Ensemble of some runs.Models. Raises InputError if they do not read or write the same."""
    first, *others = models
    for other in others:
        for name in SHARED:
            theirs, ours = (model.recipe.values()[name] for model in (other, first))
            if theirs != ours:
                raise InputError(f"an ensemble needs models that are given the same: {name} is {theirs}, not {ours}.")
        if other.vocabulary.words != first.vocabulary.words:
            raise InputError("an ensemble needs models with the same words: trained on the same captions.")
    return Ensemble(tuple(models), tuple(decoders.writer(model.recipe) for model in models))


def caption_images(ensemble, images, beam, size=64):
    """Caption images by beam search, with the decoding settings of the first member's recipe.

    Args:
        ensemble: Ensemble.
        images: for each member its model inputs of the same images, (N, ...) as inputs.load returns them.
        beam: beam width.
        size: batch size.
    Returns:
        N search.Captions.
    """
    recipe, captions = ensemble.members[0].recipe, []
    for start in range(0, len(images[0]), size):
        of_members = [batches.scale_pixels(of_member[start : start + size]) for of_member in images]
        inputs = list(zip(*of_members, strict=True))
        captions += search.beam_search(
            ensemble, None, inputs, beam, recipe.decoding.max_words, recipe.decoding.length_power
        )
    return captions
