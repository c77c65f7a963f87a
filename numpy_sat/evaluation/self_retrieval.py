"""Measure self-retrieval: does a caption say enough to find its own image among others?

A caption such as "a dog is running" fits many images. It can score well and still tell little about its image. So a
captioner, the same for all captions, computes log p(caption | image) for the caption and 100 images. The caption
chooses the image with the highest value.
"""

from numpy_sat import captioner, decoders
from numpy_sat.data import batches
from numpy_sat.data.scenes import scenes
from numpy_sat.data.vocabulary import END
from numpy_sat.decoding import likelihood
from numpy_sat.evaluation import bootstrap, heldout, retrieval
from numpy_sat.experiment import runs
from numpy_sat.pretrained import inputs

CAPTIONS = 200  # first captions of a split that choose, because every choice reads 100 images


class Retriever:
    """A captioner that chooses images for captions. It keeps its choices, because many captions are alike."""

    def __init__(self, model: runs.Model):
        self._model = model
        self._decoder = decoders.writer(model.recipe)
        self._states = {}  # {start of the pool: the decoder's state before the first word, a row for each image}
        self._choices = {}  # {(start of the pool, words): position in the pool}

    def measure(self, written: heldout.Written) -> bootstrap.Share:
        """Measure the share of captions that choose a right image.

        For scenes, every image of which the caption is true is right.

        Args:
            written: heldout.Written of any model. All calls must have the same images.
        """
        captions = [text.split() for text in written.texts.values()][:CAPTIONS]
        examples, true_scenes = written.examples[:CAPTIONS], [None] * len(captions)
        if written.dataset.name == scenes.NAME:
            scene_by_name = scenes.read_scenes(written.dataset.root)
            true_scenes = [scene_by_name[example.name] for example in examples]

        def choose(rows):
            return [self._choose(rows.start, examples[rows], caption) for caption in captions[rows]]

        right, _ = retrieval.measure(captions, true_scenes, choose)
        return bootstrap.share(bootstrap.resample(len(right), 0), right)

    def _choose(self, start, examples, caption):
        """Return the position of the image of the pool that a caption chooses."""
        model, key = self._model, (start, tuple(caption))
        if start not in self._states:
            a = captioner.annotate(
                model.params, batches.scale_pixels(inputs.load(model.recipe, examples)), model.recipe
            )
            self._states[start] = self._decoder.begin(model.params, a)
        if key not in self._choices:
            captions = len(examples) * [[*model.vocabulary.encode(caption), END]]
            log_p = likelihood.log_probabilities(self._decoder, model.params, self._states[start], captions)
            self._choices[key] = int(log_p.argmax())
        return self._choices[key]
