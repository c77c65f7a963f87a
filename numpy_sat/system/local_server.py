"""An HTTP server for this computer alone. It is that of the standard library: a few addresses need no framework.

It listens on 127.0.0.1, and answers only requests whose Host and Origin are its own. So no other page in the same
browser can use it, even if the name of that page leads to 127.0.0.1. The number of connections and the time to send a
request are bounded.
"""

import contextlib
import io
import json
import os
import socket
import sys
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from numpy_sat.system import output
from numpy_sat.system.errors import InputError

ADDRESS = "127.0.0.1"
CONNECTIONS = 100  # connections at the same time; each has a thread
HEAD_SECONDS = 10  # seconds to send the head of a request
BODY_SECONDS = 20  # seconds to send what follows the head, once it is read
ANSWER_SECONDS = 30  # seconds to receive a piece of the answer
REST_SECONDS = 2  # seconds to read and drop the rest of a refused request, so that its sender gets the answer
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",  # a page has a policy of its own for the rest
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class LocalServer(ThreadingHTTPServer):
    """A server with a thread for each connection.

    Attributes:
        hosts: set of the names with which a request may address it.
    """

    daemon_threads = True
    request_queue_size = 64
    allow_reuse_address = os.name != "nt"  # on Windows it would let two servers share a port

    def __init__(self, port: int, handler: type["LocalHandler"]):
        """Listen on a port; 0 chooses a free one.

        Raises:
            InputError: the port cannot be used.
        """
        self._free = threading.BoundedSemaphore(CONNECTIONS)
        try:
            super().__init__((ADDRESS, port), handler)
        except OSError as error:
            raise InputError(f"port {port} cannot be used ({error.strerror}); choose another --port.") from error
        self.hosts = {f"{name}:{self.server_port}" for name in (ADDRESS, "localhost")}

    def serve_until_interrupted(self) -> None:
        """Print the address, and serve until Ctrl-C."""
        try:
            output.show(f"open http://{ADDRESS}:{self.server_port}/ in a browser; Ctrl-C ends the server")
            sys.stdout.flush()
            self.serve_forever()
        except KeyboardInterrupt:
            output.show("ended")

    def process_request(self, request, client_address):
        """Start a thread for a connection, or close the connection if there are too many."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request, client_address):
        """Answer in this thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request, client_address):
        """Ignore a client that has gone, or that has sent nothing for too long. Other errors are ours: print them."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class LocalHandler(BaseHTTPRequestHandler):
    """Answer one request. A subclass has do_GET and do_POST, which first ask `is_refused`."""

    server_version, sys_version = "numpy_sat", ""

    def setup(self):
        """Bound the time of the head: a client that sends it byte by byte holds a thread."""
        super().setup()
        self._reader, self._has_rest = _Reader(self.connection), False
        self.rfile = io.BufferedReader(self._reader)
        self._reader.allow(HEAD_SECONDS)

    def finish(self):
        """Drop the rest of a request that was not read. Otherwise its sender may not get the answer."""
        super().finish()
        if not self._has_rest:
            return
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self._reader.allow(REST_SECONDS)
            while self._reader.readinto(bytearray(2**16)):
                pass

    def is_refused(self) -> bool:
        """Answer a request that comes from another page or host, and return True; return False for our own."""
        hosts, origin = self.server.hosts, self.headers.get("Origin")
        is_ours = self.headers.get("Host") in hosts and (
            origin is None or origin in {f"http://{host}" for host in hosts}
        )
        if is_ours and self.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none"):
            return False
        self.fail(HTTPStatus.FORBIDDEN, "this server answers only its own page; open the address that it printed.")
        return True

    def body_length(self) -> int | None:
        """Return how many bytes follow the head, or None if the request does not say it."""
        text = self.headers.get("Content-Length", "")
        return int(text[:19]) if text.isascii() and text.isdigit() else None  # 19 digits are more than any limit

    def read(self, length: int) -> bytes | None:
        """Return so many bytes that follow the head, or None if the client has gone.

        Raises:
            TimeoutError: the client is too slow; the connection ends.
        """
        self._reader.allow(BODY_SECONDS)
        content = self.rfile.read(length)
        return content if len(content) == length else None

    def send(self, text: str, kind: str = "application/json", status: HTTPStatus = HTTPStatus.OK) -> None:
        """Send an answer. kind: its media type."""
        self.connection.settimeout(ANSWER_SECONDS)
        body = text.encode("utf-8")
        self.send_response(status)
        for name, value in {**HEADERS, "Content-Type": kind, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def fail(self, status: HTTPStatus, message: str) -> None:
        """Send {"error": message}. What follows the head may be unread, so the connection ends."""
        self.close_connection = self._has_rest = True
        self.send(json.dumps({"error": output.printable(message)}), status=status)

    def send_error(self, code, message=None, explain=None):
        """Send an error that the library has found, such as an unknown method or a head that is too long."""
        status = HTTPStatus(code)
        self.fail(status, f"this request cannot be answered: {status.phrase.lower()}.")

    def log_message(self, format, *args):
        """Print nothing for each request."""


class _Reader(io.RawIOBase):
    """What a client sends. All of it has to arrive in the time that `allow` gives."""

    def __init__(self, connection: socket.socket):
        self._connection, self._end = connection, 0.0

    def allow(self, seconds: float) -> None:
        """Raise TimeoutError if something is still read after so many seconds."""
        self._end = time.monotonic() + seconds

    def readable(self):
        return True

    def readinto(self, buffer):
        rest = self._end - time.monotonic()
        if rest <= 0:
            raise TimeoutError("the client is too slow")
        self._connection.settimeout(rest)
        return self._connection.recv_into(buffer)
