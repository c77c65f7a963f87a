"""Judge a model that writes captions from detected words (decoders/detected_words): its detectors and its ranking."""

from typing import NamedTuple

import numpy as np

from numpy_sat import captioner
from numpy_sat.data import batches
from numpy_sat.data.scenes import scenes
from numpy_sat.data.vocabulary import SPECIALS
from numpy_sat.decoders import MODELS, Writer
from numpy_sat.decoders.detected_words import detector, language, ranking
from numpy_sat.decoding import search
from numpy_sat.evaluation import bootstrap, detection, heldout, scene_truth
from numpy_sat.experiment import runs
from numpy_sat.metrics import cider
from numpy_sat.metrics.tokens import ptb_tokenize
from numpy_sat.pretrained import inputs
from numpy_sat.system import progress

BATCH = 64  # images at a time
NO_WORDS, DETECTED, HUMAN = "no words", "detected words", "words of human captions"
WITHOUT, WITH = "detected words, ranked without the similarity", "detected words, ranked with the similarity"


class Detections(NamedTuple):
    """What the detectors say about N images, and the captions that are written from it."""

    log_p: np.ndarray  # (N, V)
    log_odds: np.ndarray  # (N, V)
    best: np.ndarray  # (N, V) the location with the highest logit of each word
    captions: dict  # {NO_WORDS, ...: N tuples of word numbers}


def judge(model: runs.Model, written: heldout.Written, beam: int) -> detection.Detection | None:
    """Judge the detectors of a model. Return None for a model without detectors, and for a blind one.

    Args:
        model: runs.Model.
        written: heldout.Written of the model.
        beam: beam width.
    """
    if model.recipe.encoder.blind or not hasattr(MODELS[model.recipe.decoder.model], "detect"):
        return None
    words, tokenize = model.vocabulary.words, written.dataset.tokenize
    texts = [[tokenize(text) for text in written.references[example.name]] for example in written.examples]
    labels = detector.word_labels([[model.vocabulary.encode(text) for text in image] for image in texts], len(words))
    content = (model.params["base_rates"] < detector.FUNCTION_WORD) & labels.any(axis=0)
    content[: len(SPECIALS)] = False
    detected = _detect(model, written, labels & content, beam)
    precision, each = detection.mean_precision(detected.log_p[:, content], labels[:, content])
    shares, names = labels[:, content].mean(axis=0), [words[number] for number in np.flatnonzero(content)]
    true_scenes = None
    if written.dataset.name == "scenes":
        scene_by_name = scenes.read_scenes(written.dataset.root)
        true_scenes = [scene_by_name[example.name] for example in written.examples]
    captions = {name: [model.vocabulary.decode(words) for words in own] for name, own in detected.captions.items()}
    references = [list(map(ptb_tokenize, written.references[example.name])) for example in written.examples]
    result = detection.Detection(
        precision=precision,
        chance=float(shares.mean()),
        words={name: (ap, float(share)) for name, ap, share in zip(names, each, shares, strict=True)},
        correlations=detection.correlations(detected.log_odds, words),
        captions={name: _scores(own, references, true_scenes) for name, own in captions.items()},
    )
    if true_scenes is None:
        return result
    return result._replace(
        localization={
            kind: detection.localize(detected.best, _locations(model, written), meaning_of, words, labels, true_scenes)
            for kind, meaning_of in detection.MEANINGS.items()
        },
        relations=detection.judge_relations(captions[WITH], true_scenes),
        relations_without=detection.judge_relations(captions[WITHOUT], true_scenes),
        swapped=detection.swapped(captions[WITH], true_scenes),
    )


def _detect(model, written, human, beam):
    """Run the detectors on all images, and write captions. human: (N, V) bool, the words of human captions."""
    loaded = inputs.load(model.recipe, written.examples)
    parts = []
    for first in progress.bar(range(0, len(loaded), BATCH), desc="detecting words", leave=False):
        rows = slice(first, first + BATCH)
        a = captioner.annotate(model.params, batches.scale_pixels(loaded[rows]), model.recipe)
        log_p, log_not_p, _ = detector.detect_forward(model.params, a)
        z, _ = detector.location_logits(model.params, a)
        captions = _write(model, a, log_p, human[rows], beam)
        parts.append(Detections(log_p, log_p - log_not_p, z.argmax(axis=1), captions))
    log_p, log_odds, best = (np.concatenate(arrays) for arrays in list(zip(*parts, strict=True))[:3])
    captions = {name: [caption for part in parts for caption in part.captions[name]] for name in parts[0].captions}
    return Detections(log_p, log_odds, best, captions)


def _write(model, a, log_p, human, beam):
    """Return the captions of some images that are written from no words, detected words and human words."""
    params, decoder = model.params, MODELS[model.recipe.decoder.model]
    detected = detector.detected_words(params, log_p)
    sources = {
        NO_WORDS: (log_p, np.zeros_like(detected)),
        DETECTED: (log_p, detected),
        HUMAN: (np.where(human, 0, log_p), human),  # the words are certain
    }
    captions, lists = {}, {}
    for name, source in sources.items():
        writer = Writer(lambda params, a, source=source: language.begin(*source), decoder.step, decoder.select)
        lists[name] = search.m_best(writer, params, a, beam, model.recipe.decoding.max_words)
        captions[name] = [max(own, key=lambda c: c.log_p / (len(c.words) + 1)).words for own in lists[name]]
    features = decoder.features(params, a, lists[DETECTED])
    for name, row in ((WITHOUT, ranking.WITHOUT), (WITH, ranking.WITH)):
        best = [int((own @ params["ranking"][row]).argmax()) for own in features]
        captions[name] = [own[position].words for own, position in zip(lists[DETECTED], best, strict=True)]
    return captions


def _locations(model, written):
    """Return the number of locations."""
    loaded = inputs.load(model.recipe, written.examples[:1])
    return captioner.annotate(model.params, batches.scale_pixels(loaded), model.recipe).shape[1]


def _scores(captions, references, true_scenes):
    """Return the detection.CaptionScores of captions. true_scenes: N Scenes, or None for photos."""
    counts = bootstrap.resample(len(captions), seed=0)
    scores = bootstrap.share(counts, cider.cider_d(captions, references))
    true = bootstrap.share(counts, scene_truth.are_true(captions, true_scenes)) if true_scenes else None
    return detection.CaptionScores(scores, true)
