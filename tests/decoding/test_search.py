"""Test beam search against brute force, and its rules about special words."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from numpy_sat import captioner
from numpy_sat.data import batches
from numpy_sat.data.vocabulary import END, START, UNK
from numpy_sat.decoders import writer
from numpy_sat.decoding import search
from numpy_sat.experiment.recipe import Recipe

V, L = 6, 4


class ToyDecoder:
    """A decoder whose logits depend on the image and on all words so far. Its state is these words."""

    def __init__(self, rng, end_bonus=0.0):
        self.table = 2 * rng.standard_normal((7, 4, V))
        self.table[..., END] += end_bonus

    def begin(self, params, a):
        return SimpleNamespace(a=a, image=np.arange(len(a)), past=[() for _ in a])

    def select(self, state, rows):
        return SimpleNamespace(a=state.a, image=state.image[rows], past=[state.past[r] for r in rows])

    def logits(self, image, words):
        return sum(self.table[(word + t) % 7, (image + t) % 4] for t, word in enumerate(words))

    def step(self, params, state, words):
        assert words.dtype.kind == "i" and len(words) == len(state.image)
        past = [(*before, int(word)) for before, word in zip(state.past, words, strict=True)]
        logits = np.stack([self.logits(p, w) for p, w in zip(state.image, past, strict=True)])
        alpha = np.array([[len(w), w[-1], p, 0] for p, w in zip(state.image, past, strict=True)], float)
        following = SimpleNamespace(a=state.a, image=state.image, past=past)
        return logits, alpha, alpha[:, 0] / 10, following


def log_p(decoder, image, words):
    """Compute the log-probability of a caption, with <end>."""
    total, past = 0.0, (START,)
    for word in (*words, END):
        logits = decoder.logits(image, past)
        total += logits[word] - np.log(np.exp(logits).sum())
        past = (*past, word)
    return total


def brute_force(decoder, image, max_words, power):
    """Return the best of all possible captions."""
    allowed = [word for word in range(V) if word not in (START, END, UNK)]
    captions = (c for n in range(1, max_words + 1) for c in itertools.product(allowed, repeat=n))
    return max(captions, key=lambda c: log_p(decoder, image, c) / (len(c) + 1) ** power)


@pytest.mark.parametrize("power", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("end_bonus", [-3.0, 0.0, 2.0])
def test_a_wide_beam_is_brute_force(rng, power, end_bonus):
    decoder = ToyDecoder(rng, end_bonus)
    captions = search.beam_search(decoder, {}, np.zeros((3, L, 1)), k=200, max_words=4, length_power=power)
    assert len(captions) == 3
    for image, caption in enumerate(captions):
        best = brute_force(decoder, image, 4, power)
        assert caption.words == best
        assert caption.log_p == pytest.approx(log_p(decoder, image, best), abs=1e-12)


def slow_beam_search(decoder, image, k, max_words, power):
    """Find the best caption of an image by beam search, one beam at a time.

    A beam is (log p, words). The words of a finished beam end with <end>.
    """
    beams, finished = [(0.0, ())], []

    def rank(beam):
        return beam[0] / len(beam[1]) ** power

    for t in range(max_words + 1):
        ways = []
        for score, words in beams:
            if words and words[-1] == END:
                ways.append((score, words))
                continue
            logits = decoder.logits(image, (START, *words))
            log_p = logits - np.log(np.exp(logits).sum())
            allowed = [END] if t == max_words else [w for w in range(V) if w not in (START, UNK) and (t or w != END)]
            ways += [(score + log_p[word], (*words, word)) for word in allowed]
        beams = sorted(ways, key=rank, reverse=True)[:k]
        finished += [beam for beam in beams if beam[1][-1] == END]
    score, words = max(finished, key=rank)
    return words[:-1], score


@pytest.mark.parametrize("end_bonus", [-5.0, 0.0])
@pytest.mark.parametrize("k", [1, 2, 3, 7])
def test_a_narrow_beam_is_the_definition(rng, k, end_bonus):
    for images in (1, 1, 1, 1, 1, 3):
        decoder = ToyDecoder(rng, end_bonus)
        captions = search.beam_search(decoder, {}, np.zeros((images, L, 1)), k=k, max_words=6)
        for image, caption in enumerate(captions):
            words, score = slow_beam_search(decoder, image, k, 6, 1.0)
            assert caption.words == words
            assert caption.log_p == pytest.approx(score, abs=1e-12)


def test_the_decoder_gets_the_annotations_and_the_parameters(rng):
    a, params, decoder = rng.standard_normal((2, L, 1)), {}, ToyDecoder(rng)
    calls, begin, step = [], decoder.begin, decoder.step
    decoder.begin = lambda params, a: calls.append((params, a)) or begin(params, a)
    decoder.step = lambda params, state, words: calls.append((params, state.a)) or step(params, state, words)
    search.beam_search(decoder, params, a, k=2, max_words=3)
    assert len(calls) > 2 and all(p is params and annotations is a for p, annotations in calls)


def test_one_beam_is_greedy(rng):
    decoder = ToyDecoder(rng)
    (caption,) = search.beam_search(decoder, {}, np.zeros((1, L, 1)), k=1, max_words=5)
    past, words = (START,), []
    while len(words) < 5:
        logits = decoder.logits(0, past)
        logits[[START, UNK] + ([END] if not words else [])] = -np.inf
        if logits.argmax() == END:
            break
        words.append(int(logits.argmax()))
        past = (*past, words[-1])
    assert list(caption.words) == words


@pytest.mark.parametrize("k", [1, 2, 5])
def test_captions_are_not_empty_and_have_no_special_words(rng, k):
    decoder = ToyDecoder(rng)
    decoder.table[..., UNK] += 20
    decoder.table[..., START] += 20
    decoder.table[..., END] += 10
    for caption in search.beam_search(decoder, {}, np.zeros((4, L, 1)), k=k, max_words=4):
        assert caption.words and not {START, UNK, END} & set(caption.words)


def test_captions_have_at_most_max_words(rng):
    decoder = ToyDecoder(rng, end_bonus=-50.0)
    for k in (1, 3):
        for caption in search.beam_search(decoder, {}, np.zeros((2, L, 1)), k=k, max_words=3):
            assert 1 <= len(caption.words) <= 3
            assert len(caption.alpha) == len(caption.words) + 1


def test_attention_belongs_to_the_words(rng):
    """Check alpha of the toy decoder, which names the previous word, after beams change slots."""
    decoder = ToyDecoder(rng)
    for image, caption in enumerate(search.beam_search(decoder, {}, np.zeros((3, L, 1)), k=4, max_words=4)):
        steps = len(caption.alpha)
        assert list(caption.alpha[:, 1]) == [START, *caption.words][:steps]
        assert list(caption.alpha[:, 0]) == list(range(1, steps + 1))
        assert set(caption.alpha[:, 2]) == {image}
        assert np.allclose(caption.beta, caption.alpha[:, 0] / 10)


@pytest.mark.parametrize(("k", "max_words"), [(0, 5), (2, 0)])
def test_bad_arguments(rng, k, max_words):
    with pytest.raises(ValueError, match="at least 1"):
        search.beam_search(ToyDecoder(rng), {}, np.zeros((1, L, 1)), k=k, max_words=max_words)


def test_images_are_captioned_in_batches(rng):
    """Check that batches of 5 of 12 images give the captions of one batch."""
    config = Recipe().replace(image_size=8, stages=((4,),), embedding_size=8, hidden_size=9, attention_size=10)
    params = captioner.init_params(rng, config, np.zeros(V))
    params = {name: 3 * array for name, array in params.items()}  # so that images make a difference
    images = rng.integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)
    a = captioner.annotate(params, batches.scale_pixels(images), config)
    expected = search.beam_search(writer(config), params, a, 3, 4)
    for size in ({}, {"size": 5}):
        captions = search.caption_images(params, config, images, 3, 4, **size)
        assert [caption.words for caption in captions] == [caption.words for caption in expected]
    assert len({caption.words for caption in expected}) > 1
    for beam in (2, 4):  # the beam width matters for these images
        others = search.beam_search(writer(config), params, a, beam, 4)
        assert [caption.words for caption in others] != [caption.words for caption in expected]


# The steps of a search with two images


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("last", [False, True])
def test_ban(rng, first, last):
    log_p = rng.standard_normal((2, 3, V))
    before, done = log_p.copy(), np.array([[False, True, False], [True, False, False]])
    assert search.ban(log_p, first, last, done) is None
    for n, slot, word in np.ndindex(log_p.shape):
        allowed = word not in (START, UNK) and not (first and word == END) and not (last and word != END)
        expected = before[n, slot, word] if allowed else -np.inf
        if done[n, slot]:
            expected = 0 if word == END else -np.inf
        assert log_p[n, slot, word] == expected


@pytest.mark.parametrize("power", [0.0, 1.0])
@pytest.mark.parametrize("k", [1, 4, 1000])
def test_extend(rng, k, power):
    """Check against a loop over all continuations, for captions of different lengths, some finished."""
    scores, lengths = -10 * rng.random((2, 3)), rng.integers(1, 9, (2, 3))
    done = np.array([[False, True, False], [True, False, False]])
    log_p = -3 * rng.random((2, 3, V))
    search.ban(log_p, False, False, done)
    result = search.extend(scores, lengths, done, log_p, k, power)
    k = min(k, 3 * V)
    assert all(array.shape == (2, k) for array in result)
    for n in range(2):
        ways = []
        for slot, word in itertools.product(range(3), range(V)):
            score, length = scores[n, slot] + log_p[n, slot, word], lengths[n, slot] + (not done[n, slot])
            ways.append((score / length**power, word, slot, score, length, word == END))
        ways = sorted((way for way in ways if way[0] > -np.inf), key=lambda way: -way[0])[:k]
        for rank, (_, *way) in enumerate(ways):
            assert [array[n, rank] for array in result] == way
        assert np.isneginf(result[2][n, len(ways) :]).all()


@pytest.mark.parametrize("k", [1, 2, 5, 700])
def test_extend_of_a_large_vocabulary(rng, k):
    """Check the order of the k best of many continuations."""
    scores, log_p = -rng.random((2, 3)), -10 * rng.random((2, 3, 500))
    lengths, done = np.zeros((2, 3), int), np.zeros((2, 3), bool)
    words, parents, new_scores, *_ = search.extend(scores, lengths, done, log_p, k, 1.0)
    total = (scores[..., None] + log_p).reshape(2, -1)
    np.testing.assert_array_equal(parents * 500 + words, np.argsort(-total, axis=1)[:, :k])
    np.testing.assert_array_equal(new_scores, -np.sort(-total, axis=1)[:, :k])


def test_note_finished():
    """Check captions that are new and better, new and worse, unfinished, finished before, and impossible."""
    words = np.array([[END, 3, END], [END, END, 4]])
    parents = np.array([[1, 0, 0], [0, 1, 1]])
    done_before = np.array([[False, False], [True, False]])
    scores = np.array([[-6.0, -1.0, -8.0], [-0.5, -np.inf, -1.0]])
    lengths = np.array([[3, 3, 3], [2, 3, 3]])

    def update(*best, power=1.0):
        return search.note_finished(list(best), 5, words, parents, done_before, scores, lengths, power)

    none, second_best = (-np.inf, 0, 0), (-0.25, 1, 1)
    assert update(none, second_best) == [(-2, 5, 0), second_best]
    assert update((-2.5, 4, 1), none) == [(-2, 5, 0), none]
    assert update((-1.5, 4, 1), none) == [(-1.5, 4, 1), none]
    assert update((-2.0, 4, 1), none) == [(-2.0, 4, 1), none], "the earlier of two equal captions"
    assert update((-5.0, 4, 1), none, power=0.0) == [(-5.0, 4, 1), none]


def test_read_back(rng):
    """Check the second of three images, through slots 0, 1, 0 and 2. A later step does not matter."""
    slots = 1, 3, 3, 3, 3
    history = [
        search.Step(*rng.integers(3, 6, (2, 3, 3)), rng.random((3, 3)), rng.random((3, k, L)), rng.random((3, k)))
        for k in slots
    ]
    for step, slot, word, parent in ((0, 0, 4, 0), (1, 1, 5, 0), (2, 0, 3, 1), (3, 2, END, 0)):
        history[step].words[1, slot], history[step].parents[1, slot] = word, parent
    caption = search.read_back(history, 1, (-0.1, 3, 2))
    assert caption.words == (4, 5, 3)
    assert caption.log_p == history[3].scores[1, 2]
    np.testing.assert_array_equal(caption.alpha, [history[t].alpha[1, slot] for t, slot in enumerate((0, 0, 1, 0))])
    np.testing.assert_array_equal(caption.beta, [history[t].beta[1, slot] for t, slot in enumerate((0, 0, 1, 0))])


def list_by_definition(decoder, image, k, max_words):
    """Return the list of one image: a finished caption leaves the beam of k captions."""
    beam, finished = [((), 0.0)], []
    for t in range(max_words + 1):
        candidates = []
        for words, score in beam:
            logits = decoder.logits(image, (START, *words))
            allowed = [END] if t == max_words else [w for w in range(V) if w not in (START, UNK) and (t or w != END)]
            candidates += [(score + logits[w] - np.log(np.exp(logits).sum()), words, w) for w in allowed]
        best = sorted(candidates, key=lambda candidate: -candidate[0])[:k]
        finished += [(words, score) for score, words, w in best if w == END]
        beam = [((*words, w), score) for score, words, w in best if w != END]
        if len(finished) >= k or not beam:
            break
    return finished


@pytest.mark.parametrize(
    ("k", "max_words", "bonus"), [(1, 4, 0.0), (2, 6, 0.0), (3, 5, 1.5), (4, 3, -1.0), (6, 1, 0.0)]
)
def test_lists_by_their_definition(rng, k, max_words, bonus):
    for _ in range(10):
        decoder = ToyDecoder(rng, bonus)
        (captions,) = search.m_best(decoder, {}, np.zeros((1, L, 2)), k, max_words)
        expected = list_by_definition(decoder, 0, k, max_words)
        assert [caption.words for caption in captions] == [words for words, _ in expected]
        assert [caption.log_p for caption in captions] == pytest.approx([score for _, score in expected])


def test_the_lists_of_several_images_are_those_of_each(rng):
    """Check that lists start alike, since the search goes on until each image has k captions."""
    decoder, k = ToyDecoder(rng, 0.5), 3
    lists = search.m_best(decoder, {}, np.zeros((4, L, 2)), k, 7)
    for image, captions in enumerate(lists):
        expected = list_by_definition(decoder, image, k, 7)
        assert (
            len(captions) >= k and [caption.words for caption in captions][:k] == [words for words, _ in expected][:k]
        )


def test_a_wide_search_lists_all_captions(rng):
    """Compare M-best lists with all captions of at most two words: log-probabilities, and nothing twice."""
    decoder, a = ToyDecoder(rng), np.zeros((3, L, 2))
    words = [word for word in range(V) if word not in (START, END, UNK)]
    possible = [caption for n in (1, 2) for caption in itertools.product(words, repeat=n)]
    lists = search.m_best(decoder, {}, a, 50, 2)
    for image, captions in enumerate(lists):
        assert sorted(caption.words for caption in captions) == sorted(possible)
        for caption in captions:
            assert caption.log_p == pytest.approx(log_p(decoder, image, caption.words))
            assert caption.alpha.shape == (len(caption.words) + 1, 0) and len(caption.beta) == len(caption.words) + 1


def test_lists_have_the_best_caption_of_beam_search(rng):
    """Check that a list of a narrow beam ends with k captions or more, and has the caption of greedy decoding."""
    decoder, a = ToyDecoder(rng, end_bonus=1.0), np.zeros((4, L, 2))
    for k in (1, 2, 3):
        lists = search.m_best(decoder, {}, a, k, 8)
        assert all(len(captions) >= k for captions in lists)
        if k == 1:
            greedy = search.beam_search(decoder, {}, a, 1, 8)
            assert [captions[0].words for captions in lists] == [caption.words for caption in greedy]


def test_the_longest_captions_end_after_max_words(rng):
    decoder = ToyDecoder(rng, end_bonus=-50.0)
    for captions in search.m_best(decoder, {}, np.zeros((2, L, 2)), 2, 3):
        assert {len(caption.words) for caption in captions} == {3}


def test_a_decoder_that_ranks_chooses_from_the_list(monkeypatch, rng):
    decoder, a = ToyDecoder(rng, 1.0), np.zeros((6, L, 2))
    lists = search.m_best(decoder, {}, a, 3, 4)
    decoder.rank = lambda params, a, lists_of_images: [len(captions) - 1 for captions in lists_of_images]
    monkeypatch.setattr(search.decoders, "writer", lambda config: decoder)
    monkeypatch.setattr(search.captioner, "annotate", lambda params, images, config: a)
    captions_by_rank = search.caption_images({}, None, np.zeros((6, 1)), 3, 4)
    assert [caption.words for caption in captions_by_rank] == [captions[-1].words for captions in lists]
