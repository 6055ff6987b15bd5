"""How a node finds the cluster that it belongs to, or begins it.

Theory of operation. A node probes all its seed nodes, often at first and then once a second. Whoever is a member of a
cluster says so, and the node asks to be let in there. Whoever looks for one too answers with its *circle*: itself and
its seed nodes. A node begins a cluster

(a) at once, if it has no seed nodes but itself;
(b) never, while a cluster is known to it: it joins that one;
(c) at once, if all others of its circle look for a cluster too, name the same circle, and it has the lowest address;
(d) after `seed_timeout` without a cluster, if it is one of its own seed nodes and has the lowest address.

Where seed nodes are configured by names, the lowest of a circle is the one with the lowest name, which all that have
the same seeds know before anybody has answered (`seed_names`). Nodes that name only each other have no names in
common: they compare the addresses that have answered.

Of nodes with one and the same circle only the one with the lowest address ever begins a cluster, so there is at most
one, in whichever order they start and whatever is lost. If circles differ, or the network is divided, there may be two;
`islands` brings them together. The rules (b) and (d) are Akka's; (c) lets nodes that name only each other find together
without waiting.

A node that was given up looks also where the others of its cluster were, and for it there is one rule in the place of
(a), (c) and (d): it may be that the others go on and only cannot be reached, so it begins a cluster

(e) if all of them look for one too, and so do all whom these wait for in their turn, as they may have been given up
    later and know of others; and if it has the lowest address of them. Others that have a lower one and look for a
    cluster go first, until `seed_timeout`. They must have looked for one at the same time, or one of them might have
    been let in again by another that was given up only then: each incarnation is heard once more `SETTLED` seconds
    after all were.
"""

from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

from casty.address import PeerAddress
from casty.member import NodeId
from casty.spi.transport import ConnectFailure

from casty_cluster.protocol.membership.seed_names import SeedNames
from casty_cluster.protocol.membership.settings import MembershipSettings
from casty_cluster.wire.membership import Presence, Refusal

_GROWTH: Final = 1.5
"""By which the time between two probes grows."""
_JITTER: Final = 0.2
_CONTACTS: Final = 5
"""How many places of an earlier cluster are probed at a time."""
_MOMENT: Final = 3.0
"""Seconds for which it counts that somebody looks for a cluster; where they are probed in turn, for each turn."""
SETTLED: Final = 1.0
"""Seconds; longer than what somebody has said of himself is under way."""
REPEATED: Final = 30.0
"""Seconds after which it is said again what is missing."""
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


@dataclass(frozen=True, slots=True)
class Reject:
    """No node that could be asked accepts this one."""

    reason: str


type Step = ProbeAll | Begin | JoinThrough | KeepSeeking | Reject


class _Heard(NamedTuple):
    """What an incarnation has said of itself. Once it has been let in anywhere, it never looks for a cluster again."""

    node: NodeId
    presence: Presence
    since: float
    """When it was heard first."""
    last: float


class Seeker:
    """One node's search. It ends with `Begin`, or when the node has been let in."""

    def __init__(self, local: PeerAddress, settings: MembershipSettings, random: Random) -> None:
        self._local = local
        self._settings = settings
        self._random = random
        self._heard: dict[PeerAddress, _Heard] = {}
        self.awaited = tuple(sorted(set(settings.contacts) - {local}))
        self._turn = 0
        self._pause = settings.seed_interval
        self._probe_at = self._begin_at = self._explain_at = self._asked_until = 0.0
        self._say_again_at = 0.0
        self._said = ""
        self._names = SeedNames(local, settings.seeds)
        self._failures: dict[PeerAddress, tuple[ConnectFailure, str]] = {}
        """How the last attempt to connect has failed, of the places that have not been heard since."""
        self._refused_since: float | None = None
        self._asked: set[NodeId] = set()
        """The members that were asked to let this node in."""

    @property
    def circle(self) -> tuple[PeerAddress, ...]:
        return self._names.circle

    @property
    def others(self) -> tuple[PeerAddress, ...]:
        return self._names.others

    @property
    def resolved(self) -> tuple[PeerAddress, ...]:
        return self._names.resolved

    def start(self, now: float) -> list[Step]:
        self._probe_at = self._asked_until = now
        self._begin_at = self._explain_at = now + self._settings.seed_timeout
        return self.tick(now)

    def next_deadline(self) -> float:
        return self._probe_at

    def failed(self, place: PeerAddress, failure: ConnectFailure, reason: str) -> list[Step]:
        """An attempt to connect to that place has come to nothing."""
        places = {*self.others, *self.awaited}
        if failure is ConnectFailure.itself:
            self._names.is_own(place)
        elif place in places:
            self._failures[place] = failure, reason
        reasons = [why for at in sorted(places) if (why := self._rejected_by(at))]
        return [Reject("; ".join(reasons))] if reasons and len(reasons) == len(places) else []

    def hear(self, sender: NodeId, presence: Presence, now: float, *, at: PeerAddress | None = None) -> list[Step]:
        """A node says what it is, asked at that name, or unasked."""
        if at is not None:
            self._names.answered(at, sender.address)
        for name in [name for name in self._failures if self._names.address(name) == sender.address]:
            del self._failures[name]
        before = self._heard.get(sender.address)
        since = before.since if before is not None and before.node == sender else now
        self._heard[sender.address] = _Heard(sender, presence, since, now)
        if presence.cluster:
            self._begin_at = now + self._settings.seed_timeout
            return self._join(sender, now)
        return [Begin()] if self._may_begin_at_once(now) else []

    def has_asked(self, member: NodeId) -> bool:
        """Whether that member was asked to let this node in: only then does its verdict count."""
        return member in self._asked

    def has_probed(self, node: NodeId) -> bool:
        """Whether a probe was sent to the place where that node is."""
        return any(self._names.address(place) == node.address for place in (*self._names.asked, *self.awaited))

    def refused(self, refusal: Refusal, now: float) -> bool:
        """The member that was asked does not let the node in. Whether it is in vain to ask any further."""
        self._asked_until = now
        if not refusal.final:
            self._refused_since = None
            return False
        since = self._refused_since = now if self._refused_since is None else self._refused_since
        return now - since >= refusal.patience

    def tick(self, now: float) -> list[Step]:
        if self._names.are_literal and not self.awaited:
            return [Begin()]
        if now < self._probe_at:
            return []
        if now >= self._begin_at and self._may_begin_alone():
            return [Begin()]
        self._probe_at = now + self._pause * self._random.uniform(1 - _JITTER, 1 + _JITTER)
        self._pause = min(self._pause * _GROWTH, self._settings.seed_interval_max)
        return [ProbeAll(self._places()), *(self._explain(now) if now >= self._explain_at else [])]

    def _may_begin_at_once(self, now: float) -> bool:
        return self._may_begin_anew(now) if self.awaited else self._may_begin_first(now)

    def _may_begin_first(self, now: float) -> bool:
        """Rule (c)."""
        # A seed leaves it to the lowest name for as long as the others may turn out to have the same names.
        is_sure = not self._names.is_seed or now >= self._begin_at or self._have_same_circle(self._found())
        return is_sure and self._lowest() == self._local

    def _lowest(self) -> PeerAddress | None:
        """The one of this circle who forms its cluster, if all look for one and name the same circle."""
        found, circle, names = self._found(), self.circle, self._names
        if len(found) < len(self.others) or not found or any(heard.presence.cluster for heard in found):
            return None
        if self._have_same_circle(found):
            return names.address(circle[0])
        resolved = names.resolved
        agreed = all((heard.presence.resolved or heard.presence.circle) == resolved for heard in found)
        return resolved[0] if agreed else None

    def _found(self) -> list[_Heard]:
        """What the others of the circle have said of themselves."""
        return [heard for other in self.others if (heard := self._heard_at(other)) is not None]

    def _have_same_circle(self, found: list[_Heard]) -> bool:
        return all(heard.presence.circle == self.circle for heard in found)

    def _heard_at(self, name: PeerAddress) -> _Heard | None:
        return self._heard.get(self._names.address(name))

    def _rejected_by(self, place: PeerAddress) -> str:
        failure, reason = self._failures.get(place, (ConnectFailure.unreachable, ""))
        return f"{place} rejects this node: {reason}" if failure is ConnectFailure.rejected else ""

    def _may_begin_anew(self, now: float) -> bool:
        """Rule (e)."""
        moment = _MOMENT * -(-len(self.awaited) // _CONTACTS)
        looking = {
            place: heard
            for place, heard in self._heard.items()
            if now - heard.last <= moment and not heard.presence.cluster
        }
        awaited = self._all_awaited()
        if not awaited <= looking.keys():
            return False
        all_since = max(looking[place].since for place in awaited)
        settled = all(looking[place].last >= all_since + SETTLED for place in awaited)
        return settled and self._local < min(looking if now < self._begin_at else awaited)

    def _all_awaited(self) -> set[PeerAddress]:
        """Also those whom the others wait for."""
        found, more = {self._local}, list(self.awaited)
        while more:
            place = more.pop()
            if place not in found:
                found.add(place)
                if place in self._heard:
                    more += (PeerAddress(*other) for other in self._heard[place].presence.awaited)
        return found - {self._local}

    def _may_begin_alone(self) -> bool:
        """Rule (d), but for the time."""
        lowest = self._lowest()
        is_lowest = self.circle[0] == self._names.own if lowest is None else lowest == self._local
        return is_lowest and self._names.is_seed and not self.awaited

    def _places(self) -> tuple[PeerAddress, ...]:
        """Whom to probe: all seed nodes, and of many contacts a few in turn."""
        asked = self._names.asked
        places = [place for place in self.awaited if place not in asked]
        if len(places) > _CONTACTS:
            self._turn = (self._turn + _CONTACTS) % len(places)
            places = (places[self._turn :] + places)[:_CONTACTS]
        return (*asked, *places)

    def _join(self, member: NodeId, now: float) -> list[Step]:
        if now < self._asked_until:
            return []
        self._asked_until = now + JOIN_PATIENCE
        self._asked.add(member)
        return [JoinThrough(member)]

    def _explain(self, now: float) -> list[Step]:
        reason = self._what_is_missing()
        if reason == self._said and now < self._say_again_at:
            return []
        self._said, self._say_again_at = reason, now + REPEATED
        return [KeepSeeking(reason)]

    def _what_is_missing(self) -> str:
        if any(heard.presence.cluster for heard in self._heard.values()):
            return "a cluster was found, and this node has not been able to join it yet"
        awaited = self.awaited or self.others
        silent = [other for other in awaited if self._heard_at(other) is None]
        missing = [f"no answer from {', '.join(map(self._with_failure, silent))}"] if silent else []
        if self.awaited:
            missing.append(
                "this node was downed and will not form a new cluster while its former peers may still be running one; "
                "start the peers that are missing, or restart this process if they are gone for good"
            )
            return "; ".join(missing)
        other_circles = [other for other in self.others if not self._agrees(other)]
        if other_circles:
            missing.append(f"other seed nodes than here are configured at {', '.join(map(str, other_circles))}")
        if self.circle[0] != self._names.own:
            missing.append(f"only {self.circle[0]}, the lowest address, may form a cluster")
        elif not self._names.is_seed:
            missing.append(f"this node, {self._local}, may form one alone if it is among its own seed nodes")
        return "; ".join(missing)

    def _with_failure(self, place: PeerAddress) -> str:
        _, reason = self._failures.get(place, (None, ""))
        return f"{place} ({reason})" if reason else str(place)

    def _agrees(self, other: PeerAddress) -> bool:
        heard = self._heard_at(other)
        return heard is None or bool(heard.presence.cluster) or heard.presence.circle == self.circle
