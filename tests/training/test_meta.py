"""Meta-learning: the gradients of the inner step, and the two tasks."""

import numpy as np
import pytest

from numpy_sat import captioner
from numpy_sat.check import gradcheck
from numpy_sat.data import batches
from numpy_sat.data.vocabulary import END, Vocabulary
from numpy_sat.experiment.recipe import SETTINGS, Recipe
from numpy_sat.system import streams
from numpy_sat.system.workspace import Workspace
from numpy_sat.training.objectives import cross_entropy, meta, meta_gradients, self_critical
from tests.short_captions import MAX_WORDS, V

CONFIG = Recipe().replace(
    **{"image_size": 4, "stages": ((2,),), "embedding_size": 3, "hidden_size": 4, "attention_size": 5, "dropout": 0.4},
    **{"max_words": MAX_WORDS, "captions_per_image": 3, "objective": "meta", "attention_penalty": 0.5},
)
RATE = 0.3
SAMPLED = [[4, END], [END], [3, END], [4, 4, 3], [3, 2, END], [4]]


def random(purpose):
    """Return the numpy Generator of a purpose, as a training step does: the same at every call."""
    return streams.stream(0, purpose, 7)


def params_of(rng, config):
    arrays = captioner.init_params(rng, config, np.log(rng.dirichlet(np.ones(V))), np.float64)
    return {name: array + 0.3 * rng.standard_normal(array.shape) for name, array in arrays.items()}


def batch_of(rng, captions):
    words, targets, mask = batches.arrange(captions)
    return batches.Batch(rng.standard_normal((2, 4, 4, 3)), words, targets, mask.astype(float), np.arange(2))


def task_of(rng, params, config, is_rewarded):
    """Return a task of meta.py: the likelihood of captions, or the reward of captions with random weights."""
    batch = batch_of(rng, SAMPLED)
    a = captioner.annotate(params, batch.inputs, config)
    batch = batch._replace(weights=rng.standard_normal(6)) if is_rewarded else batch
    return meta.task(a, batch, config.replace(expected_context=1.0), random, Workspace())


def quadratic(rng):
    """Return theta, a quadratic loss with its gradients, its Hessian, and its linear term."""
    root, b = rng.standard_normal((2, 10, 10)), rng.standard_normal(10)
    A = root[0] @ root[0].T / 10
    params = {"W": rng.standard_normal((2, 3)), "b": rng.standard_normal(4), "fixed": rng.standard_normal(5)}

    def loss_and_grads(params):
        theta = np.concatenate([params["W"].ravel(), params["b"]])
        g = A @ theta + b
        return theta @ A @ theta / 2 + b @ theta, {"W": g[:6].reshape(2, 3), "b": g[6:]}

    return params, loss_and_grads, A, b


def test_gradients_of_a_quadratic_are_the_known_ones(rng):
    params, loss_and_grads, A, b = quadratic(rng)
    theta = np.concatenate([params["W"].ravel(), params["b"]])
    g = A @ theta + b
    v = A @ (theta - RATE * g) + b
    expected = {
        **{"plain": g, "first_order": v, "reptile": (g + v) / 2},
        **{"maml": (np.eye(10) - RATE * A) @ v},
    }
    before = {name: array.copy() for name, array in params.items()}
    for name, array in expected.items():
        loss, grads = getattr(meta_gradients, name)(params, loss_and_grads, RATE)
        assert loss == pytest.approx(loss_and_grads(params)[0], rel=1e-14)
        assert grads.keys() == {"W", "b"} and grads["W"].shape == (2, 3)
        found = np.concatenate([grads["W"].ravel(), grads["b"]])
        np.testing.assert_allclose(found, array, rtol=1e-8, atol=1e-8, err_msg=name)
    assert all(np.array_equal(params[name], array) for name, array in before.items())


def test_no_gradient_has_no_hessian_product(rng):
    params = {"W": rng.standard_normal((2, 3))}
    assert not meta_gradients.maml(params, lambda params: (0.0, {"W": np.zeros((2, 3))}), RATE)[1]["W"].any()


def test_the_differences_have_the_same_distance_for_every_direction(rng):
    """Check that it is the cube root of the machine epsilon of the gradients' dtype."""
    for dtype, scale in ((np.float64, 30), (np.float64, 1e-3), (np.float32, 30)):
        params = {"W": rng.standard_normal((2, 3)).astype(dtype), "b": rng.standard_normal(4).astype(dtype)}
        v = {name: (scale * rng.standard_normal(array.shape)).astype(dtype) for name, array in params.items()}
        distances = []

        def loss_and_grads(some, params=params, distances=distances):
            distances.append(np.sqrt(sum(((some[name] - params[name]) ** 2).sum() for name in params)))
            return 0.0, some

        product = meta_gradients.hessian_product(params, loss_and_grads, v)
        np.testing.assert_allclose(distances, np.finfo(dtype).eps ** (1 / 3), rtol=1e-3)
        for name in v:
            assert product[name].dtype == dtype
            np.testing.assert_allclose(product[name], v[name], rtol=1e-3, atol=scale * 1e-3)


@pytest.mark.parametrize("is_rewarded", [False, True])
@pytest.mark.usefixtures("general_decoder")
def test_maml_is_the_derivative_of_the_loss_after_the_inner_step(rng, is_rewarded):
    params = params_of(rng, CONFIG)
    loss_and_grads = task_of(rng, params, CONFIG, is_rewarded)
    some_params = {name: params[name] for name in ("W_h0", "L_z", "b_o", "v")}

    def after_the_step(some):
        _, g = loss_and_grads({**params, **some})
        return loss_and_grads(meta_gradients.moved({**params, **some}, g, -RATE))[0].total

    def maml(some):
        _, grads = meta_gradients.maml({**params, **some}, loss_and_grads, RATE)
        return after_the_step(some), {name: grads[name] for name in some}

    report = gradcheck.check_loss(maml, some_params, loss=after_the_step)
    assert report.ok, str(report)
    _, without_hessian = meta_gradients.first_order(params, loss_and_grads, RATE)
    assert np.abs(maml(some_params)[1]["b_o"] - without_hessian["b_o"]).max() > 1e-3


@pytest.mark.usefixtures("general_decoder")
@pytest.mark.parametrize("model", ["soft", "hard", "transformer"])
def test_the_hessian_of_a_task_is_symmetric(rng, model):
    """Check u H v = v H u. It fails if dropout masks or sampled locations change between evaluations."""
    config = CONFIG.replace(model=model, heads=2 if model == "transformer" else 1)
    params = params_of(rng, config)
    loss_and_grads = task_of(rng, params, config, is_rewarded=False)
    _, g = loss_and_grads(params)
    u, v = ({name: rng.standard_normal(array.shape) for name, array in g.items()} for _ in range(2))
    products = [
        sum((x[name] * product[name]).sum() for name in g)
        for x, y in ((u, v), (v, u))
        for product in [meta_gradients.hessian_product(params, loss_and_grads, y)]
    ]
    assert abs(products[0]) > 1e-2 and products[0] == pytest.approx(products[1], rel=1e-6)


def step(params, batch, recipe, judge):
    return meta.loss_and_grads(params, batch, recipe, judge, random, Workspace())


@pytest.fixture
def judge():
    words = Vocabulary(("<start>", "<end>", "<unk>", "red", "square"))
    references = ((["red"], ["red", "red"]), (["square"], ["square", "square", "square"]))
    return self_critical.judge_of(batches.Split((), None, (), references, ()), words)


def test_the_weighted_sum_is_that_of_the_two_objectives(rng, judge):
    """Compare with cross_entropy and self_critical. The encoder has gradients in cross_entropy alone."""
    recipe = CONFIG.replace(meta_gradient="weighted-sum", reward_weight=2.5)
    params, batch = (
        params_of(rng, recipe),
        batch_of(rng, [[3, END], [4, 3, END], [3, 3, 4], [END], [4, END], [4, 4, 4]]),
    )
    loss, grads, scores = step(params, batch, recipe, judge)
    loss_s, grads_s, _ = cross_entropy.loss_and_grads(params, batch, recipe, None, random, Workspace())
    loss_r, grads_r, expected_scores = self_critical.loss_and_grads(params, batch, recipe, judge, random, Workspace())
    assert scores == expected_scores and scores["sampled"] > 0
    assert loss.total == pytest.approx(loss_s.total + 2.5 * loss_r.total) and loss.word == loss_s.word
    assert grads.keys() == grads_r.keys() < grads_s.keys()
    for name in grads:
        np.testing.assert_allclose(grads[name], grads_s[name] + 2.5 * grads_r[name], rtol=1e-9, atol=1e-12)


def test_a_short_inner_step_changes_little_and_a_long_one_much(rng, judge):
    batch = batch_of(rng, [[3, END], [4, 3, END], [3, 3, 4], [END], [4, END], [4, 4, 4]])
    params = params_of(rng, CONFIG)

    def result(name, rate):
        loss, grads, _ = step(params, batch, CONFIG.replace(meta_gradient=name, inner_rate=rate), judge)
        return loss, np.concatenate([grads[key].ravel() for key in sorted(grads)])

    loss, weighted_sum = result("weighted-sum", RATE)
    others = [name for name in meta.GRADIENTS if name != "weighted-sum"]
    for name in others:
        short_loss, short = result(name, 1e-7)
        assert short_loss == loss, name
        np.testing.assert_allclose(short, weighted_sum, rtol=1e-4, atol=1e-5, err_msg=name)
    far = [weighted_sum, *(result(name, RATE)[1] for name in others)]
    assert min(np.abs(far[i] - far[k]).max() for i in range(4) for k in range(i)) > 1e-3


def test_every_gradient_has_a_function():
    assert tuple(meta.GRADIENTS) == SETTINGS["meta_gradient"].choices
