"""What the tests share."""

import zlib

import numpy as np
import pytest


@pytest.fixture
def rng(request):
    """Random numbers that depend on the test's name only, so that a failure repeats when the test runs alone."""
    return np.random.default_rng(zlib.crc32(request.node.name.encode()))
