"""The recipe of a model that trains in a second."""

from numpy_sat.captioner import Config
from numpy_sat.experiment import presets

RECIPE = presets.Recipe(
    Config(picture_size=16, stages=((4,), (6,)), embedding=5, state=7, attention=6, dropout=0.2, penalty=0.1),
    epochs=2,
    pictures=4,
    captions=2,
    learning_rate=3e-3,
    warmup=2,
    flip=True,
    shift=1,
)
