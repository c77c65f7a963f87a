"""Self-attention with a mask"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.decoders import masks
from numpy_sat.layers import self_attention

FACTS = Facts(difficulty=3, minutes=75, builds_on=(21, 29), chapter="attention_to_transformers")

INTRO = """\
Goal            Let every position of a sequence look at all others at once, with several heads (Vaswani et al. 2017).
                A mask hides the words that a captioner has not written yet. So one pass trains all words of a caption,
                and no word sees a later one.

Equations       G heads, P positions. q, k and v are projections of the same sequence, (N, P, G, K) each.
                E_ij = q_i . k_j / sqrt(K) + M_ij            for each image and head             (N, G, P, P)
                p_i  = softmax over j of E_ij                attention weights of position i     (N, G, P, P)
                o_i  = sum over j of p_ij v_j                                                    (N, P, G, K)
                M_ij is 0 where position i sees position j, and HIDDEN elsewhere                 (1 or N, P, P)
                dv_j = sum over i of p_ij do_i      dp_ij = do_i . v_j      dE: the softmax's backward, of exercise 4
                dq_i = sum over j of dE_ij k_j / sqrt(K)                    dk_j = sum over i of dE_ij q_i / sqrt(K)

Worked example  One image and head, two words, K = 1. Each word sees itself and the words before it:
                sees = [[1, 0], [1, 1]]   q = [[0], [1]]   k = [[ln 3], [0]]   v = [[4], [8]]
                p = [[1, 0], [0.75, 0.25]]   o = [[4], [5]]
                For do = [[0], [8]], dv = [[6], [2]] and dk = [[-6], [6]]
                1. Find dq for the same do. For do = [[8], [0]], find dv, dq and dk. Why are two of them 0?
                2. A region and two words of one caption have the mask sees = [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
                   Find sees of a region and two captions of one word each.
                3. HIDDEN is -10000. With which mask would minus infinity give NaN?

Your task       1. left_to_right: compute the mask of L regions, then T words of each caption. Trap: the captions of an
                   image share its regions, but never see each other. Regions see no words.
                2. attend_forward: compute o and p. Trap: the mask has no axis of heads. The softmax goes over j, the
                   positions that are looked at.
                3. attend_backward: compute dq, dk and dv. Trap: dv and dk are sums over i, dq is one over j.

Given           additive(sees, dtype)        the mask of a boolean array (P, P), with one more axis in front
                softmax.softmax_forward(x) returns p and its cache; softmax.softmax_backward(dp, SoftmaxCache(p))
                The cache AttendCache(q, k, v, p) is packed and unpacked for you. The last Q of the P positions may ask
                alone: then q is (N, Q, G, K), and the mask has Q rows. @lru_cache makes each mask only once.
"""

IMPORTS = """\
import math
from functools import lru_cache

import numpy as np

from numpy_sat.decoders.masks import additive
from numpy_sat.layers import softmax
from numpy_sat.layers.self_attention import AttendCache
from numpy_sat.layers.softmax import SoftmaxCache"""

MASKS = [(2, 3, 2), (1, 4, 1), (3, 1, 3), (2, 2, 2)]  # L, T, captions
SIZES = [(2, 4, 4, 3, 5, 1), (2, 3, 5, 2, 4, 2), (3, 3, 3, 3, 3, 1), (1, 2, 2, 2, 3, 1)]  # N, Q, P, G, K, masks


def mask_cases(rng):
    """Return several numbers of regions, words and captions."""
    return [{"L": L, "T": T, "captions": captions} for L, T, captions in MASKS]


def forward_cases(rng):
    """Return random arrays of several sizes, with masks under which every position sees itself."""
    cases = []
    for N, Q, P, G, K, count in SIZES:
        q, k, v = (rng.standard_normal((N, positions, G, K)) for positions in (Q, P, P))
        sees = (rng.random((count, Q, P)) < 0.6) | np.eye(P, dtype=bool)[-Q:]
        cases.append({"q": q, "k": k, "v": v, "mask": np.where(sees, 0, self_attention.HIDDEN)})
    return cases


def backward_cases(rng):
    """Return a random gradient for each forward case."""
    cases = []
    for inputs in forward_cases(rng):
        o, cache = self_attention.attend_forward(**inputs)
        cases.append({"do": rng.standard_normal(o.shape), "cache": cache})
    return cases


SAME, EARLIER = "(same_caption & (place <= place[:, None]))", "place <= place[:, None]"
MASK_MISTAKES = (
    Mistake(EARLIER, "place < place[:, None]", "a word must see itself, too"),
    Mistake(EARLIER, "place >= place[:, None]", "a word sees the later words: rows ask, columns are seen"),
    Mistake(SAME, f"({EARLIER})", "a word sees the words of other captions: the same caption is required"),
    Mistake(SAME, "same_caption", "a word sees the later words of its caption"),
    Mistake(
        f"is_region | {SAME}",
        f"is_region | is_region[:, None] | {SAME}",
        "regions see words: the rows of regions see regions alone",
    ),
    Mistake(f"is_region | {SAME}", SAME, "words do not see the regions"),
    Mistake(f"is_region | {SAME}", f"is_region[:, None] | {SAME}", "rows and columns of the regions are swapped"),
    Mistake(
        f"is_region | {SAME}",
        "np.tri(len(place), dtype=bool)",
        "regions see only the regions before them, and captions see each other",
    ),
    Mistake(
        f"is_region | {SAME}",
        "is_region | np.tri(len(place), dtype=bool)",
        "a word sees the words of the captions before its own",
    ),
    Mistake("is_region | (same", "~is_region & (same", "words do not see the regions"),
    Mistake(f"additive(is_region | {SAME}", f"additive(~(is_region | {SAME})", "the mask is inverted"),
)

SCORES = "q_rows @ k_rows.swapaxes(2, 3) / math.sqrt(q.shape[3]) + mask[:, None]"
SOFTMAX = "p, _ = softmax.softmax_forward(e)"
FORWARD_MISTAKES = (
    Mistake("/ math.sqrt(q.shape[3])", "/ q.shape[3]", "divided by K where sqrt(K) belongs"),
    Mistake("/ math.sqrt(q.shape[3])", "", "the division by sqrt(K) is missing"),
    Mistake(
        "/ math.sqrt(q.shape[3])",
        "/ math.sqrt(q.shape[2] * q.shape[3])",
        "divided by the root of the size of all heads, where that of one head, sqrt(K), belongs",
    ),
    Mistake(" + mask[:, None]", "", "the mask is not added"),
    Mistake(SCORES, SCORES.replace(" + mask[:, None]", " * (mask[:, None] == 0)"), "the mask multiplies the scores"),
    Mistake(SCORES, SCORES.replace("+ mask", "- mask"), "the mask is subtracted: it hides what may be seen"),
    Mistake(
        "+ mask[:, None]",
        "+ mask",
        "the mask has no axis of heads: mask[:, None] broadcasts over the heads",
    ),
    Mistake(
        SOFTMAX,
        "p = softmax.softmax_forward(e.swapaxes(2, 3))[0].swapaxes(2, 3)",
        "the softmax goes over i, the positions that ask, where j belongs",
    ),
    Mistake(
        SOFTMAX,
        "p = softmax.softmax_forward(e - mask[:, None])[0] * (mask[:, None] == 0)",
        "hidden positions get their weight 0 after the softmax: the weights of a row no longer sum to 1",
    ),
    Mistake(
        SOFTMAX,
        "p = softmax.softmax_forward(np.moveaxis(e, 1, -1))[0].transpose(0, 3, 1, 2)",
        "the softmax goes over the heads, where j belongs",
    ),
)

DPRODUCT = "softmax.softmax_backward(dp, softmax.SoftmaxCache(cache.p)) / math.sqrt(do.shape[3])"
BACKWARD_MISTAKES = (
    Mistake(
        DPRODUCT, "softmax.softmax_backward(dp, softmax.SoftmaxCache(cache.p))", "the division by sqrt(K) is missing"
    ),
    Mistake(
        DPRODUCT,
        "softmax.softmax_backward(dp, softmax.SoftmaxCache(cache.p)) / do.shape[3]",
        "divided by sqrt(K) twice",
    ),
    Mistake(
        DPRODUCT,
        "cache.p * dp / math.sqrt(do.shape[3])",
        "term 2 of the softmax's gradient is missing: the sum over j of p_ij dp_ij",
    ),
    Mistake(
        DPRODUCT,
        "cache.p * (1 - cache.p) * dp / math.sqrt(do.shape[3])",
        "p (1 - p) is the diagonal of the softmax's gradient alone: every score changes every weight of its row",
    ),
    Mistake(DPRODUCT, "dp / math.sqrt(do.shape[3])", "the gradient does not go through the softmax"),
    Mistake(
        DPRODUCT,
        "(cache.p * (dp - (cache.p * dp).sum(axis=2, keepdims=True))) / math.sqrt(do.shape[3])",
        "the sum in the softmax's gradient goes over i, where j belongs",
    ),
    Mistake(
        "dq = dproduct @ k_rows",
        "dq = dproduct @ k_rows / math.sqrt(do.shape[3])",
        "divided by sqrt(K) twice",
    ),
    Mistake(
        "dk = dproduct.swapaxes(2, 3) @ q_rows",
        "dk = dproduct.swapaxes(2, 3) @ q_rows / math.sqrt(do.shape[3])",
        "divided by sqrt(K) twice",
    ),
    Mistake(
        "dk = dproduct.swapaxes(2, 3) @ q_rows",
        "dk = dproduct.swapaxes(2, 3) @ q_rows * math.sqrt(do.shape[3])",
        "the division by sqrt(K) is missing",
    ),
    Mistake(
        "dq = dproduct @ k_rows",
        "dq = dproduct @ k_rows * math.sqrt(do.shape[3])",
        "the division by sqrt(K) is missing",
    ),
)

TASKS = (
    Task(
        masks,
        "left_to_right",
        mask_cases,
        ("mask",),
        {
            "caption": "the caption of each position: 0 for regions, then 1, 2, ...",
            "place": "the place of each word in its caption",
            "is_region": "the first L positions are regions",
            "same_caption": "two positions are in the same caption",
            "mask": "0 where the row sees the column: a region, or a word of the same caption that is not later",
        },
        single=False,
        mistakes=MASK_MISTAKES,
    ),
    Task(
        self_attention,
        "attend_forward",
        forward_cases,
        ("o", "cache"),
        {
            "e": "E_ij = q_i . k_j / sqrt(K) + M_ij",
            "p": "p_i = softmax over j of E_ij",
            "o": "o_i = sum over j of p_ij v_j",
            "cache": "the cache is AttendCache(q, k, v, p), with p of shape (N, heads, Q, P)",
        },
        mistakes=FORWARD_MISTAKES,
    ),
    Task(
        self_attention,
        "attend_backward",
        backward_cases,
        ("dq", "dk", "dv"),
        {
            "dv": "dv_j = sum over i of p_ij do_i",
            "dp": "dp_ij = do_i . v_j",
            "dproduct": "dE_ij / sqrt(K), with dE_ij = p_ij (dp_ij - sum over l of p_il dp_il)",
            "dq": "dq_i = sum over j of dE_ij k_j / sqrt(K)",
            "dk": "dk_j = sum over i of dE_ij q_i / sqrt(K)",
        },
        mistakes=BACKWARD_MISTAKES,
    ),
)

HINTS = {
    "left_to_right": (
        "Which of the five positions of one region and two captions of two words does the last word see?",
        "row i sees column j if j is a region, or if both are in the same caption and place_j <= place_i",
        "P = L + captions * T. caption and place are (P,). sees is (P, P), and the mask (1, P, P).",
        "caption = np.repeat(np.arange(captions + 1), [L] + captions * [T]); place counts from 0 in each caption. "
        "x[:, None] == x compares each row with each column.",
    ),
    "attend_forward": (
        "Which positions does the softmax of one row weigh? Which axes of q and k does the dot product sum over?",
        "E_ij = q_i . k_j / sqrt(K) + M_ij;  p_i = softmax over j of E_ij;  o_i = sum over j of p_ij v_j",
        "q is (N, Q, G, K), k and v are (N, P, G, K). E and p are (N, G, Q, P), the mask is (1, Q, P) or (N, Q, P), "
        "and o is (N, Q, G, K).",
        'np.einsum("nigc,njgc->ngij", q, k) are the products; mask[:, None] broadcasts over heads; '
        'np.einsum("ngij,njgc->nigc", p, v) is o.',
    ),
    "attend_backward": (
        "Which outputs does v_j reach, and with which weights? Which scores does k_j reach?",
        "dv_j = sum over i of p_ij do_i;  dp_ij = do_i . v_j;  dE_ij = p_ij (dp_ij - sum over l of p_il dp_il);  "
        "dq_i = sum over j of dE_ij k_j / sqrt(K);  dk_j = sum over i of dE_ij q_i / sqrt(K)",
        "do and dq are (N, Q, G, K), as q. dk and dv are (N, P, G, K). p, dp and dE are (N, G, Q, P).",
        'np.einsum("nigc,njgc->ngij", do, v) is dp. dE = p * (dp - (p * dp).sum(axis=-1, keepdims=True)). '
        'np.einsum("ngij,nigc->njgc", p, do) is dv; dk is the same with dE and q, over sqrt(K).',
    ),
}


def example_arrays():
    """Return the arrays of the page's example, (N, P, G, K) each, and its mask."""
    q, k, v = (np.array(x, float).reshape(1, 2, 1, 1) for x in ([0, 1], [np.log(3), 0], [4, 8]))
    return {"q": q, "k": k, "v": v, "mask": np.array([[[0, self_attention.HIDDEN], [0, 0]]])}


def pencil():
    """Return the worked example of the page."""
    inputs = example_arrays()
    _, cache = self_attention.attend_forward(**inputs)
    gradients = (np.array(do, float).reshape(1, 2, 1, 1) for do in ([0, 8], [8, 0]))
    return [
        Example("attend_forward", inputs),
        *(Example("attend_backward", {"do": do, "cache": cache}) for do in gradients),
        Example("left_to_right", {"L": 1, "T": 2, "captions": 1}),
        Example("left_to_right", {"L": 1, "T": 1, "captions": 2}),
    ]
