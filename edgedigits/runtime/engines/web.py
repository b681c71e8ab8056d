"""ONNX Runtime Web (onnxruntime-web of npm) in a headless Chromium: WebAssembly, one thread.

A page from 127.0.0.1 asks for a message, answers it, and sends the answer when it asks for the next. Chromium
ends when the pipe to it is closed (`--remote-debugging-pipe`), so it ends with this process, however that ends;
the shell that started it then removes its folder.
"""

import functools
import os
import queue
import secrets
import shutil
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from edgedigits.errors import MissingCapability
from edgedigits.runtime import remote
from edgedigits.runtime.engines import Engine
from edgedigits.runtime.predictor import ModelFile, Session
from edgedigits.runtime.safety import BOUNDS
from edgedigits.runtime.safety.process import start_program
from edgedigits.system import npm

PACKAGE = "onnxruntime-web"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
VARIABLE = "EDGEDIGITS_CHROMIUM"
ARGUMENTS = (
    *("--headless=new", "--remote-debugging-pipe", "--no-first-run", "--no-default-browser-check", "--disable-gpu"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions"),
)
SCRIPT = """
folder=$(mktemp -d "${TMPDIR:-/tmp}/edgedigits-web-XXXXXX") || exit
"$@" --user-data-dir="$folder" 3<&0 4>/dev/null </dev/null >/dev/null 2>"$folder/log"
{ grep -m 1 FATAL "$folder/log" || tail -n 1 "$folder/log"; } >&2
rm -rf "$folder"
"""

START_SECONDS = 60.0  # until the page is ready, on a machine however busy
WATCH = 0.1  # seconds between two looks at whether Chromium still runs
HERE = Path(__file__).parent
PAGE = "web.html"
OURS = {PAGE: "text/html; charset=utf-8", "answers.mjs": "text/javascript"}
THEIRS = {"ort.wasm.bundle.min.mjs": "text/javascript", "ort-wasm-simd-threaded.wasm": "application/wasm"}
HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",  # with the next one, the page's clock ticks every 5 microseconds,
    "Cross-Origin-Embedder-Policy": "require-corp",  # not every 100
}


def version() -> str:
    """Of onnxruntime-web, which is installed when it is first needed. Raises MissingCapability."""
    _browser()
    return npm.version(PACKAGE)


def session(file: ModelFile, _: str | None) -> Session:
    """A session in a Chromium of its own."""
    return remote.remote(Page().exchange, file)


class Page:
    """A page in Chromium that answers messages."""

    def __init__(self) -> None:
        self.requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        secret = f"/{secrets.token_urlsafe()}/"  # or any other page on this machine could answer
        server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, self, secret))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}{secret}{PAGE}"
        root = ("--no-sandbox",) if os.geteuid() == 0 else ()  # Chromium's own has no use for root
        self.chromium = start_program([_browser(), *ARGUMENTS, *root, url], SCRIPT)
        try:
            self._wait(START_SECONDS)
        except RuntimeError as error:
            raise MissingCapability(f"engine web: {error}. Another browser: {VARIABLE}=/path/to/chromium") from error

    def exchange(self, body: bytes) -> bytes:
        """Send a message, wait for its answer. Raises RuntimeError where Chromium ends before that."""
        self.requests.put(body)
        return self._wait(float("inf"))

    def _wait(self, seconds: float) -> bytes:
        """What the page sends next."""
        due = time.monotonic() + seconds
        while time.monotonic() < due:
            try:
                return self.answers.get(timeout=WATCH)
            except queue.Empty:
                if self.chromium.poll() is not None:
                    said = self.chromium.stderr.read().decode(errors="replace").strip() if self.chromium.stderr else ""
                    raise RuntimeError(f"Chromium ended early ({said or 'without a word'})") from None
        raise RuntimeError(f"Chromium showed no page within {seconds:.0f} seconds")


class _Handler(BaseHTTPRequestHandler):
    """Files for the page, and its messages: a POST brings an answer and takes the next request."""

    protocol_version = "HTTP/1.1"  # one connection for all messages

    def __init__(self, page: Page, secret: str, *arguments: Any) -> None:
        self.page, self.secret = page, secret
        super().__init__(*arguments)

    def do_GET(self) -> None:
        name = self.path.removeprefix(self.secret)
        if name in OURS:
            self._reply((HERE / name).read_bytes(), OURS[name])
        elif name in THEIRS:
            self._reply((npm.modules(PACKAGE) / PACKAGE / "dist" / name).read_bytes(), THEIRS[name])
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        if self.path != self.secret + "messages":
            return self.send_error(404)
        size = int(self.headers["Content-Length"])
        self.page.answers.put(self.rfile.read(min(size, BOUNDS.answer_bytes)))
        return self._reply(self.page.requests.get(), "application/octet-stream")

    def _reply(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        for name, value in (*HEADERS.items(), ("Content-Type", kind), ("Content-Length", str(len(content)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def _browser() -> str:
    """The executable. Raises MissingCapability."""
    if os.name != "posix":
        raise MissingCapability("engine web closes its browser as POSIX systems can: try Linux or macOS.")
    named = os.environ.get(VARIABLE)
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise MissingCapability(
            f"engine web needs {named or 'Chromium'}, which is not on this machine: install the package chromium, "
            f"or name a browser in {VARIABLE}."
        )
    return found


ENGINE = Engine(
    name="web",
    title="ONNX Runtime Web, in a headless Chromium",
    version=version,
    session=session,
    patience=2,
)
