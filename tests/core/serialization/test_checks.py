"""Which values fit which annotations."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import (
    Annotated,
    Any,
    Literal,
    NewType,
    Protocol,
    TypedDict,
    TypeVar,
    Unpack,
    get_type_hints,
    runtime_checkable,
)

import pytest
from casty.ref import ActorRef, BroadcastRef
from casty.serialization import hints
from casty.serialization.checks import check_of
from casty.serialization.hints import field_hints
from casty.serialization.names import WireName
from casty.serialization.plans import RecordPlan

from tests.core.serialization.samples import Box, Color, Json, Level, Point, a_ref

T = TypeVar("T")
UserId = NewType("UserId", str)
type Pair[A] = tuple[A, A]
type Rest[*R] = tuple[int, *R]
type Broken = NoSuchName  # type: ignore  # noqa: F821


@dataclass
class Variadic[*V]:
    values: tuple[*V]


VALUES = field_hints(Variadic)["values"]


class Called[**P]:
    pass


class Shape(Protocol):
    area: float


@runtime_checkable
class Sized(Protocol):
    def __len__(self) -> int: ...


class Options(TypedDict):
    a: int


CASES: list[tuple[Any, list[object], list[object]]] = [
    (int, [1, True, Level.LOW], ["1", 1.0, None]),
    (bool, [True], [1, None]),
    (float, [1.5, 1, True], ["1", None]),
    (str, ["a"], [b"a", 1]),
    (None, [None], [0, ""]),
    (date, [date(2024, 1, 1), datetime(2024, 1, 1)], ["2024-01-01"]),
    (int | None, [1, None], ["1"]),
    (list[int] | str, [[1], "a"], [["a"], 1]),
    (list[int], [[], [1, 2]], [[1, "a"], (1,), None]),
    (list[list[str]], [[["a"]]], [["a"], [[1]]]),
    (set[int], [{1}], [frozenset({1}), {"a"}]),
    (frozenset[str], [frozenset({"a"})], [{"a"}]),
    (tuple[int, ...], [(), (1, 2)], [[1], ("a",)]),
    (tuple[int, str], [(1, "a")], [(1,), (1, 2), (1, "a", 2), [1, "a"]]),
    (VALUES, [(), (1,), (1, "a")], [[1], None]),
    (tuple[int, *tuple[str, ...]], [(1,), (1, "a", "b")], [(), ("a",), (1, 2), [1]]),
    (tuple[int, *tuple[str, ...], bytes], [(1, b""), (1, "a", b"")], [(1,), (1, 2, b""), (1, "a", "b")]),
    (tuple[int, Unpack[tuple[str, int]]], [(1, "a", 2)], [(1,), (1, "a"), (1, 2, 3)]),  # noqa: UP044
    (tuple[*tuple[int, ...]], [(), (1, 2)], [("a",)]),
    (Rest[str], [(1,), (1, "a")], [(), ("a",)]),
    (Variadic[int, str], [Variadic((1, "a"))], [(1, "a")]),
    (Called[[int, str]], [Called()], [print]),
    (complex, [1j, 1.0, 1, True], ["1j", None]),
    (dict[str, int], [{}, {"a": 1}], [{"a": "b"}, {1: 1}, []]),
    (Mapping[str, Any], [{"a": object()}], [{1: 1}]),
    (Sequence[int], [[1], (1,)], [{1}, ["a"]]),
    (Iterable[str], [["a"], {"a"}, "a"], [[1], 1]),
    (Literal["a", 1], ["a", 1], [True, "b", 2, []]),
    (Annotated[int, "metres"], [1], ["1"]),
    (UserId, ["u"], [1]),
    (Pair[int], [(1, 2), ("a", "b")], [(1,), [1, 2]]),
    (Json, [None, {"a": [1, {"b": "c"}]}], [{1: 2}, [b"x"], {"a": {"b": {3}}}]),
    (Color, [Color.RED], [Level.LOW, "red"]),
    (Point, [Point(1)], [(1, 0)]),
    (Box[int], [Box(1), Box("a")], [1]),
    (ActorRef[str], [a_ref()], ["casty://s/a", None]),
    (BroadcastRef[str], [a_ref()], [1]),
    (Callable[[int], str], [print], [1]),
    (Sized, ["abc"], [1]),
    *(
        (unchecked, [1, None, [b"x"]], [])
        for unchecked in (Any, object, T, Shape, Options, Broken, "what", list[int] | Any)
    ),
]


@pytest.mark.parametrize(("annotation", "fitting", "misfits"), CASES, ids=[str(case[0]) for case in CASES])
def test_what_fits(annotation: Any, fitting: list[object], misfits: list[object]) -> None:
    exact, test = check_of(annotation)
    assert [value for value in fitting if not test(value)] == []
    assert [value for value in misfits if test(value) or type(value) in exact] == []


@dataclass
class Known:
    a: "int"
    b: "NoSuchName"  # type: ignore  # noqa: F821
    c: "list[Known]"


@dataclass
class Child[S](Known):
    a: "NoSuchName"  # type: ignore  # noqa: F821
    d: "Box[S]"


def test_what_cannot_be_resolved_is_any_and_the_rest_is_not() -> None:
    assert field_hints(Known) == {"a": int, "b": Any, "c": list[Known]}
    assert field_hints(Child) | {"d": None} == {"a": Any, "b": Any, "c": list[Known], "d": None}
    assert field_hints(Point) == {"x": int, "y": int}


def local_type() -> type:
    @dataclass
    class Node:
        content: int
        following: "Node | None"

    return Node


def test_a_local_class_may_name_itself() -> None:
    node = local_type()
    assert field_hints(node) == {"content": int, "following": node | None}


def as_in_python_3_14(monkeypatch: pytest.MonkeyPatch, answers: Mapping[str, Any]) -> None:
    """Asking for annotations raises, as they name what only a type checker imports, unless a way of asking is named."""

    def hints_of(kind: object, *names: Any) -> dict[str, Any]:
        if isinstance(kind, type):
            raise NameError("name 'Decimal' is not defined")
        return get_type_hints(kind, *names)

    def annotations_of(kind: type, *, way: str = "values") -> Any:
        if way not in answers:
            raise NameError("name 'Decimal' is not defined")
        return answers[way] if kind is Known else {}

    monkeypatch.setattr(hints, "get_type_hints", hints_of)
    monkeypatch.setattr(hints, "get_annotations", annotations_of)
    monkeypatch.setattr(hints, "_ways", (dict[str, Any](), {"way": "references"}, {"way": "texts"}))


@pytest.mark.parametrize("way", ["references", "texts"])
def test_annotations_that_are_evaluated_late_are_resolved_one_by_one(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    as_in_python_3_14(monkeypatch, {way: {"a": "int", "b": "Decimal", "c": list[int]}})
    assert field_hints(Known) == {"a": int, "b": Any, "c": list[int]}


def test_unknown_annotations_are_any(monkeypatch: pytest.MonkeyPatch) -> None:
    as_in_python_3_14(monkeypatch, {})
    assert field_hints(Known) == {}
    plan = RecordPlan(Known, WireName("known", 1))
    assert plan.write(Known(1, 2, []), 1, lambda item, depth: item) == {"a": 1, "b": 2, "c": []}


def test_the_constructor_is_known_without_its_annotations(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Mapping[str, Any]] = []

    def signature(kind: type, **way: Any) -> inspect.Signature:
        asked.append(way)
        return inspect.signature(kind)

    monkeypatch.setattr(hints, "signature", signature)
    monkeypatch.setattr(hints, "_unevaluated", {"annotation_format": "texts"})
    assert list(hints.constructor(Known).parameters) == ["a", "b", "c"]
    assert asked == [{"annotation_format": "texts"}]
