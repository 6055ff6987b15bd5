"""What an object does when its operations happen one at a time."""

from collections.abc import Hashable, Iterable
from typing import Protocol

from casty.testing.linearizability.history import UNKNOWN, Call


class Model[S: Hashable](Protocol):
    """The sequential object that a history is compared with. States are values: immutable and hashable."""

    def initial(self) -> S:
        """The state before the first operation."""
        ...

    def step(self, state: S, call: Call, result: object) -> Iterable[S]:
        """Every state that the object may be in after `call` returned `result`; none where it cannot have returned it.

        `UNKNOWN` stands for every possible result.
        """
        ...


def outcome[S](after: S, expected: object, result: object) -> tuple[S, ...]:
    """The result of `step` for a call that has one outcome only: the state `after`, and the result `expected`."""
    fits = result is UNKNOWN or (result == expected and isinstance(result, bool) == isinstance(expected, bool))
    return (after,) if fits else ()
