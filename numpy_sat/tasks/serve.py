"""Serve a page in the browser that captions photos: an HTTP server for this computer alone.

The server is that of the standard library: two addresses need no framework. It answers only on 127.0.0.1, and only
requests whose Host and Origin are its own. So no other page in the same browser can use it. One photo is read, decoded
and captioned at a time, so 30 uploads at once need no more memory than one. Nothing is written to disk, and no answer
names a path of the computer.
"""

import json
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from numpy_sat import tasks
from numpy_sat.data import images
from numpy_sat.decoding.trace import trace_images
from numpy_sat.evaluation import page
from numpy_sat.experiment import runs, settings
from numpy_sat.system import output
from numpy_sat.system.errors import InputError, shortened
from numpy_sat.tasks import captioning

ADDRESS = "127.0.0.1"
UPLOAD_BYTES = 50 * 2**20  # largest photo
SECONDS = 30  # after which a client that sends nothing loses its connection
WIDEST_BEAM = 20
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Server(ThreadingHTTPServer):
    """The server, with its models: {name: runs.Model}."""

    daemon_threads = True
    request_queue_size = 64
    allow_reuse_address = os.name != "nt"  # on Windows it would let two servers share a port

    def __init__(self, port: int, models: Mapping[str, runs.Model]):
        self.models, self.turn = list(models.values()), threading.Lock()
        descriptions = [
            {"name": output.printable(name), "length_power": model.recipe.decoding.length_power}
            for name, model in models.items()
        ]
        self.page = page.served("Caption a photo", descriptions, UPLOAD_BYTES)
        try:
            super().__init__((ADDRESS, port), Handler)
        except OSError as error:
            raise InputError(f"port {port} cannot be used ({error.strerror}); choose another --port.") from error
        self.hosts = {f"{name}:{self.server_port}" for name in (ADDRESS, "localhost")}

    def handle_error(self, request, client_address):
        """Ignore a client that has gone, or that has sent nothing for too long. Other errors are ours: print them."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)

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


class Handler(BaseHTTPRequestHandler):
    """Answer one request."""

    server_version, sys_version, timeout = "numpy_sat", "", SECONDS

    def do_GET(self):
        """Send the page."""
        if not self._is_refused():
            if self.path == "/":
                self._send(HTTPStatus.OK, self.server.page, "text/html; charset=utf-8")
            else:
                self._fail(HTTPStatus.NOT_FOUND, "there is no such page.")

    def do_POST(self):
        """Caption the photo that the request carries."""
        if self._is_refused():
            return
        address = urlsplit(self.path)
        if address.path != "/caption":
            self._fail(HTTPStatus.NOT_FOUND, "there is no such page.")
            return
        fields = {name: values[0] for name, values in parse_qs(address.query).items()}
        name = shortened(output.printable(Path(fields.get("name") or "photo").name), 100)
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            self._fail(HTTPStatus.LENGTH_REQUIRED, f"{name}: its length is missing; send it with the photo.")
        elif len(length) > 18 or int(length) > UPLOAD_BYTES:
            limit = f"{UPLOAD_BYTES // 2**20} MB"
            self._fail(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{name} has more than {limit}; make it smaller first.")
        else:
            self._caption(fields, name, int(length))

    def _caption(self, fields, name, length):
        """Read the photo, and send its caption or what is wrong."""
        with self.server.turn:  # also for reading: waiting uploads take no memory
            content = self.rfile.read(length)
            try:
                answer = json.dumps(self.server.caption(fields, images.Upload(name, content)), allow_nan=False)
            except InputError as error:
                self._fail(HTTPStatus.BAD_REQUEST, str(error))
                return
            except MemoryError:
                self._fail(HTTPStatus.INSUFFICIENT_STORAGE, f"{name}: not enough memory; make it smaller first.")
                return
        self._send(HTTPStatus.OK, answer, "application/json")

    def _is_refused(self):
        """Answer a request that comes from another page or host, and return True; return False for our own."""
        hosts, origin = self.server.hosts, self.headers.get("Origin")
        is_ours = self.headers.get("Host") in hosts and (
            origin is None or origin in {f"http://{host}" for host in hosts}
        )
        if is_ours and self.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none"):
            return False
        self._fail(HTTPStatus.FORBIDDEN, "this server answers only its own page; open the address that it printed.")
        return True

    def _fail(self, status, message):
        """Send an error as data. The photo may be unread, so the connection ends."""
        self._send(status, json.dumps({"error": output.printable(message)}), "application/json")

    def _send(self, status, text, kind):
        body = text.encode("utf-8")
        self.send_response(status)
        for name, value in {**HEADERS, "Content-Type": kind, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        """Print nothing for each request."""


def serve(paths: Sequence[Path], port: int) -> None:
    """Serve the page until Ctrl-C.

    Args:
        paths: paths of runs; the page lists them before the captioner of the package.
        port: port of the server; 0 chooses a free one.
    Raises:
        InputError: a run cannot be read or does not caption images, or the port cannot be used.
    """
    with Server(port, load_models(paths)) as server:
        output.show(f"open http://{ADDRESS}:{server.server_port}/ in a browser; Ctrl-C ends the server")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            output.show("ended")


def load_models(paths: Sequence[Path]) -> dict[str, runs.Model]:
    """Return the models of runs by name, and last the captioner of the package.

    Args:
        paths: paths of runs. A name is that of the folder, with a number if two folders have the same.
    Raises:
        InputError: a run cannot be read, or does not caption images.
    """
    models = {}
    for path in (*paths, runs.SHIPPED):
        model = runs.load_model(path)
        if tasks.of_model(model) is not captioning:
            raise InputError(f"{path} does not caption images; name the run of a captioner.")
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
