"""What a training computes on: which device, in which precision, and so that it comes out the same again."""

import contextlib
import os
from collections.abc import Iterator

import torch

from edgedigits.errors import MissingCapability, unknown

DEVICES = ("auto", "cpu", "cuda", "mps")


def choose_precision(precision: str, device: torch.device) -> str:
    """What "auto" means on a device: bfloat16 where it is native, and so faster; else float32."""
    if precision != "auto":
        return precision
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        features = torch.cpu.get_capabilities() if device.type == "cpu" else {}
        native = bool(features.get("amx_bf16") or features.get("avx512_bf16"))
    return "bfloat16" if native else "float32"


def find_device(name: str) -> torch.device:
    """The torch device of that name. Raises UsageError, and MissingCapability where there is none."""
    if name not in DEVICES:
        raise unknown("device", name, DEVICES)
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if present[kind])
    if not present[name]:
        raise MissingCapability(
            f"--device {name}: torch {torch.__version__} finds no {name.upper()} device here. Use --device cpu."
        )
    return torch.device(name)


@contextlib.contextmanager
def reproducible(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch and allow only deterministic kernels, and leave the caller's torch as it was."""
    # of CUDA's devices this one alone: each one touched takes memory, and other processes may train on the others
    with torch.random.fork_rng([torch.cuda.current_device()] if device.type == "cuda" else None):
        torch.manual_seed(seed)
        with _deterministic() if device.type == "cuda" else contextlib.nullcontext():
            yield


@contextlib.contextmanager
def _deterministic() -> Iterator[None]:
    """Allow only deterministic kernels. For CUDA: the CPU's are, for a thread count, and to ask costs 1.3 seconds."""
    enabled = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # or cuBLAS refuses to be deterministic
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
