"""One incarnation of a node: the shell of the machines that decide which nodes are members, and which are reachable."""

import logging
from collections.abc import Callable, Collection
from typing import Final, final

from casty.address import PeerAddress
from casty.clock import Clock
from casty.entropy import source
from casty.extension import Throttle
from casty.interruption import described, raise_unless_failure
from casty.member import Member, NodeId
from casty.spi.failure_detector import DetectorContext
from casty.spi.transport import Lane

from casty_cluster.node.driver import Driver
from casty_cluster.node.outlet import Outlet
from casty_cluster.protocol import liveness, view_tracker
from casty_cluster.protocol.liveness import Heard, Liveness, Others, ProbeReceived, SendProbe, SuspectsChanged
from casty_cluster.protocol.membership import effects
from casty_cluster.protocol.membership.effects import MembersChanged, Send
from casty_cluster.protocol.membership.inputs import ConnectFailed, Input, Received
from casty_cluster.protocol.membership.machine import Membership
from casty_cluster.protocol.membership.settings import MembershipSettings
from casty_cluster.protocol.view_tracker import Retire, RetiringReceived, ViewTracker
from casty_cluster.settings import NodeSettings
from casty_cluster.wire import codec, frames
from casty_cluster.wire.membership import Message

logger = logging.getLogger("casty.cluster")

OUT: Final = "this node is no member of its cluster now"


@final
class Incarnation:
    """Runs from its first input, `Start`, until `end`; after that it neither sends nor handles anything."""

    def __init__(
        self,
        local: Member,
        outlet: Outlet,
        clock: Clock,
        *,
        system: str,
        settings: NodeSettings,
        contacts: Collection[PeerAddress],
        report: Callable[[effects.Effect], None],
        show: Callable[[view_tracker.Effect], None],
    ) -> None:
        """`contacts`: where the last incarnation's cluster may be. `report` is called with the effects of the
        membership, but for messages; `show` with those of the view.
        """
        self._local = local.node
        self._outlet = outlet
        self._clock = clock
        self._report = report
        self._ended = False
        self._throttle = Throttle(clock, lines=1)
        self._membership, self._liveness = _machines(local, system, settings, contacts)
        self.noted = self._liveness.noted
        """The senders of user frames: written to directly, without a call, as there are so many of these frames."""
        self._members: Driver[Input, effects.Effect] = Driver(self._membership, clock, self._carry_out)
        self._signs: Driver[liveness.Input, liveness.Effect] = Driver(self._liveness, clock, self._carry_out)
        self._view: Driver[view_tracker.Input, view_tracker.Effect] = Driver(ViewTracker(local.node), clock, show)

    def handle(self, given: Input) -> None:
        """Have the membership take an input."""
        self._members.handle(given)

    def end(self) -> None:
        self._ended = True
        for driver in (self._members, self._signs, self._view):
            driver.stop()

    def send(self, to: PeerAddress, frame: bytes, lane: Lane) -> str | None:
        """Returns why the frame is dropped, if so. Raises ValueError for one that is too large."""
        return OUT if self._ended else self._outlet.send(to, frame, lane)

    def retire(self) -> None:
        """Announce that this node is about to leave."""
        self._view.handle(Retire())

    def retires(self, node: NodeId) -> None:
        """That member is about to leave."""
        self._view.handle(RetiringReceived(node))

    def is_removed(self, node: NodeId) -> bool:
        """Whether that node was a member and is none any more: its messages do not count."""
        state = self._membership.state
        return state is not None and state.is_gone(node)

    def heard(self, peer: NodeId) -> float:
        """A control frame arrived from that node. Returns for how many seconds it has waited here to be read."""
        # The detector's look would have come first, had this process not been held up for that long.
        waited = self._liveness.overdue(self._clock.time())
        self._sense(Heard(peer))
        return waited

    def received(self, peer: NodeId, message: Message, waited: float) -> None:
        self._members.handle(Received(peer, message, waited))

    def probed(self, peer: NodeId, payload: bytes) -> None:
        self._sense(ProbeReceived(peer, payload))

    def connect_failed(self, failed: ConnectFailed) -> None:
        self._members.handle(failed)
        self._sense(failed)

    def _sense(self, given: liveness.Input) -> None:
        """Have the failure detector take an input. It is a plugin: what it raises costs the membership nothing."""
        try:
            self._signs.handle(given)
        except BaseException as error:
            raise_unless_failure(error)
            if self._throttle.admits("detector"):
                logger.error(
                    "%s: its failure detector has failed: %s; it may not find out that members are gone",
                    self._local,
                    described(error),
                    exc_info=error,
                )

    def _carry_out(self, effect: effects.Effect | liveness.Effect) -> None:
        match effect:
            case Send(to, message):
                address = to.address if isinstance(to, NodeId) else to
                self.send(address, codec.encode(frames.MEMBERSHIP, message), Lane.control)
            case SendProbe(to, payload):
                self.send(to.address, bytes((frames.DETECTOR,)) + payload, Lane.control)
            case SuspectsChanged(suspects):
                self._members.handle(suspects)
            case MembersChanged(members=members):
                self._sense(Others([member.node for member in members if member.node != self._local]))
                self._report(effect)
                self._view.handle(effect)
            case _:
                self._report(effect)


NUMBERED_FROM: Final = 1_767_225_600.0
"""2026 began. A cluster numbers its members from the milliseconds since then, when the node that forms it started."""


def _machines(
    local: Member, system: str, settings: NodeSettings, contacts: Collection[PeerAddress]
) -> tuple[Membership, Liveness]:
    random = source().random()
    detector = settings.detector(
        DetectorContext(
            local=local.node,
            random=random,
            interval=settings.heartbeat_interval,
            check_interval=settings.check_interval,
        )
    )
    membership = MembershipSettings(
        system=system,
        seeds=settings.seeds,
        contacts=tuple(contacts),
        configuration=settings.configuration,
        # A number of coming up is the term of a coordinator: it fences what an earlier cluster has under way.
        first_number=max(1, round(1_000 * (source().wall_time() - NUMBERED_FROM))),
        gossip_interval=settings.gossip_interval,
        stable_share=settings.pace.stable_share,
        refused_share=settings.pace.refused_share,
    )
    return (
        Membership(local, membership, strategy=settings.downing, random=random),
        Liveness(detector, settings.pace.refused_patience),
    )
