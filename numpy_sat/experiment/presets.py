"""The recipes by data set: what differs from the defaults of experiment/recipe.py."""

from pathlib import Path

from numpy_sat.data.phrases import phrases
from numpy_sat.encoders import lite0, vgg
from numpy_sat.experiment.recipe import Recipe

# A shallow encoder learns faster on scenes, and its attention is sharper. In a deep one each cell of the grid sees the
# whole image, so that the decoder needs no attention.
_SCENES = Recipe().replace(attention_penalty=0.002, entropy_weight=0.0, reward_to_go=True, random_shift=2)
_FLICKR8K = Recipe().replace(attention_penalty=0.01, batch_size=32, min_word_count=5)
_PHRASES = Recipe().replace(
    network="bilstm",
    source_words=phrases.VOCABULARY.words,
    **{"embedding_size": 32, "hidden_size": 64, "attention_size": 32},
    attention_penalty=0.0,  # a word that only fills up a sentence need not be attended to
    **{"batch_size": 64, "captions_per_image": 1, "learning_rate": 5e-3},
)
PRESETS = {  # (data set, whether --small)
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
        **{"self_critical_epochs": 10, "reward_baseline": "others", "ema": 0.998},
        **{"horizontal_flip": True, "random_crop": 0.7, "length_power": 1.2},
    ),
    ("phrases", True): _PHRASES.replace(epochs=5),
    ("phrases", False): _PHRASES,
}
LEARNING_RATES = {  # of (data set, model) that learn nothing about the image at the preset's learning rate
    ("scenes", "tell"): 1e-3,
}
ENCODER_STAGES = {"lite0": lite0.STAGES["7x7x1280"], **vgg.STAGES}  # of the pretrained encoders
PRETRAINED = {  # by data set: what is trained on their features
    "flickr8k": _FLICKR8K.replace(
        **{"image_size": 224, "stages": (), "pretrained": True, "annotation_dropout": 0.3},
        **{"embedding_size": 224, "hidden_size": 384, "attention_size": 224, "dropout": 0.5},
        **{"epochs": 10, "patience": 10, "learning_rate": 1e-3, "validation_images": 1000},
        **{"label_smoothing": 0.1, "weight_decay": 0.05, "reward_baseline": "others", "ema": 0.998},
        length_power=0.7,
    ),
}


def from_random_weights(data: str, small: bool, model: str | None = None) -> Recipe:
    """Return the recipe for a data set. `model` is one of decoders.MODELS; None means the preset's."""
    recipe = PRESETS[data, small]
    rate = LEARNING_RATES.get((data, model), recipe.training.learning_rate)
    return recipe.replace(learning_rate=rate)


def on_pretrained(data: str, network: str, weights_file: Path | None = None) -> Recipe:
    """Return the recipe for a data set's features of a pretrained encoder, one of ENCODER_STAGES.

    Args:
        weights_file: VGG's weights; None for a network whose weights come as a package.
    """
    return PRETRAINED[data].replace(
        network=network,
        stages=ENCODER_STAGES[network],
        weights_file=str(weights_file.resolve()) if weights_file else "",
    )
