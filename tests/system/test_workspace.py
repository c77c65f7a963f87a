"""Check the memory that training steps reuse."""

import numpy as np
import pytest

from numpy_sat.system.workspace import ALIGNMENT, Workspace


def test_arrays_are_apart_and_aligned():
    workspace = Workspace()
    shapes = [(3, 5), (), (0, 4), (1000, 7), (2,), (64, 64)]
    arrays = [workspace.empty(shape, dtype) for shape in shapes for dtype in (np.float32, np.uint8, np.float64)]
    for k, array in enumerate(arrays):
        array[...] = k
    for k, array in enumerate(arrays):
        assert (array == k).all() and array.flags.c_contiguous and array.ctypes.data % ALIGNMENT == 0


def test_a_restarted_workspace_hands_out_the_same_memory():
    workspace = Workspace()
    addresses = []
    for _ in range(3):
        workspace.restart()
        addresses.append([workspace.empty(shape).ctypes.data for shape in ((10, 10), (1000,), (500, 3))])
    assert addresses[0] == addresses[1] == addresses[2]


def test_scratch_is_free_again_afterwards():
    workspace = Workspace()
    with workspace.scratch():
        inside = workspace.empty((100,))
    outside = workspace.empty((100,))
    assert outside.ctypes.data == inside.ctypes.data


def test_scratch_is_free_again_after_an_error():
    workspace = Workspace()
    with pytest.raises(ZeroDivisionError), workspace.scratch():
        inside = workspace.empty((100,))
        raise ZeroDivisionError
    assert workspace.empty((100,)).ctypes.data == inside.ctypes.data


def test_a_workspace_stops_growing(rng):
    """Check that steps of changing sizes need at most a small multiple of the largest step."""
    workspace = Workspace()
    largest, sizes = 0, []
    for _ in range(1000):
        workspace.restart()
        shapes = [(int(rng.integers(1, 2000)),) for _ in range(rng.integers(1, 60))]
        for shape in shapes:
            workspace.empty(shape)
        largest = max(largest, sum(4 * n + 64 * 38 for (n,) in shapes))
        sizes.append(workspace.size)
    assert sizes[-1] == sizes[500] and sizes[-1] <= 4 * largest
