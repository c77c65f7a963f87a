"""Test that files are replaced as a whole or not at all: errors, interruptions and full disks."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from numpy_sat.system import lock
from numpy_sat.system.errors import InputError, writing
from numpy_sat.system.files import read_json, refuse_unwritable, remove_leftovers, replacing


def test_the_file_is_replaced_at_the_end(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old" and temporary.parent == tmp_path
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, OSError(28, "No space left on device")])
def test_after_an_error_the_old_file_remains_alone(tmp_path, error):
    path = tmp_path / "x.txt"
    path.write_text("old")
    with pytest.raises((KeyboardInterrupt, ValueError)), replacing(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("kind", ["pipe", "link to a pipe"])
def test_a_pipe_or_a_device_is_never_replaced(tmp_path, kind):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    if kind != "pipe":
        (tmp_path / "link").symlink_to("pipe")
        path = tmp_path / "link"
    for write in (lambda: replacing(path).__enter__(), lambda: refuse_unwritable(path), lambda: read_json(path)):
        with pytest.raises(InputError, match="a pipe or a device, not a file; name a file"):
            write()
    assert path.is_fifo() and not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("text", [b"", b"[1", b"\xff", b"[" * 100_000], ids=["empty", "cut", "bytes", "deep"])
def test_a_file_without_json(tmp_path, text):
    (tmp_path / "x.json").write_bytes(text)
    with pytest.raises(ValueError):
        read_json(tmp_path / "x.json")


def test_two_writers_do_not_meet(tmp_path):
    with replacing(tmp_path / "x") as first, replacing(tmp_path / "x") as second:
        first.write_text("first")
        second.write_text("second")
    assert (tmp_path / "x").read_text() == "first" and len(list(tmp_path.iterdir())) == 1


def remove(path):
    remove_leftovers(path)


def replace(path):
    with replacing(path) as temporary:
        temporary.write_text("new")


@pytest.mark.parametrize("work", [remove, replace])
def test_what_killed_processes_left_is_removed(tmp_path, work):
    for name in ("x", "x.0123456789ab.part", "xx.0123456789ab.part"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))  # on Windows, only old files are removed
    work(tmp_path / "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x", "xx.0123456789ab.part"]


WRITER = (
    "import sys, time; from pathlib import Path; from numpy_sat.system.files import replacing\n"
    "with replacing(Path(sys.argv[1])) as temporary:\n"
    "    temporary.write_text('of another process'); print(temporary, flush=True); input()"
)


def test_the_file_of_a_process_that_still_writes_is_kept_and_that_of_a_killed_one_removed(tmp_path):
    command = [sys.executable, "-c", WRITER, str(tmp_path / "x")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as writer, subprocess.Popen(command, **pipes) as victim:
        temporary, killed = (Path(process.stdout.readline().strip()) for process in (writer, victim))
        victim.kill()
        victim.wait()
        os.utime(killed, (0, 0))
        replace(tmp_path / "x")
        assert temporary.exists() and not killed.exists()
        writer.communicate("\n")
    assert (tmp_path / "x").read_text() == "of another process" and len([*tmp_path.iterdir()]) == 1


def test_without_locks_only_old_files_are_removed(tmp_path, monkeypatch):
    def no_locks(file):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(lock, "_lock", no_locks)
    for name, age in (("new", 60), ("old", 2 * lock.DAY)):
        (tmp_path / f"x.{name}.part").touch()
        os.utime(tmp_path / f"x.{name}.part", (time.time() - age,) * 2)
    replace(tmp_path / "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x", "x.new.part"]


def test_a_folder_in_the_way(tmp_path):
    (tmp_path / "x").mkdir()
    with pytest.raises(InputError, match=r"x: cannot be written \(.*\); choose another name"):
        with replacing(tmp_path / "x") as temporary:
            temporary.write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize(
    ("name", "advice"),
    [("absent/x", "create its folder or choose another place"), ("file/x", "choose another name")],
)
def test_advice_fits_the_error(tmp_path, name, advice):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=rf"x: cannot be written \(.*\); {advice}\.$"), writing(tmp_path / name):
        (tmp_path / name).write_text("new")


@pytest.mark.parametrize(
    ("number", "advice"),
    [(errno.EACCES, "change the permissions or choose another place"), (errno.ENOSPC, "free some space or choose")],
)
def test_advice_for_permissions_and_space(number, advice):
    with pytest.raises(InputError, match=advice), writing("x"):
        raise OSError(number, os.strerror(number))


WRITERS = {  # each writes more than LIMIT bytes
    "checkpoint": "from numpy_sat.experiment import checkpoint as c\n"
    "c.save(path, c.Checkpoint({'a': np.ones(1000), 'b': np.ones(5000)}, {}, {}, {}))",
    "figure": "from numpy_sat.evaluation import figures\n"
    "figures.pairs_figure(path, {'a': (np.eye(9), np.ones((9, 9)))}, '')",
    "report": "from numpy_sat.evaluation import report_files\nreport_files.write(path, 'x' * 9000, {}, '')",
}
LIMIT = 4000


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot limit the size of files")
@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_gives_a_sentence_and_leaves_no_file(tmp_path, name):
    """Limit the size of files, which fails in the middle of a write as a full disk does."""
    code = (
        "import resource, sys\nfrom pathlib import Path\nimport numpy as np\nfrom numpy_sat.system import cli\n"
        "import numpy_sat.evaluation.figures\npath = Path(sys.argv[1])\n"
        f"def work():\n    resource.setrlimit(resource.RLIMIT_FSIZE, ({LIMIT}, {LIMIT}))\n    exec(sys.argv[2])\n"
        "sys.exit(cli.run(work))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "result"), WRITERS[name]]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 2, result.stderr
    assert result.stderr.startswith("error: ") and "cannot be written (File too large)" in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
