"""What the results depend on besides the code: versions, processor, threads."""

import platform
from importlib.metadata import version


def versions(*packages: str) -> dict[str, str]:
    """Versions of this package, of Python and of the named packages, for the records."""
    return {name: version(name) for name in ("edgedigits", *packages)} | {"python": platform.python_version()}
