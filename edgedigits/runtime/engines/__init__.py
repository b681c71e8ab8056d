"""What runs a model file in the end, one file an engine: adding one is adding a file here, and its test.

An engine is a record: which containers it runs, how it is called, and the function that opens a session. It gets bytes
that the container's reader has passed, never a path, and parses nothing itself. A plug-in adds one by an entry point in
the group `edgedigits.engines` (`edgedigits/system/plugins.py`). `verify --engine NAME` puts the same questions to each.

Every engine is called in two settings: `default`, as a user calls it who asks for nothing, and `exact`, in which it
computes in float32 throughout. For most the two are one.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgedigits.errors import MissingCapability, UsageError, first_line, unknown
from edgedigits.export.formats import CONTAINERS
from edgedigits.records.progress import Observer, ignore
from edgedigits.records.report import EngineRef
from edgedigits.runtime.packages import bring
from edgedigits.system.plugins import Registry

if TYPE_CHECKING:
    from edgedigits.runtime.predictor import ModelFile, Session


DEFAULT, EXACT = "default", "exact"


@dataclass(frozen=True)
class Setting:
    """A way to call an engine.

    options   what is asked of it, in its own words
    about     what that means for its answers; empty where there is nothing to say
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    about: str = ""

    def __str__(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.options.items())


@dataclass(frozen=True)
class Engine:
    """A runtime, as this package asks it.

    title        what it is, for tables and help
    version      of what answers; raises MissingCapability where this machine lacks it, and says how to get it
    session      opens a checked model file in a setting, on one thread unless that says otherwise; what it raises,
                 there and when it answers, is the engine's own, and `words` says it on a line
    containers   it runs files of these
    settings     `default` first; behind it `exact`, where that is another: their answers may differ
    variants     threads and levels of optimization, on which no answer may depend: `verify` tries them
    concurrent   several threads may ask a session at once; where they may not, they wait for each other
    programs     finds those that it needs, or raises MissingCapability
    packages     that it needs from npm, installed when they are first needed
    patience     how many times the seconds of BOUNDS a request may take: 1 for an engine that was made to be fast
    """

    name: str
    title: str
    version: Callable[[], str]
    session: Callable[[ModelFile, Setting], Session]
    containers: tuple[str, ...] = ("onnx",)
    settings: tuple[Setting, ...] = (Setting(DEFAULT),)
    variants: tuple[Setting, ...] = ()
    concurrent: bool = False
    programs: Callable[[], object] = lambda: None
    packages: tuple[str, ...] = ()
    patience: int = 1
    words: Callable[[Exception], str] = first_line

    def setting(self, name: str | None) -> Setting:
        """The setting or variant of that name, by default `default`. Raises UsageError, with the nearest name."""
        known = {found.name: found for found in (*self.settings, *self.variants)}
        known.setdefault(EXACT, self.settings[0])
        if name is not None and name not in known:
            raise unknown("setting", name, known)
        return self.settings[0] if name is None else known[name]

    def ready(self, observer: Observer = ignore) -> str:
        """Its version, once what it needs is on this machine. Raises MissingCapability."""
        self.programs()
        bring(self.packages, observer)
        return self.version()


ENGINES: Registry[Engine] = Registry(
    "engine",
    {module.name.replace("_", "-"): f"{__name__}.{module.name}:ENGINE" for module in pkgutil.iter_modules(__path__)},
    Engine,
)
DEFAULTS = {"onnx": "onnxruntime", "torchscript": "torchscript", "pt2": "pt2", "c": "integers"}  # of each container
PROVERS = {"c": "wasm"}  # of containers whose files `verify` compiles, where this machine can, and shuts in


def get_engine(name: str) -> Engine:
    """The engine of that name. Raises UsageError, with the nearest name, where there is none."""
    return ENGINES[name]


def find_engine(name: str, setting: str | None = None, observer: Observer = ignore) -> EngineRef:
    """The engine of that name as it is on this machine, in a setting.

    Raises UsageError on an unknown name or setting, and MissingCapability where this machine lacks it.
    """
    engine = get_engine(name)
    chosen = engine.setting(setting)
    return EngineRef(name, engine.ready(observer), None if chosen is engine.settings[0] else chosen.name)


def engines_of(container: str) -> list[Engine]:
    """The engines that run files of a container."""
    return [engine for engine in ENGINES if container in engine.containers]


def engine_for(container: str, name: str | None) -> Engine:
    """The engine of that name, or a container's own. Raises UsageError where it does not run such files."""
    engine = get_engine(name or DEFAULTS[container])
    if container not in engine.containers:
        titles = " and ".join(CONTAINERS[runs].title for runs in engine.containers)
        raise UsageError(f"engine {engine.name} runs {titles} files, and this is none.")
    return engine


def missing(package: str, extra: str) -> MissingCapability:
    """The error where a Python package is not installed, which names the extra that brings it."""
    return MissingCapability(f"engine {extra} needs {package}: pip install 'edgedigits[{extra}]', with a network")
