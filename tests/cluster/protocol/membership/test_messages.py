"""What the messages look like on the wire: for good, for all nodes, and within a frame of the control lane."""

from dataclasses import replace

import pytest
from casty.errors import DecodeError
from casty.member import Member, MemberStatus, NodeId
from casty_cluster.protocol.membership import compact
from casty_cluster.protocol.membership.gossip import MAX_TOMBSTONES, GossipState
from casty_cluster.protocol.membership.reachability import Observation, Reachability
from casty_cluster.wire.codec import MAX_BYTES
from casty_cluster.wire.membership import Gossip
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cluster.protocol.membership.test_gossip_laws import STEPS, Step, replicas
from tests.cluster.wire.samples import MEMBERSHIP, SERIALIZER

TO = NodeId("10.0.0.9", 25520, 9)
NOW = 1_000.0


def large(members: int, *, tombstones: int = 0, lost: bool = False) -> GossipState:
    """A cluster of that size, whose members have all lost each other if so wanted."""
    nodes = [NodeId(f"node-{number:03}.bank.example.com", 25520, 2**64 - 1 - number) for number in range(members)]
    removed = [NodeId(f"10.0.0.{number % 250}", 25520, 2**63 + number) for number in range(tombstones)]
    state = GossipState.founded_by(Member(node=nodes[0], node_id="founder"))
    leaving = Member(node=nodes[0], node_id="", roles=("teller", "night"), status=MemberStatus.leaving)
    state = state.set(
        *(replace(leaving, node=node, node_id=f"teller-{n:05}", up_number=n) for n, node in enumerate(nodes, 1))
    )
    for node in [*nodes, *removed]:
        state = state.changed_by(node)
    row = Observation(10_000, frozenset(nodes))
    state = replace(
        state,
        seen=frozenset(nodes),
        reachability=Reachability(dict.fromkeys(nodes, row) if lost else {}),
        tombstones=dict.fromkeys(removed, NOW - 86_000.0),
    )
    return replace(state, clock=type(state.clock)(dict.fromkeys([*nodes, *removed], 2**31)))


def encoded_bytes(state: GossipState) -> int:
    return len(SERIALIZER.dumps(compact.write(state, TO, NOW)))


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_a_state_survives_being_written_and_read(steps: list[Step]) -> None:
    for state in replicas(steps):
        if state.members:
            message = SERIALIZER.loads(SERIALIZER.dumps(compact.write(state, TO, NOW)))
            assert isinstance(message, Gossip)
            assert compact.read(message, NOW) == state


def test_an_age_is_counted_from_when_the_message_is_read() -> None:
    state = large(1, tombstones=1)
    (at,) = compact.read(compact.write(state, TO, NOW), 5.0).tombstones.values()
    assert at == 5.0 - 86_000.0


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_a_digest_tells_which_members_have_seen_the_same_state(steps: list[Step]) -> None:
    a, b, _ = replicas(steps)
    seen = compact.read_digest(compact.write_digest(a, TO), b)
    assert seen == (a.seen if a.clock == b.clock else None)


GOSSIP = MEMBERSHIP["gossip"]
assert isinstance(GOSSIP, Gossip)


@pytest.mark.parametrize(
    "damaged",
    [
        GOSSIP._replace(nodes=GOSSIP.nodes[:1] * 3),
        GOSSIP._replace(nodes=GOSSIP.nodes[:1]),
        GOSSIP._replace(clock=(1,)),
        GOSSIP._replace(ages=()),
        GOSSIP._replace(nodes=(("a\nERROR forged", 1, 1), *GOSSIP.nodes[1:])),
        GOSSIP._replace(members=(("a\nERROR forged", (), "up", 1), GOSSIP.members[1])),
        GOSSIP._replace(members=(("", ("a\x1b[2J",), "up", 1), GOSSIP.members[1])),
        GOSSIP._replace(ages=(-1.0,)),
        GOSSIP._replace(ages=(float("nan"),)),
        GOSSIP._replace(seen=b"\x07"),
        GOSSIP._replace(rows=((2, 1, b""),)),
        GOSSIP._replace(rows=((-1, 1, b""),)),
        GOSSIP._replace(rows=((0, 1, b"\x04"),)),
        GOSSIP._replace(members=(("", (), "up", 1), ("", (), "upwards", 2))),
    ],
)
def test_a_state_that_cannot_be_is_refused(damaged: Gossip) -> None:
    with pytest.raises(ValueError, match=r"."):
        compact.read(damaged, NOW)


def test_fields_of_wrong_types_never_get_so_far() -> None:
    with pytest.raises(DecodeError):
        SERIALIZER.loads(SERIALIZER.dumps(GOSSIP).replace(b"leaving", b"l\xffaving"))


@settings(max_examples=50, deadline=None)
@given(members=st.integers(1, 120), tombstones=st.integers(0, 60), lost=st.booleans())
def test_the_upper_bound_is_one(members: int, tombstones: int, lost: bool) -> None:
    state = large(members, tombstones=tombstones, lost=lost)
    assert encoded_bytes(state) <= compact.most_bytes(state)


def test_fifty_members_fit_easily_whatever_they_have_lost() -> None:
    assert encoded_bytes(large(50)) < 6_000
    assert encoded_bytes(large(50, tombstones=MAX_TOMBSTONES, lost=True)) < MAX_BYTES


def test_the_bound_admits_hundreds_of_members() -> None:
    assert compact.most_bytes(large(250, tombstones=100)) < MAX_BYTES < compact.most_bytes(large(500))
