"""Tables that others can add to: formats, engines, embed targets, and whatever else stands in a `Registry`.

An entry is a record. This package's own stand in a table; those of an installed plug-in are found by its entry points:

    [project.entry-points."edgedigits.engines"]
    toy = "toy_engine:ENGINE"

Nothing is imported before an entry is asked for. A plug-in that does not load names itself, and takes nothing else
down: the other entries go on as if it were not installed.
"""

import functools
import importlib
import warnings
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from edgedigits.errors import MissingCapability, first_line, unknown

T = TypeVar("T")


class Registry(Generic[T]):
    """The entries of one kind, by name: our own in the order of their table, then those of plug-ins.

    kind   what an entry is called in errors: "engine"; the group of entry points is `edgedigits.<kind>s`
    own    name to entry, or to "module:attribute", which is imported when it is asked for
    type   of an entry
    """

    def __init__(self, kind: str, own: Mapping[str, T | str], entry_type: type[T]) -> None:
        self.kind, self.own, self.type = kind, own, entry_type

    @functools.cached_property
    def plugins(self) -> dict[str, EntryPoint]:
        """Entry points of installed plug-ins; none takes the name of one of ours."""
        found = entry_points(group=f"edgedigits.{self.kind}s")
        return {
            point.name: point for point in sorted(found, key=lambda point: point.name) if point.name not in self.own
        }

    @property
    def names(self) -> tuple[str, ...]:
        """All names, whether or not their plug-ins load."""
        return (*self.own, *self.plugins)

    def __contains__(self, name: object) -> bool:
        return name in self.own or name in self.plugins

    def __iter__(self) -> Iterator[T]:
        """All entries that load; of a plug-in that does not, a note says so once."""
        return (entry for _, entry in self.items())

    def items(self) -> Iterator[tuple[str, T]]:
        """The same, each with its name."""
        for name in self.names:
            try:
                yield name, self[name]
            except MissingCapability as error:
                if name in self.own:
                    raise
                warnings.warn(str(error), stacklevel=2)

    def __getitem__(self, name: str) -> T:
        """The entry of that name. Raises UsageError, with the nearest name, and MissingCapability."""
        if name not in self:
            raise unknown(self.kind, name, self.names)
        return self._loaded(name)

    @functools.cache  # noqa: B019 - a registry lives as long as the process
    def _loaded(self, name: str) -> T:
        if name in self.own:
            return _imported(self.own[name])
        point = self.plugins[name]
        try:
            entry = point.load()
        except Exception as error:  # a stranger's module raises whatever it meets
            raise self._broken(point, f"does not load ({first_line(error)})") from error
        if not isinstance(entry, self.type):
            raise self._broken(point, f"is no {self.type.__name__}, but a {type(entry).__name__}")
        if (found := getattr(entry, "name", name)) != name:
            raise self._broken(point, f"calls itself '{found}'")
        return entry

    def _broken(self, point: EntryPoint, reason: str) -> MissingCapability:
        source = point.dist.name if point.dist else point.value
        return MissingCapability(f"{self.kind} '{point.name}' of the plug-in {source} {reason}. Mend or uninstall it.")


def resolved(reference: str) -> object:
    """What a "module:attribute" names."""
    module, _, attribute = reference.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _imported(entry: T | str) -> T:
    return resolved(entry) if isinstance(entry, str) else entry  # type: ignore[return-value]
