"""Supervision as decisions: which strategy decides about a failure, and how. Nothing here carries anything out."""

import sys
from collections import deque
from dataclasses import dataclass
from typing import Final

from casty.behaviors.supervision import (
    AllForOneStrategy,
    Backoff,
    Directive,
    OneForOneStrategy,
    RestForOneStrategy,
    Strategy,
    decided,
)
from casty.errors import JournalError, JournalSetupError
from casty.runtime.cell import Cell
from casty.runtime.extras import CellExtras

OUTAGE: Final = OneForOneStrategy(max_restarts=sys.maxsize, backoff=Backoff(maximum=4.0))
"""What an event-sourced actor does when its journal fails: it tries again until the journal is back, however long, and
finds out within five seconds.
"""


def is_outage(exception: BaseException) -> bool:
    """Whether a journal has failed in a way that may pass."""
    return isinstance(exception, JournalError) and not isinstance(exception, JournalSetupError)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A directive for some actors."""

    directive: Directive
    cells: tuple[Cell, ...]
    delay: float = 0.0
    """Seconds before a restart."""


def judge(cell: Cell, exception: BaseException) -> Verdict:
    """Ask the actor's own strategies, innermost first, then its parent's for children, then the configuration's, and
    last the one that is for want of others.

    The first that does not escalate decides. Without a strategy the actor stops. If all escalate, the parent fails.
    An event-sourced actor whose journal has failed asks no strategy: it restarts, with back-off.
    """
    escalated = False
    for holder, strategy in _strategies(cell, exception):
        directive = decided(strategy, exception, cell.path)
        if directive is Directive.escalate:
            escalated = True
            continue
        delay = 0.0
        if directive is Directive.restart:
            granted = _grant(holder, strategy, cell)
            if granted is None:
                directive = Directive.stop
            else:
                delay = granted
        return Verdict(directive, _affected(cell, directive, strategy), delay)
    return Verdict(Directive.escalate if escalated else Directive.stop, (cell,))


def _strategies(cell: Cell, exception: BaseException) -> list[tuple[CellExtras, Strategy]]:
    extras = cell.own_extras()
    if extras.event_sourced and is_outage(exception):
        return [(extras, OUTAGE)]
    found: list[tuple[CellExtras, Strategy]] = [(extras, strategy) for strategy in extras.wrapping.own]
    parent = cell.parent.extras if cell.parent is not None else None
    if parent is not None and parent.wrapping.of_children is not None:
        found.append((parent, parent.wrapping.of_children))
    if extras.fallback is not None:
        found.append((extras, extras.fallback))
    if extras.wrapping.last is not None:
        found.append((extras, extras.wrapping.last))
    return found


def _affected(cell: Cell, directive: Directive, strategy: Strategy) -> tuple[Cell, ...]:
    together = isinstance(strategy, AllForOneStrategy | RestForOneStrategy)
    if not together or directive is Directive.resume or cell.parent is None:
        return (cell,)
    family = cell.parent.own_extras().children
    # The parent's message adapters are its children only technically.
    siblings = tuple(child for name, child in family.items() if child is cell or not name.startswith("_"))
    return siblings if isinstance(strategy, AllForOneStrategy) else siblings[siblings.index(cell) :]


def _grant(holder: CellExtras, strategy: Strategy, cell: Cell) -> float | None:
    """Seconds to wait before this restart, or None where the limit is reached."""
    now = cell.services.clock.time()
    granted = holder.restarts.setdefault(strategy, deque())
    while granted and now - granted[0] > strategy.within:
        granted.popleft()
    if len(granted) >= strategy.max_restarts:
        return None
    granted.append(now)
    return 0.0 if strategy.backoff is None else strategy.backoff.delay(len(granted), cell.services.random)
