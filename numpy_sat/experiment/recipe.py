"""The recipe of a run: each setting is declared here once, with its default, its meaning and its range.

These declarations define `train --set NAME=VALUE`, `train --set help` and the JSON in checkpoints. They also define
which values are refused because they are impossible or do nothing (experiment/settings.py). The defaults are close to
`train --small` on scenes; presets.py has the values of each data set.
"""

import dataclasses
from dataclasses import dataclass

from numpy_sat.data.scenes import tags
from numpy_sat.decoders import MODELS
from numpy_sat.decoders.hard import ATTENTION_MODES
from numpy_sat.decoders.parts import PARTS
from numpy_sat.encoders import ENCODERS, vgg
from numpy_sat.experiment import conditions
from numpy_sat.experiment.declaration import Setting, setting

COMPONENT_LIMIT = 16384  # of a vector, far above every sensible value


@dataclass(frozen=True)
class Encoder:
    """Settings of the encoder, which turns an image (or a sentence) into annotation vectors."""

    network: str = setting(
        "convnet",
        "encoder network",
        choices=tuple(ENCODERS),
        option="--encoder",
        refuse=conditions.another_encoders_inputs,
    )
    stages: tuple = setting(
        ((16,), (32,), (64,), (128,)),
        "channels of each stage's convolutions, such as ((32,),(64,64)); for EfficientNet-Lite the name of a grid",
        read=conditions.read_stages,
        write=conditions.write_stages,
        range="the channels of every stage's convolutions, such as ((32,),(64,64)), "
        f"or a grid: {', '.join(conditions.GRIDS['lite0'])} for lite0; such as 8x8x1280 for lite1",
        refuse=conditions.another_encoders_stages,
        idle=conditions.no_images,
    )
    image_size: int = setting(
        64,
        "side of the encoder's square input image, in pixels",
        minimum=1,
        limit=4096,
        refuse=conditions.too_small,
        idle=conditions.no_images,
    )
    batch_norm: bool = setting(
        False, "use batch normalization after each convolution", off=False, refuse=conditions.nothing_to_normalize
    )
    annotation_dropout: float = setting(
        0.0,
        "annotation dropout: probability of setting a component of an image's annotation vectors to 0",
        minimum=0,
        below=1,
        off=0.0,
    )
    pretrained: bool = setting(False, "start from weights trained on ImageNet", option="--encoder")
    tuned_stages: int = setting(
        0,
        "number of last stages of a pretrained encoder to train further",
        minimum=0,
        refuse=conditions.nothing_to_tune,
    )
    weights_file: str = setting("", "file of a pretrained network's weights", option="--weights")
    preprocessing: str = setting(
        "imagenet",
        "scaling of the pixels that the pretrained weights expect",
        choices=tuple(vgg.PREPROCESSINGS),
        option="--preprocessing",
    )
    weights_digest: str = setting("", "SHA-256 of the weights of the frozen stages", option="--encoder")
    regions: str = setting(
        "cells",
        "regions that the decoder reads: the cells of the grid, or the boxes of a scene's objects",
        choices=("cells", "boxes"),
        refuse=conditions.no_boxes,
    )
    tags: str = setting(
        "none",
        "tags of a scene's objects, which the decoder reads, too: the true ones (oracle), with errors (noisy), "
        "predicted from the boxes, or those of another image (shuffled)",
        choices=tags.KINDS,
        refuse=conditions.no_tags,
    )
    plural_tags: bool = setting(
        False,
        "tags of several like objects have the plural of the shape, as captions say it",
        idle=conditions.no_plurals,
        refuse=conditions.unpredicted_plurals,
    )
    tag_words: tuple = setting(
        (),
        "numbers of the words of tags in the vocabulary",
        option="--data",
        read=conditions.read_numbers,
        write=conditions.write_numbers,
    )
    blind: bool = setting(False, "train a language model: the decoder gets zeros for the image", option="--blind")
    source_words: tuple = setting((), "vocabulary of the language that a translator reads", option="--data")


@dataclass(frozen=True)
class Decoder:
    """Settings of the decoder, which turns annotation vectors into words."""

    model: str = setting("soft", "decoder", choices=tuple(MODELS), option="--model")
    embedding_size: int = setting(
        64, "embedding size M: components of a word's embedding", minimum=1, limit=COMPONENT_LIMIT
    )
    embedding_start: str = setting(
        "random",
        "start of E: random, or word vectors that are trained on the captions alone before training begins",
        choices=("random", "skip-gram", "glove"),
        idle=conditions.no_embedding_size,
    )
    hidden_size: int = setting(
        192, "hidden size S: components of the decoder's hidden state", minimum=1, limit=COMPONENT_LIMIT
    )
    attention_size: int = setting(
        96,
        "attention size A: components of the projections that attention compares",
        minimum=1,
        limit=COMPONENT_LIMIT,
    )
    ngrams: int = setting(
        32768,
        "most frequent n-grams of the training captions that are features of the language model",
        minimum=1,
        limit=10**7,
    )
    heads: int = setting(
        1,
        "number of heads of dot-product attention; divides attention_size, or hidden_size of the Transformer",
        minimum=1,
        limit=COMPONENT_LIMIT,
        refuse=conditions.unequal_heads,
    )
    layers: int = setting(3, "number of blocks of the Transformer", minimum=1, limit=1000)
    without: tuple = setting((), "parts of the decoder to leave out, separated by commas", choices=tuple(PARTS))
    dropout: float = setting(
        0.0,
        "dropout: probability of setting a component of the hidden state to 0 before the output layer, "
        "or of the result of each part of the Transformer",
        minimum=0,
        below=1,
        off=0.0,
    )


@dataclass(frozen=True)
class Loss:
    """Settings of the loss (Xu et al. 2015, equations 10 to 14)."""

    label_smoothing: float = setting(
        0.0,
        "label smoothing: share of each target's probability that goes to all words in equal parts",
        minimum=0,
        maximum=1,
        off=0.0,
    )
    attention_penalty: float = setting(1.0, "attention penalty: lambda of equation 14", minimum=0, off=0.0)
    penalty_normalization: str = setting(
        "sum", "reduction of the attention penalty over the locations", choices=("sum", "mean")
    )
    penalty_target: str = setting(
        "one",
        "attention that each location should get over the whole caption: 1, or T words / L locations",
        choices=("one", "T/L"),
    )
    attention_entropy: float = setting(
        0.0,
        "lambda_h: weight of the entropy of the attention in the loss; a larger one makes the attention sharper",
        minimum=0,
        off=0.0,
    )
    reconstruction_weight: float = setting(
        1.0, "eta: weight of the error of the image that the visual memory reconstructs", minimum=0
    )
    hidden_words: float = setting(
        0.15,
        "share of a caption's words, or an image's tags, that are hidden and predicted, at least one and at most three",
        above=0,
        maximum=1,
    )
    bidirectional: float = setting(
        0.25,
        "probability that the words of a batch see the words after them, too; 0 to learn writing alone",
        minimum=0,
        maximum=1,
    )
    contrastive_weight: float = setting(
        1.0, "weight of the contrastive loss on polluted tags", minimum=0, off=0.0, idle=conditions.no_tags_to_pollute
    )
    tag_order: str = setting(
        "matched",
        "tag that a hidden place predicts: the one that the Hungarian algorithm assigns to it, or its own (fixed)",
        choices=("matched", "fixed"),
        idle=conditions.no_hidden_tags,
    )
    expected_context: float = setting(
        0.5, "probability of training an image with the expected context, not sampled locations", minimum=0, maximum=1
    )
    reinforce_weight: float = setting(0.05, "lambda_r: weight of the REINFORCE term", minimum=0)
    entropy_weight: float = setting(0.001, "lambda_e: weight of the entropy of the attention", minimum=0)
    reward_to_go: bool = setting(False, "reward a sampled location only for its own word and the words after it")
    authors_code: bool = setting(False, "follow the authors' code where it differs from the paper")


@dataclass(frozen=True)
class Training:
    """Settings of the optimization."""

    epochs: int = setting(8, "number of passes over the training set", minimum=1, option="--epochs")
    batch_size: int = setting(16, "batch size: images per training step", minimum=1, limit=65536)
    captions_per_image: int = setting(3, "captions of each image in a batch", minimum=1, limit=1000)
    learning_rate: float = setting(4e-3, "learning rate at the peak of its schedule", above=0, option="--learning-rate")
    optimizer: str = setting("adam", "update rule of the parameters", choices=("adam", "rmsprop"), option="--optimizer")
    warmup_steps: int = setting(100, "training steps until the learning rate reaches its peak", minimum=0)
    clip_norm: float = setting(
        5.0, "Euclidean norm above which the gradient is scaled down to it", above=0, option="--clip-norm"
    )
    encoder_rate_factor: float = setting(
        1.0,
        "factor by which the encoder's learning rate differs from the decoder's",
        minimum=0,
        idle=conditions.encoder_is_fixed,
    )
    weight_decay: float = setting(
        0.0, "weight decay: each step multiplies weights by 1 - learning rate * weight_decay", minimum=0, off=0.0
    )
    skipped_images: int = setting(0, "number of first training images that are left out", minimum=0)
    train_images: int = setting(0, "number of training images after the skipped ones; 0 for all", minimum=0)
    held_out: tuple = setting(
        (),
        "words or phrases that no caption of the training may say: images whose captions say one are left out, also of "
        "the validation set, but the words stay in the vocabulary",
    )
    caption_noise: float = setting(
        0.0, "probability that a training caption is replaced by one of another image", minimum=0, maximum=1, off=0.0
    )
    min_word_count: int = setting(1, "occurrences in the training set below which a word becomes <unk>", minimum=1)
    objective: str = setting(
        "cross-entropy",
        "objective of training: cross-entropy with references, the reward of sampled captions, by CIDEr-D "
        "(self-critical) or by a discriminator (adversarial), cross-entropy and CIDEr-D as two tasks (meta), "
        "or the cross-entropy of hidden tags, without captions (hidden-tags)",
        choices=("cross-entropy", "self-critical", "adversarial", "meta", "hidden-tags"),
        refuse=conditions.wrong_objective,
    )
    cross_entropy_epochs: int = setting(
        0,
        "number of first epochs that train on cross-entropy, before another objective",
        minimum=0,
        idle=conditions.only_cross_entropy,
    )
    reward_baseline: str = setting(
        "greedy",
        "baseline of a sampled caption's reward: that of the greedy caption, or the mean of the other samples",
        choices=("greedy", "others"),
        idle=conditions.no_baseline,
        refuse=conditions.nothing_to_compare,
    )
    ema: float = setting(
        0.0,
        "decay per step of the exponential moving average (EMA) of the weights while sampled captions are rewarded; "
        "0: none",
        minimum=0,
        below=1,
        idle=conditions.only_cross_entropy,
    )
    patience: int = setting(5, "epochs without a better CIDEr-D on the validation set until early stopping", minimum=1)
    validation_images: int = setting(500, "images of the validation set to caption after each epoch", minimum=1)


@dataclass(frozen=True)
class Adversarial:
    """Settings of adversarial training (after Dai et al. 2017)."""

    gradient: str = setting(
        "reinforce",
        "estimate of the gradient of the discriminator's reward: reinforce, with sampled captions and a baseline, or "
        "straight-through, with soft words",
        choices=("reinforce", "straight-through"),
        refuse=conditions.no_soft_words,
        idle=conditions.no_discriminator,
    )
    gumbel_temperature: float = setting(
        0.5,
        "tau: temperature of soft words, which are nearly hard if it is small",
        above=0,
        idle=conditions.no_soft_words_written,
    )
    discriminator_size: int = setting(
        128,
        "components of the discriminator's hidden state and word embeddings",
        minimum=1,
        limit=COMPONENT_LIMIT,
        idle=conditions.no_discriminator,
    )
    discriminator_rate: float = setting(
        1e-3, "learning rate of the discriminator, the same at every step", above=0, idle=conditions.no_discriminator
    )
    mismatch_weight: float = setting(
        1.0,
        "alpha: weight of real captions of other images in the discriminator's loss",
        minimum=0,
        refuse=conditions.no_other_image,
        idle=conditions.no_discriminator,
    )
    rollouts: int = setting(
        0,
        "roll-outs per word, whose mean reward is the reward of the word; 0: the caption's reward is that of its words",
        minimum=0,
        limit=1000,
        idle=conditions.no_samples,
    )


@dataclass(frozen=True)
class Meta:
    """Settings of reinforcement with meta-learning (after Li, Chen and Liu 2019)."""

    meta_gradient: str = setting(
        "maml",
        "gradient of the two tasks: of the weighted sum of their losses, or of their losses after an inner step: "
        "without the Hessian (first-order), by the path of two steps (reptile), or with the Hessian (maml)",
        choices=("weighted-sum", "first-order", "reptile", "maml"),
        idle=conditions.no_tasks,
    )
    inner_rate: float = setting(
        0.03,
        "alpha: learning rate of the inner step of SGD, the same at every step",
        above=0,
        idle=conditions.no_inner_step,
    )
    reward_weight: float = setting(
        1.0, "lambda: weight of the reward's task, beside 1 for the likelihood", minimum=0, idle=conditions.no_tasks
    )


@dataclass(frozen=True)
class Augmentation:
    """Settings of the random changes to an image each time it is used in training."""

    horizontal_flip: bool = setting(
        False,
        "horizontal flip: mirror an image with probability 1/2",
        off=False,
        refuse=conditions.only_images("horizontal_flip"),
    )
    random_shift: int = setting(
        0,
        "random shift: largest distance in each direction, in pixels",
        minimum=0,
        limit=4096,
        off=0,
        refuse=conditions.shift_beyond_the_image,
    )
    random_crop: float = setting(
        1.0,
        "random crop: smallest side of the crop, as a share of the image's side",
        above=0,
        maximum=1,
        off=1.0,
        refuse=conditions.only_images("random_crop"),
    )
    color_jitter: float = setting(
        0.0,
        "color jitter: largest relative change of brightness and contrast",
        minimum=0,
        maximum=1,
        off=0.0,
        refuse=conditions.only_images("color_jitter"),
    )

    @property
    def changes(self) -> bool:
        """True if training changes images at all."""
        return self != Augmentation()


@dataclass(frozen=True)
class Decoding:
    """Settings of inference."""

    max_words: int = setting(20, "words of the longest caption; training cuts longer ones", minimum=1, limit=1000)
    length_power: float = setting(
        1.0, "exponent of the length normalization in beam search; below 1 favors short captions", minimum=0, maximum=10
    )
    no_repeats: bool = setting(
        False,
        "beam search repeats no content word in a caption; words with the same stem count as one",
        idle=conditions.no_images,
    )
    rare_words: float = setting(
        0.0,
        "tau: the score of a word is lowered by tau times its output bias, so that captions have rarer words",
        minimum=0,
        maximum=1,
        idle=conditions.no_output_bias,
    )
    attention_mode: str = setting(
        "expected",
        "context of hard attention in inference: expected, or of the likeliest or a sampled location",
        choices=ATTENTION_MODES,
    )


@dataclass(frozen=True)
class Recipe:
    """All settings of a run: everything that training depends on, except the data and the seed."""

    encoder: Encoder = Encoder()
    decoder: Decoder = Decoder()
    loss: Loss = Loss()
    training: Training = Training()
    adversarial: Adversarial = Adversarial()
    meta: Meta = Meta()
    augmentation: Augmentation = Augmentation()
    decoding: Decoding = Decoding()

    def replace(self, **values) -> "Recipe":
        """Return a copy with other values for some settings: `recipe.replace(hidden_size=256, epochs=3)`.

        The values are not checked; settings.with_settings does that.

        Raises:
            TypeError: a name is not a setting.
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
        """Return the values of all settings, {name: value}."""
        return {name: getattr(getattr(self, setting.group), name) for name, setting in SETTINGS.items()}


SETTINGS: dict[str, Setting] = {
    field.name: Setting(field.name, group.name, field.default, **field.metadata)
    for group in dataclasses.fields(Recipe)
    for field in dataclasses.fields(group.default)
}


def from_json(stored: dict) -> Recipe:
    """Return the recipe that JSON holds.

    Args:
        stored: dataclasses.asdict of the recipe, after a round trip through JSON.
    Raises:
        KeyError, TypeError or ValueError: `stored` is not a recipe.
    """
    groups = {group.name: type(group.default) for group in dataclasses.fields(Recipe)}
    stored = _from_older_version(dict(stored))
    if differing_names := groups.keys() ^ stored.keys():
        raise KeyError(*sorted(differing_names))
    values = {name: {key: _to_tuple(value) for key, value in dict(group).items()} for name, group in stored.items()}
    return Recipe(**{name: groups[name](**group_values) for name, group_values in values.items()})


def _from_older_version(stored):
    """Return the JSON of a recipe in this version's settings.

    Older versions had self_critical_epochs, the number of last epochs with that objective, and no adversarial training.
    Versions after them had no meta-learning.
    """
    stored, training = {"meta": {}} | stored, dict(stored["training"])
    if "self_critical_epochs" not in training:
        return stored
    last, epochs = training.pop("self_critical_epochs"), training.get("epochs", SETTINGS["epochs"].default)
    if last:
        training |= {"objective": "self-critical", "cross_entropy_epochs": max(0, epochs - last)}
    return stored | {"training": training, "adversarial": {}}


def _to_tuple(value):
    """Turn lists back into tuples, because JSON stores a tuple as a list."""
    return tuple(map(_to_tuple, value)) if isinstance(value, list) else value
