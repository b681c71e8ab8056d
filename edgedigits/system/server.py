"""A folder on this machine's own address, for its own browsers: `with Server(folder) as server: server.run()`.

Nobody else reaches it: it listens on 127.0.0.1, and refuses requests under another name, which a foreign page
could have pointed here. What it serves may load nothing from elsewhere, and is never cached.
"""

import contextlib
import functools
import http.server
import os
import signal
import sys
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


class Server(http.server.ThreadingHTTPServer):
    """Listens as soon as it is made.

    folder   what is served; it may still be empty
    port     0 for a free one

    Raises UsageError where the port cannot be had.
    """

    daemon_threads = True
    allow_reuse_address = os.name == "posix"  # elsewhere that would share the port with another program

    def __init__(self, folder: Path, port: int = 0) -> None:
        try:
            super().__init__((ADDRESS, port), functools.partial(_Handler, directory=str(folder)))
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


class _Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "EdgeDigits"
    sys_version = ""
    timeout = 60.0  # seconds that a connection may be idle
    extensions_map = TYPES

    def send_head(self) -> Any:
        assert isinstance(self.server, Server)
        name, _, port = self.headers.get("Host", "").partition(":")
        if name not in NAMES or (port or "80") != str(self.server.server_port):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST, explain=f"This server is {self.server.url} alone.")
            return None
        return super().send_head()

    def list_directory(self, path: Any) -> None:  # noqa: ARG002 - the caller's signature
        self.send_error(HTTPStatus.NOT_FOUND)

    def end_headers(self) -> None:
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - likewise
        pass
