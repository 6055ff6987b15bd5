"""Names: given by `@message`, or found among what is imported already."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from types import ModuleType
from typing import NamedTuple

import pytest
from casty.errors import DecodeError, EncodeError, SerializationError, UnknownManifestError
from casty.serialization import MsgpackSerializer, Registry, message

from tests.core.serialization import samples
from tests.core.serialization.samples import Box, Color, Item, Order, Point

SAMPLES = samples.__name__


@dataclass(frozen=True)
class Plain:
    a: int = 0

    class Inner(NamedTuple):
        b: int = 1


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def module() -> Iterator[ModuleType]:
    module = ModuleType("made_for_a_test")
    sys.modules[module.__name__] = module
    yield module
    del sys.modules[module.__name__]


def dataclass_in(module: ModuleType, name: str = "Thing", **members: object) -> type:
    made = dataclass(type(name, (), {"__module__": module.__name__, "__annotations__": {"a": int}, **members}))
    setattr(module, name, made)
    return made


def test_message_names_dataclasses_enums_and_named_tuples(registry: Registry) -> None:
    for number, kind in enumerate((Box, Color, Point), start=1):
        registry.register(kind, f"a.{kind.__name__}", number)
        assert registry.find(f"a.{kind.__name__}") is kind
        assert registry.name_of(kind) == (f"a.{kind.__name__}", number)
    serializer = MsgpackSerializer(registry=registry, strict=True)
    assert serializer.encode(Point(1))[:2] == ("a.Point", 3)
    assert serializer.decode(*serializer.encode(Box([Color.RED, Point(1)]))) == Box([Color.RED, Point(1)])


def test_a_local_class_travels_once_it_is_named() -> None:
    @message("tests.Local")
    @dataclass
    class Local:
        a: int

    serializer = MsgpackSerializer(strict=True)
    assert serializer.decode(*serializer.encode(Local(1))) == Local(1)


def test_a_local_class_without_a_name_is_refused_when_it_is_encoded() -> None:
    @dataclass
    class Local:
        a: int

    with pytest.raises(EncodeError, match=r"<locals>\.Local could not be found .* use @message"):
        MsgpackSerializer().encode(Local(1))


def test_a_name_is_taken_once(registry: Registry) -> None:
    registry.register(Item, "a.Item")
    with pytest.raises(SerializationError, match=rf"{SAMPLES}:Box cannot .* 'a\.Item': it is that of {SAMPLES}:Item"):
        registry.register(Box, "a.Item")
    assert registry.find("a.Item") is Item


def test_a_reloaded_class_replaces_the_former_one(registry: Registry, module: ModuleType) -> None:
    former = dataclass_in(module)
    registry.register(former, "a.Thing")
    latter = dataclass_in(module)
    registry.register(latter, "a.Thing")
    serializer = MsgpackSerializer(registry=registry)
    assert type(serializer.decode(*serializer.encode(former(1)))) is latter


@pytest.mark.parametrize("name", ["", "a:b", "x" * 256])
def test_an_illegal_name_is_refused(registry: Registry, name: str) -> None:
    with pytest.raises(SerializationError, match=r"cannot be the wire name of .*:Item: it takes 1 to 255"):
        registry.register(Item, name)


@pytest.mark.parametrize("version", [0, -1, True, 1.0])
def test_an_illegal_version_is_refused(registry: Registry, version: int) -> None:
    with pytest.raises(SerializationError, match="the version of 'a' is a whole number from 1 on, not"):
        registry.register(Item, "a", version)


def test_message_below_dataclass_is_refused() -> None:
    with pytest.raises(SerializationError, match="put @message above @dataclass"):

        @dataclass(slots=True)
        @message("tests.Wrong")
        class _Wrong(Box[int]):
            c: int = 0


def test_types_are_called_by_module_and_qualname() -> None:
    serializer = MsgpackSerializer()
    for value in (Plain(3), Plain.Inner(4), Color.RED):
        encoded = serializer.encode(value)
        assert encoded[:2] == (f"{type(value).__module__}:{type(value).__qualname__}", 1)
        assert serializer.decode(*encoded) == value


def test_strict_knows_registered_types_only() -> None:
    strict = MsgpackSerializer(strict=True)
    assert strict.decode(*strict.encode(Item("a", samples.Cents(1)))) == Item("a", samples.Cents(1))
    with pytest.raises(UnknownManifestError, match=r"no type is known as .*:Point"):
        strict.decode(f"{SAMPLES}:Point", 1, b"\x81\xa1x\x01")
    with pytest.raises(EncodeError, match="could not be found by that name"):
        strict.encode(Point(1))


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("allow", "allowed"),
    [
        ((SAMPLES,), True),
        (("tests.core",), True),
        (("tests.core.serialization.sample",), False),
        (("other",), False),
    ],
)
def test_allow_decides_alone(allow: tuple[str, ...], allowed: bool, strict: bool) -> None:
    serializer = MsgpackSerializer(strict=strict, allow=allow)
    if allowed:
        assert serializer.decode(*serializer.encode(Point(1))) == Point(1)
    else:
        with pytest.raises(UnknownManifestError):
            serializer.decode(f"{SAMPLES}:Point", 1, b"\x81\xa1x\x01")


def test_data_from_before_a_type_was_named_can_be_read() -> None:
    serializer = MsgpackSerializer()
    item = Item("a", samples.Cents(1))
    assert serializer.decode(f"{SAMPLES}:Item", 1, serializer.encode(item).payload) == item


def test_another_version_wants_an_upcaster() -> None:
    payload = MsgpackSerializer().encode(Order(id="o")).payload
    with pytest.raises(DecodeError, match=r"'samples\.Order' was stored as version 2, here it is 3; an upcaster"):
        MsgpackSerializer().decode("samples.Order", 2, payload)
    with pytest.raises(DecodeError, match="a plain value is stored as version 1, not 2"):
        MsgpackSerializer().decode("", 2, payload)


def test_an_alias_in_another_module_is_no_name(module: ModuleType) -> None:
    module.Point = Point  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(UnknownManifestError):
        MsgpackSerializer().decode(f"{module.__name__}:Point", 1, b"\x81\xa1x\x01")


def test_a_class_that_is_replaced_in_its_module_is_found_anew(module: ModuleType) -> None:
    serializer = MsgpackSerializer()
    former = dataclass_in(module)
    encoded = serializer.encode(former(1))
    assert type(serializer.decode(*encoded)) is former
    latter = dataclass_in(module)
    assert type(serializer.decode(*encoded)) is latter


def test_looking_a_name_up_runs_no_hook() -> None:
    class Lazy(ModuleType):
        def __getattribute__(self, name: str) -> object:
            raise AssertionError(f"looked up {name}")

    class Meta(type):
        def __getattribute__(cls, name: str) -> object:
            raise AssertionError(f"looked up {name}")

    sys.modules["made_lazy"] = Lazy("made_lazy")
    holder = ModuleType("made_holder")
    sys.modules["made_holder"] = holder
    holder.Thing = Meta("Thing", (), {})  # pyright: ignore[reportAttributeAccessIssue]
    holder.__getattr__ = lambda name: pytest.fail(f"looked up {name}")  # pyright: ignore
    try:
        for name in ("made_lazy:Thing", "made_holder:Thing", "made_holder:Thing.Inner", "made_holder:Other"):
            with pytest.raises(UnknownManifestError):
                MsgpackSerializer().decode(name, 1, b"\x80")
    finally:
        del sys.modules["made_lazy"], sys.modules["made_holder"]


def test_private_dunder_names_are_never_followed(module: ModuleType) -> None:
    dataclass_in(module, "__Hidden")
    with pytest.raises(UnknownManifestError):
        MsgpackSerializer().decode(f"{module.__name__}:__Hidden", 1, b"\x81\xa1a\x01")


def test_an_enum_is_found_like_any_other(module: ModuleType) -> None:
    kind = Enum("Kind", {"A": 1}, module=module.__name__)
    module.Kind = kind  # pyright: ignore[reportAttributeAccessIssue]
    assert MsgpackSerializer().decode(f"{module.__name__}:Kind", 1, b"\xa1A") is kind["A"]
