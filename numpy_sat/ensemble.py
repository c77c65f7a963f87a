"""Several models that write together: the next word has the mean of the probabilities that they give it."""

from typing import NamedTuple

import numpy as np

from numpy_sat import captioner, decoders, search
from numpy_sat.data import batches
from numpy_sat.errors import InputError
from numpy_sat.layers import softmax

# Settings that say what a model is given.
SHARED = ("source", "encoder", "frozen", "blind", "tuned", "digest", "picture_size")


class Ensemble(NamedTuple):
    """Asked as a decoder is, see decoders/__init__.py, but that it is given pictures and makes their annotations."""

    members: tuple  # runs.Models
    writers: tuple  # what decoders.writer gives for each

    def begin(self, params, pictures):
        """Of each member the state before the first word. pictures: (N, ...), as captioner.annotate takes them."""
        annotated = [captioner.annotate(model.params, pictures, model.recipe.model) for model in self.members]
        of_each = zip(self.writers, self.members, annotated, strict=True)
        return [writer.begin(model.params, a) for writer, model, a in of_each]

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
            theirs, ours = (getattr(model.recipe.model, name) for model in (other, first))
            if theirs != ours:
                raise InputError(f"an ensemble needs models that are given the same: {name} is {theirs}, not {ours}.")
        if other.vocabulary.words != first.vocabulary.words:
            raise InputError("an ensemble needs models with the same words: trained on the same captions.")
    return Ensemble(tuple(models), tuple(decoders.writer(model.recipe.model) for model in models))


def caption_pictures(ensemble, images, beam, size=64):
    """The best search.Caption of each picture, by the first member's recipe. images: (N, ...), as inputs.load's."""
    recipe, found = ensemble.members[0].recipe, []
    for start in range(0, len(images), size):
        pictures = batches.scale_pixels(images[start : start + size])
        found += search.beam_search(ensemble, None, pictures, beam, recipe.max_words, recipe.length_power)
    return found
