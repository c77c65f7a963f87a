"""Attack the local server: slow clients, many connections, malformed requests, and two servers on a port."""

import http.client
import json
import socket
import threading
import time
from contextlib import contextmanager
from http import HTTPStatus

import pytest

from numpy_sat.system import local_server
from numpy_sat.system.errors import InputError


class Echo(local_server.LocalHandler):
    """Answer with the length of what was sent."""

    def do_GET(self):
        if not self.is_refused():
            self.send("secret", "text/plain")

    def do_POST(self):
        if self.is_refused():
            return
        length = self.body_length()
        if length is None or length > 1000:
            self.fail(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too large")
            return
        content = self.read(length)
        if content is not None:
            self.send(json.dumps(len(content)))


@pytest.fixture
def server():
    with running() as server:
        yield server


@contextmanager
def running():
    with local_server.LocalServer(0, Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def connect(server):
    return socket.create_connection(("127.0.0.1", server.server_port), timeout=10)


def answer(server, request):
    """Send bytes, and return all that comes back until the server closes the connection."""
    with connect(server) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(2**16), b""))


def head(server, first="GET / HTTP/1.1", *lines):
    return "\r\n".join([first, f"Host: 127.0.0.1:{server.server_port}", *lines, "", ""]).encode("latin-1")


def is_alive(server):
    return answer(server, head(server)).endswith(b"secret")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"\r\n\r\n", b""),
        (b"GET\r\n\r\n", b""),
        (b"\0\xff\x16\x03\x01 TLS \r\n\r\n", b"error"),
        (b"GET / HTTP/9.9\r\n\r\n", b"error"),
        (b"GET / HTTP/1.1\r\n\r\n", b"403"),  # no Host
        (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", b"403"),
        (b"GET / HTTP/1.1\r\nnonsense\r\n\r\n", b"403"),
        (b"GET http://127.0.0.1/ HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"403"),
        (b"BREW / HTTP/1.1\r\n\r\n", b"501"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 200 + b"\r\n", b"431"),
    ],
)
def test_malformed_requests(server, capfd, request_bytes, status):
    text = answer(server, request_bytes)
    assert status in text.split(b"\r\n")[0] and b"secret" not in text and b"nonsense" not in text
    assert is_alive(server) and capfd.readouterr().err == ""


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "<script>"])
def test_other_methods_have_the_headers_of_all_answers(server, method):
    text = answer(server, head(server, f"{method} / HTTP/1.1")).decode()
    assert "nosniff" in text and "Access-Control" not in text and "script" not in text


def test_names_that_lead_here_are_refused(server):
    """Check that a page of another name gets nothing when that name is changed to 127.0.0.1."""
    for host in ("evil.example", f"evil.example:{server.server_port}", "127.0.0.1.evil.example", "[::1]", "0.0.0.0"):
        request = f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        assert b"403" in answer(server, request).split(b"\r\n")[0]
    assert is_alive(server)
    assert server.server_address[0] == "127.0.0.1"  # no other computer reaches it


@pytest.mark.parametrize("length", ["", "-1", "1e3", "0x10", "9" * 5000, "1001", "+5", " "])
def test_lengths_of_uploads(server, length):
    text = answer(server, head(server, "POST / HTTP/1.1", f"Content-Length: {length}"))
    assert b"413" in text.split(b"\r\n")[0]


def test_an_upload_that_is_chunked_or_has_no_length_is_refused(server):
    request = head(server, "POST / HTTP/1.1", "Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n\r\n"
    assert b"413" in answer(server, request).split(b"\r\n")[0]


def test_an_upload_that_is_too_large_gets_its_answer_while_it_is_sent(server):
    """Check that the server reads on: otherwise the system resets the connection, and the answer is lost."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request("POST", "/", bytes(20 * 2**20))
    reply = connection.getresponse()
    assert reply.status == 413 and json.loads(reply.read()) == {"error": "too large"}
    connection.close()


def test_a_client_that_stops_within_an_upload(server, capfd):
    with connect(server) as connection:
        connection.sendall(head(server, "POST / HTTP/1.1", "Content-Length: 100") + b"half")
    assert is_alive(server) and capfd.readouterr().err == ""


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_client_that_sends_byte_by_byte_loses_its_connection(monkeypatch, part):
    """Check that the whole time counts, not that since the last byte."""
    monkeypatch.setattr(local_server, f"{part.upper()}_SECONDS", 0.3)
    with running() as server, connect(server) as connection:
        start = time.monotonic()
        connection.sendall(head(server, "POST / HTTP/1.1", "Content-Length: 1000") if part == "body" else b"GET / HTTP")
        with pytest.raises(OSError):
            for _ in range(100):
                time.sleep(0.05)
                connection.sendall(b"x")
        assert time.monotonic() - start < 3
        assert is_alive(server)


def test_connections_are_bounded(monkeypatch, capfd):
    """Check that idle connections beyond the limit are closed, and that the others make room in the end."""
    monkeypatch.setattr(local_server, "CONNECTIONS", 5)
    monkeypatch.setattr(local_server, "HEAD_SECONDS", 0.5)
    with running() as server:
        before = threading.active_count()
        connections = [connect(server) for _ in range(30)]
        time.sleep(0.2)
        assert threading.active_count() - before <= 5
        assert all(connection.recv(1) == b"" for connection in connections)
        assert is_alive(server)
        for connection in connections:
            connection.close()
    assert capfd.readouterr().err == ""


def test_two_servers_on_a_port(server):
    with pytest.raises(InputError, match=rf"port {server.server_port} cannot be used .*; choose another --port\."):
        local_server.LocalServer(server.server_port, Echo)
    assert is_alive(server)


def test_an_interrupt_before_the_first_request_ends_the_server_quietly(capsys, monkeypatch):
    def interrupted(text):
        if "open" in text:
            raise KeyboardInterrupt

    monkeypatch.setattr(local_server.output, "show", interrupted)
    with local_server.LocalServer(0, Echo) as server:
        server.serve_until_interrupted()
