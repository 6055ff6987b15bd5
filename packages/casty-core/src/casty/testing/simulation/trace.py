"""The events of a run: a hash of all of them, and the last ones as text."""

import logging
from collections import deque
from collections.abc import Callable
from hashlib import sha256
from struct import Struct
from typing import Final, override

SHOWN: Final = 50
"""Number of events that a failure shows."""
NANOSECONDS: Final = 1_000_000_000
_STEP: Final = Struct("<QIQ")
_FLUSH: Final = 1 << 16


class Trace:
    """Identical runs have the same hash. Record nothing that depends on the machine, object addresses or the hash
    seed.
    """

    def __init__(self, shown: int | None = SHOWN) -> None:
        self.events: deque[str] = deque(maxlen=shown)
        """The last events, each with its time and host; all events with `shown=None`."""
        self.faults: list[str] = []
        """Every fault that was injected."""
        self._hash = sha256()
        self._buffer = bytearray()

    def step(self, now: int, process: int, ready: int) -> None:
        """Record that a callback of a process runs at a time in nanoseconds, chosen from `ready` ones."""
        self._buffer += _STEP.pack(now, process, ready)
        if len(self._buffer) > _FLUSH:
            self._flush()

    def record(self, now: int, host: str, text: str) -> None:
        line = _line(now, host, text)
        self.events.append(line)
        self._buffer += line.encode()

    def fault(self, now: int, text: str) -> None:
        self.record(now, "", text)
        self.faults.append(_line(now, "", text))

    def remark(self, now: int, host: str, text: str) -> None:
        """Show a line that is not part of the hash: it may contain anything."""
        self.events.append(_line(now, host, text))

    def digest(self) -> str:
        self._flush()
        return self._hash.hexdigest()

    def _flush(self) -> None:
        self._hash.update(self._buffer)
        self._buffer.clear()


class LogIntoTrace(logging.Handler):
    """Shows logged warnings among the events."""

    def __init__(self, remark: Callable[[str], object]) -> None:
        super().__init__(logging.WARNING)
        self._remark = remark

    @override
    def emit(self, record: logging.LogRecord) -> None:
        text = f"{record.levelname} {record.name}: {record.getMessage()}"
        if record.exc_info and record.exc_info[1] is not None:
            text += f": {record.exc_info[1]!r}"
        self._remark(text)


def _line(now: int, host: str, text: str) -> str:
    return f"{now / NANOSECONDS:>12.6f}  {host:<8} {text}"
