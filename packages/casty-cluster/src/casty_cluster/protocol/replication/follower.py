"""What a primary knows of one copy, and how it brings the copy's histories in step with its own.

Theory of operation. A history is in step when the copy has acknowledged its last event. One that is not is listed: it
has new events under way, or is caught up. New events go to the copy at once, as long as not much is under way to it.
What does not go at once is read from a source, in chunks of which only some may be under way, so a slow copy costs
neither memory nor the others' time. Catching up starts where the two histories may part. Where they do not meet, the
copy replies from where to try again. What stays without a reply is sent again, from the last event that is certain.

The first comparison of all histories that differ at the promise also removes what the primary does not have. After it
the copy may be confirmed: it has all that the primary has started with.

Invariants: no more chunks than credits are under way; what is under way has a time-out; nothing is sent that the
primary does not have.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

from casty_cluster.protocol.replication.effects import Send
from casty_cluster.protocol.replication.history import end_of
from casty_cluster.protocol.replication.models import Model
from casty_cluster.protocol.timeouts import Timeouts
from casty_cluster.wire.replication import (
    START,
    Acknowledge,
    CopyId,
    Epoch,
    Fetch,
    Fetched,
    FetchedSnapshot,
    Install,
    Need,
    Position,
    Replicate,
)

CREDITS: Final = 4
"""Chunks under way to one copy."""
WINDOW: Final = 1_000
"""New events under way to one copy, beside the chunks; what exceeds it is caught up when the copy has replied."""
SLICE: Final = 1_000
"""Histories that are compared at once."""
RESEND: Final = 1.0
"""Seconds after which messages without a reply are sent again."""


@dataclass(slots=True)
class Progress:
    """How far a copy has come with a history that it is not in step with."""

    acknowledged: int
    """The last event that the copy is known to have as the primary has it."""
    again: int
    """From where events are sent again, where it is not that one: before the first reply only a guess."""
    sent: int
    """The last event that was sent."""
    has_credit: bool = False
    """Whether a chunk is read or under way."""

    @property
    def certain(self) -> int:
        return max(self.acknowledged, self.again)

    @property
    def under_way(self) -> int:
        return max(0, self.sent - self.certain)


class Follower:
    """The primary's part of one copy's work."""

    def __init__(self, copy: CopyId, epoch: Epoch, model: Model) -> None:
        self._copy = copy
        self._epoch = epoch
        self._model = model
        self._behind: dict[str, Progress] = {}
        self._unequal: dict[str, None] = {}
        """Histories that differed at the promise."""
        self._reported: dict[str, Position] = {}
        """The last events of the copy's histories, as far as they are not compared yet."""
        self._unreported: dict[str, None] = {}
        """Histories that the copy does not have, as far as they are not compared yet."""
        self._waiting: OrderedDict[str, None] = OrderedDict()
        """Histories that a chunk is to be read of."""
        self._credits = CREDITS
        self._under_way = 0
        self._late = Timeouts[str](RESEND)

    @property
    def is_equal(self) -> bool:
        """Whether the copy has all that the primary has started with, and nothing else from before its epoch."""
        return not self._unequal and not self.is_comparing

    @property
    def is_comparing(self) -> bool:
        return bool(self._reported or self._unreported)

    @property
    def is_in_step(self) -> bool:
        """Whether the copy has all that the primary has."""
        return not self._behind and not self.is_comparing

    def acknowledged(self, entity: str) -> int:
        """The last event that the copy is known to have as the primary has it."""
        if self._is_pending(entity):
            return 0
        progress = self._behind.get(entity)
        return self._model.end(entity).sequence_nr if progress is None else progress.acknowledged

    def sent(self, entity: str) -> int:
        """The last event that the copy has, as far as all arrives that is under way to it."""
        if self._is_pending(entity):
            return 0
        progress = self._behind.get(entity)
        return self._model.end(entity).sequence_nr if progress is None else progress.sent

    def begin(self, positions: dict[str, Position], entities: Iterable[str], now: float) -> list[Send[Fetch]]:
        """Compare the copy's histories, which end at these positions, with those of the primary: some of them now."""
        self._reported, self._unreported = positions, dict.fromkeys(entities)
        return self.compare(now)

    def compare(self, now: float) -> list[Send[Fetch]]:
        """Go on with the comparison, for a few milliseconds."""
        for entity in [*islice(chain(reversed(self._reported), reversed(self._unreported)), SLICE)]:
            if self._is_pending(entity):
                self._compare(entity)
        return self._read(now)

    def _is_pending(self, entity: str) -> bool:
        return entity in self._reported or entity in self._unreported

    def _compare(self, entity: str) -> None:
        theirs = self._reported.pop(entity, START)
        self._unreported.pop(entity, None)
        if theirs != self._model.end(entity):
            shared = self._model.shared(entity, theirs)
            self._behind[entity] = Progress(0, shared, shared)
            self._unequal[entity] = self._waiting[entity] = None

    def add(self, message: Replicate, now: float) -> Sequence[Send[Replicate] | Send[Fetch]]:
        """Send new events of the primary, or see to it that they are sent later."""
        entity, last = message.entity, message.previous.sequence_nr
        if self._is_pending(entity):
            self._compare(entity)
        progress = self._behind.get(entity)
        if progress is None:
            progress = self._behind[entity] = Progress(last, last, last)
        if progress.sent == last and self._under_way < WINDOW:
            self._move(progress, sent=last + message.count)
            self._late.start(entity, now)
            return [Send(self._copy, message)]
        self._wait(entity, progress)
        return self._read(now)

    def fetched(self, fetched: Fetched | FetchedSnapshot, now: float) -> list[Send[Replicate | Install]]:
        """Send a chunk on. It may have been read for another copy that is as far behind."""
        entity = fetched.entity
        progress = self._behind.get(entity)
        if progress is None or not progress.has_credit or progress.sent != fetched.previous.sequence_nr:
            return []
        message, last = self._chunk(fetched)
        self._move(progress, sent=last)
        self._late.start(entity, now)
        return [Send(self._copy, message)]

    def _chunk(self, fetched: Fetched | FetchedSnapshot) -> tuple[Replicate | Install, int]:
        """What is to be sent, and its last event."""
        entity, start = fetched.entity, self._model.start(fetched.entity)
        match fetched:
            case Fetched(previous=previous, runs=runs):
                message = Replicate(epoch=self._epoch, entity=entity, previous=previous, start=start, runs=runs)
                return message, previous.sequence_nr + fetched.count
            case FetchedSnapshot(lineage=lineage, state=state):
                message = Install(epoch=self._epoch, entity=entity, start=start, lineage=lineage, state=state)
                return message, end_of(lineage).sequence_nr

    def acknowledge(self, reply: Acknowledge, now: float) -> list[Send[Fetch]]:
        entity, number = reply.entity, reply.sequence_nr
        progress = self._behind.get(entity)
        if progress is None or number > (end := self._model.end(entity).sequence_nr):
            return []
        if number > progress.acknowledged:
            self._late.start(entity, now)
            self._move(progress, acknowledged=number, sent=max(progress.sent, number))
        if number >= self._model.start(entity):
            self._unequal.pop(entity, None)
        if number >= progress.sent:
            self._return_credit(progress)
        if progress.acknowledged >= end:
            self._forget(entity, progress)
        elif not progress.under_way:
            self._wait(entity, progress)
        return self._read(now)

    def need(self, reply: Need, now: float) -> list[Send[Fetch]]:
        progress = self._behind.get(reply.entity)
        if progress is None:
            return []
        after = min(reply.after, self._model.end(reply.entity).sequence_nr)
        self._move(progress, again=after, sent=after)
        return self._start_again(reply.entity, progress, now)

    def expire(self, now: float) -> list[Send[Fetch]]:
        """Send again what has had no reply for too long."""
        effects: list[Send[Fetch]] = []
        for entity in list(self._late.expire(now)):
            progress = self._behind[entity]
            self._move(progress, sent=progress.certain)
            effects += self._start_again(entity, progress, now)
        return effects

    def next_deadline(self) -> float | None:
        return self._late.next()

    def validate(self) -> None:
        used = [entity for entity, progress in self._behind.items() if progress.has_credit]
        assert len(used) + self._credits == CREDITS, f"{self._credits} credits are left, of {used}"
        assert self._under_way == sum(progress.under_way for progress in self._behind.values()), "what is under way"
        for entity, progress in self._behind.items():
            assert progress.sent <= self._model.end(entity).sequence_nr, f"{entity}: {progress} is behind its end"
            assert entity in self._late or entity in self._waiting, f"{entity} waits for nothing: {progress}"
        assert self._behind.keys() >= {*self._unequal, *self._waiting, *self._late}, "histories that are in step"

    # Chunks

    def _read(self, now: float) -> list[Send[Fetch]]:
        """Have chunks read, as far as there are credits."""
        effects: list[Send[Fetch]] = []
        while self._credits and self._waiting:
            entity, _ = self._waiting.popitem(last=False)
            progress = self._behind[entity]
            progress.has_credit = True
            self._credits -= 1
            self._late.start(entity, now)
            effects.append(Send(self._model.source(entity), Fetch(self._epoch, entity, progress.sent)))
        return effects

    def _start_again(self, entity: str, progress: Progress, now: float) -> list[Send[Fetch]]:
        self._return_credit(progress)
        self._wait(entity, progress)
        return self._read(now)

    def _wait(self, entity: str, progress: Progress) -> None:
        if not progress.has_credit:
            self._waiting[entity] = None

    def _return_credit(self, progress: Progress) -> None:
        self._credits += progress.has_credit
        progress.has_credit = False

    def _forget(self, entity: str, progress: Progress) -> None:
        """The history is in step."""
        self._return_credit(progress)
        self._move(progress, sent=progress.certain)
        del self._behind[entity]
        self._waiting.pop(entity, None)
        self._late.stop(entity)

    def _move(
        self, progress: Progress, *, sent: int, acknowledged: int | None = None, again: int | None = None
    ) -> None:
        self._under_way -= progress.under_way
        progress.sent = sent
        if acknowledged is not None:
            progress.acknowledged = acknowledged
        if again is not None:
            progress.again = again
        self._under_way += progress.under_way
