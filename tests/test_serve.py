"""Test the server of the page: answers, refusals, many uploads at once, and that it writes and tells nothing."""

import http.client
import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from html_pages import data_of
from PIL import Image

from numpy_sat import caption, serve
from numpy_sat.experiment import runs
from numpy_sat.system.errors import InputError
from numpy_sat.tasks.serve import UPLOAD_BYTES, Server, load_models

FIELDS = "model=0&beam=2&length_power=1"


@pytest.fixture
def server(trained):
    """Serve a tiny model, in a thread of this process."""
    with Server(0, {"tiny": runs.load_model(trained)}) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def photo(root):
    return min((root / "Flicker8k_Dataset").iterdir())


def ask(server, method="POST", path=f"/caption?{FIELDS}&name=dog.jpg", body=None, **headers):
    """Send a request, and return the status and the text of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8")
    finally:
        connection.close()


def test_a_photo_gets_the_caption_of_the_command(server, trained, photo, tmp_path, capsys):
    before = sorted(map(str, tmp_path.rglob("*")))
    status, text = ask(server, body=photo.read_bytes(), Origin=f"http://127.0.0.1:{server.server_port}")
    entry = json.loads(text)
    assert status == 200 and entry["name"] == "dog.jpg" and entry["image"].startswith("data:image/jpeg;base64,")
    assert caption.main([str(trained), str(photo), "--beam", "2"]) == 0
    printed = capsys.readouterr().out
    assert f": {entry['caption']}  (log p {entry['log_p']:.2f})" in printed
    assert sorted(map(str, tmp_path.rglob("*"))) == before  # the server writes nothing


def test_the_page_names_the_models_and_no_path(server, trained):
    status, text = ask(server, "GET", "/")
    assert status == 200 and data_of(text) == [] and '"name":"tiny"' in text
    for path in (trained, Path(serve.__file__).parent, Path.home()):
        assert str(path) not in text


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "photo.jpg is empty; get the file again."),
        (b"no image", "photo.jpg is not an image, or its format is not supported; use JPEG or PNG."),
        (b"\0\0\0\x18ftypheic" + bytes(90), "photo.jpg is an HEIC photo, the format of iPhones; install"),
        (
            b"\xff\xd8\xff\xe0" + bytes(90),
            "photo.jpg cannot be decoded; it is damaged or cut short: get the file again.",
        ),
    ],
)
def test_a_photo_that_cannot_be_read_gets_a_sentence(server, no_heif, content, sentence):
    status, text = ask(server, path=f"/caption?{FIELDS}&name=/home/me/photo.jpg", body=content)
    assert status == 400 and json.loads(text)["error"].startswith(sentence)


def test_a_photo_with_too_many_pixels(server):
    buffer = io.BytesIO()
    Image.new("1", (20_000, 10_000)).save(buffer, "PNG")
    status, text = ask(server, body=buffer.getvalue())
    assert status == 400 and "dog.jpg has more than 178,956,970 pixels; make it smaller first." in text


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ("model=1&beam=2&length_power=1", "model: must be a whole number from 0 to 0, not 1."),
        ("beam=2&length_power=1", "model: must be a whole number from 0 to 0, not empty."),
        ("model=0&beam=21&length_power=1", "beam: must be a whole number from 1 to 20, not 21."),
        ("model=0&beam=2&length_power=x", "length_power"),
        ("model=0&beam=2&length_power=nan", "length_power"),
    ],
)
def test_settings_that_cannot_be(server, photo, fields, sentence):
    status, text = ask(server, path=f"/caption?{fields}", body=photo.read_bytes())
    assert status == 400 and json.loads(text)["error"].startswith(sentence)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "example.org"},
        {"Host": "127.0.0.1"},  # of another server on this computer
        {"Origin": "https://example.org"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_other_pages_and_hosts_are_refused(server, photo, method, headers):
    path = "/" if method == "GET" else f"/caption?{FIELDS}"
    status, text = ask(server, method, path, photo.read_bytes() if method == "POST" else None, **headers)
    assert status == 403 and "this server answers only its own page" in text and "data:image" not in text


def test_uploads_are_bounded(server):
    """Check a photo of 200 MB by its length, and a length that is missing or no number."""
    status, text = ask(server, Content_Length=str(200 * 2**20))
    assert status == 413 and json.loads(text)["error"] == "dog.jpg has more than 50 MB; make it smaller first."
    assert ask(server, Content_Length=str(UPLOAD_BYTES + 1))[0] == 413
    assert ask(server, Content_Length="9" * 5000)[0] == 413
    for length in ("-1", "x", "\xb2"):
        assert ask(server, Content_Length=length)[0] == 411


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/x", 404), ("POST", "/x", 404), ("PUT", "/", 501)])
def test_other_addresses(server, method, path, status):
    assert ask(server, method, path)[0] == status


def test_30_uploads_at_once(server, photo, monkeypatch):
    """Check that all are answered, and that one photo is captioned at a time."""
    running, most = [], []
    original = server.caption

    def watched(*args):
        running.append(None)
        most.append(len(running))
        try:
            return original(*args)
        finally:
            running.pop()

    monkeypatch.setattr(server, "caption", watched)
    content = photo.read_bytes()
    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda _: ask(server, body=content), range(30)))
    assert len(set(answers)) == 1 and answers[0][0] == 200 and max(most) == 1 and len(most) == 30


def test_the_models_to_choose_from(trained, tmp_path):
    models = load_models([trained, trained.parent / "blind", trained])
    assert list(models) == ["run", "blind", "run (3)", "captioner of the package"]
    assert np.array_equal(models["run"].params["E"], models["run (3)"].params["E"])


def test_a_model_that_needs_boxes_is_refused(trained, monkeypatch):
    model = runs.load_model(trained)
    monkeypatch.setattr(runs, "load_model", lambda _: model._replace(recipe=model.recipe.replace(regions="boxes")))
    with pytest.raises(InputError, match="this model also reads the boxes or tags of objects"):
        load_models([trained])


def test_a_port_in_use(server, capsys):
    with pytest.raises(InputError, match=rf"port {server.server_port} cannot be used .*; choose another --port\."):
        Server(server.server_port, {})
    with pytest.raises(SystemExit):
        serve.main(["--port", "65536"])
    assert "must be a port from 0 to 65,535, not 65536" in capsys.readouterr().err


def test_a_missing_run(tmp_path, capsys):
    assert serve.main([str(tmp_path / "nowhere")]) == 2
    assert "nowhere" in capsys.readouterr().err
