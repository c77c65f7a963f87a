"""Test output that nobody reads, output that is closed, and output on a full disk."""

import os
import subprocess
import sys

import pytest

from numpy_sat.system import closed_output

RUN = "import sys\nfrom pathlib import Path\nfrom numpy_sat.system import cli, closed_output\n"


def run(code, *arguments, **options):
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
    return subprocess.run([sys.executable, "-c", RUN + code, *map(str, arguments)], **options)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
class TestFullDisk:
    def test_a_command_says_so(self):
        with open("/dev/full", "w") as full:
            result = run("sys.exit(cli.run(lambda: print('x')))", stdout=full)
        assert result.returncode == 2
        assert result.stderr == "error: output: cannot be written (No space left on device); free some space.\n"

    def test_kept_output_continues_in_a_file(self, tmp_path):
        code = (
            "def work():\n    with closed_output.kept(Path(sys.argv[1])):\n"
            "        print('one'); print('two'); print('\\r50%', file=sys.stderr); print('three')\n"
            "sys.exit(cli.run(work))"
        )
        with open("/dev/full", "w") as full:
            result = run(code, tmp_path / "log", stdout=full)
        assert result.returncode == 0 and (tmp_path / "log").read_text() == "one\ntwo\nthree\n"
        assert "standard output is closed (No space left on device): continued in" in result.stderr
        with open("/dev/full", "w") as full:
            result = run(code, tmp_path / "log2", stdout=full, stderr=full)
        assert result.returncode == 0
        with open("/dev/full", "w") as full:
            result = run(code, tmp_path / "no" / "log", stdout=full, stderr=full)
        assert result.returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="needs a shell of Unix")
def test_closed_when_the_process_starts(tmp_path):
    code = (
        "def work():\n    with closed_output.kept(Path(sys.argv[1])):\n"
        "        print('one', file=sys.stderr); print('two'); open(sys.argv[2], 'w').write('safe')\n"
        "sys.exit(cli.run(work))"
    )
    command = [sys.executable, "-c", RUN + code, str(tmp_path / "log"), str(tmp_path / "file")]
    assert subprocess.run(["sh", "-c", '"$@" >&- 2>&-', "sh", *command]).returncode == 0
    assert (tmp_path / "file").read_text() == "safe" and (tmp_path / "log").read_text() == "one\ntwo\n"


@pytest.mark.skipif(os.name == "nt", reason="needs a pipe of Unix")
def test_a_reader_that_has_stopped():
    reader, writer = os.pipe()
    os.close(reader)
    result = run("sys.exit(cli.run(lambda: print('x')))", stdout=writer)
    os.close(writer)
    assert (result.returncode, result.stderr) == (1, "")


def test_kept_output_is_printed_while_it_can_be(tmp_path, capsys):
    with closed_output.kept(tmp_path / "log"):
        print("one")
        print("two", file=sys.stderr)
    assert capsys.readouterr() == ("one\n", "two\n") and not (tmp_path / "log").exists()
