"""The whole model on one page: an encoder makes annotation vectors of an image, a decoder writes a caption."""

import itertools
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from numpy_sat.decoders import MODELS
from numpy_sat.encoders import ENCODERS, blind, convnet, features, last_state, reader
from numpy_sat.layers import dropout

MOMENT_BATCHES = 32  # that batch normalisation's moments are measured on
MEASURED = (".mean", ".var", "baseline")  # ends of the names of parameters that are measured and not learnt


@dataclass(frozen=True)
class Config:
    """What a model is made of; a checkpoint carries it."""

    picture_size: int  # side of the network's square, pixels
    stages: tuple  # of the encoder, see there
    embedding: int  # M
    state: int  # S
    attention: int  # A
    encoder: str = "convnet"  # one of encoders.ENCODERS
    frozen: bool = False  # whether it is pretrained, and pictures are given as its features, see encoders/features.py
    tuned: int = 0  # how many of its last stages are trained further; those before stay as they are
    weights: str = ""  # of a pretrained encoder: the file of its weights, where they do not come as a package
    preprocessing: str = "imagenet"  # how pixels were scaled in learning those, see encoders/vgg.py
    digest: str = ""  # by which they are known again
    model: str = "soft"  # the decoder, one of decoders.MODELS
    heads: int = 1  # of the model "dot"
    without: tuple = ()  # parts of the decoder that are left out, see decoders/parts.py
    norm: bool = False  # batch normalisation in the encoder
    blind: bool = False  # whether the decoder is given zeros instead of what the encoder makes of the picture
    source: tuple = ()  # of a translator: the words of the language it reads, <start>, <end> and <unk> first
    dropout: float = 0.0  # of h_t on its way to the output
    dropout_a: float = 0.0  # of the numbers of the annotation vectors, the same ones in all of a picture's
    smoothing: float = 0.0  # of the labels
    penalty: float = 1.0  # lambda
    penalty_normalisation: str = "sum"  # see layers/losses.py
    penalty_target: str = "one"
    lambda_r: float = 0.05  # of hard attention, see decoders/hard.py: weight of REINFORCE
    lambda_e: float = 0.001  # weight of the entropy of where it looks
    expected: float = 0.5  # share of pictures that are trained with the expected context
    reward_to_go: bool = False  # whether a draw is judged by the words from its own on
    as_authors: bool = False  # whether it is trained as the authors' code does where that differs from the paper
    look: str = "expected"  # how it looks when it writes, one of decoders/hard.py's LOOKS


def init_params(rng, config, log_frequencies, dtype=np.float32):
    """Draw all parameters by name. rng: numpy Generator; log_frequencies: (V,) of the words that it writes."""
    encoder, sizes = _encoder(config)
    of_encoder = encoder.init_params(rng, sizes, config.norm, dtype)
    D = encoder.size(sizes)
    return {**of_encoder, **MODELS[config.model].init_params(rng, D, config, log_frequencies, dtype)}


def loss_and_grads(params, batch, config, rng):
    """Run one forward and backward pass.

    Args:
        params: arrays by name.
        batch: data.batches.Batch.
        config: Config.
        rng: numpy Generator, for everything that is drawn, such as dropout masks.
    Returns:
        loss: loss.Loss.
        grads: gradients by name. In a workspace's step they lie in its memory.
    """
    (encoder, sizes), decoder = _encoder(config), MODELS[config.model]
    a, cache = encoder.encode_forward(params, batch.inputs, sizes)
    mask = annotations_mask(rng, a, config)
    loss, da, grads = decoder.loss_and_grads(params, a * mask, batch, config, rng)
    return loss, grads | encoder.encode_backward(da * mask, cache)


def loss_only(params, batch, config):
    """Return the loss.Loss without dropout and without gradients, as for the validation set."""
    a = annotate(params, batch.inputs, config)
    return MODELS[config.model].loss_only(params, a, batch, config)


def annotate(params, pictures, config):
    """Compute the annotations, without the cache that training needs.

    Args:
        params: arrays by name.
        pictures: (N, H, W, 3) images, (N, L, C) features, or (N, L) sentences for a translator.
        config: Config.
    Returns:
        a: (N, L, D).
    """
    encoder, sizes = _encoder(config)
    return encoder.encode(params, pictures, sizes)


def annotations_mask(rng, a, config):
    """Draw the dropout mask for the annotations. All locations of an image share one mask.

    Args:
        rng: numpy Generator.
        a: (N, L, D) annotations.
        config: Config.
    Returns:
        mask: (N, 1, D); without annotation dropout the number 1, and nothing is drawn.
    """
    return dropout.dropout_mask(rng, (len(a), 1, a.shape[2]), config.dropout_a, a.dtype) if config.dropout_a else 1.0


def measure_running_statistics(params, batches, config):
    """Measure the running mean and variance of batch normalisation on the first batches, and set them in place.

    Without batch normalisation, this does nothing and reads no batch.

    Args:
        params: arrays by name.
        batches: iterable of data.batches.Batch.
        config: Config.
    """
    if config.norm and not config.blind:
        some = itertools.islice(batches, MOMENT_BATCHES)
        convnet.measure_running_statistics(params, (batch.inputs for batch in some), config.stages)


@lru_cache
def names_of_encoder(config):
    """Return the names of the encoder's parameters."""
    encoder, sizes = _encoder(config)
    return frozenset(encoder.init_params(np.random.default_rng(0), sizes, config.norm))


def _encoder(config):
    """Return the encoder's module and the sizes that its functions take."""
    if config.source:  # in both directions together as many numbers as the decoder's state
        sizes = len(config.source), config.embedding, config.state // 2
        return last_state if "attention" in config.without else reader, sizes
    encoder, sizes = ENCODERS[config.encoder], config.stages
    if config.frozen:
        encoder, sizes = features, (encoder, sizes, config.tuned)
    return (blind, encoder.size(sizes)) if config.blind else (encoder, sizes)
