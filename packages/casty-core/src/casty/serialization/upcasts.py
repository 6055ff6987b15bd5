"""Upcasters: functions that lead from what an older program stored to what this one reads, one step at a time."""

from collections.abc import Callable, Sequence
from inspect import iscoroutinefunction
from typing import Any, NamedTuple

from casty.errors import DecodeError, SerializationError
from casty.serialization.explain import short
from casty.serialization.names import MAX_NAME, WireName, check_version, full_name
from casty.serialization.packing import Tree
from casty.serialization.plans import Plan, Read

type Upcaster = Callable[[dict[str, object]], dict[str, object]] | Callable[[str], str] | Callable[[int], int]
"""Of a dataclass or NamedTuple, from its fields to its fields; of an enum, from a member's name to a member's name; of
flags, from the number to the number.
"""


class Upcast(NamedTuple):
    """One step: from a version of a type to the next one, or to the type that has taken its place."""

    source: WireName
    target: WireName
    function: Callable[[Any], object]

    @property
    def label(self) -> str:
        return f"the upcaster {full_name(self.function)} of {self.source.name!r} from version {self.source.version}"

    def check(self) -> None:
        """Raises `SerializationError` for a step that nothing can take."""
        for name, version in (self.source, self.target):
            if not 1 <= len(name) <= MAX_NAME:
                raise SerializationError(f"{self.label}: a wire name has 1 to {MAX_NAME} characters, not {len(name)}")
            check_version(name, version)
        if iscoroutinefunction(self.function):
            raise SerializationError(
                f"{self.label} is asynchronous, but decoding cannot wait; make it a plain function"
            )

    def apply(self, stored: object) -> object:
        """Raises `DecodeError` where the function fails, or makes something of another kind."""
        try:
            upcasted = self.function(stored)
        except Exception as error:
            raise DecodeError(f"{self.label} raised {type(error).__name__}: {error}") from error
        if not isinstance(upcasted, type(stored)):
            raise DecodeError(
                f"{self.label} returned {short(upcasted)}, but what it is given is a {type(stored).__qualname__} "
                "and what it returns must be one too"
            )
        return upcasted


class Upcasts:
    """All steps that are known: one at most from each version of a type, and none leads back."""

    def __init__(self) -> None:
        self._steps: dict[WireName, Upcast] = {}

    def add(self, step: Upcast) -> None:
        """Raises `SerializationError` for a step that cannot be, has been given already, or leads back."""
        step.check()
        taken = self._steps.get(step.source)
        if taken is not None and _place(taken.function) != _place(step.function):
            raise SerializationError(
                f"{step.label} cannot be: there is {taken.label} already; chain them, or remove one"
            )
        if step.source in (step.target, *(further.target for further in self.path(step.target))):
            raise SerializationError(
                f"{step.label} leads to {_text(step.target)}, and from there back to where it starts"
            )
        self._steps[step.source] = step

    def path(self, stored: WireName) -> list[Upcast]:
        """The steps from there on, as far as they lead."""
        steps: list[Upcast] = []
        while (step := self._steps.get(stored)) is not None:
            steps.append(step)
            stored = step.target
        return steps

    def newest(self, name: str) -> Upcast | None:
        """The step from the type's highest version that has one."""
        steps = [step for step in self._steps.values() if step.source.name == name]
        return max(steps, key=lambda step: step.source.version, default=None)


class Upcasting:
    """Reads what an older version wrote: through the steps, and then as this program's type."""

    __slots__ = ("_plan", "_steps")

    def __init__(self, steps: Sequence[Upcast], plan: Plan) -> None:
        self._steps = steps
        self._plan = plan

    def read(self, tree: Tree, depth: int, read: Read) -> Any:
        """Fields are read first: an upcaster sees nested values as what they are in this program."""
        stored = read(tree, depth)
        for step in self._steps:
            stored = step.apply(stored)
        try:
            return self._plan.read(stored, depth, _as_it_is)
        except DecodeError as error:
            raise DecodeError(f"{self._steps[-1].label} returned what does not fit: {error}") from error


def explain_gap(stored: WireName, reached: WireName, today: WireName) -> str:
    """Why a stored version cannot be read, where its steps lead to `reached` and this program has `today`."""
    was = f"{short(stored.name)} was stored as version {short(stored.version)}, here it is {today.version}"
    if stored != reached:
        was = f"{was}; its upcasters lead to {_text(reached)}"
    if reached.version > today.version:
        return f"{was}: a newer program wrote it; install that version of the program, or a newer one"
    return f"{was}; an upcaster from there is missing: @upcast({short(reached.name)}, {reached.version})"


def _text(wire: WireName) -> str:
    return f"version {wire.version} of {short(wire.name)}"


def _place(function: Callable[[Any], object]) -> tuple[str, int]:
    """The same for a function of a module that is loaded again, another one for each `def _` of a module."""
    code = getattr(function, "__code__", None)
    return full_name(function), getattr(code, "co_firstlineno", 0)


def _as_it_is(tree: Tree, depth: int) -> Any:
    return tree
