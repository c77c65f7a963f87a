"""Judge the visual memory of a model (decoders/visual_memory.py): it reconstructs images from human captions."""

import numpy as np

from numpy_sat import captioner
from numpy_sat.data import batches
from numpy_sat.data.scenes import scenes
from numpy_sat.data.vocabulary import END
from numpy_sat.decoders import MODELS
from numpy_sat.evaluation import heldout, reconstruction
from numpy_sat.experiment import runs
from numpy_sat.layers import lstm
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
    words, _, mask = batches.arrange([[*model.vocabulary.encode(caption), END] for caption in captions])
    scene_by_name = scenes.read_scenes(written.dataset.root) if written.dataset.name == "scenes" else {}
    true_scenes = [scene_by_name.get(example.name) for example in written.examples]
    result = reconstruction.measure(V, reconstruct(model.params, words), captions, true_scenes)
    return result._replace(reach=reach(model.params, V, words, mask.sum(axis=0).astype(int) - 1))


def reach(params: dict[str, np.ndarray], V: np.ndarray, words: np.ndarray, lengths: np.ndarray) -> tuple[float, float]:
    """Compare how much the last state depends on the first word and on the last word.

    The ratio is |d h_T / d E y_1| / |d h_T / d E y_T|, with root mean squares over captions and random directions of
    h_T, the state after the last word.

    Args:
        params: arrays by name.
        V: (B, D) vectors of the images.
        words: (T', B) integers y_0 = <start>, y_1, ...
        lengths: (B,) number of words T of each caption.
    Returns:
        The ratio of the memory u and that of the language state s.
    """
    Ey, b, M = params["E"][words], np.arange(len(V)), params["E"].shape[1]
    x = np.concatenate([Ey, np.broadcast_to(V, (len(words), *V.shape))], axis=-1)
    zeros, ratios = np.zeros((len(V), len(params["W_uu"])), Ey.dtype), []
    dh = np.zeros((len(words), *zeros.shape), Ey.dtype)
    dh[lengths, b] = np.random.default_rng(0).standard_normal(zeros.shape)
    for x_all, names in ((Ey, ("W_xu", "W_uu", "b_u")), (x, ("W_xs", "W_ss", "b_s"))):
        _, _, cache = lstm.lstm_sequence_forward(x_all, zeros, zeros, *(params[name] for name in names))
        dEy = lstm.lstm_sequence_backward(dh, zeros, cache)[0][..., :M]
        ratios.append(float(np.linalg.norm(dEy[1]) / np.linalg.norm(dEy[lengths, b])))
    return tuple(ratios)


def _vectors(model, examples):
    """Return the images' vectors V, (N, D): the mean annotations."""
    loaded = inputs.load(model.recipe, examples)
    parts = [batches.scale_pixels(loaded[first : first + BATCH]) for first in range(0, len(loaded), BATCH)]
    return np.concatenate([captioner.annotate(model.params, part, model.recipe).mean(axis=1) for part in parts])
