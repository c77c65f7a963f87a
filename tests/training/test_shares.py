"""Check that several ranks follow the curve of one. The ranks are threads here; test_mpi.py has real processes."""

import numpy as np
import pytest
from short_training import VOCABULARY, V, difference, split, tagged_split, trained
from thread_ranks import on_ranks
from tiny import RECIPE

from numpy_sat import captioner
from numpy_sat.data import batches
from numpy_sat.decoders import MODELS
from numpy_sat.experiment import runs
from numpy_sat.system import ranks, streams
from numpy_sat.system.errors import InputError
from numpy_sat.training import loop, objectives, shares

NORMED = {"stages": ((16,), (16,)), "batch_norm": True, "annotation_dropout": 0.2}


def check(recipe, dtype, steps, sizes, tolerance, data, *more):
    """Check that ranks reach the parameters and the losses of one process. `more`: the last arguments of trained."""
    expected, losses = trained(recipe, dtype, steps, data, *more)
    start = captioner.init_params(np.random.default_rng(1), recipe, np.zeros(V))
    assert difference(start, {name: expected[name] for name in start}) > 0.01  # it has learned something
    for size in sizes:
        results = on_ranks(size, lambda: trained(recipe, dtype, steps, data, *more))
        for params, losses_of_rank in results:
            assert difference(params, expected) < tolerance
            np.testing.assert_allclose(losses_of_rank, losses, rtol=0, atol=100 * tolerance)
            assert all((params[name] == results[0][0][name]).all() for name in params)


@pytest.mark.parametrize("changes", [pytest.param({}, marks=pytest.mark.slow), NORMED], ids=["plain", "batch_norm"])
def test_float64_ranks_follow_the_curve_of_one(rng, tmp_path, changes):
    """Check a batch of 7 images, which divides unevenly among 2, 3 and 4 ranks."""
    recipe = RECIPE.replace(batch_size=7, **changes)
    check(recipe, np.float64, 20, (2, 3, 4), 1e-9, split(rng), tmp_path)


@pytest.mark.parametrize("changes", [pytest.param({}, marks=pytest.mark.slow), NORMED], ids=["plain", "batch_norm"])
def test_float32_ranks_follow_the_curve_of_one(rng, tmp_path, changes):
    """Allow for rounding, which differs between numbers of ranks, and grows from step to step."""
    recipe = RECIPE.replace(batch_size=7, **changes)
    check(recipe, np.float32, 10, (2, 4), 1e-5, split(rng), tmp_path)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_can_be_shared(rng, tmp_path, model):
    """Check that all random numbers and all parameters that move by themselves belong to the whole batch."""
    changes = {"hard": {"reward_to_go": True}, "vlp": {"hidden_size": 8}, "transformer": {"hidden_size": 8}}
    recipe = RECIPE.replace(model=model, batch_size=5, **changes.get(model, {}))
    check(recipe, np.float64, 4, (3,), 1e-9, split(rng), tmp_path)


SAMPLED = [
    {"objective": "self-critical"},
    {"objective": "self-critical", "model": "hard"},
    {"objective": "adversarial"},
    {"objective": "adversarial", "rollouts": 2},
    {"objective": "adversarial", "gradient": "straight-through"},
    *({"objective": "meta", "meta_gradient": gradient} for gradient in ("weighted-sum", "reptile", "maml")),
]


@pytest.mark.parametrize("changes", SAMPLED, ids=lambda changes: "-".join(map(str, changes.values())))
def test_every_objective_can_be_shared(rng, tmp_path, changes):
    """Check that what a loss compares is that of the whole batch, and that inner steps move along its gradient."""
    recipe = RECIPE.replace(batch_size=5, annotation_dropout=0.2, **changes)
    check(recipe, np.float64, 3, (2, 3), 1e-7, split(rng), tmp_path)


@pytest.mark.parametrize("stage", objectives.STAGES)
def test_every_stage_can_be_shared(rng, tmp_path, stage):
    """Check that the wrong captions of caption_matching are those of all ranks."""
    recipe = RECIPE.replace(model="detected-words", batch_size=5, annotation_dropout=0.2)
    check(recipe, np.float64, 3, (2, 3), 1e-9, split(rng), tmp_path, objectives.STAGES[stage])


@pytest.mark.parametrize("objective", ["cross-entropy", "hidden-tags"])
def test_tags_can_be_shared(rng, tmp_path, objective):
    """Check the pre-training of oscar, whose wrong tags are those of all ranks, and hidden tags."""
    sizes = {"hidden_size": 8, "stages": ((4,),), "horizontal_flip": False, "random_shift": 0}
    tags = {"pretrained": True, "network": "convnet", "tags": "oracle", "tag_words": tuple(range(3, 13))}
    hiding = {"objective": objective, "bidirectional": 1.0, "hidden_words": 0.5}
    recipe = RECIPE.replace(model="oscar", batch_size=5, **sizes, **tags, **hiding)
    check(recipe, np.float64, 4, (2, 3), 1e-9, tagged_split(rng), tmp_path)


def test_shares_of_a_batch():
    places = on_ranks(3, lambda: shares.of_batch(7))
    assert [(share.first, share.count, share.total) for share in places] == [(0, 2, 7), (2, 2, 7), (4, 3, 7)]
    assert shares.of_batch(7) is None  # without other ranks


def test_gathered_rows_have_the_gradient_of_the_whole_batch(rng):
    """Check the gradient of a loss that compares all rows, after the mean over ranks."""
    rows, weights, dwhole = rng.standard_normal((7, 2)), rng.standard_normal((7, 2)), rng.standard_normal((7, 2))

    def work():
        group = ranks.current()
        share = group.share(7)
        place = share.place(share.count)
        with group.step(share.weight):
            whole, cache = ranks.gather_forward(rows[place])
            assert (whole == rows).all()
            drows = ranks.gather_backward(dwhole, cache)
            return ranks.shared_means({"sum": (weights[place] * drows).sum(keepdims=True)})["sum"]

    for total in on_ranks(3, work):
        np.testing.assert_allclose(total, (weights * dwhole).sum(), rtol=1e-12)
    assert (ranks.gather_backward(dwhole, ranks.gather_forward(rows)[1]) == dwhole).all()  # on one rank


def test_more_ranks_than_images_of_a_batch():
    with pytest.raises(InputError, match="3 ranks cannot share batches of 2 images"):
        on_ranks(3, lambda: shares.of_batch(2))


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


def test_all_ranks_get_the_weights_of_the_first(tmp_path):
    """Check the parameters, the optimizer and the discriminator after roundings that differ between processors."""

    def work():
        parts = [{"w": np.full(3, float(10 * part + ranks.current().rank))} for part in range(3)]
        params, optimizer, net = parts
        run = runs.Run(tmp_path, {}, RECIPE, VOCABULARY, params, optimizer, runs.Progress(), {"params": net})
        shares.synchronize(run)
        return [part["w"][0] for part in parts]

    assert on_ranks(2, work) == [[0, 10, 20], [0, 10, 20]]


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
