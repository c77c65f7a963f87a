"""The soup command: the mean of the weights of several runs, and which runs it accepts."""

import json

import numpy as np
import pytest

from numpy_sat import caption, captioner, evaluate, ship, show, soup, train
from numpy_sat.data.scenes import scenes
from numpy_sat.data.vocabulary import SPECIALS, Vocabulary
from numpy_sat.experiment import checkpoint, presets, runs
from numpy_sat.system.errors import InputError
from numpy_sat.training import soup as mixing

TINY = [
    "stages=((4,),(6,))",
    "embedding_size=5",
    "hidden_size=7",
    "attention_size=6",
    "image_size=16",
    "batch_norm=true",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder of tiny runs: `before`, `after` and `other` from it, and the unrelated `apart`."""
    folder = tmp_path_factory.mktemp("soup")
    scenes.write(folder / "scenes" / f"scenes-{scenes.VERSION}-0", train=48, dev=6, test=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NUMPY_SAT_CACHE", str(folder / "cache"))
        arguments = ["--small", "--root", folder / "scenes", "--set", *TINY]
        train_run(folder / "before", *arguments)
        train_run(folder / "apart", *arguments, "--seed", 1)
        for seed, name in enumerate(("after", "other")):
            train_run(folder / name, "--from", folder / "before", "--seed", seed, "--learning-rate", 0.1)
        yield folder


def train_run(out, *arguments):
    assert train.main([*map(str, arguments), "--epochs", "1", "--out", str(out)]) == 0


def mix(folder, *names, shares=(), out="soup"):
    shares = ["--shares", *map(str, shares)] if shares else []
    return soup.main([*(str(folder / name) for name in names), *shares, "--out", str(folder / out)])


def weights(run):
    return checkpoint.load(runs.checkpoint_of(run)).params


def test_the_mean_of_weights(folder, capsys):
    assert mix(folder, "after", "before", "other", shares=(5, 3, 2)) == 0
    assert "0.5 " in capsys.readouterr().out
    mean, params = weights(folder / "soup"), [weights(folder / name) for name in ("after", "before", "other")]
    for name, array in mean.items():
        if not name.endswith(captioner.MEASURED):
            expected = 0.5 * params[0][name] + 0.3 * params[1][name] + 0.2 * params[2][name]
            np.testing.assert_allclose(array, expected, rtol=1e-5, atol=1e-7, err_msg=name)
            assert array.dtype == np.float32
    stored = json.loads((folder / "soup" / "config.json").read_text())["soup"]
    assert stored == [[str(folder / name), share] for name, share in (("after", 0.5), ("before", 0.3), ("other", 0.2))]
    assert mix(folder, "after", "before", out="equal") == 0
    for name, array in weights(folder / "equal").items():
        if not name.endswith(captioner.MEASURED):
            np.testing.assert_allclose(array, (params[0][name] + params[1][name]) / 2, rtol=1e-5, atol=1e-7)


def test_running_statistics_are_measured_with_the_mean_weights(folder):
    """Check that a model mixed with itself keeps its statistics, and that those of two models are not averaged."""
    assert mix(folder, "after", "after", out="twice") == mix(folder, "after", "before", out="statistics") == 0
    after, twice = weights(folder / "after"), weights(folder / "twice")
    for name, array in after.items():
        np.testing.assert_allclose(twice[name], array, rtol=1e-4, atol=1e-5, err_msg=name)
    mean, before = weights(folder / "statistics"), weights(folder / "before")
    name = "conv2_1.running_var"
    assert np.abs(mean[name] - (after[name] + before[name]) / 2).max() > 1e-3 * before[name].max()


@pytest.mark.slow
def test_all_commands_accept_a_soup(folder, tmp_path, capsys):
    assert mix(folder, "after", "before", out="whole") == 0
    assert evaluate.main([str(folder / "whole")]) == 0
    assert ship.main([str(folder / "whole"), "--out", str(tmp_path / "captioner.npz")]) == 0
    assert "minutes of training, its weights are the mean over 2 runs\n" in capsys.readouterr().out
    assert str(folder) not in json.dumps(checkpoint.load(tmp_path / "captioner.npz").settings)
    image = sorted((folder / "scenes").rglob("*.jpg"))[0]
    assert caption.main([str(folder / "whole"), str(image)]) == 0
    capsys.readouterr()
    assert show.main([str(folder / "whole")]) == 0
    assert "training curves: none" in capsys.readouterr().out and not (folder / "whole" / "show-curves.png").exists()
    assert show.main([str(folder / "whole"), str(folder / "after")]) == 0
    assert (folder / "whole" / "show-curves.png").exists()
    train_run(tmp_path / "on", "--from", folder / "whole")
    assert mix(folder, "after", "before", out="whole") == 2
    assert "whole already holds a run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("before", "apart"), "apart: does not have the same initial weights as "),
        (("apart", "after"), "after: does not have the same initial weights as "),
        (("before", "nothing"), "nothing: no such checkpoint"),
    ],
)
def test_runs_with_other_initial_weights_are_refused(folder, capsys, names, words):
    assert mix(folder, *names, out="none") == 2
    assert words in capsys.readouterr().err and not (folder / "none").exists()


def test_models_with_other_tuned_stages_are_refused():
    """Mix models that hold the weights of different stages of one pretrained encoder."""
    settings = {"recipe": {}, "seed": 0, "command": [], "first_recipe": {}, "first_seed": 0}
    recipe = presets.on_pretrained("flickr8k", "lite0")
    tuned = recipe.replace(tuned_stages=2)
    frozen_model, tuned_model = (runs.Model({}, r, Vocabulary(SPECIALS), settings, {}) for r in (recipe, tuned))
    with pytest.raises(InputError, match="b: has tuned_stages=2, but a has tuned_stages=0"):
        mixing._refuse_others("b", tuned_model, "a", frozen_model)
    mixing._refuse_others("b", frozen_model, "a", frozen_model)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run"], "name at least two RUNs"),
        (["run", "run", "--shares", "1"], "--shares needs one number for each RUN, 2, not 1"),
        (["run", "run", "--shares", "1", "-1"], "must be a number above 0"),
    ],
)
def test_wrong_arguments(arguments, words, capsys):
    with pytest.raises(SystemExit):
        soup.main(arguments)
    assert words in capsys.readouterr().err


def test_shares_whose_sum_is_too_large(folder, capsys):
    """Check that an infinite sum is refused. It would make all weights zero."""
    assert mix(folder, "before", "after", shares=("1e308", "1e308"), out="large") == 2
    assert "--shares: the sum of 1e+308, 1e+308 is too large; use 1, 2, ..." in capsys.readouterr().err
    assert not (folder / "large").exists()
