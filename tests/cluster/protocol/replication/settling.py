"""The end of a trace: faults stop, and the shard has to become available, with all its copies alike."""

from collections.abc import Iterator
from random import Random

from casty_cluster.protocol.replication.promises import founding
from casty_cluster.protocol.replication.quorum import decides
from casty_cluster.wire.replication import CopyId

from tests.cluster.protocol.replication.node import Node
from tests.cluster.protocol.replication.world import Step, World

ROUNDS = 40
"""Time-outs after which what has not happened never will."""
MESSAGES = 20_000
"""Messages and changes between two time-outs after which copies will ask each other for ever."""


def settle(world: World, random: Random) -> Iterator[tuple[Step, World]]:
    """Start all nodes, promote one, and let all happen that still can."""
    world.budget = {"promote": 2 * len(world.nodes), "append": 1}
    node = random.choice(world.nodes)
    yield from _take(world, *(("restart", other.index) for other in world.nodes if other.member is None))
    yield from _run_out(world)
    if not world.scenario.min_acks:
        world.ledger.committed.clear()  # what only one primary had may be lost
    copies: list[CopyId] = []
    while copies != world.copies:  # once more where an old disk was found out
        copies = world.copies
        yield from _promote(world, node)
    assert _is_active(node), f"R6: {node.copy} is not active, though enough copies are there"
    committed = len(world.ledger.committed)
    yield from _take(world, ("append", node.index, 0))
    yield from _run_out(world)
    assert len(world.ledger.committed) > committed, "R6: an event is not committed, though all copies are there"
    _check_copies(world, node)


def _promote(world: World, node: Node) -> Iterator[tuple[Step, World]]:
    copy, known, others = node.copy, world.newest() or founding(world.founders), _others(world, node)
    yield from _take(world, ("promote", node.index, others))
    yield from _run_out(world)
    if node.copy == copy and not all(decides(group, world.copies) for group in (*known.former, known.group)):
        assert node.index in world.unavailable, "R6: too few promises, and the operator is not informed"
        world.ledger.committed.clear()  # the operator accepts that
        yield from _take(world, ("promote", node.index, others, True))
        yield from _run_out(world)


def _is_active(node: Node) -> bool:
    return node.member is not None and node.member.is_active


def _others(world: World, node: Node) -> tuple[int, ...]:
    """The replicas of the new view: the copies that have the shard, as far as they still exist, and new ones."""
    known = world.newest()
    kept = () if known is None else known.copies
    others = sorted((other for other in world.nodes if other is not node), key=lambda other: other.copy not in kept)
    return tuple(other.index for other in others[: world.scenario.replicas])


def _take(world: World, *steps: Step) -> Iterator[tuple[Step, World]]:
    for step in steps:
        yield step, world
        world.apply(step)


def _run_out(world: World) -> Iterator[tuple[Step, World]]:
    for _ in range(ROUNDS):
        for _ in range(MESSAGES):
            step = next(world.steps(), None)
            if step is None:
                break
            yield from _take(world, step)
        else:
            raise AssertionError(f"R6: copies ask each other for ever: {world.network}")
        if not world.ticking:
            return
        world.budget["tick"] = 1
        yield from _take(world, ("tick", world.ticking[0].index))


def _check_copies(world: World, node: Node) -> None:
    assert node.member is not None
    view = node.member.view
    assert view is not None
    assert not view.former, f"R6: {view} has not taken over for good"
    copies = [other for other in world.nodes if other.copy in view.copies]
    for other in copies:
        contents = other.disk.contents
        assert (contents.view, contents.confirmed) == (view, view.epoch), f"R6: {other.copy} does not know {view}"
        assert other.disk.entries == other.foreseen(), f"R6: {other.copy} still stores"
        mine, theirs = ({e: h for e, h in disk.entries.items() if h} for disk in (node.disk, other.disk))
        assert mine == theirs, f"R6: {other.copy} has {theirs}, and the primary {mine}"
