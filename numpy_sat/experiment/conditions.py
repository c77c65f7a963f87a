"""The conditions that settings impose on one another: which values are refused, and which settings do nothing.

Each condition takes a recipe.Recipe. It returns the end of an error message that gives the reason, or None if the
recipe is valid.
"""

import ast

from numpy_sat.decoders import MODELS
from numpy_sat.encoders import ENCODERS, lite0, reads_sentences

GRIDS = tuple(lite0.STAGES)  # names of EfficientNet-Lite0's output grids: rows x columns x channels


def read_stages(text: str) -> tuple:
    """Parse an encoder's stages: the name of a grid, or tuples of channels. Raises ValueError for other text."""
    if text in lite0.STAGES:
        return lite0.STAGES[text]
    try:
        stages = tuple(tuple(stage) for stage in ast.literal_eval(text))
    except (TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError from error
    if not stages or not all(stages) or not all(type(c) is int and c > 0 for stage in stages for c in stage):
        raise ValueError
    return stages


def write_stages(stages: tuple) -> str:
    """Return the text from which read_stages gets these stages."""
    grid = next((grid for grid, grid_stages in lite0.STAGES.items() if grid_stages == stages), None)
    return grid or str(stages).replace(" ", "")


def another_encoders_grid(recipe):
    """Refuse a grid of EfficientNet-Lite0 for another encoder, which would read its numbers as channels."""
    if recipe.encoder.network != "lite0" and recipe.encoder.stages in lite0.STAGES.values():
        return f"{', '.join(GRIDS)} are grids of --encoder lite0, not of {recipe.encoder.network}"
    return None


def too_small(recipe):
    """Refuse images so small that the encoder's stages leave no location."""
    minimum = ENCODERS[recipe.encoder.network].smallest(recipe.encoder.stages)
    if recipe.encoder.image_size < minimum:
        return f"too small for {len(recipe.encoder.stages)} stages, the smallest is {minimum}"
    return None


def unequal_heads(recipe):
    """Refuse a number of heads that does not divide the attention size."""
    heads, A = recipe.decoder.heads, recipe.decoder.attention_size
    if "heads" in MODELS[recipe.decoder.model].SETTINGS and A % heads:
        return f"must divide attention_size={A}"
    return None


def nothing_to_normalize(recipe):
    """Refuse batch normalization for a pretrained encoder and for phrases."""
    if recipe.encoder.batch_norm and (recipe.encoder.pretrained or reads_sentences(recipe)):
        return "only an encoder of images that starts from random weights can be normalized"
    return None


def nothing_to_tune(recipe):
    """Refuse to tune stages that the encoder does not have, or all of its stages."""
    encoder = recipe.encoder
    if encoder.tuned_stages and (encoder.blind or not encoder.pretrained):
        return "only the last stages of a pretrained --encoder can be tuned"
    if encoder.tuned_stages and encoder.tuned_stages >= len(encoder.stages):
        return f"must be a whole number from 0 to {len(encoder.stages) - 1}, of {len(encoder.stages)} stages"
    return None


def nothing_to_compare(recipe):
    """Refuse the baseline of the other samples if each image has a single sample."""
    training = recipe.training
    if training.self_critical_epochs and training.reward_baseline == "others" and training.captions_per_image == 1:
        return "with one caption per image there are no others; set captions_per_image to 2 or more"
    return None


def only_images(name):
    """Return the condition that refuses an augmentation for phrases."""

    def refuse(recipe):
        default = type(recipe.augmentation)()
        if reads_sentences(recipe) and getattr(recipe.augmentation, name) != getattr(default, name):
            return "images can be augmented, phrases cannot"
        return None

    return refuse


def no_self_critical_epochs(recipe):
    """Return why settings of self-critical training do nothing: the run has no self-critical epochs."""
    if not recipe.training.self_critical_epochs:
        return "without self-critical epochs; set self_critical_epochs too"
    return None


def no_images(recipe):
    """Return why settings of image encoders do nothing: the encoder reads phrases."""
    return "for phrases" if reads_sentences(recipe) else None


def encoder_is_fixed(recipe):
    """Return why the encoder's learning rate does nothing: the encoder is not trained."""
    if recipe.encoder.pretrained and not recipe.encoder.tuned_stages:
        return "where the encoder is not trained; set tuned_stages too"
    return None
