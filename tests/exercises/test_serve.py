"""Tests of `serve`, the exercises on a page: typesetting, answers, refusals, and the thread that follows the files."""

import http.client
import itertools
import json
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from exercises.__main__ import main
from exercises.runner import array_figures, checks, isolation, lessons, live, plug, serve, terminal, typesetting
from exercises.runner.learner_output import MARK

LESSON = lessons.load(3)
RIGHT = LESSON.solution.read_text(encoding="utf-8")
WRONG = RIGHT.replace("    db = drows", "    print('<b>loud</b>')\n    db = 2 * drows")


def verdict(name, state, **fields):
    """Return a verdict as a worker sends it."""
    empty = {"sentence": "", "line": 0, "arrays": [], "findings": [], "notes": []}
    return {"name": name, "state": state, **empty, **fields}


def result_of(*states, **fields):
    """Return the checks.Result of exercise 3. states: those of its two functions."""
    names = [task.name for task in LESSON.tasks]
    return checks.Result(3, [verdict(name, state) for name, state in zip(names, states, strict=True)], 0.1, **fields)


# Typesetting


def as_text(pieces):
    """Return pieces as text, with _{...} and ^{...}."""
    return "".join(f"{'_' if kind == 'sub' else '^'}{{{text}}}" if kind else text for text, kind in map(tuple, pieces))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("y_no = sum over i of x_ni W_io + b_o", "y_{no} = ∑_{i} x_{ni} W_{io} + b_{o}"),
        ("z_t = beta_t * sum_i alpha_ti a_i", "z_{t} = β_{t} * ∑_{i} α_{ti} a_{i}"),
        ("dalpha and dW_hh of h_{t-1}", "dα and dW_{hh} of h_{t−1}"),
        ("V_tilde, r_hat and z'", "V\u0303, r\u0302 and z′"),
        ("(1 - u^2) <= X^0.75, W^T ... n^{L-1}", "(1 - u^{2}) ≤ X^{0.75}, W^{T} … n^{L-1}"),
        ("query_b, logits_1 and weights_ti", "query_{b}, logits_{1} and weights_{ti}"),
        ("b_beta and lambda_r", "b_{β} and λ_{r}"),
        # names of variables, functions and modules
        ("log_p cache_u length_power max_words to_go", "log_p cache_u length_power max_words to_go"),
        ("linear.linear_forward(x, W, b) and h_step(x)", "linear.linear_forward(x, W, b) and h_step(x)"),
        ("image's captions --->  <---", "image's captions --->  <---"),
        ("a sum over n, one of x", "a sum over n, one of x"),
    ],
)
def test_mathematics_is_typeset(text, expected):
    assert as_text(typesetting.pieces(text)) == expected


def test_sections_keep_their_columns_and_wrapped_text_becomes_paragraphs():
    text = (
        f"Goal            {'word ' * 17}.\n                The end.\n\n"
        f"Equations       y = x W + b      (B, O)\n                {'In_a row ' * 10}\n                of text\n"
        "Your task       1. one: do\n                   this\n                2. two: do that\n"
    )
    goal, equations, task = typesetting.sections(text)
    assert [(goal.title, block.kind, len(block.lines)) for block in goal.blocks] == [("Goal", "prose", 2)]
    assert [(block.kind, len(block.lines)) for block in equations.blocks] == [("layout", 1), ("prose", 2)]
    assert [cell.column for cell in equations.blocks[0].lines[0]] == [0, 17]
    assert [(block.kind, len(block.lines)) for block in task.blocks] == [("task", 2), ("task", 1)]


def test_every_page_is_typeset_within_its_columns():
    """Check that the gap behind each cell stays, and that no word of prose is lost."""
    for number in lessons.names():
        intro = lessons.load(number).intro
        sections = typesetting.sections(intro)
        assert [section.title for section in sections][:2] == ["Goal", "Equations"]
        for line in (line for section in sections for block in section.blocks for line in block.lines):
            for cell, following in itertools.pairwise(line):
                assert cell.column + sum(len(piece.text) for piece in cell.pieces) <= following.column - 2
        shown = "".join(p.text for s in sections for b in s.blocks for line in b.lines for c in line for p in c.pieces)
        words = {word for line in intro.splitlines() for word in line[typesetting.COLUMN :].split() if word.isalpha()}
        greek = {name for letter in typesetting.GREEK for name in (letter, f"d{letter}")}
        assert {word for word in words if word not in shown} <= {"sum", "over", "of", *greek}


# The server


@contextmanager
def running(numbers=(3,), states=None):
    """Run a server in a thread of this process, without the thread that judges."""
    server = serve.Server(0, list(numbers))
    server.live._states.update(states or {})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.training.end()
        server.server_close()


def ask(server, path, method="GET", body=None, **headers):
    """Send a request, and return the status and the text of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8")
    finally:
        connection.close()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return an empty folder for the learner's files and the figures."""
    names = lessons.names()
    monkeypatch.setattr(lessons, "names", lambda: names)  # of modules in lessons.EXERCISES
    monkeypatch.setattr(lessons, "EXERCISES", tmp_path)
    monkeypatch.setenv("NUMPY_SAT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_board_and_an_exercise(folder):
    states = {3: live.State(7, result_of("right", "wrong"), "12:00:00")}
    with running((3, 5), states) as server:
        status, page = ask(server, "/")
        assert status == 200 and "<title>Exercises" in page and str(folder) not in page
        board = json.loads(ask(server, "/board")[1])
        exercise = json.loads(ask(server, "/exercise/3")[1])
    (first, second) = board["exercises"]
    assert (first["number"], first["mark"], first["detail"], first["version"]) == (3, "wrong", "linear_backward", 7)
    assert second["mark"] == "..." and board["judged"] == 1 and board["solved"] == 0 and board["next"] == 3
    assert exercise["file"] == "exercises/ex03_linear.py" or exercise["file"].endswith("ex03_linear.py")
    assert exercise["verdict"]["time"] == "12:00:00" and not exercise["verdict"]["right"]
    assert "  WRONG    linear_backward" in exercise["verdict"]["lines"]
    assert exercise["training"] == {"running": None, "text": ""} and exercise["curves"] is None


def test_no_path_of_the_computer_is_shown(folder, monkeypatch):
    home = Path.home() / "secret.npy"
    sentence = f"FileNotFoundError: {folder / 'data.npy'} and {home}"
    wrong = result_of("right", "wrong")._replace(verdicts=[verdict("linear_forward", "wrong", sentence=sentence)])
    states = {3: live.State(1, wrong, printed=(f"from {folder}/x.py", f"{sys.prefix}/lib"))}
    with running((3,), states) as server:
        text = ask(server, "/exercise/3")[1]
    assert str(folder) not in text and str(home) not in text and "./data.npy" in text and "from ./x.py" in text


@pytest.mark.parametrize(
    "path",
    ["/x", "/exercise/4", "/exercise/03", "/exercise/3/", "/exercise/../3", "/exercise/%33", "/../etc"],
)
def test_other_addresses(path):
    with running() as server:
        assert ask(server, path)[0] == 404
        assert ask(server, path.replace("exercise", "plug"), "POST")[0] == 404


@pytest.mark.parametrize(
    "headers", [{"Host": "example.org"}, {"Origin": "https://example.org"}, {"Sec_Fetch_Site": "cross-site"}]
)
def test_other_pages_and_hosts_are_refused(headers):
    with running() as server:
        for path, method in (("/", "GET"), ("/board", "GET"), ("/exercise/3", "GET"), ("/plug/3", "POST")):
            status, text = ask(server, path, method, **headers)
            assert status == 403 and "this server answers only its own page" in text
        assert server.training.data(3) == {"running": None, "text": ""}


def test_training_shows_its_output_and_runs_once(folder, monkeypatch):
    code = "import time; print('loss\\t1', flush=True); print('10 %\\r20 %', flush=True); time.sleep(60)"
    monkeypatch.setattr(serve, "_command", lambda number: [sys.executable, "-c", code])
    with running() as server:
        assert ask(server, "/plug/3", "POST")[0] == 200
        assert ask(server, "/plug/3", "POST")[0] == 409
        wait_for(lambda: "20 %" in server.training.data(3)["text"])
        assert server.training.data(3) == {"running": 3, "text": "loss\t1\n20 %\n"}
        assert server.training.data(5) == {"running": 3, "text": ""}
        server.training.end()
        wait_for(lambda: server.training.data(3)["running"] is None)
        assert server.live.states()[3].version > 2


def test_the_command_of_training_is_plug():
    assert serve._command(3)[1:] == ["-m", "exercises", "plug", "3"]


def test_curves_are_read_and_other_files_are_not(folder):
    path = plug.folder_of(3) / plug.CURVES
    assert serve.read_curves(3) is None
    path.parent.mkdir(parents=True)
    path.write_text('{"a": {"x": [2, "NaN"], "y": [1.5, 1]}}')
    assert serve.read_curves(3)["a"]["y"] == [1.5, 1.0]
    for text in ("{", "[]", '{"a": 1}', '{"a": {"x": ["<b>"]}}', "[" * 100_000, "\udcff"):
        path.write_text(text, errors="surrogateescape")
        assert serve.read_curves(3) is None
    path.write_text(" " * (serve.CURVE_BYTES + 1))
    assert serve.read_curves(3) is None


# The thread that follows the files


def wait_for(condition, seconds=60):
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.01)


def test_a_saved_file_is_checked_and_its_wrong_arrays_are_computed(folder, monkeypatch):
    """Check the steps of the thread; the judgement itself is replaced."""
    LESSON.file.write_text("old")
    answers = [result_of("right", "wrong", complete=False), result_of("right", "wrong")]

    def judged(number):
        print(f"{MARK}hello", file=terminal.stream("stderr"))
        return iter(answers)

    pair = np.array([[1, 2, np.nan]]), np.array([[1, 4, np.inf]])
    drawn = {"name": "linear_backward", "state": "wrong", "sentence": "", "pairs": {"dW": pair}}
    monkeypatch.setattr(live, "SECONDS", 0.01)
    monkeypatch.setattr(checks, "results", lambda numbers: iter([result_of("unwritten", "unwritten")]))
    monkeypatch.setattr(checks, "run_in_steps", judged)
    monkeypatch.setattr(array_figures, "results_of", lambda lesson: [drawn])
    monkeypatch.setattr(array_figures, "in_order", lambda lesson, result: result["pairs"])
    with live.Live([3]) as exercises:
        wait_for(lambda: exercises.states()[3].result)
        (folder / "new").write_text("new text")
        (folder / "new").replace(LESSON.file)  # in one step, so it is checked once
        wait_for(lambda: exercises.states()[3].version == 3)
        state = exercises.states()[3]
        assert state.result == answers[1] and state.printed == ("hello",) and state.arrays is None and state.time
        exercises.want_arrays(3)
        wait_for(lambda: exercises.states()[3].arrays)
    (array,) = exercises.states()[3].arrays
    assert array["function"] == "linear_backward" and array["axes"] == ["I", "O"] and array["worst"] == 2
    assert array["right"][:2] == [1, 4] and array["difference"][:2] == [0, -2] and np.isnan(array["difference"][2])
    assert terminal.stream("stderr") is sys.stderr
    assert exercises._lacks_arrays(state) and not exercises._lacks_arrays(exercises.states()[3])
    for result in (None, answers[0], result_of("unwritten", "right")):
        assert not exercises._lacks_arrays(state._replace(result=result))


def test_arrays_of_other_shapes_and_large_ones():
    array = live._as_json("f", "y", np.ones((2, 3)), np.ones(3, int), ())
    assert array["difference"] is None and array["shape"] == [2, 3] and array["right_shape"] == [3] and array["whole"]
    array = live._as_json("f", "y", np.ones(live.LARGEST + 1), np.ones(live.LARGEST + 1), ())
    assert array["yours"] is None and array["right"] is None
    assert live._as_json("f", "loss", np.array(1.0), np.array(3.0), ())["difference"] == [-2.0]


@pytest.mark.slow
def test_the_thread_judges_a_learners_file(folder):
    LESSON.file.write_text(WRONG)
    with live.Live([3]) as exercises:
        wait_for(lambda: exercises.states()[3].result)
        exercises.want_arrays(3)
        wait_for(lambda: exercises.states()[3].arrays)
        state = exercises.states()[3]
        assert [array["name"] for array in state.arrays] == ["db"] and "<b>loud</b>" in state.printed
        yours, right = (np.array(state.arrays[0][key]) for key in ("yours", "right"))
        assert np.allclose(yours, 2 * right, rtol=1e-4)
        LESSON.file.write_text(RIGHT)
        wait_for(lambda: exercises.states()[3].result.right)
        assert exercises.states()[3].arrays is None and exercises.states()[3].printed == ()
        (folder / "endless").write_text("while True: pass\n")
        (folder / "endless").replace(LESSON.file)
        wait_for(lambda: isolation._running)
        start = time.monotonic()
    assert time.monotonic() - start < 3  # the process did not go on until its limit
    assert not isolation._running


@pytest.mark.skipif(sys.platform == "win32", reason="processes of Windows have no groups")
def test_a_process_that_has_ended_is_not_ended_again(monkeypatch):
    """Check that no other process is killed that has got its number in the meantime."""
    with isolation.Process("this") as process:  # a module of the standard library, which ends at once
        assert not list(process.messages())
    monkeypatch.setattr(isolation.os, "killpg", lambda *_: pytest.fail("a process was killed"))
    process.end()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal of POSIX")
def test_ctrl_c_ends_the_server(tmp_path):
    command = [sys.executable, "-u", "-m", "exercises", "serve", "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "open http://127.0.0.1:" in server.stdout.readline()
    server.send_signal(signal.SIGINT)
    out, err = server.communicate(timeout=60)
    assert server.returncode == 0 and out == "ended\n" and "Traceback" not in err


def test_a_port_in_use(capsys):
    with running() as server:
        assert main(["serve", "--port", str(server.server_port)]) == 2
    assert f"port {server.server_port} cannot be used" in capsys.readouterr().err
