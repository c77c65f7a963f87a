"""The model inputs of images: pixels, or features from the frozen stages of a pretrained encoder."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from numpy_sat import pretrained
from numpy_sat.data import batches, images
from numpy_sat.data.dataset import CaptionedImage
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.pretrained import feature_cache, run_encoder
from numpy_sat.system import machine
from numpy_sat.system.errors import InputError


def load(config: Recipe, examples: Sequence[CaptionedImage]) -> np.ndarray:
    """Load the model inputs of a list of images, from the on-disk cache where possible.

    Args:
        config: Recipe of the model.
        examples: N dataset.CaptionedImages.
    Returns:
        (N, H, W, 3) uint8 images, or for a pretrained encoder (N, L, C) float16 features.
    Raises:
        InputError: an image cannot be read.
    """
    if _reads_features(config):
        features = feature_cache.load_features(examples, pretrained.net(config), machine.cache_folder())
        return run_encoder.append_tags(features, examples, config)
    return load_pixels(config, examples)


def load_pixels(config: Recipe, examples: Sequence[CaptionedImage]) -> np.ndarray:
    """Load images as (N, H, W, 3) uint8 for any encoder, as training with augmentation needs them."""
    return images.load_images(examples, config.encoder.image_size, machine.cache_folder())


def encode_batches(config: Recipe, incoming: Iterable[batches.Batch]) -> Iterator[batches.Batch]:
    """Encode the pixels of batches by the frozen stages of a pretrained encoder.

    Args:
        config: Recipe of the model.
        incoming: iterable of data.batches.Batch. Batches without pixels stay unchanged.
    Yields:
        data.batches.Batch.
    """
    for batch in incoming:
        is_pixels = _reads_features(config) and batch.inputs.ndim == 4
        yield batch._replace(inputs=pretrained.net(config).encode(batch.inputs)) if is_pixels else batch


def read(config: Recipe, source: Path | images.Upload) -> np.ndarray:
    """Read a single image file, with a batch axis of 1: (1, H, W, 3) uint8.

    Raises:
        InputError: the file cannot be read, or the model needs the boxes or tags of objects, too.
    """
    refuse_objects(config, source)
    return images.read_image(source, config.encoder.image_size)[np.newaxis]


def refuse_objects(config: Recipe, source: Path | images.Upload) -> None:
    """Raise InputError if a model needs the boxes or tags of objects. source: the file or the run to name."""
    if config.encoder.regions == "boxes" or config.encoder.tags != "none":
        raise InputError(
            f"{source}: this model also reads the boxes or tags of objects, which a file does not hold; caption whole "
            "splits of scenes by evaluate or show."
        )


def encode(config: Recipe, pixels: np.ndarray) -> np.ndarray:
    """Return the model inputs of images that `read` has read, without any cache.

    Args:
        config: Recipe of the model.
        pixels: (N, H, W, 3) uint8 images.
    Returns:
        The same images, or for a pretrained encoder (N, L, C) float32 features.
    """
    if not _reads_features(config):
        return pixels
    net, block = pretrained.net(config), feature_cache.BLOCK
    blocks = (pixels[start : start + block] for start in range(0, len(pixels), block))
    return np.concatenate([net.encode(batches.scale_pixels(images_of_block)) for images_of_block in blocks])


def _reads_features(config):
    """Return True if the model's inputs are features of a pretrained encoder. A blind model has none but tags."""
    return config.encoder.pretrained and (not config.encoder.blind or config.encoder.tags != "none")
