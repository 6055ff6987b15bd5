"""Faults at the steps of the sharding protocol: something befalls a node as it sends or receives a certain message."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from random import Random
from typing import Any, Final
from unittest.mock import patch

from casty.address import PeerAddress
from casty.member import NodeId
from casty.testing.simulation import Simulation
from casty_cluster.node.node import Node
from casty_cluster.sharding.lane import EntityLane
from casty_cluster.sharding.outbox import Outbox
from casty_cluster.sharding.region import ClusterRegion
from casty_cluster.wire import frames
from casty_cluster.wire.sharding import (
    Bounce,
    Flush,
    FlushAck,
    Forget,
    Forgotten,
    GetHome,
    Grant,
    HandOff,
    Hello,
    MayStop,
    Refused,
    Register,
    Report,
    ShardHome,
    Started,
    Stopped,
)

STEPS: Final = (
    *(
        Hello,
        Report,
        Register,
        GetHome,
        ShardHome,
        Grant,
        Started,
        Refused,
        HandOff,
        Stopped,
        Forget,
        Forgotten,
        MayStop,
    ),
    *(Bounce, Flush, FlushAck),
)
FRAMES: Final[dict[int, type[Any]]] = {
    frames.ENTITY_BOUNCED: Bounce,
    frames.SHARD_FLUSH: Flush,
    frames.SHARD_FLUSHED: FlushAck,
}
"""Steps of the user lane."""

type Strike = Callable[[str], None]
"""What befalls the host of that name."""


class Trap:
    """Strikes one host, once: the sender or the receiver of the nth message of a kind, before or after that."""

    def __init__(self, random: Random, kind: type[Any], strike: Callable[[str], None], sim: Simulation) -> None:
        self.kind = kind
        self.at_sender = random.random() < 0.5
        self.sprung: str | None = None
        """The host that was struck."""
        self._nth = random.randint(1, 8)
        self._delay = random.choice((0.0, random.uniform(0.0, 0.01)))
        self._strike = strike
        self._sim = sim

    def see(self, host: str, message: object, *, at_sender: bool) -> None:
        if self.sprung is not None or at_sender != self.at_sender or self.kind not in (message, type(message)):
            return
        self._nth -= 1
        if self._nth == 0:
            self.sprung = host
            self._sim.fault(f"{self.kind.__name__} {'sent' if at_sender else 'received'} by {host}")
            # On behalf of no process: a host must not be killed in the middle of its own step.
            self._sim.loop.carry(self._delay, self._strike, host)

    @contextmanager
    def set(self) -> Generator[None]:
        put, hear = Outbox.put, ClusterRegion.hear

        def watched_put(outbox: Outbox, to: NodeId, region: str, num_shards: int, message: Any) -> None:
            put(outbox, to, region, num_shards, message)
            if outbox._local is not None:
                self.see(outbox._local.host, message, at_sender=True)

        def watched_hear(region: ClusterRegion, node: NodeId, message: Any) -> None:
            hear(region, node, message)
            if region._pair is not None:
                self.see(region._pair.local.host, message, at_sender=False)

        send, received = Node.send, EntityLane.received

        def watched_send(node: Node, peer: PeerAddress, frame: bytes) -> str | None:
            refusal = send(node, peer, frame)
            self._see_frame(node.local.node, frame, at_sender=True)
            return refusal

        def watched_received(lane: EntityLane, peer: NodeId, frame: bytes) -> None:
            received(lane, peer, frame)
            self._see_frame(lane.local, frame, at_sender=False)

        with (
            patch.object(Outbox, "put", watched_put),
            patch.object(ClusterRegion, "hear", watched_hear),
            patch.object(Node, "send", watched_send),
            patch.object(EntityLane, "received", watched_received),
        ):
            yield

    def _see_frame(self, local: NodeId | None, frame: bytes, *, at_sender: bool) -> None:
        if local is not None and FRAMES.get(frame[0]) is self.kind:
            self.see(local.host, self.kind, at_sender=at_sender)


def kill(sim: Simulation, random: Random) -> Strike:
    """The process dies, and is started again."""
    silent, seconds = random.random() < 0.5, random.uniform(0.0, 10.0)

    def strike(name: str) -> None:
        host = sim.host(name)
        host.crash(silent=silent)
        sim.loop.carry(seconds, lambda: None if host.is_up else host.restart())

    return strike


def pause(sim: Simulation, random: Random) -> Strike:
    """The process stands still, for shorter or longer than the others wait for it."""
    seconds = random.choice((random.uniform(0.1, 3.0), random.uniform(5.0, 20.0)))

    def strike(name: str) -> None:
        sim.host(name).pause()
        sim.loop.carry(seconds, sim.host(name).resume)

    return strike


def jump(sim: Simulation, random: Random) -> Strike:
    """The wall clock is wrong from now on."""
    offset = random.choice((-86_400.0, -60.0, 60.0, 86_400.0))
    return lambda name: sim.host(name).set_wall_clock(offset)


def cut(sim: Simulation, random: Random) -> Strike:
    """The host is cut off, with its connections reset or left half open."""
    seconds, reset = random.uniform(0.5, 20.0), random.random() < 0.5

    def strike(name: str) -> None:
        others = [host.name for host in sim.hosts if host.name != name]
        sim.loop.carry(seconds, sim.network.partition([name], others, reset=reset).heal)

    return strike


STRIKES: Final = (kill, kill, pause, jump, cut)
