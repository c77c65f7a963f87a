"""The conditions that settings impose on one another: which values are refused, and which settings do nothing.

Each condition takes a recipe.Recipe. It returns the end of an error message that gives the reason, or None if the
recipe is valid.
"""

import ast

from numpy_sat.data.phrases import phrases
from numpy_sat.decoders import MODELS
from numpy_sat.encoders import ENCODERS, lite, reads_sentences, vgg

MOST_CONVOLUTIONS, MOST_CHANNELS = 100, 16384  # of an encoder
PRETRAINED = (*lite.NETWORKS, *vgg.STAGES)  # networks that start from weights trained on ImageNet
CROSS_ENTROPY, HIDDEN_TAGS = WITHOUT_SAMPLES = "cross-entropy", "hidden-tags"  # the objectives without sampled captions
# {network: names of its output grids: rows x columns x channels}
GRIDS = {name: tuple(network.grids) for name, network in lite.NETWORKS.items()}


def read_stages(text: str) -> tuple:
    """Parse an encoder's stages: the name of a grid, or tuples of channels. Raises ValueError for other text."""
    if text in lite.STAGES:
        return lite.STAGES[text]
    try:
        stages = tuple(tuple(stage) for stage in ast.literal_eval(text))
    except (TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError from error
    channels = [c for stage in stages for c in stage]
    if not stages or not all(stages) or len(channels) > MOST_CONVOLUTIONS:
        raise ValueError
    if not all(type(c) is int and 0 < c <= MOST_CHANNELS for c in channels):
        raise ValueError
    return stages


def write_stages(stages: tuple) -> str:
    """Return the text from which read_stages gets these stages."""
    grid = next((grid for grid, grid_stages in lite.STAGES.items() if grid_stages == stages), None)
    return grid or str(stages).replace(" ", "")


def read_numbers(text: str) -> tuple:
    """Parse whole numbers that are separated by commas. Raises ValueError for other text."""
    return tuple(int(part) for part in text.split(",") if part)


def write_numbers(numbers: tuple) -> str:
    """Return the text from which read_numbers gets these numbers."""
    return ",".join(map(str, numbers))


def another_encoders_inputs(recipe):
    """Refuse an encoder with the weights or the vocabulary of another one. `train` never selects these together."""
    encoder, is_reader = recipe.encoder, reads_sentences(recipe)
    is_shipped = encoder.network in lite.NETWORKS and not encoder.pretrained  # a captioner that holds all stages
    must_be = encoder.network in PRETRAINED or _is_of_run(recipe)
    if encoder.pretrained != must_be and not is_shipped:
        return f"pretrained={str(encoder.pretrained).lower()} is for other encoders"
    if encoder.source_words != (phrases.VOCABULARY.words if is_reader else ()):
        return "the words that it reads are not those of this version's phrases"
    if encoder.blind and is_reader:
        return "a translator cannot be blind: leave out --blind"
    return None


def _is_of_run(recipe):
    """Return True if the encoder is that of a trained run."""
    return recipe.encoder.network == "convnet" and bool(recipe.encoder.weights_file)


def no_boxes(recipe):
    """Refuse boxes without the encoder of a trained run, and with images that are changed, whose boxes are unknown."""
    if recipe.encoder.regions == "cells":
        return None
    if not _is_of_run(recipe):
        return "set --encoder to a trained run, whose annotations the boxes select"
    return "the boxes of augmented images are unknown; leave out augmentation" if recipe.augmentation.changes else None


def no_tags(recipe):
    """Refuse tags that the model does not read, or that do not follow annotations unchanged."""
    encoder, model = recipe.encoder, MODELS[recipe.decoder.model]
    if encoder.tags == "none":
        return None
    if "tags" not in model.SETTINGS:
        readers = [name for name, model in MODELS.items() if "tags" in model.SETTINGS]
        return f"the model {recipe.decoder.model} reads no tags; {', '.join(readers)} can"
    if not _is_of_run(recipe):
        return "set --encoder to a trained run"
    if encoder.tags == "predicted" and encoder.regions != "boxes":
        return "tags are predicted from boxes; set regions=boxes"
    if encoder.annotation_dropout or recipe.augmentation.changes:
        return "tags are for images without augmentation and annotations without dropout"
    return None


def no_tags_to_pollute(recipe):
    """Return why the contrastive loss does nothing: there are no tags, or no pre-training."""
    if recipe.encoder.tags == "none":
        return "for tags=none; set tags, too"
    if recipe.training.objective == HIDDEN_TAGS:
        return f"for objective={HIDDEN_TAGS}"
    return None if recipe.loss.bidirectional else "for bidirectional=0, which is fine-tuning"


def another_encoders_stages(recipe):
    """Refuse a grid of an EfficientNet-Lite for another encoder, and channels for an EfficientNet-Lite."""
    network, stages = recipe.encoder.network, recipe.encoder.stages
    if network in lite.NETWORKS and not _is_lite(stages):
        return f"--encoder {network} has the stages of a grid: {', '.join(GRIDS[network])}"
    for other, grids in GRIDS.items():
        if other != network and stages in lite.NETWORKS[other].grids.values():
            return f"{', '.join(grids)} are grids of --encoder {other}, not of {network}"
    return None


def _is_lite(stages):
    """Return True for stages with the form of EfficientNet-Lite: a stem, bottlenecks of five numbers, maybe a head."""
    sizes = [len(stage) for stage in stages]
    bottlenecks = sizes[1:-1] if sizes[-1] == 1 else sizes[1:]
    return sizes[0] == 1 and set(bottlenecks) == {5}


def too_small(recipe):
    """Refuse images so small that the encoder's stages leave no location."""
    minimum = ENCODERS[recipe.encoder.network].smallest(recipe.encoder.stages)
    if recipe.encoder.image_size < minimum:
        return f"too small for {len(recipe.encoder.stages)} stages, the smallest is {minimum}"
    return None


def unequal_heads(recipe):
    """Refuse a number of heads that does not divide the size that the heads share."""
    settings = MODELS[recipe.decoder.model].SETTINGS
    shared = "attention_size" if "attention_size" in settings else "hidden_size"
    if "heads" in settings and (size := recipe.values()[shared]) % recipe.decoder.heads:
        return f"must divide {shared}={size}"
    return None


def no_output_bias(recipe):
    """Return why rare_words does nothing: the model has no output bias."""
    return "for the model detected-words" if recipe.decoder.model == "detected-words" else None


def no_embedding_size(recipe):
    """Return why the start of E does nothing: word vectors have another size than this model's E."""
    model = recipe.decoder.model
    return None if "embedding_size" in MODELS[model].SETTINGS else f"for the model {model}"


def nothing_to_normalize(recipe):
    """Refuse batch normalization for a pretrained encoder and for phrases."""
    if recipe.encoder.batch_norm and (recipe.encoder.pretrained or reads_sentences(recipe)):
        return "only an encoder of images that starts from random weights can be normalized"
    return None


def nothing_to_tune(recipe):
    """Refuse to tune stages that the encoder does not have, or all of its stages."""
    encoder = recipe.encoder
    if encoder.tuned_stages and encoder.network in lite.NETWORKS and not encoder.pretrained:
        return "training from a shipped captioner trains all stages of its encoder"
    can_be_tuned = encoder.pretrained and encoder.network in PRETRAINED and not encoder.blind
    if encoder.tuned_stages and not can_be_tuned:
        return "only the last stages of a pretrained --encoder can be tuned"
    if encoder.tuned_stages and encoder.tuned_stages >= len(encoder.stages):
        return f"must be a whole number from 0 to {len(encoder.stages) - 1}, of {len(encoder.stages)} stages"
    return None


def nothing_to_compare(recipe):
    """Refuse the baseline of the other samples if each image has a single sample."""
    training = recipe.training
    is_compared = training.objective != CROSS_ENTROPY and training.reward_baseline == "others"
    if is_compared and training.captions_per_image == 1:
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


def shift_beyond_the_image(recipe):
    """Refuse shifts that leave nothing of the image, and shifts of phrases."""
    shift, size = recipe.augmentation.random_shift, recipe.encoder.image_size
    if shift and shift >= size and not reads_sentences(recipe):
        return f"must be below image_size={size}"
    return only_images("random_shift")(recipe)


def no_epoch_left(recipe):
    """Refuse an objective that never begins, because all epochs train on cross-entropy."""
    training = recipe.training
    if training.objective != CROSS_ENTROPY and training.cross_entropy_epochs >= training.epochs:
        return (
            f"would begin after {training.cross_entropy_epochs} epochs, and the run has {training.epochs}; set fewer "
            f"cross_entropy_epochs, or objective={CROSS_ENTROPY}"
        )
    return None


def only_cross_entropy(recipe):
    """Return why settings of sampled captions do nothing: the run samples none."""
    if recipe.training.objective in WITHOUT_SAMPLES:
        return f"for objective={recipe.training.objective}; set another objective too"
    return None


def wrong_objective(recipe):
    """Refuse an objective that never begins, and one that the model cannot have."""
    training, encoder = recipe.training, recipe.encoder
    if training.objective == HIDDEN_TAGS and encoder.tags == "none":
        return "there are no tags; set tags too, which scenes have"
    return no_epoch_left(recipe)


def no_hidden_tags(recipe):
    """Return why the order of tags does nothing: no tags are hidden."""
    if recipe.training.objective != HIDDEN_TAGS:
        return f"for objective={recipe.training.objective}; it is for {HIDDEN_TAGS}"
    return None


def no_plurals(recipe):
    """Return why plural tags do nothing: there are no tags."""
    return "for tags=none; set tags, too" if recipe.encoder.tags == "none" else None


def unpredicted_plurals(recipe):
    """Refuse plural tags that come from the classifier, which sees one object at a time."""
    if recipe.encoder.plural_tags and recipe.encoder.tags == "predicted":
        return "predicted tags are singular; set other tags"
    return None


def no_discriminator(recipe):
    """Return why settings of adversarial training do nothing: the run has no discriminator."""
    if recipe.training.objective != "adversarial":
        return f"for objective={recipe.training.objective}; it is for adversarial"
    return None


def no_soft_words(recipe):
    """Refuse the straight-through gradient for models that cannot write soft words (decoders/soft_words.py)."""
    writers = [name for name, model in MODELS.items() if hasattr(model, "parts_of")]
    if recipe.adversarial.gradient == "straight-through" and recipe.decoder.model not in writers:
        return f"the model {recipe.decoder.model} cannot write soft words; {', '.join(writers)} can"
    return None


def no_soft_words_written(recipe):
    """Return why the temperature of soft words does nothing: no soft words are written."""
    if recipe.adversarial.gradient != "straight-through":
        return "without soft words; set gradient=straight-through too"
    return no_discriminator(recipe)


def no_baseline(recipe):
    """Return why a baseline of sampled captions does nothing: no captions are sampled."""
    return only_cross_entropy(recipe) or (no_samples(recipe) if recipe.training.objective == "adversarial" else None)


def no_samples(recipe):
    """Return why settings of sampled captions do nothing: soft words are written instead."""
    if recipe.adversarial.gradient == "straight-through":
        return "for gradient=straight-through, which samples no captions"
    return no_discriminator(recipe)


def no_tasks(recipe):
    """Return why settings of meta-learning do nothing: the run has a single task."""
    if recipe.training.objective != "meta":
        return f"for objective={recipe.training.objective}; it is for meta"
    return None


def no_inner_step(recipe):
    """Return why the rate of the inner step does nothing: no inner step is taken."""
    if recipe.training.objective == "meta" and recipe.meta.meta_gradient == "weighted-sum":
        return "for meta_gradient=weighted-sum, which takes no inner step"
    return no_tasks(recipe)


def no_other_image(recipe):
    """Refuse mismatched captions if a batch has a single image."""
    adversarial, training = recipe.adversarial, recipe.training
    if training.objective == "adversarial" and adversarial.mismatch_weight and training.batch_size == 1:
        return "a batch of one image has no captions of others; set batch_size to 2 or more"
    return None


def no_images(recipe):
    """Return why settings of image encoders do nothing: the encoder reads phrases."""
    return "for phrases" if reads_sentences(recipe) else None


def encoder_is_fixed(recipe):
    """Return why the encoder's learning rate does nothing: the encoder is not trained."""
    if recipe.encoder.pretrained and not recipe.encoder.tuned_stages:
        return "where the encoder is not trained; set tuned_stages too"
    return None
