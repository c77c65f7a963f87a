"""Check the number of cores against control groups of both versions."""

import math
import os

import pytest

from numpy_sat.system import cores


def _groups(tmp_path, monkeypatch, lines, files):
    """Give the process the control groups of `lines`, and {path: contents} as the files that describe groups."""
    (tmp_path / "cgroup").write_text(lines)
    for path, contents in files.items():
        file = tmp_path / "groups" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(contents)
    monkeypatch.setattr(cores, "PROCESS", tmp_path / "cgroup")
    monkeypatch.setattr(cores, "MOUNT", tmp_path / "groups")


V1_LINES = "9:name=systemd:/\n5:memory:/a\n4:cpu,cpuacct:/a/b\n"


@pytest.mark.parametrize(
    ("lines", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "5000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "max 100000\n"}, math.inf),
        ("0::/a/b\n", {"cpu.max": "max 100000", "a/cpu.max": "300000 100000", "a/b/cpu.max": "800000 100000"}, 3),
        ("0::/outside/of/the/container\n", {"cpu.max": "400000 100000"}, 4),
        (V1_LINES, {"cpu,cpuacct/a/b/cpu.cfs_quota_us": "250000", "cpu,cpuacct/a/b/cpu.cfs_period_us": "100000"}, 3),
        (V1_LINES, {"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "50000\n"}, 1),
        (V1_LINES, {"cpu/a/cpu.cfs_quota_us": "-1\n", "cpu/a/cpu.cfs_period_us": "50000\n"}, math.inf),
        ("5:cpuset:/\n", {"cpuset/cpu.cfs_quota_us": "1", "cpuset/cpu.cfs_period_us": "1"}, math.inf),
        ("0::/\n", {"cpu.max": "nonsense"}, math.inf),
        ("0::/\n", {"cpu.max": "1 0"}, math.inf),
        ("0::/\n", {}, math.inf),
        ("", {}, math.inf),
        ("nonsense\n", {}, math.inf),
    ],
)
def test_quota(tmp_path, monkeypatch, lines, files, expected):
    _groups(tmp_path, monkeypatch, lines, files)
    assert cores.quota() == expected


def test_a_system_without_control_groups_has_no_quota(tmp_path, monkeypatch):
    monkeypatch.setattr(cores, "PROCESS", tmp_path / "cgroup")
    assert cores.quota() == math.inf


@pytest.mark.parametrize(("limit", "expected"), [("200000", 2), ("1000000", 3), ("max", 3)])
def test_the_least_of_affinity_and_quota_counts(tmp_path, monkeypatch, limit, expected):
    _groups(tmp_path, monkeypatch, "0::/\n", {"cpu.max": f"{limit} 100000"})
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2}, raising=False)
    assert cores.cores() == expected
