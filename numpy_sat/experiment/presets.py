"""How a model is made and trained, by data set: the sizes and settings behind `train` and `train --small`."""

from dataclasses import dataclass, replace

from numpy_sat.captioner import Config
from numpy_sat.data import batches
from numpy_sat.data.phrases import phrases
from numpy_sat.encoders import lite0, vgg


@dataclass(frozen=True)
class Recipe:
    """Everything training depends on, but for data and seed; a checkpoint carries it."""

    model: Config
    epochs: int
    pictures: int  # a batch
    captions: int  # of each picture in a batch
    learning_rate: float  # the peak of the schedule
    optimizer: str = "adam"  # or "rmsprop", see optimizers.py
    warmup: int = 100  # steps
    clip: float = 5.0  # largest norm of the gradient
    encoder_rate: float = 1.0  # the encoder's learning rate, as a share of the learning rate
    decay: float = 0.0  # of weights: each step takes this times the learning rate off them
    min_count: int = 1  # rarer words of train are <unk>
    max_words: int = 20  # longer captions are cut in training; the longest caption written
    length_power: float = 1.0  # captions are chosen by log p / words ** length_power: below 1 the shorter ones
    flip: bool = False  # augmentation, see data/batches.py
    shift: int = 0
    zoom: float = 1.0
    colour: float = 0.0
    self_critical: int = 0  # how many of the epochs, the last ones, teach it by captions of its own, self_critical.py
    baseline: str = "greedy"  # of these: the score of the greedy caption, or the mean of the other drawn ones, "others"
    average: float = 0.0  # in these, what a step keeps of the average of the weights, which is judged; 0: no average
    patience: int = 5  # epochs without a better dev CIDEr-D before training stops
    dev_pictures: int = 500  # how many of dev are decoded after every epoch

    @property
    def augmentation(self):
        """How pictures are changed: a batches.Augmentation."""
        return batches.Augmentation(self.flip, self.shift, self.zoom, self.colour)


# On scenes a shallow encoder learns faster and looks more sharply than a deep one: where a cell of the grid sees the
# whole picture, the decoder learns what is there without looking anywhere in particular.
PRESETS = {
    # (data set, whether --small)
    ("scenes", True): Recipe(
        Config(
            picture_size=64,
            stages=((16,), (32,), (64,), (128,)),
            embedding=64,
            state=192,
            attention=96,
            penalty=0.002,
            lambda_e=0.0,
            reward_to_go=True,
        ),
        epochs=8,
        pictures=16,
        captions=3,
        learning_rate=4e-3,
        shift=2,
    ),
    ("scenes", False): Recipe(
        Config(
            picture_size=64,
            stages=((32,), (48,), (96,), (160,)),
            embedding=64,
            state=256,
            attention=128,
            penalty=0.002,
            lambda_e=0.0,
            reward_to_go=True,
        ),
        epochs=12,
        pictures=16,
        captions=3,
        learning_rate=3e-3,
        shift=2,
    ),
    ("flickr8k", True): Recipe(
        Config(
            picture_size=64,
            stages=((32,), (48,), (96,), (128, 128)),
            embedding=128,
            state=256,
            attention=128,
            dropout=0.3,
            penalty=0.01,
        ),
        epochs=8,
        pictures=32,
        captions=3,
        learning_rate=2e-3,
        min_count=5,
        flip=True,
        shift=4,
    ),
    ("flickr8k", False): Recipe(
        Config(
            picture_size=112,
            stages=((32,), (64,), (128,), (128, 192), (256,)),
            embedding=256,
            state=384,
            attention=256,
            norm=True,
            dropout=0.5,
            penalty=0.01,
        ),
        epochs=34,
        pictures=32,
        captions=3,
        learning_rate=1.5e-3,
        min_count=5,
        length_power=1.2,
        flip=True,
        zoom=0.7,
        self_critical=10,
        baseline="others",
        average=0.998,
        patience=34,
        dev_pictures=1000,
    ),
    **{
        ("phrases", small): Recipe(
            Config(
                picture_size=1,  # there are no pictures
                stages=((1,),),
                embedding=32,
                state=64,
                attention=32,
                penalty=0.0,  # a location that only fills up a sentence need not be looked at
                source=phrases.VOCABULARY.words,
            ),
            epochs=5 if small else 8,
            pictures=64,
            captions=1,
            learning_rate=5e-3,
        )
        for small in (True, False)
    },
}


LEARNING_RATES = {  # of (data set, decoder) that learn nothing of the picture at the preset's
    ("scenes", "tell"): 1e-3,
}
ENCODER_STAGES = {"lite0": lite0.STAGES["7x7x1280"], **vgg.STAGES}  # of the pretrained encoders
PRETRAINED = {  # by data set: what is trained on their features
    "flickr8k": Recipe(
        Config(
            picture_size=224,
            stages=(),
            embedding=224,
            state=384,
            attention=224,
            dropout=0.5,
            dropout_a=0.3,
            smoothing=0.1,
            penalty=0.01,
            frozen=True,
        ),
        epochs=10,
        pictures=32,
        captions=3,
        learning_rate=1e-3,
        decay=0.05,
        min_count=5,
        length_power=0.7,
        baseline="others",
        average=0.998,
        patience=10,
        dev_pictures=1000,
    ),
}


def from_random_weights(data, small, decoder=None):
    """The Recipe for a data set's pictures, or phrases. decoder: one of decoders.MODELS, the preset's where None."""
    recipe = PRESETS[data, small]
    return replace(recipe, learning_rate=LEARNING_RATES.get((data, decoder), recipe.learning_rate))


def on_pretrained(data, encoder, weights=None, preprocessing="imagenet"):
    """The Recipe for a data set's features of a pretrained encoder, one of ENCODER_STAGES."""
    recipe, stages = PRETRAINED[data], ENCODER_STAGES[encoder]
    path = str(weights.resolve()) if weights else ""
    model = replace(recipe.model, encoder=encoder, stages=stages, weights=path, preprocessing=preprocessing)
    return replace(recipe, model=model)


def from_json(stored):
    """The Recipe that was stored as dataclasses.asdict gives it. Raises KeyError or TypeError where it is none."""
    model = dict(stored["model"])
    model["stages"] = tuple(tuple(stage) for stage in model["stages"])
    for name in ("without", "source"):
        model[name] = tuple(model.get(name, ()))
    return Recipe(**{**stored, "model": Config(**model)})
