"""What a feature of a cluster implements: behaviors of its own, messages between nodes, and a part in each shutdown.

Casty's receptionist, singletons, broadcasts and death watch are such features. Every start of a node makes one object
of each feature, and calls it in the thread of the event loop only, in this order: `behaviors`, `messages`, `transfers`
and `shutdown` once each, then `start`, then `view_changed`, the handlers of messages and transfers and the behaviors'
functions as things happen, then the tasks of the shutdown.

A failure is reported with the feature's name. One in `start` keeps the node from starting. One anywhere else is logged,
and takes nothing away from the other features.
"""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Protocol

from casty.clock import Clock
from casty.event_stream import EventStream
from casty.mailbox import Mailbox
from casty.member import ClusterState, Member, NodeId
from casty.quantities import checked_seconds
from casty.ref import ActorRef

SPI: Final = 1

type SpawnBehavior = Callable[[Any, str, Mailbox | None], ActorRef[Any]]
"""Start an actor of a behavior under a name, which is the same on every node. The reference that it returns is the
result of `system.spawn`, and of `system.lookup` of the reference's path.
"""
type ReceiveTransfer = Callable[[NodeId, bytearray], None]
"""Take all bytes of a transfer, which are the handler's own, and the node that sent them. The sender learns of an error
that it raises.
"""
type ReceiveMessage = Callable[[NodeId, Any], None]
"""Take a message, and the node that sent it, which is a member."""


class ShutdownPhase(Enum):
    """A step of the shutdown of a node. The tasks of all features in a phase run at the same time; the next phase
    starts when all have ended or timed out.
    """

    stop_accepting = "stop_accepting"
    """Refuse new work. After this phase the other members learn that this node is about to leave."""
    hand_off = "hand_off"
    """Hand over to the members that stay what this node runs for the cluster. All actors still run."""
    stop_actors = "stop_actors"
    """The actors of users have stopped; those whose names begin with `_` still run."""
    leave = "leave"
    """Send the last messages. After this phase the node leaves the cluster, and sends nothing more."""
    close = "close"
    """Release resources: tasks, timers, sockets."""


@dataclass(frozen=True, slots=True)
class ShutdownTask:
    """The part of a feature in one phase of the shutdown."""

    run: Callable[[], Coroutine[Any, Any, object]]
    """Is cancelled when its time has passed, and abandoned if it ignores that."""
    timeout: float = 10.0
    """Seconds."""

    def __post_init__(self) -> None:
        checked_seconds(self.timeout, "timeout of ShutdownTask", zero=False)


class ClusterNode(Protocol):
    """The node as its features see it. Its members are for the thread of the event loop."""

    @property
    def system_name(self) -> str: ...

    @property
    def local(self) -> Member:
        """This node as a member. A node that rejoins is another incarnation, with another `NodeId`."""
        ...

    @property
    def view(self) -> ClusterState | None:
        """The newest view of the cluster. None: this node is not a member."""
        ...

    @property
    def clock(self) -> Clock:
        """The time by which the system goes: virtual in tests and simulations."""
        ...

    @property
    def event_stream(self) -> EventStream: ...

    def send(self, to: NodeId, message: object) -> None:
        """Send one of the feature's messages to another member, over the link that carries Casty's own messages.

        Messages from one node to another arrive in order, and once each; they are lost only if one of the two nodes is
        removed. A message for a node that is not a member of the view is dropped. The link is for coordination: each
        message is kept until it is acknowledged, and the messages of users belong into tells of actors. Raises
        `EncodeError` for a message of more than 60 KiB, or one that cannot be encoded.
        """
        ...

    async def send_bulk(self, to: NodeId, kind: str, data: bytes) -> None:
        """Send a state that is too large for a message, of up to 512 MiB, to another member, and return once the
        handler of that kind there has taken it.

        It travels in chunks between the other messages, and none of them waits for more than a few chunks. The receiver
        gets all of it once, or nothing. Transfers from one node to another run one after the other. Raises
        `NodeLostError` if one of the two nodes is no member or is removed, and `TransferError` if the receiver has
        discarded the bytes: no feature there takes the kind, it has no room, or its handler raised. When the call is
        cancelled, so is the transfer, unless the handler has taken it already.
        """
        ...

    def spawn(
        self, behavior: Any, name: str, *, mailbox: Mailbox | None = None, restarts_when_downed: bool = False
    ) -> ActorRef[Any]:
        """Start an actor on this node, as `system.spawn` does; behaviors of other features work here too.

        Actors whose names begin with `_` outlive the users' actors in a shutdown, and take no messages of other nodes;
        behaviors that belong to the whole cluster cannot have such names.
        `restarts_when_downed` is for an actor that runs a behavior of a user: it restarts when this node is downed, as
        the users' own actors do. All other actors of a feature learn of that by `view_changed`.
        """
        ...

    def actor_on(self, node: NodeId, path: str) -> ActorRef[Any]:
        """A reference to the actor at a path such as `/orders` on another node, or on this one."""
        ...

    def dead_letter(self, message: object, intended: ActorRef[Any], reason: str) -> None:
        """Report that a message will not be delivered. A pending ask that the message carries fails with the reason."""
        ...


class ClusterFeature:
    """A part of a node. Derive from this class and override what the feature needs; by default it does nothing."""

    def behaviors(self) -> Mapping[type[Any], SpawnBehavior]:
        """How the feature runs behaviors of its own, which derive from `casty.behaviors.clustered.ClusteredBehavior`.

        A class has one feature: two features that claim the same one are an error at the start.
        """
        return {}

    def messages(self) -> Mapping[type[Any], ReceiveMessage]:
        """The types of message that the feature's objects on different nodes send each other by `ClusterNode.send`.

        Each is named for good by `@casty.message("acme.Name")`: nodes of different versions meet in one cluster. A
        node that does not have the feature, or the type, drops the message and logs that. Two features that claim the
        same type are an error at the start.
        """
        return {}

    def transfers(self) -> Mapping[str, ReceiveTransfer]:
        """The kinds of state that the feature's objects on different nodes send each other by `ClusterNode.send_bulk`.

        Kinds are named like messages, such as `acme.Table`. Two features that claim the same kind are an error at the
        start.
        """
        return {}

    def shutdown(self) -> Mapping[ShutdownPhase, ShutdownTask]:
        """What the feature does in the phases of a shutdown. A feature that was not started has no part in it."""
        return {}

    async def start(self) -> None:
        """Start, before the node joins its cluster: spawn actors, open connections. It has 30 seconds.

        If it raises, the node does not start, and the features that have started already are shut down.
        """

    def view_changed(self, view: ClusterState | None) -> None:
        """Follow the membership: called with each new view, in order. None: this node is not a member any more.

        The node may rejoin, as another incarnation: then `view.local` of the next view is another node.
        """
