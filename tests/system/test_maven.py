"""An archive from Maven Central: pinned, fetched once, whole or not there."""

import hashlib
import io
import platform
import shutil
import sys
import zipfile
from pathlib import Path

import platformdirs
import pytest

from edgedigits.errors import MissingCapability
from edgedigits.system import maven
from edgedigits.system.maven import Archive

NATIVES = "native"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda _: tmp_path)
    return tmp_path / "maven"


def archive(folder: Path, *places: str) -> Archive:
    """One that holds a library for each place, in a file of the folder."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as jar:
        for place in places:
            jar.writestr(f"{NATIVES}/{place}/library.so", place)
            jar.writestr(f"{NATIVES}/{place}/debug/library.so", "symbols")
    (folder / "source.jar").write_bytes(content.getvalue())
    return Archive("a.group", "name", "1.2", hashlib.sha256(content.getvalue()).hexdigest(), NATIVES)


def fake_mvn(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    path = folder / "fake-mvn"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda _: str(path))


def here() -> str:
    return f"{maven.SYSTEMS[sys.platform]}-{maven.PROCESSORS[platform.machine()]}"


def test_an_archive_is_fetched_once_with_the_libraries_of_this_machine(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = archive(tmp_path, here(), "plan9-z80")
    fake_mvn(monkeypatch, tmp_path, f'echo "$@" >> {tmp_path}/calls; cp {tmp_path}/source.jar ./name-1.2.jar')
    first, second = maven.unpacked(wanted), maven.unpacked(wanted)
    assert first == second
    assert sorted(path.name for path in first.iterdir()) == ["library.so", "name-1.2.jar"]
    assert (first / "library.so").read_text() == here()
    (call,) = (tmp_path / "calls").read_text().splitlines()
    assert f"{maven.COPY} -Dartifact=a.group:name:1.2 " in call
    assert [path.name for path in cache.iterdir()] == [first.name]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            "echo '[ERROR] no route' ; exit 1",
            r"cannot fetch name-1\.2\.jar: no route\. It is needed once, with a network",
        ),
        ("exit 3", r"cannot fetch name-1\.2\.jar: exit code 3\."),
        ("echo other > name-1.2.jar", r"fetched another name-1\.2\.jar than was published: SHA-256 \w{12}\.\.\., not"),
        ("exec sleep 20", r"did not fetch name-1\.2\.jar within 0 seconds"),
    ],
)
def test_what_fails_is_said_and_leaves_nothing(
    script: str, said: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maven, "FETCH_SECONDS", 0.3)
    fake_mvn(monkeypatch, tmp_path, script)
    with pytest.raises(MissingCapability, match=said):
        maven.unpacked(archive(tmp_path, here()))
    assert list(cache.iterdir()) == []


def test_a_machine_for_which_there_is_no_library_is_told(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_mvn(monkeypatch, tmp_path, f"cp {tmp_path}/source.jar ./name-1.2.jar")
    with pytest.raises(MissingCapability, match=r"name-1\.2\.jar has no library for "):
        maven.unpacked(archive(tmp_path, "plan9-z80"))
    assert list(cache.iterdir()) == []


def test_without_maven_its_absence_is_said(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(MissingCapability, match="mvn is not on this machine"):
        maven.unpacked(maven.ONNXRUNTIME)
    assert not cache.exists()
