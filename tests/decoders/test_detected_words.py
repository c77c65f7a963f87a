"""Test the model "detected-words": its detectors, its language model, its similarity, and the ranking of captions."""

import itertools

import numpy as np
import pytest
import whole_model

from numpy_sat import captioner
from numpy_sat.check import gradcheck
from numpy_sat.data import batches
from numpy_sat.data.vocabulary import END, START
from numpy_sat.decoders import MODELS, writer
from numpy_sat.decoders.detected_words import detector, language, matching, ranking
from numpy_sat.decoding import search
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.layers import noisy_or

V, NGRAMS = whole_model.V, 40
CONFIG = whole_model.TINY.replace(model="detected-words", ngrams=NGRAMS, hidden_size=4)
MODEL = MODELS["detected-words"]
CAPTIONS = [
    [[3, 4, 5, 6, 7, 8, 9], [4, 3, 5]],
    [[10, 9, 3, 4], [10, 9, 5, 4], [3, 3, 3]],
    [[6, 7], [7, 6, 5]],
]  # word numbers of the captions of three images


def params_of(rng, dtype=np.float64):
    """Draw parameters and move the trained ones, with n-grams and base rates of CAPTIONS."""
    params = captioner.init_params(rng, CONFIG, np.log(rng.dirichlet(np.ones(V))), np.float64)
    params = {name: array + 0.3 * rng.standard_normal(array.shape) for name, array in params.items()}
    params |= MODEL.count(CAPTIONS, V, CONFIG)
    return {name: x if name == "ngrams" else x.astype(dtype) for name, x in params.items()}


def check(rng, names, loss_and_grads):
    """Check the gradients of the named parameters, which must be all that get one."""
    params = params_of(rng)
    fixed = {name: params[name] for name in params if name not in names}

    def of_trained(trained):
        loss, grads = loss_and_grads(fixed | trained)
        assert set(grads) == set(names)
        return loss.total, grads

    report = gradcheck.check_loss(of_trained, {name: params[name] for name in names})
    assert report.ok, str(report)


def test_gradients_of_the_detectors_and_the_encoder(rng):
    batch, labels = whole_model.batch_of(rng, CONFIG), rng.random((2, V)) < 0.5

    def decoder_loss(params, a, batch, config, rng):
        return MODEL.detection_loss_and_grads(params, a, labels, config, rng)

    def loss_and_grads(params):
        return captioner.loss_and_grads(params, batch, CONFIG, np.random.default_rng(5), decoder_loss)

    check(rng, ("W_d", "b_d", *captioner.names_of_encoder(CONFIG)), loss_and_grads)


@pytest.mark.parametrize(
    ("names", "function"),
    [
        (language.WEIGHTS, MODEL.loss_and_grads),
        (("E", "W_x", "b_x", "W_I", "W_e", "b_e", "W_S"), MODEL.matching_loss_and_grads),
    ],
)
def test_gradients_of_the_later_stages(rng, names, function):
    """Check that they change their own parameters alone, and that the encoder gets no gradient."""
    batch, a = whole_model.batch_of(rng, CONFIG), rng.standard_normal((2, 16, 5))

    def loss_and_grads(params):
        loss, da, grads = function(params, a, batch, CONFIG, rng)
        assert da.shape == a.shape and not da.any()
        return loss, grads

    check(rng, names, loss_and_grads)


def test_float32_is_float64(rng):
    params, batch, a = params_of(rng), whole_model.batch_of(rng, CONFIG), rng.standard_normal((2, 16, 5))
    params32 = {name: x.astype(np.float32) if x.dtype == np.float64 else x for name, x in params.items()}
    batch32, a32 = batch._replace(mask=batch.mask.astype(np.float32)), a.astype(np.float32)
    labels, config = rng.random((2, V)) < 0.5, CONFIG.replace(dropout=0.0)
    for function, other_batch, other_batch32 in (
        (MODEL.loss_and_grads, batch, batch32),
        (MODEL.matching_loss_and_grads, batch, batch32),
        (MODEL.detection_loss_and_grads, labels, labels),
    ):
        loss, da, grads = function(params, a, other_batch, config, rng)
        loss32, da32, grads32 = function(params32, a32, other_batch32, config, rng)
        assert loss32.total == pytest.approx(loss.total, rel=1e-5)
        for name, gradient in (grads | {"a": da}).items():
            gradient32 = (grads32 | {"a": da32})[name]
            assert gradient32.dtype == np.float32, name
            assert np.abs(gradient32 - gradient).max() <= 1e-5 * np.abs(gradient).max() + 1e-7, name


# Detectors


def test_gradients_of_the_detectors(rng):
    params = params_of(rng)
    inputs = {"a": rng.standard_normal((2, 4, 5)), "W_d": params["W_d"], "b_d": params["b_d"]}

    def forward(a, W_d, b_d):
        return detector.detect_forward(params | {"W_d": W_d, "b_d": b_d}, a)

    def backward(dlog_p, dlog_not_p, cache):
        da, grads = detector.detect_backward(dlog_p, dlog_not_p, cache)
        return da, grads["W_d"], grads["b_d"]

    report = gradcheck.check_layer(forward, backward, inputs, rng)
    assert report.ok, str(report)


def test_detectors_start_at_the_base_rates(rng):
    params = params_of(rng)
    params["W_d"][:], params["b_d"][:] = 0, 0
    log_p, _, _ = detector.detect_forward(params, rng.standard_normal((2, 16, 5)))
    # words 3 and 4 are in captions of 2 of 3 images, word 8 in one: (2 + 1) / (3 + 2) and (1 + 1) / (3 + 2)
    np.testing.assert_allclose(np.exp(log_p)[:, [3, 4, 8, END]], [[0.6, 0.6, 0.4, 0.2]] * 2, rtol=1e-6)


def test_function_words_and_special_words_are_never_detected(rng):
    params = params_of(rng)
    params["base_rates"][:] = 0.1
    params["base_rates"][4] = 0.6
    log_p = np.log(np.full((1, V), 0.9))
    log_p[0, 5] = np.log(0.4)
    assert np.flatnonzero(detector.detected_words(params, log_p)).tolist() == [3, 6, 7, 8, 9, 10]


# The language model


def test_ngrams_by_hand():
    _ = language.NONE
    ngrams = language.count_ngrams([(3, 4, END), (3, 4, 5, END), (4, END)], 8)
    start = START
    # counts: START 3 and 3 4, each as 2-, 3- and 4-gram where START is before: 2; 4 <end>: 2; all others: 1
    assert len(ngrams) == 8 and ngrams.dtype == np.int32
    frequent = [
        [_, _, start, 3],
        [_, _, 3, 4],
        [_, _, 4, END],
        [_, start, start, 3],
        [_, start, 3, 4],
        [start, start, start, 3],
        [start, start, 3, 4],
    ]
    assert all(row in ngrams.tolist() for row in frequent)
    assert (ngrams[:, -1] != _).all()  # one of the others is the eighth, and no row is empty
    assert ngrams.tolist() == sorted(ngrams.tolist())
    few = language.count_ngrams([(3,)], 5).tolist()
    assert few == [[_] * 4] * 2 + [[_, _, start, 3], [_, start, start, 3], [start, start, start, 3]]


def test_active_ngrams_by_their_definition(rng):
    captions = [tuple(rng.integers(3, 7, rng.integers(1, 9))) for _ in range(30)]
    ngrams = language.count_ngrams(captions, 1000)  # more than there are: the first rows are empty
    assert (ngrams[0] == language.NONE).all()
    histories = np.array([(START, START, START), (START, START, 4), (5, 3, 4), (4, 4, 4), (8, 9, 8)])
    active = set(zip(*(x.tolist() for x in language.active_ngrams(ngrams, histories, 10)), strict=True))
    expected = {
        (position, feature, int(ngram[-1]))
        for position, history in enumerate(histories)
        for feature, ngram in enumerate(ngrams)
        if (known := [word for word in ngram[:-1] if word != language.NONE])
        and known == history[len(history) - len(known) :].tolist()
    }
    assert active == expected and len(expected) > 10


def test_histories_are_numbered_in_their_order():
    """Check all histories of three words and NONE: their numbers rise, in the order in which n-grams are sorted."""
    histories = np.array(list(itertools.product(range(language.NONE, 3), repeat=3)))
    assert (np.diff(language._numbers(histories, 3)) > 0).all()


def test_steps_are_the_training_recurrence(rng):
    params, batch = params_of(rng), whole_model.batch_of(rng, CONFIG)
    a, decoder = rng.standard_normal((2, 16, 5)), writer(CONFIG)
    expected, _ = language.decode_forward(params, *MODEL.detect(params, a), batch.words)
    state = decoder.select(decoder.begin(params, a), np.repeat([0, 1], 3))
    state = state._replace(unsaid=np.full(6, V))  # captions may end at once, as in training
    for words, logits in zip(batch.words, expected, strict=True):
        step_logits, alpha, beta, state = decoder.step(params, state, words)
        assert alpha.shape == (6, 0) and np.array_equal(beta, np.ones(6))
        np.testing.assert_allclose(step_logits, logits, rtol=0, atol=1e-12)


def test_logits_by_their_definition(rng):
    """Check the logits of one caption: sums of the weights of all features that fire."""
    params, words = params_of(rng), [START, 3, 4, 5, 6]
    log_p, detected = -rng.random((1, V)), np.zeros((1, V), bool)
    detected[0, [4, 6]] = True
    logits, _ = language.decode_forward(params, log_p, detected, np.array(words)[:, None])
    attribute, score, end = params["evidence"]
    for t, word in itertools.product(range(5), range(V)):
        remaining = {4, 6} - set(words[: t + 1])
        row = int(word in remaining)
        expected = params["unigram"][row, word] + row * (attribute + score * log_p[0, word])
        expected += end * (word == END and not remaining)
        history = [*3 * [START], *words[1 : t + 1]][-3:]
        for feature, ngram in enumerate(params["ngrams"].tolist()):
            known = [other for other in ngram[:-1] if other != language.NONE]
            if known and known == history[3 - len(known) :] and ngram[-1] == word:
                expected += params["ngram"][row, feature]
        assert logits[t, 0, word] == pytest.approx(expected)


def test_a_said_word_leaves_the_detected_words(rng):
    params, detected = params_of(rng), np.zeros((1, V), bool)
    detected[0, [4, 6]] = True
    before = language.begin(np.zeros((1, V)), detected)
    _, state = language.step(params, before, np.array([START]))
    _, state = language.step(params, state, np.array([6]))
    assert np.flatnonzero(state.detected).tolist() == [4] and state.history.tolist() == [[START, START, 6]]
    assert before.detected.sum() == 2  # the state before is another one


def test_captions_end_after_a_third_of_the_detected_words(rng):
    params, detected = params_of(rng), np.zeros((2, V), bool)
    detected[0, 4:8] = True  # of four words, two must be said; the second image has none, and its caption may end
    state, penalties = language.begin(np.zeros((2, V)), detected), []
    for word in (START, 5, 5, 9, 7):
        words = np.array([word, word])
        logits, state = language.step(params, state, words)
        free, _ = language.step(params, state._replace(unsaid=np.array([V, V])), words)
        penalties.append((free - logits)[:, END])
    assert np.allclose(penalties, [[30, 0], [30, 0], [30, 0], [30, 0], [0, 0]])


# The similarity


def test_quarters_of_a_grid():
    even = matching.quarters(16).reshape(2, 2, 4, 4)
    assert even[0, 1].tolist() == [[0, 0, 0.25, 0.25]] * 2 + [[0] * 4] * 2
    odd = matching.quarters(9).reshape(2, 2, 3, 3)  # the middle belongs to all quarters, by the share of its area
    np.testing.assert_allclose(odd[1, 0], np.array([[0, 0, 0], [2, 1, 0], [4, 2, 0]]) / 9)
    np.testing.assert_allclose(matching.quarters(1), np.ones((4, 1)))
    np.testing.assert_allclose(matching.quarters(6), np.full((4, 6), 1 / 6))


def test_similarities_by_their_definition(rng):
    params, a, T = params_of(rng), rng.standard_normal((2, 16, 5)), (4, 2, 3)
    captions = [[*rng.integers(3, V, length - 1), END] for length in T]
    words, targets, mask = batches.arrange(captions)
    R = matching.similarities(params, a, words, targets, mask)
    for image, (b, caption) in itertools.product(range(2), enumerate(captions)):
        grid = a[image].reshape(4, 4, 5)
        x = np.concatenate([grid[i : i + 2, j : j + 2].mean(axis=(0, 1)) for i in (0, 2) for j in (0, 2)])
        y_I = np.tanh(x @ params["W_x"] + params["b_x"]) @ params["W_I"]
        padded = [START, *caption, END]
        e = [np.concatenate(params["E"][padded[t : t + 3]]) for t in range(len(caption))]
        y_S = np.mean([np.tanh(e_t @ params["W_e"] + params["b_e"]) for e_t in e], axis=0) @ params["W_S"]
        assert R[image, b] == pytest.approx(y_I @ y_S / np.linalg.norm(y_I) / np.linalg.norm(y_S))


def test_vectors_of_captions_ignore_padding(rng):
    params, words = params_of(rng), np.array([[START, START], [3, 4], [5, END]])
    targets, mask = np.array([[3, 4], [5, END], [END, END]]), np.array([[1.0, 1], [1, 1], [1, 0]])
    y_S, _ = matching.caption_forward(params, words, targets, mask)
    alone, _ = matching.caption_forward(params, words[:2, 1:], targets[:2, 1:], mask[:2, 1:])
    np.testing.assert_allclose(y_S[1:], alone)
    swapped, _ = matching.caption_forward(params, words, targets[[1, 0, 2]], mask)
    assert np.abs(swapped[0] - y_S[0]).max() > 1e-3  # the order of words counts


# The ranking


def test_features_by_hand():
    detected = np.zeros(20, bool)
    detected[5:18] = True
    captions = [((4, 5, 6, 6), -10.0), ((4,), -3.0), (tuple(range(3, 20)), -9.0)]
    table = dict(zip(ranking.FEATURES, ranking.features(captions, detected, np.array([0.1, 0.2, 0.3])).T, strict=True))
    assert table["log p"].tolist() == [-10, -3, -9] and table["words"].tolist() == [5, 2, 18]
    assert table["log p per word"].tolist() == [-2, -1.5, -0.5] and table["similarity"].tolist() == [0.1, 0.2, 0.3]
    np.testing.assert_allclose(table["log rank"], np.log([3, 1, 2]))
    indicators = np.column_stack([table[f"{count} detected words said"] for count in range(11)])
    assert indicators.argmax(axis=1).tolist() == [2, 0, 10] and indicators.sum() == 3


def test_captions_are_ranked_by_the_weights_with_the_similarity(rng):
    params = params_of(rng, np.float32)
    params["unigram"][:, END] = params["unigram"].max() + 1  # so that lists have captions of several lengths
    images = rng.integers(0, 256, (3, 8, 8, 3), np.uint8)
    shortest, longest = ([c.words for c in _captions(params, images, sign)] for sign in (-1, 1))
    assert sum(map(len, shortest)) < sum(map(len, longest))


def _captions(params, images, sign):
    weights = np.zeros_like(params["ranking"])
    weights[ranking.WITH, ranking.FEATURES.index("words")] = sign
    return search.caption_images(params | {"ranking": weights}, CONFIG, images, 4, 6)


# The stages


@pytest.mark.parametrize(("epochs", "counts"), [(1, (0, 0, 1)), (2, (1, 0, 1)), (3, (1, 0, 2)), (8, (4, 1, 3))])
def test_stages_of_a_run(epochs, counts):
    stages = MODEL.stages(epochs)
    expected = [*counts[0] * ["word_detection"], *counts[1] * ["caption_matching"], *counts[2] * ["language_model"]]
    assert stages == expected


def test_the_first_loss_is_that_of_the_word_frequencies(rng):
    frequencies = rng.dirichlet(np.ones(V))
    params = captioner.init_params(rng, CONFIG, np.log(frequencies), np.float64)
    batch, a = whole_model.batch_of(rng, CONFIG), rng.standard_normal((2, 16, 5))
    expected = -(np.log(frequencies)[batch.targets] * batch.mask).sum() / batch.mask.sum()
    assert MODEL.loss_only(params, a, batch, CONFIG).word == pytest.approx(expected)


def test_weights_at_the_start(rng):
    """Check the standard deviations of all drawn weights, and the constants."""
    D, M, H, words = 60, 70, 50, 80
    config = CONFIG.replace(embedding_size=M, hidden_size=H)
    frequencies = rng.standard_normal(words)
    params = MODEL.init_params(rng, D, config, frequencies)
    random_weights = {
        **{"W_d": (D, words, 0.01 * D**-0.5), "E": (words, M, 0.5)},
        **{"W_x": (4 * D, H, (4 * D) ** -0.5), "W_I": (H, H, H**-0.5)},
        **{"W_e": (3 * M, H, (3 * M) ** -0.5), "W_S": (H, H, H**-0.5)},
    }
    for name, (rows, columns, std) in random_weights.items():
        array = params.pop(name)
        assert array.shape == (rows, columns) and array.dtype == np.float32
        assert array.std() == pytest.approx(std, rel=0.05) and abs(array.mean()) < 0.1 * std, name
        assert abs(array).max() < 6 * std, name
    np.testing.assert_array_equal(params.pop("ngrams"), np.full((NGRAMS, 4), language.NONE, np.int32))
    np.testing.assert_array_equal(params.pop("base_rates"), np.full(words, 0.5, np.float32))
    np.testing.assert_array_equal(params.pop("unigram"), np.stack([frequencies, frequencies]).astype(np.float32))
    weights = params.pop("ranking")
    assert weights.shape == (2, 16) and (weights == (np.array(ranking.FEATURES) == "log p per word")).all()
    zeros = {"b_d": words, "ngram": (2, NGRAMS), "evidence": 3, "b_x": H, "b_e": H}
    assert params.keys() == zeros.keys()
    assert all(np.array_equal(params[name], np.zeros(shape, np.float32)) for name, shape in zeros.items())


def test_labels_are_the_words_of_all_captions():
    labels = detector.word_labels(CAPTIONS, V)
    assert np.flatnonzero(labels[1]).tolist() == [3, 4, 5, 9, 10] and labels.shape == (3, V)
    np.testing.assert_allclose(detector.base_rates(labels)[[2, 3, 8, 5]], [0.2, 0.6, 0.4, 0.8])


def test_biases_do_not_depend_on_the_number_of_locations():
    rates = np.array([0.3])
    for L in (1, 64):
        log_p, _, _ = noisy_or.noisy_or_forward(np.broadcast_to(noisy_or.bias_of_rate(rates, L), (1, L, 1)))
        assert np.exp(log_p) == pytest.approx(0.3)


def test_a_recipe_of_defaults_has_a_model_without_parts():
    with pytest.raises(Exception, match="the model detected-words has no parts"):
        captioner.init_params(
            np.random.default_rng(0), Recipe().replace(model="detected-words", without=("gate",)), np.zeros(V)
        )
