"""Short trainings for the exercises about learning from own captions.

They are an evaluator, roll-outs, soft words and meta-learning. Each takes a number of steps, and returns the loss of
each step and a sentence about what was learned. All use float64, so that rounding changes no sample. Captions have T
words. The captioner is the simplest one: a table of the words' logits for each place, without an image.
"""

import numpy as np

from exercises.runner import small_training
from numpy_sat.data import batches
from numpy_sat.layers import gumbel, policy, rollouts, softmax
from numpy_sat.system.streams import PARAMETERS, stream
from numpy_sat.training import optimizers
from numpy_sat.training.objectives import discriminator, meta_gradients

CELLS, SIZE, T = 4, 16, 5  # cells in a row of an image; size of vectors; words of a caption
IMAGES, SAMPLES, ROLLOUTS = 12, 8, 3  # images of a batch; sampled captions; roll-outs after each word
RATE, TABLE_RATE, INNER_RATE, TEMPERATURE = 0.01, 0.3, 0.1, 0.5


def _start():
    """Return the data, a random generator, the list of losses and the optimizer's state."""
    return small_training.make_data(), stream(small_training.SEED, PARAMETERS), [], {}


def _annotations(split):
    """Return the mean colors of cells, (N, L, 3) float64."""
    N, side, _, _ = split.inputs.shape
    cells = split.inputs.reshape(N, CELLS, side // CELLS, CELLS, side // CELLS, 3).mean(axis=(2, 4))
    return cells.reshape(N, CELLS * CELLS, 3) / 255


def _batch(captions):
    """Return the Batch of captions, which are word numbers, without images."""
    words, targets, mask = batches.arrange(captions)
    return batches.Batch(None, words, targets, mask.astype(np.float64))


def train_evaluator(steps: int) -> tuple[list[float], str]:
    """Train an evaluator to tell captions from captions whose words are in random order."""
    data, rng, losses, state = _start()
    a, shape = _annotations(data.train), (CELLS * CELLS, 3)
    params = discriminator.init_params(rng, shape, len(data.vocabulary), SIZE, np.float64)
    for _ in range(steps):
        rows = rng.choice(len(a), min(IMAGES, len(a)), replace=False)
        real = [caption for row in rows for caption in data.train.captions[row][:2]]
        shuffled = [[*rng.permutation(caption[:-1]), caption[-1]] for caption in real]
        loss, grads, r = discriminator.loss_and_grads(params, a[rows], _batch(real), _batch(shuffled), 1.0)
        optimizers.adam_update(params, grads, state, RATE)
        losses.append(loss)
    means = ", ".join(f"{kind} {array.mean():.2f}" for kind, array in r.items())
    return losses, f"Probability of being real ('generated' has shuffled words): {means}."


def _sample(rng, logits, shape):
    """Sample words from a table of logits (T, V). Return (T, *shape) word numbers."""
    ends = softmax.softmax_forward(logits)[0].cumsum(axis=1)
    places = rng.random((len(logits), *shape)) * ends[:, -1].reshape(-1, *[1] * len(shape))
    return np.stack([np.searchsorted(end, place, side="right") for end, place in zip(ends, places, strict=True)])


def train_with_rollouts(steps: int) -> tuple[list[float], str]:
    """Train a table of words. The reward of a caption is the share of its neighbors that people write side by side."""
    data, rng, losses, state = _start()
    V = len(data.vocabulary)
    is_pair = np.zeros((V, V))
    for caption in (caption for captions in data.train.captions for caption in captions):
        is_pair[caption[:-1], caption[1:]] = 1
    params, mask = {"logits": np.zeros((T, V))}, np.ones((T, SAMPLES))

    def reward(words):
        return is_pair[words[:-1], words[1:]].mean(axis=0)

    for _ in range(steps):
        words = _sample(rng, params["logits"], (SAMPLES,))
        rewards = np.zeros((ROLLOUTS, T, SAMPLES))
        for t in range(T - 1):
            endings = _sample(rng, params["logits"][t + 1 :], (ROLLOUTS, SAMPLES))
            beginnings = np.repeat(words[: t + 1, None], ROLLOUTS, axis=1)
            rewards[:, t] = reward(np.concatenate([beginnings, endings]))
        values = rollouts.word_rewards(rewards, reward(words), mask)
        greedy = params["logits"].argmax(axis=1)[:, None]
        weights = rollouts.word_advantages(values, reward(greedy), mask)
        logits = np.repeat(params["logits"][:, None], SAMPLES, axis=1)
        _, cache = rollouts.word_policy_forward(logits, words, mask, weights)
        grads = {"logits": policy.policy_backward(1.0, cache).sum(axis=1)}
        optimizers.adam_update(params, grads, state, TABLE_RATE)
        losses.append(1 - float(reward(words).mean()))
    words = data.vocabulary.decode(params["logits"].argmax(axis=1))
    return losses, f'The best words of the five places: "{" ".join(words)}".'


def train_soft_words(steps: int) -> tuple[list[float], str]:
    """Train a table of words, so that the mean embedding of a caption becomes that of a human caption."""
    data, rng, losses, state = _start()
    caption = data.train.captions[0][0][:T]
    params = {"logits": np.zeros((T, len(data.vocabulary)))}
    params["E"] = rng.standard_normal((len(data.vocabulary), SIZE))
    goal = params["E"][caption].mean(axis=0)
    for _ in range(steps):
        logits = np.repeat(params["logits"], SAMPLES, axis=0)  # (T SAMPLES, V)
        noise = gumbel.gumbel_noise(rng.random(logits.shape))
        p, cache = gumbel.gumbel_softmax_forward(logits, noise, TEMPERATURE)
        Ey, cache_mixture = gumbel.mixture_forward(params["E"], gumbel.straight_through(p))
        # loss = mean over samples of |mean over words of Ey - goal|^2
        difference = Ey.reshape(T, SAMPLES, SIZE).mean(axis=0) - goal
        dEy = np.tile(2 * difference / (T * SAMPLES), (T, 1))
        dE, dy = gumbel.mixture_backward(dEy, cache_mixture)
        dlogits = gumbel.gumbel_softmax_backward(dy, cache).reshape(T, SAMPLES, -1).sum(axis=1)
        optimizers.adam_update(params, {"logits": dlogits, "E": dE}, state, RATE)
        losses.append(float((difference**2).sum(axis=1).mean()))
    words = data.vocabulary.decode(params["logits"].argmax(axis=1))
    return losses, f'The best words of the five places: "{" ".join(words)}".'


def train_meta(steps: int) -> tuple[list[float], str]:
    """Fit words to mean colors by least squares, with the sum of three gradients: MAML, first order and Reptile."""
    data, _, losses, state = _start()
    x = _annotations(data.train).mean(axis=1)
    labels = np.zeros((len(x), len(data.vocabulary)))
    for row, captions in zip(labels, data.train.captions, strict=True):
        row[np.concatenate(captions)] = 1
    params = {"W": np.zeros((3, labels.shape[1])), "b": np.zeros(labels.shape[1])}

    def loss_and_grads(params):
        difference = x @ params["W"] + params["b"] - labels
        dy = 2 * difference / difference.size
        return float((difference**2).mean()), {"W": x.T @ dy, "b": dy.sum(axis=0)}

    for _ in range(steps):
        names = "maml", "first_order", "reptile"
        results = [getattr(meta_gradients, name)(params, loss_and_grads, INNER_RATE) for name in names]
        grads = {name: sum(grads[name] for _, grads in results) for name in params}
        optimizers.adam_update(params, grads, state, RATE)
        losses.append(results[0][0])
    after = loss_and_grads(meta_gradients.moved(params, loss_and_grads(params)[1], -INNER_RATE))[0]
    return losses, f"Mean squared error after a further inner step: {after:.4f}."
