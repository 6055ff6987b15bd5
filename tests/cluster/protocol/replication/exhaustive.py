"""All that may happen to one small shard, step by step, up to a depth.

Two kinds of steps. *Rounds* are coarse: one promotion or event with any of the other copies in reach, that gets as far
as a stage and loses what is still under way. So a few steps are a history of several primaries. *Interleavings* are
fine: each message and each change on a disk is a step, in any order, with crashes between any two.

`python -m tests.cluster.protocol.replication.exhaustive 600` deepens each until its share of the seconds is over.
"""

import pickle
import re
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from itertools import combinations
from time import monotonic
from typing import Any, cast

from casty_cluster.protocol.replication.promotion import Phase
from casty_cluster.wire.replication import Epoch

from tests.cluster.protocol.replication.scenarios import Scenario
from tests.cluster.protocol.replication.world import Step, World

type Steps = Callable[[World], Iterator[Step]]
type Apply = Callable[[World, Step], None]


@dataclass(frozen=True, slots=True)
class Scope:
    """What is explored: the first state, its steps, and what a step does."""

    start: Callable[[], World]
    steps: Steps
    apply: Apply


class Search:
    """Visits each state once, or again with more depth left. Raises AssertionError with the steps that led there."""

    def __init__(self, scope: Scope, *, until: float = float("inf")) -> None:
        self._scope = scope
        self._until = until
        self._left: dict[bytes, int] = {}
        """By state: the depth that was left when it was visited."""
        self.applied = 0
        self.is_complete = True

    def run(self, depth: int) -> "Search":
        self._visit(pickle.dumps(self._scope.start()), depth, ())
        return self

    @property
    def states(self) -> int:
        return len(self._left)

    def _visit(self, state: bytes, depth: int, path: tuple[Step, ...]) -> None:
        for step in list(self._scope.steps(pickle.loads(state))):
            if monotonic() > self._until:
                self.is_complete = False
                return
            world = pickle.loads(state)
            self._take(world, step, path)
            if depth > 1:
                key = fingerprint(world)
                if self._left.get(key, 0) < depth - 1:
                    self._left[key] = depth - 1
                    self._visit(pickle.dumps(world), depth - 1, (*path, step))

    def _take(self, world: World, step: Step, path: tuple[Step, ...]) -> None:
        self.applied += 1
        try:
            self._scope.apply(world, step)
        except AssertionError as error:
            raise AssertionError(f"{error}\nafter {(*path, step)}") from error


# Rounds


def round_steps(world: World) -> Iterator[Step]:
    """Promotions and events, each with any other nodes in reach, and wiped disks."""
    indices = range(len(world.nodes))
    for index in indices:
        reaches = [set(others) | {index} for count in indices for others in _others(indices, index, count)]
        member = world.nodes[index].member
        if member is not None:
            stages = (Phase.completing, Phase.confirming, Phase.sealing, Phase.active)
            groups = _groups(world, index)
            yield from (("promote", index, g, sorted(r), stage) for g in groups for r in reaches for stage in stages)
        if world.budget["append"] and member is not None and member.is_active:
            yield from (("append", index, sorted(reach)) for reach in reaches)
        if member is not None and member.is_active:
            yield from (("repeat", index, sorted(reach)) for reach in reaches[1:])
        if world.budget.get("wipe"):
            yield "wipe", index


def _others(indices: range, index: int, count: int) -> Iterator[tuple[int, ...]]:
    return combinations([other for other in indices if other != index], count)


def _groups(world: World, index: int) -> list[tuple[int, ...] | None]:
    """The copies as they are, and all others of that number."""
    groups = list(_others(range(len(world.nodes)), index, world.scenario.replicas))
    return [*groups] if world.scenario.spares else [None]


def apply_round(world: World, step: Step) -> None:
    match step:
        case ("promote", int(index), others, reach, stage):
            world.budget["promote"] = 1  # any number of them, which is no part of the state
            world.do_promote(index, others)
            _run(world, reach, index, stage)
        case ("append", int(index), reach):
            world.do_append(index, 0)
            _run(world, reach, index, None)
        case ("repeat", int(index), reach):  # what is due is sent again
            _run(world, reach, index, None)
        case _:
            world.apply(step)
            world.apply(("restart", *step[1:]))
    world.network.clear()
    for node in world.nodes:
        if node.member is not None and not node.member.is_active:
            node.member._primary = None  # a promotion that is not over goes no further


def _run(world: World, reach: list[int], index: int, stage: Phase | None) -> None:
    """Let all happen that can among these nodes, until the promotion has reached a stage."""
    names = {world.nodes[other].copy for other in reach}
    for _ in range(2):
        while not _is_at(world, index, stage):
            asked = [node.index for node in world.nodes if node.queue]
            near = [n for n, (sender, to, _) in enumerate(world.network) if {sender, to} <= names]
            due = [node.index for node in world.ticking if world.is_due(node) and node.index in reach]
            steps = [*(("disk", n) for n in asked), *(("deliver", n) for n in near), *(("work", n) for n in due)]
            if not steps:
                break
            world.apply(steps[0])
        if world.nodes[index] in world.ticking and not _is_at(world, index, stage):
            world.wake(world.nodes[index])


def _is_at(world: World, index: int, stage: Phase | None) -> bool:
    member = world.nodes[index].member
    primary = member._primary if member else None
    return stage is not None and primary is not None and primary._promotion.phase >= stage


# Interleavings


def fine_steps(world: World) -> Iterator[Step]:
    """All steps of the world but for time-outs, which only repeat messages."""
    yield from world.steps()
    yield from world.requests()
    for step in world.faults():
        if step[0] in ("crash", "fail"):
            asked = len(world.nodes[int(step[1])].queue)
            yield from ((*step, kept) for kept in range(asked + 1))
        elif step[0] != "tick":
            yield step


def _led(scenario: Scenario) -> World:
    """The first node is the primary, and no message is under way."""
    world = World(scenario)
    everywhere = list(range(len(world.nodes)))
    apply_round(world, ("promote", 0, None, everywhere, Phase.active))
    _run(world, everywhere, 0, None)
    world.budget = dict(scenario.budget)
    return world


def _with_one_event(scenario: Scenario) -> World:
    """All copies have one event."""
    world = _led(scenario)
    apply_round(world, ("append", 0, list(range(len(world.nodes)))))
    return world


def _with_a_lonely_event(scenario: Scenario) -> World:
    """Only the primary has one event."""
    world = _led(scenario)
    apply_round(world, ("append", 0, [0]))
    return world


S = Scenario
ROUNDS = {
    "rounds r2": S(replicas=2, min_acks=1, budget={"promote": 1, "append": 3}),
    "rounds r1": S(replicas=1, min_acks=1, spares=1, budget={"promote": 1, "append": 3, "wipe": 1}),
    "rounds r2 groups": S(replicas=2, min_acks=1, spares=1, budget={"promote": 1, "append": 3, "wipe": 1}),
}
FINE = {
    "fine r1": S(replicas=1, min_acks=1, budget={"promote": 3, "append": 3, "crash": 1, "drop": 1, "repeat": 1}),
    "fine r2": S(replicas=2, min_acks=1, budget={"promote": 3, "append": 3, "crash": 1}),
}
SCOPES = {
    **{name: Scope(lambda s=s: _with_a_lonely_event(s), round_steps, apply_round) for name, s in ROUNDS.items()},
    **{name: Scope(lambda s=s: _with_one_event(s), fine_steps, World.apply) for name, s in FINE.items()},
}


# States


def fingerprint(world: World) -> bytes:
    """Equal for states from which the same can happen: times, and the numbers of epochs, are no matter."""
    nodes = [(n.copy, n.disk, n.queue, n.member) for n in world.nodes]
    committed = [(key, value.payload) for key, value in sorted(world.ledger.committed.items())]
    text = repr(_shape((nodes, sorted(map(repr, world.network)), committed, sorted(world.budget.items()))))
    epochs = sorted({tuple(map(int, found)) for found in _EPOCH.findall(text)})
    ranks = {epoch: str(rank) for rank, epoch in enumerate(epochs)}
    return _EPOCH.sub(lambda found: ranks[int(found[1]), int(found[2])], text).encode()


_EPOCH = re.compile(r"Epoch\(counter=(\d+), coordinator=(\d+)\)")


def _shape(value: Any) -> Any:
    """The value as tuples that print alike where it is alike."""
    match value:
        case None | int() | str() | bytes() | Epoch():
            return value
        case float():
            return None  # a time
        case dict():
            return tuple(map(_shape, cast("dict[object, object]", value).items()))
        case set():
            return tuple(sorted(map(repr, cast("set[object]", value))))
        case list() | tuple() | deque():
            return tuple(map(_shape, cast("Iterable[object]", value)))
        case _:
            names = [f.name for f in fields(value)] if is_dataclass(value) else _names(value)
            return tuple(_shape(getattr(value, name)) for name in names)


def _names(value: object) -> list[str]:
    return list(getattr(type(value), "__slots__", ())) or list(vars(value))


def main(seconds: float) -> None:
    for name, scope in SCOPES.items():
        until, depth = monotonic() + seconds / len(SCOPES), 0
        while monotonic() < until:
            depth += 1
            started = monotonic()
            search = Search(scope, until=until).run(depth)
            done = "all" if search.is_complete else "not all"
            print(
                f"{name}: {done} of depth {depth}, {search.applied} steps, {search.states} states, "
                f"{monotonic() - started:.1f} s",
                flush=True,
            )


if __name__ == "__main__":
    main(float(sys.argv[1])) if sys.argv[1:] else print(__doc__)
