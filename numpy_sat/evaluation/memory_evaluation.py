"""Judge the visual memory of a model (decoders/visual_memory.py): it reconstructs images from human captions."""

import numpy as np

from numpy_sat import captioner
from numpy_sat.data import batches
from numpy_sat.data.scenes import scenes
from numpy_sat.data.vocabulary import END
from numpy_sat.decoders import MODELS
from numpy_sat.evaluation import heldout, reconstruction
from numpy_sat.experiment import runs
from numpy_sat.pretrained import inputs

BATCH = 64  # images at a time


def judge(model: runs.Model, written: heldout.Written) -> reconstruction.Reconstruction | None:
    """Reconstruct the vector of each image from its first reference.

    Return None for a model without a memory, and if all images have the same vector, as for a blind model.

    Args:
        model: runs.Model.
        written: heldout.Written of the model.
    """
    reconstruct = getattr(MODELS[model.recipe.decoder.model], "reconstruct", None)
    if reconstruct is None:
        return None
    V = _vectors(model, written.examples)
    if (V == V[0]).all():
        return None
    captions = [written.dataset.tokenize(written.references[example.name][0]) for example in written.examples]
    words, _, _ = batches.arrange([[*model.vocabulary.encode(caption), END] for caption in captions])
    scene_by_name = scenes.read_scenes(written.dataset.root) if written.dataset.name == "scenes" else {}
    true_scenes = [scene_by_name.get(example.name) for example in written.examples]
    return reconstruction.measure(V, reconstruct(model.params, words), captions, true_scenes)


def _vectors(model, examples):
    """Return the images' vectors V, (N, D): the mean annotations."""
    loaded = inputs.load(model.recipe, examples)
    parts = [batches.scale_pixels(loaded[first : first + BATCH]) for first in range(0, len(loaded), BATCH)]
    return np.concatenate([captioner.annotate(model.params, part, model.recipe).mean(axis=1) for part in parts])
