"""The recipe of a model that trains in a second."""

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
