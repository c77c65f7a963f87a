"""Tests of `python -m exercises` on a copy of the exercises, with a separate cache."""

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import implementations
import pytest

from exercises.__main__ import main
from exercises.judging import table
from exercises.runner import board, channel, checks, commands, isolation, lessons, prepare, terminal
from numpy_sat.system import lock, machine

NAME = "ex03_linear.py"
RIGHT = """
import numpy as np
from numpy_sat.layers.linear import LinearCache


def linear_forward(x, W, b):
    return x @ W + b, LinearCache(x, W)


def linear_backward(dy, cache):
    x, W = cache
    rows, drows = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])
    return dy @ W.T, rows.T @ drows, drows.sum(axis=0)
"""
WRONG = RIGHT.replace("drows.sum", "drows.mean")


class LearnerFolder:
    """A copy of the exercises and solutions, in which commands run."""

    def __init__(self, folder, cache):
        self.folder, self.file = folder, folder / "exercises" / NAME
        for part in ("exercises", "solutions"):
            shutil.copytree(implementations.ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        path = os.pathsep.join([str(folder), str(implementations.ROOT)])
        self.environment = os.environ | {"NUMPY_SAT_CACHE": str(cache), "PYTHONPATH": path, "COLUMNS": "80"}

    def run(self, *arguments):
        """Run `python -m exercises` and return the exit code and the output."""
        result = subprocess.run(self.command(arguments), capture_output=True, text=True, **self.options())
        assert "Traceback" not in result.stderr, result.stderr
        return result.returncode, result.stdout + result.stderr

    def start(self, *arguments):
        """Start `python -m exercises` and return the running process."""
        return subprocess.Popen(self.command(arguments), stdout=subprocess.PIPE, text=True, **self.options())

    def command(self, arguments):
        return [sys.executable, "-m", "exercises", *arguments]

    def options(self):
        return {"cwd": self.folder, "env": self.environment}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def learner(tmp_path, cache):
    return LearnerFolder(tmp_path, cache)


@pytest.mark.slow
def test_board(learner):
    code, text = learner.run()
    assert code == 0
    assert f"0 of {len(lessons.names())} solved." in text and "python -m exercises check 1" in text
    learner.file.write_text(RIGHT, encoding="utf-8")
    code, text = learner.run()
    assert f"1 of {len(lessons.names())} solved." in text and "   3  solved   The affine map\n" in text
    learner.file.write_text(WRONG, encoding="utf-8")
    assert "   3  wrong    The affine map                         linear_backward\n" in learner.run()[1]
    assert max(map(len, learner.run()[1].splitlines())) < 80
    assert "python -m exercises check 3" in learner.run()[1]  # it is begun


def test_an_exercise_that_is_begun_is_next(monkeypatch, capsys):
    states = {1: "right", 2: "unwritten", 3: "wrong"}
    results = [checks.Result(number, [{"name": "f", "state": state}], 0.1) for number, state in states.items()]
    monkeypatch.setattr(checks, "results", lambda numbers: iter(results))
    assert board.next_lesson().number == 3
    assert "Exercise 3" in capsys.readouterr().out
    results.pop()
    assert board.next_lesson().number == 2


def test_check(learner):
    code, text = learner.run("check", "3")
    assert code == 1 and "to write linear_forward" in text and "python -m exercises hint 3" in text
    learner.file.write_text(WRONG, encoding="utf-8")
    code, text = learner.run("check", "3")
    assert code == 1
    assert "right    linear_forward" in text and "WRONG    linear_backward" in text and "right: dx, dW" in text
    assert "Look at db in linear_backward:\n    db = the sum of dy over all rows\n" in text
    assert "a mean of" not in text and "python -m exercises check 3 --term" in text
    assert "    a mean of `drows` where its sum belongs (line" in learner.run("check", "3", "--term")[1]
    assert text.isascii() and max(map(len, text.splitlines())) < 80
    learner.file.write_text(RIGHT, encoding="utf-8")
    code, text = learner.run("check", "3")
    assert code == 0 and "Solved." in text


def test_json(learner):
    write_with(learner, "    print('here')\n", WRONG)
    command = learner.command(["check", "3", "--json"])
    result = subprocess.run(command, capture_output=True, text=True, **learner.options())
    record = json.loads(result.stdout)
    assert result.returncode == 1 and record["exercise"] == 3 and not record["solved"]
    wrong = record["functions"][1]
    assert (wrong["function"], wrong["state"], wrong["line"]) == ("linear_backward", "wrong", 14)
    assert wrong["findings"][0]["array"] == "db" and wrong["findings"][0]["certainty"] == "certain"


def test_next_names_the_first_exercise_that_is_not_solved_and_opens_it(monkeypatch, tmp_path, capsys):
    solved = checks.Result(1, [{"state": "right"}], 0.0)
    unsolved = checks.Result(3, [{"state": "unwritten"}], 0.0)
    monkeypatch.setattr(checks, "results", lambda numbers: iter([solved, unsolved]))
    command = f"import sys; open({str(tmp_path / 'opened')!r}, 'w').write(sys.argv[1])"
    monkeypatch.setenv("EDITOR", f"{shlex.quote(sys.executable)} -c {shlex.quote(command)}")
    assert main(["next", "--open"]) == 0
    assert "Exercise 3: The affine map\n" in capsys.readouterr().out
    assert (tmp_path / "opened").read_text() == str(lessons.load(3).file)
    monkeypatch.setenv("EDITOR", "no-such-editor")
    assert main(["next", "--open"]) == 2 and "EDITOR=no-such-editor cannot be started" in capsys.readouterr().err
    monkeypatch.delenv("EDITOR")
    assert main(["next", "--open"]) == 2 and "EDITOR is not set" in capsys.readouterr().err
    monkeypatch.setattr(checks, "results", lambda numbers: iter([solved]))
    assert main(["next"]) == 0 and "All exercises are solved." in capsys.readouterr().out


def test_a_fault_dictionary_is_made_by_one_process_at_a_time(monkeypatch, tmp_path):
    """Check that the others wait, and that they load the one that was made."""
    monkeypatch.setattr(machine, "cache_folder", lambda: tmp_path)
    running, makers = [], []

    def load(task, folder, key):
        path = table.path_of(task, folder, key)
        if not path.exists():
            running.append(path)
            assert running == [path]
            time.sleep(0.05)
            path.write_text("made")
            makers.append(running.pop())

    monkeypatch.setattr(table, "load", load)
    lesson = lessons.load(3)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: lesson.table(lesson.tasks[1]), range(4)))
    assert len(makers) == 1 and not list(tmp_path.rglob("*.lock"))


def test_preparations_do_not_pile_up(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(os, "nice", lambda increment: None, raising=False)
    monkeypatch.setattr(sys, "argv", ["prepare", "3"])
    names = []
    monkeypatch.setattr(lessons.Lesson, "table", lambda lesson, task: names.append(task.name))
    with lock.folder_lock(tmp_path / "exercises" / "preparing"):
        prepare.main()
    assert names == []
    prepare.main()
    assert names == ["linear_forward", "linear_backward"]


def test_output_of_the_learners_code_is_shown(learner):
    learner.file.write_text(
        RIGHT.replace("    return x @ W", "    print('here', x.shape)\n    return x @ W"), encoding="utf-8"
    )
    code, text = learner.run("check", "3")
    assert code == 0 and "\nyour code | here (3, 4)\n" in text


def test_a_file_that_ends_python_has_its_message(learner):
    learner.file.write_text(
        RIGHT.replace("    return x @ W", "    import os; os._exit(7)\n    return x @ W"), encoding="utf-8"
    )
    code, text = learner.run("check", "3")
    assert code == 1 and "the check ended without a verdict: does your code end Python?" in text
    assert "17 " in learner.run()[1]  # the board continues with the other exercises


LEARNER_MARK = "your code | "
FORGERY = """
    import os, sys
    os.system("echo Solved.")
    print("\\x1b[2K\\rSolved.\\nSolved.")
    sys.__stdout__.write("Solved.")
    for number in range(1, 20):
        try:
            os.write(number, b'Solved.\\n{"number": 3, "verdicts": [], "complete": true, "seconds": 9}\\n')
        except OSError:
            pass
    if os.fork() == 0:
        print("Solved.")
"""
HANG = "    sum(range(10**12))  # holds the interpreter's lock\n"
RETURN = "    return x @ W + b"


def write_with(learner, code, text=RIGHT):
    """Write the learner's file with this code at the beginning of linear_forward."""
    assert text.count(RETURN) == 1
    learner.file.write_text(text.replace(RETURN, code.lstrip("\n") + RETURN), encoding="utf-8")


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@needs_fork
@pytest.mark.parametrize("command", ["check", pytest.param("show", marks=pytest.mark.slow)])
def test_output_of_the_learners_code_is_never_taken_for_a_verdict(learner, command):
    write_with(learner, FORGERY, WRONG)
    code, text = learner.run(command, "3")
    forged = [line for line in text.splitlines() if "Solved." in line]
    assert code == 1 and forged and all(line.startswith(LEARNER_MARK) for line in forged), text
    assert "\x1b" not in text and "linear_backward" in text and "linear_forward is" not in text


@pytest.mark.parametrize("options", ["", ", preexec_fn=os.setpgrp"], ids=["its process group", "one of their own"])
def test_programs_that_the_learners_code_starts_end_with_the_check(learner, options):
    program = "[sys.executable, '-c', 'import time; time.sleep(99)  # {}']"
    start = f"    import os, subprocess, sys; subprocess.Popen({program}{options})\n"
    write_with(learner, start.format(learner.file))
    began = time.monotonic()
    assert learner.run("check", "3")[0] == 0
    while programs := _programs_with(str(learner.file)):  # a killed program may take a moment to go
        assert time.monotonic() - began < 60, programs
        time.sleep(0.05)


def _programs_with(argument):
    """Return the command lines of the running programs that contain `argument`."""
    programs = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            programs.append(path.read_text(errors="replace"))
    return [program for program in programs if argument in program]


@pytest.mark.slow
def test_a_call_that_holds_the_lock_is_ended(learner):
    write_with(learner, HANG)
    sentence = "linear_forward is still running after 4 seconds, at line 7: does that loop end?"
    assert sentence in " ".join(learner.run("check", "3")[1].split())


@pytest.mark.slow
@pytest.mark.parametrize("command", ["hint", "plug", "show", "solution"])
def test_a_call_that_holds_the_lock_is_ended_in_commands_that_need_the_verdict(learner, command):
    write_with(learner, f"    {command!r}\n{HANG}")  # for each command another file, whose verdict is not cached
    expected = {
        "hint": "linear_forward: a question",
        "plug": "linear_forward, linear_backward",
        "show": "linear_forward: it is still running",
        "solution": "not solved",
    }
    assert expected[command] in " ".join(learner.run(command, "3")[1].split())


@pytest.mark.slow
def test_board_continues_after_a_call_that_holds_the_lock(learner):
    write_with(learner, f"    'board'\n{HANG}")
    code, text = learner.run()
    assert code == 0 and "   3  wrong    The affine map                         linear_forward\n" in text
    assert f"0 of {len(lessons.names())} solved." in text


@pytest.mark.slow
def test_an_import_that_does_not_end_is_ended(learner):
    learner.file.write_text(f"{RIGHT}\n\nwhile True:\n    pass\n", encoding="utf-8")
    code, text = learner.run("check", "3")
    text = " ".join(text.split())
    assert code == 1 and "WRONG the file the import of the file is still running after 4 seconds, at line 1" in text
    assert "not reached: the import of the file does not return." in text


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have no such limits")
@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("    np.ones(2**40)\n", "raises MemoryError: Unable to allocate 8.00 TiB"),
        ("    import os\n    while True: os.fork()\n", "linear_forward starts more than 64 processes."),
    ],
)
def test_memory_and_processes_are_limited(learner, code, sentence):
    write_with(learner, code)
    exit_code, text = learner.run("check", "3")
    assert exit_code == 1 and sentence in " ".join(text.split())


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have no /proc")
def test_memory_of_all_processes_together_is_limited(tmp_path, monkeypatch):
    monkeypatch.setattr(channel, "MEMORY", 300 * 2**20)
    program = "a = b'x' * 150_000_000; import time; time.sleep(60)"
    code = f"    import subprocess, sys\n    for _ in range(3): subprocess.Popen([sys.executable, '-c', {program!r}])\n"
    path = tmp_path / NAME
    path.write_text(RIGHT.replace(RETURN, f"{code}    import time; time.sleep(60)\n{RETURN}"), encoding="utf-8")
    with isolation.Process("exercises.runner.worker", f"3={path}") as worker:
        *_, last = worker.messages()
    assert last["verdicts"][0]["state"] == "running" and worker.problem == "uses more than 0.3 GB of memory"


@pytest.mark.slow
def test_time_limit_holds_without_the_help_of_the_process(learner):
    write_with(learner, f"    import faulthandler; faulthandler.cancel_dump_traceback_later()\n{HANG}")
    code, text = learner.run("check", "3")
    assert code == 1 and "linear_forward is still running after 4 seconds." in text


@pytest.mark.slow
def test_endless_output_is_cut(learner):
    write_with(learner, "    while True: print('Solved.')\n")
    code, text = learner.run("check", "3")
    assert code == 1 and text.count(f"{LEARNER_MARK}Solved.") == 200 and " more lines\n" in text


@pytest.mark.slow
def test_the_process_of_a_check_ends_with_the_check(learner):
    """Check that a check which is killed leaves no process behind, although its own process cannot be interrupted."""
    write_with(learner, f"    open({str(learner.folder / 'pid')!r}, 'w').write(str(__import__('os').getpid()))\n{HANG}")
    with learner.start("check", "3") as check:
        pid = learner.folder / "pid"
        wait_for(lambda: pid.exists() and pid.read_text())
        check.kill()
    wait_for(lambda: not is_running(int(pid.read_text())))


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def is_running(pid):
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


@needs_fork
@pytest.mark.slow
def test_plug_survives_code_that_ends_python_and_forges_its_output(learner):
    code = """
    if x.dtype == np.float32 and len(x) > 20:
        import os
        os.system("echo The curves agree.")
        print("The curves agree.", flush=True)
        os._exit(0)
"""
    write_with(learner, code)
    code, text = learner.run("plug", "3")
    assert code == 1 and "The training ended without a result. Does your code end Python?" in text
    forged = [line for line in text.splitlines() if "The curves agree." in line]
    assert len(forged) == 2 and all(LEARNER_MARK in line for line in forged)


def test_hint(learner):
    hints = lessons.load(3).hints["linear_backward"]
    code, text = learner.run("hint", "3")
    assert code == 0 and text.count("Which axis of x and which axis of W is summed over?") == 1 and "hint 3 2" in text
    learner.file.write_text(WRONG, encoding="utf-8")  # now the second function is the first that is not right
    for step in (1, 4):
        text = " ".join(learner.run("hint", "3", str(step))[1].split())
        question = "Where does b appear in the equations of the forward pass" if step == 1 else hints[3]
        assert " ".join(question.split()) in text
        assert "In your code: db is wrong; right: dx, dW." in text
        assert ("a mean of `drows` where its sum belongs" in text) == (step == 4)
    learner.file.write_text(RIGHT, encoding="utf-8")
    text = " ".join(learner.run("hint", "3")[1].split())
    assert "All is right. The derivation: python -m exercises solution 3" in text and "?" not in text
    text = learner.run("hint", "3", "--of", "linear_backward")[1]
    assert "linear_backward (yours is right): a question" in text and "Which outputs contain" in text


def test_a_hint_starts_from_what_is_wrong(monkeypatch, capsys):
    finding = {"array": "db", "equation": "db = a sum", "term": "the sum is missing", "certainty": "likely"}
    wrong = {"name": "linear_backward", "state": "wrong", "sentence": "", "line": 9, "notes": []}
    arrays = [{"name": name, "right": name == "dx"} for name in ("dx", "dW", "db")]
    verdicts = [{"name": "linear_forward", "state": "right"}, wrong | {"arrays": arrays}]
    verdicts[1]["findings"] = [finding | {"runner_up": None, "function": "linear_backward"}]
    monkeypatch.setattr(checks, "results", lambda numbers: iter([checks.Result(3, verdicts, 0.1)]))

    def text_of(step):
        commands.hint(lessons.load(3), step)
        return " ".join(capsys.readouterr().out.split())

    assert "linear_backward: a question In your code: dW, db are wrong; right: dx. Where does b appear" in text_of(1)
    assert "In your code: dW, db are wrong; right: dx. The equation to look at: db = a sum. dW_io = " in text_of(2)
    assert "linear_backward: the shapes" in text_of(3)
    text = text_of(4)
    assert "It seems: the sum is missing. Reshape x and dy" in text and "check 3 --pencil" in text
    verdicts[1] |= {"sentence": "`y` raises NameError", "arrays": [], "findings": []}
    assert "In your code: `y` raises NameError. Which outputs" in text_of(1)
    verdicts[:] = [wrong | {"name": "", "sentence": "line 9 is not Python", "arrays": [], "findings": []}]
    assert "linear_forward: a question In your code: line 9 is not Python." in text_of(1)


def test_solution_is_printed_once_the_exercise_is_solved(learner):
    code, text = learner.run("solution", "3")
    assert code == 1 and "def linear_backward" not in text and "--anyway" in text
    assert "def linear_backward" in learner.run("solution", "3", "--anyway")[1]
    learner.file.write_text(RIGHT, encoding="utf-8")
    code, text = learner.run("solution", "3")
    assert code == 0 and "def linear_backward" in text


def test_reset_keeps_the_old_file(learner):
    original = learner.file.read_text(encoding="utf-8")
    assert "is unchanged: there is nothing to restore" in learner.run("reset", "3")[1]
    for k, text in ((1, RIGHT), (2, "not even Python (")):
        learner.file.write_text(text, encoding="utf-8")
        code, output = learner.run("reset", "3")
        assert code == 0 and f"ex03_linear.mine-{k}.txt" in output
        assert learner.file.with_name(f"ex03_linear.mine-{k}.txt").read_text(encoding="utf-8") == text
        assert learner.file.read_text(encoding="utf-8") == original
    learner.file.unlink()
    assert learner.run("reset", "3")[0] == 0
    assert learner.file.read_text(encoding="utf-8") == original


def test_reset_keeps_a_file_that_is_no_text_and_every_older_copy(learner, monkeypatch):
    """Check that no bytes are lost, even if another process takes the name of the copy at the same time."""
    content = "# d\xe9j\xe0 vu\n".encode("latin-1")
    learner.file.write_bytes(content)
    other = learner.file.with_name("ex03_linear.mine-1.txt")
    other.write_text("older", encoding="utf-8")
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: path != other and exists(path))
    monkeypatch.setattr(lessons, "EXERCISES", learner.file.parent)
    commands.reset(lessons.load(3))
    assert other.read_text(encoding="utf-8") == "older"
    assert learner.file.with_name("ex03_linear.mine-2.txt").read_bytes() == content
    original = learner.file.read_bytes()
    learner.file.write_bytes(original.replace(b"\n", b"\r\n"))  # as git writes it on Windows
    assert "is unchanged" in learner.run("reset", "3")[1]


@pytest.mark.skipif(os.name == "nt" or not shutil.which("git"), reason="needs git and a POSIX shell")
def test_an_update_as_the_page_describes_it_keeps_the_answers(tmp_path):
    """Run the page's commands on a clone: both sides change the same lines, and others."""
    page = (lessons.EXERCISES / "README.md").read_text(encoding="utf-8")
    script = page.split("## Keep your answers when you update")[1].split("```")[1].removeprefix("sh\n")
    names = {f"GIT_{who}_{what}": "x@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}

    def run(command, folder):
        environment = os.environ | names | {"GIT_CONFIG_GLOBAL": os.devnull}
        return subprocess.run(command, cwd=folder, env=environment, shell=True, check=True, capture_output=True)

    def commit(folder):
        run("git add . && git commit -qm update", folder)

    upstream, mine = tmp_path / "upstream", tmp_path / "mine"
    upstream.mkdir()
    run("git init -q -b main .", upstream)
    (upstream / NAME).write_text("one\ntwo\nthree\nfour\nfive\nsix\n", encoding="utf-8")
    commit(upstream)
    run(f"git clone -q {upstream.as_posix()} {mine.as_posix()}", tmp_path)
    (mine / NAME).write_text("one\ntwo\nthree\nfour\nfive\nmy answer\n", encoding="utf-8")
    (upstream / NAME).write_text("ONE\ntwo\nthree\nfour\nfive\nSIX\n", encoding="utf-8")
    (upstream / "new.py").write_text("new\n", encoding="utf-8")
    commit(upstream)
    run("set -e\n" + script, mine)
    assert (mine / NAME).read_text(encoding="utf-8") == "ONE\ntwo\nthree\nfour\nfive\nmy answer\n"
    assert (mine / "new.py").exists()


def test_watch(learner):
    with learner.start("watch", "3") as watching:
        assert "Watching 1 file" in watching.stdout.readline()
        time.sleep(0.5)
        learner.file.write_text(RIGHT, encoding="utf-8")
        output = ""
        while "Solved." not in output:
            output += watching.stdout.readline()
        assert "right    linear_forward" in output
        watching.kill()


ALL_HELP = """
import contextlib, importlib, io, pkgutil, sys
import exercises.__main__, numpy_sat
names = [module.name for module in pkgutil.iter_modules(numpy_sat.__path__, "numpy_sat.")]
commands = [["exercises.__main__", *words] for words in ([], ["next"], ["check"], ["watch"], ["hint"])]
commands += [["exercises.__main__", word] for word in ("show", "plug", "grade", "reset", "solution")]
commands += [["numpy_sat.bench.__main__"]]
for name, *arguments in [*([name] for name in names), *commands]:
    main = getattr(importlib.import_module(name), "main", None)
    if main is None:
        continue
    sys.argv, text = [name, *arguments, "--help"], io.StringIO()
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(text):
        main([*arguments, "--help"])
    print(name, *arguments, text.getvalue().startswith("usage: ") and len(text.getvalue()) > 200)
"""


@pytest.mark.slow
def test_every_command_has_its_help_without_docstrings():
    """Check that no command needs docstrings or assert statements, which `python -OO` drops."""
    command = [sys.executable, "-OO", "-c", ALL_HELP]
    result = subprocess.run(command, cwd=implementations.ROOT, capture_output=True, text=True)
    lines = result.stdout.splitlines()
    assert result.returncode == 0 and len(lines) > 18 and all(line.endswith("True") for line in lines), result


@pytest.mark.slow
@pytest.mark.parametrize("optimization", ["1", "2"])
def test_exercises_work_without_docstrings(learner, optimization):
    learner.environment["PYTHONOPTIMIZE"] = optimization  # as `python -O`, also for the processes of the checks
    learner.file.write_text(WRONG, encoding="utf-8")
    code, text = learner.run("check", "3", "--term")
    assert code == 1 and "Exercise 3: The affine map" in text and "a mean of `drows` where its sum belongs" in text
    assert "linear_backward: a question" in learner.run("hint", "3")[1]
    assert "ex03_linear.py is restored." in learner.run("reset", "3")[1]
    assert "the affine map" in learner.run("solution", "3", "--anyway")[1].lower()
    learner.file.write_text(RIGHT, encoding="utf-8")
    code, text = learner.run("check", "3")
    assert code == 0 and "Solved." in text


@pytest.mark.slow
def test_watch_goes_on_after_a_call_that_holds_the_lock(learner):
    with learner.start("watch", "3") as watching:
        watching.stdout.readline()
        time.sleep(0.5)
        write_with(learner, HANG)
        output = ""
        while "not reached" not in output:
            output += watching.stdout.readline()
        assert "linear_forward is still running after 4 seconds" in output
        learner.file.write_text(RIGHT, encoding="utf-8")
        while "Solved." not in output:
            output += watching.stdout.readline()
        watching.kill()


def test_no_such_exercise(learner):
    code, text = learner.run("check", "99")
    assert code == 2 and f"error: there is no exercise 99; they go from 1 to {len(lessons.names())}." in text


def test_control_characters_of_messages_are_escaped(capsys):
    terminal.say("your code raised ValueError: \x1b[2J\x1b[32mSolved")
    terminal.show(terminal.marked("wrong", "bad", "linear\r\x1b[32mSolved"))
    printed = capsys.readouterr().out
    assert r"ValueError: \x1b[2J\x1b[32mSolved" in printed and r"linear\r\x1b[32mSolved" in printed
    assert "\x1b" not in printed and "\r" not in printed


def test_cached_results_depend_on_all_sources(tmp_path, monkeypatch):
    monkeypatch.setattr(lessons, "EXERCISES", tmp_path / "exercises")
    monkeypatch.setattr(lessons, "SOLUTIONS", tmp_path / "solutions")
    folders = ("numpy_sat/layers", "exercises/judging", "exercises/lessons", "exercises/runner", "solutions")
    digests = {lessons.library_digest.__wrapped__()}
    for count, folder in enumerate(folders, 2):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "new.py").write_text("changed = True\n", encoding="utf-8")
        digests.add(lessons.library_digest.__wrapped__())
        assert len(digests) == count, folder
    (tmp_path / "exercises" / "ex03_linear.py").write_text("learner = True\n", encoding="utf-8")
    assert lessons.library_digest.__wrapped__() in digests  # a learner's file has its own digest
