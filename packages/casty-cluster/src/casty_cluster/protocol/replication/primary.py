"""The primary of a shard at one epoch: takes events, sends them to all copies, and counts those that have stored them.

Theory of operation. The promotion makes the copy the primary. From then on, new events go to all copies at once, its
own among them. They are committed when its own disk and those of `min_acks` others have them; until then they may be
lost with this primary, or be continued by the next one. A copy counts once, and for the epoch and number that it names.

When any copy has promised a higher epoch, the primary ends, with its promotion or later: nothing is sent any more, and
what is not committed stays open. It never acts twice at one epoch, nor do two: its own copy's promise comes before all
else, and survives the process.

Invariants: those of its parts; events are open only while it is active.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.replication import promotion, reads
from casty_cluster.protocol.replication.commits import Commits
from casty_cluster.protocol.replication.effects import CaughtUp, Committed, Ended, Overdue, Refused, Send, Unreadable
from casty_cluster.protocol.replication.history import History
from casty_cluster.protocol.replication.inputs import Append, AwaitCopies, Promote, Read, Received, SaveSnapshot
from casty_cluster.protocol.replication.promotion import Phase, Promotion
from casty_cluster.protocol.replication.reads import Reads
from casty_cluster.protocol.replication.stored import Contents
from casty_cluster.protocol.timeouts import earliest
from casty_cluster.wire.replication import (
    START,
    Acknowledge,
    Confirmed,
    CopyId,
    Epoch,
    Fetched,
    FetchedSnapshot,
    Install,
    Need,
    Promised,
    Rejected,
    Replicate,
    Sealed,
    ToPrimary,
    Verified,
    to_run,
)

NO_PRIMARY: Final = "this copy is not the primary of the shard"

type Input = Received[ToPrimary] | Append | SaveSnapshot | Read | AwaitCopies
type Effect = promotion.Effect | Send[Install] | reads.Effect | Committed | Overdue | Refused | CaughtUp | Ended


class Primary:
    """The machine of one primary, from its promotion to its end. See the module."""

    def __init__(self, local: CopyId, contents: Contents, given: Promote, now: float, *, ack_timeout: float) -> None:
        self.ended = False
        self._local = local
        self._histories: Mapping[str, History] = contents.histories
        self._promotion = Promotion(local, contents, given, now)
        self._commits = Commits(given.min_acks, ack_timeout)
        self._reads = Reads(local, self._promotion.view, ack_timeout)
        self._awaits_copies = False

    @property
    def epoch(self) -> Epoch:
        return self._promotion.view.epoch

    @property
    def is_active(self) -> bool:
        """Whether it takes events."""
        return not self.ended and self._promotion.phase is Phase.active

    def start(self) -> list[Effect]:
        return [*self._promotion.start()]

    def handle(self, given: Input | Tick, now: float) -> Sequence[Effect]:
        match given:
            case Append():
                return self._append(given, now)
            case SaveSnapshot():
                return self._save_snapshot(given)
            case Read():
                return self._read(given, now)
            case Received(sender, message):
                if not self._is_for_it(message):
                    return []
                return [*self._received(sender, message, now), *self._caught_up()]
            case AwaitCopies():
                self._awaits_copies = True
                return self._caught_up()
            case Tick():
                return [] if self.ended else [*self._tick(now), *self._caught_up()]

    def end(self, reason: str, promised: Epoch | None = None) -> list[Effect]:
        """Be the primary no more."""
        if self.ended:
            return []
        self.ended = True
        return [*self._reads.end(reason), Ended(self.epoch, reason, promised)]

    def next_deadline(self) -> float | None:
        parts = (self._promotion, self._commits, self._reads)
        return None if self.ended else earliest(*(part.next_deadline() for part in parts))

    def validate(self) -> None:
        self._promotion.validate()
        self._commits.validate()
        self._reads.validate()
        assert self._commits.is_empty or self._promotion.phase is Phase.active, "events before it was active"

    def _is_for_it(self, message: ToPrimary) -> bool:
        return not self.ended and message.epoch == self.epoch

    def _tick(self, now: float) -> Sequence[Effect]:
        return [*self._promotion.tick(now), *self._commits.expire(now), *self._reads.tick(now)]

    def _received(self, sender: CopyId, message: ToPrimary, now: float) -> Sequence[Effect]:
        match message:
            case Promised():
                return self._promotion.promised(sender, message, now)
            case Rejected(_, promised):
                return self.end(f"copy {sender} has promised the higher epoch {promised}", promised)
            case Acknowledge():
                replies = self._promotion.compared(sender, message, now)
                return [*replies, *self._count(sender, message)]
            case Need():
                return self._promotion.compared(sender, message, now)
            case Confirmed():
                return self._promotion.confirmed(sender, now)
            case Sealed():
                return self._promotion.sealed(sender, message, now)
            case Fetched() | FetchedSnapshot():
                return self._promotion.fetched(message, now)
            case Verified():
                return self._reads.verified(sender, message, now)

    def _append(self, given: Append, now: float) -> list[Effect]:
        entity = given.entity
        history = self._histories.get(entity)
        last = START if history is None else history.position
        if not self.is_active:
            return [Refused(entity, given.after, NO_PRIMARY)]
        if given.after != last.sequence_nr or not given.payloads:
            reason = (
                f"{len(given.payloads)} events were to follow number {given.after}; the last one is {last.sequence_nr}"
            )
            return [Refused(entity, given.after, reason)]
        message = Replicate(
            epoch=self.epoch,
            entity=entity,
            previous=last,
            start=last.sequence_nr if history is None else history.before(self.epoch),
            runs=(to_run(self.epoch, given.payloads),),
        )
        self._commits.add(entity, last.sequence_nr, last.sequence_nr + len(given.payloads), now)
        effects: list[Effect] = [Send(self._local, message)]
        for follower in self._promotion.followers.values():
            effects += follower.add(message, now)
        return effects

    def _save_snapshot(self, given: SaveSnapshot) -> list[Effect]:
        """Nothing happens where events of it are not committed: a later primary may replace them, and could not remove
        them alone. Copies that some of them are not even under way to get the snapshot when they are caught up.
        """
        entity, number = given.entity, given.sequence_nr
        history = self._histories.get(entity)
        if not self.is_active or history is None or not 0 < number <= self._commits.committed(entity, history.last):
            return []
        message = Install(
            epoch=self.epoch,
            entity=entity,
            start=history.before(self.epoch),
            lineage=history.lineage(number),
            state=given.state,
        )
        followers = self._promotion.followers.items()
        return [
            Send(self._local, message),
            *(Send(copy, message) for copy, follower in followers if follower.sent(entity) >= number),
        ]

    def _read(self, given: Read, now: float) -> Sequence[Effect]:
        if not self.is_active:
            return [Unreadable(given.number, NO_PRIMARY)]
        history = self._histories.get(given.entity)
        last = 0 if history is None else self._commits.committed(given.entity, history.last)
        return self._reads.add(given.number, last, now)

    def _caught_up(self) -> list[CaughtUp]:
        """With `min_acks`, others have stored what was acknowledged. Without, only this copy may have."""
        if not self._awaits_copies:
            return []
        has_stored = self.ended or self._promotion.view.min_acks > 0 or self._promotion.is_caught_up
        self._awaits_copies = not has_stored
        return [CaughtUp()] if has_stored else []

    def _count(self, sender: CopyId, reply: Acknowledge) -> list[Committed]:
        entity = reply.entity
        if entity not in self._commits:
            return []
        if sender == self._local:
            self._commits.stored(entity, reply.sequence_nr)
        others = [follower.acknowledged(entity) for follower in self._promotion.followers.values()]
        return self._commits.count(entity, others)
