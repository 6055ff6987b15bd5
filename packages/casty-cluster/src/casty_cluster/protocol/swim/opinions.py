"""What a node believes of the others: alive, suspect or dead, each for one incarnation.

A rumour counts by its incarnation: an alive one if its incarnation is higher than the known one, an accusation if it is
not lower. Only the subject itself raises its incarnation, and only to refute an accusation. So of two contradicting
rumours all nodes believe the same one, in whatever order they arrive. Each rumour is passed on a limited number of
times, the least spread ones first.
"""

from collections.abc import Iterable
from math import ceil, log10
from typing import Final

from casty.member import NodeId

from casty_cluster.protocol.swim.suspicion import Suspicion
from casty_cluster.wire.swim import Claim, Rumour

TELLINGS: Final = 4
"""Times that a rumour is sent for each decimal digit of the cluster's size: enough to reach all members."""


class Rumours:
    """The rumours that a node passes on: at most one for each subject, the latest."""

    __slots__ = ("_spread",)

    def __init__(self) -> None:
        self._spread: dict[int, tuple[int, Rumour]] = {}

    def __bool__(self) -> bool:
        return bool(self._spread)

    def spread(self, rumour: Rumour) -> None:
        """Pass it on, and no older one of the same subject."""
        self._spread.pop(rumour.subject, None)
        self._spread[rumour.subject] = (0, rumour)

    def forget(self, subject: int) -> None:
        self._spread.pop(subject, None)

    def take(self, members: int, room: int) -> list[Rumour]:
        """Take the rumours for one message, and count them. `members`: the size of the cluster."""
        limit = TELLINGS * ceil(log10(members + 1))
        taken = sorted(self._spread.values(), key=lambda spread: spread[0])[:room]
        for times, rumour in taken:
            if times + 1 < limit:
                self._spread[rumour.subject] = (times + 1, rumour)
            else:
                del self._spread[rumour.subject]
        return [rumour for _, rumour in taken]


class Opinions:
    """Opinions of all other members, by their uids. News goes into `rumours`."""

    __slots__ = (
        "_heard",
        "_incarnations",
        "_local",
        "_mult",
        "_period",
        "_ping_nrs",
        "_suspicions",
        "dead",
        "nodes",
        "rumours",
    )

    def __init__(self, local: int, *, suspicion_mult: int, period: float) -> None:
        self._local = local
        self._mult = suspicion_mult
        self._period = period
        self._incarnations: dict[int, int] = {local: 0}
        """With that of this node."""
        self._heard: dict[int, float] = {}
        self._ping_nrs: dict[int, int] = {}
        self._suspicions: dict[int, Suspicion] = {}
        self.nodes: dict[int, NodeId] = {}
        self.dead: dict[int, float] = {}
        """The nodes that are believed dead, and since when."""
        self.rumours = Rumours()

    def members(self, others: Iterable[NodeId]) -> None:
        """These are the other members now; opinions of all other nodes are forgotten."""
        self.nodes = {node.uid: node for node in others}
        for known in (self._incarnations, self._heard, self._ping_nrs, self._suspicions, self.dead):
            for uid in [uid for uid in known if uid not in self.nodes and uid != self._local]:
                del known[uid]
                self.rumours.forget(uid)

    def heard(self, uid: int, now: float) -> None:
        if uid in self.nodes:
            self._heard[uid] = now

    def pinged_by(self, uid: int, ping_nr: int, now: float) -> None:
        """A sign of life, unless it is the copy of an older ping."""
        if uid in self.nodes and ping_nr > self._ping_nrs.get(uid, 0):
            self._ping_nrs[uid] = ping_nr
            self._heard[uid] = now

    def heard_since(self, uid: int, then: float) -> bool:
        return self._heard.get(uid, float("-inf")) > then

    def accuse(self, uid: int, now: float) -> None:
        """It did not answer."""
        self._suspect(Rumour(Claim.suspect, uid, self._incarnations.get(uid, 0), self._local), now)

    def take(self, rumour: Rumour, now: float) -> bool:
        """Believe a rumour or not. Returns whether it was an accusation of this node that had to be refuted."""
        known = self._incarnations.get(rumour.subject, 0)
        if rumour.subject == self._local:
            return self._refute(rumour, known)
        if rumour.subject in self.nodes:
            match rumour.claim:
                case Claim.alive if rumour.incarnation > known:
                    self._absolve(rumour)
                case Claim.suspect if rumour.incarnation >= known:
                    self._suspect(rumour, now)
                case Claim.dead if rumour.incarnation >= known:
                    self._declare_dead(rumour, now)
                case Claim.alive | Claim.suspect | Claim.dead:
                    pass  # older than what is known
        return False

    def accusation(self, uid: int) -> Rumour | None:
        """Return the accusation that its subject should receive, so that it can refute it."""
        incarnation = self._incarnations.get(uid, 0)
        if uid in self.dead:
            return Rumour(Claim.dead, uid, incarnation, self._local)
        if uid in self._suspicions:
            return Rumour(Claim.suspect, uid, incarnation, self._local)
        return None

    def expire(self, now: float) -> None:
        """Take suspects for dead whose time to refute is over, unless they were heard meanwhile."""
        for uid, suspicion in [*self._suspicions.items()]:
            if now < suspicion.deadline:
                continue
            if self.heard_since(uid, suspicion.began):
                del self._suspicions[uid]
            else:
                self._declare_dead(Rumour(Claim.dead, uid, self._incarnations.get(uid, 0), self._local), now)

    def deadlines(self) -> Iterable[float]:
        return (suspicion.deadline for suspicion in self._suspicions.values())

    def suspiciousness(self, uid: int, now: float) -> float:
        """Below 1.0 while the suspect may still refute, and growing by 1.0 a period once it counts as dead."""
        if uid in self.dead:
            return 1.0 + max(0.0, now - self.dead[uid]) / self._period
        suspicion = self._suspicions.get(uid)
        if suspicion is None:
            return 0.0
        return min(1.0, max(0.0, now - suspicion.began) / (suspicion.deadline - suspicion.began))

    def move_on(self, gap: float) -> None:
        """As if the last `gap` seconds had not been."""
        for suspicion in self._suspicions.values():
            suspicion.move_on(gap)

    def validate(self) -> None:
        """Raises AssertionError where an invariant is broken."""
        assert self._suspicions.keys().isdisjoint(self.dead), (self._suspicions, self.dead)
        assert self._suspicions.keys() | self.dead.keys() <= self.nodes.keys(), self.nodes

    def _refute(self, rumour: Rumour, known: int) -> bool:
        if rumour.claim is Claim.alive:
            return False
        news = rumour.incarnation >= known
        # The sender of an older accusation has missed its refutation: it is spread once more.
        incarnation = rumour.incarnation + 1 if news else known
        self._incarnations[self._local] = incarnation
        self.rumours.spread(Rumour(Claim.alive, self._local, incarnation, self._local))
        return news

    def _absolve(self, rumour: Rumour) -> None:
        self._incarnations[rumour.subject] = rumour.incarnation
        self._suspicions.pop(rumour.subject, None)
        self.dead.pop(rumour.subject, None)
        self.rumours.spread(rumour)

    def _suspect(self, rumour: Rumour, now: float) -> None:
        if rumour.subject in self.dead:
            return
        suspicion = self._suspicions.get(rumour.subject)
        if suspicion is None:
            self._suspicions[rumour.subject] = Suspicion.against(
                rumour.accuser, members=len(self.nodes) + 1, periods=self._mult, period=self._period, now=now
            )
        elif not suspicion.confirm(rumour.accuser, now):
            return
        self._incarnations[rumour.subject] = rumour.incarnation
        self.rumours.spread(rumour)

    def _declare_dead(self, rumour: Rumour, now: float) -> None:
        if rumour.subject in self.dead:
            return
        self._suspicions.pop(rumour.subject, None)
        self.dead[rumour.subject] = now
        self._incarnations[rumour.subject] = rumour.incarnation
        self.rumours.spread(rumour)
