"""Provide the model "oscar" (see oscar.py), which reads tags of objects."""

from typing import TYPE_CHECKING

import numpy as np

from numpy_sat.data.scenes import tags as scene_tags
from numpy_sat.decoders import masking, oscar, parts, stack, vivo, vlp, with_vlp
from numpy_sat.decoders.fast import choose
from numpy_sat.decoders.fast import stack as fast_stack
from numpy_sat.layers import contrastive, linear, losses, set_loss
from numpy_sat.loss import Loss, loss_backward, loss_forward
from numpy_sat.system import ranks

if TYPE_CHECKING:
    from numpy_sat.data.batches import Batch
    from numpy_sat.experiment.recipe import Recipe


class Model(with_vlp.Model):
    """The model "oscar", with the members that decoders/__init__.py lists. Without tags it is the model "vlp"."""

    SETTINGS = (*with_vlp.Model.SETTINGS, "tags", "plural_tags", "tag_order", "contrastive_weight")

    def init_params(
        self, rng: np.random.Generator, D: int, config: "Recipe", log_frequencies: np.ndarray, dtype: type = np.float32
    ) -> dict[str, np.ndarray]:
        """Draw all parameters. Arguments and result are those of without_attention.Model."""
        if not _reads_tags(config):
            return super().init_params(rng, D, config, log_frequencies, dtype)
        decoder = config.decoder
        parts.refuse("oscar", decoder.without)
        sizes = decoder.hidden_size, decoder.layers, decoder.heads
        return oscar.init_params(rng, D, *sizes, log_frequencies, dtype)

    def loss_and_grads(
        self, params: dict[str, np.ndarray], a: np.ndarray, batch: "Batch", config: "Recipe", rng: np.random.Generator
    ) -> tuple[Loss, np.ndarray, dict[str, np.ndarray]]:
        """Run one forward and backward pass: the losses of pre-training, or those of the model "vlp".

        Arguments and results are those of without_attention.Model.
        """
        if not _reads_tags(config):
            return super().loss_and_grads(params, a, batch, config, rng)
        regions, tags = oscar.separate(a)
        is_pretraining = batch.weights is None and rng.random() < config.loss.bidirectional
        train_on = pretrain_on if is_pretraining else with_vlp.train_on
        loss, dregions, grads = train_on(params, regions, tags, batch, config, rng)
        return loss, _with_tags(dregions, a), grads

    def tags_loss_and_grads(
        self, params: dict[str, np.ndarray], a: np.ndarray, config: "Recipe", rng: np.random.Generator
    ) -> tuple[Loss, np.ndarray, dict[str, np.ndarray]]:
        """Run one forward and backward pass on hidden tags, without captions (vivo.py).

        Args:
            params: arrays by name.
            a: (N, L, D + 2) annotations with tags.
            config: the recipe.
            rng: numpy Generator, for the order of tags, hidden tags and dropout masks.
        Returns:
            loss: loss.Loss, with `word` in nats per hidden tag.
            da: (N, L, D + 2).
            grads: gradients by name.
        """
        regions, tags = oscar.separate(a)
        tags, V, core = vivo.shuffle(rng, tags), len(params["E"]), choose(a, stack, fast_stack)
        choice = masking.choose(rng, (tags != scene_tags.NO_TAG).T, config.loss.hidden_words)
        reading = vivo.reading(np.where(choice.T, V, tags), a.shape[1], a.dtype)
        dropped = with_vlp.dropout_masks(rng, regions, reading, config)
        logits, cache = vlp.predict_forward(params, regions, reading, core, dropped)
        # L = sum_k - log p_k(t_a(k)); the fixed order has a(k) = k
        is_matched = config.loss.tag_order == "matched"
        tag_loss_forward = set_loss.set_loss_forward if is_matched else losses.cross_entropy_forward
        by_place = np.ascontiguousarray(logits.swapaxes(0, 1))
        total, cache_loss = tag_loss_forward(by_place, tags.T, choice.astype(a.dtype))
        dlogits = losses.cross_entropy_backward(1.0, cache_loss).swapaxes(0, 1)
        dregions, grads = vlp.predict_backward(np.ascontiguousarray(dlogits), cache, core)
        hidden = float(choice.sum())
        return Loss(total, total * len(a) / hidden, 0.0, hidden), _with_tags(dregions, a), grads

    def loss_only(self, params: dict[str, np.ndarray], a: np.ndarray, batch: "Batch", config: "Recipe") -> Loss:
        """Compute the loss of all words, each predicted from the words before it, as the model writes.

        Arguments and result are those of without_attention.Model.
        """
        if not _reads_tags(config):
            return super().loss_only(params, a, batch, config)
        return with_vlp.whole_captions(params, *oscar.separate(a), batch, config)

    def fill(
        self,
        params: dict[str, np.ndarray],
        a: np.ndarray,
        tokens: np.ndarray,
        real: np.ndarray,
        sees_later: bool,
        config: "Recipe",
    ) -> np.ndarray:
        """Predict the words of captions with gaps. Arguments and result are those of with_vlp.Model."""
        if not _reads_tags(config):
            return super().fill(params, a, tokens, real, sees_later, config)
        regions, tags = oscar.separate(a)
        (B, L, _), T, V = regions.shape, len(tokens), len(params["E"])
        if sees_later:
            reading = oscar.pretraining(tokens, tags, real, V, L, B, a.dtype)
        else:
            reading = vlp.left_to_right(tokens, L, tags, a.dtype)
        logits, _ = vlp.predict_forward(params, regions, reading, choose(regions, stack, fast_stack))
        return vlp.by_word(logits[:, -T:], T)

    def begin(
        self, params: dict[str, np.ndarray], a: np.ndarray, config: "Recipe", rng: np.random.Generator | None = None
    ) -> vlp.State:
        """Return the State before the first word. Arguments and result are those of without_attention.Model."""
        if not _reads_tags(config):
            return super().begin(params, a, config, rng)
        return oscar.begin(params, a, choose(a, stack, fast_stack))

    def step(self, params: dict[str, np.ndarray], state: vlp.State, words: np.ndarray) -> tuple:
        """Advance by one word: see vlp.step."""
        return vlp.step(params, state, words, oscar.TAG_WORDS if "E_tag" in params else 0)


def _reads_tags(config):
    """Return True if the recipe gives tags to the model."""
    return config.encoder.tags != "none"


def _with_tags(dregions, a):
    """Return the gradient of annotations with tags, which is 0 at the tags."""
    return np.concatenate([dregions, np.zeros_like(a[..., -scene_tags.WORDS_OF_TAG :])], axis=-1)


def pretrain_on(params, a, tags, batch, config, rng):
    """Run one forward and backward pass of pre-training: hidden words, hidden tags, and polluted tags.

    Args:
        params, a, batch, config, rng: as for Model.loss_and_grads; a without tags.
        tags: (N, G) words of each image's tags.
    Returns:
        Those of Model.loss_and_grads. The total is that of all three losses.
    """
    (N, L, _), B, V = a.shape, batch.words.shape[1], len(params["E"])
    # Wrong tags may be those of any sequence of the batch, also of those that other ranks compute.
    batch_tags, own = ranks.gather_forward(np.repeat(tags, B // N, axis=0))
    tags, is_own = (array[own.place] for array in oscar.pollute(rng, batch_tags))
    G, real_tags, rate = tags.shape[1], (tags != scene_tags.NO_TAG).T, config.loss.hidden_words
    word_choice, tag_choice = masking.choose(rng, batch.mask, rate), masking.choose(rng, real_tags, rate)
    tokens, hidden_tags = masking.hide(rng, batch.targets, word_choice, V), masking.hide(rng, tags.T, tag_choice, V)
    reading = oscar.pretraining(tokens, hidden_tags.T, batch.mask, V, L, N, a.dtype)
    core = choose(a, stack, fast_stack)
    h, cache_read = vlp.read_forward(params, a, reading, core, with_vlp.dropout_masks(rng, a, reading, config))
    logits, cache_output = linear.linear_forward(h, params["E"].T, params["b_o"])

    # L = - log p(hidden words and tags) + L_C
    by_word = logits.swapaxes(0, 1)
    batch = batch._replace(mask=word_choice.astype(batch.mask.dtype))
    words, cache_words = loss_forward(np.ascontiguousarray(by_word[G + 1 :]), None, batch, config)
    tag_mask = tag_choice.astype(batch.mask.dtype)
    tag_loss, cache_tags = losses.cross_entropy_forward(np.ascontiguousarray(by_word[:G]), tags.T, tag_mask)
    y, weight = is_own.astype(a.dtype), config.loss.contrastive_weight
    cls_loss, cache_cls = contrastive.contrastive_forward(h[:, G], params["w_c"], params["b_c"], y)
    loss = words._replace(total=words.total + tag_loss + weight * cls_loss)

    dwords, _ = loss_backward(cache_words)
    dtags = losses.cross_entropy_backward(1.0, cache_tags)
    dlogits = np.concatenate([dtags, np.zeros_like(dwords[:1]), dwords]).swapaxes(0, 1)
    # gradient of h = term 1: through the logits + term 2: through L_C, at [CLS]
    dh, dE_output, db_o = linear.linear_backward(dlogits, cache_output)
    dh_cls, dw_c, db_c = contrastive.contrastive_backward(weight, cache_cls)
    dh[:, G] += dh_cls
    da, grads = vlp.read_backward(dh, cache_read, core)
    grads["E"] += dE_output.T
    return loss, da, grads | {"b_o": db_o, "w_c": dw_c, "b_c": db_c}
