"""Finds types by `module:qualname` among what is imported, without running any user's code."""

import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from casty.serialization.kinds import may_travel, namespace
from casty.serialization.names import WireName
from casty.serialization.started import MAIN, STARTED, is_of_started, members_of, name_of_started


def implicit_name(kind: type) -> WireName:
    """The wire name of a type that has none of its own."""
    module = name_of_started() or MAIN if is_of_started(kind) else kind.__module__
    return WireName(f"{module}:{kind.__qualname__}", 1)


class _Place(NamedTuple):
    """Where a type was found."""

    members: Mapping[str, Any]
    key: str
    kind: type


class ImportedTypes:
    """The dataclasses, NamedTuples and enums of the modules in `sys.modules`, by name."""

    def __init__(self, travels: Callable[[type], bool] = may_travel) -> None:
        self._travels = travels
        self._places: dict[str, _Place] = {}

    def find(self, name: str) -> type | None:
        """A class has one name only, that of the module it is from; other modules that import it do not count."""
        place = self._places.get(name)
        # A reload, or a cell of a notebook that is run again, puts another class in its place.
        if place is None or place.members.get(place.key) is not place.kind:
            place = _find(name, self._travels)
            if place is None:
                return None
            self._places[name] = place
        return place.kind


def _find(name: str, travels: Callable[[type], bool]) -> _Place | None:
    module_name, _, qualname = name.partition(":")
    modules = STARTED if module_name in STARTED or module_name == name_of_started() else (module_name,)
    members = members_of(sys.modules.get(modules[0]))
    *outer, key = qualname.split(".")
    for part in outer:
        holder: Any = members.get(part)
        if part.startswith("__") or not issubclass(type(holder), type):
            return None
        members = namespace(holder)
    kind: Any = members.get(key)
    if key.startswith("__") or not issubclass(type(kind), type) or not travels(kind):
        return None
    if namespace(kind).get("__module__") not in modules or kind.__qualname__ != qualname:
        return None
    return _Place(members, key, kind)
