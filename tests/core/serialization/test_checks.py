"""Which values fit which annotations."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal, NewType, Protocol, TypedDict, TypeVar, runtime_checkable

import pytest
from casty.ref import ActorRef, BroadcastRef
from casty.serialization.checks import check_of
from casty.serialization.hints import field_hints

from tests.core.serialization.samples import Box, Color, Json, Level, Point, a_ref

T = TypeVar("T")
UserId = NewType("UserId", str)
type Pair[A] = tuple[A, A]
type Broken = NoSuchName  # type: ignore  # noqa: F821


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
