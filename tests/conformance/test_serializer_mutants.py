"""The conformance kit is worth something: a serializer with one thing wrong fails the check that is about it."""

from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from itertools import count
from time import sleep
from typing import Any, cast, override

import pytest
from casty.errors import CastyError, DecodeError, UnknownManifestError
from casty.ref import DetachedRef
from casty.serialization import REGISTRY, Limits, MsgpackSerializer, Registry, Upcast, WireName
from casty.spi.serializer import Encoded, RefResolver
from casty.testing.conformance.serializer import Check, checks

from tests.conformance.mutations import by_name

CHECKS: dict[str, Check] = by_name(checks())

ROOMY = Limits(max_payload=2**30, max_items=2**30, max_depth=128)


class TuplesBecomeLists(MsgpackSerializer):
    @override
    def loads(self, data: bytes) -> object:
        value: Any = super().loads(data)
        return [*cast(tuple[object, ...], value)] if type(value) is tuple else value


class ForgetsZones(MsgpackSerializer):
    @override
    def loads(self, data: bytes) -> object:
        value: Any = super().loads(data)
        return value.replace(tzinfo=None) if hasattr(value, "utcoffset") else value


class PadsItsBytes(MsgpackSerializer):
    """Each time by a byte more."""

    padding = count()

    @override
    def encode(self, value: object) -> Encoded:
        encoded = super().encode(value)
        return encoded._replace(payload=encoded.payload + b"\xc0" * next(self.padding))

    @override
    def decode(self, manifest: str, version: int, payload: bytes) -> object:
        return super().decode(manifest, version, payload.rstrip(b"\xc0"))


class ResolvesByItself(MsgpackSerializer):
    """Does not ask the one that it was given."""

    def __init__(self, *, resolve_ref: RefResolver) -> None:
        super().__init__(resolve_ref=DetachedRef)


class LetsErrorsThrough(MsgpackSerializer):
    @override
    def decode(self, manifest: str, version: int, payload: bytes) -> object:
        try:
            return super().decode(manifest, version, payload)
        except DecodeError as error:
            raise error.__cause__ or error from None


class ImportsWhatBytesName(MsgpackSerializer):
    @override
    def decode(self, manifest: str, version: int, payload: bytes) -> object:
        if ":" in manifest and manifest != ":":
            import_module(manifest.partition(":")[0])
        return super().decode(manifest, version, payload)


class SaysOnlyDecodeError(MsgpackSerializer):
    @override
    def decode(self, manifest: str, version: int, payload: bytes) -> object:
        try:
            return super().decode(manifest, version, payload)
        except UnknownManifestError as error:
            raise DecodeError(str(error)) from None


class IgnoresVersions(MsgpackSerializer):
    @override
    def decode(self, manifest: str, version: int, payload: bytes) -> object:
        kind = REGISTRY.find(manifest)
        known = None if kind is None else REGISTRY.name_of(kind)
        return super().decode(manifest, version if known is None else known.version, payload)


class OneStep(Registry):
    """What the decorators have filled, as if no upcaster ever followed another."""

    @override
    def find(self, name: str) -> type | None:
        return REGISTRY.find(name)

    @override
    def name_of(self, kind: type) -> WireName | None:
        return REGISTRY.name_of(kind)

    @override
    def upcasts(self, stored: WireName) -> list[Upcast]:
        return REGISTRY.upcasts(stored)[:1]


class StopsAfterOneStep(MsgpackSerializer):
    def __init__(self, *, resolve_ref: RefResolver) -> None:
        super().__init__(resolve_ref=resolve_ref, registry=OneStep())


class KeepsTheLastValue(MsgpackSerializer):
    """In the serializer, where another thread finds it."""

    value: object = None

    @override
    def encode(self, value: object) -> Encoded:
        self.value = value
        sleep(0)  # another thread's turn
        return super().encode(self.value)


class RemembersWhatItRead(MsgpackSerializer):
    """And hands it out again."""

    def __init__(self, *, resolve_ref: RefResolver) -> None:
        super().__init__(resolve_ref=resolve_ref)
        self.read: dict[tuple[str, int, bytes], object] = {}

    @override
    def decode(self, manifest: str, version: int, payload: bytes) -> object:
        key = manifest, version, payload
        if key not in self.read:
            self.read[key] = super().decode(manifest, version, payload)
        return self.read[key]


class HasNoBounds(MsgpackSerializer):
    def __init__(self, *, resolve_ref: RefResolver) -> None:
        super().__init__(resolve_ref=resolve_ref, limits=ROOMY)


class ReadsPrefixes(MsgpackSerializer):
    """A value with something behind it is the value."""

    @override
    def decode(self, manifest: str, version: int, payload: bytes) -> object:
        for length in range(len(payload), 0, -1):
            with suppress(DecodeError):
                return super().decode(manifest, version, payload[:length])
        raise DecodeError("it does not begin with a value")


class WritesObjectsAsText(MsgpackSerializer):
    @override
    def encode(self, value: object) -> Encoded:
        try:
            return super().encode(value)
        except CastyError:
            return super().encode(repr(value))


class FailsOnceItHasFailed(MsgpackSerializer):
    failed = False

    @override
    def loads(self, data: bytes) -> object:
        if self.failed:
            raise DecodeError("as before")
        try:
            return super().loads(data)
        except DecodeError:
            self.failed = True
            raise


MUTANTS: list[tuple[Callable[..., MsgpackSerializer], str]] = [
    (TuplesBecomeLists, "containers_keep_their_types_and_order"),
    (ForgetsZones, "a_zone_becomes_its_offset_at_that_moment"),
    (PadsItsBytes, "equal_values_are_equal_bytes"),
    (ResolvesByItself, "references_are_what_the_resolver_makes_of_their_address"),
    (LetsErrorsThrough, "altered_bytes_do_no_harm"),
    (ImportsWhatBytesName, "nothing_is_imported"),
    (SaysOnlyDecodeError, "an_unknown_type_is_named"),
    (IgnoresVersions, "a_newer_version_is_refused"),
    (IgnoresVersions, "an_older_version_is_not_taken_for_todays"),
    (StopsAfterOneStep, "upcasters_are_taken_in_turn"),
    (KeepsTheLastValue, "threads_do_not_disturb_each_other"),
    (RemembersWhatItRead, "values_are_not_shared"),
    (HasNoBounds, "size_is_bounded_for_writer_and_reader"),
    (ReadsPrefixes, "no_part_of_a_value_is_one"),
    (WritesObjectsAsText, "what_is_no_wire_type_is_refused"),
    (FailsOnceItHasFailed, "a_refusal_leaves_nothing_behind"),
]


@pytest.mark.parametrize(("mutant", "caught_by"), MUTANTS)
def test_a_mutant_fails_the_check_that_is_about_it(mutant: Callable[..., MsgpackSerializer], caught_by: str) -> None:
    # What the serializer raises where it should not is let through: nothing says better what is wrong.
    with pytest.raises((AssertionError, CastyError)):
        CHECKS[caught_by](lambda resolve_ref: mutant(resolve_ref=resolve_ref))
