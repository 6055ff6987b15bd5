"""Deadlines that all lie equally far ahead, such as those of many flushes."""

from collections.abc import Hashable, Iterator


class Timeouts[K: Hashable]:
    """Keys with a deadline each. As time never goes back, the order of starting is the order of the deadlines: all
    operations take constant time, however many run.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._due: dict[K, float] = {}

    def __len__(self) -> int:
        return len(self._due)

    def __iter__(self) -> Iterator[K]:
        return iter(self._due)

    def __contains__(self, key: K) -> bool:
        return key in self._due

    def start(self, key: K, now: float) -> None:
        """Start the time-out of the key, again if it runs already."""
        self._due.pop(key, None)
        self._due[key] = now + self.seconds

    def stop(self, key: K) -> None:
        self._due.pop(key, None)

    def clear(self) -> None:
        self._due.clear()

    def next(self) -> float | None:
        return next(iter(self._due.values()), None)

    def expire(self, now: float) -> Iterator[K]:
        """Remove and yield each key whose deadline has come. A key may be started again meanwhile."""
        while (key := next(iter(self._due), None)) is not None and self._due[key] <= now:
            del self._due[key]
            yield key


def earliest(*deadlines: float | None) -> float | None:
    return min((due for due in deadlines if due is not None), default=None)
