"""What the tests share."""

import zlib

# isort: off
import numpy_sat  # noqa: F401  before numpy: it settles how many threads that starts
import numpy as np
import pytest
# isort: on


@pytest.fixture
def rng(request):
    """Random numbers that depend on the test's name only, so that a failure repeats when the test runs alone."""
    return np.random.default_rng(zlib.crc32(request.node.name.encode()))
