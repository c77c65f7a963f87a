"""The whole model: encoder, decoder and the loss of Xu et al. equation 14, on one page."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from numpy_sat import kernels
from numpy_sat.decoders import attend_tell, attend_tell_fused
from numpy_sat.encoders import blind, convnet
from numpy_sat.layers import dropout, losses


@dataclass(frozen=True)
class Config:
    """What a model is made of; a checkpoint carries it."""

    picture_size: int  # side of the network's square, pixels
    stages: tuple  # of the encoder, see encoders/convnet.py
    embedding: int  # M
    state: int  # S
    attention: int  # A
    norm: bool = False  # batch normalisation in the encoder
    blind: bool = False  # whether the decoder is given zeros instead of what the encoder makes of the picture
    dropout: float = 0.0  # of h_t on its way to the output
    smoothing: float = 0.0  # of the labels
    penalty: float = 1.0  # lambda
    penalty_normalisation: str = "sum"  # see layers/losses.py
    penalty_target: str = "one"


class Loss(NamedTuple):
    """A batch's loss and its parts."""

    total: float  # what is minimised: nats a caption, penalty and smoothing included
    word: float  # - log p a word, without penalty and smoothing
    penalty: float  # the doubly stochastic penalty, before lambda


def init_params(rng, config, log_frequencies, dtype=np.float32):
    """All parameters by name. rng: numpy Generator; log_frequencies: (V,) of what the decoder is to predict."""
    encoder = _encoder(config)
    D = encoder.size(config.stages)
    return {
        **encoder.init_params(rng, config.stages, config.norm, dtype),
        **attend_tell.init_params(rng, D, config.embedding, config.state, config.attention, log_frequencies, dtype),
    }


def loss_and_grads(params, batch, config, rng, workspace=None):
    """One pass forward and back.

    batch: data.batches.Batch; rng: numpy Generator, for dropout; workspace: where to compute, restarted by the caller;
    what is returned may lie in it. Returns a Loss and the gradients by name.
    """
    encoder = _encoder(config)
    a, cache_encoder = encoder.encode_forward(params, batch.pictures, config.stages, workspace)
    decoder = attend_tell_fused if kernels.fused(a) else attend_tell
    mask_h = dropout.dropout_mask(rng, (*batch.words.shape, config.state), config.dropout, a.dtype)
    logits, alpha, cache_decoder = decoder.decode_forward(params, a, batch.words, mask_h, workspace)
    loss, cache_loss, cache_penalty = _loss_forward(logits, alpha, batch, config)

    dlogits = losses.cross_entropy_backward(1.0, cache_loss, workspace)
    dalpha = losses.doubly_stochastic_backward(config.penalty, cache_penalty)
    da, grads = decoder.decode_backward(dlogits, dalpha, cache_decoder, workspace)
    grads |= encoder.encode_backward(da, cache_encoder, workspace)
    return loss, grads


def loss_only(params, batch, config, workspace=None):
    """The Loss without dropout and without gradients, as for the dev split."""
    a = annotate(params, batch.pictures, config, workspace)
    decoder = attend_tell_fused if kernels.fused(a) else attend_tell
    mask_h = np.ones((*batch.words.shape, config.state), a.dtype)
    logits, alpha, _ = decoder.decode_forward(params, a, batch.words, mask_h, workspace)
    return _loss_forward(logits, alpha, batch, config)[0]


def annotate(params, pictures, config, workspace=None):
    """pictures: (N, H, W, 3). Returns their annotation vectors a: (N, L, D)."""
    return _encoder(config).encode(params, pictures, config.stages, workspace)


def measure_moments(params, batches, config, workspace):
    """Set what batch normalisation goes by in use, in place, from some batches (data.batches.Batch); else nothing."""
    if config.norm and not config.blind:
        convnet.measure_moments(params, (batch.pictures for batch in batches), config.stages, workspace)


def _encoder(config):
    """The module whose functions make annotation vectors of pictures."""
    return blind if config.blind else convnet


def _loss_forward(logits, alpha, batch, config):
    """(14) - log p(y | x) + lambda sum_i (1 - sum_t alpha_ti)^2."""
    likelihood, cache_loss = losses.cross_entropy_forward(logits, batch.targets, batch.mask, config.smoothing)
    penalty, cache_penalty = losses.doubly_stochastic_forward(
        alpha, batch.mask, config.penalty_normalisation, config.penalty_target
    )
    word = -losses.word_log_probabilities(cache_loss).sum() / batch.mask.sum()
    return Loss(likelihood + config.penalty * penalty, word, penalty), cache_loss, cache_penalty
