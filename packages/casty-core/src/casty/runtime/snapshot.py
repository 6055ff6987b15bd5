"""Takes a snapshot of the tree of living actors: what each is doing, and for how long."""

import inspect
from itertools import islice
from typing import Final

from casty.actor_tree import ActorSnapshot, SystemSnapshot
from casty.runtime.cell import IDLE, PAUSED, STOPPED, Cell
from casty.runtime.doing import doing_in, doing_of, step
from casty.runtime.frames import frames_of, line
from casty.runtime.kernel import Kernel
from casty.runtime.waiting_for import why_paused

LIMIT: Final = 300
"""Actors in a snapshot, unless it is asked for more or fewer: a few milliseconds of the event loop."""


def take_snapshot(kernel: Kernel, limit: int = LIMIT) -> SystemSnapshot:
    """The actors that are doing something first, with those above them, and then others from the top of the tree."""
    if limit < 1:
        raise ValueError(f"a snapshot shows at least one actor, not {limit}")
    running = _running()
    chosen = _choose(kernel, limit)
    children: dict[Cell, list[ActorSnapshot]] = {}
    # Parents were chosen before their children, so that backwards each finds its children made.
    for cell in reversed(chosen):
        own = tuple(reversed(children.pop(cell, [])))
        assert cell.parent is not None
        children.setdefault(cell.parent, []).append(_describe(kernel, cell, own, running.get(cell)))
    tops = [children.get(root, [])[::-1] for root in (kernel.root, kernel.internal)]
    actors = (*tops[0], *tops[1])
    remote = kernel.remote
    return SystemSnapshot(
        system=kernel.system.name,
        node=None if remote is None else remote.node_id,
        actors=actors,
        left_out=_count(kernel.root) + _count(kernel.internal) - len(actors),
    )


def _running() -> dict[Cell, str]:
    """What holds the event loop now: a snapshot may be taken inside a handler, and that inside an ask of another."""
    found: dict[Cell, str] = {}
    frame = inspect.currentframe()
    while frame is not None:
        if (doing := doing_in(frame)) is not None:
            found[doing.cell] = doing.what
        frame = frame.f_back
    return found


def _choose(kernel: Kernel, limit: int) -> list[Cell]:
    """At most so many living cells, each behind its parent."""
    chosen: dict[Cell, None] = {}
    for cell in islice(kernel.dispatcher.occupied(), limit):
        line_of = [cell]
        while (parent := line_of[-1].parent) is not None and parent.parent is not None and parent not in chosen:
            line_of.append(parent)
        if len(chosen) + len(line_of) <= limit and cell.state != STOPPED:
            chosen.update(dict.fromkeys(reversed(line_of)))
    level = [kernel.root, kernel.internal]
    while level and len(chosen) < limit:
        share = max(1, (limit - len(chosen)) // len(level))
        level = [child for cell in level for child in _children(cell, share)]
        chosen.update(dict.fromkeys(level[: limit - len(chosen)]))
    return list(chosen)


def _children(cell: Cell, share: int) -> list[Cell]:
    return [] if cell.extras is None else list(islice(cell.extras.children.values(), share))


def _count(cell: Cell) -> int:
    return 0 if cell.extras is None else len(cell.extras.children)


def _describe(kernel: Kernel, cell: Cell, children: tuple[ActorSnapshot, ...], running: str | None) -> ActorSnapshot:
    seconds = at = None
    task = cell.task
    doing = None if task is None else doing_of(task)
    what = running
    if task is not None and doing is not None:
        what = doing.what
        since = kernel.dispatcher.patrol.since(cell, doing)
        seconds = None if since is None else max(0.0, kernel.dispatcher.loop.time() - since)
        at = None if running is not None else line(frames_of(task))
    return ActorSnapshot(
        path=cell.path,
        state=_state(cell, what, is_running=running is not None),
        because=why_paused(cell),
        mailbox=cell.waiting(),
        callers=0 if cell.admission is None else cell.admission.callers,
        handling=None if what is None or what.startswith("(") else what,
        seconds=seconds,
        at=at,
        children=children,
        left_out=_count(cell) - len(children),
    )


def _state(cell: Cell, what: str | None, *, is_running: bool) -> str:
    if cell.state == PAUSED:
        return "paused"
    if cell.extras is not None and cell.extras.attending is not None:
        return step(cell, cell.extras.attending)
    if what is not None:
        return "running" if is_running else "suspended"
    return "idle" if cell.state == IDLE else "ready"
