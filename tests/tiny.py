"""Provide the recipe of a model that trains in a second, and a function that trains it."""

from numpy_sat import train
from numpy_sat.experiment.recipe import Recipe

RECIPE = Recipe().replace(
    image_size=16,
    stages=((4,), (6,)),
    embedding_size=5,
    hidden_size=7,
    attention_size=6,
    dropout=0.2,
    attention_penalty=0.1,
    epochs=2,
    batch_size=4,
    captions_per_image=2,
    learning_rate=3e-3,
    warmup_steps=2,
    horizontal_flip=True,
    random_shift=1,
)


def run(root, out, *more):
    """Train with the recipe of the fixture tiny_preset, and return the exit code."""
    return train.main(["--small", "--data", "flickr8k", "--root", str(root), "--out", str(out), *map(str, more)])
