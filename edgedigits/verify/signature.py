"""Who signed a manifest: the bundle beside it, as sigstore makes it, against an identity that somebody expects.

    require_signed(candidates, "release@example.org https://accounts.google.com")

A manifest lists its files by SHA-256, so its signature is theirs. Without an expected identity nothing is called
signed: anybody can sign anything.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from edgedigits.errors import BadInput, MissingCapability, ModelFileError, UsageError, first_line
from edgedigits.records.artifact import MANIFEST, Manifest
from edgedigits.system import files
from edgedigits.verify.candidates import Candidate

SUFFIX = ".sigstore.json"  # of a bundle, behind the name of what is signed
MOST_BYTES = 10_000_000  # of a manifest or a bundle
Check = Callable[[bytes, bytes], None]


def require_signed(targets: Sequence[Candidate], signer: str) -> None:
    """Raise unless every file is listed by a manifest that the signer signed.

    signer   an identity, as certificates name it: a mail address, or the URL of a workflow; behind it, after a space,
             who vouches for it, such as https://accounts.google.com. Without that, anybody may whom sigstore trusts

    Raises ModelFileError, which names the file, UsageError where `signer` is not one, and MissingCapability where
    sigstore is not installed or its roots of trust are not at hand.
    """
    check = _checker(signer)
    for target in targets:
        if target.artifact is None:
            raise ModelFileError(f"{target.path}: no {MANIFEST} beside it lists it, so nobody signed it.")
    for folder in dict.fromkeys(target.path.parent for target in targets):
        content = _require(folder / MANIFEST, check, signer)
        listed = Manifest.from_json(content).artifacts
        for target in targets:
            if target.path.parent == folder and target.artifact not in listed:
                raise ModelFileError(f"{folder / MANIFEST} changed while it was read. Verify once more.")


def _require(path: Path, check: Check, signer: str) -> bytes:
    """The bytes of a manifest, once they are known to be signed."""
    bundle = path.with_name(path.name + SUFFIX)
    if not bundle.exists():
        raise ModelFileError(f"{path} is not signed: no {bundle.name} beside it. Take both from who made the files.")
    try:
        content, signature = (files.read_bytes(found, MOST_BYTES) for found in (path, bundle))
    except OSError as error:
        raise ModelFileError(f"{error.filename}: cannot be read ({error.strerror}).") from error
    try:
        check(content, signature)
    except BadInput as error:
        digest = hashlib.sha256(content).hexdigest()
        raise ModelFileError(f"{path} (SHA-256 {digest[:12]}…) is not signed by {signer}: {error}") from error
    return content


def _checker(signer: str) -> Check:
    """What raises BadInput for bytes that the signer did not sign."""
    identity, _, issuer = signer.strip().partition(" ")
    if not identity or " " in issuer.strip():
        raise UsageError(f"signer '{signer}': an identity wanted, and after a space who vouches for it, or nothing.")
    try:
        from sigstore.errors import Error
        from sigstore.models import Bundle
        from sigstore.verify import Verifier
        from sigstore.verify.policy import Identity
    except ModuleNotFoundError as error:
        how = "pip install 'edgedigits[sign]', with a network"
        raise MissingCapability(f"--signer needs sigstore, which is not installed here: {how}") from error
    try:
        verifier = Verifier.production()
    except Error as error:
        why = f"sigstore's roots of trust cannot be fetched ({first_line(error)})"
        raise MissingCapability(f"--signer: {why}. Try with a network.") from error
    policy = Identity(identity=identity, issuer=issuer.strip() or None)

    def check(content: bytes, signature: bytes) -> None:
        try:
            verifier.verify_artifact(content, Bundle.from_json(signature), policy)
        except (Error, ValueError) as error:
            raise BadInput(first_line(error)) from error

    return check
