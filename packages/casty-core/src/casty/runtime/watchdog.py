"""Notices handlers that hold the event loop: from a thread of its own, as the loop cannot notice it itself.

Theory of operation: several times per threshold the thread looks at what the loop's thread is running. Nothing of an
actor: it sleeps on. The same handling as at the last look, while the loop has not run the callback that it was given
then: that handling has held the loop in between. A look that comes late counts in full only if the process has
computed meanwhile, in a call that let no other thread run. Otherwise it was stopped, or the machine was too busy, which
is no handler's fault. Nor are collections of garbage, which have a warning of their own.
"""

import logging
import sys
import threading
from dataclasses import dataclass
from time import monotonic, process_time
from types import FrameType
from typing import Final

from casty.events import SlowHandler
from casty.runtime.dead_letters import Throttle
from casty.runtime.doing import Doing, doing_in
from casty.runtime.frames import line, stack
from casty.runtime.garbage import GarbageCollections
from casty.runtime.kernel import Kernel
from casty.runtime.logs import about

logger = logging.getLogger("casty")

LOOKS: Final = 5
"""Looks per threshold. More notice more exactly, and wake an idle process more often."""
DEBUGGERS: Final = frozenset({"bdb", "pdb", "pydevd", "debugpy", "_pydevd_bundle", "ipdb"})
"""Modules whose frames say that a person holds the loop."""


class Watchdog:
    """Watches the thread in which it was made. A handler is reported when it has held the loop for `threshold` seconds,
    again whenever that time has doubled, and on the event stream when it lets go.
    """

    def __init__(self, kernel: Kernel, threshold: float) -> None:
        self._kernel = kernel
        self._loop = kernel.dispatcher.loop
        self._throttle = Throttle(self._loop)
        self._threshold = threshold
        self._interval = threshold / LOOKS
        self._watched = threading.get_ident()
        self._over = threading.Event()
        self._turned = True
        """Whether the loop has had its turn since it was asked for a sign of life."""
        self._looked = (0.0, 0.0)
        """When the last look was, and how much the process had computed by then."""
        self._garbage = GarbageCollections()
        self._thread = threading.Thread(target=self._watch, name="casty-watchdog", daemon=True)

    def start(self) -> None:
        self._garbage.start()
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._over.set()
        self._thread.join()
        self._garbage.stop()

    def _watch(self) -> None:
        hold = _Hold(None)
        self._looked = monotonic(), process_time()
        while not self._over.wait(self._interval):
            try:
                hold = self._look(hold)
            except RuntimeError:
                if self._loop.is_closed():
                    return
                raise

    def _look(self, hold: "_Hold") -> "_Hold":
        """Compare what runs now with the last look."""
        passed = self._passed()
        frames = self._frames()
        doing = next((found for frame in frames if (found := doing_in(frame)) is not None), None)
        if doing is not None and doing == hold.doing and not self._turned:
            hold.seconds += passed
        else:
            self._release(hold)
            # All beyond one interval was a single call, as no other thread could run.
            hold = _Hold(doing, max(0.0, passed - self._interval), self._threshold - 1.01 * self._interval)
        if doing is not None:
            self._ask_for_a_sign()
            if hold.seconds >= hold.report_after:
                self._report(hold, doing, frames)
        return hold

    def _passed(self) -> float:
        """Seconds since the last look that a handler may have held the loop."""
        (before, computed_before), self._looked = self._looked, (monotonic(), process_time())
        collected = self._collected()
        passed = max(0.0, self._looked[0] - before - collected)
        computed = self._looked[1] - computed_before - collected
        return passed if computed > passed / 2 else min(passed, self._interval)

    def _collected(self) -> float:
        """Seconds that collections of garbage have taken since the last look."""
        seconds, longest = self._garbage.take()
        if longest >= self._threshold and self._throttle.admits(GarbageCollections):
            logger.warning(
                "a collection of garbage has stopped the whole process for %.1f s: the more objects there are, the "
                "longer it takes; passivate entities sooner, spread them over more nodes, or call gc.freeze() once the "
                "objects that stay are there",
                longest,
            )
        return seconds

    def _frames(self) -> list[FrameType]:
        """What the loop's thread runs, innermost first; nothing while a person holds it in a debugger."""
        frames: list[FrameType] = []
        frame = sys._current_frames().get(self._watched)
        while frame is not None:
            if str(frame.f_globals.get("__name__")).partition(".")[0] in DEBUGGERS:
                return []
            frames.append(frame)
            frame = frame.f_back
        return frames

    def _ask_for_a_sign(self) -> None:
        if self._turned:
            self._turned = False
            self._loop.call_soon_threadsafe(self._turn)

    def _turn(self) -> None:
        self._turned = True

    def _report(self, hold: "_Hold", doing: Doing, frames: list[FrameType]) -> None:
        """Log at once, because the handler may never end."""
        user = next(number for number, frame in enumerate(frames) if doing_in(frame) is not None)
        inner = frames[:user][::-1] or frames[:1]
        hold.stack = stack(inner)
        while hold.report_after <= hold.seconds:
            hold.report_after = 2 * max(hold.report_after, self._interval)
        where = line(inner)
        if self._throttle.admits((doing.what, where)):
            logger.warning(
                "%s has held the event loop for %.1f s while it handles %s, at %s: no other actor runs meanwhile; "
                "await instead, or move what blocks into a thread with asyncio.to_thread\n%s",
                doing.cell.path,
                hold.seconds + self._interval,
                doing.what,
                where,
                hold.stack.rstrip(),
                extra=about(doing.cell),
            )

    def _release(self, hold: "_Hold") -> None:
        if hold.doing is not None and hold.stack:
            event = SlowHandler(
                ref=hold.doing.cell.ref,
                message_type=hold.doing.what,
                seconds=hold.seconds + self._interval,
                stack=hold.stack,
            )
            self._loop.call_soon_threadsafe(self._kernel.event_stream.publish, event)


@dataclass(slots=True)
class _Hold:
    """A handling, and for how long it is known to have held the loop."""

    doing: Doing | None
    seconds: float = 0.0
    report_after: float = 0.0
    stack: str = ""
    """Where it was when it was reported last."""
