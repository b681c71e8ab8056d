"""Files from the network: over https alone, bounded in bytes and in time, and believed by their SHA-256."""

import concurrent.futures
import hashlib
import http.client
import posixpath
import threading
import time
import urllib.request
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import Message
from typing import IO
from urllib.error import URLError

from edgedigits.records.progress import Observer, Progress, ignore

SCHEME = "https"
READ_SECONDS = 30.0  # without a byte before a mirror is given up
FILE_SECONDS = 600.0  # for one file in all, however steadily its bytes drip
MOST_PACKED = 32 << 20  # bytes that are sent; the largest file has 26,421,880
MOST_BYTES = 64 << 20  # that they unpack to; the largest file has 47,040,016
PART = 64 << 10  # bytes that are read at once
LOOK_SECONDS = 0.2  # between two looks at how much has arrived


class MirrorError(Exception):
    """No mirror sent the file; the message says why the last one did not."""


@dataclass
class _Arrived:
    """Bytes that a mirror has sent so far, and how many it said there would be."""

    content: bytearray
    wanted: int | None = None


def fetch_verified(urls: Iterable[str], sha256: str, observer: Observer = ignore) -> bytes:
    """A gzipped file, unpacked, from the first mirror that sends the bytes of that SHA-256. Raises MirrorError."""
    reason = "it has no mirror"
    for url in urls:
        try:
            content = _unpack(_within(FILE_SECONDS, url, observer))
        except (OSError, ValueError, EOFError, zlib.error, http.client.HTTPException) as error:
            reason = f"{url}: {str(error) or type(error).__name__}"
            continue
        if (found := hashlib.sha256(content).hexdigest()) == sha256:
            return content
        reason = f"{url}: other bytes than were published, with SHA-256 {found[:12]}…"
    raise MirrorError(reason)


def _within(seconds: float, url: str, observer: Observer) -> bytes:
    """What a mirror sends. In a thread that can be left behind: no socket's timeout bounds the whole."""
    arrived, whole = _Arrived(bytearray()), concurrent.futures.Future[bytes]()

    def receive() -> None:
        try:
            whole.set_result(_receive(url, arrived))
        except Exception as error:  # raised where it is waited for
            whole.set_exception(error)

    threading.Thread(target=receive, daemon=True).start()
    task, end = f"fetch {posixpath.basename(url)}", time.monotonic() + seconds
    while not concurrent.futures.wait([whole], min(LOOK_SECONDS, max(0.0, end - time.monotonic()))).done:
        if time.monotonic() >= end:
            raise TimeoutError(f"not all of it in {seconds:g} seconds")
        observer(Progress(task, len(arrived.content), arrived.wanted))
    return whole.result()


def _receive(url: str, arrived: _Arrived) -> bytes:
    _require_scheme(url)
    request = urllib.request.Request(url, headers={"User-Agent": "edgedigits"})
    with urllib.request.build_opener(_Redirects).open(request, timeout=READ_SECONDS) as response:
        arrived.wanted = response.length
        while part := response.read1(PART):
            arrived.content += part
            if len(arrived.content) > MOST_PACKED:
                raise ValueError(f"more than {MOST_PACKED:,} bytes")
    return bytes(arrived.content)


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
