"""Write large data sets of tiny images in the layout of COCO."""

import numpy as np
from copies import write_text
from PIL import Image

CAPTIONS = 5  # per image


def write_large(root, images, rng, size=27_000):
    """Write tiny images and captions in COCO's layout of 2017. `size` words are as unequal as those of a language."""
    words = np.array([f"word{k:x}" for k in range(size)])
    share = 1 / np.arange(3, 3 + len(words))
    share /= share.sum()
    for split, numbers in (("train", range(images)), ("val", range(images, images + 16))):
        folder = root / f"{split}2017"
        folder.mkdir(parents=True)
        entries, annotations = [], []
        for k in numbers:
            name = f"{k:012}.jpg"
            Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(folder / name)
            entries.append(f'{{"license": 3, "file_name": "{name}", "height": 8, "width": 8, "id": {k}}}')
        lengths = rng.integers(8, 14, CAPTIONS * len(numbers))
        captions = np.split(rng.choice(words, lengths.sum(), p=share), np.cumsum(lengths)[:-1])
        for n, text in enumerate(map(" ".join, captions)):
            annotations.append(f'{{"image_id": {numbers[n // CAPTIONS]}, "id": {n}, "caption": "{text}."}}')
        write_text(
            root / "annotations" / f"captions_{split}2017.json",
            f'{{"images": [{", ".join(entries)}], "annotations": [{", ".join(annotations)}]}}',
        )
