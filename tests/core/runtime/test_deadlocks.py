"""An ask of an actor that would wait for itself fails immediately, and no other ask does."""

import asyncio
from dataclasses import dataclass
from typing import cast

import pytest
from casty import ActorContext, ActorFailedError, ActorRef, ActorSystem, Behavior, Behaviors, DeadlockError
from casty.runtime import deadlock
from casty.testing import settle

from tests.core.runtime.probe import Question, echo, questioning

LONG = 30.0
AT_ONCE = LONG / 2
"""Seconds: without the refusal it would take twice as long, and a busy machine may take a few."""

type Asker = ActorContext[Question]


@dataclass(frozen=True)
class Ring:
    """Actors that each ask the next one in their handler, and say what came of it."""

    outcome: "asyncio.Future[Exception]"
    refs: list[ActorRef[Question]]

    def member(self, number: int, *, suspended: bool) -> Behavior[Question]:
        async def handler(ctx: Asker, question: Question) -> Behavior[Question]:
            if suspended:
                await asyncio.sleep(0)
            try:
                following = self.refs[(number + 1) % len(self.refs)]
                question.reply_to.tell(await ctx.system.ask(following, Question, LONG))
            except DeadlockError as error:
                self.outcome.set_result(error)
                question.reply_to.tell("broken")
            return Behaviors.same()

        return Behaviors.receive(handler)


@pytest.mark.skipif(not deadlock.COUNTS, reason="this interpreter does not count every reference")
@pytest.mark.parametrize("suspended", [False, True])
@pytest.mark.parametrize("size", [2, 3, 5])
async def test_a_circle_of_awaited_asks_is_refused(system: ActorSystem, size: int, suspended: bool) -> None:
    ring = Ring(asyncio.get_running_loop().create_future(), [])
    ring.refs.extend(system.spawn(ring.member(n, suspended=suspended), f"m{n}") for n in range(size))
    assert await asyncio.wait_for(system.ask(ring.refs[0], Question, LONG), AT_ONCE) == "broken"
    assert " asks /m0 asks /m1" in str(await ring.outcome)


@pytest.mark.parametrize("place", ["handler", "setup", "hook"])
async def test_an_actor_that_awaits_its_own_answer_gets_an_error_at_once(system: ActorSystem, place: str) -> None:
    errors: list[str] = []

    async def ask_itself(ctx: Asker) -> None:
        try:
            await ctx.system.ask(ctx.self, Question, LONG)
        except DeadlockError as error:
            errors.append(str(error))

    async def handler(ctx: Asker, question: Question) -> Behavior[Question]:
        await ask_itself(ctx)
        question.reply_to.tell("done")
        return Behaviors.same()

    async def setup(ctx: Asker) -> Behavior[Question]:
        await ask_itself(ctx)
        return Behaviors.receive(echo)

    behaviors = {
        "handler": Behaviors.receive(handler),
        "setup": Behaviors.setup(setup),
        "hook": Behaviors.with_lifecycle(Behaviors.receive(echo), pre_start=ask_itself),
    }
    ref = system.spawn(behaviors[place], "me")
    await asyncio.wait_for(system.ask(ref, Question, LONG), AT_ONCE)
    assert [error.partition(",")[0] for error in errors] == ["/me would wait for itself for ever: /me asks /me"]
    assert "ctx.ask(" in errors[0]


async def test_a_command_that_awaits_its_own_answer_fails_at_once(system: ActorSystem) -> None:
    async def on_command(ctx: Asker, state: int, question: Question) -> Behavior[Question]:
        question.reply_to.tell(await ctx.system.ask(ctx.self, Question, LONG))
        return Behaviors.same()

    def on_event(state: int, event: int) -> int:
        return state

    entity = Behaviors.event_sourced(entity_id="me", initial_state=0, on_event=on_event, on_command=on_command)
    with pytest.raises(ActorFailedError) as failed:
        await asyncio.wait_for(system.ask(system.spawn(entity), Question, LONG), AT_ONCE)
    assert isinstance(failed.value.__cause__, DeadlockError)


async def test_a_task_of_a_handler_may_ask_its_own_actor(system: ActorSystem) -> None:
    replies: list[str] = []
    tasks: list[asyncio.Task[None]] = []

    async def handler(ctx: Asker, question: Question) -> Behavior[Question]:
        async def later() -> None:
            replies.append(await ctx.system.ask(ctx.self, questioning("inner"), LONG))

        if question.text == "outer":
            tasks.append(asyncio.Task(later(), eager_start=True, loop=asyncio.get_running_loop()))
            ctx.ask(ctx.self, questioning("piped"), lambda reply: Question(question.reply_to, reply), LONG)
        else:
            question.reply_to.tell(question.text)
        return Behaviors.same()

    ref = system.spawn(Behaviors.receive(handler))
    assert await asyncio.wait_for(system.ask(ref, questioning("outer"), LONG), AT_ONCE) == "piped"
    await asyncio.gather(*tasks)
    assert replies == ["inner"]


@pytest.mark.parametrize("way", ["reference", "message", "task", "stored", "replied"])
async def test_a_circle_that_another_actor_opens_is_none(system: ActorSystem, way: str) -> None:
    """The front asks the back, which sees to it that the front has its reply, and then asks the front."""
    stored: list[object] = []
    tasks: list[asyncio.Task[None]] = []

    async def helper(_ctx: ActorContext[object], message: object) -> Behavior[object]:
        await settle()
        reply_to = cast("ActorRef[str]", message.reply_to if isinstance(message, Question) else message)
        reply_to.tell("helped")
        return Behaviors.same()

    helping = system.spawn(Behaviors.receive(helper))

    async def late(reply_to: ActorRef[str]) -> None:
        await asyncio.sleep(0)
        reply_to.tell("late")

    def reply_as_stored() -> None:
        cast("ActorRef[str]", stored[0]).tell("stored")

    async def back(ctx: Asker, question: Question) -> Behavior[Question]:
        match way:
            case "reference":
                helping.tell(question.reply_to)
            case "message":
                helping.tell(question)
            case "task":
                tasks.append(asyncio.create_task(late(question.reply_to)))
            case "replied":
                question.reply_to.tell("early")
            case _:
                stored.append(question.reply_to)
                asyncio.get_running_loop().call_soon(reply_as_stored)
        results.append(await ctx.system.ask(front_ref, questioning("inner"), LONG))
        return Behaviors.same()

    async def front(ctx: Asker, question: Question) -> Behavior[Question]:
        if question.text == "inner":
            question.reply_to.tell("inner")
        else:
            question.reply_to.tell(await ctx.system.ask(back_ref, Question, LONG))
        return Behaviors.same()

    results: list[str] = []
    front_ref, back_ref = (system.spawn(Behaviors.receive(handler)) for handler in (front, back))
    assert await asyncio.wait_for(system.ask(front_ref, Question, LONG), AT_ONCE) != ""
    await settle()
    assert results == ["inner"]


async def test_an_actor_that_awaits_something_else_may_be_asked(system: ActorSystem) -> None:
    gate = asyncio.Event()

    async def slow(_ctx: Asker, question: Question) -> Behavior[Question]:
        await gate.wait()
        question.reply_to.tell("slow")
        return Behaviors.same()

    slow_ref = system.spawn(Behaviors.receive(slow))

    async def asks(ctx: Asker, question: Question) -> Behavior[Question]:
        question.reply_to.tell(await ctx.system.ask(slow_ref, Question, LONG))
        return Behaviors.same()

    replies = [asyncio.ensure_future(system.ask(system.spawn(Behaviors.receive(asks)), Question, LONG)) for _ in "ab"]
    await settle()
    gate.set()
    assert await asyncio.gather(*replies) == ["slow", "slow"]
