"""`make dist`: build, prove and bill a release, into dist/."""

import shutil
import tempfile
from pathlib import Path

from edgedigits.verify import bom
from tests.release.bill import release_bom
from tests.release.build import ROOT, build_twice
from tests.release.prove import check_metadata, metadata, run_installed


def main(out: Path = ROOT / "dist", exports: Path = ROOT / "exports") -> None:
    """Make a release. Nothing is in `out` where something does not hold."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, archives = build_twice(Path(scratch))
        sdist, wheel = (next(folder.glob(pattern)) for pattern in ("*.tar.gz", "*.whl"))
        check_metadata(sdist, wheel)
        run_installed(wheel, Path(scratch), exports)
        (folder / bom.FILE).write_text(
            bom.text(release_bom(metadata(wheel), archives, exports)), encoding="utf-8", newline="\n"
        )
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(folder, out)
    for name, sha256 in archives.items():
        print(f"{sha256}  {name}")


if __name__ == "__main__":
    main()
