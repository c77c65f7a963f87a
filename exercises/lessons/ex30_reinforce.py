"""REINFORCE, advantage and entropy"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Facts
from exercises.lessons.ex22_hard_attention import SIZES
from numpy_sat.layers import hard_attention

FACTS = Facts(difficulty=2, minutes=45, builds_on=(22,))

INTRO = """\
To learn: what a sampled location is worth. Exercise 22 samples one location for each word. REINFORCE favors samples
that lead to a better caption than usual. The gradient of the objective is the mean

    (12) of d log p(y | s, a) + lambda_r (log p(y | s, a) - b) d log p(s | a) + lambda_e dH[s]    over samples s

The baseline b is the usual log p of captions. It does not change the mean, because the mean of d log p(s | a) is 0. But
it rewards only samples that are better than usual, which lowers the variance. H, the entropy, keeps alpha exploring.

advantage: log p(y | s, a) is the sum of a caption's log p over its words, the reward of all its samples. With to_go,
the reward of a sample is the sum from its own word on, because it does not affect the words before. Subtract b times
the number of these words, divided by the mean number of words of a caption. Count words, not padding: see mask.
Do not multiply by lambda_r and lambda_e: the incoming gradients, dlog_p and dentropy, contain them already.

entropy: H = mean over captions of the sum over t, i of - alpha_ti log alpha_ti. Where alpha is 0, this is 0: take the
log of np.maximum(alpha, np.finfo(alpha.dtype).tiny). The cache is EntropyCache(alpha, mask). NumPy is all you need.

Predict before you run: a caption's two words have log p = [[-1], [-3]], and b = [-6]: the advantage of both samples is
2. What is it with to_go? (For the first it is -4 + 6 = 2; find the other.) What is b after the update? (-5.4 - 0.4 =
-5.8.)"""

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
    Mistake("baseline * words / words[0].mean()", "baseline", "all of b where b for the remaining words belongs"),
    Mistake(
        "baseline * words / words[0].mean()",
        "baseline * words / words[0]",
        "divided by the caption's own number of words where the mean number belongs",
    ),
    Mistake(
        "baseline * words / words[0].mean()",
        "baseline * words / len(mask)",
        "divided by the longest caption's number of words where the mean number belongs",
    ),
    Mistake(
        "baseline * words / words[0].mean()", "baseline * words", "the division by the mean number of words is missing"
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
        "x[::-1].cumsum(axis=0)[::-1] sums from each word to the end. Of log_p it is the reward; of mask it is the "
        "number of remaining words, whose first row is the captions' lengths. Multiply by mask: 0 at padding.",
    ),
    "move_baseline": (
        "The baseline is an array of one number, which a checkpoint holds, too. How do you change it in place?",
        "b <- 0.9 b + 0.1 (mean over captions of the sum over words of log p)",
        "baseline *= 0.9; baseline += 0.1 * log_p.sum(axis=0).mean()",
    ),
    "entropy_forward": (
        "Each word's entropy is a sum over its locations. Which words count? Over what is the mean?",
        "H = sum over t and b of mask_tb (- sum over i of alpha_tbi log alpha_tbi) / B",
        "log = np.log(np.maximum(alpha, np.finfo(alpha.dtype).tiny)); -(alpha * log).sum(axis=-1) is (T, B), as mask.",
    ),
    "entropy_backward": (
        "x log x contains x twice. What is its slope?",
        "d (x log x) / dx = log x + 1;  dalpha = - (log alpha + 1) mask dentropy / B",
        "-(log + 1) * (mask * (dentropy / B))[..., None], where the mask's new axis is the location axis.",
    ),
}
