"""Finds plugins through the entry points of installed distributions and imports them, each one on its own.

`pluggy.load_setuptools_entrypoints` is not used: of two entry points with one name it keeps one, silently.
"""

import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata

from casty.config.environment import DISABLED_PLUGINS, disabled_plugins
from casty.plugins.hookspecs import PROJECT

logger = logging.getLogger("casty.plugins")

BUILTIN = metadata.EntryPoint(name="builtin", value="casty.plugins.builtin", group=PROJECT)
CORE = "casty-core"
IN_CODE = "(code)"
"""Stands where a distribution's name would; no distribution can be called so."""


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Where a plugin comes from."""

    distribution: str
    entry: str
    version: str = ""

    @property
    def name(self) -> str:
        """What `[plugins] disabled` may call it."""
        return f"{self.distribution}:{self.entry}"

    @property
    def in_code(self) -> bool:
        """Whether it is an object that the program itself gave."""
        return self.distribution == IN_CODE

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}" if self.version else self.name


@dataclass(frozen=True, slots=True)
class Loaded:
    """A plugin whose module was imported, or that was given in code."""

    origin: Origin
    plugin: object


@dataclass(frozen=True, slots=True)
class Broken:
    """A plugin whose import raised."""

    origin: Origin
    error: BaseException


@dataclass(frozen=True, slots=True)
class Disabled:
    """A plugin that was not imported because `by` names it."""

    origin: Origin
    by: str


type Found = Loaded | Broken | Disabled


def load_plugins(disabled: Sequence[str] = (), extra: Sequence[object] = ()) -> tuple[Found, ...]:
    """All installed plugins in the order of their names, then those given in code.

    What `disabled` and the environment's CASTY_DISABLED_PLUGINS name is not imported; a name among them that
    no installed plugin has is logged.
    """
    switches = _switches(disabled)
    used: set[str] = set()
    found: list[Found] = []
    for origin, entry in sorted(_installed()):
        keys = [key for key in (_normal(origin.distribution), _normal(origin.name)) if key in switches]
        used.update(keys)
        found.append(Disabled(origin, switches[keys[0]]) if keys else _import(origin, entry))
    for key in switches.keys() - used:
        logger.warning("%s disables %r, but no such plugin is installed", switches[key], key)
    found.extend(Loaded(Origin(IN_CODE, f"plugins[{i}]"), plugin) for i, plugin in enumerate(extra))
    return tuple(found)


def _installed() -> Iterator[tuple[Origin, metadata.EntryPoint]]:
    entries = [(_origin(entry), entry) for entry in metadata.entry_points(group=PROJECT)]
    yield from entries
    if not any(entry.value == BUILTIN.value for _, entry in entries):
        # A core without its metadata, as in a zipapp, still has its own backends.
        yield Origin(CORE, BUILTIN.name), BUILTIN


def _origin(entry: metadata.EntryPoint) -> Origin:
    if entry.dist is None:
        return Origin("(unnamed)", entry.name)
    return Origin(entry.dist.name or "(unnamed)", entry.name, entry.dist.version)


def _import(origin: Origin, entry: metadata.EntryPoint) -> Loaded | Broken:
    try:
        return Loaded(origin, entry.load())
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a script that calls sys.exit() when it is imported must not end this program
        return Broken(origin, error)


def _switches(disabled: Iterable[str]) -> dict[str, str]:
    """What to disable, and which setting says so."""
    switches = {_normal(item): "[plugins] disabled" for item in disabled}
    return switches | {_normal(item): DISABLED_PLUGINS for item in disabled_plugins(os.environ)}


def _normal(name: str) -> str:
    """Distribution names compare as packaging compares them: `Casty_Core` is `casty-core`."""
    distribution, colon, entry = name.strip().partition(":")
    return re.sub(r"[-_.]+", "-", distribution).lower() + colon + entry
