"""Messages for an actor that moves: none is lost on a planned move, none comes twice, and all is bounded."""

from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import pytest
from casty.member import NodeId
from casty_cluster.protocol.forwarding import (
    AGAIN,
    CAPACITY,
    HERE,
    MAX_HOPS,
    PAUSE,
    QUICK_HOPS,
    Aim,
    AskToFlush,
    Deliver,
    Drop,
    Effect,
    Forwarding,
    PassOn,
)

type Lane = tuple[NodeId, NodeId]
"""From whom to whom."""
type Frame = PassOn[int] | AskToFlush | int
"""A number answers the question of that number."""

A, B, C = (NodeId(name, 1, uid) for uid, name in enumerate("abc", 1))


def aimed(aim: Aim) -> Forwarding[int]:
    machine = Forwarding[int]()
    machine.members([B, C], 0.0)
    assert machine.aim(aim, 0.0) == []
    return machine


def test_a_message_goes_to_where_the_actor_is() -> None:
    assert aimed(HERE).take(1, 0, 0.0) == [Deliver(1)]
    assert aimed(B).take(1, 0, 0.0) == [PassOn(B, 1, 1)]


def test_what_cannot_leave_waits_in_order() -> None:
    machine = aimed(None)
    assert machine.take(1, 0, 0.0) == machine.take(2, 3, 0.0) == []
    assert machine.aim(HERE, 1.0) == [Deliver(1), Deliver(2)]


def test_only_so_much_waits() -> None:
    machine = aimed(None)
    assert [effect for number in range(CAPACITY) for effect in machine.take(number, 0, 0.0)] == []
    [dropped] = machine.take(CAPACITY, 0, 0.0)
    assert isinstance(dropped, Drop)
    assert str(CAPACITY) in dropped.reason


def test_what_is_returned_goes_before_all_that_came_later_and_not_at_once() -> None:
    machine = aimed(B)
    assert machine.returned(1, 1, 0.0) == machine.returned(2, 1, 0.0) == machine.take(3, 0, 0.1) == []
    assert machine.next_deadline() == PAUSE
    assert machine.tick(PAUSE) == [PassOn(B, 1, 2), PassOn(B, 2, 2), PassOn(B, 3, 1)]
    assert machine.next_deadline() is None


def test_what_is_returned_goes_elsewhere_at_once_where_the_actor_has_moved() -> None:
    machine = aimed(B)
    machine.returned(1, 1, 0.0)
    assert machine.aim(C, 0.1) == [PassOn(C, 1, 2)]


def test_a_message_that_comes_a_long_way_pauses_and_in_the_end_is_undeliverable() -> None:
    machine = aimed(B)
    assert machine.take(1, QUICK_HOPS, 0.0) == []
    assert machine.tick(PAUSE) == [PassOn(B, 1, QUICK_HOPS + 1)]
    assert machine.take(1, MAX_HOPS, 1.0) == []
    [dropped] = machine.tick(1.0 + PAUSE)
    assert isinstance(dropped, Drop)


def test_a_long_way_does_not_matter_once_it_is_there() -> None:
    assert aimed(HERE).take(1, MAX_HOPS, 0.0) == [Deliver(1)]


def test_what_the_actor_has_not_handled_goes_before_all_else() -> None:
    machine = aimed(None)
    machine.take(3, 0, 0.0)
    machine.taken_back([1, 2])
    assert machine.aim(B, 0.0) == [PassOn(B, 1, 1), PassOn(B, 2, 1), PassOn(B, 3, 1)]


def test_a_node_that_retires_is_sent_nothing_more() -> None:
    machine = aimed(B)
    machine.asked_to_flush(B)
    assert machine.take(1, 0, 0.0) == []
    assert machine.aim(C, 1.0) == [PassOn(C, 1, 1)]


def test_it_is_drained_once_all_have_answered_since_they_were_sent_something() -> None:
    machine = aimed(B)
    assert machine.drain(0.0) == [AskToFlush(B, 1), AskToFlush(C, 2)]
    machine.flushed(1)
    assert machine.take(7, 1, 0.1) == [PassOn(B, 7, 2), AskToFlush(B, 3)]
    machine.flushed(2)
    assert not machine.is_drained
    machine.flushed(3)
    assert machine.is_drained


def test_a_question_that_is_lost_is_asked_again_and_one_who_is_gone_is_not_waited_for() -> None:
    machine = aimed(B)
    machine.drain(0.0)
    assert machine.next_deadline() == AGAIN
    assert machine.tick(AGAIN) == [AskToFlush(B, 1), AskToFlush(C, 2)]
    machine.flushed(1)
    assert not machine.is_drained
    machine.members([B], 1.0)
    assert machine.is_drained
    assert machine.next_deadline() is None


def test_one_that_is_unreachable_is_not_waited_for_until_it_is_back() -> None:
    machine = aimed(B)
    machine.drain(0.0)
    machine.flushed(1)
    machine.members([B, C], 1.0, unreachable={C})
    assert machine.is_drained
    assert machine.members([B, C], 2.0) == [AskToFlush(C, 3)]


def test_newcomers_are_asked_as_well_and_own_messages_hold_nothing_up() -> None:
    machine = aimed(B)
    machine.drain(0.0)
    machine.flushed(1)
    machine.flushed(2)
    d = NodeId("d", 1, 4)
    assert machine.members([B, C, d], 1.0) == [AskToFlush(d, 3)]
    machine.flushed(3)
    assert machine.take(1, 0, 1.0) == [PassOn(B, 1, 1)]
    assert machine.is_drained


def test_what_is_left_at_the_end_is_known() -> None:
    machine = aimed(None)
    machine.take(2, 0, 0.0)
    machine.taken_back([1])
    assert machine.close() == [1, 2]
    assert machine.close() == []


@dataclass
class World:
    """Nodes that retire and go, oldest first, each with its own idea of who the oldest is; lanes with an order."""

    random: Random
    size: int
    now: float = 0.0
    machines: dict[NodeId, Forwarding[int]] = field(default_factory=dict[NodeId, Forwarding[int]])
    hosts: list[NodeId] = field(default_factory=list[NodeId])
    """Who hosts, one after the other; each node has seen a part of that."""
    seen: Counter[NodeId] = field(default_factory=Counter[NodeId])
    lanes: defaultdict[Lane, deque[Frame]] = field(default_factory=lambda: defaultdict(deque))
    got: Counter[int] = field(default_factory=Counter[int])
    said: int = 0

    def __post_init__(self) -> None:
        nodes = [NodeId("n", number, number) for number in range(1, self.size + 1)]
        self.hosts = nodes[:]
        for node in nodes:
            self.machines[node] = Forwarding()
            self.do(node, self.machines[node].members([other for other in nodes if other != node], 0.0))
            self.do(node, self.machines[node].aim(self.aim_of(node), 0.0))

    def aim_of(self, node: NodeId) -> Aim:
        host = self.hosts[self.seen[node]]
        return HERE if host == node else host

    def do(self, node: NodeId, effects: Sequence[Effect[int]]) -> None:
        for effect in effects:
            match effect:
                case Deliver(number):
                    self.got[number] += 1
                case PassOn(to, _, _) | AskToFlush(to, _):
                    self.lanes[node, to].append(effect)
                case Drop(number, reason):
                    raise AssertionError(f"{number}: {reason}")
        if node in self.machines:
            self.machines[node].validate()

    def arrive(self, lane: Lane) -> None:
        sender, receiver = lane
        frame, machine = self.lanes[lane].popleft(), self.machines.get(receiver)
        if machine is None:
            assert not isinstance(frame, PassOn), f"{frame} is lost with {receiver}, which has gone"
            return
        match frame:
            case PassOn(_, number, hops):
                self.do(receiver, machine.take(number, hops, self.now))
            case AskToFlush(_, number):
                machine.asked_to_flush(sender)
                self.lanes[receiver, sender].append(number)
            case int(number):
                machine.flushed(number)

    def step(self) -> None:
        busy = [lane for lane, frames in self.lanes.items() if frames]
        node = self.random.choice(list(self.machines))
        match self.random.randrange(5):
            case 0 | 1 if busy:
                self.arrive(self.random.choice(busy))
            case 2 if self.said < 200 and self.seen[node] <= self.hosts.index(node):
                self.said += 1
                self.do(node, self.machines[node].take(self.said, 0, self.now))
            case 3:
                self.see(node)
            case _:
                self.now += self.random.uniform(0.0, PAUSE)
                due = self.machines[node].next_deadline()
                if due is not None and due <= self.now:
                    self.do(node, self.machines[node].tick(self.now))
                self.leave(node)

    def see(self, node: NodeId) -> None:
        """The host before retires, as far as this node has heard; the last one stays."""
        if self.seen[node] < self.size - 1:
            self.seen[node] += 1
            self.do(node, self.machines[node].aim(self.aim_of(node), self.now))
            if self.seen[node] == self.hosts.index(node) + 1:
                self.do(node, self.machines[node].drain(self.now))

    def leave(self, node: NodeId) -> None:
        if self.machines[node].is_drained:
            del self.machines[node]
            for other, machine in self.machines.items():
                self.do(other, machine.members([one for one in self.machines if one != other], self.now))


@pytest.mark.parametrize("size", [2, 3, 4])
def test_nothing_is_lost_or_doubled_whoever_retires_at_the_same_time(size: int) -> None:
    for seed in range(50):
        world = World(Random(seed), size)
        for _ in range(3_000):
            world.step()
        for _ in range(20_000):
            if len(world.machines) == 1 and not any(world.lanes.values()):
                break
            world.step()
        assert len(world.machines) == 1, f"seed {seed}: some are never drained"
        assert world.got == Counter(range(1, world.said + 1)), f"seed {seed}"
