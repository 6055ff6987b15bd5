"""What happened in a run, as a hash over all of it and as the last events in words."""

import logging
from collections import deque
from collections.abc import Callable
from hashlib import sha256
from struct import Struct
from typing import Final, override

SHOWN: Final = 50
"""Events that a failure shows."""
NANOSECONDS: Final = 1_000_000_000
_STEP: Final = Struct("<QIQ")
_FLUSH: Final = 1 << 16


class Trace:
    """Two runs that went the same way have the same hash. Only what no machine, address or hash seed has a part in may
    be recorded here.
    """

    def __init__(self, shown: int | None = SHOWN) -> None:
        self.events: deque[str] = deque(maxlen=shown)
        """The last ones, each with its time and host; all of them with `shown=None`."""
        self.faults: list[str] = []
        """Every fault that was injected."""
        self._hash = sha256()
        self._buffer = bytearray()

    def step(self, now: int, process: int, ready: int) -> None:
        """A callback of a process is run at a time in nanoseconds, chosen from so many."""
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
        """Shown, but no part of the hash: it may contain anything."""
        self.events.append(_line(now, host, text))

    def digest(self) -> str:
        self._flush()
        return self._hash.hexdigest()

    def _flush(self) -> None:
        self._hash.update(self._buffer)
        self._buffer.clear()


class LogIntoTrace(logging.Handler):
    """Shows warnings that were logged between the events."""

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
