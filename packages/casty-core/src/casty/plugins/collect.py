"""Registers plugins with pluggy and calls their hooks one by one, so that none spoils another's answer."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import is_dataclass
from typing import Any, cast

import pluggy

from casty.plugins import hookspecs
from casty.plugins.catalog import Catalog, Fault, Offer
from casty.plugins.kinds import KINDS, Kind, Provider
from casty.plugins.loader import Broken, Disabled, Found, Loaded, Origin

_NAME = re.compile(r"[a-z][a-z0-9+.-]*")


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
    answers = [answer for kind in KINDS for origin in plugins for answer in _ask(manager, kind, origin)]
    return Catalog(
        plugins=tuple(plugins),
        offers=tuple(answer for answer in answers if isinstance(answer, Offer)),
        faults=(*faults, *(answer for answer in answers if isinstance(answer, Fault))),
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
        answers = [cast(object, hook()) for hook in hooks]
        problems = [problem for answer in answers if (problem := _problem(kind, answer)) is not None]
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return [Fault(origin, f"{kind.hook}() raised {describe(error)}", kind, error)]
    if problems:
        return [Fault(origin, f"{kind.hook}() {problems[0]}", kind)]
    offers = [Offer(origin, kind, provider) for answer in answers for provider in cast(Sequence[Provider], answer)]
    return [_fault_of(offer) or offer for offer in offers]


def _fault_of(offer: Offer) -> Fault | None:
    """Where nothing chooses a backend by its name, one of another SPI must be reported now."""
    if not offer.kind.uses_all or offer.misfit is None:
        return None
    return Fault(offer.origin, f"{offer.provider.names[0]!r} {offer.misfit}", offer.kind)


def _problem(kind: Kind[Any], answer: object) -> str | None:
    """What is wrong with a hook's answer, which may be anything."""
    wanted = f"a list of {kind.provider.__name__} is wanted"
    if not isinstance(answer, list | tuple):
        return f"returned {answer!r}; {wanted}"
    taken: set[str] = set()
    for item in cast(Sequence[object], answer):
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
