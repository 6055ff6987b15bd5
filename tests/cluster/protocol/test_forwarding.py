"""Messages for an actor that moves: none is lost on a planned move, none comes twice, and all is bounded."""

from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import pytest
from casty.member import NodeId
from casty_cluster.protocol.forwarding import (
    CAPACITY,
    FLUSH_RETRY,
    HERE,
    MAX_HOPS,
    PAUSE,
    QUICK_HOPS,
    Aim,
    AimAt,
    Close,
    Deliver,
    Drain,
    Drop,
    Effect,
    Flushed,
    FlushRequested,
    Forwarding,
    Input,
    Members,
    PassOn,
    ReplyFlushed,
    RequestFlush,
    Returned,
    Take,
    TakenBack,
)
from casty_cluster.protocol.machine import Tick

type Lane = tuple[NodeId, NodeId]
"""The sender and the receiver."""
type Frame = PassOn[int] | RequestFlush | int
"""A number answers the question of that number."""

A, B, C = (NodeId(name, 1, uid) for uid, name in enumerate("abc", 1))


def aimed(aim: Aim) -> Forwarding[int]:
    machine = Forwarding[int]()
    machine.handle(Members([B, C]), 0.0)
    assert machine.handle(AimAt(aim), 0.0) == []
    return machine


def test_a_message_goes_to_where_the_actor_is() -> None:
    assert aimed(HERE).handle(Take(1, 0), 0.0) == [Deliver(1)]
    assert aimed(B).handle(Take(1, 0), 0.0) == [PassOn(B, 1, 1)]


def test_what_cannot_leave_waits_in_order() -> None:
    machine = aimed(None)
    assert machine.handle(Take(1, 0), 0.0) == machine.handle(Take(2, 3), 0.0) == []
    assert machine.handle(AimAt(HERE), 1.0) == [Deliver(1), Deliver(2)]


def test_only_so_much_waits() -> None:
    machine = aimed(None)
    assert [effect for number in range(CAPACITY) for effect in machine.handle(Take(number, 0), 0.0)] == []
    [dropped] = machine.handle(Take(CAPACITY, 0), 0.0)
    assert isinstance(dropped, Drop)
    assert str(CAPACITY) in dropped.reason


def test_what_is_returned_goes_before_all_that_came_later_and_not_at_once() -> None:
    machine = aimed(B)
    assert (
        machine.handle(Returned(1, 1), 0.0)
        == machine.handle(Returned(2, 1), 0.0)
        == machine.handle(Take(3, 0), 0.1)
        == []
    )
    assert machine.next_deadline() == PAUSE
    assert machine.handle(Tick(), PAUSE) == [PassOn(B, 1, 2), PassOn(B, 2, 2), PassOn(B, 3, 1)]
    assert machine.next_deadline() is None


def test_what_is_returned_goes_elsewhere_at_once_where_the_actor_has_moved() -> None:
    machine = aimed(B)
    machine.handle(Returned(1, 1), 0.0)
    assert machine.handle(AimAt(C), 0.1) == [PassOn(C, 1, 2)]


def test_a_message_that_comes_a_long_way_pauses_and_in_the_end_is_undeliverable() -> None:
    machine = aimed(B)
    assert machine.handle(Take(1, QUICK_HOPS), 0.0) == []
    assert machine.handle(Tick(), PAUSE) == [PassOn(B, 1, QUICK_HOPS + 1)]
    assert machine.handle(Take(1, MAX_HOPS), 1.0) == []
    [dropped] = machine.handle(Tick(), 1.0 + PAUSE)
    assert isinstance(dropped, Drop)


def test_a_long_way_does_not_matter_once_it_is_there() -> None:
    assert aimed(HERE).handle(Take(1, MAX_HOPS), 0.0) == [Deliver(1)]


def test_what_the_actor_has_not_handled_goes_before_all_else() -> None:
    machine = aimed(None)
    machine.handle(Take(3, 0), 0.0)
    machine.handle(TakenBack([1, 2]), 0.0)
    assert machine.handle(AimAt(B), 0.0) == [PassOn(B, 1, 1), PassOn(B, 2, 1), PassOn(B, 3, 1)]
    assert machine.handle(TakenBack([4]), 0.0) == [PassOn(B, 4, 1)]


def test_a_node_that_can_be_reached_again_gets_what_has_waited_for_it() -> None:
    machine = aimed(B)
    machine.handle(Members([C]), 0.0)
    assert machine.handle(Take(1, 0), 0.0) == []
    assert machine.handle(Members([B, C]), 1.0) == [PassOn(B, 1, 1)]
    machine.validate()


def test_a_node_that_retires_is_sent_nothing_more() -> None:
    machine = aimed(B)
    assert machine.handle(FlushRequested(B, 7), 0.0) == [ReplyFlushed(B, 7)]
    assert machine.handle(Take(1, 0), 0.0) == []
    assert machine.handle(AimAt(C), 1.0) == [PassOn(C, 1, 1)]


def test_it_is_drained_once_all_have_answered_since_they_were_sent_something() -> None:
    machine = aimed(B)
    assert machine.handle(Drain(), 0.0) == [RequestFlush(B, 1), RequestFlush(C, 2)]
    machine.handle(Flushed(1), 0.1)
    assert machine.handle(Take(7, 1), 0.1) == [PassOn(B, 7, 2), RequestFlush(B, 3)]
    machine.handle(Flushed(2), 0.1)
    assert not machine.is_drained
    machine.handle(Flushed(3), 0.1)
    assert machine.is_drained


def test_a_lost_flush_request_is_repeated_and_a_removed_node_is_not_waited_for() -> None:
    machine = aimed(B)
    machine.handle(Drain(), 0.0)
    assert machine.next_deadline() == FLUSH_RETRY
    assert machine.handle(Tick(), FLUSH_RETRY) == [RequestFlush(B, 1), RequestFlush(C, 2)]
    machine.handle(Flushed(1), 0.1)
    assert not machine.is_drained
    machine.handle(Members([B]), 1.0)
    assert machine.is_drained
    assert machine.next_deadline() is None


def test_one_that_is_unreachable_is_not_waited_for_until_it_is_back() -> None:
    machine = aimed(B)
    machine.handle(Drain(), 0.0)
    machine.handle(Flushed(1), 0.1)
    machine.handle(Members([B, C], {C}), 1.0)
    assert machine.is_drained
    assert machine.handle(Members([B, C]), 2.0) == [RequestFlush(C, 3)]


def test_newcomers_are_asked_as_well_and_own_messages_hold_nothing_up() -> None:
    machine = aimed(B)
    machine.handle(Drain(), 0.0)
    machine.handle(Flushed(1), 0.1)
    machine.handle(Flushed(2), 0.1)
    d = NodeId("d", 1, 4)
    assert machine.handle(Members([B, C, d]), 1.0) == [RequestFlush(d, 3)]
    machine.handle(Flushed(3), 0.1)
    assert machine.handle(Take(1, 0), 1.0) == [PassOn(B, 1, 1)]
    assert machine.is_drained


def test_what_is_left_at_the_end_is_known() -> None:
    machine = aimed(None)
    machine.handle(Take(2, 0), 0.0)
    machine.handle(TakenBack([1]), 0.0)
    dropped = machine.handle(Close(), 0.0)
    assert [effect.message for effect in dropped if isinstance(effect, Drop)] == [1, 2]
    assert machine.handle(Close(), 0.0) == []


@dataclass
class World:
    """Nodes that retire and leave, oldest first, each with its own view of which one is the oldest; ordered lanes."""

    random: Random
    size: int
    now: float = 0.0
    machines: dict[NodeId, Forwarding[int]] = field(default_factory=dict[NodeId, Forwarding[int]])
    hosts: list[NodeId] = field(default_factory=list[NodeId])
    """The hosts in their order; each node has seen a part of them."""
    seen: Counter[NodeId] = field(default_factory=Counter[NodeId])
    lanes: defaultdict[Lane, deque[Frame]] = field(default_factory=lambda: defaultdict(deque))
    got: Counter[int] = field(default_factory=Counter[int])
    said: int = 0

    def __post_init__(self) -> None:
        nodes = [NodeId("n", number, number) for number in range(1, self.size + 1)]
        self.hosts = nodes[:]
        for node in nodes:
            self.machines[node] = Forwarding()
            self.do(node, Members([other for other in nodes if other != node]))
            self.do(node, AimAt(self.aim_of(node)))

    def aim_of(self, node: NodeId) -> Aim:
        host = self.hosts[self.seen[node]]
        return HERE if host == node else host

    def do(self, node: NodeId, given: Input[int]) -> None:
        effects: Sequence[Effect[int]] = self.machines[node].handle(given, self.now)
        self.machines[node].validate()
        for effect in effects:
            match effect:
                case Deliver(number):
                    self.got[number] += 1
                case PassOn(to, _, _) | RequestFlush(to, _):
                    self.lanes[node, to].append(effect)
                case Drop(number, reason):
                    raise AssertionError(f"{number}: {reason}")
                case ReplyFlushed(to, number):
                    self.lanes[node, to].append(number)

    def arrive(self, lane: Lane) -> None:
        sender, receiver = lane
        frame, machine = self.lanes[lane].popleft(), self.machines.get(receiver)
        if machine is None:
            assert not isinstance(frame, PassOn), f"{frame} is lost with {receiver}, which has gone"
            return
        match frame:
            case PassOn(_, number, hops):
                self.do(receiver, Take(number, hops))
            case RequestFlush(_, number):
                self.do(receiver, FlushRequested(sender, number))
            case int(number):
                self.do(receiver, Flushed(number))

    def step(self) -> None:
        busy = [lane for lane, frames in self.lanes.items() if frames]
        node = self.random.choice(list(self.machines))
        match self.random.randrange(5):
            case 0 | 1 if busy:
                self.arrive(self.random.choice(busy))
            case 2 if self.said < 200 and self.seen[node] <= self.hosts.index(node):
                self.said += 1
                self.do(node, Take(self.said, 0))
            case 3:
                self.see(node)
            case _:
                self.now += self.random.uniform(0.0, PAUSE)
                due = self.machines[node].next_deadline()
                if due is not None and due <= self.now:
                    self.do(node, Tick())
                self.leave(node)

    def see(self, node: NodeId) -> None:
        """The host before retires, as far as this node has heard; the last one stays."""
        if self.seen[node] < self.size - 1:
            self.seen[node] += 1
            self.do(node, AimAt(self.aim_of(node)))
            if self.seen[node] == self.hosts.index(node) + 1:
                self.do(node, Drain())

    def leave(self, node: NodeId) -> None:
        if self.machines[node].is_drained:
            del self.machines[node]
            for other in self.machines:
                self.do(other, Members([one for one in self.machines if one != other]))


@pytest.mark.parametrize("size", [2, 3, 4])
def test_nothing_is_lost_or_doubled_when_several_nodes_retire_at_once(size: int) -> None:
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
