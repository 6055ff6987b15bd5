"""Decides which types may travel: the only way from a name in bytes to a class."""

import logging
from collections.abc import Sequence
from typing import Any, Final, Protocol

from casty.errors import DecodeError, EncodeError, PluginError, UnknownManifestError
from casty.serialization.codecs import MARK, CodecPlan
from casty.serialization.explain import advice, short
from casty.serialization.imported import ImportedTypes, implicit_name
from casty.serialization.kinds import may_travel
from casty.serialization.names import WireName
from casty.serialization.packing import Tree
from casty.serialization.plans import Plan, Read, plan_of
from casty.serialization.registry import Registry
from casty.serialization.started import MAIN, STARTED, is_of_started, name_of_started, started_as_module
from casty.serialization.upcasts import Upcasting, explain_gap
from casty.spi.codec import Codec, Codecs, is_exactly

_ADVICE: Final = "import its module before decoding; [serialization] strict and allow may refuse it too"

logger = logging.getLogger("casty.serialization")


class Reading(Protocol):
    """How the values of a name and version are read."""

    def read(self, tree: Tree, depth: int, read: Read) -> Any: ...


class Catalog:
    """The registered types and, where `strict` and `allow` let them through, those of imported modules."""

    def __init__(
        self,
        registry: Registry,
        *,
        strict: bool,
        allow: Sequence[str],
        codecs: Codecs | None = None,
        storing: bool = False,
    ) -> None:
        self._registry = registry
        self._imported = ImportedTypes(self.has)
        self._strict = strict
        self._allow = frozenset(allow)
        self._codecs = codecs
        self._codec_of: dict[type, Codec | None] = {}
        self._storing = storing
        """Whether to warn of the first name that another program may not know."""
        self.plans: dict[type, Plan] = {}
        """Those made so far, to be looked at before asking `of`."""

    def has(self, kind: type) -> bool:
        """Whether the values of a type have its name beside them. Raises `PluginError` where two codecs are for it."""
        return may_travel(kind) or self._find_codec(kind) is not None

    def of(self, kind: type) -> Plan:
        """The plan of a type whose value is written. Raises `EncodeError` if it cannot travel."""
        plan = self.plans.get(kind)
        if plan is not None:
            return plan
        try:
            codec = self._find_codec(kind)
        except PluginError as error:
            raise EncodeError(str(error)) from None
        if codec is not None:
            plan = self.plans[kind] = self._by_codec(codec, kind)
            return plan
        if not may_travel(kind):
            raise EncodeError(advice(kind))
        wire = self._registry.name_of(kind) or self._implicit(kind)
        try:
            plan = self.plans[kind] = plan_of(kind, wire)
        except TypeError as error:
            raise EncodeError(str(error)) from None
        return plan

    def named(self, name: str, version: object) -> Reading:
        """How to read a type that bytes name. Raises `DecodeError`, or its `UnknownManifestError`."""
        plan = self._find_plan(name)
        if plan is not None and plan.wire.version == version and plan.wire.name == name:
            return plan
        if type(version) is not int:
            raise DecodeError(f"{short(name)} is stored with the version {short(version)}: the bytes are damaged")
        return self._older(WireName(name, version), plan)

    def _older(self, stored: WireName, plan: Plan | None) -> Reading:
        """What has another name or version by now; `plan` is that of its own name, if it still has a type."""
        steps = self._registry.upcasts(stored)
        if plan is not None and not steps:  # from before the type was given a name
            stored = WireName(plan.wire.name, stored.version)
            steps = self._registry.upcasts(stored)
        reached = steps[-1].target if steps else stored
        if steps:
            plan = self._find_plan(reached.name)
        if plan is None:
            became = f", which version {stored.version} of {short(stored.name)} has become" if steps else ""
            raise UnknownManifestError(
                f"no type is known as {short(reached.name)}{became}; {_advice(reached.name)}", manifest=reached.name
            )
        if reached.version != plan.wire.version:
            raise DecodeError(explain_gap(stored, reached, plan.wire))
        return Upcasting(steps, plan) if steps else plan

    def _find_codec(self, kind: type) -> Codec | None:
        """A type that travels by itself needs none, unless one is for this very type."""
        if self._codecs is None:
            return None
        if kind not in self._codec_of:
            codec = self._codecs.of(kind)
            if codec is not None and may_travel(kind) and not is_exactly(kind, codec.for_type):
                codec = None
            self._codec_of[kind] = codec
        return self._codec_of[kind]

    def _by_codec(self, codec: Codec, kind: type) -> Plan:
        if codec.by_class:
            return CodecPlan(codec, self._registry.name_of(kind) or self._implicit(kind), kind)
        return CodecPlan(codec, WireName(MARK + codec.names[0], 1), codec.for_type)

    def _codec_named(self, name: str) -> Plan | None:
        try:
            codec = None if self._codecs is None else self._codecs.named(name.removeprefix(MARK))
        except PluginError as error:
            raise DecodeError(str(error)) from None
        return None if codec is None else CodecPlan(codec, WireName(name, 1), codec.for_type)

    def _find_plan(self, name: str) -> Plan | None:
        if name.startswith(MARK):
            return self._codec_named(name)
        kind = self._find(name)
        if kind is None:
            return None
        try:
            return self.of(kind)
        except EncodeError as error:
            raise DecodeError(str(error)) from None

    def _implicit(self, kind: type) -> WireName:
        wire = implicit_name(kind)
        if self._storing and is_of_started(kind) and started_as_module() is None:
            self._storing = False  # once: it is the same for all of them
            _warn_of_started(wire)
        if self._find(wire.name) is not kind:
            raise EncodeError(
                f"{wire.name} could not be found by that name when it is read; use "
                '@message("a.name"), or move it to the top level of a module that [serialization] allows'
            )
        if steps := self._registry.upcasts(wire):
            raise EncodeError(
                f"{wire.name} is what {steps[0].label} starts from; give it a name of its own with @message, "
                "or remove the upcaster"
            )
        return wire

    def _find(self, name: str) -> type | None:
        registered = self._registry.find(name)
        if registered is not None:
            return registered
        return self._imported.find(name) if self._lets_through(name) else None

    def _lets_through(self, name: str) -> bool:
        if not self._allow:
            return not self._strict
        module = name.partition(":")[0]
        if MAIN in self._allow and module == name_of_started():
            return True
        return any(module == allowed or module.startswith(f"{allowed}.") for allowed in self._allow)


def _advice(name: str) -> str:
    """What to do about a type that is not known."""
    module, _, qualname = name.rpartition(":")
    if name.startswith(MARK):
        return "install the plugin that offers this codec; python -m casty plugins shows what was found"
    if module not in STARTED:
        return _ADVICE
    return (
        "it was in the file that a program was started with, and has another name where that file is imported; say "
        f'which: @upcast({name!r}, 1, to=("module:{qualname}", 1)) above def same(fields): return fields'
    )


def _warn_of_started(wire: WireName) -> None:
    module, _, name = wire.name.rpartition(":")
    readers = "another program can read it only if it imports that file by this name"
    if module == MAIN:
        module, readers = "bank", "no other program can read it"
    logger.warning(
        '%s is defined in the file that was started, and is stored as %r: %s; name it with @message("%s.%s"), or '
        "start the program with python -m",
        name,
        wire.name,
        readers,
        module,
        name,
    )
