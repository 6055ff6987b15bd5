"""Where a singleton runs: one at a time through every order of joining, retiring and dying."""

from collections import deque
from collections.abc import Callable
from functools import partial
from random import Random

import pytest
from casty.member import Member, MemberStatus, NodeId
from casty_cluster.protocol.singleton import Effect, Phase, Say, Singleton, Start, Stop
from casty_cluster.wire.system import HandedOver, HandOver

A, B, C = (NodeId("n", port, port) for port in (1, 2, 3))


def up(*nodes: NodeId) -> list[Member]:
    """Members in the order in which they came up."""
    return [
        Member(node=node, node_id=str(node.port), status=MemberStatus.up, up_number=number)
        for number, node in enumerate(nodes, 1)
    ]


def test_the_oldest_member_runs_it_and_the_others_know_where() -> None:
    first, second = Singleton("s", A), Singleton("s", B)
    assert first.members(up(A, B), set()) == [Start()]
    assert second.members(up(A, B), set()) == []
    assert first.host == second.host == A


def test_the_next_host_starts_when_the_retiring_one_has_stopped() -> None:
    first, second = Singleton("s", A), Singleton("s", B)
    first.members(up(A, B), set())
    second.members(up(A, B), set())
    assert second.members(up(A, B), {A}) == [Say(A, HandOver("s"))]
    assert first.members(up(A, B), {A}) == []
    assert first.hand_over(B) == [Stop()]
    assert first.stopped() == [Say(B, HandedOver("s"))]
    assert second.handed_over(A) == [Start()]
    assert first.members(up(A, B), {A}) == [], "what has been handed over does not come back"


def test_a_member_that_is_given_up_needs_not_hand_over_once_it_is_removed() -> None:
    second = Singleton("s", B)
    second.members(up(A, B), set())
    down = [Member(node=A, node_id="1", status=MemberStatus.down, up_number=1), *up(A, B)[1:]]
    assert second.members(down, set()) == [Say(A, HandOver("s"))]
    assert second.phase is Phase.waiting
    assert second.members(up(A, B)[1:], set()) == [Start()]


def test_the_last_member_keeps_it_although_it_retires() -> None:
    first = Singleton("s", A)
    first.members(up(A), set())
    assert first.members(up(A), {A}) == []
    assert first.phase is Phase.running


def test_a_member_that_stays_keeps_it_whoever_asks() -> None:
    """The asker has given it up, and is about to learn that it is the loser."""
    first = Singleton("s", A)
    first.members(up(A, B), set())
    assert first.hand_over(B) == []
    assert first.phase is Phase.running
    assert first.members(up(A), {A}) == [], "the asker is gone, nobody waits for it"
    assert first.hand_over(C) == [Stop()]


def test_who_was_asked_before_it_knew_that_it_goes_answers_then() -> None:
    first = Singleton("s", A)
    first.members(up(A, B), set())
    first.hand_over(B)
    assert first.members(up(A, B), {A}) == [Stop()]
    assert first.stopped() == [Say(B, HandedOver("s"))]


def test_a_node_that_is_out_stops_it_at_once() -> None:
    first = Singleton("s", A)
    first.members(up(A, B), set())
    assert first.out() == [Stop()]
    assert first.stopped() == []
    assert first.phase is Phase.elsewhere


def test_the_next_incarnation_waits_until_what_the_last_one_ran_has_stopped() -> None:
    again = Singleton("s", A, stopping=True)
    assert again.members(up(A, B), set()) == []
    assert again.stopped() == [Start()]


def test_the_next_incarnation_does_not_hand_over_what_still_stops() -> None:
    again = Singleton("s", A, stopping=True)
    again.members(up(A, B), {A})
    assert again.hand_over(B) == []
    assert again.stopped() == [Say(B, HandedOver("s"))]


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
            self.carry_out(node, self.nodes[node].members(members, retiring))

    def carry_out(self, node: NodeId, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Start():
                    self.starts += 1
                case Stop():
                    self.stopping.add(node)
                case Say(to, message):
                    self.flying.setdefault((node, to), deque()).append(message)
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
        self.carry_out(node, self.nodes[node].stopped())

    def deliver(self, sender: NodeId, to: NodeId) -> None:
        message = self.flying[sender, to].popleft()
        receive = self.nodes[to].hand_over if isinstance(message, HandOver) else self.nodes[to].handed_over
        self.carry_out(to, receive(sender))


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
            cluster.nodes[node], cluster.seen[node] = Singleton("s", node), len(cluster.history)
        elif change == "retire":
            retiring.add(random.choice(members).node)
        else:
            gone = random.choice(members).node
            if change == "delude":  # it gives up somebody, and is given up itself
                cluster.flying.setdefault((gone, random.choice(members).node), deque()).append(HandOver("s"))
            if change == "remove" and (gone not in retiring or cluster.nodes[gone].phase is not Phase.elsewhere):
                continue  # who goes of his own will waits until everything has been handed over
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
