"""The server: for browsers of this machine alone, with the types and headers that the page needs."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgedigits.errors import UsageError
from edgedigits.system.server import HEADERS, TYPES, Server

ROOT = Path(__file__).parents[2]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "deep").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>here</title>")
    for suffix in TYPES:
        (tmp_path / "deep" / f"file{suffix}").write_bytes(b"content")
    with Server(tmp_path) as made:
        threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
        yield made
        made.shutdown()


def ask(server: Server, path: str, method: str = "GET", host: str | None = None) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request(method, path, headers={"Host": host or f"127.0.0.1:{server.server_port}"})
    return connection.getresponse()


def test_only_this_machine_reaches_it(server: Server) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert server.url == f"http://127.0.0.1:{server.server_port}/"


@pytest.mark.parametrize("suffix", TYPES)
def test_every_file_has_its_type_and_nothing_is_cached(suffix: str, server: Server) -> None:
    response = ask(server, f"/deep/file{suffix}")
    assert (response.status, response.read()) == (200, b"content")
    assert response.headers["Content-Type"] == TYPES[suffix]
    assert {name: response.headers[name] for name in HEADERS} == HEADERS


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost:1", ""])
def test_another_name_is_refused(host: str, server: Server) -> None:
    response = ask(server, "/", host=host or " ")
    assert response.status == 421
    assert b"here" not in response.read()


def test_localhost_is_its_name_too(server: Server) -> None:
    assert b"here" in ask(server, "/", host=f"localhost:{server.server_port}").read()


@pytest.mark.parametrize("path", ["/deep/", "/none", "/../secret", "/%2e%2e/secret", "/deep/file.wasm/"])
def test_what_is_not_there_is_not_found(path: str, server: Server, tmp_path: Path) -> None:
    (tmp_path.parent / "secret").write_text("secret")
    response = ask(server, path)
    assert response.status == 404
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_nothing_can_be_sent_to_it(server: Server) -> None:
    assert ask(server, "/", "POST").status == 501
    assert ask(server, "/", "HEAD").status == 200


def test_a_browser_that_goes_away_is_no_event(
    server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "large.wasm").write_bytes(bytes(8 << 20))
    with socket.create_connection(("127.0.0.1", server.server_port)) as leaving:
        leaving.sendall(f"GET /large.wasm HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\n\r\n".encode())
        leaving.recv(1)
    assert ask(server, "/").status == 200
    assert capfd.readouterr().err == ""


def test_a_port_in_use_is_named(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"--port {server.server_port}: Address already in use\. Name another"):
        Server(tmp_path, server.server_port)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_end(end: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("here")
    code = (
        "from edgedigits.system.server import Server; from pathlib import Path\n"
        f"with Server(Path({str(tmp_path)!r})) as server: print(server.url, flush=True); server.run()"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout
        url = process.stdout.readline()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\n", url)
        connection = http.client.HTTPConnection(url.strip().removeprefix("http://").rstrip("/"), timeout=10)
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"here"
        process.send_signal(end)
        assert process.wait(10) == 0
