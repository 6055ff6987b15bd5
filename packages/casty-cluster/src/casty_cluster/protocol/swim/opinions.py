"""What a node thinks of the others: alive, suspect or dead, each of one incarnation.

A rumour counts by its incarnation: an alive one if its is higher than what is known, an accusation if it is not lower.
Nobody but the subject counts its incarnation up, and only to refute an accusation; so of two contradicting rumours all
nodes believe the same one, in whatever order they come.
"""

from collections.abc import Iterable

from casty.member import NodeId

from casty_cluster.protocol.swim.rumours import Rumours
from casty_cluster.protocol.swim.suspicion import Suspicion
from casty_cluster.wire.swim import Claim, Rumour


class Opinions:
    """Of all other members, by their uids. What is news is put into `rumours`."""

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
        """The local one's as well."""
        self._heard: dict[int, float] = {}
        self._ping_nrs: dict[int, int] = {}
        self._suspicions: dict[int, Suspicion] = {}
        self.nodes: dict[int, NodeId] = {}
        self.dead: dict[int, float] = {}
        """Those that are thought dead, and since when."""
        self.rumours = Rumours()

    def members(self, others: Iterable[NodeId]) -> None:
        """From now on these are the others; what was thought of anybody else is forgotten."""
        self.nodes = {node.uid: node for node in others}
        for known in (self._incarnations, self._heard, self._ping_nrs, self._suspicions, self.dead):
            for uid in [uid for uid in known if uid not in self.nodes and uid != self._local]:
                del known[uid]
                self.rumours.forget(uid)

    def heard(self, uid: int, now: float) -> None:
        if uid in self.nodes:
            self._heard[uid] = now

    def pinged_by(self, uid: int, ping_nr: int, now: float) -> None:
        """A sign of life, if it is not the copy of an older ping."""
        if uid in self.nodes and ping_nr > self._ping_nrs.get(uid, 0):
            self._ping_nrs[uid] = ping_nr
            self._heard[uid] = now

    def heard_since(self, uid: int, then: float) -> bool:
        return self._heard.get(uid, float("-inf")) > then

    def accuse(self, uid: int, now: float) -> None:
        """It did not answer."""
        self._suspect(Rumour(Claim.suspect, uid, self._incarnations.get(uid, 0), self._local), now)

    def take(self, rumour: Rumour, now: float) -> bool:
        """Believe a rumour or not; answers whether it was an accusation of ourselves that had to be refuted."""
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
                    self._bury(rumour, now)
                case Claim.alive | Claim.suspect | Claim.dead:
                    pass  # older than what is known
        return False

    def accusation(self, uid: int) -> Rumour | None:
        """What its subject should know, so that it can refute it."""
        incarnation = self._incarnations.get(uid, 0)
        if uid in self.dead:
            return Rumour(Claim.dead, uid, incarnation, self._local)
        if uid in self._suspicions:
            return Rumour(Claim.suspect, uid, incarnation, self._local)
        return None

    def expire(self, now: float) -> None:
        """Bury those whose time to refute a suspicion is over, but for those that were heard of meanwhile."""
        for uid, suspicion in [*self._suspicions.items()]:
            if now < suspicion.deadline:
                continue
            if self.heard_since(uid, suspicion.began):
                del self._suspicions[uid]
            else:
                self._bury(Rumour(Claim.dead, uid, self._incarnations.get(uid, 0), self._local), now)

    def deadlines(self) -> Iterable[float]:
        return (suspicion.deadline for suspicion in self._suspicions.values())

    def suspiciousness(self, uid: int, now: float) -> float:
        """Below 1.0 while it may still refute, and growing by 1.0 a period once it counts as dead."""
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
        # Who comes with an older accusation has missed how it was refuted.
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

    def _bury(self, rumour: Rumour, now: float) -> None:
        if rumour.subject in self.dead:
            return
        self._suspicions.pop(rumour.subject, None)
        self.dead[rumour.subject] = now
        self._incarnations[rumour.subject] = rumour.incarnation
        self.rumours.spread(rumour)
