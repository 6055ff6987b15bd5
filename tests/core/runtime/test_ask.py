"""Asking: replies, and the end of asks without a reply."""

import asyncio
from collections.abc import Awaitable

import pytest
from casty import ActorContext, ActorRef, ActorSystem, Behavior, Behaviors, OneForOneStrategy
from casty.errors import ActorFailedError, ActorStoppedError
from casty.testing import settle

from tests.core.runtime.probe import Boom, Question, echo, questioning, turns

type Asker = ActorContext[Question]
LONG = 30.0
"""Seconds of timeout where an ask must fail at once."""


async def at_once[T](awaitable: Awaitable[T]) -> T:
    async with asyncio.timeout(LONG / 2):
        return await awaitable


async def silent(_ctx: Asker, _question: Question) -> Behavior[Question]:
    return Behaviors.same()


async def test_an_answer_comes_back(system: ActorSystem) -> None:
    ref = system.spawn(Behaviors.receive(echo))
    assert await system.ask(ref, questioning("x")) == "x"


async def test_only_the_first_answer_counts(system: ActorSystem) -> None:
    async def handler(_ctx: Asker, question: Question) -> Behavior[Question]:
        question.reply_to.tell("first")
        question.reply_to.tell("second")
        return Behaviors.same()

    assert await system.ask(system.spawn(Behaviors.receive(handler)), Question) == "first"


async def test_many_asks_at_once_get_their_own_answers(system: ActorSystem) -> None:
    async def slow_echo(_ctx: Asker, question: Question) -> Behavior[Question]:
        await turns(int(question.text) % 3)
        question.reply_to.tell(question.text)
        return Behaviors.same()

    refs = [system.spawn(Behaviors.receive(handler)) for handler in (echo, slow_echo)]
    asks = [system.ask(refs[n % 2], questioning(str(n))) for n in range(300)]
    assert await asyncio.gather(*asks) == [str(n) for n in range(300)]


async def test_an_ask_that_is_never_answered_times_out(system: ActorSystem) -> None:
    ref = system.spawn(Behaviors.receive(silent))
    with pytest.raises(TimeoutError):
        await system.ask(ref, Question, timeout=0.01)
    assert await system.ask_or_none(ref, Question, timeout=0.01) is None


async def test_a_dead_target_fails_the_ask_at_once(system: ActorSystem) -> None:
    ref = _stopped(system)
    await settle()
    with pytest.raises(ActorStoppedError):
        await at_once(system.ask(ref, Question, LONG))
    assert await at_once(system.ask_or_none(ref, Question, LONG)) is None


def _stopped(system: ActorSystem) -> ActorRef[Question]:
    return system.spawn(Behaviors.stopped())


async def test_a_failing_handler_fails_the_ask_at_once(system: ActorSystem) -> None:
    async def handler(_ctx: Asker, _question: Question) -> Behavior[Question]:
        raise Boom

    for behavior in (
        Behaviors.receive(handler),
        Behaviors.supervise(Behaviors.receive(handler), OneForOneStrategy()),
    ):
        with pytest.raises(ActorFailedError) as failed:
            await at_once(system.ask(system.spawn(behavior), Question, LONG))
        assert isinstance(failed.value.__cause__, Boom)


async def test_a_target_that_stops_without_answering_fails_the_ask_at_once(system: ActorSystem) -> None:
    async def handler(_ctx: Asker, _question: Question) -> Behavior[Question]:
        return Behaviors.stopped()

    with pytest.raises(ActorStoppedError):
        await at_once(system.ask(system.spawn(Behaviors.receive(handler)), Question, LONG))


async def test_a_stop_fails_the_asks_that_are_queued(system: ActorSystem) -> None:
    gate = asyncio.Event()

    async def handler(_ctx: Asker, _question: Question) -> Behavior[Question]:
        await gate.wait()
        return Behaviors.stopped()

    ref = system.spawn(Behaviors.receive(handler))
    asks = [asyncio.ensure_future(system.ask(ref, Question, LONG)) for _ in range(3)]
    await settle()
    gate.set()
    outcomes = await at_once(asyncio.gather(*asks, return_exceptions=True))
    assert [type(outcome) for outcome in outcomes] == [ActorStoppedError] * 3


async def test_a_forwarded_question_is_answered_after_its_front_has_stopped(system: ActorSystem) -> None:
    gate = asyncio.Event()

    async def back(_ctx: Asker, question: Question) -> Behavior[Question]:
        await gate.wait()
        question.reply_to.tell("late")
        return Behaviors.same()

    behind = system.spawn(Behaviors.receive(back))

    async def front(_ctx: Asker, question: Question) -> Behavior[Question]:
        behind.tell(question)
        return Behaviors.stopped()

    ask = asyncio.ensure_future(system.ask(system.spawn(Behaviors.receive(front)), Question, LONG))
    await settle()
    gate.set()
    assert await at_once(ask) == "late"


async def test_whichever_thread_drops_the_last_reference_fails_the_ask_in_its_loop(system: ActorSystem) -> None:
    asyncio.get_running_loop().set_debug(True)  # so that it refuses what another thread does to it
    held: list[ActorRef[str]] = []

    async def handler(_ctx: Asker, question: Question) -> Behavior[Question]:
        held.append(question.reply_to)
        return Behaviors.stopped()

    ask = asyncio.ensure_future(system.ask(system.spawn(Behaviors.receive(handler)), Question, LONG))
    await settle()
    await asyncio.to_thread(held.clear)
    with pytest.raises(ActorStoppedError):
        await at_once(ask)


async def test_asks_may_nest_deeper_than_they_run_in_place(system: ActorSystem) -> None:
    def relay(behind: ActorRef[Question]) -> Behavior[Question]:
        async def handler(ctx: Asker, question: Question) -> Behavior[Question]:
            answer = await ctx.system.ask(behind, questioning(question.text))
            question.reply_to.tell(answer + ".")
            return Behaviors.same()

        return Behaviors.receive(handler)

    ref = system.spawn(Behaviors.receive(echo))
    depth = 100
    for _ in range(depth):
        ref = system.spawn(relay(ref))
    assert await system.ask(ref, questioning("x")) == "x" + "." * depth


async def test_two_actors_that_ask_each_other_time_out_and_go_on(system: ActorSystem) -> None:
    refs: list[ActorRef[Question]] = []

    def asks_back(other: int) -> Behavior[Question]:
        async def handler(ctx: Asker, question: Question) -> Behavior[Question]:
            if question.text == "ping":
                question.reply_to.tell("pong")
            else:
                answer = await ctx.system.ask_or_none(refs[other], Question, timeout=0.01)
                question.reply_to.tell(str(answer))
            return Behaviors.same()

        return Behaviors.receive(handler)

    refs += [system.spawn(asks_back(1)), system.spawn(asks_back(0))]
    assert await system.ask(refs[0], Question) == "None"
    assert await system.ask(refs[0], questioning("ping")) == "pong"


async def test_a_cancelled_ask_affects_no_other(system: ActorSystem) -> None:
    gate = asyncio.Event()

    async def handler(_ctx: Asker, question: Question) -> Behavior[Question]:
        await gate.wait()
        question.reply_to.tell(question.text)
        return Behaviors.same()

    ref = system.spawn(Behaviors.receive(handler))
    ask = asyncio.ensure_future(system.ask(ref, Question))
    await settle()
    ask.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ask
    gate.set()
    assert await system.ask(ref, questioning("x")) == "x"


async def test_a_shutdown_fails_the_asks_that_wait(system: ActorSystem) -> None:
    kept: list[Question] = []

    async def keeper(_ctx: Asker, question: Question) -> Behavior[Question]:
        kept.append(question)
        return Behaviors.same()

    ask = asyncio.ensure_future(system.ask(system.spawn(Behaviors.receive(keeper)), Question, LONG))
    await settle()
    await system.shutdown()
    with pytest.raises(ActorStoppedError):
        await at_once(ask)


async def test_a_resolved_address_without_an_actor_fails_the_ask_at_once(system: ActorSystem) -> None:
    ref = _stopped(system)
    await settle()
    with pytest.raises(ActorStoppedError):
        await system.ask(system.resolve(ref.address), Question, timeout=0.05)


async def test_an_ask_of_an_actor_that_failed_tells_why_it_has_stopped(system: ActorSystem) -> None:
    async def fails(_ctx: Asker, _question: Question) -> Behavior[Question]:
        raise Boom

    ref = system.spawn(Behaviors.receive(fails))
    with pytest.raises(ActorFailedError):
        await system.ask(ref, Question)
    await settle()
    with pytest.raises(ActorStoppedError) as stopped:
        await at_once(system.ask(ref, Question, LONG))
    assert isinstance(stopped.value.__cause__, Boom)
