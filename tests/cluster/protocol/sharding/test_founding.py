"""What comes before the first grant of a replicated shard: copies, their first view, and that all nodes know of it."""

from collections import Counter

from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.sharding.allocation import LeastShards
from casty_cluster.protocol.sharding.effects import Warn
from casty_cluster.protocol.sharding.replicating import KEEP_TIMEOUT
from casty_cluster.wire.replication import Epoch
from casty_cluster.wire.sharding import (
    CopyReport,
    CopyState,
    ForcePromote,
    FoundShard,
    GetHome,
    KeepCopy,
    KnowShards,
    ShardCopies,
)

from tests.cluster.protocol.sharding.coordination import FIRST, to
from tests.cluster.protocol.sharding.copied import FOUNDED, Copied, granted, state
from tests.cluster.protocol.sharding.membership import A, B, C, D, viewed


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


def test_shards_that_are_founded_while_a_node_stores_others_come_in_one_message_afterwards() -> None:
    part = Copied(A, B, C, knows=False)
    for shard in (7, 8, 9):
        part.hear(B, GetHome(shard, 0))
    assert [effect.message for effect in part.keeps(A, B, C)] == [KnowShards(1, (7,))] * 3
    assert part.keeps(A, B, C, shard=8) == part.keeps(A, B, C, shard=9) == []
    assert part.hear(C, CopyReport(1, (), last=False, known=(7,))) == [to(C, KnowShards(1, (8, 9)))]


def test_a_node_that_joins_learns_which_shards_exist() -> None:
    part = Copied(A, B, C, knows=False)
    for node in (A, B, C):
        part.reports(node, state(node, "a", "b", "c"))
        part.hear(node, CopyReport(1, (), last=False, known=(7, 8)))
    part.give(viewed(A, [A, B, C, D]))
    assert part.joins(D, known=(8,)) == [to(D, KnowShards(1, (7,)))]


def test_shards_that_are_asked_for_at_once_are_spread_over_the_nodes() -> None:
    part = Copied(A, B, C, strategy=LeastShards(), founds=False)
    for shard in range(9):
        part.hear(A, GetHome(shard, 0))
    assert Counter(part.machine._waiting.values()) == {A: 3, B: 3, C: 3}
    part.keeps(A, B, C, shard=0)
    part.hear(A, GetHome(9, 0))
    assert part.machine._waiting[0] == A, "it is founded where it was to run"
