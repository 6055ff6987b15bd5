"""The coordinator: work for a change does not depend on how many shards there are."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from casty_cluster.protocol.machine import Tick
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
