"""Decides which types may travel: the only way from a name in bytes to a class."""

from collections.abc import Sequence
from typing import Final

from casty.errors import DecodeError, EncodeError, UnknownManifestError
from casty.serialization.explain import advice, short
from casty.serialization.imported import ImportedTypes, implicit_name
from casty.serialization.kinds import may_travel
from casty.serialization.plans import Plan, plan_of
from casty.serialization.registry import Registry

_ADVICE: Final = "import its module before decoding; [serialization] strict and allow may refuse it too"


class Catalog:
    """The registered types and, where `strict` and `allow` let them through, those of imported modules."""

    def __init__(self, registry: Registry, *, strict: bool, allow: Sequence[str]) -> None:
        self._registry = registry
        self._imported = ImportedTypes()
        self._strict = strict
        self._allow = frozenset(allow)
        self.plans: dict[type, Plan] = {}
        """Those made so far, to be looked at before asking `of`."""

    def of(self, kind: type) -> Plan:
        """The plan of a type whose value is written. Raises `EncodeError` if it cannot travel."""
        plan = self.plans.get(kind)
        if plan is not None:
            return plan
        if not may_travel(kind):
            raise EncodeError(advice(kind))
        registered = self._registry.name_of(kind)
        if registered is None and self._find(implicit_name(kind).name) is not kind:
            raise EncodeError(
                f"{implicit_name(kind).name} could not be found by that name when it is read; use "
                '@message("a.name"), or move it to the top level of a module that [serialization] allows'
            )
        try:
            plan = self.plans[kind] = plan_of(kind, registered or implicit_name(kind))
        except TypeError as error:
            raise EncodeError(f"{error}; give it such a constructor, or send another type") from None
        return plan

    def named(self, name: str, version: object) -> Plan:
        """The plan of a type that bytes name. Raises `DecodeError`, or its `UnknownManifestError`."""
        kind = self._find(name)
        if kind is None:
            raise UnknownManifestError(f"no type is known as {short(name)}; {_ADVICE}", manifest=name)
        try:
            plan = self.of(kind)
        except EncodeError as error:
            raise DecodeError(str(error)) from None
        if version != plan.wire.version:
            raise DecodeError(
                f"{short(name)} was stored as version {short(version)}, here it is {plan.wire.version}; "
                "an upcaster from that to this is needed"
            )
        return plan

    def _find(self, name: str) -> type | None:
        registered = self._registry.find(name)
        if registered is not None:
            return registered
        return self._imported.find(name) if self._lets_through(name) else None

    def _lets_through(self, name: str) -> bool:
        if not self._allow:
            return not self._strict
        module = name.partition(":")[0]
        return any(module == allowed or module.startswith(f"{allowed}.") for allowed in self._allow)
