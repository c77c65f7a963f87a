"""The variance command: the measurement, the effect of a baseline, and the figure."""

from functools import partial

import numpy as np
import pytest
from PIL import Image

from numpy_sat import variance as command
from numpy_sat.data.vocabulary import END, START
from numpy_sat.decoders import hard
from numpy_sat.training import variance

pytestmark = pytest.mark.usefixtures("general_decoder")


@pytest.mark.slow
def test_a_baseline_reduces_the_variance_and_reward_to_go_reduces_it_further(rng):
    (step, loss, before), (last, loss_after, after) = variance.measure(rng, steps=40, every=40, repeats=100)
    assert (step, last) == (0, 40) and loss_after < loss - 0.3
    none, average, to_go = before.values()
    assert none == pytest.approx(average, rel=0.3) and to_go < 0.7 * average  # the baseline is still 0
    none, average, to_go = after.values()
    assert average < 0.5 * none and to_go < 0.9 * average


@pytest.mark.slow
def test_the_variance_of_a_batch_is_the_mean_of_its_captions_variances(rng):
    params = hard.init_params(rng, 10, variance.CONFIG, np.zeros(6), np.float64)
    params["baseline"][:] = -5
    a, batch = variance.draw_batch(rng)
    measure = partial(variance.variance, params, way="moving average", rng=rng, repeats=300)
    variances = []
    for b in range(0, 40, 4):
        mask = batch.mask[:, b : b + 1]
        single = batch._replace(words=batch.words[:, b : b + 1], targets=batch.targets[:, b : b + 1], mask=mask)
        variances.append(measure(a=a[b : b + 1], batch=single))
    together = batch._replace(words=batch.words[:, ::4], targets=batch.targets[:, ::4], mask=batch.mask[:, ::4])
    assert measure(a=a[::4], batch=together) == pytest.approx(np.mean(variances), rel=0.2)
    assert params["baseline"] == -5


def test_captions_name_the_kind_at_each_place(rng):
    a, batch = variance.draw_batch(rng)
    lengths = batch.mask.sum(axis=0).astype(int)
    assert a.shape == (40, 6, 10) and batch.mask.shape == (6, 40) and set(lengths) == {3, 4, 5, 6}
    for n, length in enumerate(lengths):
        words = [variance.FIRST_KIND + int(a[n, place, 6:].argmax()) for place in range(length - 1)]
        assert batch.targets[:length, n].tolist() == [*words, END]
        assert batch.words[:length, n].tolist() == [START, *words]
        assert np.array_equal(a[n, :, :6], np.eye(6))


@pytest.mark.drawn
def test_the_command_writes_a_figure(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(variance, "measure", partial(variance.measure, steps=2, every=1, repeats=3))
    assert command.main(["--out", str(tmp_path / "v.png"), "--seed", "1"]) == 0
    assert Image.open(tmp_path / "v.png").size == (700, 420)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6 and "reward-to-go" in lines[1] and lines[-1].endswith("v.png")
    capsys.readouterr()
    assert command.main(["--out", str(tmp_path / "nowhere" / "v.png")]) == 2
    assert not capsys.readouterr().out
