"""How threads share the cores, settled before numpy and numba start any. What the environment sets already is kept.

Compiled kernels (numba) use every core. Matrix products (OpenBLAS) use one: a small model's are too small to gain much
from a second, and its threads wait by yielding the processor in a loop, so that any other busy program on the machine
slows a training step about ten times (measured: 0.2 s became 2 s), which one thread avoids.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault(
    "OMP_WAIT_POLICY", "passive"
)  # numba's threads sleep while they wait, and leave the core to numpy
