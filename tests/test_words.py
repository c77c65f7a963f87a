"""The command words: which words of a run's embedding are alike, and the map of them."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from numpy_sat import captioner, words
from numpy_sat.data.vocabulary import SPECIALS, Vocabulary, tokenize
from numpy_sat.decoders import MODELS
from numpy_sat.evaluation import figures, neighbors, word_neighbors
from numpy_sat.experiment import presets, runs
from numpy_sat.system.streams import PARAMETERS, stream

CORPUS = ["I live in Rome", "I live in Paris", "I live in Italy", "I live in France"]  # of the course's slides

TINY = presets.PRESETS["scenes", True].replace(
    **{"image_size": 16, "stages": ((2,), (3,)), "embedding_size": 5, "hidden_size": 6, "attention_size": 4},
)


def written(folder, model=TINY, seed=3, move=None, others=(), corpus=CORPUS):
    """A run's folder with the slides' words; move(E): its rows, without the marks, are given those of `move`.

    others: settings of the run that are to be otherwise.
    """
    vocabulary = Vocabulary.build([tokenize(sentence) for sentence in corpus], min_count=1)
    params = captioner.init_params(stream(seed, PARAMETERS), model, np.zeros(len(vocabulary)))
    if move is not None:
        params["E"][len(SPECIALS) :] = move(params["E"][len(SPECIALS) :])
    settings = {
        "data": "scenes",
        "root": None,
        "seed": seed,
        "skip_missing": False,
        "dataset_digest": "",
        "command": [],
        **dict(others),
    }
    runs.save_best(runs.create(folder, settings, model, vocabulary, params), params)
    return vocabulary.words[len(SPECIALS) :], params["E"][len(SPECIALS) :]


def shown(capsys, *arguments):
    """The exit code, and what was said, on one line and on the other."""
    code = words.main([str(argument) for argument in arguments])
    return code, *capsys.readouterr()


def rows_of(out, known):
    """{word: its line} of the output's rows."""
    return {line.split()[0]: line for line in out.splitlines() if line.split()[0] in known}


def test_command_of_a_word(tmp_path, capsys):
    """Rome and Paris are made to point one way, and so are France and Italy."""

    def together(E):
        moved = E.copy()
        rome, paris, italy, france = (known.index(word) for word in ("rome", "paris", "italy", "france"))
        moved[paris], moved[france] = 2 * E[rome], 3 * E[italy]
        return moved

    known, _ = written(tmp_path / "asis")
    _, E = written(tmp_path / "run", move=together)
    code, out, err = shown(capsys, tmp_path / "run", "Rome", "italy")
    assert code == 0 and not err
    rows = rows_of(out, known)
    assert list(rows) == ["rome", "italy"] and "paris 1.00" in rows["rome"] and "france 1.00" in rows["italy"]
    for word, row in rows.items():
        near, cosines = neighbors.nearest(E, known.index(word), word_neighbors.NEAR)
        expected = ", ".join(f"{known[other]} {cosine:.2f}" for other, cosine in zip(near, cosines, strict=True))
        assert row.split(maxsplit=1)[1] == expected and not {"<start>", "<end>", "<unk>"} & set(row.split())
    assert str(tmp_path / "run" / "words.png") in out
    with Image.open(tmp_path / "run" / "words.png") as image:
        assert image.size == (900, 900)


def test_command_draws_frequent_words_or_the_asked_and_their_neighbours(tmp_path, capsys, monkeypatch):
    known, E = written(tmp_path / "run")
    drawn = []
    monkeypatch.setattr(figures, "words_figure", lambda *arguments: drawn.append(arguments))
    assert shown(capsys, tmp_path / "run")[0] == 0
    for number, value in {"NEAR": 2, "LISTED": 4, "DRAWN": 5}.items():
        monkeypatch.setattr(word_neighbors, number, value)
    code, out, _ = shown(capsys, tmp_path / "run", "--out", tmp_path / "map.png")
    assert code == 0 and list(rows_of(out, known)) == list(known[:4])
    assert shown(capsys, tmp_path / "run" / "best.npz", "in", "in", "live")[0] == 0
    everything, frequent, asked = drawn
    assert everything[:2] == (tmp_path / "run" / "words.png", list(known))
    assert frequent[:2] == (tmp_path / "map.png", list(known[:5]))
    assert asked[0] == tmp_path / "run" / "words.png"
    near = [known[other] for word in ("in", "live") for other in (known.index(word), *nearest_two(E, known, word))]
    assert asked[1] == list(dict.fromkeys(near))
    _, names, points, shares = everything
    unit = E / np.linalg.norm(E, axis=1, keepdims=True)
    np.testing.assert_allclose(np.sum(points**2, axis=0), shares * np.sum((unit - unit.mean(axis=0)) ** 2), rtol=1e-5)
    assert points.shape == (len(names), 2)


def nearest_two(E, known, word):
    return neighbors.nearest(E, known.index(word), 2)[0]


def test_what_training_added(tmp_path, capsys, rng):
    """A start shrunk by weight decay, and Rome and Live moved alike by less than it: only without it they are near."""

    def moved(E):
        added = 0.02 * rng.standard_normal(E.shape).astype(np.float32)
        added[known.index("rome")] = added[known.index("live")] = 0.3 * np.eye(E.shape[1])[1]
        return 0.8 * E + added

    known, _ = written(tmp_path / "asis")
    written(tmp_path / "run", move=moved)
    code, out, _ = shown(capsys, tmp_path / "run", "rome")
    lines = out.splitlines()
    learned = lines[next(k for k, line in enumerate(lines) if line.startswith("rome")) + 1]
    assert code == 0 and learned.split()[:2] == ["learned:", "live"] and float(learned.split()[2].strip(",")) > 0.9


def test_nothing_is_said_of_a_start_that_is_not_known(tmp_path, capsys, rng):
    """As where somebody has put another E in its place."""
    written(tmp_path / "run", move=lambda E: rng.standard_normal(E.shape))
    code, out, _ = shown(capsys, tmp_path / "run")
    assert code == 0 and "learned" not in out


def test_the_start_is_that_of_the_run_that_all_began_with(tmp_path, capsys):
    """Whatever the run's own seed."""
    first = dict(zip(runs.FIRST, (dataclasses.asdict(TINY), 3, []), strict=True))
    written(tmp_path / "first", move=lambda E: 1.5 * E)
    written(tmp_path / "on", move=lambda E: 1.5 * E, others=first | {"seed": 4})
    _, out, _ = shown(capsys, tmp_path / "first")
    assert "with which E has a cosine of 1.00" in out and shown(capsys, tmp_path / "on")[1] == out.replace(
        str(tmp_path / "first"), str(tmp_path / "on")
    )


@pytest.mark.parametrize("model", [name for name in MODELS if name != "soft"])
def test_command_of_every_model(tmp_path, capsys, model):
    known, _ = written(tmp_path / "run", model=TINY.replace(model=model))
    code, out, err = shown(capsys, tmp_path / "run")
    assert code == 0 and not err and list(rows_of(out, known)) == list(known)


def test_chance_is_what_random_vectors_have(rng):
    """The median over many words of many random embeddings."""
    largest = []
    for _ in range(20):
        E = rng.standard_normal((60, 256))
        largest += [neighbors.nearest(E, word, 1)[1][0] for word in range(60)]
    assert word_neighbors._chance(E) == pytest.approx(np.median(largest), rel=0.03)


def test_unknown_words_are_answered_by_words_spelt_alike(tmp_path, capsys):
    written(tmp_path / "run")
    code, out, err = shown(capsys, tmp_path / "run", "rome", "Frence")
    assert code == 2 and not out and not (tmp_path / "run" / "words.png").exists()
    assert '"Frence" is not among the 7 words of' in err and "spelling are: france," in err
    for mark in SPECIALS:
        assert shown(capsys, tmp_path / "run", mark)[0] == 2


def test_command_errors_are_sentences(tmp_path, capsys, monkeypatch):
    code, _, err = shown(capsys, tmp_path / "nowhere")
    assert code == 2 and "no such checkpoint" in err and "Traceback" not in err
    written(tmp_path / "run")
    code, _, err = shown(capsys, tmp_path / "run", "--out", tmp_path / "nowhere" / "map.png")
    assert code == 2 and "cannot be written" in err
    with pytest.raises(SystemExit):
        shown(capsys, tmp_path / "run", "--out", "map")
    assert "--out needs a file name" in capsys.readouterr().err
    load = runs.load_model

    def without_E(path):
        model = load(path)
        return model._replace(params={name: array for name, array in model.params.items() if name != "E"})

    monkeypatch.setattr(runs, "load_model", without_E)
    code, _, err = shown(capsys, tmp_path / "run")
    assert code == 2 and "this model has no embedding E" in err


def test_too_few_words_for_a_map(tmp_path, capsys):
    written(tmp_path / "run", corpus=["one one one"])
    code, _, err = shown(capsys, tmp_path / "run")
    assert code == 2 and "1 x 5 numbers are too few for a map" in err
