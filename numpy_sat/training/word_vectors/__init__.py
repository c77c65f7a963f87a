"""Word vectors that are learned from captions alone, without images: word2vec's skip-gram, and GloVe.

Each method is a module with train(corpus, M, rng) -> (V, M) float32 vectors.
"""

from collections.abc import Iterable

import numpy as np

from numpy_sat.data import catalog
from numpy_sat.data.vocabulary import Vocabulary
from numpy_sat.experiment import runs
from numpy_sat.system.streams import WORD_VECTORS, stream
from numpy_sat.training.word_vectors import glove, skip_gram
from numpy_sat.training.word_vectors.corpus import Corpus

METHODS = {"skip-gram": skip_gram, "glove": glove}


def train(method: str, captions: Iterable[list[str]], vocabulary: Vocabulary, M: int, seed: int) -> np.ndarray:
    """Train the vectors of all words of a vocabulary.

    Args:
        method: one of METHODS.
        captions: the training captions as word lists.
        vocabulary: vocabulary of V words. <start> and <end> stand at both ends of each caption.
        M: size of a vector.
        seed: random seed.
    Returns:
        (V, M) float32 vectors, with the root mean square 0.5 of a captioner's E at its start. Words that never occur
        keep the direction of their random start.
    """
    corpus = Corpus.build(captions, vocabulary)
    vectors = METHODS[method].train(corpus, M, stream(seed, WORD_VECTORS))
    return (0.5 * vectors / np.sqrt((vectors * vectors).mean())).astype(np.float32)


def train_on_run(method: str, model: runs.Model) -> np.ndarray:
    """Train vectors on the captions of a model's training set, of the size of its embedding.

    Args:
        method: one of METHODS.
        model: runs.Model.
    Returns:
        (V, M) float32 vectors of the model's words.
    Raises:
        InputError: the data set cannot be read.
    """
    settings = model.settings
    dataset = catalog.open_dataset(settings["data"], settings["root"], ("train",), *runs.skipped(settings))
    captions = [dataset.tokenize(text) for example in dataset.splits["train"] for text in example.captions]
    return train(method, captions, model.vocabulary, model.recipe.decoder.embedding_size, settings["seed"])
