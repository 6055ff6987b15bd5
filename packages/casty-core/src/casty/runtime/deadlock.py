"""Notices an actor that would wait for itself: its handler awaits an ask of itself, or of an actor whose handler
awaits, directly or through others, a reply of this one.

Nothing but a certain deadlock is refused. A handler that awaits has its own driver task, so that what a task of its
own asks is not its waiting. And it waits in vain only if nothing but the handlers of the circle can reply: a handler
may have forwarded the question before it asks. So the references to the question and to its reply reference are
counted, and each has to be a known one.
"""

import gc
import sys
from asyncio import current_task
from collections.abc import Sequence
from dataclasses import dataclass
from types import CoroutineType, FrameType
from typing import Final, Protocol
from weakref import ref

from casty.errors import DeadlockError
from casty.runtime.cell import Cell
from casty.runtime.frames import frames_of

COUNTS: Final = sys.version_info[:2] == (3, 13)
"""Whether a count of references is exact, so that a circle is certain: before, a look at a frame's variables leaves
references behind, and later interpreters borrow some.
"""


class Promise(Protocol):
    """A reply reference."""

    @property
    def over(self) -> bool:
        """Whether the ask has its reply, or has ended without."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Awaited:
    """What the handler of an actor awaits."""

    target: Cell
    promise: ref[Promise]
    key: int
    """The identity of the message."""


def refuse_deadlock(awaited: dict[Cell, Awaited], asker: Cell, target: Cell) -> None:
    """Raise `DeadlockError` if the asker would wait for itself."""
    circle = [asker, target]
    while circle[-1] is not asker:
        wait = awaited.get(circle[-1])
        if wait is None or wait.target in circle[1:] or not _in_vain(wait):
            return
        circle.append(wait.target)
    raise DeadlockError(
        f"{asker.path} would wait for itself for ever: {' asks '.join(cell.path for cell in circle)}, and a handler "
        "that awaits handles no other message; use ctx.ask(ref, factory, mapper), or ctx.pipe_to_self, which do not "
        "hold the handler up, or call a function instead of asking"
    )


def _in_vain(wait: Awaited) -> bool:
    """Whether only the handler of the target can still reply."""
    promise = wait.promise()
    if promise is None or promise.over or not COUNTS:
        return False
    frames = _frames(wait.target)
    pending = (wait.target.asks or {}).get(wait.key)
    message = _found(frames, wait.key) if pending is None else pending.message
    if message is None:
        return False
    # A message is in the list that it is read from, and is known to the target where the ask has been registered.
    if _held_elsewhere(message, frames, 1 if pending is None else 2):
        return False
    if message is promise:
        return True
    if not _holds(message, promise):
        return False
    return not _held_elsewhere(promise, frames, 1) or _held_by_frames(promise, message, frames)


def _holds(message: object, promise: object) -> bool:
    """Whether the message itself refers to it, and no part that may have been given away."""
    return any(each is promise for each in gc.get_referents(message))


def _held_by_frames(promise: object, message: object, frames: Sequence[FrameType]) -> bool:
    """Whether nothing but the message and these frames refers to it. A frame has more than variables: in
    `reply_to.tell(await …)` it holds the reference while it awaits. Only the collector knows, which looks at
    everything; there is a circle already, so that this is rare.
    """
    return all(
        holder is message
        or isinstance(holder, FrameType)
        or (isinstance(holder, CoroutineType) and holder.cr_frame in frames)
        for holder in gc.get_referrers(promise)
    )


def _frames(cell: Cell) -> list[FrameType]:
    """The frames that run the actor: of its suspended driver, and those of this thread's stack."""
    frames = [] if cell.task is None or cell.task is current_task() else list(frames_of(cell.task))
    frame: FrameType | None = sys._getframe(3)  # pyright: ignore[reportPrivateUsage]  # there is no public way
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames


def _found(frames: Sequence[FrameType], key: int) -> object:
    return next((value for frame in frames for value in frame.f_locals.values() if id(value) == key), None)


def _held_elsewhere(what: object, frames: Sequence[FrameType], known: int) -> bool:
    """Whether anything but the frames' variables, and so many known holders, refers to it. A variable that is shared
    with an inner function may outlive its frame, and does not count.
    """
    variables = 0
    for frame in frames:
        code, values = frame.f_code, frame.f_locals
        own = set(code.co_varnames) - set(code.co_cellvars)
        variables += sum(values.get(name) is what for name in own)
    # The caller's variable, the argument here, and that of getrefcount.
    return sys.getrefcount(what) > variables + known + 3
