"""ONNX Runtime Web (onnxruntime-web of npm) in a headless Chromium: WebAssembly, one thread.

A page from 127.0.0.1 asks for a message, answers it, and sends the answer when it asks for the next. Chromium
ends when the pipe to it is closed (`--remote-debugging-pipe`), so it ends with this process, however that ends;
the shell that started it then removes its folder.
"""

import os
import queue
import secrets
import shutil
import threading
import time
from http import HTTPStatus
from pathlib import Path

from edgedigits.errors import MissingCapability
from edgedigits.runtime import remote
from edgedigits.runtime.engines import Engine, Setting
from edgedigits.runtime.predictor import ModelFile, Session
from edgedigits.runtime.safety import BOUNDS
from edgedigits.runtime.safety.process import start_program
from edgedigits.system import npm
from edgedigits.system.server import TYPES, Handler, LocalServer

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
PAGE, MESSAGES = "web.html", "messages"
OURS = (PAGE, "web.mjs", "answers.mjs")
THEIRS = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")


def version() -> str:
    """Of onnxruntime-web, which is installed when it is first needed. Raises MissingCapability."""
    return npm.version(PACKAGE)


def session(file: ModelFile, _: Setting) -> Session:
    """A session in a Chromium of its own."""
    page = Page()
    return remote.remote(page.exchange, file)._replace(alive=lambda: page.chromium.poll() is None)


class Page:
    """A page in Chromium that answers messages."""

    def __init__(self) -> None:
        self.mail = Mail()
        threading.Thread(target=self.mail.serve_forever, daemon=True).start()
        url = f"{self.mail.url}{self.mail.secret}/{PAGE}"
        root = ("--no-sandbox",) if os.geteuid() == 0 else ()  # Chromium's own has no use for root
        self.chromium = start_program([_browser(), *ARGUMENTS, *root, url], SCRIPT)
        try:
            self._wait(START_SECONDS)
        except RuntimeError as error:
            raise MissingCapability(f"engine web: {error}. Another browser: {VARIABLE}=/path/to/chromium") from error

    def exchange(self, body: bytes) -> bytes:
        """Send a message, wait for its answer. Raises RuntimeError where Chromium ends before that."""
        self.mail.requests.put(body)
        return self._wait(float("inf"))

    def _wait(self, seconds: float) -> bytes:
        """What the page sends next."""
        due = time.monotonic() + seconds
        while time.monotonic() < due:
            try:
                return self.mail.answers.get(timeout=WATCH)
            except queue.Empty:
                if self.chromium.poll() is not None:
                    said = self.chromium.stderr.read().decode(errors="replace").strip() if self.chromium.stderr else ""
                    raise RuntimeError(f"Chromium ended early ({said or 'without a word'})") from None
        raise RuntimeError(f"Chromium showed no page within {seconds:.0f} seconds")


class Mail(LocalServer):
    """Gives the page its files, and carries its messages: a POST brings an answer and takes the next request.

    secret   the folder of its address, or any other page on this machine could answer
    """

    def __init__(self) -> None:
        self.secret = secrets.token_urlsafe()
        self.requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        super().__init__(_Handler)


class _Handler(Handler):
    server: Mail

    def do_GET(self) -> None:  # noqa: N802 - the library's name
        path = self._file()
        if path is None:
            return self.send_error(HTTPStatus.NOT_FOUND)
        return self.reply(path.read_bytes(), TYPES[path.suffix])

    def do_POST(self) -> None:  # noqa: N802 - likewise
        if self.path != f"/{self.server.secret}/{MESSAGES}":
            return self.send_error(HTTPStatus.NOT_FOUND)
        size = int(self.headers["Content-Length"])
        self.server.answers.put(self.rfile.read(min(size, BOUNDS.answer_bytes)))
        return self.reply(self.server.requests.get(), "application/octet-stream")

    def _file(self) -> Path | None:
        """Where the file that is asked for lies; None where it is none of the page's."""
        name = self.path.removeprefix(f"/{self.server.secret}/")
        if name in OURS:
            return HERE / name
        return npm.modules(PACKAGE) / PACKAGE / "dist" / name if name in THEIRS else None


def _browser() -> str:
    """The executable. Raises MissingCapability."""
    if os.name != "posix":
        raise MissingCapability("engine web closes its browser as POSIX systems can: try Linux or macOS.")
    named = os.environ.get(VARIABLE)
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise MissingCapability(
            f"engine web needs {named or 'Chromium'}, which is not on this machine: install the package "
            f"chromium, with a network, or name a browser in {VARIABLE}."
        )
    return found


ENGINE = Engine(
    name="web",
    title="ONNX Runtime Web, in a headless Chromium",
    version=version,
    session=session,
    programs=_browser,
    packages=(PACKAGE,),
    patience=2,
)
