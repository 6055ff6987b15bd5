"""Enums of every make come back as the very members that they were."""

from dataclasses import dataclass
from enum import Enum, Flag, FlagBoundary, IntEnum, IntFlag, StrEnum, auto
from typing import Any

import pytest
from casty.serialization import MsgpackSerializer

SERIALIZER = MsgpackSerializer()


class Labelled(Enum):
    OPEN = "o"

    @property
    def name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]  # a label for people
        return self._name_.title()

    @property
    def value(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]  # the same
        return "open"


class LabelledFlag(Flag):
    READ = auto()
    WRITE = auto()

    @property
    def value(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]  # the same
        return "label"


class Aliased(Enum):
    RED = 1
    CRIMSON = 1  # noqa: PIE796 - an alias


class Mutable(Enum):
    LIST = [1]  # noqa: RUF012 - values may be anything
    DICT = {"a": [2]}  # noqa: RUF012 - the same


class Unhashable(Enum):
    A = 1

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = None  # pyright: ignore[reportAssignmentType]  # what a user may do all the same


@dataclass(frozen=True)
class Body:
    mass: float


class Planet(Body, Enum):
    EARTH = 5.97
    MARS = 0.64


class Count(IntEnum):
    ONE = 1


class Word(StrEnum):
    NAME = "name"


class Wide(IntFlag, boundary=FlagBoundary.KEEP):
    LOW = 1
    HIGH = 1 << 80


class Strict(Flag, boundary=FlagBoundary.CONFORM):
    A = 1
    B = 2


@dataclass(frozen=True)
class Holder:
    planet: Planet
    word: str
    count: int


@pytest.mark.parametrize(
    "value",
    [
        Labelled.OPEN,
        LabelledFlag.READ,
        LabelledFlag.READ | LabelledFlag.WRITE,
        LabelledFlag(0),
        Aliased.RED,
        Aliased.CRIMSON,
        Mutable.LIST,
        Mutable.DICT,
        Unhashable.A,
        Planet.MARS,
        Count.ONE,
        Word.NAME,
        Wide.LOW | Wide.HIGH,
        Wide(6),
        ~Wide.HIGH,
        Strict.A | Strict.B,
    ],
    ids=repr,
)
def test_a_member_comes_back_as_itself(value: Enum) -> None:
    for back in (SERIALIZER.loads(SERIALIZER.dumps(value)), SERIALIZER.decode(*SERIALIZER.encode(value))):
        assert type(back) is type(value)
        assert back is value or (isinstance(value, Flag) and back == value)


def test_members_fit_the_types_that_they_are_of() -> None:
    value = Holder(Planet.EARTH, Word.NAME, Count.ONE)
    back = SERIALIZER.decode(*SERIALIZER.encode(value))
    assert isinstance(back, Holder)
    assert (back.planet, type(back.word), type(back.count)) == (Planet.EARTH, Word, Count)
