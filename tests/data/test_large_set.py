"""Measure the memory and the time that opening a large data set takes: the images stay on the disk.

NUMPY_SAT_IMAGES is the number of images; COCO has 118,000 in train.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from copies import write_text
from PIL import Image

IMAGES = int(os.environ.get("NUMPY_SAT_IMAGES", "2000"))
CAPTIONS = 5  # per image
PER_IMAGE = 7000  # bytes of memory that the captions of an image may take; an image of 64 x 64 has 12,288
START = """
import sys, time
from pathlib import Path
from numpy_sat.data import batches, catalog, images
from numpy_sat.data.vocabulary import Vocabulary
from numpy_sat.system import machine

def memory(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1e3  # MB

before, clock, cpu = memory("VmHWM"), time.perf_counter(), time.process_time()
dataset = catalog.open_dataset("coco", sys.argv[1])
train = dataset.splits["train"]
reading = time.process_time() - cpu
vocabulary = Vocabulary.build((dataset.tokenize(text) for image in train for text in image.captions), 5)
inputs = images.load_images(train, 64, machine.cache_folder())
split = batches.make_split(train, inputs, vocabulary, 20, dataset.tokenize)
print(time.perf_counter() - clock, time.process_time() - cpu, reading, memory("VmHWM") - before, len(split.names))
"""


def write_large(root, images, rng):
    """Write tiny images and captions in COCO's layout of 2017. Words are as unequal as those of a language."""
    words = np.array([f"word{k:x}" for k in range(27_000)])
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


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="measures memory as Linux reports it")
def test_only_captions_grow_in_memory(tmp_path):
    write_large(tmp_path / "coco", IMAGES, np.random.default_rng(0))
    environment = {**os.environ, "NUMPY_SAT_CACHE": str(tmp_path / "cache")}
    for start in ("first", "second"):
        process = subprocess.run(
            [sys.executable, "-c", START, str(tmp_path / "coco")], env=environment, capture_output=True, text=True
        )
        assert process.returncode == 0, process.stderr
        seconds, cpu, reading, megabytes, names = map(float, process.stdout.split())
        print(
            f"\n{start} start, {names:,.0f} images: {seconds:.0f} s ({cpu:.0f} s of CPU time, {reading:.1f} of them to "
            f"read captions and find photos); peak memory {megabytes:.0f} MB"
        )
    assert megabytes * 1e6 < 30e6 + PER_IMAGE * IMAGES
