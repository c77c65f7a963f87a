"""The preset recipes of each data set, as differences from the defaults in experiment/recipe.py."""

import dataclasses
from pathlib import Path

from numpy_sat.data.phrases import phrases
from numpy_sat.encoders import lite, vgg
from numpy_sat.experiment.recipe import Augmentation, Recipe

# On scenes a shallow encoder learns faster, and its attention is sharper. In a deep encoder the receptive field of each
# location is the whole image, so the decoder needs no attention.
_SCENES = Recipe().replace(attention_penalty=0.002, entropy_weight=0.0, reward_to_go=True, random_shift=2)
_FLICKR8K = Recipe().replace(attention_penalty=0.01, batch_size=32, min_word_count=5)
_PHRASES = Recipe().replace(
    network="bilstm",
    source_words=phrases.VOCABULARY.words,
    **{"embedding_size": 32, "hidden_size": 64, "attention_size": 32},
    attention_penalty=0.0,  # function words of the source need no attention
    **{"batch_size": 64, "captions_per_image": 1, "learning_rate": 5e-3},
)
# {data set: the one whose recipes it shares}. All sets of photos share those that were measured on Flickr8k.
SHARED = {"flickr30k": "flickr8k", "coco": "flickr8k", "folder": "flickr8k"}
PRETRAINED_ENCODER = "pretrained"  # the key of CHANGES for every data set with a pretrained encoder
PRESETS = {  # {(data set, True for --small): recipe}
    ("scenes", True): _SCENES,
    ("scenes", False): _SCENES.replace(
        stages=((32,), (48,), (96,), (160,)),
        **{"hidden_size": 256, "attention_size": 128},
        **{"epochs": 12, "learning_rate": 3e-3},
    ),
    ("flickr8k", True): _FLICKR8K.replace(
        stages=((32,), (48,), (96,), (128, 128)),
        **{"embedding_size": 128, "hidden_size": 256, "attention_size": 128, "dropout": 0.3},
        **{"learning_rate": 2e-3, "horizontal_flip": True, "random_shift": 4},
    ),
    ("flickr8k", False): _FLICKR8K.replace(
        image_size=112,
        stages=((32,), (64,), (128,), (128, 192), (256,)),
        batch_norm=True,
        **{"embedding_size": 256, "hidden_size": 384, "attention_size": 256, "dropout": 0.5},
        **{"epochs": 34, "patience": 34, "learning_rate": 1.5e-3, "validation_images": 1000},
        **{"objective": "self-critical", "cross_entropy_epochs": 24, "reward_baseline": "others", "ema": 0.998},
        **{"horizontal_flip": True, "random_crop": 0.7, "length_power": 1.2},
    ),
    ("phrases", True): _PHRASES.replace(epochs=5),
    ("phrases", False): _PHRASES,
}
TRANSFORMERS = "transformer", "vlp", "oscar"
_TRANSFORMER = {"heads": 4, "learning_rate": 1e-3}
CHANGES = {  # {(data set or PRETRAINED_ENCODER, model): settings}; the presets suit models with an LSTM and attention
    ("scenes", "tell"): {"learning_rate": 5e-4},  # at larger rates it may learn nothing about the image
    **{("scenes", model): _TRANSFORMER | {"hidden_size": 128, "layers": 2} for model in TRANSFORMERS},
    # More steps of fewer images lower the loss in the same time (RESULTS.md, "The Transformer").
    ("scenes", "transformer"): _TRANSFORMER
    | {"hidden_size": 128, "layers": 2}
    | {"batch_size": 8, "learning_rate": 2e-3, "epochs": 6},
    **{("phrases", model): _TRANSFORMER for model in TRANSFORMERS},
    **{
        (photos, model): _TRANSFORMER | {"hidden_size": 256, "dropout": 0.2}
        for photos in ("flickr8k", PRETRAINED_ENCODER)
        for model in TRANSFORMERS
    },
}
ENCODER_STAGES = {  # {pretrained encoder: stages}
    **{name: [*network.grids.values()][-1] for name, network in lite.NETWORKS.items()},
    **vgg.STAGES,
}
PRETRAINED = {  # {data set: recipe with a pretrained encoder}
    "flickr8k": _FLICKR8K.replace(
        **{"image_size": 224, "stages": (), "pretrained": True, "annotation_dropout": 0.3},
        **{"embedding_size": 224, "hidden_size": 384, "attention_size": 224, "dropout": 0.5},
        **{"epochs": 10, "patience": 10, "learning_rate": 1e-3, "validation_images": 1000},
        **{"label_smoothing": 0.1, "weight_decay": 0.05, "reward_baseline": "others", "ema": 0.998},
        length_power=0.7,
    ),
}
ENCODER_SIZES = {  # {pretrained encoder: image_size}, where it is not that of PRETRAINED
    name: lite.NETWORKS[name].image_size for name in ("lite1", "lite2")
}
PHOTOS = (*PRETRAINED, *SHARED)  # the data sets for which a pretrained encoder is


def from_random_weights(data: str, small: bool, model: str | None = None) -> Recipe:
    """Return the recipe of a data set for an encoder that starts from random weights.

    Args:
        data: data set.
        small: True for the preset of --small.
        model: one of decoders.MODELS, which may need settings of its own; None means the preset's.
    """
    data = SHARED.get(data, data)
    return PRESETS[data, small].replace(**CHANGES.get((data, model), {}))


def on_pretrained(data: str, network: str, weights_file: Path | None = None, model: str | None = None) -> Recipe:
    """Return the recipe of a data set for a pretrained encoder.

    Args:
        data: data set, one of PHOTOS.
        network: one of ENCODER_STAGES.
        weights_file: weights of VGG; None for a network whose weights come as a package.
        model: as for from_random_weights.
    """
    recipe = PRETRAINED[SHARED.get(data, data)]
    return recipe.replace(
        network=network,
        stages=ENCODER_STAGES[network],
        image_size=ENCODER_SIZES.get(network, recipe.encoder.image_size),
        weights_file=str(weights_file.resolve()) if weights_file else "",
        **CHANGES.get((PRETRAINED_ENCODER, model), {}),
    )


def on_run(data: str, source: Recipe, checkpoint: Path, model: str | None = None) -> Recipe:
    """Return the recipe of a data set for the encoder of a trained run.

    Args:
        data: data set.
        source: recipe of the run.
        checkpoint: the run's checkpoint with the encoder's weights.
        model: as for from_random_weights.
    """
    encoder = source.encoder
    recipe = from_random_weights(data, small=True, model=model).replace(
        **{"network": encoder.network, "stages": encoder.stages, "image_size": encoder.image_size},
        **{"pretrained": True, "weights_file": str(checkpoint.resolve()), "batch_norm": False},
    )
    return dataclasses.replace(recipe, augmentation=Augmentation())
