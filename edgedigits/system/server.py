"""This machine's own address, for its own browsers: `with Server(folder) as server: server.run()` serves a folder.

Nobody else reaches it: it listens on 127.0.0.1, and refuses requests under another name, which a foreign page
could have pointed here. What it serves may load nothing from elsewhere, and is never cached. A page with more to say
than files has a `LocalServer` with a `Handler` of its own.
"""

import contextlib
import functools
import http.server
import os
import signal
import sys
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from edgedigits.errors import UsageError

ADDRESS = "127.0.0.1"
NAMES = (ADDRESS, "localhost")
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; "
    "style-src 'self'; img-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Embedder-Policy": "require-corp",  # with the next one, browsers tell time to 5 microseconds, not 100
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
TYPES = {  # of all that is served, so that nothing depends on what the system calls a type
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".onnx": "application/octet-stream",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
}


class LocalServer(http.server.ThreadingHTTPServer):
    """Listens as soon as it is made.

    handler   a kind of Handler, which answers one connection, or what makes one
    port      0 for a free one

    Raises UsageError where the port cannot be had.
    """

    daemon_threads = True
    allow_reuse_address = os.name == "posix"  # elsewhere that would share the port with another program

    def __init__(self, handler: Callable[..., "Handler"], port: int = 0) -> None:
        try:
            super().__init__((ADDRESS, port), handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UsageError(f"--port {port}: {reason}. Name another, or leave it out for a free one.") from error

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"http://{ADDRESS}:{self.server_port}/"

    def run(self) -> None:
        """Serve until Ctrl-C, or until the process is asked to end."""
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with contextlib.suppress(KeyboardInterrupt):
            self.serve_forever(poll_interval=0.1)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that went away in the middle of a file."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(http.server.BaseHTTPRequestHandler):
    """What all answers have in common; `do_GET` and the like are a subclass's. It logs nothing."""

    protocol_version = "HTTP/1.1"
    server_version = "EdgeDigits"
    sys_version = ""

    def parse_request(self) -> bool:
        """Also refuse a request under another name."""
        if not super().parse_request():
            return False
        assert isinstance(self.server, LocalServer)
        name, _, port = self.headers.get("Host", "").partition(":")
        if name in NAMES and (port or "80") == str(self.server.server_port):
            return True
        self.send_error(HTTPStatus.MISDIRECTED_REQUEST, explain=f"This server is {self.server.url} alone.")
        return False

    def reply(self, content: bytes, kind: str) -> None:
        """Send content, of one of TYPES."""
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def end_headers(self) -> None:
        """With the headers that all answers have."""
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the caller's signature
        """Log nothing."""


class Server(LocalServer):
    """Serves the files of a folder, which may still be empty; port and errors as of a LocalServer."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        super().__init__(functools.partial(_Files, directory=str(folder)), port)


class _Files(Handler, http.server.SimpleHTTPRequestHandler):
    extensions_map = TYPES
    timeout = 60.0  # seconds that a connection may be idle

    def list_directory(self, path: Any) -> None:  # noqa: ARG002 - the caller's signature
        self.send_error(HTTPStatus.NOT_FOUND)
