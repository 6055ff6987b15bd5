"""The copies of one region's shards on this node: found in its journal when it starts, and created when it is asked.

All of them are open as long as the region is spawned here, whichever of them is a primary: a copy that is not open
promises nothing, and keeps its shard from being moved.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from itertools import batched
from typing import Any, Final, Protocol, final, override

from casty import entropy
from casty.errors import FencedError, JournalError
from casty.extension import EntityLog, Kernel, LogRequest, Serializers
from casty.interruption import described, interrupts
from casty.replication import ReplicationConfig
from casty.spi.event_journal import EventJournal
from casty.spi.journal import JournalKind

from casty_cluster.protocol.replication.inputs import Promote
from casty_cluster.replication.copy_index import CopyIndex
from casty_cluster.replication.copy_store import CopyStore
from casty_cluster.replication.entity_log import ReplicatedLog
from casty_cluster.replication.hosted_copy import FIRST_PAUSE, LONGEST_PAUSE, HostedCopy, Surroundings
from casty_cluster.replication.segments import SegmentCache
from casty_cluster.wire.copies import SERIALIZER
from casty_cluster.wire.replication import CopyId, Epoch
from casty_cluster.wire.sharding import CopyOrder, CopyReport, CopyState, FoundShard, KeepCopy, KnowShards, ShardCopies

logger = logging.getLogger("casty.replication")

NAME_BYTES: Final = 8
IN_REPORT: Final = 50
"""Copies in one report: with the views of ten copies each they take half of what a control message holds."""
KNOWN_IN_REPORT: Final = 5_000


class Outside(Protocol):
    """What the copies of a region need of their node."""

    def send(self, region: str, shard: int, sender: CopyId, to: CopyId, message: Any) -> None:
        """Send a message to a copy on another node. It may be lost."""
        ...

    def unavailable(self, region: str, shard: int, reason: str) -> None:
        """Report why the shard has no primary, though this node is to be it."""
        ...

    def lost(self, region: str, shard: int, epoch: int, held: int | None) -> None:
        """This node is not the primary any more that it was at that epoch; see `Surroundings`."""
        ...


@dataclass(frozen=True, slots=True)
class _Around(Surroundings):
    """The surroundings of the copy of one shard."""

    outside: Outside
    region: str
    shard: int

    @override
    def send(self, sender: CopyId, to: CopyId, message: Any) -> None:
        self.outside.send(self.region, self.shard, sender, to, message)

    @override
    def unavailable(self, reason: str) -> None:
        self.outside.unavailable(self.region, self.shard, reason)

    @override
    def lost(self, epoch: Epoch, held: int | None) -> None:
        self.outside.lost(self.region, self.shard, epoch.counter, held)


@final
class RegionCopies:
    """See the module."""

    def __init__(
        self,
        region: str,
        num_shards: int,
        journal: EventJournal | str | None,
        settings: ReplicationConfig,
        node: str,
        kernel: Kernel,
        outside: Outside,
    ) -> None:
        """`node`: what this node is called from start to start."""
        self.settings = settings
        self._region = region
        self._num_shards = num_shards
        self._journal = journal
        self._node = node
        self._kernel = kernel
        self._outside = outside
        self._wall_time = entropy.source().wall_time
        self._token = entropy.source().token
        self._cache = SegmentCache()
        self._copies: dict[int, HostedCopy] = {}
        self._opened: asyncio.Future[tuple[EventJournal, Serializers, CopyIndex]] = (
            asyncio.get_running_loop().create_future()
        )
        self._writing = asyncio.Lock()
        """Held by what changes the index."""
        self._lacking: dict[int, None] = {}
        """Shards whose copies wait for that: they are created in one commit."""
        self._coordinator: tuple[int, Callable[[CopyReport], None]] | None = None
        """The term of the one that has asked last, and what sends to it."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._context = copy_context()
        self._start(self._open())

    @property
    def copying(self) -> tuple[int, int, str]:
        """How the region is replicated, as coordinators learn it."""
        return self.settings.replicas, self.settings.min_acks, self.settings.spread

    @property
    def obstacles(self) -> dict[int, str]:
        """Shards that this node is to run and that wait for copies, with the reasons."""
        return {shard: copy.obstacle for shard, copy in self._copies.items() if copy.obstacle}

    def get(self, shard: int) -> HostedCopy | None:
        """The copy of a shard, once it is known."""
        return self._copies.get(shard)

    def report(self, term: int, order: CopyOrder | None, send: Callable[[CopyReport], None]) -> None:
        """Report all copies to the coordinator of that term, or carry its order out and report what it has changed."""
        self._coordinator = term, send
        self._start(self._report_all(term, send) if order is None else self._carry_out(order, send))

    async def promote(self, shard: int, granted: ShardCopies) -> None:
        """Return when the copy of this node is the primary. Raises `FencedError` if it cannot be."""
        await asyncio.shield(self._opened)
        copy = self._copies.get(shard)
        if copy is None or copy.name != granted.copies[0]:
            raise FencedError(f"this node has no copy {granted.copies[0]} of shard {shard} of {self._region}")
        await copy.promote(
            Promote(
                epoch=granted.epoch,
                copies=granted.copies,
                min_acks=granted.min_acks,
                previous=granted.previous,
                founders=granted.founders,
                allow_data_loss=granted.forced,
            )
        )

    async def caught_up(self, shard: int) -> None:
        """The shard is about to move: return when the next primary will have all that was acknowledged, or after
        `ack_timeout`.
        """
        copy = self._copies.get(shard)
        if copy is None:
            return
        try:
            async with asyncio.timeout(self.settings.ack_timeout):
                await copy.caught_up()
        except TimeoutError:
            logger.warning(
                "shard %d of %s moves before the other copies have all of its events, for which they had "
                "ack_timeout=%g s: with min_acks=0, what they lack is lost unless this node stays until they have it",
                shard,
                self._region,
                self.settings.ack_timeout,
            )

    def abandon(self, shard: int, reason: str) -> None:
        """The shard is to stop here: what its entities wait for fails, and may still be stored."""
        copy = self._copies.get(shard)
        if copy is not None:
            copy.abandon(reason)

    def keeps(self, journal: EventJournal | str | None) -> bool:
        """Whether events that an entity would write to that journal are in its copies: all but those that every node
        can read.
        """
        return self._kernel.journals.kind_of(journal) is not JournalKind.centralized

    async def log(self, shard: int, request: LogRequest) -> EntityLog:
        """The log of an entity of a shard whose primary is here. Raises `FencedError` if it is not."""
        _, serializers, _ = await asyncio.shield(self._opened)
        copy = self._copies.get(shard)
        epoch = None if copy is None else copy.active
        if copy is None or epoch is None:
            raise FencedError(f"this node is not the primary of shard {shard} of {self._region}")
        return ReplicatedLog(request, copy, epoch, serializers)

    async def close(self) -> None:
        """Stop all copies."""
        for copy in self._copies.values():
            copy.stop()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # Opening and creating.

    async def _open(self) -> None:
        journal, serializers, index = await self._insist("opened", self._try_to_open)
        if self._journal is None:
            logger.info("the copies of the region %s are in memory, as no journal is configured", self._region)
        for shard, name in index.copies.items():
            self._host(journal, shard, name)
        self._opened.set_result((journal, serializers, index))

    async def _try_to_open(self) -> tuple[EventJournal, Serializers, CopyIndex]:
        journal, serializers = await self._kernel.journals.open(self._journal, SERIALIZER)
        index = CopyIndex(journal, self._region, self._num_shards, self._node, self._draw, self._wall_time)
        await index.open()
        return journal, serializers, index

    async def _insist[T](self, done: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """What the attempt returns, however often it has to be repeated."""
        pause = FIRST_PAUSE
        while True:
            try:
                return await attempt()
            except BaseException as error:
                if interrupts(error):
                    raise
                logger.warning(
                    "the copies of the region %s cannot be %s, which is tried again in %g s: %s",
                    self._region,
                    done,
                    pause,
                    described(error),
                )
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _host(self, journal: EventJournal, shard: int, name: CopyId) -> None:
        title = f"shard {shard} of {self._region}"
        store = CopyStore(journal, f"copy/{self._region}/{shard}/{name}", self._wall_time, self._cache)
        around = _Around(self._outside, self._region, shard)
        copy = HostedCopy(name, title, store, self._kernel.clock, around, ack_timeout=self.settings.ack_timeout)
        self._copies[shard] = copy
        self._start(self._keep(shard, copy))

    async def _keep(self, shard: int, copy: HostedCopy) -> None:
        await copy.run()
        if copy.is_outdated:
            state = await self._insist("replaced", partial(self._state, shard))
            # The coordinator goes by the copy that it knows, and would grant the shard to it for ever.
            if self._coordinator is not None:
                term, send = self._coordinator
                send(CopyReport(term, (state,), last=False))

    async def _state(self, shard: int) -> CopyState:
        """That of the copy of the shard, which is created if there is none. Raises what the journal raises."""
        while True:
            copy = await self._kept(shard)
            if await copy.opened():
                return CopyState(shard, copy.name, copy.promised, copy.view)
            if not copy.is_outdated:
                raise JournalError(f"the copies of the region {self._region} are closed")

    def _lacks(self, shard: int) -> bool:
        return shard not in self._copies or self._copies[shard].is_outdated

    async def _kept(self, shard: int) -> HostedCopy:
        """The copy of the shard, which is created if there is none. Raises what the journal raises."""
        journal, _, index = await asyncio.shield(self._opened)
        if self._lacks(shard):
            self._lacking[shard] = None
        async with self._writing:
            if self._lacks(shard):
                created = [other for other in self._lacking | {shard: None} if self._lacks(other)]
                self._lacking.clear()
                before = dict(index.copies)
                await self._write(index, index.create(created), lambda: index.copies.get(shard) != before.get(shard))
                for other in created:
                    if other in index.copies and index.copies[other] != before.get(other):
                        self._host(journal, other, index.copies[other])
        return self._copies[shard]

    async def _know(self, shards: tuple[int, ...]) -> None:
        """Store that these shards exist. Raises what the journal raises."""
        _, _, index = await asyncio.shield(self._opened)
        async with self._writing:
            await self._write(index, index.know(shards), lambda: index.known >= {*shards})

    async def _write(self, index: CopyIndex, write: Awaitable[object], is_written: Callable[[], bool]) -> None:
        try:
            await write
        except BaseException as error:
            if interrupts(error):
                raise
            await index.open()  # it may have been stored all the same
            if not is_written():
                raise

    # Reports and orders of the coordinator.

    async def _report_all(self, term: int, send: Callable[[CopyReport], None]) -> None:
        _, _, index = await asyncio.shield(self._opened)
        states: dict[int, CopyState] = {}
        # A copy may be replaced while others are waited for, and what is reported first must not be reported last.
        while unknown := [shard for shard, copy in self._copies.items() if _differs(states.get(shard), copy)]:
            for shard in unknown:
                states[shard] = await self._insist("reported", partial(self._state, shard))
        for chunk in batched(states.values(), IN_REPORT):
            send(CopyReport(term, chunk, last=False))
        for known in batched(sorted(index.known), KNOWN_IN_REPORT):
            send(CopyReport(term, (), last=False, known=known))
        send(CopyReport(term, (), last=True))

    async def _carry_out(self, order: CopyOrder, send: Callable[[CopyReport], None]) -> None:
        try:
            send(await self._report_on(order))
        except BaseException as error:
            if interrupts(error):
                raise
            logger.warning(
                "%s of the coordinator of %s, which will repeat or change it, cannot be carried out here: %s",
                type(order).__name__,
                self._region,
                described(error),
            )

    async def _report_on(self, order: CopyOrder) -> CopyReport:
        """Carry the order out. Raises what the journal raises."""
        match order:
            case KnowShards(term, shards):
                await self._know(shards)
                return CopyReport(term, (), last=False, known=shards)
            case KeepCopy(term, shard):
                pass
            case FoundShard(term, shard, copies):
                try:
                    await self.promote(shard, copies)
                except FencedError as refused:  # the report says which epoch was promised, or which view there is
                    logger.info("shard %d of %s is not founded here: %s", shard, self._region, refused)
        return CopyReport(term, (await self._state(shard),), last=False)

    def _draw(self) -> CopyId:
        return self._token(NAME_BYTES).hex()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        # A task's own constructor: an eager task factory would run a step of it here.
        task = asyncio.Task(
            work, loop=asyncio.get_running_loop(), name=f"casty-copies-{self._region}", context=self._context
        )
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("the copies of the region %s: %s", self._region, described(error), exc_info=error)


def _differs(state: CopyState | None, copy: HostedCopy) -> bool:
    return state is None or state.copy != copy.name
