"""Files that are what was verified, by their records alone; and the command that pre-commit runs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from edgedigits.cli import verified
from edgedigits.export.manifest import PARITY_FILE
from edgedigits.records.artifact import MANIFEST
from edgedigits.verify.recorded import find_unverified

ROOT = Path(__file__).parents[2]
(HOOK,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The shelf's folder of fc, to be spoiled."""
    return Path(shutil.copytree(ROOT / "exports" / "fc", tmp_path / "fc"))


def test_the_shelf_is_what_was_verified() -> None:
    assert find_unverified((ROOT / "exports").glob("*/*.onnx")) == []
    assert find_unverified((ROOT / "exports").glob(f"*/{MANIFEST}")) == []


def test_a_changed_file_is_told_with_both_hashes(folder: Path) -> None:
    path = folder / "fc.onnx"
    path.write_bytes(path.read_bytes() + b" ")
    for changed in (path, folder / MANIFEST):
        (sentence,) = find_unverified([changed])
        assert sentence.startswith(f"{path} changed since its manifest.json was written (SHA-256 ")
    assert find_unverified([folder / "fc.int8.onnx"]) == []  # it was not asked for


def test_a_file_that_is_gone_or_not_listed_is_told(folder: Path) -> None:
    (folder / "fc.onnx").rename(folder / "other.onnx")
    gone, more = find_unverified([folder / PARITY_FILE, folder / "other.onnx"])
    assert gone == f"{folder / 'fc.onnx'}: cannot be read (No such file or directory)."
    assert more.startswith(f"{folder / 'other.onnx'} is not in the manifest.json beside it.")


def test_a_file_without_a_verdict_or_with_a_bad_one_is_told(folder: Path) -> None:
    report = folder / PARITY_FILE
    text = report.read_text(encoding="utf-8")
    report.write_text(text.replace('"passed": true', '"passed": false'), encoding="utf-8")
    (sentence,) = find_unverified([folder / "fc.onnx"])
    path = folder / "fc.onnx"
    assert sentence == f"{path} did not pass when it was verified. Run edgedigits verify {path}."
    report.unlink()
    (sentence,) = find_unverified([folder / "fc.onnx"])
    assert sentence.startswith(f"{folder / 'fc.onnx'} was not verified as it is now.")


def test_records_that_are_damaged_are_told(folder: Path) -> None:
    (folder / MANIFEST).write_text("{")
    (sentence,) = find_unverified([folder / "fc.onnx"])
    assert str(folder / MANIFEST) in sentence


def test_what_somebody_else_made_is_passed_over(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "fc.onnx", tmp_path)
    (folder / "notes.txt").write_text("ours")
    assert find_unverified([tmp_path / "fc.onnx", folder / "notes.txt"]) == []


def test_the_command_ends_with_3_and_a_line_a_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [HOOK["entry"], str(folder / "fc.onnx")])
    verified.main()
    (folder / "fc.onnx").write_bytes(b"other")
    with pytest.raises(SystemExit, match="3"):
        verified.main()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("path", "hooked"),
    [
        ("exports/cnn/cnn.int8.onnx", True),
        ("cnn.torchscript.pt", True),
        ("exports/cnn/manifest.json", True),
        ("exports/cnn/cnn.int8.c", True),
        ("package.json", False),
        ("model.onnx.md", False),
    ],
)
def test_the_hook_is_for_model_files_and_their_records(path: str, hooked: bool) -> None:
    assert bool(re.search(HOOK["files"], path)) == hooked


@pytest.mark.needs("git")
@pytest.mark.skipif(os.name != "posix", reason="the hook's program is a script here")
def test_a_commit_of_a_changed_file_is_refused(folder: Path) -> None:
    """pre-commit itself reads the hook's file, and runs it on what is staged."""
    repository = folder.parent
    script = repository / ".bin" / HOOK["entry"]
    script.parent.mkdir()
    script.write_text(f"#!{sys.executable}\nfrom edgedigits.cli.verified import main\nmain()\n")
    script.chmod(0o755)
    local = {key: value for key, value in HOOK.items() if key != "description"}
    (repository / ".pre-commit-config.yaml").write_text(
        yaml.safe_dump({"repos": [{"repo": "local", "hooks": [local]}]})
    )
    path = f"{script.parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT), "PRE_COMMIT_HOME": str(repository / ".home")}

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False)

    run("git", "init", "--quiet")
    run("git", "add", "fc", ".pre-commit-config.yaml")
    passed = run(sys.executable, "-m", "pre_commit", "run")
    assert passed.returncode == 0, passed.stdout
    assert "Passed" in passed.stdout
    (folder / "fc.onnx").write_bytes(b"other")
    run("git", "add", "fc")
    failed = run(sys.executable, "-m", "pre_commit", "run")
    assert failed.returncode == 1
    assert "changed since its manifest.json was written" in failed.stdout.replace("\n", " ")
    hooks = ROOT / ".pre-commit-hooks.yaml"
    run(sys.executable, "-m", "pre_commit", "validate-manifest", str(hooks)).check_returncode()
