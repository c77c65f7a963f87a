"""Check that several ranks follow the curve of one. The ranks are threads here; test_mpi.py has real processes."""

import itertools

import numpy as np
import pytest
from thread_ranks import on_ranks
from tiny import RECIPE

from numpy_sat import captioner
from numpy_sat.data import batches
from numpy_sat.data.vocabulary import Vocabulary
from numpy_sat.decoders import MODELS
from numpy_sat.experiment import runs
from numpy_sat.system import ranks, streams
from numpy_sat.system.errors import InputError
from numpy_sat.system.workspace import Workspace
from numpy_sat.training import loop, objectives, shares

V = 14
VOCABULARY = Vocabulary(("<start>", "<end>", "<unk>", *"abcdefghijk"))
NORMED = {"stages": ((16,), (16,)), "batch_norm": True, "annotation_dropout": 0.2}


def split(rng, images=25):
    """Return random images with three captions each, whose lengths differ a lot."""
    pixels = rng.integers(0, 256, (images, 16, 16, 3), np.uint8)
    captions = [tuple(np.append(rng.integers(3, V, rng.integers(1, 9)), 1) for _ in range(3)) for _ in range(images)]
    references = tuple(tuple(VOCABULARY.decode(caption[:-1]) for caption in own) for own in captions)
    return batches.Split(tuple(map(str, range(images))), pixels, tuple(captions), references, ())


def trained(recipe, dtype, steps, data, folder):
    """Train on the ranks that run this function, and return the parameters and the losses."""
    params = captioner.init_params(np.random.default_rng(1), recipe, np.zeros(V), dtype)
    run = runs.Run(folder, {"seed": 3}, recipe, VOCABULARY, params, {}, runs.Progress(), {})
    losses, workspace, objective = [], Workspace(), objectives.objective_of(recipe, 0)
    prepared = objective.prepare(run, data)
    share = shares.of_batch(objective, recipe.training.batch_size)
    epochs = (loop._batches(run, data, 0, share) for run.progress.epoch in itertools.count())
    for batch in itertools.islice(shares.aligned(itertools.chain.from_iterable(epochs)), steps):
        batch = batch._replace(inputs=batch.inputs.astype(dtype), mask=batch.mask.astype(dtype))
        loss, _, norm, _ = loop.train_step(run, batch, objective, prepared, 100, workspace)
        losses.append((*loss, norm))
        run.progress.step += 1
    return run.params, np.array(losses)


def difference(params, expected):
    """Return the norm of the difference of two sets of parameters."""
    return np.sqrt(sum(np.square(params[name] - expected[name].astype(float)).sum() for name in expected))


def check(recipe, dtype, steps, sizes, tolerance, rng, tmp_path):
    data = split(rng)
    expected, losses = trained(recipe, dtype, steps, data, tmp_path)
    start = captioner.init_params(np.random.default_rng(1), recipe, np.zeros(V), dtype)
    assert difference(expected, start) > 0.1  # it has learned something
    for size in sizes:
        results = on_ranks(size, lambda: trained(recipe, dtype, steps, data, tmp_path))
        for params, losses_of_rank in results:
            assert difference(params, expected) < tolerance
            np.testing.assert_allclose(losses_of_rank, losses, rtol=0, atol=100 * tolerance)
            assert all((params[name] == results[0][0][name]).all() for name in params)


@pytest.mark.parametrize("changes", [pytest.param({}, marks=pytest.mark.slow), NORMED], ids=["plain", "batch_norm"])
def test_float64_ranks_follow_the_curve_of_one(rng, tmp_path, changes):
    """Check a batch of 7 images, which divides unevenly among 2, 3 and 4 ranks."""
    recipe = RECIPE.replace(batch_size=7, **changes)
    check(recipe, np.float64, 20, (2, 3, 4), 1e-9, rng, tmp_path)


@pytest.mark.parametrize("changes", [pytest.param({}, marks=pytest.mark.slow), NORMED], ids=["plain", "batch_norm"])
def test_float32_ranks_follow_the_curve_of_one(rng, tmp_path, changes):
    """Allow for rounding, which differs between numbers of ranks, and grows from step to step."""
    recipe = RECIPE.replace(batch_size=7, **changes)
    check(recipe, np.float32, 10, (2, 4), 1e-5, rng, tmp_path)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_can_be_shared(rng, tmp_path, model):
    """Check that all random numbers and all parameters that move by themselves belong to the whole batch."""
    changes = {"hard": {"reward_to_go": True}, "vlp": {"hidden_size": 8}, "transformer": {"hidden_size": 8}}
    recipe = RECIPE.replace(model=model, batch_size=5, **changes.get(model, {}))
    check(recipe, np.float64, 4, (3,), 1e-9, rng, tmp_path)


@pytest.mark.parametrize(
    "changes",
    [{"objective": "self-critical"}, {"objective": "adversarial"}, {"objective": "self-critical", "model": "hard"}],
    ids=lambda changes: "-".join(changes.values()),
)
def test_every_objective_can_be_shared(rng, tmp_path, changes):
    """Allow for float32: rewards and masks of sampled captions have it in a float64 model, too."""
    recipe = RECIPE.replace(batch_size=5, annotation_dropout=0.2, **changes)
    check(recipe, np.float32, 3, (2,), 1e-5, rng, tmp_path)


def test_only_a_mean_over_images_is_shared():
    """Check that every rank computes the whole batch if the loss compares its images."""
    cross_entropy, adversarial = objectives.OBJECTIVES["cross-entropy"], objectives.OBJECTIVES["adversarial"]
    places = on_ranks(3, lambda: shares.of_batch(cross_entropy, 7))
    assert [(share.first, share.count, share.total) for share in places] == [(0, 2, 7), (2, 2, 7), (4, 3, 7)]
    assert on_ranks(3, lambda: shares.of_batch(adversarial, 7)) == 3 * [None]
    assert shares.of_batch(cross_entropy, 7) is None  # without other ranks


def test_more_ranks_than_images_of_a_batch():
    with pytest.raises(InputError, match="3 ranks cannot share batches of 2 images"):
        on_ranks(3, lambda: shares.of_batch(objectives.OBJECTIVES["cross-entropy"], 2))


def test_the_loss_of_a_batch_is_a_mean_over_its_words(rng, tmp_path):
    """Check that the loss per word counts more on a rank with more words."""
    loss = shares._mean_loss((loop.Loss(3.0, 1.0, 0.5, 10), loop.Loss(5.0, 2.0, 0.1, 30)), (0.25, 0.75))
    assert loss == loop.Loss(4.5, 1.75, pytest.approx(0.2))


@pytest.mark.parametrize("axis", [0, 1])
def test_random_numbers_of_shares_are_those_of_the_batch(axis):
    shape = [4, 6]
    whole = streams.along(np.random.default_rng(5), axis).random(shape)
    parts = []
    for first, count in ((0, 1), (1, 1)):
        stream = streams.SharedStream(np.random.default_rng(5), ranks.Share(first, count, 2))
        part = list(shape)
        part[axis] //= 2
        parts.append(streams.along(stream, axis).random(part))
        assert stream.random() == np.random.default_rng(5).random(25)[24]  # drawn without an axis: equal on all ranks
    np.testing.assert_array_equal(np.concatenate(parts, axis), whole)


def test_images_of_a_share_are_augmented_as_those_of_the_batch(rng):
    data = split(rng)
    options = 7, 2, RECIPE.augmentation, 0, 1
    whole = next(batches.epoch_batches(data, *options))
    part = next(batches.epoch_batches(data, *options, share=ranks.Share(2, 3, 7)))
    np.testing.assert_array_equal(part.inputs, whole.inputs[2:5])
    part = batches.lengthened(part, len(whole.words))
    for name in ("words", "targets", "mask"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[:, 4:10])


def test_other_facts_of_a_rank_are_reported_on_all_ranks(rng, tmp_path):
    data, reports = split(rng), []

    def work():
        run = runs.Run(tmp_path, {"dataset_digest": "a"}, RECIPE, VOCABULARY, {}, {}, runs.Progress(), {})
        own = data._replace(inputs=data.inputs + np.uint8(1)) if ranks.current().rank == 1 else data
        with pytest.raises(InputError, match=r"rank 1 \(on .*\) has another set of images than rank 0"):
            shares.refuse_differences(run, own, data)
        reports.append(ranks.current().rank)

    on_ranks(2, work)
    assert sorted(reports) == [0, 1]
