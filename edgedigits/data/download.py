"""Files from the network: over https alone, bounded in bytes and in time, and believed by their SHA-256."""

import concurrent.futures
import hashlib
import http.client
import threading
import urllib.request
import zlib
from collections.abc import Iterable
from email.message import Message
from typing import IO
from urllib.error import URLError

SCHEME = "https"
READ_SECONDS = 30.0  # without a byte before a mirror is given up
FILE_SECONDS = 600.0  # for one file in all, however steadily its bytes drip
MOST_PACKED = 32 << 20  # bytes that are sent; the largest file has 26,421,880
MOST_BYTES = 64 << 20  # that they unpack to; the largest file has 47,040,016


class MirrorError(Exception):
    """No mirror sent the file; the message says why the last one did not."""


def fetch_verified(urls: Iterable[str], sha256: str) -> bytes:
    """A gzipped file, unpacked, from the first mirror that sends the bytes of that SHA-256. Raises MirrorError."""
    reason = "it has no mirror"
    for url in urls:
        try:
            content = _unpack(_within(FILE_SECONDS, url))
        except (OSError, ValueError, EOFError, zlib.error, http.client.HTTPException) as error:
            reason = f"{url}: {str(error) or type(error).__name__}"
            continue
        if (found := hashlib.sha256(content).hexdigest()) == sha256:
            return content
        reason = f"{url}: other bytes than were published, with SHA-256 {found[:12]}…"
    raise MirrorError(reason)


def _within(seconds: float, url: str) -> bytes:
    """What a mirror sends. In a thread that can be left behind: no socket's timeout bounds the whole."""
    arrived: concurrent.futures.Future[bytes] = concurrent.futures.Future()

    def receive() -> None:
        try:
            arrived.set_result(_receive(url))
        except Exception as error:  # raised where it is waited for
            arrived.set_exception(error)

    threading.Thread(target=receive, daemon=True).start()
    try:
        return arrived.result(seconds)
    except concurrent.futures.TimeoutError as error:
        raise TimeoutError(str(error) or f"not all of it in {seconds:g} seconds") from error


def _receive(url: str) -> bytes:
    _require_scheme(url)
    request = urllib.request.Request(url, headers={"User-Agent": "edgedigits"})
    with urllib.request.build_opener(_Redirects).open(request, timeout=READ_SECONDS) as response:
        content: bytes = response.read(MOST_PACKED + 1)
    if len(content) > MOST_PACKED:
        raise ValueError(f"more than {MOST_PACKED:,} bytes")
    return content


def _unpack(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)  # gzip
    content = unpacker.decompress(packed, MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"unpacks to more than {MOST_BYTES:,} bytes")
    if not unpacker.eof:
        raise EOFError(f"it ended early, after {len(packed):,} bytes")
    return content


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a mirror elsewhere, but never off https."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        _require_scheme(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def _require_scheme(url: str) -> None:
    if not url.startswith(f"{SCHEME}://"):
        raise URLError(f"{url.partition(':')[0]} refused, {SCHEME} alone is used")
