"""One copy of a shard: obeys the primary of the highest epoch that it has promised, and stores what it sends.

Theory of operation. A promise is stored before it is answered. From then on nothing of a lower epoch is stored, so the
report that follows stays true until the new primary itself changes it. Messages of an epoch that was not promised are
ignored: a primary sends none before it has the promise.

Entries are stored behind the event that they follow, if that one is there. If it is not, the copy replies from where to
try again, further back each time. A stored event that differs from the primary's is removed, with all behind it. So is
a later event from before the primary's epoch where the primary's history has none: left alone, it would look as if the
primary had known it. An event that is there already is not stored again. A copy acknowledges only what is stored.

A snapshot takes the place of events that are committed, so no primary ever lacks one of them, unless an operator has
accepted that it does. Then the copy cannot go back to one in the middle: it drops the history, and gets it anew.

A start of the copy is counted before anything else is stored, see `lives`. A copy that learns of a later start of its
own takes no more inputs.

Changes are stored one after the other. A reply waits for all that were asked for before it. When one fails, what the
disk holds is unknown, and the machine takes no more inputs: another one starts with what is read from the disk.

Invariants: nothing that is stored is newer than the promise; replies wait only for changes that are being stored.
"""

from collections import deque
from collections.abc import Mapping

from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.replication.effects import Load, Outdated, Reload, Send, Store
from casty_cluster.protocol.replication.history import History, end_of
from casty_cluster.protocol.replication.inputs import Received, Stored, StoreFailed
from casty_cluster.protocol.replication.lives import Life, Lives
from casty_cluster.protocol.replication.reports import Report
from casty_cluster.protocol.replication.stored import (
    Change,
    Contents,
    StoreConfirmation,
    StoreEntries,
    StoreLives,
    StorePromise,
    StoreSnapshot,
    StoreView,
)
from casty_cluster.wire.replication import (
    Acknowledge,
    Confirm,
    Confirmed,
    CopyId,
    Entry,
    Epoch,
    Fetch,
    Install,
    KnownLives,
    Need,
    Prepare,
    Promised,
    Rejected,
    Replicate,
    Seal,
    Sealed,
    ToReplica,
    Verified,
    Verify,
)

type Input = Received[ToReplica] | Stored | StoreFailed
type Reply = Promised | Rejected | Acknowledge | Need | Confirmed | Sealed | Verified
type Effect = Send[Reply] | Store | Load | Reload | Outdated


class Replica:
    """The machine of one copy, from the start of its node, or from an empty disk."""

    def __init__(self, local: CopyId, contents: Contents, token: int) -> None:
        """`contents`: what the disk holds. They change here before they change there. `token`: drawn at random."""
        self._local = local
        self._contents = contents
        self._life = Life(contents.lives[local].starts + 1, token)
        self._is_counted = False
        """Whether the disk knows of this life."""
        self._number = 0
        self._waiting: deque[list[Send[Reply] | Report]] = deque()
        """By change that is being stored: the replies that wait for it, and the reports to start."""
        self._reports: deque[Report] = deque()
        """Those under way: one part at a time, and other work between the parts."""
        self._now = 0.0
        self.failure = ""
        """Why the machine takes no more inputs."""

    @property
    def promised(self) -> Epoch:
        return self._contents.promised

    @property
    def histories(self) -> Mapping[str, History]:
        return self._contents.histories

    def handle(self, given: Input | Tick, now: float) -> list[Effect]:
        if self.failure:
            return []
        self._now = now
        match given:
            case Received(sender, message):
                return self._received(sender, message)
            case Stored(number):
                return self._stored(number)
            case StoreFailed(_, reason):
                self._end("its disk has failed")
                return [Reload(reason)]
            case Tick():
                return self._report()

    def next_deadline(self) -> float | None:
        return self._now if self._reports else None

    def validate(self) -> None:
        self._contents.validate()
        assert len(self._waiting) <= self._number, "more changes are awaited than were asked for"
        assert all(report.epoch == self.promised for report in self._reports), "a report of an epoch that is over"

    def _received(self, sender: CopyId, message: ToReplica) -> list[Effect]:
        if isinstance(message, Prepare | Confirm) and Lives(message.lives).is_outdated(self._local, self._life):
            return [self._outdated(sender, Lives(message.lives)[self._local])]
        if message.epoch < self.promised:
            return [Send(sender, Rejected(message.epoch, self.promised))]
        if isinstance(message, Prepare):
            return self._promise(sender, message)
        if not self._has_promised(message.epoch):
            return []
        match message:
            case Replicate():
                return self._replicate(sender, message)
            case Install():
                return self._install(sender, message)
            case Confirm():
                return self._confirm(sender, message)
            case Seal():
                return self._seal(sender, message)
            case Fetch():
                return [Load(sender, message)]
            case Verify(epoch, number):
                return [Send(sender, Verified(epoch, number))]

    def _has_promised(self, epoch: Epoch) -> bool:
        return epoch == self.promised

    # Promises

    def _promise(self, sender: CopyId, message: Prepare) -> list[Effect]:
        epoch = message.epoch
        stored = [*self._count_start(), *self._learn(message.lives)]
        if epoch != self.promised:
            stored += self._store(StorePromise(epoch))
            self._reports.clear()
        report = Report(sender, epoch, self._contents)
        if self._waiting:
            self._waiting[-1].append(report)
            return stored
        return [*stored, *self._start(report)]

    def _start(self, report: Report) -> list[Effect]:
        if report.epoch != self.promised or any(other.to == report.to for other in self._reports):
            return []  # its parts are on their way: more of them at once would only take longer
        self._reports.append(report)
        return self._report() if len(self._reports) == 1 else []

    def _report(self) -> list[Effect]:
        """Send the next part of the first report."""
        if not self._reports:
            return []
        report = self._reports[0]
        part = report.next_part()
        if report.is_over:
            self._reports.popleft()
        return [Send(report.to, part)]

    def _confirm(self, sender: CopyId, message: Confirm) -> list[Effect]:
        epoch = message.epoch
        stored = self._learn(message.lives)
        stored += [] if epoch == self._contents.confirmed else self._store(StoreConfirmation(epoch))
        return [*stored, *self._reply(Send(sender, Confirmed(epoch)))]

    def _seal(self, sender: CopyId, message: Seal) -> list[Effect]:
        view, known = message.view, self._contents.view
        if known is not None and known.epoch == view.epoch and not known.former:
            view = known  # what was under way when the view took over for good takes nothing back
        stored = [] if view == known else self._store(StoreView(view))
        return [*stored, *self._reply(Send(sender, Sealed(message.epoch, not view.former)))]

    # Events

    def _replicate(self, sender: CopyId, message: Replicate) -> list[Effect]:
        entity, previous = message.entity, message.previous
        history = self._contents.histories.get(entity) or History()
        if not history.has(previous):
            # Nothing is there at this number, or another event. In the second case the number before it may do.
            after = max(0, min(history.shared(previous), previous.sequence_nr - 1))
            return [Send(sender, Need(message.epoch, entity, after))]
        kept, missing = self._missing(history, message)
        if kept < history.snapshot:
            return [
                *self._store(StoreEntries(entity, 0, ())),
                *self._reply(Send(sender, Need(message.epoch, entity, 0))),
            ]
        stored = self._store(StoreEntries(entity, kept, missing)) if missing or kept < history.last else []
        end = previous.sequence_nr + message.count
        return [*stored, *self._reply(Send(sender, self._acknowledgement(message, end)))]

    def _install(self, sender: CopyId, message: Install) -> list[Effect]:
        entity, end = message.entity, end_of(message.lineage)
        history = self._contents.histories.get(entity) or History()
        effects: list[Effect] = []
        if history.has(end) and (kept := self._kept(history, message, end.sequence_nr)) < history.last:
            effects += self._store(StoreEntries(entity, kept if kept >= history.snapshot else 0, ()))
        if history.snapshot < end.sequence_nr or not history.has(end):
            effects += self._store(StoreSnapshot(entity, message.lineage, message.state))
        return [*effects, *self._reply(Send(sender, self._acknowledgement(message, end.sequence_nr)))]

    def _missing(self, history: History, message: Replicate) -> tuple[int, tuple[Entry, ...]]:
        """Up to where the history stays, and the entries that follow there."""
        first, entries = message.previous.sequence_nr + 1, message.entries
        for index, entry in enumerate(entries):
            number = first + index
            if number > history.last or history.at(number).epoch != entry.epoch:
                return number - 1, entries[index:]
        return self._kept(history, message, first - 1 + len(entries)), ()

    def _kept(self, history: History, message: Replicate | Install, end: int) -> int:
        """All events of the primary's epoch stay, and those before it as far as the primary has any. `end`: the last
        event that was compared.
        """
        older = history.before(message.epoch)
        if older < history.last:
            return history.last
        return min(older, max(message.start, end))

    def _acknowledgement(self, message: Replicate | Install, end: int) -> Acknowledge:
        """Behind an event of the primary's epoch, all is as the primary has it; else only what was compared is."""
        history = self.histories.get(message.entity)
        if history is not None and history.position.epoch == message.epoch:
            end = history.last
        return Acknowledge(message.epoch, message.entity, end)

    # Lives

    def _count_start(self) -> list[Effect]:
        if self._is_counted:
            return []
        self._is_counted = True
        return [self._store_next(StoreLives(((self._local, self._life.starts, self._life.token),)))]

    def _learn(self, known: KnownLives) -> list[Effect]:
        return self._store(StoreLives(known)) if Lives(self._contents.lives.known).add(known) else []

    def _outdated(self, sender: CopyId, later: Life) -> Outdated:
        self._end("its disk is an old one")
        return Outdated(
            f"its disk is from before its start number {later.starts}, which copy {sender} knows of; this is start "
            f"number {self._life.starts} of it. An old backup has forgotten promises, and acknowledged events: others "
            "catch up an empty copy in its place"
        )

    # The disk

    def _end(self, failure: str) -> None:
        self.failure = failure
        self._waiting.clear()
        self._reports.clear()

    def _store(self, change: Change) -> list[Effect]:
        return [*self._count_start(), self._store_next(change)]

    def _store_next(self, change: Change) -> Store:
        self._contents.apply(change)
        self._number += 1
        self._waiting.append([])
        return Store(self._number, change)

    def _reply(self, *replies: Send[Reply]) -> list[Effect]:
        """Reply as soon as all that was asked for so far is stored."""
        if not self._waiting:
            return list(replies)
        self._waiting[-1] += replies
        return []

    def _stored(self, number: int) -> list[Effect]:
        """All changes up to that one."""
        effects: list[Effect] = []
        while self._waiting and self._number - len(self._waiting) < number:
            for reply in self._waiting.popleft():
                effects += self._start(reply) if isinstance(reply, Report) else [reply]
        return effects
