"""Linearizable reads: what the primary may show as current, once it is certain that it still is the primary.

Theory of operation. A read notes the last committed event of its entity when it arrives. Then a round asks all copies
of the view whether they still follow this epoch. When those that have replied are so many that no other primary can be
made without one of them, none was active when the round started: all that was acknowledged by then, by any primary, is
in this one's history, and was noted. A primary that was replaced gets no such replies, and answers no reads.

One round serves all reads that have arrived before it. It starts at once while none is under way, else when that one is
over, but no later than `BATCH` after it. This is the read index of Raft (Ongaro 2014, §6.4), whose leader counts a
majority; here copies count as they do for promises, so after the usual `min_acks` replies.

Invariants: a read waits for the next round, or is part of one that is not confirmed.
"""

from typing import Final, NamedTuple

from casty_cluster.protocol.replication.effects import Readable, Send, Unreadable
from casty_cluster.protocol.replication.quorum import blocks
from casty_cluster.protocol.timeouts import Timeouts, earliest
from casty_cluster.wire.replication import CopyId, Verified, Verify, View

BATCH: Final = 0.005
"""Seconds after which a round starts although another one is under way."""
RESEND: Final = 1.0
"""Seconds after which a round without enough replies is followed by another one."""

type Effect = Send[Verify] | Readable | Unreadable


class Noted(NamedTuple):
    """A read, and the event that it must see."""

    number: int
    sequence_nr: int


class Reads:
    """Those of one primary. See the module."""

    def __init__(self, local: CopyId, view: View, timeout: float) -> None:
        self._local = local
        self._view = view
        self._waiting: list[Noted] = []
        """Those of the next round."""
        self._rounds: dict[int, list[Noted]] = {}
        """By round that is under way."""
        self._round = 0
        """The last round that has started."""
        self._started_at = 0.0
        self._replied: dict[CopyId, int] = {}
        """The latest round that each copy has replied to: it has followed the epoch in all before that as well."""
        self._late = Timeouts[int](timeout)

    def add(self, number: int, sequence_nr: int, now: float) -> list[Effect]:
        """Answer a read as soon as the primary is certain. `sequence_nr`: the last event that is committed now."""
        self._waiting.append(Noted(number, sequence_nr))
        self._late.start(number, now)
        return self._start(now) if self._is_due(now) else []

    def verified(self, copy: CopyId, reply: Verified, now: float) -> list[Effect]:
        if reply.number <= self._replied.get(copy, 0):
            return []
        self._replied[copy] = reply.number
        answered = self._answer()
        return [*answered, *(self._start(now) if self._is_due(now) else [])]

    def tick(self, now: float) -> list[Effect]:
        expired = set(self._late.expire(now))
        effects: list[Effect] = [
            Unreadable(number, "too few copies have confirmed in time that this primary has no successor")
            for number in sorted(expired)
        ]
        self._waiting = [read for read in self._waiting if read.number not in expired]
        for number, reads in list(self._rounds.items()):
            if not any(read.number in self._late for read in reads):
                del self._rounds[number]
        return [*effects, *self._start(now)] if self._is_due(now) else effects

    def end(self, reason: str) -> list[Unreadable]:
        """No read is answered any more."""
        unanswered = [Unreadable(number, reason) for number in self._late]
        self._late.clear()
        self._waiting.clear()
        self._rounds.clear()
        return unanswered

    def next_deadline(self) -> float | None:
        return earliest(self._late.next(), self._next_round())

    def validate(self) -> None:
        waiting = [read.number for reads in (self._waiting, *self._rounds.values()) for read in reads]
        assert set(self._late) <= {*waiting}, f"reads {set(self._late) - {*waiting}} are part of no round"
        assert self._rounds or not self._waiting, "reads wait for a round, and none is under way"

    def _is_due(self, now: float) -> bool:
        due = self._next_round()
        return bool(self._waiting) if due is None else now >= due

    def _next_round(self) -> float | None:
        """When another round is due."""
        if not self._rounds:
            return None
        return self._started_at + (BATCH if self._waiting else RESEND)

    def _start(self, now: float) -> list[Effect]:
        self._round += 1
        self._started_at = now
        self._rounds[self._round], self._waiting = self._waiting, []
        self._replied[self._local] = self._round  # it would not be the primary else
        message = Verify(self._view.epoch, self._round)
        others = [Send(copy, message) for copy in self._view.copies if copy != self._local]
        return [*others, *self._answer()]

    def _answer(self) -> list[Readable]:
        """The reads of all rounds that enough copies have confirmed."""
        confirmed = [number for number in self._rounds if self._is_confirmed(number)]
        reads = [read for number in confirmed for read in self._rounds.pop(number) if read.number in self._late]
        for read in reads:
            self._late.stop(read.number)
        return [Readable(*read) for read in reads]

    def _is_confirmed(self, number: int) -> bool:
        return blocks(self._view.group, [copy for copy, replied in self._replied.items() if replied >= number])
