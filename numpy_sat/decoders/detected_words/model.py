"""The model "detected-words" and the stages of its training."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from numpy_sat.data import batches
from numpy_sat.data.vocabulary import END
from numpy_sat.decoders import parts
from numpy_sat.decoders.detected_words import detector, language, matching, ranking
from numpy_sat.layers import dropout, noisy_or, similarity
from numpy_sat.loss import Loss, loss_backward, loss_forward
from numpy_sat.system import ranks
from numpy_sat.system.streams import along

if TYPE_CHECKING:
    from numpy_sat.data.batches import Batch
    from numpy_sat.experiment.recipe import Recipe


class Model:
    """The model "detected-words", with the members that decoders/__init__.py lists.

    Each stage of the training changes its own parameters. The gradients of a later stage reach no earlier one.
    """

    SETTINGS = ("hidden_size", "ngrams")

    def init_params(
        self, rng: np.random.Generator, D: int, config: "Recipe", log_frequencies: np.ndarray, dtype: type = np.float32
    ) -> dict[str, np.ndarray]:
        """Draw all parameters. Arguments and result are those of without_attention.Model."""
        parts.refuse("detected-words", config.decoder.without)
        V, decoder = len(log_frequencies), config.decoder
        return {
            **detector.init_params(rng, D, V, dtype),
            **language.init_params(V, decoder.ngrams, log_frequencies, dtype),
            **matching.init_params(rng, D, V, decoder.embedding_size, decoder.hidden_size, dtype),
            **ranking.init_params(dtype),
        }

    def count(self, captions: Sequence[Sequence[Sequence[int]]], V: int, config: "Recipe") -> dict[str, np.ndarray]:
        """Count what the model needs of the training captions: the base rates of words, and the n-grams.

        Args:
            captions: word numbers of each caption of each image.
            V: vocabulary size.
            config: the recipe.
        Returns:
            Arrays by name, which replace the initial ones.
        """
        rates = detector.base_rates(detector.word_labels(captions, V)).astype(np.float32)
        ended = ((*caption, END) for image_captions in captions for caption in image_captions)
        return {"base_rates": rates, "ngrams": language.count_ngrams(ended, config.decoder.ngrams)}

    def stages(self, epochs: int) -> list[str]:
        """Return the objective of each epoch, a name in training/objectives. The last stages come first if epochs lack.

        Of 8 epochs, 4 train the detectors, 1 the similarity and 3 the language model.
        """
        language_epochs = -(-3 * epochs // 8)
        detection_epochs = -(-4 * (epochs - language_epochs) // 5)
        matching_epochs = epochs - language_epochs - detection_epochs
        return [
            *detection_epochs * ["word_detection"],
            *matching_epochs * ["caption_matching"],
            *language_epochs * ["language_model"],
        ]

    def detection_loss_and_grads(
        self,
        params: dict[str, np.ndarray],
        a: np.ndarray,
        labels: np.ndarray,
        config: "Recipe",
        rng: np.random.Generator,
    ) -> tuple[Loss, np.ndarray, dict[str, np.ndarray]]:
        """Run one forward and backward pass of the word detectors.

        Args:
            params: arrays by name.
            a: (N, L, D) annotations.
            labels: (N, V) 1 for the words of the image's captions, else 0.
            config: the recipe.
            rng: numpy Generator, for the dropout mask of the annotations.
        Returns:
            loss: loss.Loss, with `word` in nats per detector and image.
            da: (N, L, D).
            grads: gradients by name.
        """
        mask = dropout.dropout_mask(along(rng, 0), (len(a), 1, a.shape[2]), config.decoder.dropout, a.dtype)
        dropped, cache_dropout = dropout.dropout_forward(a, mask)
        log_p, log_not_p, cache = detector.detect_forward(params, dropped)
        total, cache_loss = noisy_or.detection_forward(log_p, log_not_p, labels.astype(a.dtype))
        ddropped, grads = detector.detect_backward(*noisy_or.detection_backward(1.0, cache_loss), cache)
        return Loss(total, total / labels.shape[1], 0.0), dropout.dropout_backward(ddropped, cache_dropout), grads

    def matching_loss_and_grads(
        self, params: dict[str, np.ndarray], a: np.ndarray, batch: "Batch", config: "Recipe", rng: np.random.Generator
    ) -> tuple[Loss, np.ndarray, dict[str, np.ndarray]]:
        """Run one forward and backward pass of the similarity. Its wrong captions are those of the other images.

        Arguments and results are those of loss_and_grads. The `word` of the loss is per caption, too.
        """
        y_I, cache_I = matching.image_forward(params, a)
        y_S, cache_S = matching.caption_forward(params, batch.words, batch.targets, batch.mask)
        # The wrong captions are those of the whole batch, of which this rank may have a share.
        y_I, own_I = ranks.gather_forward(y_I)
        y_S, own_S = ranks.gather_forward(y_S)
        R, cache_R = similarity.cosine_forward(y_I, y_S)
        total, cache_loss = similarity.contrast_forward(R, matching.GAMMA)
        dy_I, dy_S = similarity.cosine_backward(similarity.contrast_backward(1.0, cache_loss), cache_R)
        dy_I, dy_S = ranks.gather_backward(dy_I, own_I), ranks.gather_backward(dy_S, own_S)
        grads = matching.image_backward(dy_I, cache_I) | matching.caption_backward(dy_S, cache_S)
        return Loss(total, total, 0.0), np.zeros_like(a), grads

    def loss_and_grads(
        self, params: dict[str, np.ndarray], a: np.ndarray, batch: "Batch", config: "Recipe", rng: np.random.Generator
    ) -> tuple[Loss, np.ndarray, dict[str, np.ndarray]]:
        """Run one forward and backward pass of the language model.

        Args:
            params: arrays by name.
            a: (N, L, D) annotations.
            batch: data.batches.Batch.
            config: the recipe.
            rng: not used.
        Returns:
            loss: loss.Loss.
            da: (N, L, D) zeros: the encoder and the detectors are constants.
            grads: gradients by name.
        """
        loss, cache_loss, cache = self._forward(params, a, batch, config)
        dlogits, _ = loss_backward(cache_loss)
        return loss, np.zeros_like(a), language.decode_backward(dlogits, cache)

    def loss_only(self, params: dict[str, np.ndarray], a: np.ndarray, batch: "Batch", config: "Recipe") -> Loss:
        """Compute the language model's loss without gradients. Arguments: see loss_and_grads."""
        return self._forward(params, a, batch, config)[0]

    def begin(
        self, params: dict[str, np.ndarray], a: np.ndarray, config: "Recipe", rng: np.random.Generator | None = None
    ) -> language.State:
        """Detect words, and return the State before the first word, with one caption per image.

        Args:
            params: arrays by name.
            a: (N, L, D) annotations.
            config, rng: not used.
        """
        return language.begin(*self.detect(params, a))

    def step(self, params: dict[str, np.ndarray], state: language.State, words: np.ndarray) -> tuple:
        """Advance by one word: return logits (B, V), no attention (B, 0), beta (B,) and the next State."""
        logits, state = language.step(params, state, words)
        empty, ones = np.zeros((len(words), 0), logits.dtype), np.ones(len(words), logits.dtype)
        return logits, empty, ones, state

    def select(self, state: language.State, rows: np.ndarray) -> language.State:
        """Return the State of selected captions. rows: (B',) integers."""
        return language.State(*(array[rows] for array in state))

    def detect(self, params: dict[str, np.ndarray], a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return log p of every word, (N, V), and which words count as detected, (N, V) bool."""
        log_p, _, _ = detector.detect_forward(params, a)
        return log_p, detector.detected_words(params, log_p)

    def features(self, params: dict[str, np.ndarray], a: np.ndarray, lists: Sequence[Sequence]) -> list[np.ndarray]:
        """Compute the features by which captions are ranked (ranking.py).

        Args:
            params: arrays by name.
            a: (N, L, D) annotations.
            lists: for each image M captions, which begin with their word numbers without <end> and their log p.
        Returns:
            For each image (M, F) float64.
        """
        _, detected = self.detect(params, a)
        table = []
        for n, captions in enumerate(lists):
            arranged = batches.arrange([(*numbers, END) for numbers, *_ in captions])
            R = matching.similarities(params, a[n : n + 1], *arranged)[0]
            table.append(ranking.features([caption[:2] for caption in captions], detected[n], R))
        return table

    def rank(self, params: dict[str, np.ndarray], a: np.ndarray, lists: Sequence[Sequence]) -> list[int]:
        """Return the position of the best caption of each list. Arguments: see features."""
        weights = params["ranking"][ranking.WITH]
        return [int((features @ weights).argmax()) for features in self.features(params, a, lists)]

    def _forward(self, params, a, batch, config):
        """Return the loss.Loss, its cache, and the cache of the language model."""
        logits, cache = language.decode_forward(params, *self.detect(params, a), batch.words)
        loss, cache_loss = loss_forward(logits, None, batch, config)
        return loss, cache_loss, cache
