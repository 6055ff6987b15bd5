"""Every refusal names its culprit: the path to it, its type, and what to do instead."""

import re
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from datetime import datetime, time, tzinfo
from decimal import Decimal
from enum import Enum, Flag, FlagBoundary
from fractions import Fraction
from ipaddress import ip_address
from pathlib import Path
from threading import Lock
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple, cast
from zoneinfo import ZoneInfo

import pytest
from casty.errors import CastyError, DecodeError, EncodeError
from casty.serialization import MsgpackSerializer
from casty.serialization.explain import advice
from casty.serialization.packing import extension, pack

from tests.core.serialization.samples import Box, Cents, Color, Item, Order, Point, Rights

SERIALIZER = MsgpackSerializer()
NAME = __name__


class Text(str):
    __slots__ = ()


class Ordinary:
    pass


class Sub(Box[int]):
    """Not decorated."""


@dataclass
class Listed(list[int]):
    a: int = 0


@dataclass
class Handler:
    callback: Callable[..., Any]


@dataclass
class Cart:
    items: list[Any]
    counts: dict[Any, Any] = field(default_factory=dict[Any, Any])


@dataclass
class Unset:
    a: int = field(init=False)
    b: int = 0


@dataclass
class WithInitVar:
    a: int
    seed: InitVar[int]


@dataclass
class Even:
    n: int

    def __post_init__(self) -> None:
        if self.n % 2:
            raise RuntimeError("odd")


class Missing(Enum):
    A = 1

    @classmethod
    def _missing_(cls, value: object) -> Any:
        raise RuntimeError("no")


class Zoneless(tzinfo):
    def utcoffset(self, dt: datetime | None, /) -> None:
        return None


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclass
class Priced:
    net: int
    vat: InitVar[int] = 0
    gross: int = field(init=False)

    def __post_init__(self, vat: int) -> None:
        self.gross = self.net * (100 + vat) // 100


@dataclass(init=False)
class TakesMore:
    a: int

    def __init__(self, a: int, more: int) -> None:
        self.a = a + more


class Said(NamedTuple):
    text: str


class Shouting(Said):
    @property
    def text(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]  # what a user may do all the same
        return self[0].upper()


class Strays(Enum):
    KNOWN = "k"

    @classmethod
    def _missing_(cls, value: object) -> Any:
        stray = object.__new__(cls)
        stray._name_, stray._value_ = "?", value
        return stray


class Ejecting(Flag, boundary=FlagBoundary.EJECT):
    A = 1


class Asked(type):
    def __instancecheck__(cls, instance: object) -> bool:
        if instance is not None:
            raise RuntimeError("not today")
        return False


class Moody(metaclass=Asked):
    pass


@dataclass
class Raising:
    content: Moody | None = None

    def __post_init__(self) -> None:
        self.content = cast(Any, "?")


type Folder = dict[str, Folder]

ROUND: dict[str, Any] = {}
ROUND["round"] = ROUND


@dataclass
class Folders:
    root: Folder


# What a type checker would not let through.
WRONG_ITEM = Item("a", cast(Any, "b"))
WRONG_ORDER = Order(id=cast(Any, None))
WRONG_PLACE = cast(Any, (1,))


def unset() -> Any:
    value = Box(1)
    del value.content
    return value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            Cart([1, 2, 3, Handler(print)]),
            "Cart.items[3].callback: a function (builtins.builtin_function_or_method)",
        ),
        (
            Cart([], {"eu": {1: Ordinary()}}),
            f"Cart.counts['eu'][1]: {NAME}.Ordinary is not a wire type; make it a",
        ),
        (
            Cart([], {Text("k"): 1}),
            f"Cart.counts{{key 'k'}}: {NAME}.Text is a subclass of str, and would come back",
        ),
        ([{Ordinary}], f"list[0]{{<class '{NAME}.Ordinary'>}}: a type cannot travel; send its name"),
        ((1, Pair(2, lambda: 0)), "tuple[1].right: a function (builtins.function) cannot travel; send data"),
        (ModuleType("m"), "module: a module cannot travel; send its name"),
        (ValueError("x"), "ValueError: the exception builtins.ValueError cannot travel; send its text"),
        (Sub(1), f"Sub: {NAME}.Sub inherits from a dataclass without being one; decorate it with @dataclass"),
        (Listed(1), f"Listed: {NAME}.Listed is a subclass of list"),
        (
            {"a": ["\ud800"]},
            "dict['a'][0]: a text that is not Unicode (surrogates not allowed); send it as bytes",
        ),
        (time(1, tzinfo=Zoneless()), "time: a time whose time zone has no offset; convert it to UTC"),
        (WRONG_ITEM, f"Item: Item.price wants {Item.__module__}.Cents, not a value of type str; correct it"),
        ([WRONG_ORDER], "list[0]: Order.id wants str, not None; correct it, or the annotation"),
        (Box(Order(id="", where=WRONG_PLACE)), "Box.content: Order.where wants tuple["),
        (unset(), "Box: Box.content is not set"),
        (
            WithInitVar(1, 2),
            "WithInitVar: WithInitVar.seed is an InitVar, whose value the instance does not keep",
        ),
        (
            Priced(100, 19),
            "Priced: Priced.vat is an InitVar, whose value the instance does not keep",
        ),
        (TakesMore(1, 2), "TakesMore: TakesMore cannot be made from its fields alone (missing a required"),
        (Shouting("a"), "Shouting: Shouting.text hides the field 'text' of Said; rename it"),
        (Box(Strays("?")), "Box.content: <Strays.?: '?'> is no member of Strays that its name could find again"),
        (Box(Raising()), "Box.content: writing it raised RuntimeError: not today"),
        (Box({10**5000: print}), "Box.content[<int>]: a function (builtins.builtin_function_or_method) cannot travel"),
        (Folders(ROUND), "Folders: it nests deeper than 64 containers, or contains itself"),
    ],
)
def test_encoding_names_the_culprit(value: object, message: str) -> None:
    with pytest.raises(EncodeError, match=re.escape(f"cannot encode {message}")):
        SERIALIZER.encode(value)
    with pytest.raises(EncodeError, match=re.escape(f"cannot encode {message}")):
        SERIALIZER.dumps(value)


def body(**fields: object) -> bytes:
    return pack(fields)


TUPLE, SET, MAP, NAMED = (extension(0, mark) for mark in (b"t", b"s", b"m", b"n"))


@pytest.mark.parametrize(
    ("manifest", "payload", "message"),
    [
        ("samples.Item", body(name="a"), "Item.price is missing and has no default"),
        (
            "samples.Item",
            body(name="a", price="b"),
            f"Item.price wants {Item.__module__}.Cents, not a value of type str",
        ),
        ("samples.Item", body(name=None, price=1), "Item.name wants str, not None"),
        (
            "samples.Item",
            body(name="a", price=1, tags=[SET, 1]),
            "Item.tags wants frozenset[str], not a value of type set",
        ),
        ("samples.Item", pack([1]), "Item is stored as a map of its fields, not as a value of type list"),
        (f"{NAME}:Even", body(n=1), "Even refuses its fields: RuntimeError: odd"),
        (f"{NAME}:WithInitVar", body(a=1), "WithInitVar.seed is an InitVar"),
        (f"{NAME}:Missing", pack("B"), "Missing has no member 'B'"),
        (f"{NAME}:Missing", pack([]), "Missing has no member []"),
        (f"{Rights.__module__}:Rights", pack(64), "Rights has no member 64"),
        (f"{NAME}:Ejecting", pack(64), "Ejecting has no member 64"),
        (f"{NAME}:Raising", body(content=1), "reading it raised RuntimeError: not today"),
        ("", b"", "not one msgpack value within the bounds"),
        ("", b"\xc1", "not one msgpack value within the bounds"),
        ("", b"\x01\x01", "not one msgpack value within the bounds: ExtraData"),
        ("", b"\xa1\xff", "not one msgpack value within the bounds: UnicodeDecodeError"),
        ("", b"\x81\x01\x01", "not one msgpack value within the bounds"),
        ("", pack(extension(99, b"")), "no type is written as the extension 99"),
        ("", pack(extension(2, b"x")), "not one msgpack value within the bounds: InvalidOperation"),
        ("", pack(extension(8, b"http://x/")), "not an actor's address: 'http://x/'"),
        ("", b"\xd6\xff\x00\x00\x00\x00", "Timestamp(seconds=0, nanoseconds=0) is no value by itself"),
        ("", pack(TUPLE), "is no value by itself: the bytes are damaged"),
        ("", pack([1, TUPLE]), "is no value by itself: the bytes are damaged"),
        ("", pack([SET, []]), "a set or dict has a key that cannot be one: unhashable type"),
        ("", pack([MAP, [], 1]), "a set or dict has a key that cannot be one"),
        ("", pack([MAP, 1]), "a dict with a key and no value"),
        ("", pack([NAMED, "samples.Item", 1]), "a named value has a name, a version and a body"),
        ("", pack([NAMED, 1, 1, {}]), "a named value has a name, a version and a body"),
        ("", pack([NAMED, "samples.Item", "1", {}]), "'samples.Item' is stored with the version '1': the bytes"),
    ],
)
def test_decoding_names_the_culprit(manifest: str, payload: bytes, message: str) -> None:
    with pytest.raises(DecodeError, match=re.escape(message)):
        SERIALIZER.decode(manifest, 1, payload)


def test_a_key_that_is_mutable_is_refused() -> None:
    box = SERIALIZER.dumps(Box(1))[:]
    with pytest.raises(DecodeError, match="a set or dict has a key that cannot be one: unhashable type: 'Box'"):
        SERIALIZER.loads(b"\x92\xd4\x00s" + box)


def test_fields_come_and_go() -> None:
    payload = body(name="a", price=1, gone=[NAMED, "no.such", 1, None])
    assert SERIALIZER.decode("samples.Item", 1, payload) == Item("a", Cents(1))
    assert SERIALIZER.decode(f"{Point.__module__}:Point", 1, body(x=1)) == Point(1, 0)
    assert SERIALIZER.decode(f"{NAME}:Unset", 1, body(a=5, b=1)).__dict__ == {"b": 1}


def test_errors_are_casty_errors_and_stay_short() -> None:
    for manifest in ("x" * 100_000, "samples.Order"):
        with pytest.raises(CastyError) as caught:
            SERIALIZER.decode(manifest, 1, b"")
        assert len(str(caught.value)) < 300


def test_other_types_than_dataclasses_may_be_in_messages() -> None:
    value = Cart([Color.RED, Decimal(1)])
    assert SERIALIZER.decode(*SERIALIZER.encode(value)) == value


@pytest.mark.parametrize(
    ("value", "instead"),
    [
        (Path("a"), "send str(value)"),
        (bytearray(b"a"), "send bytes(value)"),
        (memoryview(b"a"), "send bytes(value)"),
        (deque([1]), "send list(value)"),
        (range(3), "send list(value), or its start, stop and step"),
        ({1: 2}.keys(), "send list(value)"),
        ((n for n in (1, 2)), "send list(value)"),
        (3j, "send (value.real, value.imag)"),
        (Fraction(1, 3), "send (value.numerator, value.denominator)"),
        (ip_address("127.0.0.1"), "send str(value)"),
        (re.compile("a"), "send value.pattern"),
        (ZoneInfo("Europe/Paris"), "send its name, such as value.key of a ZoneInfo"),
        (MappingProxyType({1: 1}), "send dict(value)"),
        (OrderedDict[str, int](), "send dict(value)"),
        (defaultdict[str, int](int), "send dict(value)"),
        (Counter("a"), "send dict(value)"),
        (Text("a"), "send str(value)"),
        (Lock(), "it belongs to this process; send what the receiver needs"),
        (object(), "send None, or a member of an enum"),
        (Ordinary(), "make it a frozen dataclass, or send one that describes it"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_foreign_type_is_refused_with_what_to_send_in_its_place(value: object, instead: str) -> None:
    with pytest.raises(EncodeError, match=re.escape(f"{instead}")) as caught:
        SERIALIZER.encode(Box(value))
    assert "or give its type a codec (hook casty_codecs)" in str(caught.value)


@pytest.mark.parametrize("value", [bytearray(), [Path("x")], len])
def test_what_is_sent_by_itself_is_named_once(value: object) -> None:
    with pytest.raises(EncodeError) as caught:
        SERIALIZER.encode(value)
    assert str(caught.value).count("cannot encode") == 1


def test_numpy_is_known_by_its_name() -> None:
    """Without numpy: a class that is called as its scalars are."""
    double = type("float64", (type("generic", (), {"__module__": "numpy"}), float), {"__module__": "numpy"})
    with pytest.raises(
        EncodeError, match=re.escape("numpy.float64 is a subclass of float, and would come back as one")
    ):
        SERIALIZER.encode(double(1.5))
    assert "send value.item()" in advice(double)
