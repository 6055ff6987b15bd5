"""When unreachable members are decided about."""

from asyncio import CancelledError
from dataclasses import dataclass, field, replace
from typing import Any, cast, override

import pytest
from casty.member import Member, MemberStatus, NodeId
from casty.spi.downing import Acquire, Decision, Down, MembershipView
from casty_cluster.protocol.membership.settings import MembershipSettings
from casty_cluster.protocol.membership.split import SplitWatch

NODES = [NodeId("h", 1, uid) for uid in range(1, 6)]
A, B, C, D, E = NODES
DOWN = Down(frozenset({C}), "because")
ACQUIRE = Acquire(
    store="memory://",
    lease="downing",
    owner="me",
    seconds=40.0,
    delay=0.0,
    won=DOWN,
    lost=Down(frozenset({A}), "no lease"),
)


@dataclass(slots=True)
class Scripted:
    """Returns the decision of a test, and counts how often it is asked."""

    decision: Decision = DOWN
    asked: list[MembershipView] = field(default_factory=list[MembershipView])

    def decide(self, view: MembershipView) -> Decision:
        self.asked.append(view)
        return self.decision


def view(*unreachable: NodeId, members: int = 5) -> MembershipView:
    return MembershipView(
        local=A,
        members=[
            Member(node=node, node_id=str(node), status=MemberStatus.up, up_number=node.uid) for node in NODES[:members]
        ],
        unreachable=frozenset(unreachable),
        observations={A: frozenset(unreachable)} if unreachable else {},
    )


def watch(strategy: Scripted, *, down_all_when_unstable: bool = True) -> SplitWatch:
    return SplitWatch(strategy, MembershipSettings(system="bank", down_all_when_unstable=down_all_when_unstable))


def decisions(machine: SplitWatch, until: float) -> list[tuple[float, Decision]]:
    """What is decided as time passes."""
    found: list[tuple[float, Decision]] = []
    while (now := machine.next_deadline()) is not None and now <= until:
        found.append((now, machine.decide(now)))
        if found[-1][1] is not None:
            break
    return found


def test_nothing_is_decided_while_all_are_reachable() -> None:
    machine = watch(Scripted())
    machine.observe(view(), 0.0)
    assert machine.next_deadline() is None
    assert machine.decide(100.0) is None


def test_it_is_decided_once_nothing_has_changed_for_a_while() -> None:
    machine = watch(Scripted())
    machine.observe(view(C), 10.0)
    machine.observe(view(C), 13.0)
    assert machine.decide(13.9) is None
    assert decisions(machine, 100.0) == [(14.0, DOWN)]


@pytest.mark.parametrize(("members", "seconds"), [(3, 4.0), (5, 4.0), (6, 7.0), (10, 7.0), (20, 10.0), (100, 20.0)])
def test_a_larger_cluster_takes_longer(members: int, seconds: float) -> None:
    assert MembershipSettings(system="bank").stable_for(members) == seconds


def test_every_change_starts_the_clock_again() -> None:
    machine = watch(Scripted())
    machine.observe(view(C), 0.0)
    machine.observe(view(C, D), 2.0)
    assert decisions(machine, 100.0) == [(6.0, DOWN)]


def test_joining_members_do_not_start_the_clock_again() -> None:
    machine = watch(Scripted())
    machine.observe(view(C), 0.0)
    joining = Member(node=NodeId("h", 1, 9), node_id="9")
    machine.observe(replace(view(C), members=[*view(C).members, joining]), 2.0)
    assert decisions(machine, 100.0) == [(7.0, DOWN)], "a cluster of six takes 7 s, from the first observation on"


def test_it_is_over_when_all_are_reachable_again() -> None:
    machine = watch(Scripted())
    machine.observe(view(C), 0.0)
    machine.observe(view(), 3.0)
    assert machine.next_deadline() is None
    machine.observe(view(C), 4.0)
    assert decisions(machine, 100.0) == [(8.0, DOWN)]


def test_a_strategy_that_waits_is_asked_again() -> None:
    strategy = Scripted(None)
    machine = watch(strategy)
    machine.observe(view(C), 0.0)
    assert [now for now, _ in decisions(machine, 13.0)] == [4.0, 8.0, 12.0]
    assert len(strategy.asked) == 3


class Signal(BaseException):
    """As test frameworks have them."""


class Failing(Scripted):
    """Raises what it would return otherwise."""

    @override
    def decide(self, view: MembershipView) -> Decision:
        self.asked.append(view)
        raise cast("BaseException", self.decision)


@pytest.mark.parametrize("error", [ValueError("a bug"), Signal("now"), CancelledError()])
def test_a_strategy_that_raises_decides_nothing_and_is_asked_again(error: BaseException) -> None:
    strategy = Failing(cast("Any", error))
    machine = watch(strategy)
    machine.observe(view(C), 0.0)
    assert decisions(machine, 9.0) == [(4.0, None), (8.0, None)]
    assert machine.take_failure() == f"the downing strategy Failing raised {error!r}"
    assert machine.take_failure() == ""
    assert machine.why(C) is None


@pytest.mark.parametrize(
    "nonsense",
    [
        "all",
        {C},
        Down(cast("Any", "C"), "because"),
        Down(cast("Any", None), "because"),
        Down(frozenset({C}), cast("Any", None)),
        replace(ACQUIRE, lost=cast("Any", None)),
        replace(ACQUIRE, seconds=cast("Any", "long")),
        replace(ACQUIRE, store=cast("Any", None)),
    ],
)
def test_a_strategy_that_returns_nonsense_decides_nothing(nonsense: object) -> None:
    machine = watch(Scripted(cast("Any", nonsense)))
    machine.observe(view(C), 0.0)
    assert decisions(machine, 5.0) == [(4.0, None)]
    assert machine.take_failure() == f"the downing strategy Scripted returned {nonsense!r}, which is no decision"


def test_the_nodes_of_a_decision_may_be_in_any_collection() -> None:
    decision = Down(cast("Any", [C]), "because")
    machine = watch(Scripted(decision))
    machine.observe(view(C), 0.0)
    assert decisions(machine, 5.0) == [(4.0, decision)]


def flapping(machine: SplitWatch) -> None:
    for second in range(7):
        machine.observe(view(C, *((D,) if second % 2 else ())), float(second))


def test_a_node_whose_view_is_never_stable_downs_itself() -> None:
    machine = watch(Scripted())
    flapping(machine)
    ((when, decision),) = decisions(machine, 100.0)
    assert when == 7.0
    assert isinstance(decision, Down)
    assert decision.nodes == {A}


def test_unless_its_settings_have_it_wait_for_ever() -> None:
    machine = watch(Scripted(), down_all_when_unstable=False)
    flapping(machine)
    assert decisions(machine, 100.0) == [(10.0, DOWN)]


def test_a_pause_of_its_own_starts_the_clock_again() -> None:
    machine = watch(Scripted())
    machine.observe(view(C), 0.0)
    machine.restart(30.0)
    assert machine.decide(30.0) is None
    assert decisions(machine, 100.0) == [(34.0, DOWN)]


@pytest.mark.parametrize(("won", "outcome"), [(True, ACQUIRE.won), (False, ACQUIRE.lost)])
def test_a_lease_decides(won: bool, outcome: Down) -> None:
    machine = watch(Scripted(ACQUIRE))
    machine.observe(view(C), 0.0)
    assert machine.decide(4.0) == ACQUIRE
    assert machine.next_deadline() is None, "nothing is decided while the lease is asked for"
    assert machine.lease_decided(ACQUIRE, won=won) == outcome
    assert machine.lease_decided(ACQUIRE, won=won) is None


def test_a_lease_that_is_no_longer_pending_decides_nothing() -> None:
    machine = watch(Scripted(ACQUIRE))
    machine.observe(view(C), 0.0)
    machine.decide(4.0)
    machine.observe(view(), 5.0)
    assert machine.lease_decided(ACQUIRE, won=False) is None
    machine.observe(view(C), 6.0)
    assert machine.lease_decided(ACQUIRE, won=False) is None, "it was asked for in an earlier split"
    assert machine.decide(10.0) == ACQUIRE
    assert machine.lease_decided(replace(ACQUIRE, owner="another"), won=False) is None
    assert machine.lease_decided(ACQUIRE, won=True) == DOWN


def test_without_a_strategy_nothing_is_decided() -> None:
    machine = SplitWatch(None, MembershipSettings(system="bank"))
    machine.observe(view(C), 0.0)
    assert machine.next_deadline() is None
    assert machine.decide(100.0) is None


def agreed(*agreeing: NodeId, on: NodeId = C) -> MembershipView:
    return replace(view(on), observations={node: frozenset({on}) for node in agreeing})


def test_it_is_decided_sooner_where_what_cannot_be_reached_refuses_connections_and_all_agree() -> None:
    machine = watch(Scripted())
    machine.observe(agreed(A, B, D, E), 0.0, {C})
    assert decisions(machine, 100.0) == [(2.0, DOWN)]


def test_a_refusal_shortens_nothing_while_one_member_still_reaches_the_other() -> None:
    """A proxy in between, or a firewall, may refuse for a node that lives."""
    machine = watch(Scripted())
    machine.observe(agreed(A, B, D), 0.0, {C})
    assert decisions(machine, 100.0) == [(4.0, DOWN)]


def test_a_refusal_shortens_nothing_where_another_one_is_unreachable_without_it() -> None:
    machine = watch(Scripted())
    observations = {node: frozenset({C, D}) for node in (A, B, E)}
    machine.observe(replace(view(C, D), observations=observations), 0.0, {C})
    assert decisions(machine, 100.0) == [(4.0, DOWN)]


def test_a_refusal_does_not_make_it_unstable_sooner() -> None:
    """The last to notice may be three seconds later than the first."""
    machine = watch(Scripted())
    machine.observe(agreed(A), 0.0, {C})
    machine.observe(agreed(A, B), 1.8, {C})
    machine.observe(agreed(A, B, D, E), 3.6, {C})
    assert decisions(machine, 100.0) == [(5.6, DOWN)]


def test_in_a_large_cluster_five_observers_are_enough() -> None:
    nodes = [NodeId("h", 1, uid) for uid in range(1, 30)]
    members = [Member(node=node, node_id=str(node), status=MemberStatus.up, up_number=node.uid) for node in nodes]
    for agreeing, due in ((4, 20.0), (5, 10.0)):
        machine = watch(Scripted())
        observations = {node: frozenset({nodes[-1]}) for node in nodes[:agreeing]}
        seen = MembershipView(
            local=nodes[0], members=members, unreachable=frozenset({nodes[-1]}), observations=observations
        )
        machine.observe(seen, 0.0, {nodes[-1]})
        assert machine.next_deadline() == due
