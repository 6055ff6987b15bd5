"""How a node finds and joins its cluster, or forms it.

Theory of operation. A node probes all its seed nodes, often at first and then once a second. A member of a cluster
replies with its cluster, and the node asks it to join. A node that is joining itself replies with its *seed set*: its
own address and its seed nodes. By these rules, and by no others, a node forms a cluster:

(a) At once, if it has no seed nodes but itself.
(b) Never while it knows of a cluster: it joins that one.
(c) At once, if all others of its seed set are joining, have the same seed set, and its own address is the lowest.
(d) After `seed_timeout` without a cluster, if it is one of its own seed nodes and has the lowest address.
(e) A node that was downed follows this rule instead of (a), (c) and (d): see below.

Where seed nodes are configured by names, the lowest node of a seed set is the one with the lowest name, which all nodes
with the same seed nodes know before any of them has replied (`seed_names`). Nodes that name only each other have no
names in common: they compare the addresses that have replied.

Of nodes with the same seed set only the one with the lowest address ever forms a cluster. So there is at most one, in
whichever order they start and whatever is lost. If seed sets differ, or the network is partitioned, there may be two;
`cluster_merge` makes them one. Rules (b) and (d) are Akka's; (c) lets nodes that name only each other start without
waiting for a timeout.

A node that was downed also probes its *former peers*, the other members of the cluster that downed it. They may still
be running that cluster where this node cannot reach it, so under rule (e) it forms a cluster only if

1. all former peers are joining as well, and so are all former peers that these report in turn: a peer that was downed
   later knows of further members;
2. they were joining at the same time, or one of them might have been admitted again by another that was downed only
   then: each incarnation is heard once more `SETTLED` seconds after the last of them was heard first;
3. its own address is the lowest of them. Until `seed_timeout`, other joining nodes with a lower address go first.
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
_PEERS_AT_A_TIME: Final = 5
"""Former peers that are probed at a time."""
_MOMENT: Final = 3.0
"""Seconds for which a joining node counts as joining; where former peers are probed in turn, for each turn."""
SETTLED: Final = 1.0
"""Seconds; longer than what a node has reported of itself is under way."""
REPEATED: Final = 30.0
"""Seconds after which the same delay is reported again."""
JOIN_PATIENCE: Final = 1.0
"""Seconds that a member has to answer a request to join before another one is asked."""


@dataclass(frozen=True, slots=True)
class ProbeAll:
    """Probe these addresses."""

    addresses: tuple[PeerAddress, ...]


@dataclass(frozen=True, slots=True)
class FormCluster:
    """Form a cluster."""


@dataclass(frozen=True, slots=True)
class JoinThrough:
    """Ask this member to join its cluster."""

    member: NodeId


@dataclass(frozen=True, slots=True)
class ReportDelay:
    """Joining takes long, for this reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Reject:
    """No node that could be asked accepts this one."""

    reason: str


type Step = ProbeAll | FormCluster | JoinThrough | ReportDelay | Reject


class _Heard(NamedTuple):
    """What an incarnation has reported of itself. Once it has joined a cluster, it never joins another one."""

    node: NodeId
    presence: Presence
    since: float
    """When it was heard first."""
    last: float


class JoinProcess:
    """One node's way into its cluster. It ends with `FormCluster`, or when a member has admitted the node."""

    def __init__(self, local: PeerAddress, settings: MembershipSettings, random: Random) -> None:
        self._local = local
        self._settings = settings
        self._random = random
        self._heard: dict[PeerAddress, _Heard] = {}
        self.former_peers = tuple(sorted(set(settings.contacts) - {local}))
        self._turn = 0
        self._pause = settings.seed_interval
        self._probe_at = self._form_at = self._explain_at = self._asked_until = 0.0
        self._report_again_at = 0.0
        self._reported = ""
        self._names = SeedNames(local, settings.seeds)
        self._failures: dict[PeerAddress, tuple[ConnectFailure, str]] = {}
        """How the last attempt to connect has failed, by place, as long as no node has been heard there since."""
        self._refused_since: float | None = None
        self._asked: set[NodeId] = set()
        """The members that were asked to admit this node."""

    @property
    def seed_set(self) -> tuple[PeerAddress, ...]:
        return self._names.seed_set

    @property
    def others(self) -> tuple[PeerAddress, ...]:
        return self._names.others

    @property
    def resolved(self) -> tuple[PeerAddress, ...]:
        return self._names.resolved

    def start(self, now: float) -> list[Step]:
        self._probe_at = self._asked_until = now
        self._form_at = self._explain_at = now + self._settings.seed_timeout
        return self.tick(now)

    def next_deadline(self) -> float:
        return self._probe_at

    def failed(self, place: PeerAddress, failure: ConnectFailure, reason: str) -> list[Step]:
        """An attempt to connect to that place has failed."""
        places = {*self.others, *self.former_peers}
        if failure is ConnectFailure.itself:
            self._names.is_own(place)
        elif place in places:
            self._failures[place] = failure, reason
        # One that rejects this node may be misconfigured itself. Only if all do, waiting is pointless.
        reasons = [why for at in sorted(places) if (why := self._rejected_by(at))]
        return [Reject("; ".join(reasons))] if reasons and len(reasons) == len(places) else []

    def hear(self, sender: NodeId, presence: Presence, now: float, *, at: PeerAddress | None = None) -> list[Step]:
        """A node reports what it is, probed under the name `at` or by itself."""
        if at is not None:
            self._names.answered(at, sender.address)
        for name in [name for name in self._failures if self._names.address(name) == sender.address]:
            del self._failures[name]
        before = self._heard.get(sender.address)
        since = before.since if before is not None and before.node == sender else now
        self._heard[sender.address] = _Heard(sender, presence, since, now)
        if presence.cluster:
            # Rule (b): as long as a cluster keeps replying, the time after which this node may form one does not start.
            self._form_at = now + self._settings.seed_timeout
            return self._join(sender, now)
        return [FormCluster()] if self._may_form_at_once(now) else []

    def has_asked(self, member: NodeId) -> bool:
        """Whether that member was asked to admit this node: only then does its verdict count."""
        return member in self._asked

    def has_probed(self, node: NodeId) -> bool:
        """Whether a probe was sent to the place where that node is."""
        return any(self._names.address(place) == node.address for place in (*self._names.asked, *self.former_peers))

    def refused(self, refusal: Refusal, now: float) -> bool:
        """A member has refused this node. Returns whether asking further is pointless."""
        self._asked_until = now
        if not refusal.final:
            self._refused_since = None
            return False
        since = self._refused_since = now if self._refused_since is None else self._refused_since
        return now - since >= refusal.patience

    def tick(self, now: float) -> list[Step]:
        if self._names.are_literal and not self.former_peers:
            return [FormCluster()]  # rule (a)
        if now < self._probe_at:
            return []
        if now >= self._form_at and self._may_form_alone():
            return [FormCluster()]
        self._probe_at = now + self._pause * self._random.uniform(1 - _JITTER, 1 + _JITTER)
        self._pause = min(self._pause * _GROWTH, self._settings.seed_interval_max)
        return [ProbeAll(self._places()), *(self._explain(now) if now >= self._explain_at else [])]

    def _may_form_at_once(self, now: float) -> bool:
        return self._may_form_again(now) if self.former_peers else self._may_form_first(now)

    def _may_form_first(self, now: float) -> bool:
        """Rule (c)."""
        # A seed node leaves it to the lowest name for as long as the others may turn out to have the same names.
        is_sure = not self._names.is_seed or now >= self._form_at or self._have_same_seed_set(self._found())
        return is_sure and self._lowest() == self._local

    def _lowest(self) -> PeerAddress | None:
        """The node of this seed set that forms its cluster, if all are joining and have the same seed set."""
        found, seed_set, names = self._found(), self.seed_set, self._names
        if len(found) < len(self.others) or not found or any(heard.presence.cluster for heard in found):
            return None
        if self._have_same_seed_set(found):
            return names.address(seed_set[0])
        resolved = names.resolved
        agreed = all((heard.presence.resolved or heard.presence.circle) == resolved for heard in found)
        return resolved[0] if agreed else None

    def _found(self) -> list[_Heard]:
        """What the other nodes of the seed set have reported."""
        return [heard for other in self.others if (heard := self._heard_at(other)) is not None]

    def _have_same_seed_set(self, found: list[_Heard]) -> bool:
        return all(heard.presence.circle == self.seed_set for heard in found)

    def _heard_at(self, name: PeerAddress) -> _Heard | None:
        return self._heard.get(self._names.address(name))

    def _rejected_by(self, place: PeerAddress) -> str:
        failure, reason = self._failures.get(place, (ConnectFailure.unreachable, ""))
        return f"{place} rejects this node: {reason}" if failure is ConnectFailure.rejected else ""

    def _may_form_again(self, now: float) -> bool:
        """Rule (e)."""
        moment = _MOMENT * -(-len(self.former_peers) // _PEERS_AT_A_TIME)
        joining = {
            place: heard
            for place, heard in self._heard.items()
            if now - heard.last <= moment and not heard.presence.cluster
        }
        peers = self._all_former_peers()
        if not peers <= joining.keys():
            return False
        all_since = max(joining[place].since for place in peers)
        settled = all(joining[place].last >= all_since + SETTLED for place in peers)
        return settled and self._local < min(joining if now < self._form_at else peers)

    def _all_former_peers(self) -> set[PeerAddress]:
        """The former peers, and those that they report in turn."""
        found, more = {self._local}, list(self.former_peers)
        while more:
            place = more.pop()
            if place not in found:
                found.add(place)
                if place in self._heard:
                    more += (PeerAddress(*other) for other in self._heard[place].presence.awaited)
        return found - {self._local}

    def _may_form_alone(self) -> bool:
        """Rule (d), but for the time."""
        lowest = self._lowest()
        is_lowest = self.seed_set[0] == self._names.own if lowest is None else lowest == self._local
        return is_lowest and self._names.is_seed and not self.former_peers

    def _places(self) -> tuple[PeerAddress, ...]:
        """The places to probe now: all seed nodes, and a few of the former peers in turn."""
        asked = self._names.asked
        places = [place for place in self.former_peers if place not in asked]
        if len(places) > _PEERS_AT_A_TIME:
            self._turn = (self._turn + _PEERS_AT_A_TIME) % len(places)
            places = (places[self._turn :] + places)[:_PEERS_AT_A_TIME]
        return (*asked, *places)

    def _join(self, member: NodeId, now: float) -> list[Step]:
        if now < self._asked_until:
            return []
        self._asked_until = now + JOIN_PATIENCE
        self._asked.add(member)
        return [JoinThrough(member)]

    def _explain(self, now: float) -> list[Step]:
        reason = self._missing()
        if reason == self._reported and now < self._report_again_at:
            return []
        self._reported, self._report_again_at = reason, now + REPEATED
        return [ReportDelay(reason)]

    def _missing(self) -> str:
        """What has to happen for this node to join or form a cluster."""
        if any(heard.presence.cluster for heard in self._heard.values()):
            return "a cluster was found, and this node has not been able to join it yet"
        needed = self.former_peers or self.others
        silent = [other for other in needed if self._heard_at(other) is None]
        missing = [f"no answer from {', '.join(map(self._with_failure, silent))}"] if silent else []
        if self.former_peers:
            missing.append(
                "this node was downed and will not form a new cluster while its former peers may still be running one; "
                "start the peers that are missing, or restart this process if they are gone for good"
            )
            return "; ".join(missing)
        other_seed_sets = [other for other in self.others if not self._agrees(other)]
        if other_seed_sets:
            missing.append(f"other seed nodes than here are configured at {', '.join(map(str, other_seed_sets))}")
        if self.seed_set[0] != self._names.own:
            missing.append(f"only {self.seed_set[0]}, the lowest address, may form a cluster")
        elif not self._names.is_seed:
            missing.append(f"this node, {self._local}, may form one alone if it is among its own seed nodes")
        return "; ".join(missing)

    def _with_failure(self, place: PeerAddress) -> str:
        _, reason = self._failures.get(place, (None, ""))
        return f"{place} ({reason})" if reason else str(place)

    def _agrees(self, other: PeerAddress) -> bool:
        heard = self._heard_at(other)
        return heard is None or bool(heard.presence.cluster) or heard.presence.circle == self.seed_set
