"""What operators see of a region: what one node knows at once, and what all nodes report."""

from casty.regions import RegionState, ShardState, ShardStatus
from casty_cluster.protocol.sharding.coordinator import Coordinator
from casty_cluster.protocol.sharding.inputs import Claimed, Rebalance, Received
from casty_cluster.protocol.sharding.overview import overview
from casty_cluster.protocol.sharding.owner import Hosted
from casty_cluster.protocol.sharding.region import Region
from casty_cluster.protocol.sharding.survey import Survey
from casty_cluster.wire.sharding import GetHome, Grant, Hello, HostPhase, ShardHome, Started, StateReport

from tests.cluster.protocol.sharding.coordination import FIRST, Part, Scripted, active
from tests.cluster.protocol.sharding.membership import A, B, C, viewed

VIEW = viewed(A, [A, B, C]).state


def seen(part: Part) -> RegionState:
    """What the coordinator's node knows."""
    return overview("accounts", VIEW, Region[int](A, 100), part.machine)


def test_the_coordinator_knows_each_shard_that_has_an_owner() -> None:
    part = active(A, B, C)
    for shard in (7, 3):
        part.hear(A, GetHome(shard, 0))
    part.hear(B, Started(7, FIRST))
    state = seen(part)
    assert state.shards == (
        ShardState(3, B, FIRST, ShardStatus.starting),
        ShardState(7, B, FIRST, ShardStatus.running),
    )
    assert (state.name, state.num_shards, state.coordinator, state.nodes) == ("accounts", 100, A, (A, B, C))
    assert state.is_complete
    part.machine.placement.strategy = Scripted(moves=[(7, C)])
    part.give(Rebalance())
    assert seen(part).moving == (ShardState(7, B, FIRST, ShardStatus.moving, target=C),)


def test_a_coordinator_that_is_not_ready_names_the_nodes_that_it_waits_for() -> None:
    part = Part()
    part.give(viewed(A, [A, B, C]))
    part.report(A)
    part.report(B, Hosted(7, 9, HostPhase.running))
    state = seen(part)
    assert state.shards == (ShardState(7, B, 9),)
    assert state.missing == (C,)
    assert not state.is_complete


def test_another_node_knows_its_own_shards_and_those_that_it_sends_messages_to() -> None:
    region = Region[int](B, 100)
    view = viewed(B, [A, B, C])
    region.handle(view, 0.0)
    region.handle(Received(A, Hello(1, 100)), 0.0)
    region.handle(Received(A, Grant(1, 7, 5)), 0.0)
    region.handle(Claimed(7, 5), 0.0)
    region.handle(Received(A, Grant(1, 8, 5)), 0.0)
    region.handle(Received(A, ShardHome(term=1, shard=3, owner=C, epoch=6)), 0.0)
    state = overview("accounts", view.state, region, Coordinator(B, 100))
    assert state.shards == (
        ShardState(3, C, 6),
        ShardState(7, B, 5),
        ShardState(8, B, 5, ShardStatus.starting),
    )
    assert state.coordinator == A
    assert state.missing == (A, C)


def report(*hosted: tuple[int, int, str, int], last: bool = True) -> StateReport:
    return StateReport(number=1, hosted=hosted, last=last)


def test_a_survey_is_over_when_each_member_has_sent_its_last_report() -> None:
    survey = Survey("accounts", 100, (A, B))
    survey.take(B, report((7, 5, "running", 2), last=False))
    survey.take(A, StateReport(number=1, coordinates=True, nodes=(A, B), targets=((8, A),)))
    assert not survey.is_over
    assert survey.result().missing == (B,)
    survey.take(B, report((8, 5, "draining", 1)))
    assert survey.is_over
    state = survey.result()
    assert state.shards == (
        ShardState(7, B, 5, entities=2),
        ShardState(8, B, 5, ShardStatus.moving, target=A, entities=1),
    )
    assert (state.entities, state.coordinator, state.nodes, state.missing) == (3, A, (A, B), ())
    assert state.on(B) == state.shards


def test_of_two_reports_of_a_shard_the_higher_epoch_counts() -> None:
    survey = Survey("accounts", 100, (A, B, C))
    survey.take(A, report((7, 6, "running", 0)))
    survey.take(B, report((7, 5, "draining", 0)))
    survey.take(C, report((7, 8, "running", 0)))
    assert [(state.owner, state.epoch) for state in survey.result().shards] == [(C, 8)]


def test_a_removed_member_is_not_waited_for_and_a_stranger_does_not_count() -> None:
    survey = Survey("accounts", 100, (A, B))
    survey.take(C, report((7, 5, "running", 0)))
    survey.take(A, StateReport(number=1, coordinates=True, missing=(C,)))
    survey.removed([A, C])
    assert survey.is_over
    state = survey.result()
    assert state.shards == ()
    assert state.missing == (C,)  # the coordinator waits for it


def test_nonsense_in_a_report_is_left_out() -> None:
    survey = Survey("accounts", 100, (A,))
    survey.take(A, report((100, 1, "running", 0), (-1, 1, "running", 0), (7, 1, "dancing", 0)))
    assert survey.result().shards == (ShardState(7, A, 1, ShardStatus.moving, entities=0),)
