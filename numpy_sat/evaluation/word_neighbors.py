"""Which words a trained model has come to treat alike: nearest neighbours in its embedding, and a map of them."""

import difflib
import statistics

import numpy as np

from numpy_sat import captioner
from numpy_sat.data.vocabulary import SPECIALS
from numpy_sat.evaluation import figures, neighbors
from numpy_sat.experiment import runs
from numpy_sat.experiment.recipe import from_json
from numpy_sat.system.errors import InputError
from numpy_sat.system.streams import PARAMETERS, stream

NEAR = 5  # neighbours of a word
LISTED, DRAWN = 20, 40  # of the most frequent words, where none is asked for
KNOWN = 0.5  # least cosine of E with its random start that shows that training began from that start


def show(run, asked_words=(), out=None):
    """Print the nearest neighbours of words, and draw a map.

    Args:
        run: path of the run.
        asked_words: texts; by default the most frequent words.
        out: the map's PNG; by default words.png in the run's folder.
    Raises:
        InputError: the model has no embedding, or a word is unknown.
    """
    model = runs.load_model(run)
    words, E, start = _embedding(run, model)
    asked = [_number(run, words, word) for word in asked_words]
    print(
        f"{len(E):,} words, {E.shape[1]} numbers each; the nearest by cosine. "
        f"Were E random, the nearest of all would be at about {_chance(E):.2f}."
    )
    learned, cosine = _learned(E, start)
    if cosine > KNOWN:
        print(f"learned: in what training has added to E's random start, with which E has a cosine of {cosine:.2f}.")
    shown = asked or list(range(min(LISTED, len(E))))
    width = max(len(words[word]) for word in shown)
    for word in shown:
        print(f"{words[word]:{width}}  {_nearest(words, E, word)}")
        if cosine > KNOWN:
            print(f"{'':{width}}  learned: {_nearest(words, learned, word)}")
    near = [other for word in asked for other in (word, *neighbors.nearest(E, word, NEAR)[0])]
    drawn = list(dict.fromkeys(near)) or list(range(min(DRAWN, len(E))))
    _draw(out or runs.folder_of(run) / "words.png", [words[word] for word in drawn], E[drawn])


def _embedding(run, model):
    """Return the words, their rows of E, and the same rows before training.

    <start>, <end> and <unk> are left out. No model reads <end> as the previous word, so most never train its row.
    """
    if "E" not in model.params:
        raise InputError(f"{run}: this model has no embedding E; choose a run of another.")
    words, E = (whole[len(SPECIALS) :] for whole in (model.vocabulary.words, model.params["E"]))
    if min(E.shape) < 2:
        raise InputError(f"{run}: {len(E)} x {E.shape[1]} numbers are too few for a map; train on more words.")
    first = runs.beginning(model.settings)
    recipe, rng = from_json(first["first_recipe"]), stream(first["first_seed"], PARAMETERS)
    params = captioner.init_params(rng, recipe, np.zeros(len(model.vocabulary)))
    return words, E, params["E"][len(SPECIALS) :]


def _number(run, words, word):
    """Return a word's place among the words. Raise InputError, with similar spellings, if it is unknown."""
    if word.lower() in words:
        return words.index(word.lower())
    alike = ", ".join(difflib.get_close_matches(word.lower(), words, NEAR, cutoff=0))
    raise InputError(f'"{word}" is not among the {len(words):,} words of {run}; the nearest in spelling are: {alike}.')


def _learned(E, start):
    """Return what training has added to the start of E, and the cosine of E and its start.

    Weight decay has scaled the start by one factor, which is found by projection.
    """
    product = np.vdot(E, start)
    return E - product / np.vdot(start, start) * start, product / np.linalg.norm(E) / np.linalg.norm(start)


def _chance(E):
    """Return the median of the largest of V - 1 cosines with random directions.

    Each cosine is nearly normal, with a standard deviation of 1 / sqrt(M).
    """
    V, M = E.shape
    return statistics.NormalDist().inv_cdf(0.5 ** (1 / (V - 1))) / M**0.5


def _nearest(words, E, word):
    """Return the neighbours of a word and their cosines, as text."""
    near = zip(*neighbors.nearest(E, word, NEAR), strict=True)
    return ", ".join(f"{words[other]} {cosine:.2f}" for other, cosine in near)


def _draw(path, words, E):
    """Draw the map of rows of E, scaled to length 1, since the cosine depends on directions alone."""
    directions = E / np.maximum(np.linalg.norm(E, axis=1, keepdims=True), np.finfo(E.dtype).tiny)
    axes, shares = neighbors.principal_axes(directions, 2)
    figures.words_figure(path, words, neighbors.project(directions, axes), shares)
    print(f"map of {len(words)} words: {path}")
