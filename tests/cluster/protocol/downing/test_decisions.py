"""Decisions in the notation of Pekko's tests: `{A, B} | {C, D, E} => {C, D, E}`.

The sides of a partition, and the members that survive. A letter after a node is its status there: j joining, l leaving.
Nodes in parentheses do not reach each other in a circle, although others reach them. `*` is the role that counts, if
any node has it. Members are as old as their number says: A is the lowest, E the oldest, then D, B, A, C, F, G. Where
two sides know different things, there is a row for what each of them sees, with `!` at the side that decides.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from casty.member import Member, MemberStatus, NodeId
from casty.spi.downing import Acquire, Down, DowningStrategy, MembershipView
from casty_cluster.protocol.downing import (
    DownAll,
    KeepMajority,
    KeepMajorityOptions,
    KeepOldest,
    KeepOldestOptions,
    LeaseMajority,
    LeaseMajorityOptions,
    StaticQuorum,
    StaticQuorumOptions,
)

AGES = "EDBACFG"
STATUSES = {"": MemberStatus.up, "j": MemberStatus.joining, "l": MemberStatus.leaving}
NODE = re.compile(r"(?P<name>[A-G])(?P<status>[jl]?)(?P<role>\*?)")


def majority(role: str | None = None) -> DowningStrategy:
    return KeepMajority(KeepMajorityOptions(role=role))


def quorum(size: int, role: str | None = None) -> DowningStrategy:
    return StaticQuorum(StaticQuorumOptions(quorum_size=size, role=role))


def oldest(*, down_if_alone: bool = True, role: str | None = None) -> DowningStrategy:
    return KeepOldest(KeepOldestOptions(down_if_alone=down_if_alone, role=role))


def lease() -> DowningStrategy:
    return LeaseMajority(LeaseMajorityOptions(url="memory://"))


DECISIONS: list[tuple[DowningStrategy, str]] = [
    (majority(), "{A, C, E} | {B, D} => {A, C, E}"),
    (majority(), "{A, B} | {C, D, E} => {C, D, E}"),
    (majority(), "{B} | {A, C} => {A, C}"),
    (majority(), "{A, B} | {C, D} => {A, B}"),
    (majority(), "{B, C} | {A, D} => {A, D}"),
    (majority(), "{A} | {B} => {A}"),
    (majority(), "{A, B} | {C, D} | {E} => {}"),
    (majority(), "{A} | {B} | {C} => {}"),
    (majority(), "{A, B, C} | {D} | {E} => {A, B, C}"),
    (majority("x"), "{A*, B*} | {C, D*, E} => {A*, B*}"),
    (majority("x"), "{A, D*, E} | {B, C*} => {B, C*}"),
    (majority("x"), "{C} | {E} => {}"),
    (majority(), "{B, D} | {Aj, C} => {B, D}"),
    (majority(), "{A, Bj} | {C, D, E} => {C, D, E}"),
    (majority(), "{A, B, F, G}! | {C, D, E} => {A, B, F, G}"),
    (majority(), "{A, B, Fj, Gj} | {C, D, E}! => {}"),
    (majority(), "{A, B, F}! | {C, D, E} => {A, B, F}"),
    (majority(), "{A, B, Fj} | {C, D, E}! => {}"),
    (majority(), "{A, B}! | {C, D, E, Fj} => {C, D, E, Fj}"),
    (majority(), "{A, B} | {C, D, E, F}! => {C, D, E, F}"),
    (majority(), "{Al, B, Ej}! | {C, D} => {}"),
    (majority(), "{B} | {C, D}! => {C, D}"),
    (majority(), "{(A, B)} => {}"),
    (majority(), "{(A, B), C} => {C}"),
    (majority(), "{(A, B, C)} => {}"),
    (majority(), "{(A, B), (C, D)} => {}"),
    (majority(), "{(A, B, C), D, E} => {D, E}"),
    (majority(), "{A, (B, C), D, (E, F), G} => {A, D, G}"),
    (majority(), "{(A, B), D, E} | {C} => {D, E}"),
    (majority(), "{A, (B, C)}! | {D, E} => {A}"),
    (majority(), "{A, B, C} | {D, E}! => {A, B, C}"),
    (majority(), "{A, (B, C)}! | {D, E, F, G} => {D, E, F, G}"),
    (majority(), "{A, B, C} | {D, E, F, G}! => {D, E, F, G}"),
    (majority(), "{A, B, C}! | {D, E, F, G} => {D, E, F, G}"),
    (majority(), "{A, B, C} | {(D, E), F, G}! => {F, G}"),
    (quorum(3), "{A, C, E} | {B, D} => {A, C, E}"),
    (quorum(3), "{A, B} | {C, D} => {}"),
    (quorum(3), "{A, B, C, D} | {E} => {A, B, C, D}"),
    (quorum(2, "x"), "{A*, B*, C} | {D*, E} => {A*, B*, C}"),
    (quorum(3), "{A, B, C} | {D, E, F} => {}"),
    (quorum(4), "{A, B, C} | {D, E, F} => {}"),
    (quorum(3), "{A, B, Cj}! | {D, E} => {D, E}"),
    (quorum(3), "{A, B, C}! | {D, E, Fj} => {}"),
    (quorum(3), "{A, B, C}! | {D, E} => {A, B, C}"),
    (quorum(3), "{A, B, Cl}! | {D, E} => {A, B, Cl}"),
    (quorum(2), "{A, (B, C)} => {A}"),
    (quorum(2), "{(A, B)} => {}"),
    (quorum(3), "{A, (B, C)}! | {D, E} => {A}"),
    (quorum(4), "{A, (B, C)}! | {D, E} => {D, E}"),
    (oldest(), "{A, E} | {B, C, D} => {A, E}"),
    (oldest(), "{A, B} | {C, D, E} => {C, D, E}"),
    (oldest(role="x"), "{A, E} | {B, C*, D*} => {B, C*, D*}"),
    (oldest(), "{E} | {A, B, C, D} => {A, B, C, D}"),
    (oldest(down_if_alone=False), "{E} | {A, B, C, D} => {E}"),
    (oldest(), "{B} | {A} => {B}"),
    (oldest(), "{E} | {A} | {B} => {}"),
    (oldest(), "{A, El}! | {B, C, D} => {}"),
    (oldest(), "{A, El} | {B, C, D}! => {A, El}"),
    (oldest(), "{C, El}! | {A, B, D} => {}"),
    (oldest(), "{A, E} | {Bl, Cl, D}! => {A, E}"),
    (oldest(), "{Dl, E}! | {A, B, C} => {}"),
    (oldest(), "{E} | {A, B, Cl}! => {A, B, Cl}"),
    (oldest(), "{E} | {A, Bl, Cl, Dl}! => {}"),
    (oldest(), "{Aj, E}! | {B, C, D} => {B, C, D}"),
    (oldest(), "{Aj, E} | {B, C, D}! => {}"),
    (oldest(down_if_alone=False), "{Aj, E}! | {B, C, D} => {Aj, E}"),
    (oldest(), "{(A, B), C} => {C}"),
    (oldest(), "{A, (B, C)}! | {D, E, F, G} => {D, E, F, G}"),
    (oldest(), "{A, B, C} | {(D, E), F, G}! => {F, G}"),
    (DownAll(), "{A, B, C} | {D} => {}"),
    (DownAll(), "{(A, B), C} => {}"),
    (lease(), "{(A, B)} => {}"),
]


@dataclass(frozen=True, slots=True)
class Side:
    members: list[Member]
    observations: dict[NodeId, frozenset[NodeId]]
    """What its nodes observe of each other."""
    decides: bool


def read_side(text: str) -> Side:
    found: dict[str, Member] = {}
    for match in NODE.finditer(text):
        name, status = match["name"], STATUSES[match["status"]]
        found[name] = Member(
            node=NodeId(name, 2552, 1),
            node_id=name,
            roles=("x",) if match["role"] else (),
            status=status,
            up_number=0 if status is MemberStatus.joining else AGES.index(name) + 1,
        )
    observations: dict[NodeId, frozenset[NodeId]] = {}
    for circle in re.findall(r"\((.*?)\)", text):
        names = [match["name"] for match in NODE.finditer(circle)]
        for one, other in zip(names, [*names[1:], names[0]], strict=True):
            observations[found[one].node] = frozenset({found[other].node})
    return Side(list(found.values()), observations, "!" in text)


def view_of(side: Side, others: list[Side]) -> MembershipView:
    members = sorted((member for each in (side, *others) for member in each.members), key=lambda member: member.node)
    there = frozenset(member.node for each in others for member in each.members)
    observer = side.members[0].node
    rows = dict(side.observations)
    if there:
        rows[observer] = rows.get(observer, frozenset()) | there
    missed = frozenset[NodeId]().union(*rows.values())
    return MembershipView(local=observer, members=members, unreachable=missed, observations=rows)


def survivors(strategy: DowningStrategy, sides: list[Side]) -> Iterator[set[str]]:
    """For each side that decides: the surviving members, of this side if it survives and else of the others."""
    marked = [side for side in sides if side.decides]
    for side in marked or sides:
        view = view_of(side, [each for each in sides if each is not side])
        decision = strategy.decide(view)
        assert isinstance(decision, Down)
        yield {member.node_id for member in view.members if member.node not in decision.nodes}


@pytest.mark.parametrize(("strategy", "text"), DECISIONS, ids=[f"{type(s).__name__} {t}" for s, t in DECISIONS])
def test_decision(strategy: DowningStrategy, text: str) -> None:
    split, _, goes_on = text.partition("=>")
    sides = [read_side(side) for side in split.split("|")]
    expected = {match["name"] for match in NODE.finditer(goes_on)}
    left = list(survivors(strategy, sides))
    if any(side.decides for side in sides) or len(sides) == 1:
        assert left == [expected]
        return
    for side, found in zip(sides, left, strict=True):
        mine = {member.node_id for member in side.members}
        assert found & mine == expected & mine, f"what {sorted(mine)} decide leaves {sorted(found)}"


def test_there_are_sixty_of_them() -> None:
    assert len({text for _, text in DECISIONS}) >= 60


def test_what_is_contradictory_is_nothing_to_go_by() -> None:
    """D observed E before A lost them both: without what D and E say of each other D still misses, and is missed."""
    a, d, e = (Member(node=NodeId(name, 2552, 1), node_id=name, status=MemberStatus.up, up_number=1) for name in "ADE")
    view = MembershipView(
        local=a.node,
        members=[a, d, e],
        unreachable=frozenset({d.node, e.node}),
        observations={a.node: frozenset({d.node, e.node}), d.node: frozenset({e.node})},
    )
    for strategy in (majority(), quorum(2), oldest(), lease()):
        decision = strategy.decide(view)
        assert isinstance(decision, Down)
        assert decision.nodes == {a.node, d.node, e.node}


def asked(text: str) -> list[Acquire]:
    sides = [read_side(side) for side in text.split("|")]
    decisions = [lease().decide(view_of(side, [each for each in sides if each is not side])) for side in sides]
    return [decision for decision in decisions if isinstance(decision, Acquire)]


@pytest.mark.parametrize(
    ("split", "delays"),
    [
        ("{A, B, C} | {D, E}", [0.0, 2.0]),
        ("{A} | {B}", [0.0, 2.0]),
        ("{C, D} | {A, B}", [2.0, 0.0]),
        ("{A, B} | {C, D} | {E}", [2.0, 2.0, 2.0]),
        ("{A, Bj, Cj} | {D, E}", [2.0, 0.0]),
    ],
)
def test_the_larger_side_asks_for_the_lease_first(split: str, delays: list[float]) -> None:
    assert [acquire.delay for acquire in asked(split)] == delays


def test_the_side_that_gets_the_lease_survives_and_the_other_is_downed() -> None:
    one, other = asked("{A, B} | {C}")
    assert {node.host for node in one.won.nodes} == {node.host for node in other.lost.nodes} == {"C"}
    assert {node.host for node in one.lost.nodes} == {node.host for node in other.won.nodes} == {"A", "B"}
    assert one.owner != other.owner
    assert (one.store, one.lease, one.seconds) == ("memory://", "downing", 40.0)


def test_of_the_indirectly_connected_none_goes_on_with_the_lease() -> None:
    (acquire,) = asked("{(A, B), C, D}")
    assert {node.host for node in acquire.won.nodes} == {"A", "B"}
    assert {node.host for node in acquire.lost.nodes} == {"A", "B", "C", "D"}


def test_reasons_say_what_was_counted() -> None:
    def reason(strategy: DowningStrategy, text: str) -> str:
        sides = [read_side(side) for side in text.split("|")]
        decision = strategy.decide(view_of(sides[0], sides[1:]))
        assert isinstance(decision, Down)
        return decision.reason

    assert reason(majority(), "{A, B} | {C}") == "keep-majority: this side survives: 2 of 3 members are on this side"
    assert (
        reason(majority("x"), "{A} | {C}") == "keep-majority: no side survives: no member that counts has the role 'x'"
    )
    assert reason(quorum(2), "{A} | {C}") == (
        "static-quorum: this side is downed: 1 members are on this side, 2 are a quorum"
    )
    assert reason(oldest(), "{A} | {D}") == (
        "keep-oldest: this side is downed: the oldest member, D:2552#1, is on the other side"
    )
    assert reason(majority(), "{(A, B), C}").endswith("; 2 are connected by detours only")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: StaticQuorumOptions(quorum_size=0), "quorum_size must be at least 1; it is 0"),
        (lambda: LeaseMajorityOptions(url="postgres"), "url must name a lease store"),
        (lambda: LeaseMajorityOptions(url="memory://", name=""), "name must be a text that is not empty"),
        (lambda: LeaseMajorityOptions(url="memory://", delay=50.0), "must be 0 <= delay < seconds"),
    ],
)
def test_options_out_of_range_are_refused(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=message):
        make()
