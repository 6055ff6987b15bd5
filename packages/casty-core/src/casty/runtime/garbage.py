"""How long Python's garbage collector has kept the whole process from running: no other thread runs meanwhile."""

import gc
from collections.abc import Mapping
from time import monotonic
from typing import final


@final
class GarbageCollections:
    """Those from `start` to `stop`."""

    def __init__(self) -> None:
        self._began: float | None = None
        """When the one that is under way has begun: other threads run in it where it calls finalizers."""
        self._counted = 0.0
        """Up to when that one is counted already."""
        self._seconds = 0.0
        self._longest = 0.0

    def start(self) -> None:
        gc.callbacks.append(self._note)

    def stop(self) -> None:
        gc.callbacks.remove(self._note)

    def take(self) -> tuple[float, float]:
        """Seconds that collections have taken since the last call: all together, and the longest one that has ended."""
        if self._began is not None:
            self._count()
        taken = self._seconds, self._longest
        self._seconds = self._longest = 0.0
        return taken

    def _note(self, phase: str, _info: Mapping[str, int]) -> None:
        # Nothing but this: a collection may begin anywhere, also where a lock of the log is held.
        if phase == "start":
            self._began = self._counted = monotonic()
        elif self._began is not None:
            self._count()
            self._longest = max(self._longest, self._counted - self._began)
            self._began = None

    def _count(self) -> None:
        now = monotonic()
        self._seconds += now - self._counted
        self._counted = now
