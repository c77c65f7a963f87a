"""Tests of the worked examples in the learners' files: the library computes every number that a page gives."""

import math
import re

import implementations
import numpy as np
import pytest

from exercises.lessons.dice import Dice
from numpy_sat.check import gradcheck
from numpy_sat.data.vocabulary import END, START
from numpy_sat.decoders import log_bilinear, masking, masks, show_tell
from numpy_sat.decoding import line_search, search, viterbi
from numpy_sat.encoders import reader
from numpy_sat.evaluation import neighbors
from numpy_sat.layers import (
    alignment,
    assignment,
    attention,
    batch_norm,
    contrastive,
    conv,
    depthwise,
    discriminator,
    dot_attention,
    embedding,
    glove,
    gumbel,
    hard_attention,
    layer_norm,
    linear,
    losses,
    lstm,
    masked_words,
    noisy_or,
    output,
    policy,
    pool,
    reconstruction,
    rollouts,
    self_attention,
    set_loss,
    skip_gram,
    softmax,
)
from numpy_sat.layers.activations import relu_forward
from numpy_sat.metrics import bleu as bleu_metric
from numpy_sat.training import optimizers
from numpy_sat.training.objectives import meta_gradients

LN3 = math.log(3)


class Page:
    """The numbers `name = value` of a page's worked example."""

    def __init__(self, intro):
        section = re.search(r"^Worked example.*?(?=^Your task)", intro, re.S | re.M)[0]
        self.values = {}  # {name: list of (value, tolerance)}
        lines = section.splitlines()
        for row, line in enumerate(lines):
            for match in re.finditer(r"(?<![\w\]])([A-Za-z_][\w-]*(?:\[[\d, ]+\])?) = ", line):
                text = (
                    bracket(lines, row, match.end())
                    or re.split(r"  |[;:,.] |\.$| in all| and ", line[match.end() :])[0]
                )
                text = text.split(" = ")[-1].rstrip(",")
                decimals = max((len(part) for part in re.findall(r"\.(\d+)", text)), default=9)
                if re.fullmatch(r"[-+*/^.,\d\s\[\]()e]*", text.replace("ln ", "")):
                    value = eval(re.sub(r"ln (\d+)", r"log(\1)", text).replace("^", "**"), {"log": math.log})
                    self.values.setdefault(match[1], []).append((np.array(value), 0.5 * 10**-decimals + 1e-9))

    def __call__(self, name, k=0):
        """Return the k-th value of this name."""
        return self.values[name][k][0]

    def arguments(self, *names, k=0):
        """Return {name: value as float64}."""
        return {name: self(name, k).astype(float) for name in names}


def bracket(lines, row, column):
    """Return the text of the matrix that starts at a place, or "". Its rows may stand one below the other."""
    if lines[row][column] != "[":
        return ""
    text = ""
    while True:
        for character in lines[row][column + (text != "") :]:
            text += character
            if text.count("[") == text.count("]"):
                return text
            if text.endswith("],  "):
                break
        row += 1


def measuring(page):
    cube = [x**3 for x in (1, 2, 3, 1.9, 2.1)]
    yield "forward", 0, cube[2] - cube[1]
    x = np.array([2.0])
    for k, step in enumerate((1, 0.1)):
        yield "central", k, gradcheck.numerical_gradient(lambda: float(x[0] ** 3), x, step)[0]
    for k in (0, 1):
        yield "error", k, gradcheck.relative_error(page("a", k), page("n", k))


def words(page):
    Ey, _ = embedding.embedding_forward(page("E"), page("words"))
    yield "Ey", 0, Ey


def affine(page):
    y, cache = linear.linear_forward(**page.arguments("x", "W", "b"))
    yield "y", 0, y
    yield "dx", 0, linear.linear_backward(page("dy"), cache)[0]


def softmaxes(page):
    for k in (0, 1):
        yield "p", k, softmax.softmax_forward(page("x", k))[0]
    yield "dx", 0, softmax.softmax_backward(page("dp"), softmax.SoftmaxCache(page("p", 2)))


def caption_loss(page):
    logits = np.log(page("p"))[None, None]
    _, cache = losses.cross_entropy_forward(logits, np.array([[page("target")]]), np.ones((1, 1)))
    yield "dlogits", 0, losses.cross_entropy_backward(1.0, cache)[0, 0]


def selections(page):
    yield "y", 0, relu_forward(page("x"))[0]
    y, cache = pool.max_pool_forward(page("x", 1)[None, ..., None].astype(float), 2, 1)
    yield "y", 1, y[0, ..., 0]
    yield "winner", 0, cache.winner[0, ..., 0]


def one_channel(x, W):
    return {"x": x[None, ..., None].astype(float), "W": W[..., None, None].astype(float)}


def convolution(page):
    y, _ = conv.conv_forward(**one_channel(page("x"), page("W")), b=np.array([100.0]))
    yield "y[0, 0]", 0, y[0, 0, 0, 0]
    yield "y", 0, y[0, ..., 0]


def convolution_backward(page):
    _, cache = conv.conv_forward(**one_channel(page("x"), page("W")), b=np.zeros(1))
    dy = page("dy")[None, ..., None].astype(float)
    dW, _ = conv.conv_parameter_gradients(dy, cache)
    yield "dW[0, 0]", 0, dW[0, 0, 0, 0]
    yield "dx[1, 1]", 0, conv.conv_input_gradient(dy, cache)[0, 1, 1, 0]


def loops(page):
    arrays = one_channel(page("x")[None], page("W")[None])
    yield "y[0]", 0, conv.conv_forward(**arrays, b=np.array([float(page("b"))]))[0][0, 0, 0, 0]


def zero_lstm():
    return {"W_x": np.zeros((1, 4)), "W_hh": np.zeros((1, 4)), "b": np.zeros(4)}


def lstm_step(page):
    h_next, c_next, cache = lstm.lstm_forward(**page.arguments("x", "h", "c"), **zero_lstm())
    yield "h_next", 0, h_next
    yield "c_next", 0, c_next
    yield "do", 0, cache.tanh_c.y[0, 0]
    *_, dc, _, _, _ = lstm.lstm_backward(page("dh_next"), page("dc_next"), cache)
    assert round(2 * dc[0, 0], 4) == 3.21  # dc = f dc', with f = 1/2


def lstm_steps(page):
    h_all, _, _ = lstm.lstm_sequence_forward(np.zeros((2, 1, 1)), np.zeros((1, 1)), page("c"), **zero_lstm())
    yield "h_all", 0, h_all


def soft_attention(page):
    e, cache = attention.score_forward(**page.arguments("keys", "h", "W_h", "v"))
    yield "e", 0, e
    yield "dkeys", 0, attention.score_backward(page("de"), cache)[0]
    z, cache = attention.context_forward(**page.arguments("alpha", "a"))
    yield "z", 0, z
    yield "dalpha", 0, attention.context_backward(page("dz"), cache)[0]


def attend(page):
    z, alpha, cache = attention.attend_forward(
        page("a").astype(float), page("keys").astype(float), np.zeros((1, 1)), np.zeros((1, 1)), page("v")
    )
    yield "e", 0, (cache.score.u.y @ page("v"))[0]
    yield "z", 0, z
    yield "alpha", 0, alpha
    dalpha, _ = attention.context_backward(page("dz"), cache.context)
    assert dalpha.tolist() == [[1, 7]]
    yield "de", 0, softmax.softmax_backward(page("dalpha") + dalpha, cache.softmax)


def gate_and_output(page):
    gated, cache = attention.gate_forward(**page.arguments("z", "h", "w_beta", "b_beta"))
    yield "gated", 0, gated
    yield "beta", 0, cache.beta.y
    yield "dz", 0, attention.gate_backward(page("dgated"), cache)[0]
    arguments = page.arguments("z", "h", k=1) | page.arguments("Ey", "L_h", "L_z", "L_o", "b_o")
    logits, cache = output.output_forward(**arguments)
    yield "logits", 0, logits
    gradients = output.output_backward(page("dlogits"), cache)
    yield "dinner", 0, gradients[0]
    yield "dL_o", 0, gradients[5]


def penalty(page):
    maps = page("maps")[:, None]
    value, cache = losses.doubly_stochastic_forward(maps, np.ones((3, 1)))
    yield "penalty", 0, value
    yield "missing", 0, cache.missing[0]
    worst = np.eye(4)[[0, 0, 0]][:, None]
    assert losses.doubly_stochastic_forward(worst, np.ones((3, 1)))[0] == 7


def through_time(page):
    dh = [1.0]
    for _ in range(2):
        dh.append(1 + 2 * dh[-1])
    for k, value in enumerate(dh):
        yield f"dh_{3 - k}", 0, value


def optimizer_steps(page):
    params, state = {"w": np.array([1.0])}, {}
    optimizers.rmsprop_update(params, {"w": np.array([4.0])}, state, 0.1, float(page("decay")), 0)
    yield "w", 1, params["w"][0]
    optimizers.rmsprop_update(params, {"w": np.array([-2.0])}, state, 0.1, float(page("decay")), 0)
    yield "w", 3, params["w"][0]
    params = {"w": np.array([1.0])}
    optimizers.adam_update(
        params, {"w": np.array([4.0])}, {}, 0.1, float(page("beta1")), float(page("beta2")), epsilon=0
    )
    yield "w", 2, params["w"][0]


NEXT = {START: {3: 0.6, 4: 0.4}, 3: {5: 0.4, 6: 0.3, END: 0.3}, 4: {7: 0.9, END: 0.1}}


class Grammar:
    """A decoder with the words of exercise 16: one, two, dog, cat, dogs are 3 to 7."""

    def begin(self, params, a):
        return None

    def select(self, state, rows):
        return None

    def step(self, params, state, words):
        p = np.full((len(words), 8), 1e-300)
        for row, word in zip(p, words, strict=True):
            for following, probability in NEXT.get(int(word), {END: 1}).items():
                row[following] = probability
        return np.log(p), np.ones((len(words), 1)), np.ones(len(words)), None


def beams(page):
    (caption,) = search.beam_search(Grammar(), {}, np.zeros((1, 1, 1)), 1, 5)
    assert caption.words == (3, 5)
    yield "p", 0, math.exp(caption.log_p)
    (caption,) = search.beam_search(Grammar(), {}, np.zeros((1, 1, 1)), 2, 5)
    assert caption.words == (4, 7)
    assert round(0.5**3, 3) == 0.125 and round(0.6**5, 3) == 0.078


def bleus(page):
    captions, references = ["a man in a".split()], [["a man rides in the deep snow".split()]]
    scores = bleu_metric.bleu(captions, references)
    yield "brevity", 0, math.exp(1 - 7 / 4)
    yield "p_1", 0, scores[0] / 100 / math.exp(1 - 7 / 4)
    yield "p_2", 0, scores[1] ** 2 / scores[0] / 100 / math.exp(1 - 7 / 4)
    yield "BLEU-1", 0, scores[0]
    yield "BLEU-2", 0, scores[1]


def normalization(page, monkeypatch):
    monkeypatch.setattr(batch_norm, "EPSILON", 0)
    y, cache = batch_norm.batch_norm_forward(**page.arguments("x", "gamma", "beta"))
    yield "y", 0, y
    yield "mean", 0, cache.mean
    yield "var", 0, cache.std**2
    dx, dgamma, dbeta = batch_norm.batch_norm_backward(page("dy").astype(float), cache)
    yield "dgamma", 0, dgamma
    yield "dbeta", 0, dbeta
    np.testing.assert_allclose(dx[:, 0], page("dy")[:, 0] - 1 + np.array([-1, -1, 1, 1]))


def show_and_tell(page):
    params = page.arguments("W_I", "b_I", "W_x", "b", "W_hh")
    h, c, cache = show_tell.picture_forward(params, page("a"))
    yield "x", 0, cache.lstm.x[0, 0]
    yield "h", 0, h[0, 0]
    yield "c", 0, c[0, 0]
    da, grads = show_tell.picture_backward(page("dh").astype(float), page("dc").astype(float), cache)
    yield "dx", 0, da[0, 0, 0]
    yield "dW_I", 0, grads["W_I"]
    yield "c", 1, c[0, 0] + math.tanh(0) + math.tanh(0.3)
    params |= {"E": np.array([[0.0], [0.3]]), "L_o": np.ones((1, 1)), "b_o": np.zeros(1)}
    _, cache = show_tell.decode_forward(params, page("a"), np.array([[0], [1]]), np.ones((2, 1, 1)))
    yield "dE", 0, show_tell.decode_backward(page("dlogits").astype(float), cache)[1]["E"]


def bilinear(page):
    C = np.zeros((5, 2, 2))
    C[0], C[1] = page("C_1"), page("C_2")
    params = {"E": page("E").astype(float), "C": C, "C_m": np.array([[2.0, 4]]), "b_o": np.zeros(4)}
    sentence = np.array([[0], [1], [2]])
    logits, cache = log_bilinear.decode_forward(params, np.ones((1, 1, 1)), sentence, np.ones((3, 1, 2)))
    Ey, _ = embedding.embedding_forward(params["E"], log_bilinear.windows(sentence))
    r_hat, _ = log_bilinear.predict_forward(Ey, np.ones((1, 1)), C, params["C_m"])
    for k in (0, 1):
        yield f"r_hat_{k + 1}", 0, r_hat[k, 0]
    yield "logits_2", 0, logits[1, 0]
    dlogits = np.zeros((3, 1, 4))
    dlogits[1, 0] = page("dlogits_2")
    yield "dr_hat_2", 0, dlogits[1, 0] @ params["E"]
    yield "dE", 0, log_bilinear.decode_backward(dlogits, cache)[1]["E"]


def dot_product(page):
    e, _ = dot_attention.score_forward(**page.arguments("keys", "h", "W_q"))
    np.testing.assert_allclose(softmax.softmax_forward(e)[0], page("alpha"))
    z, cache = dot_attention.context_forward(**page.arguments("alpha", "a", "W_v"))
    yield "z", 0, z
    _, da, dW_v = dot_attention.context_backward(page("dz").astype(float), cache)
    assert dW_v[0] == 5
    yield "da", 0, da


def multi_head(page):
    ones = np.ones((2, 1, 1))
    z, alpha, cache = dot_attention.attend_forward(
        np.array([[[4.0], [8]]]), page("keys"), np.ones((1, 1)), ones, np.array([[[1.0]], [[10]]])
    )
    yield "z", 0, z
    yield "alpha", 0, alpha
    np.testing.assert_allclose(cache.softmax.p[:, 0], [[3 / 4, 1 / 4], [1 / 4, 3 / 4]])
    dalpha, _, _ = dot_attention.context_backward(page("dz").astype(float), cache.context)
    np.testing.assert_allclose(softmax.softmax_backward(dalpha, cache.softmax)[0, 0], [-3 / 4, 3 / 4])


def sampling(page):
    weights, s, _ = hard_attention.draw_forward(page("alpha"), page("uniforms"), np.zeros(1, bool))
    yield "weights", 0, weights
    yield "s", 0, s
    sampled = hard_attention.DrawCache(np.zeros(1, bool))
    yield "dalpha", 0, hard_attention.draw_backward(page("dweights").astype(float), sampled)
    cache = hard_attention.LocationLogPCache(page("alpha")[None], page("s", 1)[None])
    dalpha = hard_attention.location_log_p_backward(page("dlog_p").astype(float), cache)
    yield "dalpha", 1, dalpha
    scores = softmax.softmax_backward(dalpha[0], softmax.SoftmaxCache(page("alpha")))
    np.testing.assert_allclose(scores[0], [-0.4, 1, -0.6])


def reinforce(page):
    log_p, baseline = page("log_p").astype(float), page("baseline").astype(float)
    yield "advantage", 0, hard_attention.advantage(log_p, np.ones((2, 1)), baseline)
    assert hard_attention.advantage(log_p, np.ones((2, 1)), baseline, True)[0, 0] == 2
    hard_attention.move_baseline(baseline, log_p)
    yield "b", 0, baseline[0]
    assert round(hard_attention.entropy_forward(np.full((1, 1, 2), 0.5), np.ones((1, 1)))[0], 3) == 0.693


def sentence(page):
    open_gates = np.array([1000.0, 1000, 1000, 0])
    names = {f"{name}_{way}": value for way in ("ahead", "back") for name, value in zero_lstm().items()}
    names |= {"b_ahead": open_gates, "b_back": open_gates}
    names |= {f"W_x_{way}": np.array([[0.0, 0, 0, 1]]) for way in ("ahead", "back")}
    params = {"E_source": np.arctanh(page("tanh_Ex"))[:, None], **names}
    a, _ = reader.encode_forward(params, np.array([[0, 1, 2]]), (3, 1, 1))
    yield "a_ahead", 0, a[0, :, 0]
    yield "c_ahead", 0, np.cumsum(page("tanh_Ex"))
    assert round(a[0, 0, 1], 4) == 0.6351


def nearest_words(page):
    E = page("E").astype(float)
    np.testing.assert_allclose(neighbors.cosine_similarity(E, E[3])[[4, 5]], [1, 24 / 25])
    assert neighbors.nearest(E, 3, 2)[0].tolist() == [4, 5]
    axes, shares = neighbors.principal_axes(np.array([[1.0, 1], [5, 4], [9, 7]]), 1)
    np.testing.assert_allclose([*axes[0], *shares], [0.8, 0.6, 1])
    yield "M", 0, E.shape[1]


def depthwise_convolution(page):
    x = np.repeat(np.array([[1.0, 2], [3, 4]])[None, ..., None], 2, axis=3)
    W = np.zeros((3, 3, 2))
    W[:, :, 0], W[1, 1, 1] = 1, 1
    y, cache = depthwise.depthwise_forward(x, W, page("b").astype(float), 2)
    yield "y", 0, y
    _, dW, db = depthwise.depthwise_backward(page("dy").astype(float), cache)
    yield "db", 0, db
    assert dW[:, :, 0].tolist() == [[1, 2, 0], [3, 4, 0], [0, 0, 0]]


def own_captions(page):
    p, r = page("p"), page("r")
    yield "J", 0, p @ r
    yield "gradient", 0, softmax.softmax_backward(r.astype(float), softmax.SoftmaxCache(p))
    logits = np.repeat(np.log(p)[None, None], 3, axis=1)
    _, cache = policy.policy_forward(logits, np.array([[0, 1, 2]]), np.ones((1, 3)), r - 1.0)
    samples = -3 * policy.policy_backward(1.0, cache)[0]
    np.testing.assert_allclose(samples, [[-0.5, 0.3, 0.2], [0, 0, 0], [-1, -0.6, 1.6]], atol=1e-9)


def words_and_regions(page):
    v, s = page("v").astype(float), page("s").astype(float)
    S, cache = alignment.score_forward(v, s, np.ones((2, 1)))
    yield "S", 0, S
    yield "ds", 0, alignment.score_backward(page("dS").astype(float), cache)[1]
    scores = page("scores")
    loss, cache = alignment.margin_forward(scores)
    yield "loss", 0, loss
    for name, over, right in (("sentences", cache.over_sentences, [0, 0]), ("images", cache.over_images, [1, 1])):
        yield f"{name}_01", 0, scores[0, 1] - scores[right[0], right[0]] + 1
        yield f"{name}_10", 0, scores[1, 0] - scores[1 - right[0], 1 - right[0]] + 1
        assert over.tolist() == [[False, True], [False, False]]


def phrases(page):
    scores = page("scores").astype(float)
    yield "a", 0, viterbi.viterbi(scores, 0.0)
    assert scores.max(axis=1).sum() == 7
    best = scores[0]
    yield "best_0", 0, best
    for t in (1, 2):
        best = scores[t] + np.maximum(best + page("beta", 1), best.max())
        yield f"best_{t}", 0, best


def memory(page):
    arrays = page.arguments("V_tilde", "V", "mask")
    yield "loss", 0, reconstruction.reconstruction_forward(**arrays)[0]
    yield "ds", 0, page("dlogits") * page("L_o")[0, 0]


def true_and_random_pairs(page):
    loss, cache = skip_gram.skip_gram_forward(**page.arguments("v", "u"))
    yield "loss", 0, loss
    yield "score", 0, cache.scores
    _, du = skip_gram.skip_gram_backward(1.0, cache)
    yield "dscore", 0, du[..., 0]  # both numbers of v are 1


def counts(page):
    zeros = {"b": np.zeros(2), "b_tilde": np.zeros(2)}
    loss, cache = glove.glove_forward(**page.arguments("w", "w_tilde", "counts"), **zeros, largest=page("x_max"))
    yield "weight", 0, cache.weight
    yield "difference", 0, cache.difference
    yield "loss", 0, loss


def detectors(page):
    log_p, log_not_p, cache = noisy_or.noisy_or_forward(page("z"))
    yield "p", 0, math.exp(log_p[0, 0])
    yield "log_p", 0, log_p[0, 0]
    yield "log_not_p", 0, log_not_p[0, 0]
    yield "dz", 0, noisy_or.noisy_or_backward(np.zeros((1, 1)), np.ones((1, 1)), cache)[0, :, 0]
    assert abs(noisy_or.bias_of_rate(np.array([0.75]), 2)[0]) < 1e-9


def corners(page):
    lines, starts = line_search.upper_envelope(page("slopes"), page("intercepts"))
    yield "lines", 0, lines
    for k in (1, 2):
        yield f"starts[{k}]", 0, starts[k]
    lists = [line_search.Candidates(np.array([[1.0, 0], [0.5, 1]]), np.array([[1.0], [5]]))]
    lists += [line_search.Candidates(np.array([[4.0, 0], [2, 1], [-1, 2]]), np.array([[0.0], [3], [1]]))]
    result = line_search.line_search(lists, page("w"), page("d"), lambda sums: sums[:, 0])
    assert result[1] == 8
    yield "gamma", 0, result[0]


def layer_normalization(page, monkeypatch):
    monkeypatch.setattr(layer_norm, "EPSILON", 0)
    y, cache = layer_norm.layer_norm_forward(**page.arguments("x", "gamma", "beta"))
    yield from (("mean", 0, cache.mean), ("std", 0, cache.std), ("y", 0, y))
    dx, _, dbeta = layer_norm.layer_norm_backward(page("dy").astype(float), cache)
    yield "dbeta", 0, dbeta
    np.testing.assert_allclose(dx[0], [1, -1, 0, 0])
    assert (page("dy")[0] * page("gamma")).mean() == 1 and (cache.x - 3)[0] @ page("dy")[0] / 2 / 4 == -1


def visible(mask):
    """Return 1 where a mask is 0, and 0 where it hides."""
    return (mask[0] == 0).astype(int)


def words_that_see_words(page):
    q, k, v = (page(name).reshape(1, 2, 1, 1).astype(float) for name in "qkv")
    mask = masks.left_to_right(0, 2, 1)
    o, cache = self_attention.attend_forward(q, k, v, mask)
    yield from (("sees", 0, visible(mask)), ("p", 0, cache.p[0, 0]), ("o", 0, o[0, :, 0]))
    _, dk, dv = self_attention.attend_backward(page("do").reshape(q.shape).astype(float), cache)
    yield from (("dv", 0, dv[0, :, 0]), ("dk", 0, dk[0, :, 0]))
    yield "sees", 1, visible(masks.left_to_right(1, 2, 1))


def gap_arrays():
    """Return logits, targets and choice of exercise 40."""
    logits = np.log([[[2.0, 1, 1]], [[1, 6, 1]], [[1, 1, 1]]])
    return logits, np.array([[0], [1], [2]]), np.array([[True], [True], [False]])


def gaps(page):
    dice = Dice((page("uniform")[:, None],))
    yield "choice", 0, masking.choose(dice, np.ones((5, 1)), 0.4)[:, 0]
    dice = Dice((page("kind"),), page("others"))
    yield "hidden", 0, masking.hide(dice, page("words"), np.ones(3, bool), 5)
    loss, cache = masked_words.masked_words_forward(*gap_arrays())
    yield "loss", 0, loss
    np.testing.assert_allclose(np.exp(cache.log_p), [[1 / 2, 1 / 4, 1 / 4], [1 / 8, 3 / 4, 1 / 8]])
    np.testing.assert_allclose(masked_words.masked_words_backward(1.0, cache)[0, 0], [-1 / 4, 1 / 8, 1 / 8])


def polluted_tags(page):
    loss, cache = contrastive.contrastive_forward(**page.arguments("h", "w", "b_c", "y"))
    yield "loss", 0, loss
    yield "p", 0, 1 / (1 + np.exp(-cache.s))
    yield "dh", 0, contrastive.contrastive_backward(1.0, cache)[0]


def hidden_tags(page):
    """Return logits, tags and hidden of exercise 42."""
    return np.log(page("p")[:, None]), np.array([[0], [1]]), np.ones((2, 1))


def sets(page):
    cost = page("cost").astype(float)
    yield "a", 0, assignment.assign(cost)
    assert page("u").sum() + page("v").sum() == cost[np.arange(3), page("a")].sum() == 10
    assert (page("u")[:, None] + page("v") <= cost).all() and np.trace(cost) == 14
    yield "cost", 1, 1 - page("p")[:, :2]
    yield "a", 1, assignment.assign(page("cost", 1))
    yield "loss", 0, set_loss.set_loss_forward(*hidden_tags(page))[0]


def evaluator(page):
    vectors = page.arguments("f", "h")
    yield "score", 0, discriminator.score_forward(**vectors)[0]
    loss, cache = discriminator.loss_forward(**page.arguments("real", "generated", "mismatched", "weight"))
    yield "loss", 0, loss
    dreal, dgenerated, _ = discriminator.loss_backward(1.0, cache)
    yield from (("dreal", 0, dreal), ("dgenerated", 0, dgenerated))


def rewards_of_words(page):
    arrays = page.arguments("rollout_rewards", "caption_rewards")
    yield "values", 0, rollouts.word_rewards(**arrays, mask=np.ones((3, 1)))
    weighted = {"words": page("words"), "mask": np.ones((2, 1)), **page.arguments("logits", "weights")}
    yield "loss", 0, rollouts.word_policy_forward(**weighted)[0]


def soft_words(page):
    p, cache = gumbel.gumbel_softmax_forward(page("logits"), page("noise"), page("temperature"))
    yield "p", 0, p
    yield "y", 0, gumbel.straight_through(p)
    yield "dlogits", 0, gumbel.gumbel_softmax_backward(page("dp").astype(float), cache)
    yield "Ey", 0, gumbel.mixture_forward(page("E"), page("y"))[0][0]
    np.testing.assert_allclose(gumbel.mixture_forward(page("E"), p)[0], [[1.2, 1.8]])


def bowl(params):
    """Return the loss theta_1^2 + 2 theta_2^2 of the page, and its gradient."""
    theta = params["theta"]
    return float(theta**2 @ [1, 2]), {"theta": theta * [2, 4]}


def meta_step(page):
    theta, rate = {"theta": page("theta").astype(float)}, page("rate")
    _, v = meta_gradients.first_order(theta, bowl, rate)
    yield "v", 0, v["theta"]
    yield "Hv", 0, meta_gradients.hessian_product(theta, bowl, v)["theta"]
    yield "maml", 0, meta_gradients.maml(theta, bowl, rate)[1]["theta"]
    yield "reptile", 0, meta_gradients.reptile(theta, bowl, rate)[1]["theta"]


EXAMPLES = {
    **{1: measuring, 2: words, 3: affine, 4: softmaxes, 27: caption_loss, 5: selections, 6: convolution},
    **{7: convolution_backward, 8: loops, 9: lstm_step, 10: lstm_steps, 11: soft_attention, 28: attend},
    **{12: gate_and_output, 13: penalty, 14: through_time, 15: optimizer_steps, 16: beams, 17: bleus},
    **{18: normalization, 19: show_and_tell, 20: bilinear, 21: dot_product, 29: multi_head, 22: sampling},
    **{30: reinforce, 23: sentence, 24: nearest_words, 25: depthwise_convolution, 26: own_captions},
    **{31: words_and_regions, 32: phrases, 33: memory, 34: true_and_random_pairs, 35: counts, 36: detectors},
    **{37: corners, 38: layer_normalization, 39: words_that_see_words, 40: gaps, 41: polluted_tags, 42: sets},
    **{43: evaluator, 44: rewards_of_words, 45: soft_words, 46: meta_step},
}


@pytest.mark.parametrize("lesson", implementations.LESSONS, ids=lambda lesson: lesson.name)
def test_the_library_computes_the_numbers_of_the_page(lesson, monkeypatch):
    page, example = Page(lesson.intro), EXAMPLES[lesson.number]
    results = list(example(page, monkeypatch) if example in (normalization, layer_normalization) else example(page))
    assert results
    for name, k, result in results:
        value, tolerance = page.values[name][k]
        np.testing.assert_allclose(value, result, rtol=0, atol=tolerance, err_msg=name)
