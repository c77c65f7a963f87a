"""The evaluator's loss"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.layers import discriminator

FACTS = Facts(difficulty=2, minutes=50, builds_on=(4, 36), chapter="own_captions")

INTRO = """\
Goal            Train a judge in place of a formula. CIDEr-D counts n-grams. An evaluator (Dai et al. 2017) is a network
                that learns what people write: it reads an image I and a caption S, and gives the probability that a
                person wrote S about I. The captioner then learns to raise it. In the code, it is the discriminator.

Equations       s    = <f(I), h(S)>           the score of a caption: f (N, S) of images, h (B, S) of captions     (B,)
                r    = sigm(s)                the probability that S is real and belongs to I                      (B,)
                loss = - mean log r(real) - mean log(1 - r(generated)) - alpha mean log(1 - r(mismatched))     a number
                Generated captions are the captioner's. Mismatched ones are real captions of other images. Each kind
                has its own number of captions: real (B,), generated (G,), mismatched (M,), all scores.
                - log sigm(s) = softplus(-s)     - log(1 - sigm(s)) = softplus(s)     d softplus(s) / ds = sigm(s)

Worked example  One image with two captions:
                f = [[1, 2]]   h = [[1, 1], [0, -1]]   score = [3, -2]
                One caption of each kind, with r = 3/4, 1/4 and 1/2:
                real = [ln 3]   generated = [-ln 3]   mismatched = [0]   weight = 2
                loss = 1.9617   dreal = [-0.25]   dgenerated = [0.25]                for the gradient 1 of the loss
                1. Find dmismatched. Find df and dh of the two captions for dscore = [1, -1].
                2. An evaluator that knows nothing gives r = 1/2 to every caption. Find its loss with weight = 2.
                3. What can the evaluator ignore if weight is 0?
                4. A generated caption has the score 900. Why is -log(1 - r) not computed as it stands?

Your task       1. score_forward: compute the scores. Trap: with 3 captions per image, image 0 has captions 0 to 2.
                2. score_backward: compute df and dh. Trap: each caption of an image adds a term to its df.
                3. loss_forward: compute the loss; `weight` is alpha. Trap: each kind has a mean of its own. The check
                   has scores from -900 to 900.
                4. loss_backward: compute the gradients of the scores. Trap: only one of the three has a minus.

Given           softplus(x)                           log(1 + exp(x)) without overflow
                activations.sigmoid_forward(x)[0]     sigm(x) without overflow
                The caches ScoreCache(f, h) and LossCache(real, generated, mismatched, weight) are packed and unpacked
                for you.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers import activations
from numpy_sat.layers.discriminator import LossCache, ScoreCache
from numpy_sat.layers.noisy_or import softplus"""

SIZES = [(2, 6, 3), (3, 3, 2), (1, 4, 5), (4, 8, 3)]  # N, B, S
KINDS = [(3, 5, 4, 0.7), (6, 2, 3, 1.0), (1, 1, 2, 2.5)]  # B, G, M, alpha
EXTREMES = np.array([-900.0, -40, 40, 900])


def score_cases(rng):
    """Return vectors of several images and captions."""
    return [{"f": rng.standard_normal((N, S)), "h": rng.standard_normal((B, S))} for N, B, S in SIZES]


def score_backward_cases(rng):
    """Return random gradients for each forward case."""
    caches = [discriminator.score_forward(**inputs)[1] for inputs in score_cases(rng)]
    return [{"dscore": rng.standard_normal(len(cache.h)), "cache": cache} for cache in caches]


def loss_cases(rng):
    """Return random scores in different numbers, and extreme ones."""
    cases = [
        {
            **{"real": 2 * rng.standard_normal(B), "generated": 2 * rng.standard_normal(G)},
            **{"mismatched": 2 * rng.standard_normal(M), "weight": weight},
        }
        for B, G, M, weight in KINDS
    ]
    extreme = {"real": EXTREMES, "generated": EXTREMES[:3], "mismatched": EXTREMES[1:], "weight": 0.5}
    return [*cases, extreme]


def loss_backward_cases(rng):
    """Return a random dloss for each forward case; a dloss of 1 would hide that it is ignored."""
    caches = [discriminator.loss_forward(**inputs)[1] for inputs in loss_cases(rng)]
    return [{"dloss": float(rng.uniform(0.5, 3)), "cache": cache} for cache in caches]


PAIRS = "np.repeat(f, len(h) // len(f), axis=0)"
TURNS = "np.tile(f, (len(h) // len(f), 1))"
SIDE_BY_SIDE = "the images take turns, as with np.tile, but an image's captions are side by side: np.repeat"
SCORE_MISTAKES = (
    Mistake(PAIRS, TURNS, SIDE_BY_SIDE),
    Mistake(f"({PAIRS} * h).sum(axis=1)", f"({PAIRS} * h).mean(axis=1)", "the mean where the sum belongs: <f, h>"),
    Mistake(
        f"score = ({PAIRS} * h).sum(axis=1)",
        f"score = 1 / (1 + np.exp(-({PAIRS} * h).sum(axis=1)))",
        "the probability r, where the score s belongs",
    ),
)

DF = "(dscore[:, None] * h).reshape(len(f), -1, h.shape[1]).sum(axis=1)"
SCORE_BACKWARD_MISTAKES = (
    Mistake(PAIRS, TURNS, SIDE_BY_SIDE),
    Mistake(
        DF,
        "(dscore[:, None] * h).reshape(len(f), -1, h.shape[1]).mean(axis=1)",
        "the mean over an image's captions, but each of them adds a term: sum",
    ),
    Mistake(
        DF,
        "(dscore[:, None] * h).reshape(len(f), -1, h.shape[1])[:, 0]",
        "one caption of each image alone: all of them add a term",
    ),
    Mistake(
        DF,
        "(dscore[:, None] * h).reshape(-1, len(f), h.shape[1]).sum(axis=0)",
        "the captions take turns, but an image's captions are side by side",
    ),
)


LOSS = "real_loss + generated_loss + weight * mismatched_loss"
LOSS_MISTAKES = (
    Mistake("softplus(generated)", "softplus(-generated)", "log r(generated): the label of generated captions is 0"),
    Mistake(
        "softplus(mismatched)", "softplus(-mismatched)", "log r(mismatched): the label of mismatched captions is 0"
    ),
    Mistake("softplus(-real)", "softplus(real)", "log(1 - r(real)): the label of real captions is 1"),
    Mistake(
        LOSS,
        "(len(real) * real_loss + len(generated) * generated_loss + weight * len(mismatched) * mismatched_loss) / "
        "(len(real) + len(generated) + len(mismatched))",
        "one mean over all captions, but each kind has a mean of its own",
    ),
    Mistake(
        LOSS,
        "real_loss + weight * (generated_loss + mismatched_loss)",
        "`weight` multiplies the generated captions, too: it belongs to the mismatched ones",
    ),
    Mistake(LOSS, "real_loss + generated_loss", "the mismatched captions are missing"),
    Mistake(LOSS, f"-({LOSS})", "the sign: the loss is - log of the right label's probability"),
    *(
        Mistake(
            f"noisy_or.softplus({sign}{kind}).mean()",
            wrong.format(p=f"1 / (1 + np.exp({sign}{kind}))", x=f"{sign}{kind}"),
            term,
        )
        for sign, kind in (("-", "real"), ("", "generated"), ("", "mismatched"))
        for wrong, term in (
            ("-np.log({p}).mean()", "sigm(s) rounds to 0 or overflows for a large score: use softplus"),
            ("-np.log({p} + 1e-08).mean()", "a small number in the logarithm changes the loss: softplus needs none"),
            ("np.log(1 + np.exp({x})).mean()", "exp overflows for a large score: use softplus"),
            ("(1 - {p}).mean()", "a probability where its logarithm belongs"),
        )
    ),
    Mistake(
        "noisy_or.softplus(generated).mean()",
        "-np.log(1 - 1 / (1 + np.exp(-generated))).mean()",
        "1 - sigm(s) rounds to 0 for a large score: use softplus",
    ),
    Mistake(
        "noisy_or.softplus(mismatched).mean()",
        "-np.log(1 - 1 / (1 + np.exp(-mismatched))).mean()",
        "1 - sigm(s) rounds to 0 for a large score: use softplus",
    ),
)

DREAL, DGENERATED = "-_sigmoid(-real) * (dloss / len(real))", "_sigmoid(generated) * (dloss / len(generated))"
DMISMATCHED = "_sigmoid(mismatched) * (weight * dloss / len(mismatched))"
LOSS_BACKWARD_MISTAKES = (
    Mistake(DREAL, "-_sigmoid(real) * (dloss / len(real))", "r where 1 - r belongs: softplus(-s) has the slope r - 1"),
    Mistake(
        DREAL,
        "-_sigmoid(real) * _sigmoid(-real) * (dloss / len(real))",
        "r (1 - r), the slope of r, where that of log r belongs: 1 - r",
    ),
    Mistake(
        DGENERATED,
        "_sigmoid(generated) * _sigmoid(-generated) * (dloss / len(generated))",
        "r (1 - r), the slope of r, where that of - log(1 - r) belongs: r",
    ),
    Mistake(
        DMISMATCHED,
        "_sigmoid(mismatched) * _sigmoid(-mismatched) * (weight * dloss / len(mismatched))",
        "r (1 - r), the slope of r, where that of - log(1 - r) belongs: r",
    ),
    Mistake(
        DGENERATED,
        "-_sigmoid(-generated) * (dloss / len(generated))",
        "the gradient of - log r where that of - log(1 - r) belongs",
    ),
    Mistake(
        DMISMATCHED,
        "-_sigmoid(-mismatched) * (weight * dloss / len(mismatched))",
        "the gradient of - log r where that of - log(1 - r) belongs",
    ),
)

TASKS = (
    Task(
        discriminator,
        "score_forward",
        score_cases,
        ("score", "cache"),
        {"score": "s_b = sum over the S components of f(image of b) h_b", "cache": "the cache is ScoreCache(f, h)"},
        mistakes=SCORE_MISTAKES,
    ),
    Task(
        discriminator,
        "score_backward",
        score_backward_cases,
        ("df", "dh"),
        {
            "df": "df of an image = sum over its captions b of dscore_b h_b",
            "dh": "dh_b = dscore_b f(image of b)",
        },
        mistakes=SCORE_BACKWARD_MISTAKES,
    ),
    Task(
        discriminator,
        "loss_forward",
        loss_cases,
        ("loss", "cache"),
        {
            "real_loss": "term 1 = mean of - log r(real) = mean of softplus(-real)",
            "generated_loss": "term 2 = mean of - log(1 - r(generated)) = mean of softplus(generated)",
            "mismatched_loss": "term 3 = mean of - log(1 - r(mismatched)) = mean of softplus(mismatched)",
            "loss": "loss = mean softplus(-real) + mean softplus(generated) + alpha mean softplus(mismatched)",
            "cache": "the cache is LossCache(real, generated, mismatched, weight)",
        },
        mistakes=LOSS_MISTAKES,
    ),
    Task(
        discriminator,
        "loss_backward",
        loss_backward_cases,
        ("dreal", "dgenerated", "dmismatched"),
        {
            "dreal": "dreal = - sigm(-real) dloss / B = (r - 1) dloss / B",
            "dgenerated": "dgenerated = sigm(generated) dloss / G = r dloss / G",
            "dmismatched": "dmismatched = alpha sigm(mismatched) dloss / M = alpha r dloss / M",
        },
        mistakes=LOSS_BACKWARD_MISTAKES,
    ),
)

HINTS = {
    "score_forward": (
        "Which image does caption b belong to? How do you repeat each image's vector for its captions?",
        "s_b = sum over the S components of f(image of b) h_b",
        "f is (N, S) and h is (B, S). Repeated B / N times each, f is (B, S), too. The score is (B,).",
        "(np.repeat(f, len(h) // len(f), axis=0) * h).sum(axis=1)",
    ),
    "score_backward": (
        "In which scores does the vector of one image occur? And that of one caption?",
        "df of an image = sum over its captions b of dscore_b h_b;  dh_b = dscore_b f(image of b)",
        "dscore is (B,), or (B, 1) beside h. dscore h is (B, S), and (N, B / N, S) before the sum over axis 1.",
        "df = (dscore[:, None] * h).reshape(len(f), -1, h.shape[1]).sum(axis=1); dh = dscore[:, None] times f, "
        "repeated as in the forward function.",
    ),
    "loss_forward": (
        "Which label does each kind of caption have? Which softplus is - log of that label's probability?",
        "loss = mean softplus(-real) + mean softplus(generated) + alpha mean softplus(mismatched)",
        "real is (B,), generated (G,), mismatched (M,). Each mean is one number, and so is the loss.",
        "softplus(-real).mean() + softplus(generated).mean() + weight * softplus(mismatched).mean()",
    ),
    "loss_backward": (
        "What is the slope of softplus? Which of the three has a minus inside?",
        "dreal = - sigm(-real) dloss / B;  dgenerated = sigm(generated) dloss / G;  dmismatched is the same with alpha",
        "dreal is (B,), dgenerated (G,), dmismatched (M,), each as its scores. dloss is one number.",
        "sigm = activations.sigmoid_forward(x)[0]; dreal is -sigm of -real, times dloss / len(real).",
    ),
}


def pencil():
    """Return the worked example of the page."""
    vectors = {"f": np.array([[1.0, 2]]), "h": np.array([[1.0, 1], [0, -1]])}
    scores = {"real": np.array([np.log(3)]), "generated": np.array([-np.log(3)]), "mismatched": np.zeros(1)}
    _, cache = discriminator.score_forward(**vectors)
    _, cache_loss = discriminator.loss_forward(**scores, weight=2.0)
    return [
        Example("score_forward", vectors),
        Example("score_backward", {"dscore": np.array([1.0, -1]), "cache": cache}),
        Example("loss_forward", {**scores, "weight": 2.0}),
        Example("loss_backward", {"dloss": 1.0, "cache": cache_loss}),
    ]
