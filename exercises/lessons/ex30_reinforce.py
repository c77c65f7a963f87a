"""REINFORCE, advantage and entropy"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from exercises.lessons.ex22_hard_attention import SIZES
from numpy_sat.layers import hard_attention

FACTS = Facts(difficulty=2, minutes=45, builds_on=(22,), chapter="hard_attention")

INTRO = """\
Goal            Measure how much better than usual a sampled location was. REINFORCE favors samples that lead to a
                better caption than usual. The baseline b is the usual log p of a caption. It does not change the mean
                gradient, because the mean of d log p(s | a) is 0. But it lowers the variance. The entropy H keeps alpha
                exploring.

Equations       (12) dL_s = mean over samples s of  d log p(y | s, a) + lambda_r (log p(y | s, a) - b) d log p(s | a)
                                                    + lambda_e dH[s]
                advantage_tb = (sum over all words of log p) - b                               (T, B), 0 at padding
                with to_go    (sum over the words from t on of log p) - b words_tb / mean length of the B captions
                baseline      b <- 0.9 b + 0.1 (mean over captions of the sum over words of log p)      (1,)
                entropy       H = sum over t, b, i of - mask_tb alpha_tbi log alpha_tbi / B             a number
                words_tb is the number of the caption's words from t on. A sample does not affect the words before it,
                so to_go leaves them out.

Worked example  One caption of two words:
                log_p = [[-1], [-3]]   baseline = [-6]   advantage = [[2], [2]]
                With to_go, the advantage of the first sample is -4 + 6 = 2. Find the second.
                After the update, b = 0.9 * -6 + 0.1 * -4 = -5.8. What is it after a second update with the same log_p?
                One word with two locations, alpha = [1/2, 1/2]: H = ln 2, about 0.693. Find dalpha for dentropy = 1.
                What is H of [1, 0]?

Your task       1. advantage: count words, not padding. Trap: lambda_r is not part of it; the caller multiplies by it.
                2. move_baseline: change the array in place with *= and +=, because the model holds the same array.
                3. entropy_forward. Trap: 0 log 0 counts as 0. So take the log of np.maximum(alpha,
                   np.finfo(alpha.dtype).tiny).
                4. entropy_backward: alpha log alpha contains alpha twice. dentropy contains lambda_e already.

Given           NumPy is all you need. x[::-1].cumsum(axis=0)[::-1] sums from each word to the end. The cache
                EntropyCache(alpha, mask) is packed and unpacked for you.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers.hard_attention import EntropyCache"""
LENGTHS = [(2, 4, 1, 3, 4, 2), (3, 1, 2), (1, 2, 2, 1, 2)]  # words of each caption


def captions(rng):
    """Return pairs of log p of words, (T, B), and a mask, for captions of different lengths."""
    masks = [(np.arange(T)[:, None] < lengths) * 1.0 for (T, _, _), lengths in zip(SIZES, LENGTHS, strict=True)]
    return [(-rng.exponential(2.0, mask.shape) * mask, mask) for mask in masks]


def advantage_cases(rng):
    """Return every batch of captions with and without reward-to-go."""
    return [
        {"log_p": log_p, "mask": mask, "baseline": rng.normal(-5, 1, 1), "to_go": to_go}
        for log_p, mask in captions(rng)
        for to_go in (True, False)
    ]


def baseline_cases(rng):
    """Return captions of different lengths."""
    return [{"baseline": rng.normal(-5, 1, 1), "log_p": log_p} for log_p, _ in captions(rng)]


def drive_baseline(function, case):
    """Return the baseline after one and after two batches; the function changes it in place and returns nothing."""
    function(case["baseline"], case["log_p"])
    after_one = case["baseline"].copy()
    function(case["baseline"], 2 * case["log_p"])
    return after_one, case["baseline"].copy()


def entropy_cases(rng):
    """Return attention maps, with attention also at padding, and some exactly 0."""
    cases = [
        {"alpha": rng.dirichlet(np.ones(L), (T, B)), "mask": mask}
        for (T, B, L), (_, mask) in zip(SIZES, captions(rng), strict=True)
    ]
    cases[1]["alpha"][:2, 0] = [[0, 1, 0], [0.5, 0.5, 0]]
    return cases


def entropy_backward_cases(rng):
    """Return a random dentropy for each forward case."""
    forwards = [hard_attention.entropy_forward(**inputs) for inputs in entropy_cases(rng)]
    return [{"dentropy": rng.standard_normal(), "cache": cache} for _, cache in forwards]


TO_GO = "log_p[::-1].cumsum(axis=0)[::-1]"
WORDS = "mask[::-1].cumsum(axis=0)[::-1]"
ADVANTAGE_MISTAKES = (
    Mistake(TO_GO, "log_p.cumsum(axis=0)", "the words up to the sample are summed where those from it on belong"),
    Mistake(TO_GO, "log_p", "the word's own log p alone: add the words after it"),
    Mistake(TO_GO, f"{TO_GO} - log_p", "the words after it, without its own word"),
    Mistake("baseline * words / mean_length", "baseline", "all of b where b for the remaining words belongs"),
    Mistake(
        "baseline * words / mean_length",
        "baseline * words / words[0]",
        "divided by the caption's own number of words where the mean number belongs",
    ),
    Mistake(
        "baseline * words / mean_length",
        "baseline * words / len(mask)",
        "divided by the longest caption's number of words where the mean number belongs",
    ),
    Mistake(
        "baseline * words / mean_length", "baseline * words", "the division by the mean number of words is missing"
    ),
    Mistake(
        "reward, usual = log_p.sum(axis=0), baseline",
        "reward, usual = log_p, baseline",
        "the word's own log p alone where the whole caption's belongs",
    ),
    Mistake(
        "reward, usual = log_p.sum(axis=0), baseline",
        "reward, usual = log_p.sum(axis=0) / mask.sum(axis=0), baseline",
        "the mean log p of a word where the caption's sum belongs",
    ),
    Mistake(
        "reward, usual = log_p.sum(axis=0), baseline",
        "reward, usual = log_p.sum(axis=0).mean(), baseline",
        "the mean over captions where the reward of the sample's own caption belongs",
    ),
)

MOVE = "baseline *= 0.9\n    baseline += 0.1 * log_p.sum(axis=0).mean()"
BASELINE_MISTAKES = (
    Mistake(
        MOVE,
        "baseline = 0.9 * baseline + 0.1 * log_p.sum(axis=0).mean()",
        "the result is a new array: change it in place with *= and +=",
    ),
    Mistake(MOVE, "baseline *= 0.1\n    baseline += 0.9 * log_p.sum(axis=0).mean()", "0.9 and 0.1 are swapped"),
    Mistake(
        "log_p.sum(axis=0).mean()",
        "log_p.mean()",
        "the mean over words and captions, but a caption's words are summed",
    ),
    Mistake("log_p.sum(axis=0).mean()", "log_p.sum()", "the sum over captions where their mean belongs"),
)

ENTROPY_MISTAKES = (
    Mistake("_log(alpha)", "np.log(alpha)", "log 0 is -inf, and 0 log 0 becomes NaN: it counts as 0"),
    Mistake(
        "(word_entropy * mask).sum() / mask.shape[1]",
        "(word_entropy * mask).sum() / mask.sum()",
        "the mean over words where the mean over captions belongs",
    ),
    Mistake(
        "(word_entropy * mask).sum() / mask.shape[1]",
        "word_entropy.sum() / mask.shape[1]",
        "`mask` is ignored: padding has no entropy",
    ),
)
ENTROPY_BACKWARD_MISTAKES = (
    Mistake("_log(alpha)", "np.log(alpha)", "log 0 is -inf: log alpha must stay finite where alpha is 0"),
    Mistake("-(_log(alpha) + 1)", "-_log(alpha)", "the term 1 is missing: alpha log alpha has the slope log alpha + 1"),
    Mistake("-(_log(alpha) + 1)", "-(alpha * _log(alpha))", "the entropy itself where its slope belongs"),
    Mistake("-(_log(alpha) + 1)", "-1 / alpha", "the slope of log alpha where the slope of alpha log alpha belongs"),
)

TASKS = (
    Task(
        hard_attention,
        "advantage",
        advantage_cases,
        ("better",),
        {
            "words": "words_t = the number of words from t on, the sum of mask over them",
            "reward": "reward = the sum of the caption's log p; with to_go, reward_t = the sum from t on",
            "lengths": "lengths = the number of words of each caption, the first row of words",
            "mean_length": "mean_length = the mean number of words of a caption",
            "per_word": "per_word = b / (mean number of words of a caption)",
            "usual": "usual = b; with to_go, usual_t = b words_t / (mean number of words of a caption)",
            "better": "advantage = (reward - usual) mask",
        },
        mistakes=ADVANTAGE_MISTAKES,
    ),
    Task(
        hard_attention,
        "move_baseline",
        baseline_cases,
        ("after_one", "after_two"),
        {
            "baseline": "b <- 0.9 b + 0.1 (mean over captions of the sum of their words' log p), in place",
            "after_one": "b <- 0.9 b + 0.1 (mean over captions of the sum of their words' log p), in place",
            "after_two": "the same update again, from the new b",
        },
        drive_baseline,
        changes=("baseline",),
        mistakes=BASELINE_MISTAKES,
    ),
    Task(
        hard_attention,
        "entropy_forward",
        entropy_cases,
        ("entropy", "cache"),
        {
            "word_entropy": "word_entropy = - sum over i of alpha_i log alpha_i",
            "entropy": "H = sum over t and b of mask_tb (- sum over i of alpha_tbi log alpha_tbi), divided by B",
            "cache": "the cache is EntropyCache(alpha, mask)",
        },
        mistakes=ENTROPY_MISTAKES,
    ),
    Task(
        hard_attention,
        "entropy_backward",
        entropy_backward_cases,
        ("dalpha",),
        {"dalpha": "dalpha_tbi = - (log alpha_tbi + 1) mask_tb dentropy / B"},
        mistakes=ENTROPY_BACKWARD_MISTAKES,
    ),
)

HINTS = {
    "advantage": (
        "Which words' log p can the sample at word t affect? What is the usual log p of that many words?",
        "reward_t = sum of log p from t on;  usual_t = b words_t / mean words;  without to_go the whole sum, and b",
        "log_p, mask and the result are (T, B). The reward of a caption is (B,), the same for its words; with to_go "
        "it is (T, B). baseline is (1,), the mean number of words one number.",
        "x[::-1].cumsum(axis=0)[::-1] sums from each word to the end. Of log_p it is the reward; of mask it is the "
        "number of remaining words, whose first row is the captions' lengths. Multiply by mask: 0 at padding.",
    ),
    "move_baseline": (
        "The baseline is an array of one number, which a checkpoint holds, too. How do you change it in place?",
        "b <- 0.9 b + 0.1 (mean over captions of the sum over words of log p)",
        "baseline is (1,) and stays the same array. log_p is (T, B): the sum over T is (B,), its mean one number.",
        "baseline *= 0.9; baseline += 0.1 * log_p.sum(axis=0).mean()",
    ),
    "entropy_forward": (
        "Each word's entropy is a sum over its locations. Which words count? Over what is the mean?",
        "H = sum over t and b of mask_tb (- sum over i of alpha_tbi log alpha_tbi) / B",
        "alpha is (T, B, L). A word's entropy is (T, B), as mask. entropy is one number.",
        "log = np.log(np.maximum(alpha, np.finfo(alpha.dtype).tiny)); -(alpha * log).sum(axis=-1) is (T, B), as mask.",
    ),
    "entropy_backward": (
        "x log x contains x twice. What is its slope?",
        "d (x log x) / dx = log x + 1;  dalpha = - (log alpha + 1) mask dentropy / B",
        "dalpha is (T, B, L). mask * dentropy / B is (T, B), with a new last axis (T, B, 1).",
        "-(log + 1) * (mask * (dentropy / B))[..., None], where the mask's new axis is the location axis.",
    ),
}


def pencil():
    """Return the worked example of the page."""
    log_p, baseline, mask = np.array([[-1.0], [-3]]), np.array([-6.0]), np.ones((2, 1))
    alpha = np.full((1, 1, 2), 0.5)
    _, cache = hard_attention.entropy_forward(alpha, mask[:1])
    rewards = {"log_p": log_p, "mask": mask, "baseline": baseline}
    outputs = "after one update", "after another one, with twice the log_p"
    return [
        Example("advantage", {**rewards, "to_go": False}),
        Example("advantage", {**rewards, "to_go": True}),
        Example("move_baseline", {"baseline": baseline, "log_p": log_p}, outputs),
        Example("entropy_forward", {"alpha": alpha, "mask": mask[:1]}),
        Example("entropy_backward", {"dentropy": 1.0, "cache": cache}),
    ]
