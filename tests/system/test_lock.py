"""Test the locks between processes: they exclude, name their holder, and end with their process."""

import subprocess
import sys
import threading
import time

import pytest

from numpy_sat.system import lock
from numpy_sat.system.errors import InputError

HOLD = (
    "import sys, time; from pathlib import Path; from numpy_sat.system import lock\n"
    "with lock.folder_lock(Path(sys.argv[1])):\n"
    "    print('held', flush=True); time.sleep(60)"
)


@pytest.fixture
def holder(tmp_path):
    """Start a process that holds the lock of tmp_path / "run"."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_the_message_names_the_holder(tmp_path, holder):
    pattern = rf"run: process {holder.pid} on \S+ \(started at \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d \S+\) writes here; wait"
    with pytest.raises(InputError, match=pattern), lock.folder_lock(tmp_path / "run"):
        pass


def test_a_killed_process_holds_no_lock(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert (tmp_path / "run" / lock.NAME).exists()
    with lock.folder_lock(tmp_path / "run"):
        pass
    assert list((tmp_path / "run").iterdir()) == []  # not removed, since this process did not create it


def test_an_empty_new_folder_is_removed(tmp_path):
    with lock.folder_lock(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b" / lock.NAME).exists()
    assert list(tmp_path.iterdir()) == []
    with lock.folder_lock(tmp_path / "a" / "b"):
        (tmp_path / "a" / "b" / "result").touch()
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["result"]


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file.run: cannot be written"), lock.folder_lock(tmp_path / "file" / "run"):
        pass


def test_only_one_at_a_time_and_each_in_its_turn(tmp_path, capsys):
    """Let threads take the lock many times, each time with a new file of the lock."""
    inside, most, turns = [], [], []

    def work():
        for _ in range(5):
            with lock.waiting_lock(tmp_path / "x.lock", "counting") as is_exclusive:
                inside.append(is_exclusive)
                most.append(len(inside))
                time.sleep(0.001)
                turns.append(inside.pop())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1 and turns == [True] * 20
    assert list(tmp_path.iterdir()) == []
    assert "counting: waiting for " in capsys.readouterr().err


def test_a_file_system_without_locks(tmp_path, monkeypatch, capsys):
    def no_locks(file):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(lock, "_lock", no_locks)
    with lock.waiting_lock(tmp_path / "x.lock", "counting") as is_exclusive:
        assert not is_exclusive
    with lock.folder_lock(tmp_path / "run"):
        pass
    assert capsys.readouterr().err.count("this file system has no locks") == 2 and list(tmp_path.iterdir()) == []
