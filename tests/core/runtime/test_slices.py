"""However much ends at once, the event loop has its turns meanwhile. Turns are counted here; `benchmarks/holding.py`
measures times.
"""

import asyncio
import weakref
from collections.abc import Awaitable, Generator
from contextlib import contextmanager
from itertools import islice
from operator import length_hint

import pytest
from casty import (
    ActorContext,
    ActorRef,
    ActorStopped,
    ActorStoppedError,
    ActorSystem,
    Behavior,
    Behaviors,
    DeadLetter,
)
from casty.runtime.cell import LocalRef
from casty.runtime.dispatcher import HUGE
from casty.runtime.slices import SLICE, Draining, in_slices
from casty.testing import ManualClock, settle

from tests.core.runtime.probe import Events, Question, nothing

MANY = 10 * SLICE
FEWEST = 8
"""Turns that the loop has at least while so many things end."""


class Turns:
    """Counts the turns of the event loop."""

    def __init__(self) -> None:
        self.count = 0
        self._loop = asyncio.get_running_loop()
        self._handle = self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self.count += 1
        self._handle = self._loop.call_soon(self._turn)

    def stop(self) -> None:
        self._handle.cancel()


@contextmanager
def counted() -> Generator[Turns]:
    turns = Turns()
    try:
        yield turns
    finally:
        turns.stop()


async def ended(things: Awaitable[object]) -> int:
    """How many turns the loop had until they had ended."""
    with counted() as turns:
        await things
    return turns.count


async def gone(system: ActorSystem, path: str) -> None:
    """Until an actor has stopped."""
    over = asyncio.Event()
    system.event_stream.subscribe(ActorStopped, lambda event: event.ref.address.path == path and over.set())
    await over.wait()


async def silent(_ctx: ActorContext[Question], _question: Question) -> Behavior[Question]:
    return Behaviors.same()


async def stops(_ctx: ActorContext[object], message: object) -> Behavior[object]:
    return Behaviors.stopped() if message == "stop" else Behaviors.same()


def parent(children: int, child: Behavior[object]) -> Behavior[object]:
    async def begin(ctx: ActorContext[object]) -> Behavior[object]:
        for _ in range(children):
            ctx.spawn(child)
        return Behaviors.receive(stops)

    return Behaviors.setup(begin)


async def test_a_shutdown_of_many_actors_lets_the_loop_have_its_turns() -> None:
    system = await ActorSystem().__aenter__()
    for _ in range(MANY):
        system.spawn(Behaviors.receive(nothing))
    assert await ended(system.shutdown()) >= FEWEST


@pytest.mark.parametrize("started", [False, True])
async def test_many_children_stop_in_slices(
    system: ActorSystem, started: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("casty.runtime.children.COPIED", SLICE + 1)
    child: Behavior[object] = Behaviors.receive(nothing)

    async def begin(_ctx: ActorContext[object]) -> Behavior[object]:
        return Behaviors.receive(nothing)

    ref = system.spawn(parent(MANY, Behaviors.setup(begin) if started else child), "parent")
    await settle()
    ref.tell("stop")
    assert await ended(gone(system, "/parent")) >= FEWEST


async def test_a_family_that_is_being_stopped_takes_no_more_children(system: ActorSystem) -> None:
    refused: list[Exception] = []
    contexts: list[ActorContext[object]] = []

    async def begin(ctx: ActorContext[object]) -> Behavior[object]:
        async def late(_: ActorContext[object]) -> None:
            try:
                contexts[0].spawn(Behaviors.receive(nothing), "late")
            except ActorStoppedError as error:
                refused.append(error)

        contexts.append(ctx)
        ctx.spawn(Behaviors.with_lifecycle(Behaviors.receive(nothing), post_stop=late), "early")

        async def restart(_ctx: ActorContext[object], _message: object) -> Behavior[object]:
            return Behaviors.restart()

        return Behaviors.receive(restart)

    ref = system.spawn(Behaviors.setup(begin), "parent")
    ref.tell("restart")
    await settle()
    assert [str(error) for error in refused] == ["/parent is stopping, or restarting, and takes no more children"]
    assert system.lookup("/parent/early") is not None
    assert system.lookup("/parent/late") is None


async def test_a_full_mailbox_becomes_dead_letters_in_slices_and_in_order(system: ActorSystem) -> None:
    letters, gate = Events(system, DeadLetter), asyncio.Event()

    async def handler(_ctx: ActorContext[int], _message: int) -> Behavior[int]:
        await gate.wait()
        return Behaviors.stopped()

    ref = system.spawn(Behaviors.receive(handler), "full")
    for number in range(MANY):
        ref.tell(number)
    await settle()
    gate.set()
    assert await ended(gone(system, "/full")) >= FEWEST
    assert [letter.message for letter in letters.seen] == list(range(1, MANY))


async def test_asks_time_out_in_slices(clock: ManualClock, system: ActorSystem) -> None:
    ref = system.spawn(Behaviors.receive(silent))
    woken: list[int] = []
    """At which turn each of them was over."""

    async def ask() -> None:
        await system.ask_or_none(ref, Question, 1.0)
        if not woken:
            next_turn()
        woken.append(turn)

    asks = [asyncio.ensure_future(ask()) for _ in range(MANY)]
    await settle()
    turn = 0
    loop = asyncio.get_running_loop()

    def next_turn() -> None:
        nonlocal turn
        turn += 1
        if turn < MANY:
            loop.call_soon(next_turn)

    await clock.advance(1.0)
    await asyncio.gather(*asks)
    assert len(woken) == MANY
    assert len(set(woken)) >= FEWEST


async def test_asks_of_an_actor_that_stops_fail_in_slices(system: ActorSystem) -> None:
    ref: ActorRef[object] = system.spawn(Behaviors.receive(stops))
    asks = asyncio.gather(*(system.ask_or_none(ref, Question, 30.0) for _ in range(MANY)))
    await settle()
    ref.tell("stop")
    assert await ended(asks) >= FEWEST


async def test_asks_that_a_shutdown_ends_fail_in_slices() -> None:
    system = await ActorSystem().__aenter__()
    kept: list[object] = []

    async def keep(_ctx: ActorContext[Question], question: Question) -> Behavior[Question]:
        kept.append(question.reply_to)
        return Behaviors.same()

    ref = system.spawn(Behaviors.receive(keep))
    asks = asyncio.gather(*(system.ask_or_none(ref, Question, 30.0) for _ in range(MANY)))
    await settle()
    assert await ended(system.shutdown()) >= FEWEST
    assert await asks == [None] * MANY


async def test_many_timers_are_cancelled_in_slices() -> None:
    system = await ActorSystem().__aenter__()
    ref = system.spawn(Behaviors.receive(nothing))
    for number in range(MANY):
        system.schedule(str(number), ref, number, delay=3_600)
    assert await ended(system.shutdown()) >= FEWEST


async def test_a_huge_batch_is_freed_message_by_message(system: ActorSystem) -> None:
    gate, handled = asyncio.Event(), asyncio.Event()
    left: list[int] = []

    async def handler(_ctx: ActorContext[int], number: int) -> Behavior[int]:
        await gate.wait()
        if number == HUGE:
            assert isinstance(ref, LocalRef)
            batch: object = ref.cell.batch
            assert isinstance(batch, Draining)
            left.append(length_hint(batch))
            handled.set()
        return Behaviors.same()

    ref = system.spawn(Behaviors.receive(handler))
    assert isinstance(ref, LocalRef)
    ref.tell(0)
    await settle()
    for number in range(1, HUGE + 2):
        ref.tell(number)
    gate.set()
    await handled.wait()
    assert left == [1]


async def test_a_listing_of_children_stands_still_and_is_a_sequence(system: ActorSystem) -> None:
    listings: list[object] = []

    async def begin(ctx: ActorContext[object]) -> Behavior[object]:
        refs = [ctx.spawn(Behaviors.receive(nothing)) for _ in range(3)]
        ctx.message_adapter(str)
        listed = ctx.children
        for child in listed:
            ctx.stop(child)
        listings.extend((listed == refs, listed[1] == refs[1], listed[1:] == refs[1:], len(listed), list(ctx.children)))
        return Behaviors.receive(nothing)

    system.spawn(Behaviors.setup(begin))
    await settle()
    assert listings == [True, True, True, 3, []]


async def test_few_steps_are_done_at_once() -> None:
    steps: list[int] = []
    stepping = in_slices(steps.append, Draining(range(SLICE)))
    with pytest.raises(StopIteration):
        stepping.send(None)
    assert steps == list(range(SLICE))


@pytest.mark.parametrize("handled", [0, 1, SLICE - 1, SLICE, SLICE + 1, 2 * SLICE, 2 * SLICE + 3])
def test_a_broken_off_drain_knows_how_much_is_left_and_goes_on_there(handled: int) -> None:
    total = 2 * SLICE + 3
    draining = Draining(range(total))
    assert list(islice(draining, handled)) == list(range(handled))
    assert length_hint(draining) == total - handled
    assert list(draining) == list(range(handled, total))
    assert length_hint(draining) == 0
    assert list(draining) == []


def test_a_second_reader_leaves_nothing_to_the_first() -> None:
    draining = Draining(range(2 * SLICE))
    first = iter(draining)
    assert next(first) == 0
    assert list(draining) == list(range(1, 2 * SLICE))
    assert list(first) == []


def test_slices_that_were_drained_are_freed() -> None:
    class Item: ...

    items = [Item() for _ in range(3 * SLICE)]
    seen = [weakref.ref(item) for item in items]
    draining = Draining(items)
    items.clear()
    for number, item in enumerate(draining):
        del item
        alive = sum(ref() is not None for ref in seen)
        assert alive <= 3 * SLICE - number // SLICE * SLICE
