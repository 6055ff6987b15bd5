"""From version to version: what is refused when it is registered, and what decoding says of what it cannot read."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import pytest
from casty.errors import DecodeError, EncodeError, SerializationError, UnknownManifestError
from casty.serialization import REGISTRY, MsgpackSerializer, Registry, Upcast, WireName, event, upcast
from casty.serialization.packing import extension, pack

from tests.core.serialization import release_1, release_2

type Fields = dict[str, object]

PAYLOAD = pack({"a": 1})


@dataclass(frozen=True)
class Thing:
    b: int


def renamed(fields: Fields) -> Fields:
    return {"b": fields["a"]}


def same(fields: Fields) -> Fields:
    return fields


def step(
    name: str, version: int, function: Callable[[Any], object] = same, to: tuple[str, int] | None = None
) -> Upcast:
    return Upcast(WireName(name, version), WireName(*to or (name, version + 1)), function)


def reading(version: int, *steps: Upcast, name: str = "a.Thing") -> Callable[..., object]:
    """Decodes with a registry in which `Thing` has that version."""
    registry = Registry()
    registry.register(Thing, name, version)
    for one in steps:
        registry.register_upcast(one)
    return MsgpackSerializer(registry=registry).decode


def test_event_and_upcast_fill_the_registry_that_message_fills() -> None:
    @event("tests.Moved", version=2)
    @dataclass(frozen=True)
    class Moved:
        b: int

    @upcast("tests.Moved", 1)
    def from_1(fields: Fields) -> Fields:
        return renamed(fields)

    @upcast("tests.Shifted", 7, to=("tests.Moved", 1))
    def from_shifted(fields: Fields) -> Fields:
        return {"a": fields["x"]}

    serializer = MsgpackSerializer(strict=True)
    assert serializer.encode(Moved(1))[:2] == ("tests.Moved", 2)
    assert serializer.decode("tests.Moved", 1, PAYLOAD) == Moved(1)
    assert serializer.decode("tests.Shifted", 7, pack({"x": 3})) == Moved(3)
    assert [found.function for found in REGISTRY.upcasts(WireName("tests.Shifted", 7))] == [from_shifted, from_1]


@pytest.mark.parametrize("label", ["an event", "an event with a nested value", "a named tuple", "an enum", "flags"])
def test_an_older_release_asks_for_the_newer_one(label: str) -> None:
    newer = release_2.VALUES[label]
    with pytest.raises(DecodeError, match="a newer program wrote it; install that version of the program, or a newer"):
        release_1.SERIALIZER.decode(*release_2.SERIALIZER.encode(newer))
    with pytest.raises(DecodeError, match=r"'bank\.\w+' was stored as version [23], here it is 1: a newer program"):
        release_1.SERIALIZER.loads(release_2.SERIALIZER.dumps(newer))


def test_an_additive_change_can_be_rolled_back() -> None:
    @dataclass(frozen=True)
    class Grown:
        b: int
        colour: str = "red"
        other: object = None

    newer = Registry()
    newer.register(Grown, "a.Thing")
    newer.register(release_1.Rights, "a.Rights")
    stored = MsgpackSerializer(registry=newer).encode(Grown(2, "blue", release_1.Rights.READ))
    assert reading(1)(*stored) == Thing(2)
    assert MsgpackSerializer(registry=newer).decode("a.Thing", 1, pack({"b": 3})) == Grown(3)


def test_steps_are_taken_in_order_until_today() -> None:
    seen: list[tuple[int, object]] = []

    def noting(version: int, fields: Fields) -> Fields:
        seen.append((version, dict(fields)))
        return {"b": cast(int, fields.get("a", fields.get("b"))) + 1}

    decode = reading(4, *(step("a.Thing", version, partial(noting, version)) for version in (3, 1, 2)))
    assert decode("a.Thing", 1, PAYLOAD) == Thing(4)
    assert seen == [(1, {"a": 1}), (2, {"b": 2}), (3, {"b": 3})]
    assert decode("a.Thing", 3, PAYLOAD) == Thing(2)
    assert decode("a.Thing", 4, pack({"b": 9})) == Thing(9)
    assert len(seen) == 4


def test_a_step_may_skip_versions() -> None:
    assert reading(5, step("a.Thing", 1, renamed, ("a.Thing", 5)))("a.Thing", 1, PAYLOAD) == Thing(1)


def test_data_from_before_a_type_was_named_takes_the_same_steps() -> None:
    implicit = f"{__name__}:Thing"
    assert reading(2, step("a.Thing", 1, renamed))(implicit, 1, PAYLOAD) == Thing(1)
    assert reading(1, step(implicit, 1, renamed, ("a.Thing", 1)))(implicit, 1, PAYLOAD) == Thing(1)


def test_a_type_that_has_moved_is_found_without_a_name() -> None:
    registry = Registry()
    registry.register_upcast(step("old.module:Gone", 1, renamed, (f"{__name__}:Thing", 1)))
    assert MsgpackSerializer(registry=registry).decode("old.module:Gone", 1, PAYLOAD) == Thing(1)
    with pytest.raises(UnknownManifestError, match=r"no type is known as '.*:Thing', which version 1 of 'old\.mod"):
        MsgpackSerializer(registry=registry, strict=True).decode("old.module:Gone", 1, PAYLOAD)


def test_what_the_program_still_writes_cannot_be_something_old() -> None:
    registry = Registry()
    registry.register_upcast(step(f"{__name__}:Thing", 1, renamed, ("a.Thing", 1)))
    with pytest.raises(EncodeError, match=r":Thing is what the upcaster .*:renamed of .* starts from; give it a name"):
        MsgpackSerializer(registry=registry).encode(Thing(1))
    registry.register(Thing, "a.Thing")
    assert MsgpackSerializer(registry=registry).encode(Thing(1)).manifest == "a.Thing"


@pytest.mark.parametrize(
    ("decode", "stored", "message"),
    [
        (
            reading(4, step("a.Thing", 1)),
            ("a.Thing", 1),
            "here it is 4; its upcasters lead to version 2 of 'a.Thing'; an upcaster from there is missing: @upcast(",
        ),
        (
            reading(2),
            ("a.Thing", 1),
            "'a.Thing' was stored as version 1, here it is 2; an upcaster from there is missing: @upcast('a.Thing', 1)",
        ),
        (
            reading(2, step("a.Thing", 1)),
            ("a.Thing", 3),
            "'a.Thing' was stored as version 3, here it is 2: a newer program wrote it; install that version",
        ),
        (
            reading(2, step("a.Thing", 1, same, ("a.Thing", 3))),
            ("a.Thing", 1),
            "its upcasters lead to version 3 of 'a.Thing': a newer program wrote it",
        ),
        (reading(2, step("a.Thing", 1)), ("a.Thing", -1), "was stored as version -1, here it is 2; an upcaster"),
        (
            reading(1, step("a.Gone", 1, same, ("a.Lost", 2))),
            ("a.Gone", 1),
            "no type is known as 'a.Lost', which version 1 of 'a.Gone' has become; import its module",
        ),
        (
            reading(2, step("a.Thing", 1, lambda fields: fields["c"])),
            ("a.Thing", 1),
            ":<lambda> of 'a.Thing' from version 1 raised KeyError: 'c'",
        ),
        (
            reading(2, step("a.Thing", 1, lambda fields: None)),
            ("a.Thing", 1),
            "returned None, but what it is given is a dict and what it returns must be one too",
        ),
        (
            reading(2, step("a.Thing", 1)),
            ("a.Thing", 1),
            ":same of 'a.Thing' from version 1 returned what does not fit: Thing.b is missing",
        ),
        (
            reading(2, step("a.Thing", 1, lambda fields: {"b": "1"})),
            ("a.Thing", 1),
            "returned what does not fit: Thing.b wants int, not a value of type str",
        ),
    ],
)
def test_what_cannot_be_read_is_explained(decode: Callable[..., object], stored: tuple[str, int], message: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(*stored, PAYLOAD)
    assert message in str(caught.value)


def test_an_upcaster_is_never_asked_about_what_is_damaged() -> None:
    asked = list[object]()
    decode = reading(2, step("a.Thing", 1, asked.append))
    with pytest.raises(DecodeError, match="not one msgpack value"):
        decode("a.Thing", 1, b"\xc1")
    with pytest.raises(UnknownManifestError):
        decode("a.Thing", 1, pack({"a": [extension(0, b"n"), "a.Gone", 1, {}]}))
    assert asked == []


async def waiting(fields: Fields) -> Fields:
    return fields


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([step("a.X", 1), step("a.X", 1, renamed)], ":renamed of 'a.X' from version 1 cannot be: there is .*:same of"),
        ([step("a.X", 1, same, ("a.X", 1))], "leads to version 1 of 'a.X', and from there back to where it starts"),
        ([step("a.X", 1), step("a.X", 2, same, ("a.X", 1))], "leads to version 1 of 'a.X', and from there back"),
        (
            [step("a.X", 1, same, ("a.Y", 4)), step("a.Z", 1, same, ("a.X", 1)), step("a.Y", 4, same, ("a.Z", 1))],
            "of 'a.Y' from version 4 leads to version 1 of 'a.Z', and from there back",
        ),
        ([step("a.Thing", 3)], ":Thing is version 3 of 'a.Thing', and the upcaster .* give the type version=4"),
        ([step("a.Thing", 5)], "give the type version=6, or correct the upcaster"),
        ([step("", 1)], "a wire name has 1 to 255 characters, not 0"),
        ([step("a.X", 1, same, ("x" * 256, 1))], "a wire name has 1 to 255 characters, not 256"),
        ([step("a.X", 0)], "the version of 'a.X' is a whole number from 1 on, not 0"),
        ([step("a.X", 1, same, ("a.X", True))], "the version of 'a.X' is a whole number from 1 on, not True"),
        ([step("a.X", 1, waiting)], ":waiting of 'a.X' from version 1 is asynchronous, but decoding cannot wait"),
    ],
)
def test_what_cannot_be_is_refused_when_it_is_registered(steps: list[Upcast], message: str) -> None:
    registry = Registry()
    registry.register(Thing, "a.Thing", 3)
    *before, wrong = steps
    for one in before:
        registry.register_upcast(one)
    with pytest.raises(SerializationError, match=message):
        registry.register_upcast(wrong)
    assert registry.upcasts(wrong.source) == [one for one in before if one.source == wrong.source]


def test_a_type_that_forgot_to_raise_its_version_is_refused() -> None:
    registry = Registry()
    registry.register_upcast(step("a.Thing", 1))
    registry.register_upcast(step("a.Thing", 2))
    with pytest.raises(SerializationError, match=r":Thing is version 2 of 'a\.Thing', and .*; give the type version=3"):
        registry.register(Thing, "a.Thing", 2)
    assert registry.find("a.Thing") is None
    registry.register(Thing, "a.Thing", 3)


def defined() -> Callable[[Fields], Fields]:
    def again(fields: Fields) -> Fields:
        return renamed(fields)

    return again


def test_a_reloaded_upcaster_replaces_the_former_one() -> None:
    registry = Registry()
    former, latter = defined(), defined()
    registry.register_upcast(step("a.X", 1, former))
    registry.register_upcast(step("a.X", 1, latter))
    (found,) = registry.upcasts(WireName("a.X", 1))
    assert found.function is latter


def test_two_functions_of_one_name_are_two() -> None:
    registry = Registry()
    registry.register_upcast(step("a.X", 1, lambda fields: fields))
    with pytest.raises(SerializationError, match="there is the upcaster"):
        registry.register_upcast(step("a.X", 1, lambda fields: {}))
