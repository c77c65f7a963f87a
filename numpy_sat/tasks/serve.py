"""Serve a page in the browser that captions photos, on this computer alone (system/local_server.py).

One photo is read, decoded and captioned at a time, so 30 uploads at once need no more memory than one. Nothing is
written to disk, and no answer names a path of the computer.
"""

import json
import threading
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from numpy_sat import tasks
from numpy_sat.data import images
from numpy_sat.decoding.trace import trace_images
from numpy_sat.evaluation import page
from numpy_sat.experiment import runs, settings
from numpy_sat.pretrained import inputs
from numpy_sat.system import output
from numpy_sat.system.errors import InputError, shortened
from numpy_sat.system.local_server import LocalHandler, LocalServer
from numpy_sat.tasks import captioning

UPLOAD_BYTES = 50 * 2**20  # largest photo
WIDEST_BEAM = 20


class Server(LocalServer):
    """The server, with its models: {name: runs.Model}."""

    def __init__(self, port: int, models: Mapping[str, runs.Model]):
        self.models, self.turn = list(models.values()), threading.Lock()
        descriptions = [
            {"name": output.printable(name), "length_power": model.recipe.decoding.length_power}
            for name, model in models.items()
        ]
        self.page = page.served("Caption a photo", descriptions, UPLOAD_BYTES)
        super().__init__(port, Handler)

    def caption(self, fields: Mapping[str, str], photo: images.Upload) -> dict:
        """Return the page.Entry of a photo as data.

        Args:
            fields: texts of model (its number), beam and length_power.
            photo: images.Upload.
        Raises:
            InputError: a field or the photo cannot be used.
        """
        model = self.models[_whole(fields, "model", 0, len(self.models) - 1)]
        beam = _whole(fields, "beam", 1, WIDEST_BEAM)
        decoding = {"length_power": fields.get("length_power", "")}
        model = model._replace(recipe=settings.with_settings(model.recipe, decoding))
        pixels = captioning.read(model.recipe, photo)
        (traced,) = trace_images(model, captioning.encode(model.recipe, pixels), beam)
        return page.as_json(captioning.entry(model.recipe, photo, traced))


class Handler(LocalHandler):
    """Answer one request."""

    def do_GET(self):
        """Send the page."""
        if not self.is_refused():
            if self.path == "/":
                self.send(self.server.page, "text/html; charset=utf-8")
            else:
                self.fail(HTTPStatus.NOT_FOUND, "there is no such page.")

    def do_POST(self):
        """Caption the photo that the request carries."""
        if self.is_refused():
            return
        address = urlsplit(self.path)
        if address.path != "/caption":
            self.fail(HTTPStatus.NOT_FOUND, "there is no such page.")
            return
        fields = {name: values[0] for name, values in parse_qs(address.query).items()}
        name = shortened(output.printable(Path(fields.get("name") or "photo").name), 100)
        length = self.body_length()
        if length is None:
            self.fail(HTTPStatus.LENGTH_REQUIRED, f"{name}: its length is missing; send it with the photo.")
        elif length > UPLOAD_BYTES:
            limit = f"{UPLOAD_BYTES // 2**20} MB"
            self.fail(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{name} has more than {limit}; make it smaller first.")
        else:
            self._caption(fields, name, length)

    def _caption(self, fields, name, length):
        """Read the photo, and send its caption or what is wrong."""
        with self.server.turn:  # also for reading: waiting uploads take no memory
            content = self.read(length)
            if content is None:
                return
            try:
                answer = json.dumps(self.server.caption(fields, images.Upload(name, content)), allow_nan=False)
            except InputError as error:
                self.fail(HTTPStatus.BAD_REQUEST, str(error))
                return
            except MemoryError:
                self.fail(HTTPStatus.INSUFFICIENT_STORAGE, f"{name}: not enough memory; make it smaller first.")
                return
        self.send(answer)


def serve(paths: Sequence[Path], port: int) -> None:
    """Serve the page until Ctrl-C.

    Args:
        paths: paths of runs; the page lists them before the captioner of the package.
        port: port of the server; 0 chooses a free one.
    Raises:
        InputError: a run cannot be read or does not caption images, or the port cannot be used.
    """
    with Server(port, load_models(paths)) as server:
        server.serve_until_interrupted()


def load_models(paths: Sequence[Path]) -> dict[str, runs.Model]:
    """Return the models of runs by name, and last the captioner of the package.

    Args:
        paths: paths of runs. A name is that of the folder, with a number if two folders have the same.
    Raises:
        InputError: a run cannot be read, or does not caption the images of files.
    """
    models = {}
    for path in (*paths, runs.SHIPPED):
        model = runs.load_model(path)
        if tasks.of_model(model) is not captioning:
            raise InputError(f"{path} does not caption images; name the run of a captioner.")
        inputs.refuse_objects(model.recipe, path)
        name = "captioner of the package" if path == runs.SHIPPED else runs.folder_of(path).resolve().name
        models[name if name not in models else f"{name} ({len(models) + 1})"] = model
    return models


def _whole(fields, name, minimum, maximum):
    """Return the integer of a field. Raises InputError for another text."""
    text = fields.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 10 and minimum <= int(text) <= maximum):
        raise InputError(
            f"{name}: must be a whole number from {minimum} to {maximum}, not {shortened(text) or 'empty'}."
        )
    return int(text)
