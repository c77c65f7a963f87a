"""Rewards of words by roll-outs"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.layers import rollouts

FACTS = Facts(difficulty=2, minutes=45, builds_on=(26,), chapter="own_captions")

INTRO = """\
Goal            Say which words of a sampled caption were good. In exercise 26, all words of a caption share its reward
                r. Here, each word gets a reward of its own (Yu et al. 2017, Dai et al. 2017): the mean reward of
                captions that the model completes after it. This works for any reward, such as that of exercise 43.

Equations       V_t = mean over K roll-outs of their rewards         roll-out: a sample that begins with words 1 to t
                V_t = r(y) at the last word of the caption           there is nothing to complete
                advantage_t = V_t - b                                b: the reward of the image's greedy caption
                loss = - mean over the B captions of (sum over words t of advantage_t log p_t)            a number
                V, advantage and log p are (T, B), and 0 at padding.

Worked example  One caption of three words, with K = 2 roll-outs after each of the first two. The 9s are never read:
                rollout_rewards = [[[0.2], [0.6], [9]], [[0.4], [1], [9]]]   caption_rewards = [0.5]
                values = [[0.3], [0.8], [0.5]]
                The loss of another caption, whose words have p = 1/2 and p = 1/4:
                logits = [[[0, 0]], [[ln 3, 0]]]   words = [[0], [1]]   weights = [[2], [1]]   loss = 2.7726
                1. Find the advantages of the first caption for baseline = [0.4]. What are they without roll-outs?
                2. Which word of the first caption was a mistake? Why may V of the word before serve as b, too?
                3. How many captions must be completed and scored for one caption of 10 words if K = 4?

Your task       1. word_rewards: compute V. Trap: captions end at different words. Entries of rollout_rewards at the
                   last word and at padding are not read. They may be NaN, and NaN times 0 is NaN.
                2. word_advantages: subtract b. Trap: baseline has one number per image, (N,). With 3 captions per
                   image, image 0 has captions 0 to 2. baseline may also have one number per caption, (B,).
                3. word_policy_forward: compute the loss; `weights` are the advantages.

Given           losses.cross_entropy_forward(logits, words, mask) returns a loss and its cache, here `likelihood`.
                losses.word_log_probabilities(likelihood) are the log p of the words, (T, B), 0 at padding. The cache
                policy.PolicyCache(likelihood, weights) is packed for you. The backward pass is that of exercise 26.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers import losses, policy"""

LENGTHS = [(2, 4, 3, 1), (3, 1, 2), (1, 2, 5, 4, 2, 3)]  # words of each caption
IMAGES, ROLLOUTS, V = (2, 3, 1), (3, 1, 2), (6, 5, 4)  # of each batch


def _masks():
    return [(np.arange(max(lengths))[:, None] < lengths) * 1.0 for lengths in LENGTHS]


def reward_cases(rng):
    """Return captions of different lengths. Entries that are not read are NaN, or large."""
    cases = []
    for mask, K, unread in zip(_masks(), ROLLOUTS, (np.nan, 50.0, np.nan), strict=False):
        is_read = np.vstack([mask[1:], np.zeros_like(mask[:1])]) > 0  # another word follows
        rewards = np.where(is_read, rng.random((K, *mask.shape)), unread)
        cases.append({"rollout_rewards": rewards, "caption_rewards": rng.random(mask.shape[1]), "mask": mask})
    return cases


def advantage_cases(rng):
    """Return values of words, also at padding, with a baseline per image, or per caption."""
    cases = []
    for mask, N in zip(_masks(), IMAGES, strict=True):
        cases.append({"values": 3 * rng.random(mask.shape), "baseline": 3 * rng.random(N), "mask": mask})
    return cases


def policy_cases(rng):
    """Return sampled words with repeated ones, and weights of both signs, which are 0 at padding."""
    cases = []
    for mask, words in zip(_masks(), V, strict=True):
        logits = 2 * rng.standard_normal((*mask.shape, words))
        weights = rng.standard_normal(mask.shape) * mask
        cases.append({"logits": logits, "words": rng.integers(words, size=mask.shape), "mask": mask})
        cases[-1]["weights"] = weights
    return cases


LAST = "value[last, np.arange(len(last))] = caption_rewards"
REWARD_MISTAKES = (
    Mistake(LAST, "pass", "V of the last word is the reward of the caption: it is not set", "value"),
    Mistake(LAST, "value[-1] = caption_rewards", "the last row, but captions end at different words: `last`", "value"),
    Mistake(LAST, f"{LAST.replace(' = ', ' += ')}", "the caption's reward is added, but it is V of the last word"),
    Mistake(
        LAST,
        "value[:] = caption_rewards",
        "all words share the reward of the caption: it belongs to the last word alone",
        "value",
    ),
    Mistake("np.where(mask > 0, value, 0)", "value * mask", "NaN times 0 is NaN: use np.where at padding"),
    Mistake("np.where(mask > 0, value, 0)", "value", "V is 0 at padding: the mask is missing"),
    Mistake(
        "rollout_rewards.mean(axis=0)",
        "rollout_rewards.max(axis=0)",
        "the best roll-out, where the mean of all of them belongs",
    ),
    Mistake("rollout_rewards.mean(axis=0)", "rollout_rewards[0]", "one roll-out alone: V is the mean of all K"),
)

OF_CAPTIONS = "np.repeat(baseline, B // N)"
ADVANTAGE_MISTAKES = (
    Mistake(
        OF_CAPTIONS,
        "np.tile(baseline, B // N)",
        "the images take turns, as with np.tile, but an image's captions are side by side: np.repeat",
    ),
    Mistake(OF_CAPTIONS, "baseline.mean()", "the mean of all b, but each image has its own"),
    Mistake(f"(values - {OF_CAPTIONS}) * mask", f"values - {OF_CAPTIONS}", "padding is counted: the mask is missing"),
    Mistake(f"(values - {OF_CAPTIONS}) * mask", f"values * mask - {OF_CAPTIONS}", "b is also subtracted at padding"),
    Mistake(f"(values - {OF_CAPTIONS}) * mask", "values * mask", "V alone: subtract b"),
    Mistake(
        f"(values - {OF_CAPTIONS}) * mask",
        f"np.maximum(values - {OF_CAPTIONS}, 0) * mask",
        "words that did worse are left out: they must become less likely",
    ),
    Mistake(
        f"(values - {OF_CAPTIONS}) * mask",
        f"np.diff(values - {OF_CAPTIONS}, axis=0, prepend=0) * mask",
        "V of the word before is subtracted, where b alone belongs",
    ),
)

POLICY = "-(weights * log_p).sum(axis=0).mean()"
POLICY_MISTAKES = (
    Mistake(POLICY, "(weights * log_p).sum(axis=0).mean()", "the minus is missing: training minimizes the loss"),
    Mistake(POLICY, "-(weights * log_p).mean()", "the mean over words, but a caption's words are summed"),
    Mistake(POLICY, "-(weights * log_p).sum()", "the sum over captions where their mean belongs"),
    Mistake(
        POLICY, "-(weights * log_p).sum() / mask.sum()", "the mean over words where the mean over captions belongs"
    ),
    Mistake(
        POLICY,
        "-(weights.sum(axis=0) * log_p.sum(axis=0)).mean()",
        "the sums of weights and of log p are multiplied: each word has its own weight",
    ),
    Mistake(
        POLICY,
        "-(weights.mean(axis=0) * log_p.sum(axis=0)).mean()",
        "all words of a caption share a weight: each word has its own",
    ),
    Mistake(POLICY, "-(weights * np.exp(log_p) * mask).sum(axis=0).mean()", "p of the words where log p belongs"),
)

TASKS = (
    Task(
        rollouts,
        "word_rewards",
        reward_cases,
        ("values",),
        {
            "value": "V_t = mean over the K roll-outs of their rewards, and r(y) at the last word",
            "last": "last = number of the caption's words - 1",
            "values": "V is 0 at padding",
        },
        mistakes=REWARD_MISTAKES,
    ),
    Task(
        rollouts,
        "word_advantages",
        advantage_cases,
        ("advantages",),
        {"advantages": "advantage_t = (V_t - b) mask_t, with b of the caption's image"},
        mistakes=ADVANTAGE_MISTAKES,
    ),
    Task(
        rollouts,
        "word_policy_forward",
        policy_cases,
        ("loss", "cache"),
        {
            "likelihood": "likelihood = the cache of cross-entropy with the sampled words as targets",
            "log_p": "log p of the sampled words, 0 at padding",
            "loss": "loss = - mean over captions of (sum over words t of advantage_t log p_t)",
            "cache": "the cache is policy.PolicyCache(likelihood, weights)",
        },
        mistakes=POLICY_MISTAKES,
    ),
)

HINTS = {
    "word_rewards": (
        "What is V after the first words of a caption? And after its last word? Where is that word?",
        "V_t = mean over the K roll-outs of their rewards;  V = r(y) at the last word;  0 at padding",
        "rollout_rewards is (K, T, B): its mean over axis 0 is (T, B), as mask. caption_rewards is (B,), and so are "
        "the places of the last words.",
        "last = mask.astype(bool).sum(axis=0) - 1; value[last, np.arange(B)] = caption_rewards; np.where(mask > 0, "
        "value, 0) is 0 at padding also where value is NaN.",
    ),
    "word_advantages": (
        "Which b belongs to caption 1, if each image has three captions? Which entries must stay 0?",
        "advantage_tb = (V_tb - b of the image of b) mask_tb",
        "values and mask are (T, B). baseline is (N,), and (B,) after each number is repeated B / N times.",
        "(values - np.repeat(baseline, values.shape[1] // len(baseline))) * mask",
    ),
    "word_policy_forward": (
        "Which number multiplies the log p of each word? Over what is the sum, and over what the mean?",
        "loss = - mean over captions of (sum over words t of advantage_t log p_t)",
        "weights and log p are (T, B). Their product summed over axis 0 is (B,). The loss is one number.",
        "log_p = losses.word_log_probabilities(likelihood); -(weights * log_p).sum(axis=0).mean()",
    ),
}


def pencil():
    """Return the worked example of the page."""
    rewards = np.array([[[0.2], [0.6], [9]], [[0.4], [1], [9]]])
    mask, values = np.ones((3, 1)), np.array([[0.3], [0.8], [0.5]])
    logits, words = np.array([[[0.0, 0]], [[np.log(3), 0]]]), np.array([[0], [1]])
    return [
        Example("word_rewards", {"rollout_rewards": rewards, "caption_rewards": np.array([0.5]), "mask": mask}),
        Example("word_advantages", {"values": values, "baseline": np.array([0.4]), "mask": mask}),
        Example(
            "word_policy_forward",
            {"logits": logits, "words": words, "mask": mask[:2], "weights": np.array([[2.0], [1.0]])},
        ),
    ]
