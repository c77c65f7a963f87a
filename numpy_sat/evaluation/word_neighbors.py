"""Nearest neighbors of words in the embedding of a trained model, and a map of words."""

import difflib
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from numpy_sat import captioner
from numpy_sat.data.vocabulary import SPECIALS
from numpy_sat.evaluation import figures, neighbors, reconstruction
from numpy_sat.experiment import runs
from numpy_sat.experiment.recipe import from_json
from numpy_sat.system import files, output
from numpy_sat.system.errors import InputError, shortened
from numpy_sat.system.streams import PARAMETERS, stream

NEIGHBORS = 5  # per word
LIST_LENGTH, MAP_SIZE = 20, 40  # most frequent words in the list and on the map, if no words are given
SAME_START = 0.5  # if E and the computed random start have a larger cosine, training began from that start


def show(
    run: Path,
    asked_words: Sequence[str] = (),
    out: Path | None = None,
    vectors: Mapping[str, Callable[[runs.Model], np.ndarray]] = MappingProxyType({}),
    asked_analogy: Sequence[str] | None = None,
) -> None:
    """Print the nearest neighbors of words, and draw a map.

    Args:
        run: path of the run.
        asked_words: texts; the default is the most frequent words.
        out: path of the map's PNG; the default is words.png in the run's folder.
        vectors: {name: function that returns other (V, M) vectors of the model's words}, shown beside E. The file name
            of a map contains the name.
        asked_analogy: three words a, b, c, to find what is to c as b is to a.
    Raises:
        InputError: the model has no embedding, or a word is unknown.
    """
    path = out or runs.output_folder(run) / "words.png"
    paths = {"": path, **{name: path.with_stem(f"{path.stem}-{name}") for name in vectors}}  # of the maps
    model = runs.load_model(run)
    for map_path in paths.values():
        files.refuse_unwritable(map_path)
    words, E, start = _embedding(run, model)
    asked = [number_of(run, words, word) for word in asked_words]
    asked_analogy = asked_analogy and [number_of(run, words, word) for word in asked_analogy]
    tables = {name: train(model)[len(SPECIALS) :] for name, train in vectors.items()}
    output.show(
        f"{len(E):,} words, {E.shape[1]} numbers each; nearest neighbors by cosine similarity. "
        f"In a random E the cosine of a nearest neighbor is about {_chance(E):.2f}."
    )
    learned, cosine = _learned(E, start)
    if cosine > SAME_START:
        output.show(f"learned: neighbors in E minus its random start. E and its start have a cosine of {cosine:.2f}.")
        tables = {"learned": learned, **tables}
    _print_rows(words, E, tables, asked or list(range(min(LIST_LENGTH, len(E)))))
    if asked_analogy:
        _print_analogy(words, {"E": E, **tables}, asked_analogy)
    if model.settings["data"] == "scenes":
        _print_kinds(words, {"E": E, **tables})
    for name, map_path in paths.items():
        _draw(map_path, words, tables[name] if name else E, asked, name or "E")


def _print_rows(words, E, tables, rows):
    """Print the neighbors of each word in E, and below in the other tables, {name: (V, M)}."""
    width = max(len(words[word]) for word in rows)
    for word in rows:
        print(output.printable(f"{words[word]:{width}}  {_nearest(words, E, word)}"))
        for name, table in tables.items():
            print(output.printable(f"{'':{width}}  {name}: {_nearest(words, table, word)}"))


def _print_analogy(words, tables, numbers):
    """Print what is to c as b is to a, in each table. numbers: those of a, b and c."""
    a, b, c = (words[number] for number in numbers)
    output.show(f"{a} is to {b} as {c} is to:")
    for name, table in tables.items():
        nearest = zip(*neighbors.analogy(table, *numbers, NEIGHBORS), strict=True)
        print(output.printable(f"  {name}: " + ", ".join(f"{words[word]} {cosine:.2f}" for word, cosine in nearest)))


def _print_kinds(words, tables):
    """Print how many words of each kind in scenes have a nearest neighbor of their kind, in each table."""
    print("nearest neighbors of the same kind:")
    for name, table in tables.items():
        shares = []
        for kind, members in reconstruction.KINDS.items():
            rows = [row for row, word in enumerate(words) if word in members]
            same = sum(words[neighbors.nearest(table, row, 1)[0][0]] in members for row in rows)
            shares.append(f"{same} of {len(rows)} {kind}")
        print(f"  {name}: {', '.join(shares)}")


def _embedding(run, model):
    """Return the words, their rows of E, and the same rows before training.

    <start>, <end> and <unk> are left out. No model reads <end> as the previous word, so most never train its row.
    """
    if "E" not in model.params:
        raise InputError(f"{run}: this model has no embedding E; choose a run of another model.")
    words, E = (table[len(SPECIALS) :] for table in (model.vocabulary.words, model.params["E"]))
    if min(E.shape) < 2:
        raise InputError(f"{run}: {len(E)} x {E.shape[1]} numbers are too few for a map; train on more words.")
    first = runs.origin(model.settings)
    recipe, rng = from_json(first["first_recipe"]), stream(first["first_seed"], PARAMETERS)
    params = captioner.init_params(rng, recipe, np.zeros(len(model.vocabulary)))
    return words, E, params["E"][len(SPECIALS) :]


def number_of(run: Path, words: Sequence[str], word: str) -> int:
    """Return the index of a word. Raise InputError, with similar spellings, if it is unknown."""
    if word.lower() in words:
        return words.index(word.lower())
    similar = ", ".join(difflib.get_close_matches(word.lower(), words, NEIGHBORS, cutoff=0))
    raise InputError(
        f'"{shortened(word)}" is not among the {len(words):,} words of {run}; similar spellings: {similar}.'
    )


def _learned(E, start):
    """Return E minus its scaled start, and the cosine of E and its start.

    Weight decay scales the start by one factor, which a projection finds.
    """
    product = np.vdot(E, start)
    return E - product / np.vdot(start, start) * start, product / np.linalg.norm(E) / np.linalg.norm(start)


def _chance(E):
    """Return the median of the largest of V - 1 cosines with random directions.

    Each cosine is nearly normal with standard deviation 1 / sqrt(M).
    """
    V, M = E.shape
    return statistics.NormalDist().inv_cdf(0.5 ** (1 / (V - 1))) / M**0.5


def _nearest(words, E, word):
    """Return the neighbors of a word and their cosines, as text."""
    nearest = zip(*neighbors.nearest(E, word, NEIGHBORS), strict=True)
    return ", ".join(f"{words[neighbor]} {cosine:.2f}" for neighbor, cosine in nearest)


def _draw(path, words, E, asked, name):
    """Draw the map of the asked words and their neighbors, or of the most frequent words.

    Rows are scaled to length 1, because the cosine depends on directions only.
    """
    neighborhood = [other for word in asked for other in (word, *neighbors.nearest(E, word, NEIGHBORS)[0])]
    rows = list(dict.fromkeys(neighborhood)) or list(range(min(MAP_SIZE, len(E))))
    E = E[rows]
    directions = E / np.maximum(np.linalg.norm(E, axis=1, keepdims=True), np.finfo(E.dtype).tiny)
    axes, shares = neighbors.principal_axes(directions, 2)
    figures.words_figure(path, [words[row] for row in rows], neighbors.project(directions, axes), shares, name)
    output.show(f"map of {len(rows)} words: {path}")
