"""Loads plugins: finds the entry points of installed distributions, imports their modules and calls their hooks, each
by itself, so that no plugin spoils what another one offers.

`pluggy.load_setuptools_entrypoints` is not used: of two entry points with one name it keeps one, silently.
"""

import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, is_dataclass
from functools import lru_cache
from importlib import metadata
from typing import Any, cast

import pluggy

from casty.config.environment import DISABLED_PLUGINS, disabled_plugins
from casty.plugins import hookspecs
from casty.plugins.catalog import IN_CODE, Catalog, Disabled, Fault, Offer, Origin
from casty.plugins.kinds import KINDS, Kind, Provider

logger = logging.getLogger("casty.plugins")

BUILTIN = metadata.EntryPoint(name="builtin", value="casty.plugins.builtin", group=hookspecs.PROJECT)
CORE = "casty-core"
_NAME = re.compile(r"[a-z][a-z0-9+.-]*")


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
    entries = _read(metadata.entry_points, tuple((place, _changed(place)) for place in sys.path))
    yield from entries
    if not any(entry.value == BUILTIN.value for _, entry in entries):
        # A core without its metadata, as in a zipapp, still has its own backends.
        yield Origin(CORE, BUILTIN.name), BUILTIN


@lru_cache(maxsize=4)
def _read(
    find: Callable[..., Iterable[metadata.EntryPoint]], places: tuple[tuple[str, int], ...]
) -> Sequence[tuple[Origin, metadata.EntryPoint]]:
    """The entry points of all distributions, which are many files: read once, until one is installed or removed.

    `places`: the folders that distributions are in, and when each was last changed.
    """
    return [(_origin(entry), entry) for entry in find(group=hookspecs.PROJECT)]


def _changed(place: str) -> int:
    try:
        return os.stat(place or ".").st_mtime_ns
    except (OSError, ValueError):
        return 0


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


def make_catalog(found: Iterable[Found]) -> Catalog:
    """Register what was loaded with a manager of its own and ask every plugin for its providers."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    plugins: list[Origin] = []
    faults: list[Fault] = []
    disabled: list[Disabled] = []
    for item in found:
        match item:
            case Disabled():
                disabled.append(item)
            case Broken(origin, error):
                faults.append(Fault(origin, describe(error), error=error))
            case Loaded(origin, plugin) if origin.in_code and manager.is_registered(plugin):
                pass  # given in code and installed as well: once is enough
            case Loaded(origin, plugin):
                fault = _register(manager, origin, plugin)
                if fault is None:
                    plugins.append(origin)
                else:
                    faults.append(fault)
    results = [result for kind in KINDS for origin in plugins for result in _ask(manager, kind, origin)]
    return Catalog(
        plugins=tuple(plugins),
        offers=tuple(result for result in results if isinstance(result, Offer)),
        faults=(*faults, *(result for result in results if isinstance(result, Fault))),
        disabled=tuple(disabled),
    )


def describe(error: BaseException) -> str:
    """On one line, whatever the error's own text is, and even if the error has none."""
    name = type(error).__name__
    try:
        return " ".join(f"{name}: {error}".split()).removesuffix(":")
    except Exception:
        return f"{name} (its text cannot be had)"


def _register(manager: pluggy.PluginManager, origin: Origin, plugin: object) -> Fault | None:
    """A fault leaves nothing of the plugin behind."""
    try:
        manager.register(plugin, name=origin.name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if manager.get_plugin(origin.name) is plugin:
            manager.unregister(plugin)
        return Fault(origin, f"it cannot be registered: {describe(error)}", error=error)
    unknown = [
        caller.name
        for caller in manager.get_hookcallers(plugin) or ()
        if not caller.has_spec()
        and any(hook.plugin is plugin and not hook.optionalhook for hook in caller.get_hookimpls())
    ]
    if not unknown:
        return None
    manager.unregister(plugin)
    return Fault(origin, f"unknown hook {', '.join(unknown)}; there are {', '.join(kind.hook for kind in KINDS)}")


def _ask(manager: pluggy.PluginManager, kind: Kind[Any], origin: Origin) -> Sequence[Offer | Fault]:
    caller = cast(pluggy.HookCaller, getattr(manager.hook, kind.hook))
    hooks = [hook.function for hook in caller.get_hookimpls() if hook.plugin_name == origin.name]
    try:
        results = [cast(object, hook()) for hook in hooks]
        problems = [problem for result in results if (problem := _problem(kind, result)) is not None]
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return [Fault(origin, f"{kind.hook}() raised {describe(error)}", kind, error)]
    if problems:
        return [Fault(origin, f"{kind.hook}() {problems[0]}", kind)]
    offers = [Offer(origin, kind, provider) for result in results for provider in cast(Sequence[Provider], result)]
    return [_fault_of(offer) or offer for offer in offers]


def _fault_of(offer: Offer) -> Fault | None:
    """Where nothing chooses a backend by its name, one of another SPI must be reported now."""
    if not offer.kind.uses_all or offer.misfit is None:
        return None
    return Fault(offer.origin, f"{offer.provider.names[0]!r} {offer.misfit}", offer.kind)


def _problem(kind: Kind[Any], result: object) -> str | None:
    """What is wrong with a hook's result, which may be anything."""
    wanted = f"a list of {kind.provider.__name__} is wanted"
    if not isinstance(result, list | tuple):
        return f"returned {result!r}; {wanted}"
    taken: set[str] = set()
    for item in cast(Sequence[object], result):
        if not isinstance(item, kind.provider):
            return f"returned {item!r} in its list; {wanted}"
        provider = cast(Provider, item)
        names = cast(object, provider.names)
        if not isinstance(names, tuple) or not names:
            return f"returned a provider with the names {names!r}; a tuple of at least one name is wanted"
        for name in cast(tuple[object, ...], names):
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                return f"offers the name {name!r}; lower-case letters, digits, '+', '.' and '-' are wanted"
            if name in taken:
                return f"offers the name {name!r} twice"
            taken.add(name)
        spi = cast(object, provider.spi)
        if type(spi) is not int:
            return f"offers {provider.names[0]!r} with the SPI {spi!r}; a number is wanted"
        options = cast(object, provider.options)
        if not (isinstance(options, type) and is_dataclass(options)):
            return f"offers {provider.names[0]!r} with the options {options!r}; a dataclass is wanted"
    return None
