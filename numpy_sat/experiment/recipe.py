"""The recipe of a run: each setting is declared here once, with its default, its meaning and its range.

`train --set NAME=VALUE`, `train --set help`, the refusal of impossible or idle values, and the JSON in checkpoints are
derived from these declarations (experiment/settings.py). The defaults are those of `train --small` on scenes.
"""

import dataclasses
from dataclasses import dataclass

from numpy_sat.decoders import MODELS
from numpy_sat.decoders.hard import ATTENTION_MODES
from numpy_sat.decoders.parts import PARTS
from numpy_sat.encoders import ENCODERS, vgg
from numpy_sat.experiment import conditions
from numpy_sat.experiment.declaration import Setting, setting


@dataclass(frozen=True)
class Encoder:
    """How an image (or a sentence) becomes annotation vectors."""

    network: str = setting("convnet", "encoder network", choices=tuple(ENCODERS), option="--encoder")
    stages: tuple = setting(
        ((16,), (32,), (64,), (128,)),
        "channels of each stage's convolutions, such as ((32,),(64,64)); for lite0 the grid",
        read=conditions.read_stages,
        write=conditions.write_stages,
        range="the channels of every stage's convolutions, such as ((32,),(64,64)), "
        f"or for lite0 one of {', '.join(conditions.GRIDS)}",
        refuse=conditions.another_encoders_grid,
        idle=conditions.no_images,
    )
    image_size: int = setting(
        64,
        "side of the square that the encoder reads, pixels",
        least=1,
        refuse=conditions.too_small,
        idle=conditions.no_images,
    )
    batch_norm: bool = setting(
        False, "batch normalization after each convolution", off=False, refuse=conditions.nothing_to_normalize
    )
    annotation_dropout: float = setting(
        0.0, "share of the annotation vectors' numbers that dropout sets to 0", least=0, below=1, off=0.0
    )
    pretrained: bool = setting(False, "whether the network has learned from ImageNet", option="--encoder")
    tuned_stages: int = setting(
        0, "how many of a pretrained network's last stages are trained", least=0, refuse=conditions.nothing_to_tune
    )
    weights_file: str = setting("", "file of a pretrained network's weights", option="--weights")
    preprocessing: str = setting(
        "imagenet",
        "scale of the pixels that the weights expect",
        choices=tuple(vgg.PREPROCESSINGS),
        option="--preprocessing",
    )
    weights_digest: str = setting("", "SHA-256 of the stages that are not trained", option="--encoder")
    blind: bool = setting(False, "a language model: the decoder is given zeros for the image", option="--blind")
    source_words: tuple = setting((), "words of the language that a translator reads", option="--data")


@dataclass(frozen=True)
class Decoder:
    """How annotation vectors become words."""

    model: str = setting("soft", "decoder", choices=tuple(MODELS), option="--model")
    embedding_size: int = setting(64, "M, numbers of a word's embedding", least=1)
    hidden_size: int = setting(192, "S, numbers of the LSTM's hidden state", least=1)
    attention_size: int = setting(96, "A, numbers of the space in which attention compares", least=1)
    heads: int = setting(1, "heads of dot-product attention; they share A", least=1, refuse=conditions.unequal_heads)
    without: tuple = setting((), "parts left out, separated by commas", choices=tuple(PARTS))
    dropout: float = setting(
        0.0, "share of the hidden state that is dropped before the output", least=0, below=1, off=0.0
    )


@dataclass(frozen=True)
class Loss:
    """What is minimized (Xu et al. 2015, equations 10 to 14)."""

    label_smoothing: float = setting(
        0.0, "share of each target's probability given to all words alike", least=0, most=1, off=0.0
    )
    attention_penalty: float = setting(1.0, "lambda of equation 14", least=0, off=0.0)
    penalty_normalization: str = setting(
        "sum", "whether the penalty is summed or averaged over locations", choices=("sum", "mean")
    )
    penalty_target: str = setting(
        "one", "what the attention to a location should add up to over the words", choices=("one", "T/L")
    )
    expected_context: float = setting(
        0.5, "share of images trained with the expected context instead of samples", least=0, most=1
    )
    reinforce_weight: float = setting(0.05, "lambda_r, weight of REINFORCE", least=0)
    entropy_weight: float = setting(0.001, "lambda_e, weight of the attention's entropy", least=0)
    reward_to_go: bool = setting(False, "whether a sampled location is judged by the words from its own on")
    authors_code: bool = setting(False, "whether to follow the authors' code where it differs from the paper")


@dataclass(frozen=True)
class Training:
    """How the parameters are found."""

    epochs: int = setting(8, "passes over the training set", least=1, option="--epochs")
    batch_size: int = setting(16, "images in a batch", least=1)
    captions_per_image: int = setting(3, "captions of each image in a batch", least=1)
    learning_rate: float = setting(4e-3, "peak of the learning-rate schedule", above=0, option="--learning-rate")
    optimizer: str = setting("adam", "update rule", choices=("adam", "rmsprop"), option="--optimizer")
    warmup_steps: int = setting(100, "steps until the learning rate reaches its peak", least=0)
    clip_norm: float = setting(5.0, "largest norm of the gradient", above=0, option="--clip-norm")
    encoder_rate_factor: float = setting(
        1.0, "the encoder's learning rate divided by the learning rate", least=0, idle=conditions.encoder_is_fixed
    )
    weight_decay: float = setting(0.0, "decay of the weights, in learning rates a step", least=0, off=0.0)
    min_word_count: int = setting(1, "words that are rarer in the training set become <unk>", least=1)
    self_critical_epochs: int = setting(0, "last epochs that train on sampled captions and their CIDEr-D", least=0)
    reward_baseline: str = setting(
        "greedy",
        "what a sampled caption's CIDEr-D is compared with: the greedy caption's or the other samples'",
        choices=("greedy", "others"),
        idle=conditions.no_self_critical_epochs,
        refuse=conditions.nothing_to_compare,
    )
    ema: float = setting(
        0.0,
        "decay of the weights' moving average in self-critical epochs; 0: none",
        least=0,
        below=1,
        idle=conditions.no_self_critical_epochs,
    )
    patience: int = setting(5, "epochs without a better CIDEr-D on the validation set before training stops", least=1)
    validation_images: int = setting(500, "images of the validation set that are captioned after each epoch", least=1)


@dataclass(frozen=True)
class Augmentation:
    """How an image is changed each time it is seen."""

    horizontal_flip: bool = setting(
        False, "mirror half of the images", off=False, refuse=conditions.only_images("horizontal_flip")
    )
    random_shift: int = setting(
        0, "largest shift in each direction, pixels", least=0, off=0, refuse=conditions.only_images("random_shift")
    )
    random_crop: float = setting(
        1.0,
        "least side of a random square crop, as a share of the image's",
        above=0,
        most=1,
        off=1.0,
        refuse=conditions.only_images("random_crop"),
    )
    color_jitter: float = setting(
        0.0,
        "largest change of brightness and contrast, as a share",
        least=0,
        most=1,
        off=0.0,
        refuse=conditions.only_images("color_jitter"),
    )

    @property
    def changes(self):
        """True if images are changed at all."""
        return self != Augmentation()


@dataclass(frozen=True)
class Decoding:
    """How captions are written."""

    max_words: int = setting(20, "words of the longest caption; longer ones are cut in training", least=1)
    length_power: float = setting(
        1.0, "exponent of the length normalization in beam search; below 1 favors short captions", least=0
    )
    attention_mode: str = setting(
        "expected",
        "context of hard attention while it writes: expected, or at the likeliest or a sampled location",
        choices=ATTENTION_MODES,
    )


@dataclass(frozen=True)
class Recipe:
    """Everything that training depends on, except the data and the seed. A checkpoint carries it."""

    encoder: Encoder = Encoder()
    decoder: Decoder = Decoder()
    loss: Loss = Loss()
    training: Training = Training()
    augmentation: Augmentation = Augmentation()
    decoding: Decoding = Decoding()

    def replace(self, **values) -> "Recipe":
        """Return a recipe with other values for some settings, as `recipe.replace(hidden_size=256, epochs=3)`.

        Raises:
            TypeError: a name is not a setting. Values are not checked; settings.with_settings does that.
        """
        if unknown := values.keys() - SETTINGS.keys():
            raise TypeError(f"there is no setting {', '.join(sorted(unknown))}")
        groups = {}
        for name, value in values.items():
            groups.setdefault(SETTINGS[name].group, {})[name] = value
        return dataclasses.replace(
            self, **{group: dataclasses.replace(getattr(self, group), **changed) for group, changed in groups.items()}
        )

    def values(self) -> dict:
        """Return {setting: value}, of all groups."""
        return {name: getattr(getattr(self, setting.group), name) for name, setting in SETTINGS.items()}


SETTINGS: dict[str, Setting] = {
    declared.name: Setting(declared.name, group.name, declared.default, **declared.metadata)
    for group in dataclasses.fields(Recipe)
    for declared in dataclasses.fields(group.default)
}


def from_json(stored: dict) -> Recipe:
    """Return the recipe that was stored as dataclasses.asdict gives it.

    Raises:
        KeyError, TypeError or ValueError: it is none.
    """
    groups = {group.name: type(group.default) for group in dataclasses.fields(Recipe)}
    if wrong := groups.keys() ^ dict(stored).keys():
        raise KeyError(*sorted(wrong))
    read = {name: {key: _as_tuple(value) for key, value in dict(group).items()} for name, group in stored.items()}
    return Recipe(**{name: groups[name](**values) for name, values in read.items()})


def _as_tuple(value):
    """Return lists, which JSON makes of tuples, as tuples."""
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value
