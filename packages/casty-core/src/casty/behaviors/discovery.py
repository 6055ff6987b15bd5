"""The messages of the receptionist: which actors can be found under which key, on any node."""

from dataclasses import dataclass
from typing import Any

from casty.behaviors.clustered import ServiceKey
from casty.member import NodeId
from casty.ref import ActorRef


# Without slots: see `ShardEnvelope`.
@dataclass(frozen=True)
class ServiceInstance[M]:
    """One actor that can be found, and where it lives."""

    ref: ActorRef[M]
    node: NodeId


@dataclass(frozen=True)
class Listing[M]:
    """All actors that can be found under the key, those of this node first."""

    key: ServiceKey[M]
    instances: tuple[ServiceInstance[M], ...]


@dataclass(frozen=True)
class Register[M]:
    """Register an actor of this node until it stops; see `Behaviors.discoverable`."""

    key: ServiceKey[M]
    ref: ActorRef[M]


@dataclass(frozen=True)
class Deregister[M]:
    """Remove a registration."""

    key: ServiceKey[M]
    ref: ActorRef[M]


@dataclass(frozen=True)
class Find[M]:
    """Tell `reply_to` the `Listing` of the key."""

    key: ServiceKey[M]
    reply_to: ActorRef[Listing[M]]


@dataclass(frozen=True)
class Subscribe[M]:
    """Tell `reply_to` the `Listing` of the key now and whenever it changes, until `reply_to` stops."""

    key: ServiceKey[M]
    reply_to: ActorRef[Listing[M]]


type ReceptionistMessage = Register[Any] | Deregister[Any] | Find[Any] | Subscribe[Any]
