"""Tests of the answers in the solutions: the library computes the numbers that the pages ask for."""

import ast
import math

import implementations
import numpy as np
import pytest
from test_worked_examples import Grammar, Page, bowl, gap_arrays, one_channel, visible, zero_lstm

from exercises.lessons.dice import Dice
from numpy_sat.check import gradcheck
from numpy_sat.decoders import log_bilinear, masking, masks, oscar, show_tell
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
    skip_gram,
    softmax,
)
from numpy_sat.layers.activations import relu_backward, relu_forward
from numpy_sat.metrics import bleu as bleu_metric
from numpy_sat.training import optimizers
from numpy_sat.training.objectives import meta_gradients


def measuring(page):
    yield "forward", 0, (2.1**3 - 2**3) / 0.1
    a = page("a").astype(float)
    yield "error", 0, gradcheck.relative_error(a, np.array([-3.0, 4]))
    yield "error", 1, gradcheck.relative_error(2 * a, a)


def words(page):
    _, cache = embedding.embedding_forward(page("E").astype(float), page("words"))
    yield "dE", 0, embedding.embedding_backward(page("dEy").astype(float), cache)


def affine(page):
    _, cache = linear.linear_forward(**page.arguments("x", "W", "b"))
    dx, dW, db = linear.linear_backward(page("dy").astype(float), cache)
    yield "dW", 0, dW
    yield "db", 0, db
    twice = linear.LinearCache(np.repeat(cache.x, 2, axis=0), cache.W)
    gradients = linear.linear_backward(np.repeat(page("dy").astype(float), 2, axis=0), twice)
    np.testing.assert_allclose(gradients[0], np.repeat(dx, 2, axis=0))
    np.testing.assert_allclose(gradients[1], 2 * dW)
    np.testing.assert_allclose(gradients[2], 2 * db)


def softmaxes(page):
    yield "p", 0, softmax.softmax_forward(np.log([1.0, 3, 4]))[0]
    yield "log_sum", 0, math.log(8)
    yield "dx", 0, softmax.softmax_backward(page("dp", 1).astype(float), softmax.SoftmaxCache(np.array([0.5, 0.5])))


def selections(page):
    _, cache = relu_forward(page("x").astype(float))
    yield "dx", 0, relu_backward(page("dy").astype(float), cache)
    _, cache = pool.max_pool_forward(page("x", 1)[None, ..., None].astype(float), 2, 1)
    yield "dx", 1, pool.max_pool_backward(page("dy", 1)[None, ..., None].astype(float), cache)[0, ..., 0]


def convolution(page):
    arrays = one_channel(page("x"), page("W"))
    yield "y", 0, conv.conv_forward(**arrays, b=np.array([100.0]), stride=2, padding=1)[0][0, ..., 0]


def convolution_backward(page):
    _, cache = conv.conv_forward(**one_channel(page("x"), page("W")), b=np.zeros(1))
    dy = page("dy")[None, ..., None].astype(float)
    dW, db = conv.conv_parameter_gradients(dy, cache)
    dx = conv.conv_input_gradient(dy, cache)[0, ..., 0]
    yield "db", 0, db[0]
    yield "dW[1, 0]", 0, dW[1, 0, 0, 0]
    yield "dx[2, 2]", 0, dx[2, 2]
    assert np.argwhere(dx == 0).tolist() == [[0, 2], [2, 0]]


def loops(page):
    y, _ = conv.conv_forward(**one_channel(page("x")[None], page("W")[None]), b=np.array([100.0]))
    yield "y[1]", 0, y[0, 0, 1, 0]
    yield "y[2]", 0, y[0, 0, 2, 0]
    operations = 2 * 8 * 56 * 56 * 9 * 128 * 256
    assert [round(operations / speed, 2) for speed in (1.2e9, 44e9, 250e9)] == [12.33, 0.34, 0.06]


def lstm_step(page):
    _, _, cache = lstm.lstm_forward(**page.arguments("x", "h", "c"), **zero_lstm())
    _, _, dc, _, _, db = lstm.lstm_backward(page("dh_next"), page("dc_next"), cache)
    yield "dc", 0, dc
    yield "db", 0, db


def lstm_steps(page):
    zeros = np.zeros((2, 1, 1))
    _, c, cache = lstm.lstm_sequence_forward(zeros, np.zeros((1, 1)), page("c").astype(float), **zero_lstm())
    _, _, dc, _, _, db = lstm.lstm_sequence_backward(zeros, page("dc").astype(float), cache)
    yield "c", 0, c
    yield "dc", 0, dc
    yield "df", 0, db[1]


def soft_attention(page):
    _, cache = attention.score_forward(**page.arguments("keys", "h", "W_h", "v"))
    _, dh, dW_h, dv = attention.score_backward(page("de"), cache)
    yield "dv", 0, dv
    yield "dW_h", 0, dW_h
    yield "dh", 0, dh
    _, cache = attention.context_forward(**page.arguments("alpha", "a"))
    yield "da", 0, attention.context_backward(page("dz"), cache)[1]


def attend(page):
    total = page("dalpha") + np.array([[6, 0]]) + np.array([[1, 7]])
    yield "de", 0, softmax.softmax_backward(total.astype(float), softmax.SoftmaxCache(page("alpha")))


def gate_and_output(page):
    _, cache = attention.gate_forward(**page.arguments("z", "h", "w_beta", "b_beta"))
    _, dh, dw_beta, db_beta = attention.gate_backward(page("dgated"), cache)
    yield from (("dw_beta", 0, dw_beta), ("db_beta", 0, db_beta), ("dh", 0, dh))
    arguments = page.arguments("z", "h", k=1) | page.arguments("Ey", "L_h", "L_z", "L_o", "b_o")
    _, cache = output.output_forward(**arguments)
    dEy, dh, dz, dL_h, dL_z, *_ = output.output_backward(page("dlogits"), cache)
    yield from (("dEy", 0, dEy), ("dh", 1, dh), ("dz", 0, dz), ("dL_h", 0, dL_h), ("dL_z", 0, dL_z))


def penalty(page):
    _, cache = losses.doubly_stochastic_forward(page("maps")[:, None], np.ones((3, 1)))
    for dalpha in losses.doubly_stochastic_backward(1.0, cache)[:, 0]:
        yield "dalpha", 0, dalpha
    _, cache = losses.doubly_stochastic_forward(np.eye(4)[[0, 0, 0]][:, None], np.ones((3, 1)))
    yield "missing", 0, cache.missing[0]
    yield "penalty", 0, losses.doubly_stochastic_forward(np.full((3, 1, 4), 1 / 4), np.ones((3, 1)))[0]


def through_time(page):
    dh_1, dh_2, dh_3 = (page(f"dh_{k}") for k in (1, 2, 3))
    yield "dh_0", 0, 2 * dh_1
    yield "dw", 0, dh_1 * 1 + dh_2 * 2 + dh_3 * 4


def optimizer_steps(page):
    for k, gradients in enumerate(([4.0, -2], [], [400.0])):
        params, state = {"w": np.array([1.0])}, {}
        for gradient in gradients:
            optimizers.adam_update(params, {"w": np.array([gradient])}, state, 0.1, 1 / 2, 15 / 16, epsilon=0)
        yield "w", k, params["w"][0] if gradients else 1 - 0.1 * page("m") / math.sqrt(page("v", 1))


def beams(page):
    (caption,) = search.beam_search(Grammar(), {}, np.zeros((1, 1, 1)), 2, 5)
    assert caption.words == (4, 7)
    yield "p", 0, math.exp(caption.log_p)


def bleus(page):
    captions, references = ["a man in a".split()], [["a man rides in the deep snow".split()]]
    _, _, *scores = bleu_metric.bleu(captions, references)
    yield "BLEU-3", 0, scores[0]
    yield "BLEU-4", 0, scores[1]
    yield "BLEU-1", 0, bleu_metric.bleu([*captions, ["snow"]], [*references, [["snow"]]])[0]


def normalization(page, monkeypatch):
    monkeypatch.setattr(batch_norm, "EPSILON", 0)
    y, cache = batch_norm.batch_norm_forward(**page.arguments("x", "gamma", "beta"))
    yield "dx", 0, batch_norm.batch_norm_backward(page("dy").astype(float), cache)[0]
    more = page.arguments("x", "gamma", "beta")
    np.testing.assert_allclose(batch_norm.batch_norm_forward(**more | {"x": more["x"] + 7})[0], y)
    _, cache = batch_norm.batch_norm_forward(**more | {"x": np.array([[1.0], [3]])})
    np.testing.assert_allclose(batch_norm.batch_norm_backward(np.array([[1.0], [5]]), cache)[0], 0, atol=1e-12)


def show_and_tell(page):
    params = page.arguments("W_I", "b_I", "W_x", "b", "W_hh")
    h, c, cache = show_tell.picture_forward(params, page("a"))
    names = {name: params[name] for name in ("W_x", "W_hh", "b")}
    for k, Ey in enumerate((0.0, 0.3)):
        h, c, _ = lstm.lstm_forward(np.array([[Ey]]), h, c, **names)
        yield "h", k, h[0, 0]
    _, grads = show_tell.picture_backward(page("dh").astype(float), page("dc").astype(float), cache)
    assert not grads["W_hh"].any()


def bilinear(page):
    C = np.zeros((5, 2, 2))
    C[0], C[1] = page("C_1"), page("C_2")
    params = {"E": page("E").astype(float), "C": C, "C_m": np.array([[2.0, 4]]), "b_o": np.zeros(4)}
    sentence = np.array([[0], [1], [2]])
    _, cache = log_bilinear.decode_forward(params, np.ones((1, 1, 1)), sentence, np.ones((3, 1, 2)))
    Ey, _ = embedding.embedding_forward(params["E"], log_bilinear.windows(sentence))
    yield "r_hat_3", 0, log_bilinear.predict_forward(Ey, np.ones((1, 1)), C, params["C_m"])[0][2, 0]
    dlogits = np.zeros((3, 1, 4))
    dlogits[1, 0] = page("dlogits_2")
    yield "dC_1", 0, log_bilinear.decode_backward(dlogits, cache)[1]["C"][0]


def dot_product(page):
    e, cache = dot_attention.score_forward(**page.arguments("keys", "h", "W_q"))
    yield "e", 0, e
    dkeys, dh, _ = dot_attention.score_backward(page("de").astype(float), cache)
    assert dkeys[0, 0].tolist() == [[1], [-1]]
    yield "dh", 0, dh
    _, cache = dot_attention.context_forward(**page.arguments("alpha", "a", "W_v"))
    dalpha, _, dW_v = dot_attention.context_backward(page("dz").astype(float), cache)
    yield "dalpha", 0, dalpha
    assert not dW_v[1].any()


def multi_head(page):
    ones, W_v = np.ones((2, 1, 1)), np.array([[[1.0]], [[10]]])
    _, _, cache = dot_attention.attend_forward(np.array([[[4.0], [8]]]), page("keys"), np.ones((1, 1)), ones, W_v)
    yield "dh", 0, dot_attention.attend_backward(page("dz").astype(float), np.zeros((1, 2)), cache)[2]
    dalpha = np.array([[2.0, 0]]) / 2
    yield "dalpha", 0, dalpha
    for p in cache.softmax.p:
        yield "de", 0, softmax.softmax_backward(dalpha, softmax.SoftmaxCache(p))


def sampling(page):
    _, s, _ = hard_attention.draw_forward(page("alpha"), np.array([0.2]), np.zeros(1, bool))
    assert s.tolist() == [1]
    cache = hard_attention.LocationLogPCache(page("alpha")[None], np.array([[0]]))
    expected = hard_attention.DrawCache(np.ones(1, bool))
    yield "dalpha", 0, hard_attention.draw_backward(page("dweights").astype(float), expected)
    yield "dalpha", 1, hard_attention.location_log_p_backward(page("dlog_p").astype(float), cache)


def reinforce(page):
    log_p, baseline = page("log_p").astype(float), page("baseline").astype(float)
    assert hard_attention.advantage(log_p, np.ones((2, 1)), baseline, True)[1, 0] == 0
    for _ in range(2):
        hard_attention.move_baseline(baseline, log_p)
    yield "b", 0, baseline[0]
    _, cache = hard_attention.entropy_forward(np.full((1, 1, 2), 0.5), np.ones((1, 1)))
    yield "dalpha", 0, hard_attention.entropy_backward(1.0, cache)[0, 0]
    assert hard_attention.entropy_forward(np.array([[[1.0, 0]]]), np.ones((1, 1)))[0] == 0


def sentence(page):
    open_gates = np.array([1000.0, 1000, 1000, 0])
    names = {f"{name}_{way}": value for way in ("ahead", "back") for name, value in zero_lstm().items()}
    names |= {"b_ahead": open_gates, "b_back": open_gates}
    names |= {f"W_x_{way}": np.array([[0.0, 0, 0, 1]]) for way in ("ahead", "back")}
    params = {"E_source": np.arctanh(page("tanh_Ex"))[:, None], **names}
    a, _ = reader.encode_forward(params, np.array([[0, 1, 2]]), (3, 1, 1))
    yield "a_back", 0, a[0, :, 1]


def nearest_words(page):
    E = page("E").astype(float)
    np.testing.assert_allclose(neighbors.cosine_similarity(E, E[3])[[0, 1, 2]], [3 / 5, -3 / 5, -4 / 5])
    assert neighbors.nearest(E, 5, 2)[0].tolist() == [6, 3]
    points = np.array([[1.0, 1], [5, 4], [9, 7]])
    axes, _ = neighbors.principal_axes(points, 2)
    yield "x", 0, (points - points.mean(axis=0)) @ axes[0]
    np.testing.assert_allclose(np.abs(axes[1]), [0.6, 0.8])


def depthwise_convolution(page):
    x = np.repeat(np.array([[1.0, 2], [3, 4]])[None, ..., None], 2, axis=3)
    W = np.zeros((3, 3, 2))
    W[:, :, 0], W[1, 1, 1] = 1, 1
    _, cache = depthwise.depthwise_forward(x, W, page("b").astype(float), 2)
    dx, dW, _ = depthwise.depthwise_backward(page("dy").astype(float), cache)
    assert dW[:, :, 1].tolist() == [[10, 20, 0], [30, 40, 0], [0, 0, 0]]
    assert dx[0, ..., 0].tolist() == [[1, 1], [1, 1]] and dx[0, ..., 1].tolist() == [[0, 0], [0, 10]]
    assert 9 * 512 * 512 == 2359296 and 9 * 512 + 512 * 512 == 266752
    yield from ()


def own_captions(page):
    p, r = page("p"), page("r").astype(float)
    lengths = []
    for b in (0, 1):
        _, cache = policy.policy_forward(np.log(p)[None, None].repeat(3, 1), np.arange(3)[None], np.ones((1, 3)), r - b)
        samples = -3 * policy.policy_backward(1.0, cache)[0]
        lengths.append(round(float(p @ (samples**2).sum(axis=1)), 3))
        if b == 0:
            expected = [[0, 0, 0], [-0.5, 0.7, -0.2], [-1.5, -0.9, 2.4]]
            np.testing.assert_allclose(samples, expected, atol=1e-9)
    assert lengths == [1.998, 0.974]
    yield from ()


def caption_loss(page):
    _, cache = losses.cross_entropy_forward(np.log(page("p"))[None, None], np.array([[0]]), np.ones((1, 1)), 0.3)
    yield "dlogits", 0, losses.cross_entropy_backward(1.0, cache)[0, 0]


def words_and_regions(page):
    _, cache = alignment.score_forward(page("v").astype(float), page("s").astype(float), np.ones((2, 1)))
    yield "dv", 0, alignment.score_backward(page("dS").astype(float), cache)[0]
    yield "dS", 0, alignment.margin_backward(1.0, alignment.margin_forward(page("scores"))[1])
    v, s = np.zeros((1, 2, 3)), np.arange(6.0).reshape(2, 1, 3)
    dv, ds = alignment.score_backward(np.ones((1, 1)), alignment.score_forward(v, s, np.ones((2, 1)))[1])
    assert dv[0, 0].any() and not dv[0, 1].any()
    yield "ds", 0, ds


def phrases(page):
    scores = page("scores").astype(float)
    sums = {beta: scores[0][:, None] + beta * np.eye(2) for beta in (1.5,)}
    yield "before_1", 0, sums[1.5].argmax(axis=0)
    best = scores[1] + sums[1.5].max(axis=0)
    yield "before_2", 0, (best[:, None] + 1.5 * np.eye(2)).argmax(axis=0)
    for beta, expected in ((1.5, [0, 0, 0]), (1.01, [0, 0, 0]), (0.99, [0, 1, 0])):
        assert viterbi.viterbi(scores, beta).tolist() == expected
    yield "a", 0, viterbi.viterbi(scores, 1.5)
    assert round(64**12 / 1e21) == 5


def memory(page):
    _, cache = reconstruction.reconstruction_forward(**page.arguments("V_tilde", "V", "mask"))
    yield "dV_tilde", 0, reconstruction.reconstruction_backward(1.0, cache)
    terms = page("dlogits") * page("L_o")[1, 0], page("dV_tilde") * page("W_r")[0, 0]
    yield from (("term_1", 0, terms[0]), ("term_2", 0, terms[1]), ("du", 0, sum(terms)))
    vectors = np.random.default_rng(0).choice([-1.0, 1.0], (1000, 4))
    loss, _ = reconstruction.reconstruction_forward(np.zeros((1, 1000, 4)), vectors, np.ones((1, 1000)))
    assert loss == 1


def true_and_random_pairs(page):
    _, cache = skip_gram.skip_gram_forward(**page.arguments("v", "u"))
    dv, du = skip_gram.skip_gram_backward(1.0, cache)
    yield "dv", 0, dv
    yield "du", 0, du
    yield "loss", 0, skip_gram.skip_gram_forward(np.array([[1.0]]), np.array([[[-1000.0]]]))[0]
    yield "ratio", 0, 81**0.75 / 16**0.75


def counts(page):
    arrays = page.arguments("w", "w_tilde", "counts") | {"b": np.zeros(2), "b_tilde": np.zeros(2)}
    dw, _, db, _ = glove.glove_backward(1.0, glove.glove_forward(**arrays, largest=page("x_max"))[1])
    yield "db", 0, db
    yield "dw", 0, dw
    arrays |= {"w": np.zeros((2, 2)), "w_tilde": np.zeros((2, 2))}
    dw, _, db, _ = glove.glove_backward(1.0, glove.glove_forward(**arrays, largest=page("x_max"))[1])
    yield "dw", 1, dw
    yield "db", 1, db[1]


def detectors(page):
    _, _, cache = noisy_or.noisy_or_forward(page("z"))
    yield "dz", 0, noisy_or.noisy_or_backward(np.ones((1, 1)), np.zeros((1, 1)), cache)[0, :, 0]
    yield "bias", 0, noisy_or.bias_of_rate(np.array([0.19]), 2)[0]
    _, _, cache = noisy_or.noisy_or_forward(np.zeros((1, 64, 1)))
    present = noisy_or.noisy_or_backward(np.ones((1, 1)), np.zeros((1, 1)), cache)
    np.testing.assert_allclose(present, 2.0**-65)


def corners(page):
    slopes, intercepts = np.append(page("slopes"), 0.5), np.append(page("intercepts"), 0.1)
    lines, starts = line_search.upper_envelope(slopes, intercepts)
    yield "lines", 0, lines
    np.testing.assert_allclose(starts[1:], [0.5, 0.8, 1.2])
    lists = [line_search.Candidates(np.array([[1.0, 0], [0.5, 1]]), np.array([[1.0], [5]]))]
    lists += [line_search.Candidates(np.array([[4.0, 0], [2, 1], [-1, 2]]), np.array([[0.0], [3], [9]]))]
    result = line_search.line_search(lists, page("w"), page("d"), lambda sums: sums[:, 0])
    assert result[1] == 14
    yield "gamma", 0, result[0]


def layer_normalization(page, monkeypatch):
    monkeypatch.setattr(layer_norm, "EPSILON", 0)
    arrays = page.arguments("x", "gamma", "beta")
    y, cache = layer_norm.layer_norm_forward(**arrays)
    dx, dgamma, _ = layer_norm.layer_norm_backward(page("dy").astype(float), cache)
    yield from (("dx", 0, dx[1]), ("dgamma", 0, dgamma))
    np.testing.assert_allclose([dx.sum(axis=1), (dx * arrays["x"]).sum(axis=1)], 0, atol=1e-14)
    for x in (arrays["x"] + 7, 3 * arrays["x"]):
        np.testing.assert_allclose(layer_norm.layer_norm_forward(**{**arrays, "x": x})[0], y, atol=1e-14)


def words_that_see_words(page):
    q, k, v = (page(name).reshape(1, 2, 1, 1).astype(float) for name in "qkv")
    _, cache = self_attention.attend_forward(q, k, v, masks.left_to_right(0, 2, 1))
    dq, _, _ = self_attention.attend_backward(page("do").reshape(q.shape).astype(float), cache)
    yield "dq", 0, dq[0, :, 0]
    dq, dk, dv = self_attention.attend_backward(page("do", 1).reshape(q.shape).astype(float), cache)
    yield from (("dq", 1, dq[0, :, 0]), ("dk", 0, dk[0, :, 0]), ("dv", 0, dv[0, :, 0]))
    yield "sees", 0, visible(masks.left_to_right(1, 1, 2))
    p = self_attention.attend_forward(q, k, v, np.full((1, 2, 2), self_attention.HIDDEN))[1].p
    np.testing.assert_allclose(p[0, 0], [[1 / 2, 1 / 2], [3 / 4, 1 / 4]])


def gaps(page):
    uniform = page("uniform")[:, None]
    yield "choice", 0, masking.choose(Dice((uniform,)), np.ones((5, 1)), 0.15)[:, 0]
    assert masking.choose(np.random.default_rng(0), np.ones((30, 1)), 0.15).sum() == 3
    dice = Dice((page("kind", 1),), page("others"))
    yield "hidden", 0, masking.hide(dice, page("words"), np.ones(3, bool), 5)
    _, cache = masked_words.masked_words_forward(*gap_arrays())
    second, third = masked_words.masked_words_backward(1.0, cache)[1:, 0]
    np.testing.assert_allclose([second, third], [[1 / 16, -1 / 8, 1 / 16], [0, 0, 0]], atol=1e-15)


def polluted_tags(page):
    _, cache = contrastive.contrastive_forward(**page.arguments("h", "w", "b_c", "y"))
    _, dw, db_c = contrastive.contrastive_backward(1.0, cache)
    yield from (("dw", 0, dw), ("db_c", 0, db_c))
    numbers = np.array([[0.9, 0.1, 0.8], [0.2, 0.3, 0.7], [0.5, 0.4, 0.6]]), np.array([0.3, 0.9, 0.1])
    tags, is_own = oscar.pollute(Dice(numbers), np.array([[3, 7], [4, 8], [3, 7]]))
    yield from (("tags", 0, tags[0]), ("is_own", 0, is_own))
    assert (tags == tags[0]).all()
    yield "loss", 0, contrastive.contrastive_forward(np.zeros((2, 1)), np.ones(1), np.zeros(1), np.array([0.0, 1]))[0]


def sets(page):
    cost = np.c_[page("cost"), [9.0, 9, 2]]
    a = assignment.assign(cost)
    yield "a", 0, a
    assert cost[np.arange(3), a].tolist() == [2, 2, 2]
    p = page("p")
    yield "loss", 0, -np.log(p[0, 0] * p[1, 1])
    np.testing.assert_array_equal(assignment.assign(-np.log(p[:, :2])), [0, 1])


def evaluator(page):
    _, cache = discriminator.loss_forward(**page.arguments("real", "generated", "mismatched", "weight"))
    yield "dmismatched", 0, discriminator.loss_backward(1.0, cache)[2]
    df, dh = discriminator.score_backward(page("dscore"), discriminator.ScoreCache(page("f"), page("h")))
    yield from (("df", 0, df), ("dh", 0, dh))
    yield "loss", 0, discriminator.loss_forward(*np.zeros((3, 2)), 2.0)[0]


def rewards_of_words(page):
    yield "advantages", 0, rollouts.word_advantages(page("values"), page("baseline"), np.ones((3, 1)))
    np.testing.assert_allclose(np.diff(page("values"), axis=0), [[0.5], [-0.3]])


def soft_words(page):
    p, cache = gumbel.gumbel_softmax_forward(page("logits"), page("noise"), 1.0)
    yield "p", 0, p
    yield "dlogits", 0, gumbel.gumbel_softmax_backward(page("dp").astype(float), cache)
    _, cache = gumbel.mixture_forward(page("E"), page("y"))
    dE, dy = gumbel.mixture_backward(page("dEy"), cache)
    yield from (("dE", 0, dE), ("dy", 0, dy))
    assert softmax.softmax_forward(page("logits"))[0][0, 0] == pytest.approx(1 / 3)


def meta_step(page):
    theta = {"theta": page("theta").astype(float)}
    yield "v", 0, meta_gradients.first_order(theta, bowl, 0.5)[1]["theta"]
    yield "maml", 0, meta_gradients.maml(theta, bowl, 0.5)[1]["theta"]
    g, Hg, rate = np.array([2, 4]), np.array([4, 16]), 1e-4
    for gradient, c in ((meta_gradients.first_order, 1), (meta_gradients.maml, 2), (meta_gradients.reptile, 1 / 2)):
        np.testing.assert_allclose(gradient(theta, bowl, rate)[1]["theta"], g - c * rate * Hg, atol=1e-6)
    yield "Hv", 0, (4 * 1.1**3 - 4 * 0.9**3) / 0.2


ANSWERS = {
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
def test_the_library_computes_the_answers(lesson, monkeypatch):
    docstring = ast.get_docstring(ast.parse(lesson.solution.read_text(encoding="utf-8")))
    head, _, text = docstring.partition("\nAnswers to the questions of the page:\n")
    assert head and text
    answers, page, compute = Page(f"Worked example\n{text}\nYour task"), Page(lesson.intro), ANSWERS[lesson.number]
    results = compute(page, monkeypatch) if compute in (normalization, layer_normalization) else compute(page)
    for name, k, result in results:
        value, tolerance = answers.values[name][k]
        np.testing.assert_allclose(value, result, rtol=0, atol=tolerance, err_msg=name)
