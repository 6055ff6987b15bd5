"""Connects one endpoint to another: it retries until that succeeds or takes too long."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from casty.address import PeerAddress
from casty.spi.transport import ConnectFailure, Endpoint, Lane
from casty.testing.simulation.connection import Connection, End, Load

if TYPE_CHECKING:
    from casty.testing.simulation.transport import SimulatedTransport

ANSWER: Final = 2.0
"""Seconds within which a peer must respond."""
FIRST_PAUSE: Final = 0.1
"""Seconds between the first two attempts; the delay then doubles each time."""
LONGEST_PAUSE: Final = 1.0


class Attempt:
    """One endpoint's attempts to connect to an address, and the frames queued until one succeeds."""

    def __init__(self, transport: "SimulatedTransport", peer: PeerAddress) -> None:
        self.load = {lane: Load() for lane in Lane}
        self._queue: list[tuple[Lane, bytes]] = []
        self._transport = transport
        self._peer = peer
        self._place = transport.endpoint.address_map.get(peer, peer)
        """Where the peer is reached."""
        self._way = (transport.host, self._place.host)
        self._began = transport.loop.seconds()
        self._tries = 0
        """Number of the current attempt; 0 once there is none."""
        self._try()

    def put(self, lane: Lane, frame: bytes) -> bool:
        """Queue a frame, to be sent once there is a connection."""
        self._queue.append((lane, frame))
        self.load[lane].add(frame)
        return True

    def stop(self) -> Sequence[tuple[Lane, bytes]]:
        """Stop the attempts, and return the queued frames."""
        self._tries = 0
        return self._queue

    def _try(self) -> None:
        transport = self._transport
        self._tries += 1
        for delay in transport.network.delays(*self._way)[:1]:
            transport.loop.carry(delay, self._knock, self._tries)
        transport.later(ANSWER, self._failed, self._tries, f"no reply within {ANSWER:g} s")

    def _knock(self, number: int) -> None:
        """Arrive at the target, if the network lets it through."""
        caller, network = self._transport, self._transport.network
        target = network.endpoints.get(self._place)
        if network.resets(*self._way):
            caller.arrive(self._failed, number, "the network is unreachable")
        elif number != self._tries or not network.is_open(*self._way):
            return  # the caller is not notified
        elif target is None or (target.process.dead and target.process.refuses):
            self._refuse(number, f"no endpoint listens at {self._peer}", ConnectFailure.refused)
        elif not target.process.dead and (reason := refusal(caller.endpoint, target.endpoint)):
            target.count(f"rejected: {reason}")
            self._refuse(number, reason, ConnectFailure.rejected)
        elif not target.process.dead:
            target.arrive(self._accept, number, target)

    def _refuse(self, number: int, reason: str, failure: ConnectFailure) -> None:
        network, back = self._transport.network, (self._place.host, self._way[0])
        for delay in network.delays(*back)[:1] if network.is_open(*back) else ():
            self._transport.loop.carry(delay, self._transport.arrive, self._failed, number, reason, failure)

    def _accept(self, number: int, target: "SimulatedTransport") -> None:
        """Accept the caller. The target is connected from now on, the caller when the reply arrives.

        If the target is connecting to the caller as well, it uses this connection and drops its own attempt.
        """
        caller = self._transport
        # A handshake takes several messages of the caller. One that has died after the first completes none, and must
        # not pass for a newer incarnation than its successor, which may have been faster.
        if number != self._tries or caller.process.dead:
            return
        connection = Connection(caller, target)
        near, far = connection.ends
        target.connected(far, near.node)
        back = (self._place.host, self._way[0])
        delay = min(caller.network.delays(*back), default=ANSWER)
        caller.loop.carry(delay, self._welcome, number, near)

    def _welcome(self, number: int, end: End) -> None:
        if end.connection.is_broken:
            return
        if self._transport.network.is_open(self._place.host, self._way[0]):
            self._transport.arrive(self._welcomed, number, end)
        else:
            end.connection.break_("the reply to the handshake got lost")

    def _welcomed(self, number: int, end: End) -> None:
        if number == self._tries:
            self._transport.connected(end, end.other.node)
        else:
            end.connection.break_("the handshake took too long")

    def _failed(self, number: int, reason: str, failure: ConnectFailure = ConnectFailure.unreachable) -> None:
        if number != self._tries:
            return
        transport = self._transport
        transport.refused(self._peer, reason, failure)
        if number != self._tries:
            return  # the receiver has had the queue discarded
        if transport.loop.seconds() - self._began >= transport.options.give_up_after:
            transport.give_up(self._peer, reason)
        else:
            self._tries += 1  # results of the old attempt are ignored
            pause = min(FIRST_PAUSE * 2 ** min(self._tries, 9), LONGEST_PAUSE)
            transport.later(pause * transport.network.random.uniform(0.5, 1.0), self._again, self._tries)

    def _again(self, number: int) -> None:
        if number == self._tries:
            self._try()


def refusal(caller: Endpoint, target: Endpoint) -> str | None:
    """Why the target rejects the caller, if it does."""
    if caller.cluster != target.cluster:
        return f"this is the cluster {target.cluster!r}, not {caller.cluster!r}"
    if (caller.tls is None) != (target.tls is None):
        return "only one of the two uses TLS"
    if caller.client is not None and target.clients is None:
        return "the node accepts no clients"
    if not _knows(caller, target) or not _knows(target, caller):
        return "the cookies are not the same"
    return None


def _knows(one: Endpoint, other: Endpoint) -> bool:
    """Whether it accepts the cookie of the other endpoint."""
    return other.cookies[0] in one.cookies if other.cookies else not one.cookies
