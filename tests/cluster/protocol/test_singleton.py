"""Where a singleton runs: one at a time through every order of joining, retiring and dying."""

from collections import deque
from collections.abc import Callable
from functools import partial
from random import Random

import pytest
from casty.member import Member, MemberStatus, NodeId
from casty_cluster.protocol.forwarding import HERE
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.singleton import (
    PAUSE,
    Effect,
    HandedOverReceived,
    HandOverReceived,
    Input,
    InstanceStopped,
    Members,
    Out,
    Paused,
    Phase,
    Singleton,
    Start,
    Stop,
)
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.wire.system import HandedOver, HandOver

A, B, C = (NodeId("n", port, port) for port in (1, 2, 3))


def up(*nodes: NodeId) -> list[Member]:
    """Members in the order in which they came up."""
    return [
        Member(node=node, node_id=str(node.port), status=MemberStatus.up, up_number=number)
        for number, node in enumerate(nodes, 1)
    ]


class Part:
    """A machine under the eyes of a test, which checks its invariants after each step."""

    def __init__(self, node: NodeId, machine: Singleton | None = None) -> None:
        self.node = node
        self.machine = machine or Singleton("s")
        self.now = 0.0

    def handle(self, given: Input | Tick) -> list[Effect]:
        effects = self.machine.handle(given, self.now)
        self.machine.validate()
        return effects

    def members(self, members: list[Member], retiring: set[NodeId]) -> list[Effect]:
        return self.handle(Members(self.node, members, retiring))

    def hand_over(self, asker: NodeId) -> list[Effect]:
        return self.handle(HandOverReceived(asker))

    def handed_over(self, node: NodeId) -> list[Effect]:
        return self.handle(HandedOverReceived(node))

    def stopped(self, failure: str | None = None) -> list[Effect]:
        return self.handle(InstanceStopped(failure))

    def out(self) -> list[Effect]:
        return self.handle(Out())

    @property
    def phase(self) -> Phase:
        return self.machine.phase


def stopping_since_its_last_incarnation() -> Part:
    last = Part(A._replace(uid=99))
    last.members(up(last.node, B), set())
    assert last.out() == [Stop()]
    return Part(A, last.machine)


def test_the_oldest_member_runs_it_and_the_others_know_where() -> None:
    first, second = Part(A), Part(B)
    assert first.members(up(A, B), set()) == [Start()]
    assert second.members(up(A, B), set()) == []
    assert first.machine.host == second.machine.host == A
    assert (first.machine.aim, second.machine.aim) == (HERE, A)


def test_the_next_host_starts_when_the_retiring_one_has_stopped() -> None:
    first, second = Part(A), Part(B)
    first.members(up(A, B), set())
    second.members(up(A, B), set())
    assert second.members(up(A, B), {A}) == [SendSystem(A, HandOver("s"))]
    assert first.members(up(A, B), {A}) == []
    assert first.hand_over(B) == [Stop()]
    assert first.stopped() == [SendSystem(B, HandedOver("s"))]
    assert second.handed_over(A) == [Start()]
    assert first.members(up(A, B), {A}) == [], "what has been handed over does not come back"


def test_a_downed_member_need_not_hand_over_once_it_is_removed() -> None:
    second = Part(B)
    second.members(up(A, B), set())
    down = [Member(node=A, node_id="1", status=MemberStatus.down, up_number=1), *up(A, B)[1:]]
    assert second.members(down, set()) == [SendSystem(A, HandOver("s"))]
    assert second.phase is Phase.waiting
    assert second.members(up(A, B)[1:], set()) == [Start()]


def test_the_last_member_keeps_it_although_it_retires() -> None:
    first = Part(A)
    first.members(up(A), set())
    assert first.members(up(A), {A}) == []
    assert first.phase is Phase.running


def test_a_member_that_stays_keeps_it_when_another_asks() -> None:
    """The asker has downed it, and is about to learn that it is on the losing side itself."""
    first = Part(A)
    first.members(up(A, B), set())
    assert first.hand_over(B) == []
    assert first.phase is Phase.running
    assert first.members(up(A), {A}) == [], "the asker is gone, no member waits for it"
    assert first.hand_over(C) == [Stop()]


def test_a_member_asked_before_it_retires_replies_when_it_does() -> None:
    first = Part(A)
    first.members(up(A, B), set())
    first.hand_over(B)
    assert first.members(up(A, B), {A}) == [Stop()]
    assert first.stopped() == [SendSystem(B, HandedOver("s"))]


def test_a_node_that_is_out_stops_it_at_once() -> None:
    first = Part(A)
    first.members(up(A, B), set())
    assert first.out() == [Stop()]
    assert first.stopped() == []
    assert first.phase is Phase.elsewhere


def test_the_next_incarnation_waits_until_what_the_last_one_ran_has_stopped() -> None:
    again = stopping_since_its_last_incarnation()
    assert again.members(up(A, B), set()) == []
    assert again.stopped() == [Start()]


def test_the_next_incarnation_does_not_hand_over_what_still_stops() -> None:
    again = stopping_since_its_last_incarnation()
    again.members(up(A, B), {A})
    assert again.hand_over(B) == []
    assert again.stopped() == [SendSystem(B, HandedOver("s"))]


def test_one_that_fails_starts_again_after_a_pause_and_one_that_stops_by_itself_does_not() -> None:
    first = Part(A)
    first.members(up(A, B), set())
    assert first.stopped("boom") == [Paused("boom")]
    assert first.machine.has_it
    assert first.machine.aim is None
    assert first.machine.next_deadline() == PAUSE
    assert first.handle(Tick()) == [], "a tick before its time changes nothing"
    first.now = PAUSE
    assert first.handle(Tick()) == [Start()]
    assert first.machine.aim is HERE
    assert first.stopped() == []
    assert first.machine.next_deadline() is None
    assert first.machine.aim is None


def test_one_that_has_failed_is_handed_over_at_once_and_not_started_again() -> None:
    first = Part(A)
    first.members(up(A, B), set())
    first.stopped("boom")
    first.members(up(A, B), {A})
    assert first.hand_over(B) == [SendSystem(B, HandedOver("s"))]
    first.now = PAUSE
    assert first.handle(Tick()) == []
    assert not first.machine.has_it


def test_one_that_has_failed_is_not_started_again_by_a_node_that_is_out() -> None:
    first = Part(A)
    first.members(up(A, B), set())
    first.stopped("boom")
    assert first.out() == []
    first.now = PAUSE
    assert first.handle(Tick()) == []


def test_another_incarnation_stops_what_the_last_one_runs_and_starts_it_again() -> None:
    first = Part(A)
    first.members(up(A, B), set())
    again = Part(A._replace(uid=99), first.machine)
    assert again.members(up(B, again.node), {B}) == [Stop()]
    assert again.stopped() == [SendSystem(B, HandOver("s"))]
    assert again.handed_over(B) == [Start()]


class Cluster:
    """Nodes that learn of one history of the membership, each at its own pace; messages take their time, in order."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.history: list[tuple[list[Member], frozenset[NodeId]]] = []
        self.seen: dict[NodeId, int] = {}
        self.nodes: dict[NodeId, Singleton] = {}
        self.flying: dict[tuple[NodeId, NodeId], deque[HandOver | HandedOver]] = {}
        self.stopping: set[NodeId] = set()
        self.starts = 0

    def learn(self, node: NodeId) -> None:
        if self.seen[node] < len(self.history):
            members, retiring = self.history[self.seen[node]]
            self.seen[node] += 1
            self.do(node, Members(node, members, retiring))

    def do(self, node: NodeId, given: Input) -> None:
        for effect in self.nodes[node].handle(given, 0.0):
            match effect:
                case Start():
                    self.starts += 1
                case Stop():
                    self.stopping.add(node)
                case SendSystem(to, message):
                    self.flying.setdefault((node, to), deque()).append(message)
                case Paused():
                    raise AssertionError("none fails here")
        self.nodes[node].validate()
        running = [n for n, s in self.nodes.items() if s.phase in (Phase.running, Phase.stopping)]
        assert len(running) <= 1, f"it runs on {running}"

    def step(self) -> bool:
        """Something happens somewhere; False if nothing can."""
        moves: list[Callable[[], None]] = [
            *(partial(self.learn, node) for node in self.nodes if self.seen[node] < len(self.history)),
            *(partial(self.deliver, *link) for link, queue in self.flying.items() if queue and link[1] in self.nodes),
            *(partial(self.stop, node) for node in sorted(self.stopping)),
        ]
        if moves:
            self.random.choice(moves)()
        return bool(moves)

    def stop(self, node: NodeId) -> None:
        self.stopping.discard(node)
        self.do(node, InstanceStopped())

    def deliver(self, sender: NodeId, to: NodeId) -> None:
        message = self.flying[sender, to].popleft()
        received = HandOverReceived if isinstance(message, HandOver) else HandedOverReceived
        self.do(to, received(sender))


@pytest.mark.parametrize("seed", range(300))
def test_it_never_runs_twice_and_always_runs_again(seed: int) -> None:
    cluster = Cluster(seed)
    random = cluster.random
    members: list[Member] = []
    retiring: set[NodeId] = set()
    for number in range(1, random.randint(3, 9)):
        change = random.choice(["join", "join", "retire", "remove", "kill", "delude"]) if members else "join"
        if change == "join":
            node = NodeId("n", random.randint(1, 9), 1000 + number)
            members.append(Member(node=node, node_id=str(number), status=MemberStatus.up, up_number=number))
            cluster.nodes[node], cluster.seen[node] = Singleton("s"), len(cluster.history)
        elif change == "retire":
            retiring.add(random.choice(members).node)
        else:
            gone = random.choice(members).node
            if change == "delude":  # it downs a member, and is downed itself
                cluster.flying.setdefault((gone, random.choice(members).node), deque()).append(HandOver("s"))
            if change == "remove" and (gone not in retiring or cluster.nodes[gone].phase is not Phase.elsewhere):
                continue  # a member that leaves by itself waits until all is handed over
            if len(members) > 1:
                members = [member for member in members if member.node != gone]
                retiring.discard(gone)
                del cluster.nodes[gone], cluster.seen[gone]
                cluster.stopping.discard(gone)
        cluster.history.append((list(members), frozenset(retiring)))
        for _ in range(random.randint(0, 12)):
            cluster.step()
    while cluster.step():
        pass
    running = [node for node, singleton in cluster.nodes.items() if singleton.phase is Phase.running]
    if all(member.node in retiring for member in members):
        return
    assert len(running) == 1, "it runs somewhere once everything is quiet"
    assert {singleton.host for singleton in cluster.nodes.values()} == {running[0]}
