"""What was put into a mailbox and then revoked is not delivered."""

import asyncio
from collections.abc import Callable
from typing import Any, override

import pytest
from casty import (
    ActorContext,
    ActorRef,
    ActorSystem,
    Behavior,
    Behaviors,
    DeadLetter,
    Mailbox,
    MailboxOverflowStrategy,
    OneForOneStrategy,
    Terminated,
)
from casty.runtime.cell import Cell, LocalRef
from casty.runtime.dispatcher import HUGE
from casty.runtime.revocable import REVOKED, MixedQueue, Revocable
from casty.testing import ManualClock, TestProbe, settle

from tests.core.runtime.probe import Boom, Events, nothing

type Ctx = ActorContext[Any]
type Action = Callable[[Ctx], object]


class Held:
    """An actor that can be blocked while it handles a message, and its messages."""

    def __init__(self, system: ActorSystem, mailbox: Mailbox | None = None) -> None:
        self.got: list[Any] = []
        self.gate = asyncio.Event()
        self.entered = asyncio.Event()

        async def handler(ctx: Ctx, message: Any) -> Behavior[Any]:
            if isinstance(message, Hold):
                message.first(ctx)
                self.entered.set()
                await self.gate.wait()
                message.then(ctx)
            elif callable(message):
                message(ctx)
            else:
                self.got.append(message)
            return Behaviors.same()

        self.ref: ActorRef[Any] = system.spawn(
            Behaviors.supervise(Behaviors.receive(handler), OneForOneStrategy()), mailbox=mailbox
        )

    async def hold(self, first: Action, then: Action) -> None:
        """Do the one, wait for `go`, do the other."""
        self.gate.clear()
        self.entered.clear()
        self.ref.tell(Hold(first, then))
        await self.entered.wait()

    def does(self, action: Action) -> None:
        """Do it in the actor."""
        self.ref.tell(action)

    async def go(self) -> list[Any]:
        self.gate.set()
        await settle()
        return self.got


class Hold:
    def __init__(self, first: Action, then: Action) -> None:
        self.first = first
        self.then = then


def fails(_ctx: Ctx) -> None:
    raise Boom


def cancels(ctx: Ctx) -> None:
    ctx.timers.cancel("t")


def replaces(ctx: Ctx) -> None:
    ctx.timers.start("t", "new", after=1.0)


@pytest.mark.parametrize("every", [True, False], ids=["every", "after"])
@pytest.mark.parametrize(("then", "later"), [(cancels, []), (replaces, ["new"]), (fails, [])])
async def test_a_timers_message_is_revoked_with_the_timer(
    system: ActorSystem, clock: ManualClock, every: bool, then: Action, later: list[str]
) -> None:
    actor = Held(system)

    def starts(ctx: Ctx) -> None:
        ctx.timers.start("t", "old", every=1.0) if every else ctx.timers.start("t", "old", after=1.0)

    await actor.hold(starts, then)
    await clock.advance(1.0)
    actor.ref.tell("ordinary")
    assert await actor.go() == ["ordinary"]
    await clock.advance(1.0)
    assert actor.got == ["ordinary", *later]


async def test_a_message_that_is_no_timers_is_kept_though_it_is_the_same_object(
    system: ActorSystem, clock: ManualClock
) -> None:
    actor, tick = Held(system), "tick"
    await actor.hold(lambda ctx: ctx.timers.start("t", tick, after=1.0), cancels)
    actor.ref.tell(tick)
    await clock.advance(1.0)
    assert await actor.go() == [tick]


async def test_a_timer_that_is_due_once_may_be_started_again_by_its_own_message(
    system: ActorSystem, clock: ManualClock
) -> None:
    actor = Held(system)

    def again(ctx: Ctx) -> None:
        actor.got.append("again")
        ctx.timers.start("t", again, after=1.0)

    actor.does(again)
    await settle()
    await clock.advance(1.0)
    await clock.advance(1.0)
    assert actor.got == ["again"] * 3


async def test_a_timer_that_has_fired_leaves_nothing_behind(system: ActorSystem, clock: ManualClock) -> None:
    actor = Held(system)
    await actor.hold(lambda ctx: [ctx.timers.start(f"{n}", n, after=1.0) for n in range(100)], nothing_more)
    await clock.advance(1.0)
    assert await actor.go() == list(range(100))
    assert isinstance(actor.ref, LocalRef)
    extras = actor.ref.cell.own_extras()
    assert extras.timers is not None
    assert not vars(extras.timers)["_timers"]


def nothing_more(_ctx: Ctx) -> None: ...


async def test_a_scheduled_message_is_revoked_by_cancel_schedule(system: ActorSystem, clock: ManualClock) -> None:
    actor = Held(system)
    await actor.hold(nothing_more, nothing_more)
    system.tick("tick", actor.ref, "tick", interval=1.0)
    system.schedule("once", actor.ref, "once", delay=1.0)
    system.schedule("kept", actor.ref, "kept", delay=1.0)
    await clock.advance(1.0)
    system.cancel_schedule("tick")
    system.cancel_schedule("once")
    assert await actor.go() == ["kept"]


async def test_a_timers_message_at_a_stop_is_no_dead_letter(system: ActorSystem, clock: ManualClock) -> None:
    letters, actor = Events(system, DeadLetter), Held(system)
    await actor.hold(lambda ctx: ctx.timers.start("t", "timer", after=1.0), lambda ctx: ctx.stop(ctx.self))
    await clock.advance(1.0)
    actor.ref.tell("ordinary")
    await actor.go()
    assert [letter.message for letter in letters.seen] == ["ordinary"]


@pytest.mark.parametrize("with_message", [True, False], ids=["watch_with", "watch"])
@pytest.mark.parametrize("unwatches", [True, False], ids=["unwatch", "restart"])
async def test_the_notice_of_a_watch_that_is_over_is_not_delivered(
    system: ActorSystem, with_message: bool, unwatches: bool
) -> None:
    actor, other = Held(system), system.spawn(Behaviors.receive(stops))
    await actor.hold(
        lambda ctx: ctx.watch_with(other, "gone") if with_message else ctx.watch(other),
        lambda ctx: ctx.unwatch(other) if unwatches else fails(ctx),
    )
    other.tell("stop")
    await settle()
    assert await actor.go() == []


async def stops(_ctx: Ctx, _message: str) -> Behavior[str]:
    return Behaviors.stopped()


async def test_a_watch_that_is_renewed_is_delivered_once(system: ActorSystem) -> None:
    actor, other = Held(system), system.spawn(Behaviors.receive(stops))
    await actor.hold(lambda ctx: ctx.watch(other), fails)
    other.tell("stop")
    await settle()
    actor.does(lambda ctx: ctx.watch(other))
    assert await actor.go() == [Terminated(other)]


async def test_a_second_watch_replaces_the_message_of_one_that_waits(system: ActorSystem) -> None:
    actor, other = Held(system), system.spawn(Behaviors.receive(stops))
    await actor.hold(lambda ctx: ctx.watch_with(other, "old"), lambda ctx: ctx.watch_with(other, "new"))
    other.tell("stop")
    await settle()
    assert await actor.go() == ["new"]


async def test_the_notice_of_a_dead_actor_can_be_revoked_too(system: ActorSystem) -> None:
    actor, other = Held(system), system.spawn(Behaviors.receive(stops))
    other.tell("stop")
    await settle()
    await actor.hold(lambda ctx: ctx.watch(other), lambda ctx: ctx.unwatch(other))
    assert await actor.go() == []


async def test_the_result_of_piped_work_is_for_the_incarnation_that_piped_it(system: ActorSystem) -> None:
    actor = Held(system)

    async def work() -> str:
        return "result"

    await actor.hold(lambda ctx: ctx.pipe_to_self(work()), fails)
    assert await actor.go() == []
    actor.does(lambda ctx: ctx.pipe_to_self(work()))
    assert await actor.go() == ["result"]


async def test_the_answer_of_an_ask_is_for_the_incarnation_that_asked(system: ActorSystem) -> None:
    actor, probe = Held(system), TestProbe[ActorRef[str]](system)
    await actor.hold(lambda ctx: ctx.ask(probe.ref, lambda reply_to: reply_to, lambda answer: answer), fails)
    (await probe.receive()).tell("answer")
    await settle()
    assert await actor.go() == []


async def test_a_message_that_was_stashed_has_been_taken(system: ActorSystem, clock: ManualClock) -> None:
    actor = Held(system)
    unstashing = list[Any]()

    def stash(ctx: Ctx) -> None:
        if not unstashing:
            ctx.stash(stash)
        else:
            actor.got.append("stashed")

    await actor.hold(lambda ctx: ctx.timers.start("t", stash, after=1.0), nothing_more)
    await clock.advance(1.0)
    await actor.go()
    unstashing.append(True)
    actor.does(lambda ctx: (ctx.timers.cancel("t"), ctx.unstash_all()))
    assert await actor.go() == ["stashed"]


async def test_unstashing_keeps_what_waits_revocable(system: ActorSystem, clock: ManualClock) -> None:
    actor = Held(system)

    def starts(ctx: Ctx) -> None:
        ctx.timers.start("t", "timer", after=1.0)
        ctx.stash(cancels)

    await actor.hold(starts, lambda ctx: ctx.unstash_all())
    actor.ref.tell("before")
    await clock.advance(1.0)
    actor.ref.tell("after")
    assert await actor.go() == ["before", "after"]


class Counted(Revocable):
    """A revocable that says when it was taken."""

    def __init__(self, message: Any) -> None:
        self.message = message

    @override
    def take(self) -> Any:
        return self.message


def cell_of(actor: Held) -> Cell:
    assert isinstance(actor.ref, LocalRef)
    return actor.ref.cell


async def test_a_revocable_keeps_its_place_in_the_mailbox(system: ActorSystem) -> None:
    actor = Held(system)
    await actor.hold(nothing_more, nothing_more)
    for n in range(6):
        if n % 2:
            cell_of(actor).tell_revocable(Counted(n))
        else:
            actor.ref.tell(n)
    assert await actor.go() == list(range(6))


async def test_a_revocable_meets_a_full_mailbox_like_any_other_message(system: ActorSystem) -> None:
    letters = Events(system, DeadLetter)
    for strategy in MailboxOverflowStrategy:
        actor = Held(system, Mailbox(capacity=1, overflow=strategy))
        await actor.hold(nothing_more, nothing_more)
        actor.ref.tell("first")
        cell_of(actor).tell_revocable(Counted("timer"))
        cell_of(actor).deliver_revocable(Counted("notice"))
        lost = "first" if strategy is MailboxOverflowStrategy.drop_oldest else "timer"
        kept = "timer" if strategy is MailboxOverflowStrategy.drop_oldest else "first"
        assert await actor.go() == [kept, "notice"]
        assert (await letters.receive()).message == lost


async def test_a_revoked_message_makes_room_and_no_dead_letter(system: ActorSystem) -> None:
    letters = Events(system, DeadLetter)
    actor = Held(system, Mailbox(capacity=1, overflow=MailboxOverflowStrategy.drop_oldest))
    await actor.hold(nothing_more, nothing_more)
    cell_of(actor).tell_revocable(Counted(REVOKED))
    actor.ref.tell("second")
    assert await actor.go() == ["second"]
    assert not letters.seen


def test_the_length_of_what_waits_counts_revocables() -> None:
    queue = MixedQueue([1, Counted(2), Counted(REVOKED)])
    assert len(queue) == 3
    batch = iter(queue)
    assert next(batch) == 1
    assert batch.__length_hint__() == 2
    assert list(batch) == [2]


async def test_ordinary_messages_wait_in_an_ordinary_list(system: ActorSystem) -> None:
    ref = system.spawn(Behaviors.receive(nothing))
    ref.tell("x")
    assert isinstance(ref, LocalRef)
    assert type(ref.cell.queue) is list


async def test_a_revocable_among_very_many_messages_stays_revocable(system: ActorSystem, clock: ManualClock) -> None:
    actor = Held(system)
    await actor.hold(lambda ctx: ctx.timers.start("t", "timer", after=1.0), nothing_more)
    actor.does(cancels)
    for _ in range(HUGE):
        actor.ref.tell("x")
    await clock.advance(1.0)
    assert len(await actor.go()) == HUGE
    assert "timer" not in actor.got
