"""Check that the folder of compiled kernels belongs to this user alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

OWNERS = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="the system has no owners of files")


def _import(before="", **variables):
    """Import numpy_sat in a process. Returns the folder of its kernels, its mode while in use, and the messages."""
    code = "import numpy_sat, os; path = os.environ['NUMBA_CACHE_DIR']; print(path, oct(os.stat(path).st_mode))"
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment |= {name: str(value) for name, value in variables.items()}
    command = [sys.executable, "-c", f"{before}\n{code}"]
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    path, mode = result.stdout.rsplit(maxsplit=1)
    return Path(path), mode[-3:], result.stderr


ANOTHER_USER = "import os; own = os.geteuid(); os.geteuid = lambda: own + 1"  # the same as if chown gave the files away

NO_MODES = "import pathlib; pathlib.Path.chmod = lambda *_: None"  # a file system without modes


def test_kernels_are_cached_by_their_sources_and_old_ones_removed(tmp_path):
    old, young = tmp_path / "kernels-old", tmp_path / "kernels-young"
    for folder in (old, young):
        folder.mkdir()
    os.utime(old, (0, 0))
    folder, _, messages = _import(NUMPY_SAT_CACHE=tmp_path)
    assert folder.parent == tmp_path and not messages
    assert young.exists() and not old.exists()
    assert _import(NUMPY_SAT_CACHE=tmp_path)[0] == folder


def test_kernels_are_cached_elsewhere_if_the_folder_is_not_writable(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "temporary").mkdir()
    folder, _, messages = _import(NUMPY_SAT_CACHE=tmp_path / "file" / "cache", TMPDIR=tmp_path / "temporary")
    assert folder.parents[1] == tmp_path / "temporary" and not messages


NO_HOME = """
import pathlib
def fail(): raise RuntimeError("Could not determine home directory.")
pathlib.Path.home = fail
"""


@OWNERS
@pytest.mark.parametrize("before", ["", NO_HOME])
def test_the_folder_of_a_user_without_home_contains_the_number_of_the_user(tmp_path, before):
    """Check it for a home folder that cannot be made, and for a user whom the system does not know."""
    (tmp_path / "file").write_text("")
    folder, mode, messages = _import(before, NUMPY_SAT_CACHE="", HOME=tmp_path / "file", TMPDIR=tmp_path)
    assert folder.parent == tmp_path / f"numpy_sat-{os.geteuid()}" and mode == "700" and not messages


@OWNERS
def test_wider_modes_are_closed(tmp_path):
    """Check that files which others may have put there are removed, and that files of the user alone are kept."""
    folder = _import(NUMPY_SAT_CACHE=tmp_path)[0]
    for mode, is_kept in ((0o755, True), (0o775, False), (0o777, False)):
        (folder / "sub").mkdir(exist_ok=True)
        (folder / "sub" / "file.nbi").write_text("")
        folder.chmod(mode)
        assert _import(NUMPY_SAT_CACHE=tmp_path) == (folder, "700", "")
        assert (folder / "sub" / "file.nbi").exists() == is_kept


@OWNERS
def test_files_in_the_folder_that_the_user_names_are_never_removed(tmp_path):
    """Check NUMBA_CACHE_DIR, which may hold other files, also if others can write to it."""
    (tmp_path / "notes").write_text("")
    for mode, is_used in ((0o755, True), (0o775, False), (0o777, False)):
        tmp_path.chmod(mode)
        folder, _, messages = _import(NUMBA_CACHE_DIR=tmp_path)
        assert (folder == tmp_path) == is_used and ("other users can write to it" in messages) != is_used
        assert (tmp_path / "notes").exists() and tmp_path.stat().st_mode & 0o777 == mode


@OWNERS
def test_the_folder_of_all_caches_is_closed_if_others_could_replace_the_kernels(tmp_path):
    """Check the modes of NUMPY_SAT_CACHE: where others may only read, or replace nothing, they stay."""
    for mode, expected in ((0o755, 0o755), (0o1777, 0o1777), (0o775, 0o700), (0o777, 0o700)):
        tmp_path.chmod(mode)
        assert _import(NUMPY_SAT_CACHE=tmp_path)[0].parent == tmp_path
        assert tmp_path.stat().st_mode & 0o7777 == expected


@OWNERS
@pytest.mark.parametrize("variable", ["NUMPY_SAT_CACHE", "NUMBA_CACHE_DIR"])
@pytest.mark.parametrize(
    ("kind", "reason"),
    [("link", "it is a link"), ("owner", "it belongs to another user"), ("modes", "other users can write to it")],
)
def test_a_folder_that_others_control_is_not_used(tmp_path, variable, kind, reason):
    """Check that the process gets a new folder, says so in one line, and removes the folder when it ends."""
    (tmp_path / "target").mkdir()
    cache = tmp_path / "target"
    if kind == "link":
        cache = tmp_path / "link"
        cache.symlink_to("target")
    if kind == "modes":
        cache.chmod(0o777)
    before = {"owner": ANOTHER_USER, "modes": NO_MODES}.get(kind, "")
    folder, mode, messages = _import(before, **{variable: cache})
    assert mode == "700" and tmp_path not in folder.parents and not folder.exists()
    assert messages.startswith(f"kernel cache {cache}: {reason}") and messages.count("\n") == 1
    assert str(folder) in messages and variable in messages
    assert not list((tmp_path / "target").iterdir())


@OWNERS
def test_control_characters_of_the_name_do_not_reach_the_terminal(tmp_path):
    (tmp_path / "cache\x1b").symlink_to(tmp_path)
    _, _, messages = _import(NUMPY_SAT_CACHE=tmp_path / "cache\x1b")
    assert f"kernel cache {tmp_path}/cache\\x1b: it is a link" in messages


@OWNERS
def test_the_folder_of_kernels_itself_is_checked(tmp_path):
    """Check it where the folder of all caches is the user's, but somebody planted the folder of the kernels."""
    folder = _import(NUMPY_SAT_CACHE=tmp_path)[0]
    folder.rmdir()
    (tmp_path / "planted").mkdir()
    folder.symlink_to(tmp_path / "planted")
    new, _, messages = _import(NUMPY_SAT_CACHE=tmp_path)
    assert new.parent != tmp_path and f"{folder}: it is a link" in messages


@OWNERS
def test_a_folder_for_temporary_files_that_others_control_is_not_used(tmp_path):
    """Check the fallback of a user without home, whose name everybody knows."""
    (tmp_path / "file").write_text("")
    planted = tmp_path / f"numpy_sat-{os.geteuid()}"
    (tmp_path / "target").mkdir()
    planted.symlink_to("target")
    folder, _, messages = _import(NUMPY_SAT_CACHE="", HOME=tmp_path / "file", TMPDIR=tmp_path)
    assert folder.parent == tmp_path and folder.name.startswith("numpy_sat-kernels-") and not folder.exists()
    assert f"{planted}: it is a link" in messages and not list((tmp_path / "target").iterdir())


def test_processes_that_this_process_starts_use_the_same_folder(tmp_path):
    """Check that they do, that they say nothing, and that they do not remove it."""
    (tmp_path / "file").write_text("")
    code = (
        "import numpy_sat, os, subprocess, sys; path = os.environ['NUMBA_CACHE_DIR']; print(path)\n"
        "child = 'import numpy_sat, os; print(os.environ[\"NUMBA_CACHE_DIR\"])'\n"
        "for _ in range(2): subprocess.run([sys.executable, '-c', child])\n"
        "if hasattr(os, 'fork'):\n"
        "    child = os.fork()\n"
        "    if not child: sys.exit()\n"
        "    os.waitpid(child, 0)\n"
        "print(os.path.exists(path))"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "file"), "PYTHONUNBUFFERED": "1"}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    path, *others, exists = result.stdout.split()
    assert others == [path] * 2 and exists == "True" and not os.path.exists(path)
    assert result.stderr.count("\n") == 1


def test_without_any_writable_folder_kernels_are_not_stored(tmp_path):
    (tmp_path / "file").write_text("")
    before = (
        "import tempfile\ndef fail(**_): raise FileNotFoundError(2, 'No usable temporary directory found')\n"
        "tempfile.mkdtemp = fail\nimport numpy_sat, os; os.environ['NUMBA_CACHE_DIR'] = '/'"
    )
    _, _, messages = _import(before, NUMBA_CACHE_DIR=tmp_path / "file")
    assert "not stored" in messages and messages.count("\n") == 1
