"""Provide the recipe of a model that trains in a second, a function that trains it, and blank figures."""

from PIL import Image

from numpy_sat import train
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.system.files import replacing

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


def save_blank(figure, path):
    """Write a blank image of the figure's size, in place of canvas.save."""
    with replacing(path) as temporary:
        Image.new("RGB", tuple(round(100 * inches) for inches in figure.get_size_inches())).save(temporary, "png")
