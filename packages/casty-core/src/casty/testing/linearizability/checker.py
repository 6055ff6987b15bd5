"""Searches for an order of a history's operations in which each has the result that it had.

The algorithm is that of Wing and Gong (Testing and Verifying Concurrent Objects, 1993) with Lowe's memory of
configurations (Testing for linearizability, 2017): take any operation that no other one precedes, let the model make
it, and go on; go back where the model refuses. A configuration, which is the set of operations made and the state that
they led to, is tried once. A model's state stands here for the set of all states that it may be in, so that a model
may have several outcomes for a call.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, override

from casty.testing.linearizability.history import UNKNOWN, Call, Operation
from casty.testing.linearizability.model import Model

MAX_CONFIGURATIONS: Final = 1_000_000
"""About a gigabyte of memory, and some ten seconds."""
SHOWN: Final = 12
"""Operations that a violation shows of each kind."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Why a history is not linearizable: the longest order that explains a part of it, and what did not fit."""

    explained: Sequence[Operation]
    """Operations in an order that the model allows; no order explains more of them."""
    blocked: Sequence[Operation]
    """Those that come next, and of which the model allows none."""
    states: frozenset[Any]
    """The states that the model may be in then."""

    @override
    def __str__(self) -> str:
        lines = ["no order of these operations is possible; the longest that is:"]
        left_out = len(self.explained) - SHOWN
        if left_out > 0:
            lines.append(f"  … {left_out} operations before")
        lines += [f"  {operation}" for operation in self.explained[-SHOWN:]]
        lines.append(f"after it the state is {' or '.join(map(repr, self.states))}, and none of these can follow:")
        lines += [f"  {operation}" for operation in self.blocked[:SHOWN]]
        return "\n".join(lines)


class NotLinearizableError(AssertionError):
    """A history that no order of its operations explains; its text is the `Violation`."""


class UndecidedError(Exception):
    """The search has tried as many configurations as it may: the history is too long, or has too much in parallel."""


def check_linearizable[S: Hashable](
    history: Iterable[Operation],
    model: Model[S],
    *,
    partition: Callable[[Call], Hashable] | None = None,
    max_configurations: int = MAX_CONFIGURATIONS,
) -> None:
    """Raise `NotLinearizableError` unless the history is linearizable: unless each operation can have happened at one
    moment between its call and its return.

    An operation of unknown outcome may have happened at any time since its call, or not at all. `partition` takes the
    history apart where calls do not affect each other, such as those with other keys of a map: each part is checked
    alone, which is a great deal faster. Raises `UndecidedError` beyond `max_configurations`, a million by default.
    """
    parts: defaultdict[Hashable, list[Operation]] = defaultdict(list)
    for operation in history:
        parts[None if partition is None else partition(operation.call)].append(operation)
    for part in parts.values():
        violation = find_violation(part, model, max_configurations=max_configurations)
        if violation is not None:
            raise NotLinearizableError(str(violation))


def find_violation[S: Hashable](
    history: Iterable[Operation], model: Model[S], *, max_configurations: int = MAX_CONFIGURATIONS
) -> Violation | None:
    """Return why the history is not linearizable, None if it is. Raises `UndecidedError`."""
    return _Search(list(history), model, max_configurations).run()


class _Entry:
    """The call or the return of an operation, in a list that is ordered by time."""

    __slots__ = ("after", "before", "operation", "other")

    def __init__(self, operation: int) -> None:
        self.operation = operation
        self.other: _Entry | None = None
        """The return of a call that has one; None for a return."""
        self.before: _Entry = self
        self.after: _Entry | None = None

    def take_out(self) -> None:
        self.before.after = self.after
        if self.after is not None:
            self.after.before = self.before

    def put_back(self) -> None:
        self.before.after = self
        if self.after is not None:
            self.after.before = self


class _Search[S: Hashable]:
    def __init__(self, operations: list[Operation], model: Model[S], max_configurations: int) -> None:
        self._operations = operations
        self._model = model
        self._max = max_configurations
        self._calls: set[_Entry] = set()
        self._head = self._listed()
        self._to_return = sum(operation.result is not UNKNOWN for operation in operations)
        self._made: list[tuple[_Entry, frozenset[S]]] = []
        """The calls made so far, each with the states before it."""
        self._tried: set[tuple[int, frozenset[S]]] = set()
        self._longest: Violation | None = None

    def _listed(self) -> _Entry:
        """The head of a list of all calls and returns. At equal times calls come first: they count as concurrent."""
        events: list[tuple[float, int, _Entry]] = []
        for number, operation in enumerate(self._operations):
            call = _Entry(number)
            self._calls.add(call)
            events.append((operation.invoked, 0, call))
            if operation.result is not UNKNOWN:
                if operation.returned < operation.invoked:
                    raise ValueError(f"an operation that returned before it was called: {operation}")
                call.other = _Entry(number)
                events.append((operation.returned, 1, call.other))
        head = last = _Entry(-1)
        for _, _, entry in sorted(events, key=lambda event: event[:2]):
            last.after, entry.before = entry, last
            last = entry
        return head

    def run(self) -> Violation | None:
        states = frozenset((self._model.initial(),))
        made = 0
        """The operations made, as bits."""
        entry = self._head.after
        while self._to_return:
            if entry is not None and entry in self._calls:
                following = self._following(made, states, entry)
                if following:
                    self._made.append((entry, states))
                    made, states = made | 1 << entry.operation, following
                    self._make(entry)
                    entry = self._head.after
                else:
                    entry = entry.after
                continue
            # A return whose call is not made yet: no order that continues this one is possible.
            self._note(states)
            if not self._made:
                return self._longest
            call, states = self._made.pop()
            made &= ~(1 << call.operation)
            self._unmake(call)
            entry = call.after
        return None

    def _following(self, made: int, states: frozenset[S], entry: _Entry) -> frozenset[S]:
        """The states after the call, unless there are none or they were tried before."""
        operation = self._operations[entry.operation]
        step = self._model.step
        following = frozenset(after for state in states for after in step(state, operation.call, operation.result))
        configuration = made | 1 << entry.operation, following
        if not following or configuration in self._tried:
            return frozenset()
        if len(self._tried) >= self._max:
            raise UndecidedError(
                f"{self._max:,} configurations were tried for {len(self._operations)} operations; check a shorter "
                "history, one with fewer concurrent callers or fewer unknown outcomes, or give a partition"
            )
        self._tried.add(configuration)
        return following

    def _make(self, call: _Entry) -> None:
        call.take_out()
        if call.other is not None:
            call.other.take_out()
            self._to_return -= 1

    def _unmake(self, call: _Entry) -> None:
        if call.other is not None:
            call.other.put_back()
            self._to_return += 1
        call.put_back()

    def _note(self, states: frozenset[S]) -> None:
        if self._longest is not None and len(self._made) <= len(self._longest.explained):
            return
        blocked: list[Operation] = []
        entry = self._head.after
        while entry is not None and entry in self._calls:
            blocked.append(self._operations[entry.operation])
            entry = entry.after
        explained = [self._operations[call.operation] for call, _ in self._made]
        self._longest = Violation(explained, blocked, states)
