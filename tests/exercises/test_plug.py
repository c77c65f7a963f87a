"""Tests of the commands plug and show, and of the timing of exercise 8's loops."""

import numba
import numpy as np
import pytest
from PIL import Image

from exercises.runner import (
    array_figures,
    checks,
    language_model,
    lessons,
    other_trainings,
    plug,
    small_training,
    speed,
    substitution,
)
from exercises.runner.substitution import Part, in_place
from numpy_sat import kernels
from numpy_sat.bench import rungs
from numpy_sat.check import gradcheck
from numpy_sat.data.scenes import scenes
from numpy_sat.data.vocabulary import END, START, UNK
from numpy_sat.decoders.fast import recurrence
from numpy_sat.decoding import search
from numpy_sat.layers import alignment, attention, conv, linear

ALL = [lessons.load(number) for number in lessons.names()]
LINEAR = ALL[2]


@pytest.fixture(autouse=True)
def short_training(tmp_path, monkeypatch):
    """Shorten the training to two steps of a small model, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name, value in {"STEPS": 2, "BATCH_SIZE": 2, "UNSEEN": 2}.items():
        monkeypatch.setattr(small_training, name, value)
    small = small_training.CAPTIONER.small.replace(
        stages=((16,), (16,), (16,)), embedding_size=8, hidden_size=12, attention_size=8
    )
    monkeypatch.setattr(small_training, "CAPTIONER", small_training.CAPTIONER._replace(small=small))


@pytest.fixture
def learner(tmp_path, monkeypatch):
    """Return a function that writes the learner's file of exercise 3 in a temporary folder."""
    monkeypatch.setattr(lessons, "EXERCISES", tmp_path)

    def write(text):
        LINEAR.file.write_text(text, encoding="utf-8")

    return write


@pytest.fixture
def in_this_process(monkeypatch):
    """Let plug train in this process, where training is short."""
    monkeypatch.setattr(plug, "_run_in_process", plug.train)


@pytest.fixture
def unchecked(monkeypatch):
    """Skip the gradient check, which takes most of the time."""
    monkeypatch.setattr(small_training, "check_gradients", lambda model: gradcheck.Report((), ()))


def solution_parts(*lessons_to_load):
    files = [(lessons.load_file(lesson.solution), lesson.tasks) for lesson in lessons_to_load]
    return [Part(task.module, task.name, getattr(file, task.name)) for file, tasks in files for task in tasks]


def set_states(monkeypatch, *states):
    """Let the checks return these states for the functions of exercise 3."""
    verdicts = [{"name": task.name, "state": state} for task, state in zip(LINEAR.tasks, states, strict=True)]
    monkeypatch.setattr(checks, "results", lambda numbers: [checks.Result(number, verdicts, 0.0) for number in numbers])


# plug


@pytest.mark.slow
def test_solutions_of_all_exercises_train_all_models(tmp_path, capsys):
    parts = solution_parts(*ALL)
    before = {(part.module, part.name): part.right for part in parts}
    assert plug.train_on(parts, tmp_path / "all") == 0
    assert all(part.calls for part in parts)
    assert all(getattr(module, name) is right for (module, name), right in before.items())
    assert {path.name for path in (tmp_path / "all").iterdir()} == {
        *("curves.png", "curves.json", "attention-before.png", "attention-after.png", "words.png")
    }
    output = capsys.readouterr().out
    assert output.count("-log p per word, nats\n") == 12 and "The curves differ" not in output
    others = dict.fromkeys(other_trainings.TRAININGS.values())
    assert all(f"\n{training.name}: {training.unit}\n" in output for training in others)
    assert "Never called" not in output and "do not call" not in output
    assert max(map(len, output.splitlines())) <= 80 and output.isascii()


def test_a_solved_exercise_is_plugged(unchecked, in_this_process, learner, monkeypatch, capsys):
    learner(LINEAR.solution.read_text(encoding="utf-8"))
    set_states(monkeypatch, "right", "right")
    assert plug.plug([LINEAR]) == 0
    output = capsys.readouterr().out
    assert "Exercise 3: The affine map" in output and "runs/plug-03/curves.png" in output.replace("\\", "/")


def test_parts_outside_of_a_captioner_have_trainings_of_their_own(tmp_path, capsys):
    numbers = [lesson.number for lesson in ALL if lesson.tasks[0].module in other_trainings.TRAININGS]
    parts = solution_parts(*(lessons.load(number) for number in numbers))
    assert {part.module for part in parts} == other_trainings.TRAININGS.keys()
    assert plug.train_on(parts, tmp_path) == 0
    output = capsys.readouterr().out
    assert all(part.calls for part in parts) and "per word, nats" not in output
    assert output.count("The curves") == 12 and 'Nearest to "a"' in output and "Cells of the words: " in output


@pytest.mark.parametrize("state", ["wrong", "unwritten"])
def test_only_right_functions_are_plugged(state, learner, monkeypatch, capsys):
    learner(LINEAR.solution.read_text(encoding="utf-8"))
    set_states(monkeypatch, "right", state)
    assert plug.plug([LINEAR]) == 1
    output = " ".join(capsys.readouterr().out.split())
    assert "These are not right yet: exercise 3 linear_backward See" in output
    assert "python -m exercises check 3" in output


@pytest.mark.slow
def test_plug_all_uses_the_solved_exercises(unchecked, in_this_process, learner, monkeypatch, capsys):
    cross_entropy = ALL[3]
    learner(LINEAR.solution.read_text(encoding="utf-8"))
    states = {3: "right", 4: "unwritten"}
    monkeypatch.setattr(
        checks,
        "results",
        lambda numbers: [checks.Result(n, [{"name": f"function_{n}", "state": states[n]}], 0.0) for n in numbers],
    )
    assert plug.plug([LINEAR, cross_entropy]) == 0
    output = " ".join(capsys.readouterr().out.split())
    assert "The library's functions replace these: exercise 4 function_4" in output
    assert "runs/plug-all/curves.png" in output


def test_rounding_does_not_change_the_curve_of_the_alignment(monkeypatch):
    def score_forward(v, s, mask):
        products = np.einsum("krh,tbh->krtb", v, s)
        return (products.max(axis=1) * mask).sum(axis=1), alignment.ScoreCache(v, s, products.argmax(axis=1), mask)

    library, _ = other_trainings.ALIGN.run(10)
    monkeypatch.setattr(alignment, "score_forward", score_forward)
    yours, _ = other_trainings.ALIGN.run(10)
    np.testing.assert_allclose(yours, library, atol=plug.TOLERANCE / 10)


@pytest.mark.slow
def test_a_function_that_is_never_called_fails(unchecked, tmp_path, capsys):
    parts = [Part(linear, "linear_forward", linear.linear_forward), Part(scenes, "cell_share", scenes.cell_share)]
    assert plug.train_on(parts, tmp_path) == 1
    assert "Never called: cell_share." in capsys.readouterr().out


@pytest.mark.slow
def test_a_function_that_the_others_do_not_call_gets_an_extra_run(unchecked, tmp_path, capsys):
    score, softmax, context = attention.score_forward, attention.softmax.softmax_forward, attention.context_forward

    def attend_forward(a, keys, h, W_h, v):
        e, cache_score = score(keys, h, W_h, v)
        alpha, cache_softmax = softmax(e)
        z, cache_context = context(alpha, a)
        return z, alpha, attention.AttendCache(cache_score, cache_softmax, cache_context)

    parts = [Part(attention, "score_forward", score), Part(attention, "attend_forward", attend_forward)]
    assert plug.train_on(parts, tmp_path) == 0
    assert "Your other functions do not call score_forward" in capsys.readouterr().out
    assert parts[0].calls


@pytest.mark.slow
def test_different_curves_and_wrong_gradients_fail(tmp_path, capsys):
    def part_wrong_in(dtype):
        def linear_forward(x, W, b):
            return library.right(x, W, b * (3 if b.dtype == dtype else 1))

        library = Part(linear, "linear_forward", None)
        return [Part(linear, "linear_forward", linear_forward)]

    assert plug.train_on(part_wrong_in(np.float32), tmp_path) == 1
    assert "The curves differ" in capsys.readouterr().out
    assert plug.train_on(part_wrong_in(np.float64), tmp_path) == 1
    assert "WRONG: db_o" in capsys.readouterr().out


def test_a_function_that_fails_in_the_model_has_its_message():
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


def test_a_function_that_numba_cannot_compile_has_its_message():
    @numba.njit
    def correlate(x, W, b, y):
        y[0] = np.einsum("i,i", x, x)

    with pytest.raises(substitution.Broken, match=r"numba cannot compile correlate: .*einsum.* \(line \d+\)"):
        Part(rungs, "correlate", correlate)(*[np.ones(1)] * 4)


@pytest.mark.slow
def test_time_limit_ends_training(unchecked, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(small_training, "STEPS", 100)
    monkeypatch.setattr(small_training, "SECONDS", 0)
    assert plug.train_on(solution_parts(LINEAR), tmp_path) == 0
    assert "Training stopped after 1 of 100 steps" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(("yours", "library"), [(3, 5), (5, 3)])
def test_curves_are_compared_up_to_the_end_of_the_shorter_one(yours, library, monkeypatch, capsys):
    monkeypatch.setattr(small_training, "STEPS", 5)
    assert plug._show_losses("a loss", [1.0] * yours, [1.0] * library)
    assert "Training stopped after 3 of 5 steps" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("yours", "compared", "agree"),
    [
        ([None, None, 20.0, 30.0], 4, False),  # no sample changed, so the functions differ
        ([None, None, 20.0, 31.0], 3, True),
        ([None, None, 21.0, 30.0], 2, True),
        ([None, None, 20.0], 4, True),  # training stopped early
    ],
)
def test_curves_are_compared_up_to_the_first_sample_that_rounding_changed(capsys, yours, compared, agree):
    same = plug._steps_with_the_same_samples(yours, [None, None, 20.0, 30.0])
    assert same == compared
    assert plug._show_losses("a loss", [4.0, 3.0, 2.0, 1.5][: len(yours)], [4.0, 3.0, 2.0, 1.0], same) == agree
    sentence = f"From step {compared + 1} on, rounding changed a sampled caption."
    assert (sentence in capsys.readouterr().out) == (compared < 4)


def test_captions_use_measured_running_variances(monkeypatch):
    variances, caption_images = [], search.caption_images

    def record_variance(params, *others):
        variances.append(params["conv3_1.running_var"].copy())
        return caption_images(params, *others)

    monkeypatch.setattr(search, "caption_images", record_variance)
    small_training.run(small_training.CAPTIONER, "adam", small_training.make_data(), "")
    before, after = variances
    assert (before != 1).all() and (before != after).all()


def test_loops_replace_kernels(rng):
    x, W, b = (rng.standard_normal(shape, np.float32) for shape in ((2, 6, 5, 3), (3, 3, 3, 4), (4,)))
    y, _ = conv.conv_forward(x, W, b, padding=1)
    part, before = Part(rungs, "correlate", rungs.correlate), conv.conv_forward
    with in_place([part]):
        y_of_loops, cache = conv.conv_forward(x, W, b, padding=1)
        conv.conv_forward(x.astype(float), W.astype(float), b.astype(float))
        conv.conv_forward(x, W, b, stride=2)
    assert part.calls == 1 and conv.conv_forward is before
    np.testing.assert_allclose(y_of_loops, y, atol=1e-5)
    assert cache == conv.ConvCache(x, W, 1, 1)


@pytest.mark.slow
def test_training_is_deterministic_and_has_right_gradients():
    data = small_training.make_data()
    for model in (small_training.CAPTIONER, small_training.LANGUAGE_MODEL):
        runs = [small_training.run(model, "adam", data, "") for _ in range(2)]
        assert runs[0].losses == runs[1].losses and runs[0].after.words == runs[1].after.words
        assert small_training.check_gradients(model).ok


def test_the_language_model_writes_words(rng):
    params = language_model.init_params(rng, language_model.Config(4, 5), np.zeros(9))
    first, second = language_model.caption_images(params, language_model.Config(4, 5), np.zeros((2, 1)), 1, max_words=6)
    assert first is second and 1 <= len(first.words) <= 6 and min(first.words) > 2 and first.log_p < 0
    params["b_o"][[START, UNK]], params["b_o"][END] = 30, 20
    (short,) = language_model.caption_images(params, language_model.Config(4, 5), np.zeros((1, 1)), 1, max_words=6)
    assert len(short.words) == 1 and short.words[0] > 2
    assert set(params) == {"E", "W_x", "W_hh", "b", "W_o", "b_o"} and params["b"][5:10].tolist() == [1] * 5


# show


def wrong_solution(old="return dx, dW, db", new="return 2 * dx, dW, db"):
    text = LINEAR.solution.read_text(encoding="utf-8")
    assert text.count(old) == 1
    return text.replace(old, new)


@pytest.mark.slow
@pytest.mark.drawn
def test_wrong_arrays_are_drawn(learner, capsys, monkeypatch):
    learner(wrong_solution())
    pairs_of_figure = {}
    draw = array_figures.figures.pairs_figure
    monkeypatch.setattr(
        array_figures.figures,
        "pairs_figure",
        lambda path, pairs, *others: (pairs_of_figure.update(pairs), draw(path, pairs, *others)),
    )
    assert array_figures.show(LINEAR) == 1
    path = array_figures.FOLDER / "ex03-linear_backward.png"
    assert str(path) in capsys.readouterr().out and Image.open(path).width > 500
    assert [file.name for file in array_figures.FOLDER.iterdir()] == [path.name]
    assert list(pairs_of_figure) == ["dx"]
    yours, right = pairs_of_figure["dx"]
    np.testing.assert_allclose(yours, 2 * right)


def test_the_array_that_the_check_blames_comes_first(monkeypatch):
    finding = {"array": "db"}
    verdicts = [{"name": "linear_backward", "findings": [finding]}]
    monkeypatch.setattr(array_figures.checks, "results_of", lambda files: [checks.Result(3, verdicts, 0.1)])
    pairs = {name: (np.zeros(2), np.ones(2)) for name in ("dx", "dW", "db")}
    order = array_figures.in_order(LINEAR, {"name": "linear_backward", "pairs": pairs})
    assert list(order) == ["db", "dx", "dW"]  # the others in the order of the return statement
    axes = array_figures.axes_of(lessons.load(9))
    assert axes["dW_x"] == axes["W_x"] == ("I", "4S") and axes["dh"] == ("B", "S")


def test_a_wrong_shape_is_drawn_and_reported(learner, capsys):
    learner(wrong_solution("return dx, dW, db", "return dx, dW, drows"))
    assert array_figures.show(LINEAR) == 1
    output = capsys.readouterr().out
    assert "linear_backward: db has shape (3, 2), not (2,)." in output and "ex03-linear_backward.png" in output


@pytest.mark.slow
def test_all_arrays_are_drawn_if_all_are_right(learner, capsys):
    learner(LINEAR.solution.read_text(encoding="utf-8"))
    assert array_figures.show(LINEAR) == 0
    assert "All is right" in capsys.readouterr().out
    assert len(list(array_figures.FOLDER.glob("ex03-*.png"))) == 2


@pytest.mark.slow
def test_nothing_is_drawn_for_stubs_or_a_missing_file(learner, capsys):
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


def test_speed_is_reported_and_drawn(monkeypatch, capsys):
    set_states(monkeypatch, "right", "right")
    ms = {name: 10.0 / k for k, name in enumerate([speed.YOURS, *speed.RUNGS], 1)}
    monkeypatch.setattr(speed, "_run_in_process", lambda _: {"ms": ms, "gflops": 100.0, "gbytes": 30.0, "threads": 2})
    assert speed.report(LINEAR) == 0
    output = capsys.readouterr().out
    bars = [line.split() for line in output.splitlines() if line.endswith("#")]
    assert [bar[0] for bar in bars] == ["yours", "numba", "plain", "SIMD", "Winograd", "the"]
    assert [len(bar[-1]) for bar in bars[:5]] == sorted(len(bar[-1]) for bar in bars[:5]) and len(bars[4][-1]) == 44
    assert max(map(len, output.splitlines())) <= 80 and output.isascii()
    assert Image.open(speed.PATH).width > 500


@pytest.mark.slow
def test_loops_are_compiled_and_checked_before_they_are_timed():
    def correlate(x, W, b, y):
        y[:] = b

    assert "the line @kernel is missing" in speed.measure(Part(rungs, "correlate", correlate))["problem"]
    problem = speed.measure(Part(rungs, "correlate", numba.njit(correlate)))["problem"]
    assert "The compiled function is wrong" in problem


def test_a_wrong_solution_is_not_timed(monkeypatch, capsys):
    set_states(monkeypatch, "right", "wrong")
    assert speed.report(LINEAR) == 1
    assert "python -m exercises check 3" in capsys.readouterr().out


def test_the_small_model_is_unfused(monkeypatch):
    """Check that no fused kernel runs, because it would not call the learner's layers."""
    fused_calls = []
    monkeypatch.setattr(recurrence, "decode_forward", lambda *_: fused_calls.append(1))
    small_training.run(small_training.CAPTIONER, "adam", small_training.make_data(), "")
    assert not fused_calls and kernels.use_kernels(np.zeros(1, np.float32), composite=True)
