"""Measure the memory and the time that opening a large data set takes: the images stay on the disk.

NUMPY_SAT_IMAGES is the number of images; COCO has 118,000 in train.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from large_set import write_large

IMAGES = int(os.environ.get("NUMPY_SAT_IMAGES", "2000"))
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
