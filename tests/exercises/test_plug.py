"""What one does with a solved exercise, and with a wrong one: plug, show, and the speed of exercise 8's loops."""

import numba
import numpy as np
import pytest
from PIL import Image

from exercises.runner import array_figures, checks, language_model, lessons, plug, small_training, speed, substitution
from exercises.runner.substitution import Part, in_place
from numpy_sat import kernels
from numpy_sat.bench import rungs
from numpy_sat.check import gradcheck
from numpy_sat.data.scenes import scenes
from numpy_sat.data.vocabulary import END, START, UNK
from numpy_sat.decoders.fast import recurrence
from numpy_sat.decoding import search
from numpy_sat.layers import attention, conv, linear

ALL = [lessons.load(number) for number in lessons.names()]
LINEAR = ALL[2]


@pytest.fixture(autouse=True)
def a_short_trial(request, tmp_path, monkeypatch):
    """Two steps of a small model; in an empty folder, with the library's own functions."""
    if request.config.getoption("--impl") != "numpy_sat":
        pytest.skip("what is tested here puts functions in place itself")
    monkeypatch.chdir(tmp_path)
    for name, value in {"STEPS": 2, "IMAGES": 2, "UNSEEN": 2}.items():
        monkeypatch.setattr(small_training, name, value)
    small = small_training.SEEING.small.replace(
        stages=((16,), (16,), (16,)), embedding_size=8, hidden_size=12, attention_size=8
    )
    monkeypatch.setattr(small_training, "SEEING", small_training.SEEING._replace(small=small))


@pytest.fixture
def learner(tmp_path, monkeypatch):
    """learner(text): the exercises' files lie in a folder of their own, and this is exercise 3's."""
    monkeypatch.setattr(lessons, "EXERCISES", tmp_path)

    def write(text):
        LINEAR.file.write_text(text, encoding="utf-8")

    return write


@pytest.fixture
def unchecked(monkeypatch):
    """The gradient check, which takes the most time, finds nothing."""
    monkeypatch.setattr(small_training, "check_gradients", lambda model: gradcheck.Report((), ()))


def solutions(*of):
    files = [(lessons.load_file(lesson.solution), lesson.tasks) for lesson in of]
    return [Part(task.module, task.name, getattr(file, task.name)) for file, tasks in files for task in tasks]


def judged(monkeypatch, *states):
    verdicts = [{"name": task.name, "state": state} for task, state in zip(LINEAR.tasks, states, strict=True)]
    monkeypatch.setattr(checks, "results", lambda numbers: [checks.Result(number, verdicts) for number in numbers])


# plug


@pytest.mark.slow
def test_solutions_of_all_exercises_train_both_models(tmp_path, capsys):
    found = solutions(*ALL)
    before = {(part.module, part.name): part.right for part in found}
    assert plug.train_on(found, tmp_path / "all") == 0
    assert all(part.calls for part in found)
    assert all(getattr(module, name) is right for (module, name), right in before.items())
    assert {path.name for path in (tmp_path / "all").iterdir()} == {
        *("curves.png", "attention-before.png", "attention-after.png", "words.png")
    }
    said = capsys.readouterr().out
    assert said.count("-log p a word, nats\n") == 10 and "The curves part" not in said
    assert "Never called" not in said and "do without" not in said
    assert max(map(len, said.splitlines())) <= 80 and said.isascii()


def test_a_solved_exercise_is_plugged(unchecked, learner, monkeypatch, capsys):
    learner(LINEAR.solution.read_text(encoding="utf-8"))
    judged(monkeypatch, "right", "right")
    assert plug.plug([LINEAR]) == 0
    said = capsys.readouterr().out
    assert "Exercise 3: The affine map" in said and "runs/plug-03/curves.png" in said.replace("\\", "/")


@pytest.mark.parametrize("state", ["wrong", "unwritten"])
def test_only_what_is_right_is_plugged(state, learner, monkeypatch, capsys):
    learner(LINEAR.solution.read_text(encoding="utf-8"))
    judged(monkeypatch, "right", state)
    assert plug.plug([LINEAR]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "These are not, yet: exercise 3 linear_backward See" in said and "python -m exercises check 3" in said


@pytest.mark.slow
def test_all_is_what_is_right(unchecked, learner, monkeypatch, capsys):
    other = ALL[3]
    learner(LINEAR.solution.read_text(encoding="utf-8"))
    states = {3: "right", 4: "unwritten"}
    monkeypatch.setattr(
        checks,
        "results",
        lambda numbers: [checks.Result(n, [{"name": f"of_{n}", "state": states[n]}]) for n in numbers],
    )
    assert plug.plug([LINEAR, other]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "For these the library's stand in: exercise 4 of_4" in said and "runs/plug-all/curves.png" in said


@pytest.mark.slow
def test_a_function_that_is_never_called_fails(unchecked, tmp_path, capsys):
    found = [Part(linear, "linear_forward", linear.linear_forward), Part(scenes, "cell_share", scenes.cell_share)]
    assert plug.train_on(found, tmp_path) == 1
    assert "Never called: cell_share." in capsys.readouterr().out


@pytest.mark.slow
def test_a_function_that_others_do_without_is_called_alone(unchecked, tmp_path, capsys):
    score, soft, context = attention.score_forward, attention.softmax.softmax_forward, attention.context_forward

    def attend_forward(a, keys, h, W_h, v):
        e, cache_score = score(keys, h, W_h, v)
        alpha, cache_softmax = soft(e)
        z, cache_context = context(alpha, a)
        return z, alpha, attention.AttendCache(cache_score, cache_softmax, cache_context)

    found = [Part(attention, "score_forward", score), Part(attention, "attend_forward", attend_forward)]
    assert plug.train_on(found, tmp_path) == 0
    assert "Your other functions do without score_forward" in capsys.readouterr().out
    assert found[0].calls


@pytest.mark.slow
def test_curves_that_part_and_gradients_that_are_wrong_fail(tmp_path, capsys):
    def off_in(dtype):
        def linear_forward(x, W, b):
            return right.right(x, W, b * (3 if b.dtype == dtype else 1))

        right = Part(linear, "linear_forward", None)
        return [Part(linear, "linear_forward", linear_forward)]

    assert plug.train_on(off_in(np.float32), tmp_path) == 1
    assert "The curves part" in capsys.readouterr().out
    assert plug.train_on(off_in(np.float64), tmp_path) == 1
    assert "WRONG: db_o" in capsys.readouterr().out


def test_a_function_that_fails_in_the_model_has_its_sentence():
    def linear_forward(x, W, b):
        assert x.dtype == np.float64, "only for the check"
        return np.tanh(x, W)

    inner = Part(linear, "linear_forward", linear_forward)
    outer = Part(linear, "linear_backward", lambda *args: inner(*args))
    sentence = (
        r"^linear_forward, right in the check, fails in the model \(line \d+ of test_plug.py: AssertionError: only"
    )
    with pytest.raises(substitution.Broken, match=sentence):
        outer(np.ones(1, np.float32), None, None)


def test_what_numba_cannot_compile_has_its_sentence():
    @numba.njit
    def correlate(x, W, b, y):
        y[0] = np.einsum("i,i", x, x)

    with pytest.raises(substitution.Broken, match=r"numba cannot compile correlate: .*einsum.* \(line \d+\)"):
        Part(rungs, "correlate", correlate)(*[np.ones(1)] * 4)


@pytest.mark.slow
def test_time_limit_ends_training(unchecked, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(small_training, "STEPS", 100)
    monkeypatch.setattr(small_training, "SECONDS", 0)
    assert plug.train_on(solutions(LINEAR), tmp_path) == 0
    assert "After 1 of 100 steps the time was up" in capsys.readouterr().out


def test_captions_are_written_by_measured_moments(monkeypatch):
    seen, write = [], search.caption_images

    def writing(params, *others):
        seen.append(params["conv3_1.running_var"].copy())
        return write(params, *others)

    monkeypatch.setattr(search, "caption_images", writing)
    small_training.run(small_training.SEEING, "adam", small_training.draw(), "")
    before, after = seen
    assert (before != 1).all() and (before != after).all()


def test_loops_stand_where_the_kernels_stand(rng):
    x, W, b = (rng.standard_normal(shape, np.float32) for shape in ((2, 6, 5, 3), (3, 3, 3, 4), (4,)))
    y, _ = conv.conv_forward(x, W, b, padding=1)
    part, before = Part(rungs, "correlate", rungs.correlate), conv.conv_forward
    with in_place([part]):
        found, cache = conv.conv_forward(x, W, b, padding=1)
        conv.conv_forward(x.astype(float), W.astype(float), b.astype(float))
        conv.conv_forward(x, W, b, stride=2)
    assert part.calls == 1 and conv.conv_forward is before
    np.testing.assert_allclose(found, y, atol=1e-5)
    assert cache == conv.ConvCache(x, W, 1, 1)


@pytest.mark.slow
def test_the_trial_is_the_same_every_time_and_has_right_gradients():
    data = small_training.draw()
    for model in (small_training.SEEING, small_training.BLIND):
        runs = [small_training.run(model, "adam", data, "") for _ in range(2)]
        assert runs[0].losses == runs[1].losses and runs[0].after.words == runs[1].after.words
        assert small_training.check_gradients(model).ok


def test_the_model_without_eyes_writes_words(rng):
    params = language_model.init_params(rng, language_model.Config(4, 5), np.zeros(9))
    one, same = language_model.caption_images(params, language_model.Config(4, 5), np.zeros((2, 1)), 1, max_words=6)
    assert one is same and 1 <= len(one.words) <= 6 and min(one.words) > 2 and one.log_p < 0
    params["b_o"][[START, UNK]], params["b_o"][END] = 30, 20
    (short,) = language_model.caption_images(params, language_model.Config(4, 5), np.zeros((1, 1)), 1, max_words=6)
    assert len(short.words) == 1 and short.words[0] > 2
    assert set(params) == {"E", "W_x", "W_hh", "b", "W_o", "b_o"} and params["b"][5:10].tolist() == [1] * 5


# show


def wrong_solution(old="W_turned = W.T", new="W_turned = 2 * W.T"):
    text = LINEAR.solution.read_text(encoding="utf-8")
    assert text.count(old) == 1
    return text.replace(old, new)


def test_wrong_arrays_are_drawn(learner, capsys, monkeypatch):
    learner(wrong_solution())
    drawn = {}
    draw = array_figures.figures.pairs_figure
    monkeypatch.setattr(
        array_figures.figures, "pairs_figure", lambda path, pairs: (drawn.update(pairs), draw(path, pairs))
    )
    assert array_figures.show(LINEAR) == 1
    path = array_figures.FOLDER / "ex03-linear_backward.png"
    assert str(path) in capsys.readouterr().out and Image.open(path).width > 500
    assert [file.name for file in array_figures.FOLDER.iterdir()] == [path.name]
    assert list(drawn) == ["dx"]
    np.testing.assert_allclose(drawn["dx"][0], 2 * drawn["dx"][1])


def test_a_wrong_shape_is_drawn_and_said(learner, capsys):
    learner(wrong_solution("return dx, dW, db", "return dx, dW, drows"))
    assert array_figures.show(LINEAR) == 1
    said = capsys.readouterr().out
    assert "linear_backward: db has shape (3, 2), not (2,)." in said and "ex03-linear_backward.png" in said


@pytest.mark.slow
def test_all_arrays_are_drawn_where_all_is_right(learner, capsys):
    learner(LINEAR.solution.read_text(encoding="utf-8"))
    assert array_figures.show(LINEAR) == 0
    assert "All is right" in capsys.readouterr().out
    assert len(list(array_figures.FOLDER.glob("ex03-*.png"))) == 2


def test_nothing_is_drawn_of_stubs_or_of_no_file(learner, capsys):
    learner("def linear_forward(x, W, b):\n    raise NotImplementedError\n\n\n" * 2)
    assert array_figures.show(LINEAR) == 1
    assert "linear_forward: not written yet." in capsys.readouterr().out
    LINEAR.file.unlink()
    assert array_figures.show(LINEAR) == 1
    assert "ex03_linear.py cannot be read" in capsys.readouterr().out
    learner("import os\nos._exit(0)")
    assert array_figures.show(LINEAR) == 1
    assert "does your code end Python?" in capsys.readouterr().out
    assert not list(array_figures.FOLDER.glob("*.png"))


# speed


def test_speed_is_told_and_drawn(monkeypatch, capsys):
    judged(monkeypatch, "right", "right")
    ms = {name: 10.0 / k for k, name in enumerate([speed.YOURS, *speed.RUNGS], 1)}
    monkeypatch.setattr(speed, "_in_a_process", lambda _: {"ms": ms, "gflops": 100.0, "gbytes": 30.0, "threads": 2})
    assert speed.report(LINEAR) == 0
    said = capsys.readouterr().out
    bars = [line.split() for line in said.splitlines() if line.endswith("#")]
    assert [bar[0] for bar in bars] == ["yours", "numba", "plain", "SIMD", "Winograd", "the"]
    assert [len(bar[-1]) for bar in bars[:5]] == sorted(len(bar[-1]) for bar in bars[:5]) and len(bars[4][-1]) == 44
    assert max(map(len, said.splitlines())) <= 80 and said.isascii()
    assert Image.open(speed.PATH).width > 500


@pytest.mark.slow
def test_loops_are_compiled_and_looked_at_before_they_are_timed():
    def correlate(x, W, b, y):
        y[:] = b

    assert "the line @kernel is missing" in speed.measure(Part(rungs, "correlate", correlate))["problem"]
    assert "Compiled, it is wrong" in speed.measure(Part(rungs, "correlate", numba.njit(correlate)))["problem"]


def test_what_is_not_right_is_not_timed(monkeypatch, capsys):
    judged(monkeypatch, "right", "wrong")
    assert speed.report(LINEAR) == 1
    assert "python -m exercises check 3" in capsys.readouterr().out


def test_the_trials_model_is_unfused(monkeypatch):
    """A kernel that stood for several layers would leave the learner's out."""
    fused = []
    monkeypatch.setattr(recurrence, "decode_forward", lambda *_: fused.append(1))
    small_training.run(small_training.SEEING, "adam", small_training.draw(), "")
    assert not fused and kernels.use_kernels(np.zeros(1, np.float32), composite=True)
