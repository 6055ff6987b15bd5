"""One copy of a shard on its node, from the node's start to its end: runs its machine on its disk.

A copy outlives failures of its disk: its machine ends then, and another one is made of what the disk has. It may be the
primary of one epoch after the other. What is sent to it while it is not open is lost, as the machines expect.
"""

import asyncio
import logging
from typing import Any, Final, Protocol, final

from casty import entropy
from casty.clock import Clock
from casty.errors import FencedError, JournalError, ReplicationTimeoutError
from casty.extension import Settle
from casty.interruption import described, interrupts

from casty_cluster.node.driver import Driver
from casty_cluster.protocol.replication.effects import (
    Activated,
    CaughtUp,
    Committed,
    Ended,
    Load,
    Outdated,
    Overdue,
    Readable,
    Refused,
    Reload,
    Send,
    Store,
    Unavailable,
    Unreadable,
)
from casty_cluster.protocol.replication.inputs import Append, AwaitCopies, Promote, Read, Received, SaveSnapshot
from casty_cluster.protocol.replication.member import Effect, Input, Member
from casty_cluster.replication.copy_disk import ENDED, CopyDisk
from casty_cluster.replication.copy_store import CopyStore
from casty_cluster.replication.open_reads import OpenReads
from casty_cluster.replication.open_writes import OpenWrites, Write
from casty_cluster.wire.replication import BEFORE, CopyId, Entry, Epoch, Fetch, FetchedSnapshot, View

logger = logging.getLogger("casty.replication")

TOKEN_BYTES: Final = 8
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 5.0
"""Seconds between two attempts to open a copy."""


class Surroundings(Protocol):
    """What a copy needs of its node."""

    def send(self, sender: CopyId, to: CopyId, message: Any) -> None:
        """Send a message to another copy of the shard. It may be lost."""
        ...

    def unavailable(self, reason: str) -> None:
        """Report why the shard has no primary for a while now."""
        ...

    def lost(self, epoch: Epoch, held: int | None) -> None:
        """This copy is not the primary of that epoch any more; `held` is the counter of the one that has ended it."""
        ...


@final
class HostedCopy:
    """See the module."""

    def __init__(
        self, name: CopyId, title: str, store: CopyStore, clock: Clock, around: Surroundings, *, ack_timeout: float
    ) -> None:
        """`title` names the shard for operators."""
        self.name = name
        self._title = title
        self._store = store
        self._clock = clock
        self._around = around
        self._ack_timeout = ack_timeout
        self._member: Member | None = None
        self._driver: Driver[Input, Effect] | None = None
        self._disk: CopyDisk | None = None
        self._opened = asyncio.Event()
        self._promotions: dict[Epoch, asyncio.Future[None]] = {}
        self._active: Epoch | None = None
        self.obstacle = ""
        """Why a promotion of this copy takes long; empty: none is under way that does."""
        self._writes = OpenWrites()
        self._reads = OpenReads()
        self._waiting: list[asyncio.Future[None]] = []
        """For other copies to be caught up."""
        self._problem = ENDED
        """Why the disk has failed last."""
        self._stopped = False
        self.is_outdated = False
        """Whether the disk of the copy is an old one, which an empty copy has to replace."""
        self._token = entropy.source().token

    # The life of the copy.

    async def run(self) -> None:
        """Keep the copy until `stop`, or until it is found to be an old one."""
        pause = FIRST_PAUSE
        while not self._stopped:
            began = self._clock.time()
            problem = await self._live()
            # A disk that works for a while and fails is another failure; one that fails again at once is the same one.
            pause = FIRST_PAUSE if self._clock.time() - began > LONGEST_PAUSE else min(2 * pause, LONGEST_PAUSE)
            if not self._stopped:
                text = "the copy %s of %s is opened again in %g s: %s"
                logger.warning(text, self.name, self._title, pause, problem)
                await asyncio.sleep(pause)

    async def _live(self) -> str:
        """Open the copy, and keep it until its disk fails. Returns why it does."""
        try:
            contents = await self._store.open()
        except BaseException as error:
            if interrupts(error):
                raise
            return described(error)
        if self._stopped:
            return ENDED
        token = int.from_bytes(self._token(TOKEN_BYTES))
        member = Member(self.name, contents, token, ack_timeout=self._ack_timeout)
        driver = Driver[Input, Effect](member, self._clock, self._carry_out, remembered=0)
        disk = CopyDisk(self._store, driver.handle)
        self._member, self._driver, self._disk, self._problem = member, driver, disk, ENDED
        self._opened.set()
        try:
            await disk.run()
        finally:
            if not self._stopped:
                self._opened.clear()
            driver.stop()
            self._member = self._driver = self._disk = None
            self._end(None, "its copy is not open any more", None)
        return self._problem

    def stop(self) -> None:
        """Begin nothing more. The task of `run` is to be cancelled as well: it may wait for its journal."""
        self._stopped = True
        self._opened.set()  # what waits for it would wait for ever
        if self._disk is not None:
            self._disk.stop()

    async def opened(self) -> bool:
        """Return when the copy is open. Returns False if it never will be any more."""
        while self._member is None and not self._stopped:  # it may be closed again before a waiting task runs
            await self._opened.wait()
        return not self._stopped

    @property
    def promised(self) -> Epoch:
        """The epoch that the next one has to exceed; for an open copy."""
        return BEFORE if self._member is None else self._member.promised

    @property
    def view(self) -> View | None:
        """The newest view that the copy knows; for an open copy."""
        return None if self._member is None else self._member.view

    def receive(self, sender: CopyId, message: Any) -> None:
        """Take a message of another copy."""
        if self._driver is not None:
            self._driver.handle(Received(sender, message))

    # The primary.

    async def promote(self, given: Promote) -> None:
        """Return when this copy is the primary of that epoch. Raises `FencedError` if it cannot be."""
        await self._opened.wait()
        if self._driver is None or given.epoch <= self.promised:
            raise FencedError(
                f"the copy {self.name} of {self._title} has promised epoch {self.promised}, and {given.epoch} is not "
                "higher",
                held=self.promised.counter,
            )
        outcome = self._promotions[given.epoch] = asyncio.get_running_loop().create_future()
        try:
            self._driver.handle(given)
            await outcome
        finally:
            self._promotions.pop(given.epoch, None)

    @property
    def active(self) -> Epoch | None:
        """The epoch at which this copy is the primary and takes events; None: it is not."""
        return self._active

    def append(self, entity: str, after: int, payloads: tuple[bytes, ...], settle: Settle) -> None:
        """Add events to the history of an entity. Raises `JournalError` where the copy is not open, and
        `JournalOverloadedError` where too many events wait.
        """
        if self._driver is None:
            raise JournalError(f"{entity!r} of {self._title} cannot be stored: {ENDED}")
        size = sum(map(len, payloads))
        self._writes.add(entity, Write(after + len(payloads), size, settle))
        self._driver.handle(Append(entity, after, payloads))

    async def settled(self, entity: str) -> None:
        """Return when no events of the entity are waiting to be stored by enough copies."""
        await self._writes.drained(entity)

    def last(self, entity: str) -> int:
        """The number of the entity's last event."""
        history = None if self._member is None else self._member.contents.histories.get(entity)
        return 0 if history is None else history.last

    def snapshot(self, entity: str) -> int:
        """The number of the event after which this copy has the entity's state; 0: it has none."""
        history = None if self._member is None else self._member.contents.histories.get(entity)
        return 0 if history is None else history.snapshot

    def save_snapshot(self, entity: str, sequence_nr: int, state: bytes) -> None:
        """Have all copies keep the entity's state after a committed event in place of the events up to it."""
        if self._driver is not None:
            self._driver.handle(SaveSnapshot(entity, sequence_nr, state))

    async def read_snapshot(self, entity: str) -> FetchedSnapshot | None:
        """The state that `snapshot` says, in this copy. Raises `JournalError`."""
        fetched = await self._open_disk(entity).read(Fetch(self.promised, entity, 0))
        return fetched if isinstance(fetched, FetchedSnapshot) else None

    async def read_events(self, entity: str, after: int) -> tuple[Entry, ...]:
        """The next events of an entity, in this copy; none at the end. Raises `JournalError`, also where a snapshot has
        replaced them and they are not there any more.
        """
        return (await self._open_disk(entity).read_events(Fetch(self.promised, entity, after))).entries

    def _open_disk(self, entity: str) -> CopyDisk:
        if self._disk is None:
            raise JournalError(f"{entity!r} of {self._title} cannot be read: {ENDED}")
        return self._disk

    async def confirm(self, entity: str) -> None:
        """Return when no other primary had stored an event of the entity before this call. Raises `JournalError` where
        the copy is not open, and `ReplicationTimeoutError` where too few other copies reply, or it is not the primary.
        """
        if self._driver is None:
            raise JournalError(f"whether {entity!r} of {self._title} is current cannot be found out: {ENDED}")
        number, outcome = self._reads.add()
        self._driver.handle(Read(number, entity))
        await outcome

    async def caught_up(self) -> None:
        """Return when the other copies have all that was acknowledged, or when this one is not the primary."""
        if self._driver is not None and self._active is not None:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            self._driver.handle(AwaitCopies())
            await waiter

    def abandon(self, reason: str) -> None:
        """Fail what waits for other copies: its shard is to stop. What waits to be stored may still be."""
        self._writes.fail(JournalError(f"whether its events are stored is unknown: {reason}"))
        self._reads.fail(JournalError(f"whether what it holds is current is unknown: {reason}"))

    # Effects.

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Send(to, message):
                self._around.send(self.name, to, message)
            case Store() | Load():
                assert self._disk is not None, "a machine runs as long as its disk"
                self._disk.ask(effect)
            case Committed(entity, number):
                self._writes.committed(entity, number)
            case Overdue(entity, number):
                self._writes.overdue(entity, number, self._timeout(entity, number))
            case Refused(entity, after, reason):
                self._writes.refused(entity, after, FencedError(f"events of {entity!r} are refused: {reason}"))
            case Activated(view):
                self._active, self.obstacle = view.epoch, ""
                outcome = self._promotions.get(view.epoch)
                if outcome is not None and not outcome.done():
                    outcome.set_result(None)
            case Ended(epoch, reason, promised):
                self._end(epoch, reason, promised)
            case Unavailable(_, reason):
                self.obstacle = reason
                self._around.unavailable(reason)
            case Outdated(reason):
                logger.error("the copy %s of %s is replaced by an empty one: %s", self.name, self._title, reason)
                self.is_outdated = True
                self.stop()
            case CaughtUp():
                self._caught_up()
            case Readable(read):
                self._reads.confirmed(read)
            case Unreadable(read, reason):
                self._reads.failed(read, ReplicationTimeoutError(f"a read of {self._title} is not confirmed: {reason}"))
            case Reload(reason):
                self._problem = reason

    def _end(self, epoch: Epoch | None, reason: str, promised: Epoch | None) -> None:
        """The primary of that epoch, or any, has ended."""
        self.obstacle = ""
        held = None if promised is None else promised.counter
        error = FencedError(f"{self._title} has another primary, or none: {reason}", held=held)
        for waiting in [waiting for at, waiting in self._promotions.items() if epoch in (None, at)]:
            if not waiting.done():
                waiting.set_exception(error)
        if self._active is not None and epoch in (None, self._active):
            lost, self._active = self._active, None
            self._writes.fail(error)
            self._reads.fail(error)
            self._caught_up()
            self._around.lost(lost, held)

    def _caught_up(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._waiting.clear()

    def _timeout(self, entity: str, number: int) -> ReplicationTimeoutError:
        return ReplicationTimeoutError(
            f"event {number} of {entity!r} was not stored by enough copies of {self._title} within "
            f"ack_timeout={self._ack_timeout:g} s; it may still be: whether the command happens is unknown"
        )
