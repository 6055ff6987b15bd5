"""The coordinator of a replicated region: where copies go, and when a shard is granted to one of them."""

from typing import Any

import pytest
from casty.member import NodeId
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.sharding.coordinator import REBALANCE_INTERVAL, Phase
from casty_cluster.protocol.sharding.effects import Warn
from casty_cluster.protocol.sharding.replicating import KEEP_TIMEOUT, ReplicatingCoordinator
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.wire.replication import Epoch, View
from casty_cluster.wire.sharding import (
    CopyReport,
    CopyState,
    ForcePromote,
    FoundShard,
    GetHome,
    Grant,
    HandOff,
    KeepCopy,
    KnowShards,
    Refused,
    Register,
    Report,
    ShardCopies,
    Started,
    Stopped,
)

from tests.cluster.protocol.sharding.coordination import FIRST, Part, Scripted, to
from tests.cluster.protocol.sharding.membership import A, B, C, D, viewed

NAMES = {A: "a", B: "b", C: "c", D: "d"}
FOUNDED = Epoch(FIRST, A.uid)
"""That of the first view of a new shard, in which nothing runs."""
RUNS = FIRST + 1
"""The epoch at which a new shard runs first."""


class Copied(Part):
    """The coordinator on A of a region that is replicated on some nodes."""

    def __init__(
        self,
        *nodes: NodeId,
        copies: tuple[int, int, str] = (2, 1, ""),
        strategy: Any = None,
        founds: bool = True,
        knows: bool = True,
    ) -> None:
        """`founds`: whether its nodes found shards at once; `knows`: whether they store at once which there are."""
        super().__init__(10, strategy)
        self.copies = copies
        self.founds, self.knows = founds, knows
        self.machine = ReplicatingCoordinator(A, 10, strategy or Scripted(A))
        self.give(viewed(A, nodes))
        for node in nodes:
            self.joins(node)

    def give(self, given: Any, now: float = 0.0) -> list[Any]:
        left: list[Any] = []
        for effect in super().give(given, now):
            match effect:
                case SendSystem(node, FoundShard(_, shard, copies)) if self.founds:
                    left += self.reports(node, CopyState(shard, NAMES[node], copies.epoch, view_of(copies)), now=now)
                case SendSystem(node, KnowShards(_, shards)) if self.knows:
                    left += self.hear(node, CopyReport(1, (), last=False, known=shards), now)
                case _:
                    left.append(effect)
        return left

    def joins(
        self,
        node: NodeId,
        *states: CopyState,
        copies: tuple[int, int, str] | None = None,
        known: tuple[int, ...] = (),
    ) -> list[Any]:
        report = Report(term=1, able=True, num_shards=10, hosted=(), last=True, role="", copies=copies or self.copies)
        return [*self.hear(node, report), *self.hear(node, CopyReport(1, states, last=True, known=known))]

    def reports(self, node: NodeId, *states: CopyState, last: bool = False, now: float = 0.0) -> list[Any]:
        return self.hear(node, CopyReport(1, states, last), now)

    def keeps(self, *nodes: NodeId, shard: int = 7, now: float = 0.0) -> list[Any]:
        """They have created the copies that they were asked for."""
        return [effect for node in nodes for effect in self.reports(node, empty(node, shard), now=now)]

    def runs(self, *nodes: NodeId, shard: int = 7) -> None:
        """The shard runs on the first node, with copies on all."""
        self.hear(nodes[0], GetHome(shard, 0))
        self.keeps(*nodes, shard=shard)
        entry = self.machine.table.entries[shard]
        self.hear(entry.owner, Started(shard, entry.epoch))


KNOWN = Epoch(5, 7)


def empty(node: NodeId, shard: int = 7) -> CopyState:
    return CopyState(shard, NAMES[node], Epoch(0, 0), None)


def view_of(copies: ShardCopies) -> View:
    return View(epoch=copies.epoch, copies=copies.copies, min_acks=copies.min_acks)


def state(node: NodeId, *copies: str, epoch: Epoch = KNOWN, promised: Epoch = KNOWN) -> CopyState:
    view = View(epoch=epoch, copies=copies, min_acks=1) if copies else None
    return CopyState(7, NAMES[node], promised, view)


def granted(*copies: str) -> Grant:
    """The first grant of a new shard."""
    previous = View(epoch=FOUNDED, copies=copies, min_acks=1)
    epoch = Epoch(RUNS, A.uid)
    return Grant(1, 7, RUNS, copies=ShardCopies(epoch=epoch, copies=copies, min_acks=1, previous=previous))


def founding(*copies: str, founders: tuple[str, ...]) -> FoundShard:
    return FoundShard(1, 7, ShardCopies(epoch=FOUNDED, copies=copies, min_acks=1, previous=None, founders=founders))


def test_a_new_shard_is_founded_once_each_chosen_node_has_a_copy_of_it() -> None:
    part = Copied(A, B, C, D, founds=False)
    assert part.hear(B, GetHome(7, 0)) == [to(node, KeepCopy(1, 7)) for node in (A, B, C)]
    assert part.hear(C, GetHome(7, 0)) == [], "they have been asked"
    assert part.keeps(C, A) == []
    assert part.keeps(B) == [to(A, founding("a", "b", "c", founders=("a", "b", "c")))]
    assert part.hear(D, GetHome(7, 0)) == [], "it is being founded"


def test_a_new_shard_runs_once_all_nodes_have_stored_that_it_exists() -> None:
    part = Copied(A, B, C, D, knows=False)
    part.hear(B, GetHome(7, 0))
    assert part.keeps(A, B, C) == [to(node, KnowShards(1, (7,))) for node in (A, B, C, D)]
    for node in (D, A, B):
        assert part.hear(node, CopyReport(1, (), last=False, known=(7,))) == []
    assert part.hear(C, CopyReport(1, (), last=False, known=(7,))) == [to(A, granted("a", "b", "c"))]


def test_a_node_that_does_not_store_in_time_what_exists_holds_up_no_shard() -> None:
    part = Copied(A, B, C, D, knows=False)
    part.hear(B, GetHome(7, 0))
    part.keeps(A, B, C)
    for node in (A, B, C):
        part.hear(node, CopyReport(1, (), last=False, known=(7,)))
    assert part.machine.next_deadline() == KEEP_TIMEOUT
    notice, grant = part.give(Tick(), KEEP_TIMEOUT)
    assert (notice, grant) == (to(D, KnowShards(1, (7,))), to(A, granted("a", "b", "c")))


def test_a_founder_that_does_not_reply_in_time_is_replaced() -> None:
    part = Copied(A, B, C, D, founds=False)
    part.hear(B, GetHome(7, 0))
    part.keeps(A, B, C)
    _, asked = part.give(Tick(), KEEP_TIMEOUT)
    assert asked == to(D, KeepCopy(1, 7))
    [order] = part.keeps(D, now=KEEP_TIMEOUT)
    copies = order.message.copies
    assert (order.to, copies.epoch.counter) == (B, FIRST + 1)
    assert (copies.copies, copies.founders) == (("b", "c", "d"), ("a", "b", "c", "d"))


def test_a_founding_that_is_refused_is_tried_at_a_higher_epoch() -> None:
    part = Copied(A, B, C, founds=False)
    part.hear(B, GetHome(7, 0))
    part.keeps(A, B, C)
    [order] = part.reports(A, CopyState(7, "a", Epoch(FIRST + 9, 3), None))
    assert order.message.copies.epoch == Epoch(FIRST + 10, A.uid)


def test_a_shard_that_exists_and_whose_copies_are_all_away_waits_for_them() -> None:
    part = Copied(A)
    part.give(viewed(A, [A, B]))
    part.joins(B, known=(7,))
    [warning] = part.hear(A, GetHome(7, 0))
    assert isinstance(warning, Warn)
    assert "shard 7 cannot run" in warning.text
    assert "force_promote" in part.machine.obstacles[7]
    part.give(viewed(A, [A, B, C]))
    part.joins(C, state(C, "c", "d"))
    assert part.machine.obstacles == {}
    assert part.hear(A, GetHome(8, 0)) == [to(node, KeepCopy(1, 8)) for node in (A, B, C)], "others are new"


def test_a_shard_whose_copies_are_gone_for_good_is_founded_by_an_operators_order() -> None:
    part = Copied(A, B)
    part.give(viewed(A, [A, B, C]))
    part.joins(C, known=(7,))
    part.hear(A, GetHome(7, 0))
    _, *asked = part.hear(B, ForcePromote(1, 7))
    assert asked == [to(node, KeepCopy(1, 7)) for node in (A, B, C)]
    [grant] = part.keeps(A, B, C)
    assert part.machine.obstacle_to_force(8) == "no node that is there knows shard 8"
    assert (grant.to, grant.message.copies.previous.epoch) == (A, FOUNDED)


def test_a_node_that_joins_learns_which_shards_exist() -> None:
    part = Copied(A, B, C, knows=False)
    for node in (A, B, C):
        part.reports(node, state(node, "a", "b", "c"))
        part.hear(node, CopyReport(1, (), last=False, known=(7, 8)))
    part.give(viewed(A, [A, B, C, D]))
    assert part.joins(D, known=(8,)) == [to(D, KnowShards(1, (7,)))]


def test_no_shard_is_new_before_every_node_has_reported_its_copies() -> None:
    part = Copied(A, B)
    part.give(viewed(A, [A, B, C]))
    part.hear(C, Report(term=1, able=True, num_shards=10, hosted=(), last=True, copies=part.copies))
    assert part.hear(B, GetHome(7, 0)) == []
    assert part.reports(C, last=True) == [to(node, KeepCopy(1, 7)) for node in (A, B, C)]


def test_a_shard_that_a_node_knows_goes_to_a_copy_of_the_newest_view_without_being_asked_for() -> None:
    part = Copied(A, B, C, strategy=Scripted(C))
    newest = View(epoch=Epoch(5, 7), copies=("a", "b"), min_acks=1)
    part.reports(A, state(A, "a", "b"))
    part.reports(C, state(C, "c", "d", epoch=Epoch(3, 7)))
    part.reports(B, state(B, "b", "c", epoch=Epoch(4, 9)))
    [entry] = part.machine.table.entries.values()
    assert entry.owner in (A, B), "C has no copy of the newest view"
    copies = part.machine._granted[7]
    assert (copies.copies[0], copies.previous) == (NAMES[entry.owner], newest)


def test_a_coordinator_starts_the_shards_that_it_learns_of_while_reports_are_missing() -> None:
    part = Copied()
    part.give(viewed(A, [A, B]))
    part.joins(A, state(A, "a", "b"))
    assert part.machine.table.entries == {}
    part.joins(B, state(B, "b", "a"))
    assert part.machine.table.entries.keys() == {7}


def test_the_epoch_of_a_grant_exceeds_all_that_copies_have_promised() -> None:
    part = Copied(A)
    part.give(viewed(A, [A, B]))
    known = state(B, "b", "a", promised=Epoch(FIRST + 9, 3))
    part.joins(B, known)
    part.keeps(A)
    [entry] = part.machine.table.entries.values()
    assert (entry.owner, entry.epoch) == (B, FIRST + 10)


@pytest.mark.parametrize("refused_at", [0, RUNS + 100])
def test_a_primary_that_is_refused_is_granted_a_higher_epoch(refused_at: int) -> None:
    part = Copied(A, B, C)
    part.hear(A, GetHome(7, 0))
    part.keeps(A, B, C)
    [again] = part.hear(A, Refused(7, RUNS, refused_at))
    assert again.message.copies.epoch == Epoch(max(RUNS, refused_at) + 1, A.uid)


@pytest.mark.parametrize("state", ["granted", "running"])
def test_a_node_that_stops_a_shard_by_itself_is_not_the_next_to_get_it(state: str) -> None:
    """Its disk has failed, and will fail again."""
    part = Copied(A, B, C)
    part.hear(A, GetHome(7, 0))
    part.keeps(A, B, C)
    if state == "running":
        part.hear(A, Started(7, RUNS))
    *_, grant = part.hear(A, Stopped(7, RUNS))
    assert grant.to != A
    *_, again = part.hear(grant.to, Stopped(7, RUNS + 1))
    assert again.to != grant.to


def test_too_few_nodes_for_min_acks_have_no_shard() -> None:
    part = Copied(A)
    assert part.hear(A, GetHome(7, 0)) == [to(A, KeepCopy(1, 7))]
    why = "shard 7 waits for more nodes: min_acks=1 takes 2 nodes that run the region, and 1 can keep a copy"
    assert {*part.keeps(A)} == {Warn(why, "too few nodes")}
    part.give(viewed(A, [A, B]))
    assert part.joins(B) == [to(B, KeepCopy(1, 7))]
    assert part.keeps(B) == [to(A, granted("a", "b"))]


def test_a_loss_that_an_operator_has_accepted_stays_in_the_views_that_follow() -> None:
    part = Copied(A, B, C)
    part.runs(A, B, C)
    *_, order = part.hear(B, ForcePromote(1, 7))
    assert order == to(A, HandOff(1, 7, RUNS))
    [grant] = part.hear(A, Stopped(7, RUNS))
    assert grant.message.copies.forced
    part.hear(A, Started(7, RUNS + 1))
    [grant] = part.hear(A, Refused(7, RUNS + 1, 0))
    copies = grant.message.copies
    assert (copies.forced, copies.previous.forced) == (False, (Epoch(RUNS + 1, A.uid),))


def test_copies_go_to_different_zones_first() -> None:
    nodes = [A, B, C, D]
    part = Copied(*nodes, copies=(2, 1, "zone:"))
    roles = {A: ["zone:1"], B: ["zone:1"], C: ["zone:2"], D: ["other", "zone:3"]}
    part.give(viewed(A, nodes, roles=roles))
    assert part.hear(A, GetHome(7, 0)) == [to(node, KeepCopy(1, 7)) for node in (A, C, D)]


def test_a_node_that_creates_no_copy_in_time_is_replaced() -> None:
    part = Copied(A, B, C, D)
    part.hear(A, GetHome(7, 0))
    part.keeps(A, C)
    assert part.machine.next_deadline() == KEEP_TIMEOUT
    assert part.give(Tick(), KEEP_TIMEOUT) == [to(D, KeepCopy(1, 7))]
    assert part.keeps(D) == [to(A, granted("a", "c", "d"))]


def test_the_copies_that_are_left_take_over_and_the_place_of_the_lost_one_is_kept() -> None:
    part = Copied(A, B, C, strategy=Scripted(B))
    part.runs(B, A, C)
    view = View(epoch=Epoch(RUNS, A.uid), copies=("b", "a", "c"), min_acks=1)
    part.machine.placement.strategy = Scripted(C)
    [grant] = part.give(viewed(A, [A, C]))
    copies = ShardCopies(epoch=Epoch(RUNS + 1, A.uid), copies=("c", "a", "b"), min_acks=1, previous=view)
    assert grant == to(C, Grant(1, 7, RUNS + 1, copies=copies))


def test_a_lost_copy_keeps_no_place_where_the_others_could_not_go_on_without_it() -> None:
    part = Copied(A, B, C, copies=(1, 1, ""))
    part.runs(A, B)
    part.machine.placement.strategy = Scripted(B)
    part.give(viewed(A, [A, C]))
    part.give(viewed(A, [A]))
    assert [part.machine._groups.group(7, [A], FOUNDED, forced=False)] == [None]


def test_another_node_takes_the_place_of_a_copy_that_is_gone() -> None:
    part = Copied(A, B, C)
    part.runs(A, B, C)
    part.give(viewed(A, [A, B, D]))
    part.joins(D)
    assert part.give(Tick(), REBALANCE_INTERVAL) == [to(D, KeepCopy(1, 7))]
    assert part.keeps(D) == []
    assert part.give(Tick(), 2 * REBALANCE_INTERVAL) == [to(A, HandOff(1, 7, RUNS))]
    [grant] = part.hear(A, Stopped(7, RUNS))
    assert (grant.to, grant.message.copies.copies) == (A, ("a", "b", "d"))


def test_a_shard_moves_to_a_copy_and_to_another_node_only_after_that_has_one() -> None:
    strategy = Scripted(A)
    part = Copied(A, B, C, D, strategy=strategy)
    part.runs(A, B, C)
    strategy.moves = [(7, B)]
    assert part.give(Tick(), REBALANCE_INTERVAL) == [to(A, HandOff(1, 7, RUNS))]
    [grant] = part.hear(A, Stopped(7, RUNS))
    assert (grant.to, grant.message.copies.copies) == (B, ("b", "a", "c"))
    part.hear(B, Started(7, RUNS + 1))
    strategy.moves = [(7, D)]
    assert part.give(Tick(), 2 * REBALANCE_INTERVAL) == [to(B, HandOff(1, 7, RUNS + 1))]
    assert part.hear(B, Stopped(7, RUNS + 1)) == [to(D, KeepCopy(1, 7))]
    [grant] = part.keeps(D)
    assert (grant.to, grant.message.copies.copies) == (B, ("b", "d", "a"))


def test_a_node_with_other_settings_is_reported_and_goes_by_those_of_the_first() -> None:
    part = Copied(A, B)
    part.give(viewed(A, [A, B, C]))
    [warning, *_] = part.joins(C, copies=(3, 2, ""))
    assert isinstance(warning, Warn)
    assert "replicas=3, min_acks=2" in warning.text
    part.hear(A, GetHome(7, 0))
    assert part.keeps(A, B, C) == [to(A, granted("a", "b", "c"))]


def test_a_node_that_replicates_nothing_is_granted_no_shard() -> None:
    part = Copied(A, B)
    part.give(viewed(A, [A, B, C]))
    part.report(C)
    part.machine.placement.strategy = Scripted(C)
    effects = part.hear(A, GetHome(7, 0))
    assert {effect.to for effect in effects if isinstance(effect, SendSystem)} == {A, B}


def test_reports_of_other_terms_and_of_strangers_change_nothing() -> None:
    part = Copied(A, B)
    assert part.hear(B, CopyReport(9, (state(B, "b"),), True)) == []
    assert part.hear(D, CopyReport(1, (state(D, "d"),), True)) == []
    assert part.machine.table.entries == {}


def test_a_late_node_brings_its_copies() -> None:
    part = Copied(A)
    part.give(viewed(A, [A, B]))
    part.report(B, able=False)
    assert part.hear(B, Register(role="", copies=part.copies)) == []
    part.reports(B, state(B, "b", "a"), last=True)
    part.keeps(A)
    assert part.machine.table.entries[7].owner == B


def test_a_coordinator_that_retires_forgets_its_copies() -> None:
    part = Copied(A, B, C)
    part.hear(A, GetHome(7, 0))
    part.give(viewed(A, [A, B, C], retiring=[A]))
    assert part.machine.phase is Phase.retired
    assert part.machine.next_deadline() is None
