"""One node's part in a shard: its copy, and the primary while this copy is it.

Theory of operation. The primary treats its own copy as it does the others. What the two send to each other is handled
at once, and never lost. A primary ends with its copy's promise to another one, and when its copy's disk fails.

Invariants: those of the two; the epoch of a primary is the one that its copy has promised, unless it has ended.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.replication import primary, replica
from casty_cluster.protocol.replication.effects import CaughtUp, Refused, Send, Unreadable
from casty_cluster.protocol.replication.inputs import (
    Append,
    AwaitCopies,
    Loaded,
    Promote,
    Read,
    Received,
    SaveSnapshot,
    Stored,
    StoreFailed,
)
from casty_cluster.protocol.replication.primary import Primary
from casty_cluster.protocol.replication.replica import Replica
from casty_cluster.protocol.replication.stored import Contents
from casty_cluster.protocol.timeouts import earliest
from casty_cluster.wire.replication import (
    Confirm,
    CopyId,
    Epoch,
    Fetch,
    Fetched,
    FetchedSnapshot,
    Install,
    Prepare,
    Replicate,
    Seal,
    ToPrimary,
    ToReplica,
    Verify,
    View,
)

ACK_TIMEOUT: Final = 5.0

type Given = Promote | Append | SaveSnapshot | Read | AwaitCopies
type Input = Received[ToReplica | ToPrimary] | Stored | StoreFailed | Loaded | Given
type Effect = replica.Effect | primary.Effect | Send[Fetched | FetchedSnapshot]


class Member:
    """The machine of one copy of a shard, from the start of its node, or from an empty disk."""

    def __init__(self, local: CopyId, contents: Contents, token: int, *, ack_timeout: float = ACK_TIMEOUT) -> None:
        """`contents`: what the disk holds. `token`: a random number, another one for each life of the copy."""
        self.local = local
        self.contents = contents
        self._replica = Replica(local, contents, token)
        self._primary: Primary | None = None
        self._ack_timeout = ack_timeout

    @property
    def promised(self) -> Epoch:
        """The epoch that a promotion has to exceed."""
        return self._replica.promised

    @property
    def view(self) -> View | None:
        """The newest view that is known to keep the shard."""
        return self.contents.view

    @property
    def is_active(self) -> bool:
        """Whether this copy is the primary, and takes events."""
        return self._primary is not None and self._primary.is_active

    def handle(self, given: Input | Tick, now: float) -> Sequence[Effect]:
        pending = deque[Effect](self._handle(given, now))
        effects: list[Effect] = []
        while pending:
            effect = pending.popleft()
            if isinstance(effect, Send) and effect.to == self.local:
                pending.extend(self._received(self.local, effect.message, now))
            else:
                effects.append(effect)
        return effects

    def next_deadline(self) -> float | None:
        return earliest(self._replica.next_deadline(), self._primary and self._primary.next_deadline())

    def validate(self) -> None:
        self._replica.validate()
        if self._primary is not None and not self._primary.ended:
            self._primary.validate()
            assert self._primary.epoch == self.promised, f"a primary of {self._primary.epoch}, promised {self.promised}"
            assert not self._replica.failure, "a primary without a disk"

    def _handle(self, given: Input | Tick, now: float) -> Iterable[Effect]:
        match given:
            case Received(sender, message):
                return self._received(sender, message, now)
            case Loaded(to, fetched):
                return [Send(to, fetched)]
            case Stored() | StoreFailed():
                return self._to_replica(given, now)
            case Promote():
                return self._promote(given, now)
            case Append():
                if self._primary is None:
                    return [Refused(given.entity, given.after, primary.NO_PRIMARY)]
                return self._primary.handle(given, now)
            case Read() if self._primary is None:
                return [Unreadable(given.number, primary.NO_PRIMARY)]
            case AwaitCopies() if self._primary is None:
                return [CaughtUp()]
            case Read() | SaveSnapshot() | AwaitCopies():
                return [] if self._primary is None else self._primary.handle(given, now)
            case Tick():
                reported = self._to_replica(given, now)
                return reported if self._primary is None else [*reported, *self._primary.handle(given, now)]

    def _received(self, sender: CopyId, message: ToReplica | ToPrimary, now: float) -> Iterable[Effect]:
        if isinstance(message, Prepare | Replicate | Install | Confirm | Seal | Fetch | Verify):
            return self._to_replica(Received(sender, message), now)
        return [] if self._primary is None else self._primary.handle(Received(sender, message), now)

    def _to_replica(self, given: replica.Input | Tick, now: float) -> Iterable[Effect]:
        effects = self._replica.handle(given, now)
        if self._primary is None or self._primary.ended:
            return effects
        if self._replica.failure:
            return [*self._primary.end(self._replica.failure), *effects]
        if self._primary.epoch != self.promised:
            return [*self._primary.end("its own copy has promised a higher epoch", self.promised), *effects]
        return effects

    def _promote(self, given: Promote, now: float) -> Iterable[Effect]:
        """Grants that are late, or come twice, change nothing: the first one has been promised by then."""
        if given.epoch <= self.promised or given.copies[0] != self.local or self._replica.failure:
            return []
        ended = [] if self._primary is None else self._primary.end("it is promoted again", given.epoch)
        self._primary = Primary(self.local, self.contents, given, now, ack_timeout=self._ack_timeout)
        return [*ended, *self._primary.start()]
