"""Test signals that stop a command: exit codes, ignored signals, and Ctrl-C while a command is imported."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from numpy_sat.system import cli, interrupt

CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}
pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows cannot send these signals to one process")


@pytest.mark.parametrize("name", CODES)
def test_a_signal_ends_a_command_with_its_code(name, capsys):
    def work():
        try:
            signal.raise_signal(getattr(signal, name))
        finally:
            print("cleaned up")

    before = [signal.getsignal(number) for number in interrupt.SIGNALS]
    assert cli.run(work) == CODES[name]
    assert capsys.readouterr() == ("cleaned up\n", "interrupted\n")
    assert [signal.getsignal(number) for number in interrupt.SIGNALS] == before


def test_nohup(monkeypatch):
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert cli.run(lambda: signal.raise_signal(signal.SIGHUP)) == 0
        with interrupt.Request() as stop:
            signal.raise_signal(signal.SIGHUP)
            assert stop.code == 0
    finally:
        signal.signal(signal.SIGHUP, previous)


def test_only_a_second_ctrl_c_stops_at_once(capsys):
    with pytest.raises(interrupt.Stop), interrupt.Request() as stop:
        for name in ("SIGHUP", "SIGHUP", "SIGTERM"):
            signal.raise_signal(getattr(signal, name))
            assert stop.code == 129
        signal.raise_signal(signal.SIGINT)
    assert capsys.readouterr().err.count("stopping after this step") == 1


def test_a_command_in_another_thread():
    """Check that it runs, although only the main thread may handle signals."""
    codes = []
    thread = threading.Thread(target=lambda: codes.append(cli.run(lambda: 3)))
    thread.start()
    thread.join()
    assert codes == [3]


def test_ctrl_c_while_a_command_is_imported():
    """Interrupt a command at many moments of its start, which takes about a second."""
    moments = (0.1, 0.2, 0.3, 0.45, 0.6)
    commands = ["numpy_sat.caption", "exercises"]
    for moment in moments:
        command = [sys.executable, "-m", commands[moments.index(moment) % 2], "--help"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(moment)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        if "Traceback" in errors:  # before Python has come to our first line
            assert "/numpy_sat/" not in errors and "/exercises/" not in errors, errors
            assert process.returncode in (1, -signal.SIGINT)
        else:
            assert process.returncode in (0, 130, -signal.SIGINT)


INTERRUPT_AT = """
import signal, sys

class Finder:
    def find_spec(name, path, target=None):
        if name == {name!r}:
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Finder)
"""


@pytest.mark.parametrize("name", ["numpy_sat.system.machine", "numpy_sat.system.cli", "numpy"])
def test_ctrl_c_at_an_import(tmp_path, name):
    (tmp_path / "sitecustomize.py").write_text(INTERRUPT_AT.format(name=name))
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "numpy_sat.caption", "--help"]
    result = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path})
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "interrupted\n")


def test_importing_the_library_leaves_ctrl_c_alone():
    code = "import signal, numpy_sat; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    result = subprocess.run([sys.executable, "-c", code, "-m", "numpy_sat.train"], capture_output=True, text=True)
    assert result.stdout == "True\n", result.stderr
