"""How a node finds the cluster that it belongs to, or begins it.

Theory of operation. A node probes all its seed nodes, often at first and then once a second. Whoever is a member of a
cluster says so, and the node asks to be let in there. Whoever looks for one too answers with its *circle*: itself and
its seed nodes. A node begins a cluster

(a) at once, if it has no seed nodes but itself, and has not been in a cluster before;
(b) never, while a cluster is known to it: it joins that one;
(c) at once, if all others of its circle look for a cluster too, name the same circle, and it has the lowest address;
(d) after `seed_timeout` without a cluster, if it has the lowest address and is one of its own seed nodes or has none.

Of nodes with one and the same circle only the one with the lowest address ever begins a cluster, so there is at most
one, in whichever order they start and whatever is lost. If circles differ, or the network is divided, there may be two;
`islands` brings them together. A node that was in a cluster before also looks where the others of it were. The rules
(b) and (d) are Akka's; (c) lets nodes that name only each other find together without waiting.
"""

from collections.abc import Collection
from dataclasses import dataclass
from random import Random
from typing import Final

from casty.address import PeerAddress
from casty.member import NodeId

from casty_cluster.protocol.membership.messages import Presence
from casty_cluster.protocol.membership.settings import MembershipSettings

_GROWTH: Final = 1.5
"""By which the time between two probes grows."""
_JITTER: Final = 0.2
_CONTACTS: Final = 5
"""How many places of an earlier cluster are probed at a time."""
JOIN_PATIENCE: Final = 1.0
"""Seconds that a member has to answer a request to join before another one is asked."""


@dataclass(frozen=True, slots=True)
class ProbeAll:
    """Ask who is at these addresses."""

    addresses: tuple[PeerAddress, ...]


@dataclass(frozen=True, slots=True)
class Begin:
    """Begin a cluster."""


@dataclass(frozen=True, slots=True)
class JoinThrough:
    """Ask this member to be let in."""

    member: NodeId


@dataclass(frozen=True, slots=True)
class KeepSeeking:
    """It takes long; that is why."""

    reason: str


type Step = ProbeAll | Begin | JoinThrough | KeepSeeking


class Seeker:
    """One node's search. It ends with `Begin`, or when the node has been let in."""

    def __init__(self, local: PeerAddress, settings: MembershipSettings, random: Random) -> None:
        self._local = local
        self._settings = settings
        self._random = random
        self._heard: dict[PeerAddress, Presence] = {}
        self._pause = settings.seed_interval
        self._probe_at = self._begin_at = self._explain_at = self._asked_until = 0.0
        self._said = ""
        self.others = tuple(sorted(set(settings.seeds) - {local}))
        self.circle = tuple(sorted({local, *settings.seeds}))

    def start(self, now: float) -> list[Step]:
        self._probe_at = self._asked_until = now
        self._begin_at = self._explain_at = now + self._settings.seed_timeout
        return self.tick(now)

    def next_deadline(self) -> float:
        return self._probe_at

    def hear(self, sender: NodeId, presence: Presence, now: float) -> list[Step]:
        """A node says what it is, asked or not."""
        self._heard[sender.address] = presence
        if presence.cluster:
            self._begin_at = now + self._settings.seed_timeout
            return self._join(sender, now)
        return [Begin()] if self.may_begin_at_once() else []

    def refused(self, now: float) -> None:
        """The member that was asked does not let the node in, for now: another one may be asked."""
        self._asked_until = now

    def tick(self, now: float) -> list[Step]:
        if not self.others and not self._settings.contacts:
            return [Begin()]
        if now < self._probe_at:
            return []
        if now >= self._begin_at and self._may_begin_alone():
            return [Begin()]
        self._probe_at = now + self._pause * self._random.uniform(1 - _JITTER, 1 + _JITTER)
        self._pause = min(self._pause * _GROWTH, self._settings.seed_interval_max)
        return [ProbeAll(self._places()), *(self._explain() if now >= self._explain_at else [])]

    def may_begin_at_once(self) -> bool:
        """Rule (c)."""
        return (
            bool(self.others)
            and self.circle[0] == self._local
            and all(
                (presence := self._heard.get(other)) is not None
                and not presence.cluster
                and presence.circle == self.circle
                for other in self.others
            )
        )

    def _may_begin_alone(self) -> bool:
        """Rule (d), but for the time."""
        return self.circle[0] == self._local and (self._local in self._settings.seeds or not self.others)

    def _places(self) -> tuple[PeerAddress, ...]:
        contacts = [place for place in self._settings.contacts if place not in self.circle]
        return (*self.others, *self._random.sample(contacts, min(len(contacts), _CONTACTS)))

    def _join(self, member: NodeId, now: float) -> list[Step]:
        if now < self._asked_until:
            return []
        self._asked_until = now + JOIN_PATIENCE
        return [JoinThrough(member)]

    def _explain(self) -> list[Step]:
        reason = self._what_is_missing()
        if reason == self._said:
            return []
        self._said = reason
        return [KeepSeeking(reason)]

    def _what_is_missing(self) -> str:
        silent = [other for other in self.others if other not in self._heard]
        other_circles = [other for other in self.others if other in self._heard and not self._agrees(other)]
        missing: list[str] = []
        if any(presence.cluster for presence in self._heard.values()):
            missing.append("a cluster was found, and it has not let this node in yet")
        if silent:
            missing.append(f"no answer from {_listed(silent)}")
        if other_circles:
            missing.append(f"other seed nodes than here are configured at {_listed(other_circles)}")
        if self.circle[0] != self._local:
            missing.append(f"only {self.circle[0]}, the lowest address, may begin a cluster")
        elif self._local not in self._settings.seeds:
            missing.append(f"this node, {self._local}, may begin one alone if it is among its own seed nodes")
        return "; ".join(missing)

    def _agrees(self, other: PeerAddress) -> bool:
        presence = self._heard[other]
        return bool(presence.cluster) or presence.circle == self.circle


def _listed(addresses: Collection[PeerAddress]) -> str:
    return ", ".join(map(str, addresses))
