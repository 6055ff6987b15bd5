"""How the core's doors open: a name of an optional distribution is imported when it is first used.

`casty` itself is one, for what is imported from it most: its names are those of the other doors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module, metadata
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Room:
    """The optional package behind a door, and the extra of the distribution `casty` that installs it."""

    package: str
    extra: str


CLUSTER = Room("casty_cluster", "cluster")
CLI = Room("casty_cli", "cli")


def resolve(door: str, name: str, lazy: Mapping[str, Room]) -> Any:
    """The value of a door's lazy name, for that module's `__getattr__`.

    Raises `ModuleNotFoundError` with the command that installs the package, `ImportError` where the installed
    package does not have the name, `AttributeError` for any other name.
    """
    room = lazy.get(name)
    if room is None:
        raise AttributeError(f"module {door!r} has no attribute {name!r}", name=name)
    try:
        package = import_module(room.package)
    except ModuleNotFoundError as error:
        if error.name != room.package:
            raise
        hint = f'{room.package} is not installed; run: pip install "casty[{room.extra}]"'
        raise ModuleNotFoundError(hint, name=room.package) from None
    try:
        return getattr(package, name)
    except AttributeError:
        distribution = room.package.replace("_", "-")
        # Not an AttributeError: `from door import name` would replace its text by one of Python's own.
        raise ImportError(
            f"this version of {distribution} ({_version(distribution)}) has no {name} yet", name=room.package
        ) from None


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed as a distribution"


_OF_CASTY: Final = {
    "ClusterClient": "casty.cluster",
    "ClusteredActorSystem": "casty.cluster",
    "PostgresJournal": "casty.journal",
    "SqliteJournal": "casty.journal",
}
_FACES: Final = (
    "casty.cluster",
    "casty.config",
    "casty.distributed",
    "casty.errors",
    "casty.journal",
    "casty.projections",
    "casty.serialization",
    "casty.sharding",
    "casty.spi",
    "casty.testing",
    "casty.tls",
)
"""Modules beside `casty` itself from which users import names."""


def of_casty(name: str) -> Any:
    """The value of a lazy name of `casty`, for its `__getattr__`.

    Raises `AttributeError` for any other name; it says where the name is, if one of the other modules has it.
    """
    if name in _OF_CASTY:
        return getattr(import_module(_OF_CASTY[name]), name)
    found = None if name.startswith("_") else next((face for face in _FACES if _has(face, name)), None)
    hint = f"; it is in {found}: from {found} import {name}" if found else ""
    raise AttributeError(f"module 'casty' has no attribute {name!r}{hint}", name=name)


def _has(face: str, name: str) -> bool:
    names = vars(import_module(face))
    return name in names or name in names.get("_LAZY", ())
