"""What has to be true all the time: looked at after every message that was delivered."""

from collections.abc import Callable

type Invariant = Callable[[], object]
"""Raises AssertionError, or answers False, where something is not as it must be."""


class Invariants:
    """They see everything, as nobody in a real system could, and must change nothing."""

    def __init__(self) -> None:
        self._always: list[tuple[str, Invariant]] = []
        self.due = False
        """Something has happened after which they have to be looked at."""
        self.checked = 0

    def add(self, invariant: Invariant, name: str | None = None) -> None:
        self._always.append((name or getattr(invariant, "__name__", repr(invariant)), invariant))

    def changed(self) -> None:
        """A message was delivered, a fault injected, or an event stored."""
        self.due = bool(self._always)

    def check(self) -> None:
        """Raises AssertionError for the first one that is broken."""
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
