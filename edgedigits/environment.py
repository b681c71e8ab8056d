"""What the results depend on besides the code: versions, processor, threads."""

import platform
from importlib.metadata import version


def versions(*packages: str) -> dict[str, str]:
    """Versions of this package, of Python and of the named packages, for the records."""
    return {name: version(name) for name in ("edgedigits", *packages)} | {"python": platform.python_version()}


def processor(device: str = "cpu") -> str:
    """The kind of processor that computes, as far as results depend on it: "cpu", "cuda" or "mps" names the device."""
    import torch

    if device == "cuda":
        return torch.cuda.get_device_name()
    name = torch.cpu.get_capabilities().get("cpu_name", platform.machine())
    return f"{name}, {torch.backends.cpu.get_cpu_capability()}"
