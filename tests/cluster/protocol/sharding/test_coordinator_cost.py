"""The coordinator: work for a change does not depend on how many shards there are."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from casty.member import NodeId
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.sharding.allocation import LeastShards
from casty_cluster.protocol.sharding.coordinator import Coordinator
from casty_cluster.protocol.sharding.inputs import Rebalance, Received
from casty_cluster.wire.sharding import (
    GetHome,
    HostPhase,
    Report,
    Started,
    Stopped,
)

from tests.cluster.protocol.sharding.coordination import FIRST, Part, Scripted
from tests.cluster.protocol.sharding.membership import A, B, C, D, viewed


def instructions(run: Callable[[], object]) -> int:
    """How many bytecode instructions it takes: the same on every machine, however busy."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    return count


def costs(num_shards: int) -> list[int]:
    """Of a request, a start, a move and its two outcomes, where all other shards run."""
    part = Part(num_shards, strategy=Scripted(moves=[(7, C)]))
    machine = part.machine
    machine.handle(viewed(A, [A, B, C]), 0.0)
    others = [(shard, 9, HostPhase.running.value) for shard in range(num_shards) if shard != 7]
    report = Report(term=1, able=True, num_shards=num_shards, hosted=(), last=True)
    for node in (A, C):
        machine.handle(Received(node, report), 0.0)
    filled = Report(term=1, able=True, num_shards=num_shards, hosted=tuple(others), last=True)
    machine.handle(Received(B, filled), 0.0)
    assert len(machine.table.entries) == num_shards - 1
    inputs = [
        Received(A, GetHome(7, 0)),
        Received(B, Started(7, FIRST)),
        Rebalance(),
        Received(B, Stopped(7, FIRST)),
        Received(C, Started(7, FIRST + 1)),
        viewed(A, [A, B, C, D]),
        viewed(A, [A, B, C]),
        viewed(A, [A, B]),
        Tick(),
    ]
    instructions(lambda: None)  # Python 3.12 counts nothing the first time in a process
    return [instructions(lambda given=given: machine.handle(given, 0.0)) for given in inputs]


def test_the_work_for_a_change_does_not_grow_with_the_number_of_shards() -> None:
    few = costs(100)
    assert min(few) > 0
    assert costs(10_000) == few


NODES = [NodeId(f"node-{number}", 1, number) for number in range(1, 51)]
FIRST_NODE, LAST_NODE = NODES[0], NODES[-1]


def full(per_node: dict[NodeId, int]) -> Part:
    """A coordinator on the first of fifty nodes, which have that many shards each; every shard is asked for."""
    num_shards = sum(per_node.values()) + 1
    part = Part(num_shards, strategy=LeastShards())
    part.machine = Coordinator(FIRST_NODE, num_shards, LeastShards())
    machine, numbers = part.machine, iter(range(num_shards))
    machine.handle(viewed(FIRST_NODE, NODES), 0.0)
    for node in NODES:
        hosted = tuple((next(numbers), 9, HostPhase.running.value) for _ in range(per_node[node]))
        machine.handle(Received(node, Report(term=1, able=True, num_shards=num_shards, hosted=hosted, last=True)), 0.0)
    for shard in machine.table.entries:
        machine.handle(Received(FIRST_NODE, GetHome(shard, 9)), 0.0)
    assert len(machine.table.entries) == num_shards - 1
    return part


def test_on_fifty_nodes_the_removal_of_one_costs_what_its_own_shards_cost() -> None:
    def cost(per_node: int, on_last: int) -> tuple[int, int]:
        part = full({**dict.fromkeys(NODES, per_node), LAST_NODE: on_last})
        removal = viewed(FIRST_NODE, NODES[:-1])
        effects: list[Any] = []
        steps = instructions(lambda: effects.extend(part.machine.handle(removal, 0.0)))
        assert len(part.machine.table.entries) == 49 * per_node + on_last
        return steps, len(effects)

    instructions(lambda: None)
    ten, hundred = cost(200, 10), cost(200, 100)
    assert cost(20, 10) == ten  # of 10,000 shards as of 1,000
    assert ten[1] == 2 * 10  # a grant, and a line for operators
    assert hundred[1] == 2 * 100
    assert hundred[0] < 10 * ten[0]


def test_on_fifty_nodes_a_round_of_rebalancing_costs_what_its_moves_cost() -> None:
    def cost(per_node: int) -> tuple[int, int]:
        part = full({**dict.fromkeys(NODES, 0), FIRST_NODE: 50 * per_node})
        effects: list[Any] = []
        steps = instructions(lambda: effects.extend(part.machine.handle(Rebalance(), 0.0)))
        return steps, len(effects)

    instructions(lambda: None)
    few = cost(20)
    assert few[1] == 2 * 20
    assert cost(200) == few


def test_on_fifty_nodes_the_departure_of_one_costs_what_its_own_shards_cost() -> None:
    def cost(per_node: int) -> int:
        part = full({**dict.fromkeys(NODES, per_node), LAST_NODE: 10})
        leaving = viewed(FIRST_NODE, NODES, retiring=[LAST_NODE])
        return instructions(lambda: part.machine.handle(leaving, 0.0))

    instructions(lambda: None)
    assert cost(20) == cost(200)
