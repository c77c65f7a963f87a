"""Fixtures that run the kernels on all cores, even if several test processes share them."""

import pytest

from numpy_sat.kernels import threads
from numpy_sat.system import machine


@pytest.fixture(scope="session")
def pool():
    """Return the helper threads for all cores, at least one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine, "THREADS", max(2, machine.cores()))
        return threads._Pool()


@pytest.fixture(autouse=True)
def all_cores(monkeypatch, pool):
    monkeypatch.setattr(machine, "THREADS", 1 + len(pool.helpers))
    monkeypatch.setattr(threads, "_cached_pool", lambda: pool)
