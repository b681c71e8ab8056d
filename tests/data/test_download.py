"""Fetching from bad mirrors, on this machine: each is refused by name, and the next one is asked."""

import hashlib
from collections.abc import Iterator

import pytest

from edgedigits.data import download
from edgedigits.data.download import MirrorError, fetch_verified
from edgedigits.records.progress import Progress
from tests.faults import mirror

NAME = "t10k-labels-idx1-ubyte"
FILES = {NAME: bytes(range(256)) * 40}
SHA256 = hashlib.sha256(FILES[NAME]).hexdigest()
REFUSED = {
    "truncated": "it ended early|Compressed file ended|IncompleteRead",
    "ended": "it ended early",
    "stalled": "timed out",
    "dripping": "not all of it in 1 seconds",
    "headers": "not all of it in 1 seconds",
    "long": "timed out",
    "short": "it ended early",
    "other": "other bytes than were published, with SHA-256 ",
    "page": "incorrect header check",
    "bomb": "unpacks to more than 67,108,864 bytes",
    "endless": "more than 33,554,432 bytes|not all of it",
    "elsewhere": "ftp refused, http alone is used",
    "circle": "redirect",
    "missing": "404",
    "busy": "503",
    "silent": "closed connection|reset",
}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with mirror.serving(FILES) as address:
        yield address + NAME + ".gz"


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "SCHEME", "http")
    monkeypatch.setattr(download, "READ_SECONDS", 0.5)
    monkeypatch.setattr(download, "FILE_SECONDS", 1.0)


def test_every_bad_mirror_is_listed_here() -> None:
    assert {*REFUSED, mirror.GOOD} == set(mirror.BEHAVIOURS)


@pytest.mark.parametrize("behaviour", REFUSED)
def test_a_bad_mirror_is_refused_by_name_and_the_next_one_asked(behaviour: str, address: str) -> None:
    bad, good = address.format(behaviour), address.format(mirror.GOOD)
    with pytest.raises(MirrorError, match=REFUSED[behaviour]) as caught:
        fetch_verified([bad], SHA256)
    assert str(caught.value).startswith(bad)
    assert fetch_verified([bad, good], SHA256) == FILES[NAME]


def test_what_arrives_is_told(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With how much there will be, where the mirror says it."""
    monkeypatch.setattr(download, "LOOK_SECONDS", 0.01)
    seen: list[Progress] = []
    with pytest.raises(MirrorError):
        fetch_verified([address.format("dripping")], SHA256, seen.append)
    assert {event.task for event in seen} == {f"fetch {NAME}.gz"}
    assert 0 < seen[-1].done < (seen[-1].total or 0)


def test_nothing_but_https_is_asked(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "SCHEME", "https")
    with pytest.raises(MirrorError, match="http refused, https alone is used"):
        fetch_verified([address.format(mirror.GOOD)], SHA256)


def test_without_mirrors_nothing_is_fetched() -> None:
    with pytest.raises(MirrorError, match="no mirror"):
        fetch_verified([], SHA256)
