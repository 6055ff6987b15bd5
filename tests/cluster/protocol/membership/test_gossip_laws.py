"""G1: merging states is commutative, associative and idempotent, and loses nothing.

The states are those of replicas that a random history has led apart. `CASTY_LAW_EXAMPLES` sets how many are drawn.
"""

import os
from dataclasses import dataclass, replace

from casty.member import Member, MemberStatus, NodeId
from casty_cluster.protocol.membership.gossip import MAX_TOMBSTONES, RANK, GossipState
from casty_cluster.protocol.membership.vector_clock import Order
from hypothesis import given, settings
from hypothesis import strategies as st

NODES = [NodeId("h", 1, uid) for uid in range(1, 7)]
EXAMPLES = int(os.environ.get("CASTY_LAW_EXAMPLES", "300"))


@dataclass(frozen=True, slots=True)
class Step:
    """One change at one replica; the replica's own node makes it."""

    what: str
    replica: int
    subject: int


STEPS = st.lists(
    st.builds(
        Step,
        what=st.sampled_from(["admit", "raise", "give up", "observe", "remove", "tell"]),
        replica=st.integers(0, 2),
        subject=st.integers(0, len(NODES) - 1),
    ),
    max_size=25,
)


def founded() -> GossipState:
    state = GossipState.founded_by(Member(node=NODES[0], node_id="1"))
    others = [Member(node=node, node_id=str(node.uid), status=MemberStatus.up) for node in NODES[1:3]]
    return state.set(*(replace(member, up_number=member.node.uid) for member in others)).changed_by(NODES[0])


def replicas(steps: list[Step]) -> list[GossipState]:
    """What three nodes know after these steps."""
    states = [founded().seen_by(node) for node in NODES[:3]]
    for now, step in enumerate(steps):
        states[step.replica] = after(step, states, float(now))
    return states


def after(step: Step, states: list[GossipState], now: float) -> GossipState:
    state, local, node = states[step.replica], NODES[step.replica], NODES[step.subject]
    if step.what == "tell":
        merged = state.merge(states[step.subject % 3])
        return merged.seen_by(local) if local in merged.members else merged
    changed = change(step.what, state, local, node, now)
    return state if changed is state or local not in changed.members else changed.changed_by(local)


def change(what: str, state: GossipState, local: NodeId, node: NodeId, now: float) -> GossipState:
    member = state.members.get(node)
    if what == "admit" and member is None and node not in state.tombstones:
        return state.set(Member(node=node, node_id=str(node.uid)))
    if member is None:
        return state
    match what:
        case "raise" if member.status is MemberStatus.joining:
            return state.set(replace(member, status=MemberStatus.up, up_number=node.uid))
        case "raise" if member.status is MemberStatus.up:
            return state.set(replace(member, status=MemberStatus.leaving))
        case "give up":
            return state.set(replace(member, status=MemberStatus.down))
        case "observe" if node != local:
            return state.observe(local, state.reachability.row(local).unreachable ^ {node})
        case "remove" if node != local:
            return state.remove([node], now)
        case _:
            return state


@settings(max_examples=EXAMPLES, deadline=None)
@given(STEPS)
def test_merging_is_commutative(steps: list[Step]) -> None:
    a, b, _ = replicas(steps)
    assert a.merge(b) == b.merge(a)


@settings(max_examples=EXAMPLES, deadline=None)
@given(STEPS)
def test_merging_is_associative(steps: list[Step]) -> None:
    a, b, c = replicas(steps)
    assert a.merge(b).merge(c) == a.merge(b.merge(c))


@settings(max_examples=EXAMPLES, deadline=None)
@given(STEPS)
def test_merging_is_idempotent(steps: list[Step]) -> None:
    a, b, _ = replicas(steps)
    merged = a.merge(b)
    assert a.merge(a) == a
    assert merged.merge(a) == merged.merge(b) == merged.merge(merged) == merged


@settings(max_examples=EXAMPLES, deadline=None)
@given(STEPS)
def test_merging_never_goes_back(steps: list[Step]) -> None:
    a, b, _ = replicas(steps)
    merged = a.merge(b)
    assert a.clock.only(merged.clock.counts).compare(merged.clock) in (Order.same, Order.before)
    assert a.tombstones.keys() <= merged.tombstones.keys()
    for node, member in a.members.items():
        after = merged.members.get(node)
        assert node in merged.tombstones if after is None else RANK[after.status] >= RANK[member.status]
    for observer, row in a.reachability.rows.items():
        assert observer in merged.tombstones or merged.reachability.row(observer).version >= row.version


@settings(max_examples=EXAMPLES, deadline=None)
@given(STEPS)
def test_the_same_clock_means_the_same_content(steps: list[Step]) -> None:
    states = replicas(steps)
    states += [a.merge(b) for a in states for b in states]
    for a in states:
        for b in states:
            if a.clock == b.clock:
                assert (a.members, a.reachability, a.tombstones.keys()) == (
                    b.members,
                    b.reachability,
                    b.tombstones.keys(),
                )


@settings(max_examples=EXAMPLES, deadline=None)
@given(STEPS)
def test_only_members_with_exactly_this_state_have_seen_it(steps: list[Step]) -> None:
    a, b, _ = replicas(steps)
    merged = a.merge(b)
    had_it = [state.seen for state in (a, b) if state.clock == merged.clock]
    assert merged.seen == frozenset[NodeId]().union(*had_it)


def test_a_node_was_removed_when_the_first_of_two_removed_it() -> None:
    state = founded()
    earlier, later = (state.remove(NODES[2:3], at).changed_by(node) for node, at in ((NODES[0], 1.0), (NODES[1], 2.0)))
    assert earlier.merge(later).tombstones == later.merge(earlier).tombstones == {NODES[2]: 1.0}


def test_of_too_many_tombstones_the_oldest_are_forgotten() -> None:
    state = founded()
    removed = [NodeId("h", 1, 100 + number) for number in range(MAX_TOMBSTONES + 2)]
    state = replace(state, tombstones={node: float(number) for number, node in enumerate(removed)})
    assert list(state.forget(-1.0).tombstones) == removed[2:]
