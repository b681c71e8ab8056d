"""Signatures: sigstore decides whether a bundle is good; what is asked of it, and what comes of its answer, is ours."""

import importlib.util
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from sigstore.errors import TUFError, VerificationError
from sigstore.models import Bundle
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity

from edgedigits.errors import MissingCapability, ModelFileError, UsageError
from edgedigits.records.artifact import MANIFEST
from edgedigits.verify.candidates import find_candidates
from edgedigits.verify.signature import SUFFIX, require_signed
from tests.cli.test_cli import Cli, edgedigits  # noqa: F401 - a fixture

SHELF = Path(__file__).parents[2] / "exports"
ME, GOOGLE = "release@example.org", "https://accounts.google.com"


class Notary:
    """In sigstore's place: takes the bytes that it was told of, from whom it was told of."""

    def __init__(self, content: bytes, identity: str = ME) -> None:
        self.content, self.identity = content, identity
        self.asked: list[Identity] = []

    def verify_artifact(self, content: bytes, bundle: str, policy: Identity) -> None:
        """As `Verifier.verify_artifact`."""
        self.asked.append(policy)
        if content != self.content or bundle != "a bundle":
            raise VerificationError("Signature is invalid for input")
        if policy._identity != self.identity:
            raise VerificationError(f"Certificate's SANs do not match {policy._identity}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The shelf's folder of fc, with a bundle beside its manifest."""
    copy = Path(shutil.copytree(SHELF / "fc", tmp_path / "exports" / "fc"))
    (copy / f"{MANIFEST}{SUFFIX}").write_text("a bundle")
    return copy


@pytest.fixture
def notary(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Notary:
    """Who signed that manifest."""
    found = Notary((folder / MANIFEST).read_bytes())
    monkeypatch.setattr(Verifier, "production", lambda: found)
    monkeypatch.setattr(Bundle, "from_json", lambda raw: raw.decode())
    return found


def require(folder: Path, signer: str = ME) -> None:
    require_signed(find_candidates([folder], folder.parent), signer)


def test_what_the_expected_identity_signed_is_taken(folder: Path, notary: Notary) -> None:
    require(folder)
    require(folder, f"{ME} {GOOGLE}")
    anybody, google = notary.asked
    assert anybody._issuer is None
    assert google._issuer is not None
    assert google._issuer._value == GOOGLE


@pytest.mark.usefixtures("notary")
class TestRefused:
    def test_another_identity(self, folder: Path) -> None:
        with pytest.raises(ModelFileError, match=r"is not signed by you@example\.org: Certificate's SANs do not match"):
            require(folder, "you@example.org")

    def test_a_manifest_that_changed(self, folder: Path) -> None:
        (folder / MANIFEST).write_bytes((folder / MANIFEST).read_bytes() + b"\n")
        with pytest.raises(ModelFileError, match="Signature is invalid"):
            require(folder)

    def test_a_manifest_without_a_bundle(self, folder: Path) -> None:
        (folder / f"{MANIFEST}{SUFFIX}").unlink()
        with pytest.raises(ModelFileError, match=r"is not signed: no manifest\.json\.sigstore\.json beside it"):
            require(folder)

    def test_a_file_that_no_manifest_lists(self, folder: Path) -> None:
        shutil.copy(folder / "fc.onnx", folder.parent)
        with pytest.raises(ModelFileError, match=r"fc\.onnx: no manifest\.json beside it lists it"):
            require_signed(find_candidates([folder.parent / "fc.onnx"], folder.parent), ME)

    @pytest.mark.parametrize("signer", ["", " ", "me you them"])
    def test_nobody(self, folder: Path, signer: str) -> None:
        with pytest.raises(UsageError, match="an identity wanted"):
            require(folder, signer)


def test_a_manifest_that_changes_while_it_is_read_is_refused(folder: Path, notary: Notary) -> None:
    targets = find_candidates([folder], folder.parent)
    shutil.copy(SHELF / "cnn" / MANIFEST, folder)
    notary.content = (folder / MANIFEST).read_bytes()
    with pytest.raises(ModelFileError, match="changed while it was read"):
        require_signed(targets, ME)


@pytest.mark.parametrize("bundle", ["", "{}", "[]", '{"mediaType": 3}', "\udcff", "{" * 10_000])
def test_a_bundle_that_is_none_is_refused_by_sigstore_itself(
    bundle: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline = Verifier.production(offline=True)
    monkeypatch.setattr(Verifier, "production", lambda: offline)
    (folder / f"{MANIFEST}{SUFFIX}").write_text(bundle, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(ModelFileError, match=r"is not signed by release@example\.org: "):
        require(folder)


def test_without_roots_of_trust_the_machine_lacks_something(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refresh() -> Any:
        raise TUFError("Failed to refresh TUF metadata")

    monkeypatch.setattr(Verifier, "production", refresh)
    with pytest.raises(MissingCapability, match=r"roots of trust cannot be fetched \(Failed to refresh"):
        require(folder)


def test_without_sigstore_the_command_ends_with_4_and_says_what_to_install(
    folder: Path,
    edgedigits: Cli,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert importlib.util.find_spec("sigstore")
    monkeypatch.setitem(sys.modules, "sigstore.errors", None)
    done = edgedigits("verify", folder, "--signer", ME)
    assert (done.code, done.out) == (4, "")
    assert done.err.endswith("sigstore, which is not installed here: pip install 'edgedigits[sign]', with a network\n")


def test_the_verdict_says_who_signed_and_only_where_somebody_was_expected(
    exports: Path,
    digits_folder: Path,
    tmp_path: Path,
    edgedigits: Cli,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = Path(shutil.copytree(exports / "fc-tiny", tmp_path / "fc-tiny"))
    (folder / f"{MANIFEST}{SUFFIX}").write_text("a bundle")
    monkeypatch.setattr(Verifier, "production", lambda: Notary((folder / MANIFEST).read_bytes()))
    monkeypatch.setattr(Bundle, "from_json", lambda raw: raw.decode())
    common = ("verify", folder / "fc-tiny.onnx", "--dataset", digits_folder)
    signed = edgedigits(*common, "--signer", ME)
    assert signed.code == 0, signed.err
    assert signed.out.splitlines()[-1].endswith(f"; manifests signed by {ME}")
    assert edgedigits(*common, "--signer", "you@example.org").code == 3
    assert "signed" not in edgedigits(*common).out
