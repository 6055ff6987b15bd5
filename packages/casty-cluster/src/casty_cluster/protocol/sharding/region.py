"""A region on one node: the sender and the owner of its shards, and the promise to one coordinator.

Theory of operation. The reply to the first `Hello` of a term is a promise: this node reports its shards to that
coordinator, and from then on drops what coordinators of lower terms still have under way. So the report stays true, and
the old coordinator can neither grant a shard that the new one grants to another node, nor hand one off.

What the owner opens and closes on this node, the sender learns at once: nothing is ever under way to oneself.

Where all members are gone but joining ones, numbers of coming up begin again. The promise to the last coordinator ends
then: a node that was joining has neither shards nor homes.

A node that leaves takes no shard any more: it hands off those that it has, and then its actors stop. A grant that was
under way to it is dropped, as the hand-off that follows is answered for a shard that is not hosted as well.

A region that was spawned registers at each new host: the coordinator may not know the region yet, where the host does
not have it. Where no host remains because all members leave, the region drains its shards by itself.

Invariants: those of the two; the term never goes back.
"""

from collections.abc import Iterator, Sequence
from itertools import batched
from typing import Final

from casty.member import ClusterState, Member, NodeId

from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.sharding import owner, sender
from casty_cluster.protocol.sharding.effects import Closed, Opened, ReportCopies, SendUser, Warn
from casty_cluster.protocol.sharding.inputs import (
    Bounced,
    Claimed,
    ClaimRefused,
    Connected,
    Dispatch,
    DrainAll,
    Drained,
    Enable,
    Fenced,
    Follow,
    Present,
    Quiesce,
    Received,
    Unsent,
    Viewed,
)
from casty_cluster.protocol.sharding.mismatch import mismatch
from casty_cluster.protocol.sharding.oldest import host_of, leaving, present
from casty_cluster.protocol.sharding.owner import Owner
from casty_cluster.protocol.sharding.sender import CAPACITY, MAX_BYTES, Sender
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.protocol.timeouts import earliest
from casty_cluster.wire.sharding import (
    CopyOrder,
    Flush,
    FlushAck,
    Forget,
    FoundShard,
    Grant,
    HandOff,
    Hello,
    KeepCopy,
    KnowShards,
    MayStop,
    Message,
    Register,
    Report,
    ShardHome,
)

CHUNK: Final = 1_000
"""Shards in one report: they take at most 27 KB of the 60 KiB that a control frame holds."""

type FromCoordinator = Hello | Grant | HandOff | ShardHome | Forget | MayStop | CopyOrder
type FromPeer[M] = Message[M] | Flush | FlushAck
type Input[M] = (
    Received[FromCoordinator | FromPeer[M]]
    | Dispatch[M]
    | Bounced[M]
    | Unsent[M]
    | Viewed
    | Claimed
    | ClaimRefused
    | Drained
    | Fenced
    | Connected
    | Quiesce
    | Enable
)
type Effect[M] = (
    sender.Effect[M] | owner.ForShell[M] | SendSystem[Report | Register] | SendUser[FlushAck] | ReportCopies
)
type _Effect[M] = Effect[M] | Opened | Closed


class Region[M]:
    """The machine of one region on one incarnation of a node."""

    def __init__(
        self,
        local: NodeId,
        num_shards: int,
        *,
        able: bool = True,
        remembers: bool = False,
        role: str | None = None,
        copies: tuple[int, int, str] | None = None,
        capacity: int = CAPACITY,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """`able`: whether this node can run shards of the region, or only sends messages to its entities; `remembers`:
        whether it starts remembered entities where it runs a shard; `role` and `copies` as in `wire.sharding.Report`.
        """
        self.num_shards = num_shards
        self.sender = Sender[M](local, capacity=capacity, max_bytes=max_bytes)
        self.owner = Owner[M]()
        self._local = local
        self._able = able
        self._remembers = remembers
        self._role = role
        self._copies = copies
        self._term = 0
        self._coordinator: NodeId | None = None
        self._dropped: tuple[NodeId, Hello] | None = None
        """The last `Hello` of a term that was not above the promised one."""
        self._host: NodeId | None = None
        self._leaves = False
        self._may_stop = False

    @property
    def may_leave(self) -> bool:
        """Whether this node may leave the cluster without a loss. Its actors must have stopped, and `Quiesce`."""
        if len(self.owner):
            return False
        if self._coordinator is None:  # no node knows of this one, which has never learned of a home
            return self.sender.is_quiet
        return self._leaves_alone or (self._may_stop and self.sender.is_quiet)

    @property
    def _leaves_alone(self) -> bool:
        """Whether this node leaves with all others, so that nothing is handed over."""
        return self._leaves and self._host is None

    def handle(self, given: Input[M] | Tick, now: float) -> list[Effect[M]]:
        return list(self._linked(self._handle(given, now), now))

    def next_deadline(self) -> float | None:
        return earliest(self.sender.next_deadline(), self.owner.next_deadline())

    def validate(self) -> None:
        self.sender.validate()
        self.owner.validate()

    def _linked(self, effects: Sequence[_Effect[M]], now: float) -> Iterator[Effect[M]]:
        """What the owner opens and closes goes to the sender."""
        for effect in effects:
            if isinstance(effect, Opened | Closed):
                yield from self.sender.handle(effect, now)
            else:
                yield effect

    def _handle(self, given: Input[M] | Tick, now: float) -> Sequence[_Effect[M]]:
        match given:
            case Received(node, message):
                return self._received(node, message, now)
            case Dispatch() | Bounced() | Unsent() | Connected() | Quiesce():
                return self.sender.handle(given, now)
            case Claimed() | ClaimRefused() | Drained() | Fenced():
                return self.owner.handle(given, now)
            case Viewed():
                return self._see(given, now)
            case Enable():
                return self._enable(given)
            case Tick():
                return [*self.sender.handle(given, now), *self.owner.handle(given, now)]

    def _received(self, node: NodeId, message: FromCoordinator | FromPeer[M], now: float) -> Sequence[_Effect[M]]:
        match message:
            case Message():
                return self.owner.handle(Received(node, message), now)
            case Flush(shard, number):
                return self._acknowledge(node, FlushAck(shard, number))
            case FlushAck():
                return self.sender.handle(Received(node, message), now)
            case Hello():
                return self._promise(node, message, now)
            case Grant() if self._leaves:
                return []  # its coordinator hands the shard off when it learns that, or has retired itself
            case Grant() | HandOff():
                return self.owner.handle(Received(node, message), now) if self._follows(node, message.term) else []
            case ShardHome() | Forget():
                return self.sender.handle(Received(node, message), now) if self._follows(node, message.term) else []
            case KeepCopy(term) | FoundShard(term) | KnowShards(term):
                is_able = self._copies is not None
                return [ReportCopies(node, term, message)] if is_able and self._follows(node, term) else []
            case MayStop(term):
                self._may_stop = self._may_stop or self._follows(node, term)
                return []

    def _acknowledge(self, node: NodeId, reply: FlushAck) -> list[Effect[M]]:
        # On the user lane, behind all bounces: on any other one it would overtake the messages that it stands for.
        return [SendUser(node, reply)]

    def _follows(self, node: NodeId, term: int) -> bool:
        return node == self._coordinator and term >= self._term

    def _promise(self, node: NodeId, hello: Hello, now: float) -> list[_Effect[M]]:
        if hello.term <= self._term:
            self._dropped = node, hello
            return []
        self._term, self._coordinator = hello.term, node
        # The new coordinator counts this node among those that may have homes on any leaver.
        self._may_stop = False
        follow = Follow(node)
        return [
            *self._reports(node),
            *self._report_copies(node),
            *self._compare(node, hello.num_shards),
            *self.owner.handle(follow, now),
            *self.sender.handle(follow, now),
        ]

    def _starts_over(self, host: Member, state: ClusterState) -> bool:
        """Whether the host does not follow the coordinator. While that one is a member, this view may be late."""
        known = self._coordinator is not None and self._coordinator not in present(state)
        return known and host.up_number <= self._term

    def _start_over(self, host: NodeId, now: float) -> list[_Effect[M]]:
        self._term, self._coordinator = 0, None
        early = self._dropped
        return self._promise(host, early[1], now) if early is not None and early[0] == host else []

    def _compare(self, node: NodeId, num_shards: int) -> list[Effect[M]]:
        fits = num_shards == self.num_shards
        problem = None if fits else mismatch(self._local, self.num_shards, node, num_shards)
        self.sender.refused_because = problem
        return [] if problem is None else [Warn(problem, "num_shards")]

    def _reports(self, coordinator: NodeId) -> list[Effect[M]]:
        hosted = ((shard, epoch, phase.value) for shard, epoch, phase in self.owner.hosted)
        chunks = list(batched(hosted, CHUNK)) or [()]
        return [
            SendSystem(
                coordinator,
                Report(
                    term=self._term,
                    able=self._able,
                    num_shards=self.num_shards,
                    hosted=chunk,
                    last=number == len(chunks),
                    remembers=self._remembers,
                    role=self._role,
                    copies=self._copies,
                ),
            )
            for number, chunk in enumerate(chunks, 1)
        ]

    def _report_copies(self, coordinator: NodeId | None) -> list[Effect[M]]:
        """A coordinator without a term will say `Hello`."""
        if self._copies is None or coordinator is None or coordinator != self._coordinator:
            return []
        return [ReportCopies(coordinator, self._term)]

    def _enable(self, given: Enable) -> list[Effect[M]]:
        if self._able:
            return []
        self._able, self._remembers, self._role, self._copies = True, given.remembers, given.role, given.copies
        at = self._coordinator or self._host
        return [*self._register(at), *self._report_copies(at)]

    def _register(self, at: NodeId | None) -> list[Effect[M]]:
        return [] if at is None else [SendSystem(at, Register(self._remembers, self._role, self._copies))]

    def _see(self, given: Viewed, now: float) -> list[_Effect[M]]:
        state = given.state
        is_up = any(member.node == self._local for member in state.up)
        effects: list[_Effect[M]] = list(self.sender.handle(Present(present(state), is_up), now))
        host = host_of(state)
        before, self._host = self._host, None if host is None else host.node
        if host is not None and self._starts_over(host, state):
            effects += self._start_over(host.node, now)
        self._leaves = self._local in leaving(state)
        if self._leaves_alone:
            effects += self.owner.handle(DrainAll(), now)
        elif self._able and self._host not in (None, before, self._coordinator):
            effects += self._register(self._host)
        return effects
