"""Conditions that must always hold: checked after every delivered message."""

from collections.abc import Callable

type Invariant = Callable[[], object]
"""Raises AssertionError, or returns False, if it does not hold."""


class Invariants:
    """The invariants of a run. They may inspect everything, and must change nothing."""

    def __init__(self) -> None:
        self._always: list[tuple[str, Invariant]] = []
        self.due = False
        """Whether something has happened since the last check."""
        self.checked = 0

    def add(self, invariant: Invariant, name: str | None = None) -> None:
        self._always.append((name or getattr(invariant, "__name__", repr(invariant)), invariant))

    def changed(self) -> None:
        """Request a check: a message was delivered, a fault injected, or an event stored."""
        self.due = bool(self._always)

    def check(self) -> None:
        """Raise AssertionError for the first invariant that does not hold."""
        self.due = False
        self.checked += 1
        for name, invariant in self._always:
            try:
                holds = invariant()
            except Exception as error:
                error.add_note(f"This is the invariant {name!r}.")
                raise
            if holds is False:
                raise AssertionError(f"the invariant {name!r} does not hold")
