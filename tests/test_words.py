"""Test the command words: nearest neighbors in a run's embedding, and the map of words."""

import dataclasses

import numpy as np
import pytest
import tiny
from PIL import Image

from numpy_sat import captioner, train, words
from numpy_sat.data.vocabulary import SPECIALS, Vocabulary, tokenize
from numpy_sat.decoders import MODELS
from numpy_sat.evaluation import figures, neighbors, word_neighbors
from numpy_sat.experiment import presets, runs
from numpy_sat.system.streams import PARAMETERS, stream
from numpy_sat.training import word_vectors

CORPUS = ["I live in Rome", "I live in Paris", "I live in Italy", "I live in France"]  # from the course's slides

TINY = presets.PRESETS["scenes", True].replace(
    **{"image_size": 16, "stages": ((2,), (3,)), "embedding_size": 5, "hidden_size": 6, "attention_size": 4},
)


def write_run(folder, model=TINY, seed=3, move=None, settings=(), corpus=CORPUS):
    """Write the folder of an untrained run.

    Args:
        folder: the folder to write.
        model: recipe of the run.
        seed: seed of the parameters.
        move: function of the words' rows of E (without <start>, <end>, <unk>) that returns their replacement.
        settings: changes to the settings of the run.
        corpus: sentences whose words become the vocabulary.
    Returns:
        words: the words of the vocabulary, without <start>, <end> and <unk>.
        E: (words, M) their rows of the embedding.
    """
    vocabulary = Vocabulary.build([tokenize(sentence) for sentence in corpus], min_count=1)
    params = captioner.init_params(stream(seed, PARAMETERS), model, np.zeros(len(vocabulary)))
    if move is not None:
        params["E"][len(SPECIALS) :] = move(params["E"][len(SPECIALS) :])
    all_settings = {
        "data": "scenes",
        "root": None,
        "seed": seed,
        "skip_missing": False,
        "dataset_digest": "",
        "command": [],
        **dict(settings),
    }
    runs.save_best(runs.create(folder, all_settings, model, vocabulary, params), params)
    return vocabulary.words[len(SPECIALS) :], params["E"][len(SPECIALS) :]


def run_words(capsys, *arguments):
    """Run the command and return its exit code, stdout and stderr."""
    code = words.main([str(argument) for argument in arguments])
    return code, *capsys.readouterr()


def rows_of(out, vocabulary):
    """Return the output's lines that start with a vocabulary word, by word."""
    return {line.split()[0]: line for line in out.splitlines() if line.split()[0] in vocabulary}


@pytest.mark.drawn
def test_command_with_words(tmp_path, capsys):
    """Check the neighbors where Rome and Paris have the same direction, and so have France and Italy."""

    def align(E):
        aligned = E.copy()
        rome, paris, italy, france = (vocabulary.index(word) for word in ("rome", "paris", "italy", "france"))
        aligned[paris], aligned[france] = 2 * E[rome], 3 * E[italy]
        return aligned

    vocabulary, _ = write_run(tmp_path / "unchanged")
    _, E = write_run(tmp_path / "run", move=align)
    code, out, err = run_words(capsys, tmp_path / "run", "Rome", "italy")
    assert code == 0 and not err
    rows = rows_of(out, vocabulary)
    assert list(rows) == ["rome", "italy"] and "paris 1.00" in rows["rome"] and "france 1.00" in rows["italy"]
    for word, row in rows.items():
        near, cosines = neighbors.nearest(E, vocabulary.index(word), word_neighbors.NEIGHBORS)
        expected = ", ".join(f"{vocabulary[other]} {cosine:.2f}" for other, cosine in zip(near, cosines, strict=True))
        assert row.split(maxsplit=1)[1] == expected and not {"<start>", "<end>", "<unk>"} & set(row.split())
    assert str(tmp_path / "run" / "words.png") in out
    with Image.open(tmp_path / "run" / "words.png") as image:
        assert image.size == (900, 900)


def test_map_has_frequent_words_or_the_given_words_and_their_neighbors(tmp_path, capsys, monkeypatch):
    vocabulary, E = write_run(tmp_path / "run")
    maps = []
    monkeypatch.setattr(figures, "words_figure", lambda *arguments: maps.append(arguments))
    assert run_words(capsys, tmp_path / "run")[0] == 0
    for number, value in {"NEIGHBORS": 2, "LIST_LENGTH": 4, "MAP_SIZE": 5}.items():
        monkeypatch.setattr(word_neighbors, number, value)
    code, out, _ = run_words(capsys, tmp_path / "run", "--out", tmp_path / "map.png")
    assert code == 0 and list(rows_of(out, vocabulary)) == list(vocabulary[:4])
    assert run_words(capsys, tmp_path / "run" / "best.npz", "in", "in", "live")[0] == 0
    all_words, frequent, selected = maps
    assert all_words[:2] == (tmp_path / "run" / "words.png", list(vocabulary))
    assert frequent[:2] == (tmp_path / "map.png", list(vocabulary[:5]))
    assert selected[0] == tmp_path / "run" / "words.png"
    near = [
        vocabulary[other]
        for word in ("in", "live")
        for other in (vocabulary.index(word), *nearest_two(E, vocabulary, word))
    ]
    assert selected[1] == list(dict.fromkeys(near))
    _, names, points, shares, title = all_words
    assert title == "E"
    unit = E / np.linalg.norm(E, axis=1, keepdims=True)
    np.testing.assert_allclose(np.sum(points**2, axis=0), shares * np.sum((unit - unit.mean(axis=0)) ** 2), rtol=1e-5)
    assert points.shape == (len(names), 2)


def nearest_two(E, vocabulary, word):
    return neighbors.nearest(E, vocabulary.index(word), 2)[0]


def test_neighbors_in_the_learned_part(tmp_path, capsys, rng):
    """Check that Rome and Live, moved alike but only a little, are neighbors after the start is subtracted.

    The start is scaled by 0.8, as weight decay would do.
    """

    def train(E):
        added = 0.02 * rng.standard_normal(E.shape).astype(np.float32)
        added[vocabulary.index("rome")] = added[vocabulary.index("live")] = 0.3 * np.eye(E.shape[1])[1]
        return 0.8 * E + added

    vocabulary, _ = write_run(tmp_path / "unchanged")
    write_run(tmp_path / "run", move=train)
    code, out, _ = run_words(capsys, tmp_path / "run", "rome")
    lines = out.splitlines()
    learned = lines[next(k for k, line in enumerate(lines) if line.startswith("rome")) + 1]
    assert code == 0 and learned.split()[:2] == ["learned:", "live"] and float(learned.split()[2].strip(",")) > 0.9


def test_an_unknown_start_gives_no_learned_part(tmp_path, capsys, rng):
    """Check an E that does not come from the run's random start."""
    write_run(tmp_path / "run", move=lambda E: rng.standard_normal(E.shape))
    code, out, _ = run_words(capsys, tmp_path / "run")
    assert code == 0 and "learned" not in out


def test_the_start_comes_from_the_first_run(tmp_path, capsys):
    """Check a run that continues another one and has a different seed."""
    first = dict(zip(runs.FIRST, (dataclasses.asdict(TINY), 3, []), strict=True))
    write_run(tmp_path / "first", move=lambda E: 1.5 * E)
    write_run(tmp_path / "second", move=lambda E: 1.5 * E, settings=first | {"seed": 4})
    _, out, _ = run_words(capsys, tmp_path / "first")
    assert "E and its start have a cosine of 1.00" in out and run_words(capsys, tmp_path / "second")[1] == out.replace(
        str(tmp_path / "first"), str(tmp_path / "second")
    )


@pytest.mark.parametrize("model", [name for name in MODELS if name != "soft"])
def test_command_with_every_model(tmp_path, capsys, model):
    vocabulary, _ = write_run(tmp_path / "run", model=TINY.replace(model=model))
    code, out, err = run_words(capsys, tmp_path / "run")
    assert code == 0 and not err and list(rows_of(out, vocabulary)) == list(vocabulary)


def test_chance_level_matches_random_vectors(rng):
    """Check the median over many words of many random embeddings."""
    largest = []
    for _ in range(20):
        E = rng.standard_normal((60, 256))
        largest += [neighbors.nearest(E, word, 1)[1][0] for word in range(60)]
    assert word_neighbors._chance(E) == pytest.approx(np.median(largest), rel=0.03)


def test_an_unknown_word_gets_similar_spellings(tmp_path, capsys):
    write_run(tmp_path / "run")
    code, out, err = run_words(capsys, tmp_path / "run", "rome", "Frence")
    assert code == 2 and not out and not (tmp_path / "run" / "words.png").exists()
    assert '"Frence" is not among the 7 words of' in err and "similar spellings: france," in err
    for special in SPECIALS:
        assert run_words(capsys, tmp_path / "run", special)[0] == 2


def test_command_errors(tmp_path, capsys, monkeypatch):
    code, _, err = run_words(capsys, tmp_path / "nowhere")
    assert code == 2 and "no such checkpoint" in err and "Traceback" not in err
    write_run(tmp_path / "run")
    code, _, err = run_words(capsys, tmp_path / "run", "--out", tmp_path / "nowhere" / "map.png")
    assert code == 2 and "cannot be written" in err
    assert "nearest neighbors" not in capsys.readouterr().out
    load = runs.load_model

    def without_E(path):
        model = load(path)
        return model._replace(params={name: array for name, array in model.params.items() if name != "E"})

    monkeypatch.setattr(runs, "load_model", without_E)
    code, _, err = run_words(capsys, tmp_path / "run")
    assert code == 2 and "this model has no embedding E" in err


def test_too_few_words_for_a_map(tmp_path, capsys):
    write_run(tmp_path / "run", corpus=["one one one"])
    code, _, err = run_words(capsys, tmp_path / "run")
    assert code == 2 and "1 x 5 numbers are too few for a map" in err


def test_other_vectors_and_an_analogy(tmp_path, capsys, monkeypatch):
    """Check the neighbors in other vectors than E, their own map, and what is to Italy as Rome is to Paris."""
    vocabulary, _ = write_run(tmp_path / "run")
    table = np.zeros((len(SPECIALS) + len(vocabulary), 3), np.float32)
    table[len(SPECIALS) :] = 1, 1, 1
    for word, row in {"paris": (0, 1, 0), "rome": (1, 1, 0), "italy": (0, 1, 1), "france": (1, 1, 1)}.items():
        table[len(SPECIALS) + vocabulary.index(word)] = row
    monkeypatch.setattr(word_vectors, "train_on_run", lambda method, model: table * (2 if method == "glove" else -1))
    command = (tmp_path / "run", "rome", "--vectors", "glove", "--analogy", "Paris", "Rome", "Italy")
    save, titles = figures.canvas.save, []
    monkeypatch.setattr(
        figures.canvas, "save", lambda figure, path: titles.append(figure.axes[0].get_title()) or save(figure, path)
    )
    code, out, err = run_words(capsys, *command, "--out", tmp_path / "map.png")
    assert code == 0 and not err
    lines = [line.strip() for line in out.splitlines()]
    assert "glove: i 0.82, in 0.82, live 0.82, france 0.82, paris 0.71" in lines
    answers = lines[lines.index("paris is to rome as italy is to:") + 1 :]
    assert answers[0].startswith("E: ") and not {"paris", "rome", "italy"} & set(answers[0].split())
    assert next(line for line in answers if line.startswith("glove: ")).count("1.00") == 4  # i, live, in and france
    assert (tmp_path / "map.png").exists() and (tmp_path / "map-glove.png").exists()
    assert titles == [f"Words in the plane of the first two principal axes of {name}" for name in ("E", "glove")]
    code, _, err = run_words(capsys, tmp_path / "run", "--analogy", "Paris", "Rome", "Itally")
    assert code == 2 and '"Itally" is not among' in err


def test_neighbors_of_the_same_kind(capsys):
    """Check two colors beside each other, and a shape beside a color."""
    words, table = ["red", "blue", "circle", "star"], np.array([[1, 0], [1, 0.1], [1, 0.5], [0, 1]])
    word_neighbors._print_kinds(words, {"E": table})
    assert capsys.readouterr().out.splitlines()[1] == "  E: 2 of 2 colors, 1 of 2 shapes, 0 of 0 sizes, 0 of 0 counts"


def test_vectors_of_a_run(root, tmp_path, tiny_preset):
    """Check that the vectors come from the run's own training captions, with the size of its E."""
    assert tiny.run(root, tmp_path / "run", "--epochs", 1) == 0
    model = runs.load_model(tmp_path / "run")
    vectors = word_vectors.train_on_run("glove", model)
    assert vectors.shape == model.params["E"].shape and np.isfinite(vectors).all()


def test_training_starts_from_word_vectors(root, tmp_path, tiny_preset, capsys):
    started = "--set", "embedding_start=glove"
    run = ("--epochs", 1, "--learning-rate", 1e-30)
    assert tiny.run(root, tmp_path / "run", *run, *started) == 0
    model = runs.load_model(tmp_path / "run")
    np.testing.assert_allclose(model.params["E"], word_vectors.train_on_run("glove", model), rtol=0, atol=1e-6)
    assert train.main(["--from", str(tmp_path / "run"), "--set", "embedding_start=random"]) == 2
    assert f"embedding_start: does nothing, because E comes from {tmp_path / 'run'}" in capsys.readouterr().err


# in context


def test_context_needs_a_model_that_fills_gaps(tmp_path, capsys):
    write_run(tmp_path / "run")
    code, out, err = run_words(capsys, tmp_path / "run", "--context", "rome")
    assert code == 2 and not out
    assert "--context needs a model that fills gaps in captions alone: train --blind --model vlp" in " ".join(
        err.split()
    )


def test_an_unknown_word_in_context(tmp_path, capsys):
    sizes = {"hidden_size": 4, "heads": 2, "layers": 1}
    write_run(tmp_path / "run", TINY.replace(model="vlp", blind=True, **sizes))
    code, out, err = run_words(capsys, tmp_path / "run", "--context", "bank")
    assert code == 2 and not out
    assert '"bank" is not among the' in err


def test_context_stands_alone(tmp_path, capsys):
    with pytest.raises(SystemExit):
        words.main([str(tmp_path), "rome", "--context", "paris"])
    assert "--context stands alone" in capsys.readouterr().err
