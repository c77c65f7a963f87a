"""The command `serve`: the exercises on a page in the browser, which follows the learner's files.

The page is for this computer alone (numpy_sat/system/local_server.py). It holds nothing that the terminal does not
show: the board, the exercises' texts, the output of `check`, `show` and `plug`.
"""

import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
import threading
from http import HTTPStatus
from pathlib import Path

from exercises.runner import board, isolation, lessons, live, plug, records, report, typesetting
from numpy_sat.evaluation import page
from numpy_sat.system import html_page, output
from numpy_sat.system.local_server import LocalHandler, LocalServer

FOLDER = Path(__file__).parent / "page"
TITLE = "Exercises: Show, Attend and Tell in NumPy"
TEXT_BYTES = 2**16  # largest output of plug that the page shows
CURVE_BYTES = 2**21  # largest file of curves that is read
END_SECONDS = 10  # seconds for the training to end when the server ends


def serve(port: int) -> None:
    """Serve the page until Ctrl-C.

    Raises:
        InputError: the port cannot be used.
    """
    with Server(port, list(lessons.names())) as server:
        server.serve_until_interrupted()


class Server(LocalServer):
    """The server, with the states of the exercises and the training that runs. Use it as a context."""

    def __init__(self, port: int, numbers: list[int]):
        super().__init__(port, Handler)
        texts = [(folder / name).read_text(encoding="utf-8") for folder, name in _FILES]
        template, script, *styles = texts
        self.page = html_page.fill(template, TITLE, "".join(styles), script, {}, calls_server=True)
        self.live, self.training = live.Live(numbers), Training()

    def __enter__(self) -> "Server":
        self.live.__enter__()
        return super().__enter__()

    def __exit__(self, *error) -> None:
        self.training.end()
        self.live.__exit__(*error)
        super().__exit__(*error)


_FILES = ((FOLDER, "course.html"), (FOLDER, "course.js"), (page.FOLDER, "page.css"), (FOLDER, "course.css"))


class Handler(LocalHandler):
    """Answer one request."""

    def do_GET(self):
        """Send the page, the board or an exercise."""
        if self.is_refused():
            return
        number = _number(self.path, "exercise")
        if self.path == "/":
            self.send(self.server.page, "text/html; charset=utf-8")
        elif self.path == "/board":
            self._send_data(board_data(self.server.live.states()))
        elif number in self.server.live.states():
            self.server.live.want_arrays(number)
            state = self.server.live.states()[number]
            self._send_data(exercise_data(number, state) | {"training": self.server.training.data(number)})
        else:
            self.fail(HTTPStatus.NOT_FOUND, "there is no such page.")

    def do_POST(self):
        """Start to train with the functions of an exercise."""
        if self.is_refused():
            return
        number = _number(self.path, "plug")
        if number not in self.server.live.states():
            self.fail(HTTPStatus.NOT_FOUND, "there is no such page.")
        elif not self.server.training.start(number, lambda: self.server.live.touch(number)):
            self.fail(HTTPStatus.CONFLICT, "another training is running; wait until it ends.")
        else:
            self._send_data({})

    def _send_data(self, data):
        self.send(json.dumps(records.finite(data), allow_nan=False))


class Training:
    """The training of `plug`, at most one at a time, in a process of its own."""

    def __init__(self):
        self._lock, self._process, self._number = threading.Lock(), None, None
        self._text, self._code = b"", None

    def start(self, number: int, changed) -> bool:
        """Start `plug` on an exercise and return True, or return False if a training is running.

        Args:
            number: the exercise.
            changed: function without arguments to call after each change of the output.
        """
        with self._lock:
            if self._process and self._process.poll() is None:
                return False
            path = os.pathsep.join([str(isolation.ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
            self._process = subprocess.Popen(
                _command(number),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PYTHONPATH": path, "PYTHONUTF8": "1"},
            )
            self._number, self._text, self._code = number, b"", None
            threading.Thread(target=self._read, args=(self._process, changed), daemon=True).start()
            return True

    def data(self, number: int) -> dict:
        """Return whether a training is running, and the text of the exercise's last one."""
        is_running = self._process is not None and self._code is None
        text = shown_text(self._text.decode(errors="replace")) if self._number == number else ""
        return {"running": self._number if is_running else None, "text": text}

    def end(self) -> None:
        """End the training. It gets Ctrl-C first, so that it ends the process of the learner's code."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM if os.name == "nt" else signal.SIGINT)
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def _read(self, process, changed):
        while data := process.stdout.read1(2**16):
            self._text = (self._text + data)[-TEXT_BYTES:]
            changed()
        process.stdout.close()
        self._code = process.wait()
        changed()


def _command(number):
    return [sys.executable, "-m", "exercises", "plug", str(number)]


def shown_text(text: str) -> str:
    """Return the output of a program as a terminal shows it at the end, without paths of the computer.

    A carriage return starts a line again, as a progress bar does.
    """
    lines = [re.split("\r+", line.rstrip("\r"))[-1] for line in text.split("\n")]
    return without_paths(output.printable("\n".join(lines), keep="\n\t"))


def without_paths(text: str) -> str:
    """Return a text without the names of this computer's folders."""
    for folder, name in _folders():
        text = re.sub(re.escape(folder) + r"(?=[\\/])", name, text)
    return text


def _without_paths(value):
    """Return verdicts with `without_paths` of all their texts."""
    if isinstance(value, dict):
        return {key: _without_paths(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_without_paths(part) for part in value]
    return without_paths(value) if isinstance(value, str) else value


def _folders():
    """Return [(folder, name to show)], inner folders first. The project's and the current one have no name."""
    names = {
        str(lessons.EXERCISES.parent): ".",
        str(isolation.ROOT): ".",
        str(Path.cwd()): ".",
        sysconfig.get_path("purelib"): "<packages>",
        sysconfig.get_path("stdlib"): "<python>",
        sys.prefix: "<python>",
        str(Path.home()): "~",
    }
    return sorted(((folder, name) for folder, name in names.items() if len(folder) > 1), key=lambda p: -len(p[0]))


def board_data(states: dict[int, live.State]) -> dict:
    """Return the board as data: a line for each exercise, and which one is next."""
    lines, results = [], [state.result for state in states.values() if state.result]
    for number, state in states.items():
        mark, style, detail = board.state(state.result) if state.result else ("...", "dim", "")
        title = lessons.load(number).title
        line = {"number": number, "title": title, "mark": mark, "style": style, "detail": detail}
        lines.append(line | {"version": state.version})
    unsolved = [result for result in results if not result.right]
    return {
        "exercises": lines,
        "solved": len(results) - len(unsolved),
        "judged": len(results),
        "next": board.next_number(unsolved) if unsolved else None,
    }


def exercise_data(number: int, state: live.State) -> dict:
    """Return the page of an exercise as data."""
    lesson = lessons.load(number)
    return {
        "number": number,
        "version": state.version,
        "title": lesson.title,
        "file": report.relative(lesson.file),
        "facts": {"difficulty": lesson.facts.difficulty, "minutes": lesson.facts.minutes},
        "chapter": f"exercises/chapters/{lesson.facts.chapter}.md" if lesson.facts.chapter else "",
        "builds_on": list(lesson.facts.builds_on),
        "sections": typesetting.sections(lesson.intro),
        "verdict": _verdict(lesson, state) if state.result else None,
        "printed": [without_paths(line) for line in state.printed],
        "arrays": state.arrays,
        "curves": read_curves(number),
    }


def _verdict(lesson, state):
    """Return the lines of `check` as data, and the sentences on the wrong terms, which `check --term` adds."""
    result = state.result._replace(verdicts=_without_paths(state.result.verdicts))  # before lines are wrapped
    terms = [
        sentence
        for verdict in result.verdicts
        for finding in verdict["findings"]
        for sentence in report.term_sentences(verdict, finding)
    ]
    return {
        "right": result.right,
        "complete": result.complete,
        "time": state.time,
        "functions": [{"name": verdict["name"], "state": verdict["state"]} for verdict in result.verdicts],
        "lines": report.text_lines(lesson, result, term=False, everything=False),
        "terms": [output.printable(term) for term in terms],
    }


def read_curves(number: int) -> dict | None:
    """Return {training: {curve: losses}} of the last plug of an exercise, or None if there is none to read."""
    path = plug.folder_of(number) / plug.CURVES
    try:
        if not path.is_file() or path.stat().st_size > CURVE_BYTES:
            return None
        curves = json.loads(path.read_text(encoding="utf-8"))
        return {
            str(title): {str(name): [float(loss) for loss in losses] for name, losses in group.items()}
            for title, group in curves.items()
        }
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None


def _number(path, name):
    """Return the number of an address such as /exercise/3, or None."""
    match = re.fullmatch(rf"/{name}/([1-9]\d{{0,3}})", path, re.ASCII)
    return int(match[1]) if match else None
