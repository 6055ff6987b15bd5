"""Notices handlers that block the event loop: from a thread of its own, as the loop cannot notice it itself."""

import sys
import threading
import traceback
from asyncio import AbstractEventLoop
from time import monotonic
from types import FrameType

from casty.event_stream import EventStream
from casty.events import SlowHandler
from casty.runtime.cell import Cell


class Watchdog:
    """Asks the loop for a sign of life again and again; when none comes for `threshold` seconds, looks at what it is
    doing.
    """

    def __init__(self, loop: AbstractEventLoop, stream: EventStream, threshold: float) -> None:
        self._loop = loop
        self._stream = stream
        self._threshold = threshold
        self._watched = threading.get_ident()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="casty-watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread. Call it on the event loop."""
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(self._threshold / 2):
            asked = monotonic()
            alive = threading.Event()
            self._loop.call_soon_threadsafe(alive.set)
            if alive.wait(self._threshold):
                continue
            found = self._look()
            while not alive.wait(self._threshold):
                if self._over.is_set():
                    return
            if found is not None:
                self._loop.call_soon_threadsafe(self._report, *found, monotonic() - asked)

    def _look(self) -> tuple[Cell, str, str] | None:
        """The actor whose handler the loop's thread is in, the message's type and the stack; None if it is in none."""
        frame = sys._current_frames().get(self._watched)
        stack = "".join(traceback.format_stack(frame))
        while frame is not None:
            cell = _cell_run_by(frame)
            if cell is not None:
                return cell, type(frame.f_locals.get("message")).__qualname__, stack
            frame = frame.f_back
        return None

    def _report(self, cell: Cell, message_type: str, stack: str, seconds: float) -> None:
        self._stream.publish(SlowHandler(ref=cell.ref, message_type=message_type, seconds=seconds, stack=stack))


def _cell_run_by(frame: FrameType) -> Cell | None:
    if frame.f_code.co_qualname != "Dispatcher._drive":
        return None
    cell = frame.f_locals.get("cell")
    return cell if isinstance(cell, Cell) else None
