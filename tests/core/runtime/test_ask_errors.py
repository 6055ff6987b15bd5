"""What an ask that fails tells its caller, and what it leaves behind."""

import asyncio
import gc
import logging

import pytest
from casty import (
    ActorContext,
    ActorRef,
    ActorSystem,
    Backoff,
    Behavior,
    Behaviors,
    Mailbox,
    MailboxFullError,
    MailboxOverflowStrategy,
    OneForOneStrategy,
)
from casty.runtime.cell import LocalRef
from casty.testing import ManualClock, settle

from tests.core.runtime.probe import Boom, Question, questioning

OVERFLOW = MailboxOverflowStrategy
LONG = 30.0
"""Seconds of timeout where an ask must fail at once."""

type Asker = ActorContext[Question]


async def silent(_ctx: Asker, _question: Question) -> Behavior[Question]:
    return Behaviors.same()


def held_up(system: ActorSystem, mailbox: Mailbox) -> tuple[asyncio.Event, ActorRef[Question]]:
    """An actor that replies to each question once the gate is open."""
    gate = asyncio.Event()

    async def handler(_ctx: Asker, question: Question) -> Behavior[Question]:
        await gate.wait()
        question.reply_to.tell(question.text)
        return Behaviors.same()

    return gate, system.spawn(Behaviors.receive(handler), mailbox=mailbox)


async def test_a_timeout_names_the_path_the_type_and_the_seconds(system: ActorSystem) -> None:
    ref = system.spawn(Behaviors.receive(silent), "silent")
    with pytest.raises(TimeoutError, match=r"^/silent did not answer Question within 0\.01 s$"):
        await system.ask(ref, Question, timeout=0.01)


async def test_a_timeout_tells_of_a_handler_that_awaits(system: ActorSystem) -> None:
    gate, ref = held_up(system, Mailbox())
    first = asyncio.ensure_future(system.ask(ref, questioning("first"), LONG))
    await settle()
    with pytest.raises(TimeoutError, match="its handler awaits something, and 1 messages wait behind it"):
        await system.ask(ref, questioning("second"), timeout=0.01)
    gate.set()
    assert await first == "first"


async def test_a_timeout_tells_of_the_backoff_of_its_target(clock: ManualClock, system: ActorSystem) -> None:
    async def handler(_ctx: Asker, _question: Question) -> Behavior[Question]:
        raise Boom("no")

    strategy = OneForOneStrategy(backoff=Backoff(initial=9.0, maximum=9.0, jitter=0.0))
    ref = system.spawn(Behaviors.supervise(Behaviors.receive(handler), strategy), "failing")
    ref.tell(Question(system.spawn(Behaviors.ignore())))
    await settle()
    ask = asyncio.ensure_future(system.ask(ref, Question, timeout=5.0))
    await clock.advance(5.0)
    with pytest.raises(TimeoutError, match=r"/failing did not .* it waits 4\.0 s more to restart after Boom\('no'\)"):
        await ask


@pytest.mark.parametrize("overflow", list(OVERFLOW))
async def test_a_dropped_ask_fails_at_once_whatever_the_strategy(
    system: ActorSystem, overflow: MailboxOverflowStrategy
) -> None:
    gate, ref = held_up(system, Mailbox(1, overflow))
    asks: list[asyncio.Future[str]] = []
    for text in "abc":
        asks.append(asyncio.ensure_future(system.ask(ref, questioning(text), LONG)))
        await settle()
    dropped = 1 if overflow is OVERFLOW.drop_oldest else 2
    with pytest.raises(MailboxFullError, match="is full: 1 messages wait"):
        await asyncio.wait_for(asks.pop(dropped), 2.0)
    assert isinstance(ref, LocalRef)
    assert len(ref.cell.asks or ()) == 2
    gate.set()
    assert await asyncio.gather(*asks) == [text for number, text in enumerate("abc") if number != dropped]
    assert not ref.cell.asks


def the_same(_reply_to: ActorRef[None]) -> str:
    return "fail"


async def test_asks_with_the_very_same_message_are_distinguished(system: ActorSystem) -> None:
    gate = asyncio.Event()

    async def handler(_ctx: ActorContext[str], message: str) -> Behavior[str]:
        await gate.wait()
        if message == "fail":
            raise Boom
        return Behaviors.same()

    ref = system.spawn(Behaviors.receive(handler))
    asks = [asyncio.ensure_future(system.ask(ref, the_same, LONG)) for _ in range(4)]
    await settle()
    asks[1].cancel()
    await settle()
    assert isinstance(ref, LocalRef)
    gate.set()
    outcomes = await asyncio.wait_for(asyncio.gather(*asks, return_exceptions=True), 2.0)
    assert [type(outcome).__name__ for outcome in outcomes] == [
        "ActorFailedError",
        "CancelledError",
        "ActorFailedError",
        "ActorFailedError",
    ]
    assert not ref.cell.asks


async def test_timeouts_of_many_lengths_end_in_time(clock: ManualClock, system: ActorSystem) -> None:
    ref = system.spawn(Behaviors.receive(silent))
    asks = [asyncio.ensure_future(system.ask(ref, Question, timeout=1 + number / 1000)) for number in range(500)]
    await settle()
    await clock.advance(0.9)
    assert not any(ask.done() for ask in asks)
    await clock.advance(0.7)
    await settle()
    outcomes = await asyncio.gather(*asks, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {TimeoutError}


@pytest.mark.parametrize("timeout", [0.01, LONG])
async def test_asks_that_fail_leave_no_cyclic_garbage(
    system: ActorSystem, timeout: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("casty"), "disabled", True)  # its records would keep the errors alive

    async def failing(_ctx: Asker, _question: Question) -> Behavior[Question]:
        await asyncio.sleep(0)
        raise Boom

    restarting = Behaviors.supervise(Behaviors.receive(failing), OneForOneStrategy(max_restarts=1_000))
    ref = system.spawn(restarting if timeout == LONG else Behaviors.receive(silent))
    for debug in (0, gc.DEBUG_SAVEALL):  # what only the first asks leave is not theirs
        gc.collect()
        gc.set_debug(debug)
        try:
            await asyncio.gather(*(system.ask_or_none(ref, Question, timeout) for _ in range(100)))
            await settle()
            gc.collect()
            found = gc.garbage[:100]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
    assert found == []
