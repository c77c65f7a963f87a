"""Several models that write together: the next word has the mean of the probabilities that they give it."""

from typing import NamedTuple

import numpy as np

from numpy_sat import captioner, decoders
from numpy_sat.data import batches
from numpy_sat.decoding import search
from numpy_sat.layers import softmax
from numpy_sat.system.errors import InputError

# Settings that say whether a model sees pictures; how, may differ.
SHARED = ("source_words", "blind")


class Ensemble(NamedTuple):
    """Asked as a decoder is, see decoders/__init__.py, but that it is given pictures and makes their annotations.

    Every picture is given once for each member, for one may see it larger than another, or be given what another net
    has made of it.
    """

    members: tuple  # runs.Models
    writers: tuple  # what decoders.writer gives for each

    def begin(self, params, pictures):
        """Of each member the state before the first word.

        pictures: of each of N as many arrays as there are members, (...) as captioner.annotate takes N of them.
        """
        states = []
        for writer, model, seen in zip(self.writers, self.members, zip(*pictures, strict=True), strict=True):
            a = captioner.annotate(model.params, np.stack(seen), model.recipe)
            states.append(writer.begin(model.params, a))
        return states

    def step(self, params, states, words):
        """One word on. words: (B,) the words before.

        Returns log p of the mean probabilities: (B, V), alpha: (B, 0), beta: (B,), ones, and the next states.
        """
        of_each = zip(self.writers, self.members, states, strict=True)
        found = [writer.step(model.params, state, words) for writer, model, state in of_each]
        log_p = np.stack([softmax.log_softmax(logits.astype(np.float64)) for logits, *_ in found])
        mean = np.logaddexp.reduce(log_p, axis=0) - np.log(len(found))
        return mean, np.zeros((len(words), 0)), np.ones(len(words)), [state for *_, state in found]

    def select(self, states, rows):
        """The states of chosen captions. rows: (B',) integers."""
        return [writer.select(state, rows) for writer, state in zip(self.writers, states, strict=True)]


def of(models):
    """The Ensemble of some runs.Models. Raises InputError where they do not read or write the same."""
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
    """The best search.Caption of each picture, by the first member's recipe.

    images: [(N, ...), ...] of each member, the same pictures as inputs.load gives them for it.
    """
    recipe, found = ensemble.members[0].recipe, []
    for start in range(0, len(images[0]), size):
        of_members = [batches.scale_pixels(of_member[start : start + size]) for of_member in images]
        pictures = list(zip(*of_members, strict=True))
        found += search.beam_search(
            ensemble, None, pictures, beam, recipe.decoding.max_words, recipe.decoding.length_power
        )
    return found
