"""The promises for one epoch: whether they suffice, and which history of each entity the next primary continues.

Theory of operation. The promises must come from the group that kept the shard last. The reports name the newest view
that each copy knows, and its group is asked in turn. A view is stored where the promises of the group before it meet
it, so the last one that has taken over is always found. A view may also be found that has not: it is known to few
copies, and other primaries may not find it. It names the groups that may not know it, and all of them are asked, so
that two primaries meet there. Where neither finds the other's view, only one can seal its own: both need the same
copies for that.

The first view leaves a group as well: the founders, which every coordinator of a membership names alike, on nodes that
need not keep the shard. A majority of them must promise, and store the view before it is active. So of two coordinators
that do not know of each other, one finds the other's view, or takes the promises away that it needs.

The copy that was confirmed at the latest epoch, or holds an event of it, has all that was stored before that epoch; of
two such copies the one with more events has what was stored in it. An entity that such a copy does not have has no
history: an event of it on another copy was not stored by enough of them. Thus the order of histories is by epoch first,
and by number second. The number alone would prefer the long history of a primary that was cut off to a short one that
was acknowledged.

The rule is that of Viewstamped Replication ("the largest last normal view, then the largest op-number", Liskov and
Cowling 2012) for many histories at once; that of Raft (§5.4.1) with one entry for a new term in each history would need
a write for each entity. Views that follow each other are those of Vertical Paxos (Lamport, Malkhi and Zhou 2009).
"""

from collections.abc import Collection

from casty_cluster.protocol.replication.decision import Decision, Report
from casty_cluster.protocol.replication.lives import Lives
from casty_cluster.protocol.replication.quorum import decides
from casty_cluster.wire.replication import (
    BEFORE,
    CopyId,
    Epoch,
    Group,
    KnownLives,
    Position,
    Promised,
    View,
    from_positions,
)


class Promises:
    """See the module."""

    def __init__(self, local: CopyId, view: View, previous: View, lives: KnownLives, *, forced: bool) -> None:
        """`view`: the one that is to come. `lives`: those that the local copy knows. `forced`: any promises suffice."""
        self.lives = Lives(lives)
        self._local = local
        self._view = view
        self._previous = previous
        self._forced = forced
        self._decided = False
        self._reports: dict[CopyId, Report] = {}

    def __contains__(self, copy: CopyId) -> bool:
        """Whether the promise of that copy is there, with all parts of its report, and not on an old disk."""
        report = self._reports.get(copy)
        return report is not None and report.is_complete and not self.lives.is_outdated(copy, report.life)

    @property
    def newest(self) -> View:
        """The view that keeps the shard until the new one does, as far as is known before `decide`."""
        return self._previous

    @property
    def leaves(self) -> tuple[Group, ...]:
        """The groups that the new view replaces: that of the newest one, and those that may not know it."""
        return *self.newest.former, self.newest.group

    @property
    def suffice(self) -> bool:
        return self._local in self and (self._forced or all(decides(group, self._complete) for group in self.leaves))

    @property
    def may_lack_events(self) -> bool:
        """Whether promises may suffice although only a copy that is missing has what was acknowledged."""
        return self._forced or (self.newest.epoch != BEFORE and any(group.min_acks == 0 for group in self.leaves))

    def add(self, copy: CopyId, promised: Promised) -> bool:
        """Add a part of a report. Returns whether it is complete now, and was not before."""
        report, life = self._reports.get(copy), Lives(promised.lives)[copy]
        if report is not None and report.is_complete:
            return False
        if report is None or report.life != life:
            report = self._reports[copy] = Report(life=life)  # parts of two lives may not fit together
        report.confirmed = promised.confirmed
        report.positions.update(from_positions(promised.positions))
        report.parts.add(promised.part)
        report.expected = max(report.expected, promised.parts)
        if not self._decided:
            self.lives.add(promised.lives)
            # Of two that are alike, the stored one: only that is sure to name all epochs at which a loss was accepted.
            self._previous = max(promised.view or self._previous, self._previous, key=novelty)
        return copy in self

    def take_positions(self, copy: CopyId) -> dict[str, Position]:
        """What the copy has reported, once: there may be much of it."""
        report = self._reports[copy]
        positions, report.positions = report.positions, {}
        return positions

    def decide(self) -> Decision:
        """The history of each entity that any report names; an empty one where no event of it was stored for good.

        Views that later reports name are no matter: they cannot take over any more.
        """
        self._decided = True
        # The local copy first: equal histories are alike, and its own needs no copying.
        deciding = [copy for copy in self._complete if self._forced or copy in self.newest.copies]
        deciding.sort(key=lambda copy: copy != self._local)
        return Decision({copy: self._reports[copy] for copy in self._complete}, deciding)

    @property
    def _complete(self) -> list[CopyId]:
        return [copy for copy in self._reports if copy in self]


def founding(founders: Collection[CopyId]) -> View:
    """What the first view leaves: a majority of these copies know whether there has been another one."""
    return View(epoch=BEFORE, copies=tuple(sorted(founders)), min_acks=0)


def novelty(view: View) -> tuple[Epoch, bool]:
    """Of one view, the copy's knowledge that it has taken over for good is the newer."""
    return view.epoch, not view.former
