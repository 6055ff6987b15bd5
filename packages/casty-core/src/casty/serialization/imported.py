"""Finds types by `module:qualname` among what is imported, without running anybody's code."""

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any, NamedTuple

from casty.serialization.kinds import may_travel, namespace
from casty.serialization.names import WireName


def implicit_name(kind: type) -> WireName:
    """The wire name of a type that has none of its own."""
    return WireName(f"{kind.__module__}:{kind.__qualname__}", 1)


class _Place(NamedTuple):
    """Where a type was found."""

    members: Mapping[str, Any]
    key: str
    kind: type


class ImportedTypes:
    """The dataclasses, NamedTuples and enums of the modules in `sys.modules`, by name."""

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}

    def find(self, name: str) -> type | None:
        """A class has one name only, that of the module it is from; who else imports it does not count."""
        place = self._places.get(name)
        # A reload, or a cell of a notebook that is run again, puts another class in its place.
        if place is None or place.members.get(place.key) is not place.kind:
            place = _find(name)
            if place is None:
                return None
            self._places[name] = place
        return place.kind


def _find(name: str) -> _Place | None:
    module_name, _, qualname = name.partition(":")
    module = sys.modules.get(module_name)
    if not issubclass(type(module), ModuleType):
        return None
    # `vars` and `getattr` would ask the module's own `__getattribute__`, by which lazy ones import.
    members: Mapping[str, Any] = object.__getattribute__(module, "__dict__")
    *outer, key = qualname.split(".")
    for part in outer:
        holder: Any = members.get(part)
        if part.startswith("__") or not issubclass(type(holder), type):
            return None
        members = namespace(holder)
    kind: Any = members.get(key)
    if key.startswith("__") or not issubclass(type(kind), type) or not may_travel(kind):
        return None
    if namespace(kind).get("__module__") != module_name or kind.__qualname__ != qualname:
        return None
    return _Place(members, key, kind)
