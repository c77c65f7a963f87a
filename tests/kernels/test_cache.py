"""Check that damaged files of the kernel cache are noticed, and that kernels run without a place on the disk."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import config

from numpy_sat.kernels import cache, simd, threads


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a new folder for the kernels of a test, which prints messages as a new process does."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(cache, "_messages", set())
    return tmp_path


def _double():
    """Return a kernel, as a new process would have it: nothing is compiled yet."""

    @threads.kernel
    def double(x, y):
        for k in range(0, x.size, simd.LANES):
            simd.store(simd.load(x, k) + simd.load(x, k), y, k)

    return double


def _run(kernel, axes=1):
    """Check the kernel's result. Returns True if it came from the cache. axes: number of axes of its arrays."""
    x = np.arange(simd.LANES, dtype=np.float32).reshape((1,) * (axes - 1) + (-1,))
    y = np.empty_like(x)
    kernel(x, y)
    np.testing.assert_array_equal(y, 2 * x)
    return bool(kernel.stats.cache_hits)


def _files(folder):
    return {path.suffix: path for path in folder.rglob("*") if path.is_file()}


def test_a_kernel_is_compiled_once(folder, capsys):
    assert not _run(_double())
    assert _run(_double())
    assert set(_files(folder)) == {".nbi", ".nbc"} and not capsys.readouterr().err


DAMAGES = {
    "empty": lambda contents: b"",
    "cut off": lambda contents: contents[: len(contents) // 2],
    "last byte missing": lambda contents: contents[:-1],
    "zeros": lambda contents: bytes(len(contents)),
    "zeros in the middle": lambda contents: contents[:100] + bytes(50) + contents[150:],
    "one bit": lambda contents: contents[:80] + bytes([contents[80] ^ 1]) + contents[81:],
    "numba's own": lambda contents: contents[:-32],
    "text": lambda contents: b"cos\nsystem\n(S'exit 1'\ntR.",  # a pickle that would run a program
}


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_removed_and_the_kernel_compiled_again(folder, capsys, suffix, damage):
    _run(_double())
    path = _files(folder)[suffix]
    contents = path.read_bytes()
    path.write_bytes(DAMAGES[damage](contents))
    assert not _run(_double())
    message = f"{folder}: removed damaged files of the kernel cache; their kernels are compiled again\n"
    assert capsys.readouterr().err == message
    assert abs(path.stat().st_size - len(contents)) < 100  # the code's names hold a count of compilations
    assert _run(_double())
    assert not capsys.readouterr().err


def test_two_processes_that_store_kernels_at_the_same_time_use_different_files(folder, monkeypatch):
    """Check kernels for arrays of one and two axes. Neither process sees the index of the other."""
    with monkeypatch.context() as patch:
        patch.setattr(cache._Files, "_load_index", lambda self: {})
        for axes in (1, 2):
            _run(_double(), axes)
    assert len([*folder.rglob("*.nbc")]) == 2
    for axes in (1, 2):
        _run(_double(), axes)
    assert _run(_double(), 1) and _run(_double(), 2)


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
def test_a_missing_file_is_no_damage(folder, capsys, suffix):
    _run(_double())
    _files(folder)[suffix].unlink()
    assert not _run(_double())
    assert _run(_double()) and not capsys.readouterr().err


def test_a_folder_in_place_of_a_file_is_no_error(folder, capsys):
    _run(_double())
    path = _files(folder)[".nbi"]
    path.unlink()
    path.mkdir()
    assert not _run(_double())
    assert "cannot be stored" in capsys.readouterr().err


@pytest.mark.parametrize("failing", [errno.ENOSPC, errno.EROFS])
def test_kernels_run_if_they_cannot_be_stored(folder, capsys, monkeypatch, failing):
    """Check that a full disk leads to one sentence, and leaves no temporary file."""

    def write_a_part(path, contents):
        with open(path, "wb") as file:
            file.write(contents[:10])
        raise OSError(failing, os.strerror(failing))

    monkeypatch.setattr(Path, "write_bytes", write_a_part)
    for _ in range(2):
        assert not _run(_double())
    message = capsys.readouterr().err
    assert f"compiled kernels cannot be stored ({os.strerror(failing)})" in message and message.count("\n") == 1
    assert not _files(folder)


def test_an_interrupt_leaves_no_temporary_file(folder, monkeypatch):
    monkeypatch.setattr(cache, "_checksum", lambda contents: (_ for _ in ()).throw(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        _run(_double())
    assert not _files(folder)


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
def test_what_a_killed_process_left_is_removed(folder, suffix):
    _run(_double())
    path = _files(folder)[suffix]
    leftover = path.with_name(f"{path.name}.0123456789ab.part")
    path.rename(leftover)
    os.utime(leftover, (0, 0))
    assert not _run(_double())
    assert not leftover.exists() and _run(_double())


@pytest.mark.parametrize("name", ["", "file"])
def test_kernels_run_without_a_folder(folder, capsys, monkeypatch, name):
    """Check an empty name, of which system/kernel_cache.py has told, and a folder that cannot be made."""
    (folder / "file").touch()
    monkeypatch.setattr(config, "CACHE_DIR", name and str(folder / name))
    for _ in range(2):
        assert not _run(_double())
    assert capsys.readouterr().err.count("cannot be stored") == bool(name)


@pytest.mark.slow
def test_commands_survive_damaged_kernels(tmp_path):
    """Check a process that finds all files damaged: it says so once, and its result is right."""
    code = (
        "import numpy as np; from numpy_sat.kernels import matmul\n"
        "x = np.ones((3, 4), np.float32); print(matmul.multiply(x, matmul.pack(x.T.copy()))[0, 0])"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    for expected_count in (0, 1, 0):
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
        assert result.stdout == "4.0\n", result.stderr
        assert result.stderr.count("damaged files") == expected_count
        if not expected_count:
            for path in [*(tmp_path / "cache").rglob("*.nb?")]:
                os.truncate(path, path.stat().st_size // 2)
