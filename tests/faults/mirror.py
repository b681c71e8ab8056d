"""A mirror on this machine that behaves badly: what is asked for below `/<behaviour>/` is sent so.

good         the file
truncated    half of it, under its full length; then the connection ends
ended        the same without a length: half of a gzip file
stalled      half of it, and nothing more
dripping     a byte at a time, for hours
headers      the same, before the first byte of the file
long, short  a length that is not the file's
other        another published file, whole
page         a page that asks to sign in
bomb         a small file that unpacks to gigabytes
endless      bytes without end
elsewhere    a redirect to another scheme
circle       a redirect to itself
missing      404
busy         503
silent       the connection is closed at once
"""

import contextlib
import gzip
import multiprocessing
import socketserver
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler

GOOD = "good"
DRIP_SECONDS = 0.1  # for a byte: less than one may take, while the smallest file, 40 bytes, takes more than a file may
BLOCK = bytes(1 << 20)
BOMB = gzip.compress(BLOCK * 100, 9)


class _Handler(BaseHTTPRequestHandler):
    files: Mapping[str, bytes]

    def do_GET(self) -> None:
        _, behaviour, name = self.path.split("/")
        with contextlib.suppress(ConnectionError):
            getattr(self, f"send_{behaviour}")(gzip.compress(self.files[name.removesuffix(".gz")]))

    def begin(self, length: int | None, code: int = 200, **headers: str) -> None:
        self.send_response(code)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()

    def send_good(self, file: bytes) -> None:
        self.begin(len(file))
        self.wfile.write(file)

    def send_truncated(self, file: bytes) -> None:
        self.begin(len(file))
        self.wfile.write(file[: len(file) // 2])

    def send_ended(self, file: bytes) -> None:
        self.begin(None)
        self.wfile.write(file[: len(file) // 2])

    def send_stalled(self, file: bytes) -> None:
        self.send_truncated(file)
        time.sleep(3600)

    def send_dripping(self, file: bytes) -> None:
        self.begin(len(file))
        self.drip(file)

    def send_headers(self, file: bytes) -> None:
        self.drip(b"HTTP/1.0 200 OK\r\nX-Long: " + file.hex().encode())

    def drip(self, content: bytes) -> None:
        for byte in content:
            self.wfile.write(bytes([byte]))
            time.sleep(DRIP_SECONDS)

    def send_long(self, file: bytes) -> None:
        self.begin(10 * len(file))
        self.wfile.write(file)
        time.sleep(3600)

    def send_short(self, file: bytes) -> None:
        self.begin(len(file) // 3)
        self.wfile.write(file)

    def send_other(self, _: bytes) -> None:
        self.send_good(gzip.compress(self.files["t10k-labels-idx1-ubyte"] + b"\0"))

    def send_page(self, _: bytes) -> None:
        self.send_good(b"<html>Sign in to this network</html>")

    def send_bomb(self, _: bytes) -> None:
        self.send_good(BOMB)

    def send_endless(self, _: bytes) -> None:
        self.begin(None)
        while True:
            self.wfile.write(BLOCK)

    def send_elsewhere(self, _: bytes) -> None:
        self.begin(0, 302, Location=f"ftp://127.0.0.1{self.path}")

    def send_circle(self, _: bytes) -> None:
        self.begin(0, 302, Location=self.path)

    def send_missing(self, _: bytes) -> None:
        self.begin(0, 404)

    def send_busy(self, _: bytes) -> None:
        self.begin(0, 503)

    def send_silent(self, _: bytes) -> None:
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


BEHAVIOURS = tuple(name.removeprefix("send_") for name in vars(_Handler) if name.startswith("send_"))


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextlib.contextmanager
def serving(files: Mapping[str, bytes]) -> Iterator[str]:
    """A mirror of these files, while the block runs: its address, with `{}` for the behaviour."""
    handler = type("Handler", (_Handler,), {"files": files})
    with _Server(("127.0.0.1", 0), handler) as server:
        process = multiprocessing.get_context("fork").Process(target=server.serve_forever, daemon=True)
        process.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/{{}}/"
        finally:
            process.kill()
            process.join()
