"""Packages from npm: pinned, installed once, whole or not there."""

import json
import shutil
import threading
from pathlib import Path

import platformdirs
import pytest

from edgedigits.errors import MissingCapability
from edgedigits.system import npm


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda _: tmp_path)
    return tmp_path / "npm"


def fake_npm(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    path = folder / "fake-npm"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda _: str(path))


def test_a_package_is_installed_once_and_without_its_scripts(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_npm(monkeypatch, tmp_path, f'echo "$@" >> {tmp_path}/calls; mkdir -p node_modules/onnxruntime-web')
    first, second = npm.modules("onnxruntime-web"), npm.modules("onnxruntime-web")
    assert first == second
    assert (first / "onnxruntime-web").is_dir()
    (call,) = (tmp_path / "calls").read_text().splitlines()
    assert call.startswith("ci --ignore-scripts")
    assert [path.name for path in cache.iterdir()] == [first.parent.name]


def test_several_processes_at_once_get_one_whole_folder(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_npm(monkeypatch, tmp_path, "mkdir -p node_modules/onnxruntime-node; sleep 0.2")
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(npm.modules("onnxruntime-node"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(set(found)) == 1
    assert len(list(cache.iterdir())) == 1


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            "echo 'npm error code EAI_AGAIN' >&2; exit 1",
            r"npm cannot install onnxruntime-web: code EAI_AGAIN\. It is needed once, with a network",
        ),
        ("exit 7", r"npm cannot install onnxruntime-web: exit code 7\."),
        ("exec sleep 30", "npm did not install onnxruntime-web within 2 seconds"),
    ],
)
def test_a_failed_install_says_why_and_leaves_nothing(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str
) -> None:
    fake_npm(monkeypatch, tmp_path, script)
    monkeypatch.setattr(npm, "INSTALL_SECONDS", 2.0)
    with pytest.raises(MissingCapability, match=said):
        npm.modules("onnxruntime-web")
    assert list(cache.iterdir()) == []


@pytest.mark.usefixtures("cache")
def test_a_download_is_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the bytes that are there, of those that there will be."""
    fake_npm(
        monkeypatch, tmp_path, "mkdir node_modules; echo 12345 > node_modules/a; sleep 0.5; echo 6789 >> node_modules/a"
    )
    monkeypatch.setattr(npm, "LOOK_SECONDS", 0.05)
    seen: list[tuple[int, int]] = []
    folder = npm.modules("onnxruntime-web", lambda done, total: seen.append((done, total)))
    ours = sum(path.stat().st_size for path in (npm.LOCKS / "onnxruntime-web").iterdir())
    assert (folder / "a").stat().st_size == 11
    assert {total for _, total in seen} == {151_959_252}
    assert ours + 6 <= max(done for done, _ in seen) < 151_959_252


def test_without_node_it_says_how_to_get_it(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(MissingCapability, match=r"npm is not on this machine\. Install Node\.js"):
        npm.modules("onnxruntime-web")
    with pytest.raises(MissingCapability, match="node is not on this machine"):
        npm.node()
    assert not cache.exists()


def test_a_cache_that_cannot_be_written_is_named(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_npm(monkeypatch, tmp_path, "mkdir -p node_modules")
    cache.write_text("in the way")
    with pytest.raises(MissingCapability, match="cannot install onnxruntime-web into"):
        npm.modules("onnxruntime-web")


@pytest.mark.parametrize("package", npm.PACKAGES)
def test_every_lock_pins_by_hash_and_names_no_host(package: str) -> None:
    lock = json.loads((npm.LOCKS / package / "package-lock.json").read_text())
    wanted = json.loads((npm.LOCKS / package / "package.json").read_text())["dependencies"]
    locked = {path.removeprefix("node_modules/"): entry for path, entry in lock["packages"].items() if path}
    assert {name: locked[name]["version"] for name in wanted} == wanted
    assert all(entry["integrity"].startswith("sha512-") for entry in locked.values())
    assert "://" not in json.dumps(lock)
