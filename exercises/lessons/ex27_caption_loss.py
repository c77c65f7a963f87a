"""Cross-entropy with label smoothing"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.layers import losses

FACTS = Facts(difficulty=2, minutes=40, builds_on=(4,), chapter="softmax")

INTRO = """\
Goal            Compute what a caption costs. This is the loss that trains the captioner, and its gradient is where
                every backward pass starts.

Equations       a word          word_tb = - sum over k of q_k log p_k                (T, B)      p = softmax(logits)
                its target      q_k = 1 at the target word, 0 elsewhere              (T, B, V)
                smoothing s     q_k = 1 - s at the target, plus s / V at every word  (T, B, V)
                (14, left)      loss = sum over t, b of mask_tb word_tb / B    a number: sum over words, mean over B
                backward        dlogits = (p - q) mask dloss / B                     (T, B, V): predicted minus target p
                (14) is an equation of Xu et al. 2015. Its left term is this loss, its right term the penalty of
                exercise 13.

Worked example  One caption of one word, s = 0:
                p = [1/2, 1/4, 1/4]   target = 0   dlogits = [-1/2, 1/4, 1/4]              Find dlogits for s = 0.3.
                With equal logits, every p is 1 / V and a word costs ln V, which is 7.82 for V = 2500. If your training
                starts far above, look for a mistake. Two captions, of 3 words and of 1, with equal logits: loss = 2 ln
                V. What would it be if the padding were counted (T = 3)? What does label smoothing change here?

Your task       1. cross_entropy_forward: compute the loss, and log_sum for the cache. Trap: a p may be 0, and log 0 is
                   infinite. So compute log p_k = logits_k - log_sum. Trap: divide by B, the number of captions, not of
                   words.
                2. cross_entropy_backward: compute dlogits. Trap: it is 0 at padding, and label smoothing changes it
                   too. Trap: dlogits has the dtype of logits, float32 in training. A comparison times a number is
                   float64: use astype(logits.dtype).

Given           You may use softmax.log_sum_exp and softmax.softmax_forward, which returns p and a cache (exercise 4).
                mask is 1.0 at words and 0.0 at padding. The cache is packed and unpacked for you; log_sum is (T, B),
                the log of the sum of exp(logits) over the words.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers import softmax
from numpy_sat.layers.losses import CrossEntropyCache"""


def loss_cases(rng):
    """Return cases of captions of different lengths, with and without label smoothing, and with large logits."""
    cases = []
    for lengths, V, scale, smoothing in [
        ([2, 4, 3], 7, 1, {"smoothing": 0.2}),
        ([3, 1, 2], 3, 1, {"smoothing": 0.0}),
        ([1, 3], 4, 3000, {"smoothing": 0.1}),
        ([2, 2, 2, 2], 6, 1, {}),
    ]:
        T, B = max(lengths), len(lengths)
        logits = scale * rng.standard_normal((T, B, V))
        mask = (np.arange(T)[:, None] < lengths).astype(float)
        cases.append({"logits": logits, "targets": rng.integers(V, size=(T, B)), "mask": mask, **smoothing})
    return cases


def loss_backward_cases(rng):
    """Return a random dloss for each forward case; a dloss of 1 would hide that it is ignored."""
    return [
        {"dloss": float(rng.uniform(0.5, 3)), "cache": losses.cross_entropy_forward(**inputs)[1]}
        for inputs in loss_cases(rng)
    ]


WORD = "word = (1 - smoothing) * (log_sum - at_target) + smoothing * (log_sum - mean)"
OF_LOG_P = (
    "at_target = np.take_along_axis(log_p, targets[..., None], axis=-1)[..., 0]; "
    "word = -((1 - smoothing) * at_target + smoothing * log_p.mean(axis=-1))"
)
P = "np.exp(logits - log_sum[..., None])"
EPSILONS = ("1e-6", "1e-7", "1e-8", "1e-9", "1e-10", "1e-12", "1e-15", "1e-16", "1e-20", "1e-30", "1e-300")
ADDED = "log(p + eps) is not log p: log p = logits - log_sum needs no eps, also where p is 0"
LIMITED = "p is limited before its logarithm: log p = logits - log_sum is exact, also where p is 0"
TOTAL = "(word * mask).sum() / targets.shape[1]"
OTHERS = "s / (V - 1) for the other words alone, where s / V belongs at every word, also at the target"
FORWARD_MISTAKES = (
    *(Mistake(WORD, f"log_p = np.log({P} + {epsilon}); {OF_LOG_P}", ADDED, "word") for epsilon in EPSILONS),
    *(
        Mistake(WORD, f"log_p = np.log(np.maximum({P}, {epsilon})); {OF_LOG_P}", LIMITED, "word")
        for epsilon in EPSILONS
    ),
    *(
        Mistake(WORD, f"log_p = np.log(np.clip({P}, {epsilon}, 1 - {epsilon})); {OF_LOG_P}", LIMITED, "word")
        for epsilon in EPSILONS
    ),
    Mistake(WORD, f"log_p = np.log({P}); {OF_LOG_P}", "log p is -inf where p is 0: log p = logits - log_sum", "word"),
    Mistake(
        WORD,
        f"log_p = np.log({P}); at_target = np.take_along_axis(log_p, targets[..., None], axis=-1)[..., 0]; "
        "word = -((1 - smoothing) * at_target + (smoothing * log_p.mean(axis=-1) if smoothing else 0))",
        "log p is -inf where p is 0: log p = logits - log_sum",
        "word",
    ),
    Mistake(
        WORD,
        f"log_p = np.log(np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)); {OF_LOG_P}",
        "exp overflows for large logits: log p = logits - log_sum, where log_sum_exp subtracts the largest first",
        "word",
    ),
    Mistake(
        WORD,
        f"log_sum = np.log(np.exp(logits).sum(axis=-1)); {WORD}",
        "exp overflows for large logits: log_sum_exp subtracts the largest first",
        "log_sum",
    ),
    Mistake(WORD, "word = log_sum - at_target", "label smoothing is forgotten: q is 1 - s at the target, plus s / V"),
    Mistake(
        WORD,
        "V = logits.shape[-1]; word = (1 - smoothing) * (log_sum - at_target) + smoothing / (V - 1) * "
        "(V * (log_sum - mean) - (log_sum - at_target))",
        OTHERS,
    ),
    Mistake(
        WORD,
        "V = logits.shape[-1]; word = (1 - smoothing) * (log_sum - at_target) + smoothing / V * "
        "(V * (log_sum - mean) - (log_sum - at_target))",
        "the target lacks its share s / V: q is 1 - s + s / V there",
    ),
    Mistake(WORD, WORD.replace("(1 - smoothing) * ", ""), "q is 1 at the target, where 1 - s + s / V belongs"),
    Mistake(TOTAL, "(word * mask).sum() / mask.sum()", "the mean over words where the mean over captions belongs"),
    Mistake(TOTAL, "(word * mask).sum() / word.size", "divided by T B: the mean goes over the B captions alone"),
    Mistake(TOTAL, "(word * mask).sum() / len(mask)", "divided by T, the words, where B, the captions, belongs"),
    Mistake(TOTAL, "(word * mask).sum()", "the sum over captions where their mean belongs"),
    Mistake(TOTAL, "word.sum() / targets.shape[1]", "the mask is forgotten: padding counts as words"),
    Mistake(
        TOTAL,
        "((word * mask).sum(axis=0) / mask.sum(axis=0)).mean()",
        "each caption is divided by its own number of words; its words are summed",
    ),
)
DIFFERENCE = "np.exp(logits - log_sum[..., None]) - smoothing / V"
BACKWARD_MISTAKES = (
    Mistake(
        f"difference = {DIFFERENCE}",
        f"smoothing = 0; difference = {DIFFERENCE}",
        "label smoothing is forgotten: q is 1 - s at the target, plus s / V at every word",
    ),
    Mistake(
        f"difference = {DIFFERENCE}",
        f"smoothing, weight = 0, weight / dloss; difference = {DIFFERENCE}",
        "label smoothing and dloss are forgotten",
        "dlogits",
    ),
    Mistake(f"difference = {DIFFERENCE}", f"V = V - 1; difference = {DIFFERENCE}", "s / (V - 1) where s / V belongs"),
    Mistake(
        f"difference = {DIFFERENCE}",
        f"V = V - 1; difference = {DIFFERENCE}; np.put_along_axis(difference, targets[..., None], smoothing / V + "
        "np.take_along_axis(difference, targets[..., None], axis=-1), axis=-1)",
        OTHERS,
    ),
    Mistake(
        f"difference = {DIFFERENCE}",
        f"difference = {DIFFERENCE}; np.put_along_axis(difference, targets[..., None], smoothing / V + "
        "np.take_along_axis(difference, targets[..., None], axis=-1), axis=-1)",
        "the target lacks its share s / V: q is 1 - s + s / V there",
    ),
    Mistake(
        f"difference = {DIFFERENCE}",
        "difference = logits - log_sum[..., None] - smoothing / V",
        "log p where p belongs",
    ),
    Mistake(
        "dloss / targets.shape[1]", "dloss / mask.sum()", "the mean over words where the mean over captions belongs"
    ),
    Mistake("dloss / targets.shape[1]", "dloss / mask.size", "divided by T B where B, the captions, belongs"),
    Mistake("dloss / targets.shape[1]", "dloss / len(mask)", "divided by T, the words, where B, the captions, belongs"),
    Mistake("dloss / targets.shape[1]", "1 / targets.shape[1]", "the factor dloss is forgotten"),
    Mistake("mask * (dloss", "(0 * mask + 1) * (dloss", "the mask is forgotten: padding has a gradient"),
)

TASKS = (
    Task(
        losses,
        "cross_entropy_forward",
        loss_cases,
        ("loss", "cache"),
        {
            "loss": "(14) loss = sum over t and b of mask_tb word_tb, divided by the B captions",
            "word": "word = - sum over k of q_k log p_k = (1 - s) (log_sum - at_target) + s (log_sum - mean)",
            "at_target": "at_target = the target word's logit",
            "log_sum": "log_sum = log of the sum over k of exp(logits_k), so that - log p_k = log_sum - logits_k",
            "mean": "mean = the mean of a word's V logits, for the label smoothing",
            "cache": "the cache is CrossEntropyCache(logits, log_sum, targets, mask, smoothing)",
        },
        mistakes=FORWARD_MISTAKES,
    ),
    Task(
        losses,
        "cross_entropy_backward",
        loss_backward_cases,
        ("dlogits",),
        {
            "dlogits": "dlogits_tbk = (p_k - q_k) mask_tb dloss / B",
            "weight": "weight_tb = mask_tb dloss / B: the weight of a word in the loss",
            "difference": "difference_k = p_k - q_k, where q_k is s / V, plus 1 - s at the target",
            "at_target": "at the target, p - q is p - s / V - (1 - s)",
        },
        mistakes=BACKWARD_MISTAKES,
    ),
)

HINTS = {
    "cross_entropy_forward": (
        "What does one word cost without label smoothing? Which words count? What is their sum divided by?",
        "word = (1 - s) (log_sum - target's logit) + s (log_sum - mean of the logits); loss = sum of mask word / B",
        "logits is (T, B, V). targets, mask, log_sum, the mean of the logits, the target's logit and word are (T, B). "
        "loss is one number.",
        "np.take_along_axis(logits, targets[..., None], axis=-1)[..., 0] is the target's logit of each word. "
        "B is targets.shape[1].",
    ),
    "cross_entropy_backward": (
        "log p_k = logits_k - log_sum. Which logits does log_sum depend on? What is its derivative by each?",
        "dlogits_tbk = (p_k - q_k) mask_tb dloss / B, p = exp(logits - log_sum)",
        "dlogits is (T, B, V), as p and q. log_sum and mask * dloss / B are (T, B): each needs a new last axis, [..., "
        "None], to broadcast over V.",
        "Build q: s / V everywhere, plus (1 - s) where np.arange(V) == targets[..., None]. Then (p - q) times "
        "(mask * (dloss / B))[..., None].",
    ),
}


def pencil():
    """Return the worked example of the page."""
    inputs = {"logits": np.log([[[0.5, 0.25, 0.25]]]), "targets": np.array([[0]]), "mask": np.ones((1, 1))}
    examples = []
    for smoothing in (0.0, 0.3):
        case = {**inputs, "smoothing": smoothing}
        _, cache = losses.cross_entropy_forward(**case)
        examples.append(Example("cross_entropy_forward", case))
        examples.append(Example("cross_entropy_backward", {"dloss": 1.0, "cache": cache}))
    return examples
