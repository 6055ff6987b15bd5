"""Nothing that a command sends leaves its actor before its events, and all before them, are durable."""

import asyncio
from typing import Any

import pytest
from casty import (
    ActorContext,
    ActorStopped,
    ActorSystem,
    Behavior,
    Behaviors,
    DeadLetter,
    Directive,
    Mailbox,
    MailboxOverflowStrategy,
    OneForOneStrategy,
)
from casty.testing import ManualClock, TestProbe, settle

from tests.core.persistence.ledger import Add, Command, HandJournal, adding, ledger
from tests.core.runtime.probe import Boom, Events, Question, echo, nothing, questioning

type Ctx = ActorContext[Add]


async def test_a_message_sent_by_a_command_waits_for_its_events(system: ActorSystem, journal: HandJournal) -> None:
    probe = TestProbe[str](system)
    system.spawn(ledger(journal)).tell(Add("a", probe.ref))
    assert await probe.receive_all() == []
    journal.writes[0].release()
    assert await probe.receive() == "a"


async def test_an_answer_waits_for_the_events(system: ActorSystem, journal: HandJournal) -> None:
    ref = system.spawn(ledger(journal))
    ask = asyncio.ensure_future(system.ask(ref, adding("a")))
    await settle()
    assert not ask.done()
    journal.writes[0].release()
    assert await ask == "a"


async def test_what_reads_an_undurable_state_waits_for_it(system: ActorSystem, journal: HandJournal) -> None:
    async def on_command(_ctx: Ctx, state: str, command: Add) -> Behavior[Any]:
        if command.text == "read":
            command.reply_to.tell(state)
            return Behaviors.same()
        return Behaviors.persisted([command.text])

    probe, ref = TestProbe[str](system), system.spawn(ledger(journal, on_command))
    ref.tell(Add("a", probe.ref))
    ref.tell(Add("read", probe.ref))
    assert await probe.receive_all() == []
    journal.writes[0].release()
    assert await probe.receive() == "a"


async def test_reply_and_then_come_after_the_events(system: ActorSystem, journal: HandJournal) -> None:
    async def on_command(_ctx: Ctx, _state: str, command: Add) -> Behavior[Any]:
        reply_to = command.reply_to
        return Behaviors.persisted(
            [command.text], then=lambda state: reply_to.tell(f"then {state}"), reply=(reply_to, "reply")
        )

    probe = TestProbe[str](system)
    system.spawn(ledger(journal, on_command)).tell(Add("a", probe.ref))
    assert await probe.receive_all() == []
    journal.writes[0].release()
    assert await probe.receive_n(2) == ["reply", "then a"]


@pytest.mark.parametrize("events", [["a"], []])
@pytest.mark.parametrize("strategy", [MailboxOverflowStrategy.reject, MailboxOverflowStrategy.backpressure])
async def test_a_reply_that_meets_a_full_mailbox_is_a_dead_letter(
    system: ActorSystem, events: list[str], strategy: MailboxOverflowStrategy
) -> None:
    async def on_command(_ctx: Ctx, _state: str, command: Add) -> Behavior[Any]:
        return Behaviors.persisted(events, reply=(command.reply_to, "reply"))

    async def busy(_ctx: ActorContext[str], _message: str) -> Behavior[str]:
        await gate.wait()
        return Behaviors.same()

    gate, letters = asyncio.Event(), Events(system, DeadLetter)
    full = system.spawn(Behaviors.receive(busy), mailbox=Mailbox(1, strategy))
    full.tell("handled")
    await settle()
    full.tell("waits")
    system.spawn(ledger(HandJournal(), on_command)).tell(Add("a", full))
    assert (await letters.receive()).message == "reply"
    gate.set()


async def test_then_may_stop_the_actor_which_waits_for_its_write(system: ActorSystem, journal: HandJournal) -> None:
    async def on_command(_ctx: Ctx, _state: str, command: Add) -> Behavior[Any]:
        return Behaviors.persisted([command.text], then=Behaviors.stopped(), reply=(command.reply_to, "last"))

    probe, stopped = TestProbe[str](system), Events(system, ActorStopped)
    system.spawn(ledger(journal, on_command)).tell(Add("a", probe.ref))
    await settle()
    assert stopped.seen == []
    journal.writes[0].release()
    assert await probe.receive() == "last"
    await stopped.receive()
    assert journal.stored() == ["a"]


async def test_a_failing_then_fails_the_actor(system: ActorSystem, journal: HandJournal) -> None:
    def then(_state: str) -> None:
        raise Boom

    async def on_command(_ctx: Ctx, _state: str, command: Add) -> Behavior[Any]:
        return Behaviors.persisted([command.text], then=then)

    stopped = Events(system, ActorStopped)
    ref = system.spawn(ledger(journal, on_command))
    ref.tell(Add("a", TestProbe[str](system).ref))
    await settle()
    journal.writes[0].release()
    assert (await stopped.receive()).ref is ref


async def test_a_spawned_actor_starts_when_the_events_are_durable(system: ActorSystem, journal: HandJournal) -> None:
    async def on_command(ctx: Ctx, _state: str, command: Add) -> Behavior[Any]:
        ctx.spawn(Behaviors.receive(echo)).tell(Question(command.reply_to, "from the child"))
        return Behaviors.persisted([command.text])

    probe = TestProbe[str](system)
    system.spawn(ledger(journal, on_command)).tell(Add("a", probe.ref))
    assert await probe.receive_all() == []
    journal.writes[0].release()
    assert await probe.receive() == "from the child"


async def test_b20_an_actor_spawned_by_a_command_that_fails_is_no_more(
    system: ActorSystem, journal: HandJournal
) -> None:
    async def on_command(ctx: Ctx, _state: str, command: Add) -> Behavior[Any]:
        ctx.spawn(Behaviors.receive(nothing), "child")
        if command.text == "boom":
            raise Boom
        command.reply_to.tell(command.text)
        return Behaviors.same()

    probe = TestProbe[str](system)
    resuming = OneForOneStrategy(decider=lambda error: Directive.resume)
    ref = system.spawn(Behaviors.supervise(ledger(journal, on_command), resuming), "parent")
    ref.tell(Add("boom", probe.ref))
    ref.tell(Add("ok", probe.ref))
    assert await probe.receive() == "ok"


async def test_scheduled_messages_wait_for_the_events(
    system: ActorSystem, journal: HandJournal, clock: ManualClock
) -> None:
    async def on_command(ctx: Ctx, _state: str, command: Add) -> Behavior[Any]:
        ctx.system.schedule("key", command.reply_to, "scheduled", delay=1.0)
        return Behaviors.persisted([command.text])

    probe = TestProbe[str](system)
    system.spawn(ledger(journal, on_command)).tell(Add("a", probe.ref))
    await settle()
    await clock.advance(5.0)
    assert await probe.receive_all() == []
    journal.writes[0].release()
    await settle()
    await clock.advance(1.0)
    assert await probe.receive() == "scheduled"


async def test_a_task_of_the_handler_is_held_until_the_release_and_free_afterwards(
    system: ActorSystem, journal: HandJournal
) -> None:
    gate, tasks = asyncio.Event(), list[asyncio.Task[None]]()

    async def aside(command: Add) -> None:
        command.reply_to.tell("early")
        await gate.wait()
        command.reply_to.tell("late")

    async def on_command(_ctx: Ctx, _state: str, command: Add) -> Behavior[Any]:
        tasks.append(asyncio.create_task(aside(command)))
        return Behaviors.persisted([command.text])

    probe = TestProbe[str](system)
    system.spawn(ledger(journal, on_command)).tell(Add("a", probe.ref))
    assert await probe.receive_all() == []
    journal.writes[0].release()
    assert await probe.receive() == "early"
    gate.set()
    assert await probe.receive() == "late"


async def test_an_ask_of_a_task_of_the_handler_waits_for_the_release(system: ActorSystem, journal: HandJournal) -> None:
    target, tasks = system.spawn(Behaviors.receive(echo)), list[asyncio.Task[str]]()

    async def on_command(ctx: Ctx, _state: str, command: Add) -> Behavior[Any]:
        tasks.append(asyncio.create_task(ctx.system.ask(target, questioning("x"))))
        return Behaviors.persisted([command.text])

    system.spawn(ledger(journal, on_command)).tell(Add("a", TestProbe[str](system).ref))
    await settle()
    assert not tasks[0].done()
    journal.writes[0].release()
    assert await tasks[0] == "x"


def asking(system: ActorSystem) -> Command:
    target = system.spawn(Behaviors.receive(echo))

    async def on_command(ctx: Ctx, state: str, command: Add) -> Behavior[Any]:
        if command.text == "ask":
            answer = await ctx.system.ask(target, questioning("answer"))
            return Behaviors.persisted([answer], reply=(command.reply_to, state + answer))
        return Behaviors.persisted([command.text])

    return on_command


async def test_an_ask_in_a_command_does_not_deadlock(system: ActorSystem, journal: HandJournal) -> None:
    probe, ref = TestProbe[str](system), system.spawn(ledger(journal, asking(system)))
    ref.tell(Add("a", probe.ref))
    ref.tell(Add("ask", probe.ref))
    await settle()
    assert len(journal.writes) == 1
    journal.writes[0].release()
    await settle()
    journal.writes[1].release()
    assert await probe.receive() == "aanswer"


async def test_an_ask_on_a_state_that_has_never_been_is_not_sent(
    system: ActorSystem, journal: HandJournal, clock: ManualClock
) -> None:
    target = TestProbe[str](system)

    async def on_command(ctx: Ctx, _state: str, command: Add) -> Behavior[Any]:
        if command.text == "ask":
            await ctx.system.ask(target.ref, lambda to: "question", timeout=0.01)
        return Behaviors.persisted([command.text])

    ref = system.spawn(ledger(journal, on_command))
    ref.tell(Add("a", target.ref))
    ref.tell(Add("ask", target.ref))
    await settle()
    journal.writes[0].fail()
    assert await target.receive_all() == []
    assert clock.waits() != []


async def test_a_command_may_gather_asks(system: ActorSystem) -> None:
    target, probe = system.spawn(Behaviors.receive(echo)), TestProbe[str](system)

    async def on_command(ctx: Ctx, _state: str, command: Add) -> Behavior[Any]:
        asks = [ctx.system.ask(target, questioning("x"), timeout=0.05) for _ in range(2)]
        command.reply_to.tell("".join(await asyncio.gather(*asks)))
        return Behaviors.same()

    ref = system.spawn(Behaviors.supervise(ledger(HandJournal(), on_command), OneForOneStrategy()))
    ref.tell(Add("a", probe.ref))
    assert await probe.receive() == "xx"


async def test_other_actors_send_freely_while_a_write_is_in_flight(system: ActorSystem, journal: HandJournal) -> None:
    probe = TestProbe[str](system)
    system.spawn(ledger(journal)).tell(Add("a", probe.ref))
    await settle()
    other = system.spawn(Behaviors.receive(echo))
    assert await system.ask(other, questioning("x")) == "x"
    probe.ref.tell("free")
    assert await probe.receive() == "free"
    journal.writes[0].release()


async def test_an_ask_whose_target_stops_before_the_release_fails_at_once(
    system: ActorSystem, journal: HandJournal
) -> None:
    async def stop(_ctx: ActorContext[Any], _message: Any) -> Behavior[Any]:
        return Behaviors.stopped()

    async def on_command(ctx: ActorContext[Any], _state: str, command: Any) -> Behavior[Any]:
        if isinstance(command, str):
            probe.ref.tell(command)
            return Behaviors.same()
        ctx.ask(target, questioning(), str, timeout=3_600.0, on_failure=lambda error: type(error).__name__)
        return Behaviors.persisted([command.text])

    probe, target = TestProbe[str](system), system.spawn(Behaviors.receive(stop))
    system.spawn(ledger(journal, on_command)).tell(Add("a", probe.ref))
    await settle()
    target.tell("stop")
    await settle()
    journal.writes[0].release()
    assert await probe.receive() == "ActorStoppedError"
