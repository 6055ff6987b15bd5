"""`EventSourcedTestKit`: what a command comes to, and each way in which a history can fail to be replayed."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from casty import (
    ActorContext,
    ActorRef,
    Behavior,
    BehaviorError,
    Behaviors,
    EncodeError,
    OneForOneStrategy,
    SnapshotEvery,
)
from casty.testing import EventSourcedTestKit, TestInbox, TestProbe, manual_time


@dataclass(frozen=True)
class Deposited:
    amount: Any


@dataclass(frozen=True)
class Balance:
    total: int = 0
    last: Any = None


@dataclass(frozen=True)
class Deposit:
    amount: Any
    reply_to: ActorRef[int] | None = None


@dataclass(frozen=True)
class Ask:
    reply_to: ActorRef[int]


class Unstorable(int):
    """No type of the wire."""


class Overdrawn(Exception):
    """What fails on purpose here."""


type Command = Deposit | Ask | str


async def on_command(ctx: ActorContext[Command], state: Balance, command: Command) -> Behavior[Any]:
    match command:
        case Deposit(amount, reply_to):
            if reply_to is not None:
                reply_to.tell(state.total + amount)
            return Behaviors.persisted([Deposited(amount)])
        case Ask(reply_to):
            return Behaviors.persisted([], reply=(reply_to, state.total))
        case "twice":
            ctx.self.tell(Deposit(10))
            return Behaviors.persisted([Deposited(1), Deposited(2)])
        case "stop":
            return Behaviors.stopped()
        case _:
            raise Overdrawn(command)


def on_event(state: Balance, event: Deposited) -> Balance:
    return Balance(state.total + 1 if isinstance(event.amount, str) else state.total + event.amount, event.amount)


def account(
    fold: Callable[[Any, Deposited], Any] = on_event, initial: Any = Balance(), snapshots: SnapshotEvery | None = None
) -> Behavior[Command]:
    return Behaviors.event_sourced(
        entity_id="account",
        journal="nowhere://",
        initial_state=initial,
        on_event=fold,
        on_command=on_command,
        snapshot_policy=snapshots,
    )


async def around(_ctx: ActorContext[Command]) -> Behavior[Command]:
    return Behaviors.supervise(account(), OneForOneStrategy())


WRAPPED: dict[str, Callable[[], Behavior[Command]]] = {
    "bare": account,
    "supervised": lambda: Behaviors.supervise(account(), OneForOneStrategy()),
    "in a setup": lambda: Behaviors.with_lifecycle(Behaviors.setup(around)),
}


@pytest.mark.parametrize("wrapping", WRAPPED)
async def test_a_command_has_events_a_state_and_a_reply(wrapping: str) -> None:
    async with EventSourcedTestKit(WRAPPED[wrapping]()) as kit:
        assert kit.state == Balance()
        result = await kit.run(lambda reply_to: Deposit(5, reply_to))
        assert (result.events, result.state, result.reply) == ((Deposited(5),), Balance(5, 5), 5)
        assert isinstance(result.command, Deposit)
        result = await kit.run(Ask)
        assert result.has_no_events
        assert result.reply == 5
        await kit.restart()
        assert kit.state == Balance(5, 5)


async def test_a_command_is_run_on_the_history_given() -> None:
    async with EventSourcedTestKit(account()) as kit:
        await kit.given(Deposited(1), Deposited(2))
        assert kit.state == Balance(3, 2)
        assert (await kit.run(Deposit(3))).state.total == 6
        await kit.restart()


async def test_a_reply_that_has_not_come_cannot_be_taken() -> None:
    async with EventSourcedTestKit(account()) as kit:
        result = await kit.run(lambda reply_to: Deposit(5))
        with pytest.raises(AssertionError, match=r"one reply to Deposit\(.*, but there is nothing"):
            _ = result.reply


async def test_a_failing_command_raises_what_it_raised() -> None:
    async with EventSourcedTestKit(Behaviors.supervise(account(), OneForOneStrategy())) as kit:
        await kit.run(Deposit(5))
        with pytest.raises(Overdrawn, match="too much"):
            await kit.run("too much")
        assert (await kit.run(Ask)).reply == 5


async def test_an_entity_that_has_stopped_says_why_and_can_be_restarted() -> None:
    async with EventSourcedTestKit(account()) as kit:
        await kit.run(Deposit(5))
        with pytest.raises(Overdrawn):
            await kit.run("too much")
        with pytest.raises(AssertionError, match=r"kit\.restart\(\) .* What stopped it: Overdrawn\('too much'\)"):
            await kit.run(Deposit(1))
        await kit.restart()
        await kit.run("stop")
        with pytest.raises(AssertionError, match="nothing that failed"):
            await kit.run(Deposit(1))
        await kit.restart()
        assert (await kit.run(Ask)).reply == 5


async def test_a_command_that_fails_has_answered_nothing() -> None:
    """Its output is held back, also from a reference of the test's."""
    inbox = TestInbox[int]()
    async with EventSourcedTestKit(account(lambda s, e: s)) as kit:
        with pytest.raises(EncodeError):
            await kit.run(Deposit(Unstorable(), inbox.ref))
    inbox.expect_no_message()


async def test_what_a_command_sets_off_has_happened() -> None:
    inbox = TestInbox[int]()

    async def forward(_ctx: ActorContext[int], message: int) -> Behavior[int]:
        for _ in range(9):
            await asyncio.sleep(0)
        inbox.ref.tell(message)
        return Behaviors.same()

    async with EventSourcedTestKit(account()) as kit:
        forwarder = kit.system.spawn(Behaviors.receive(forward))
        await kit.run(Deposit(5, forwarder))
        inbox.expect_message(5)


async def test_commands_that_the_entity_sends_itself_belong_to_no_caller() -> None:
    async with EventSourcedTestKit(account()) as kit:
        result = await kit.run("twice")
        assert (result.events, result.state.total) == ((Deposited(1), Deposited(2)), 3)
        await kit.restart()
        assert kit.state.total == 13


async def test_an_event_that_cannot_be_stored_is_an_error() -> None:
    async with EventSourcedTestKit(Behaviors.supervise(account(lambda s, e: s), OneForOneStrategy())) as kit:
        with pytest.raises(EncodeError):
            await kit.run(Deposit(object()))


@dataclass(frozen=True)
class Rounded:
    """A value that comes back as another."""

    text: str
    cached: str = field(default="", compare=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cached", self.cached + self.text)


async def test_an_event_that_comes_back_as_another_is_named() -> None:
    async with EventSourcedTestKit(account(lambda s, e: s)) as kit:
        with pytest.raises(AssertionError, match=r"the event Deposited\(.* serialization: amount was .* and is .*'xx'"):
            await kit.run(Deposit(Rounded("x")))


async def test_a_state_that_comes_back_as_another_is_named_where_there_are_snapshots() -> None:
    def fold(_state: Balance, _event: Deposited) -> Balance:
        return Balance(0, Rounded("x"))

    async with EventSourcedTestKit(account(fold)) as kit:
        await kit.run(Deposit(1))
    async with EventSourcedTestKit(account(fold, snapshots=SnapshotEvery(100))) as kit:
        with pytest.raises(AssertionError, match=r"the state Balance\(.* serialization: last was"):
            await kit.run(Deposit(1))


async def test_a_state_changed_in_place_is_found() -> None:
    def fold(state: list[int], event: Deposited) -> list[int]:
        state.append(event.amount)
        return state

    async with EventSourcedTestKit(account(fold, [])) as kit:
        with pytest.raises(AssertionError, match=r"Given.* changed the state in place, from \[\] to \[5\]"):
            await kit.given(Deposited(5))


@pytest.mark.parametrize("snapshots", [None, SnapshotEvery(2)])
async def test_a_state_that_is_not_replayed_is_found(snapshots: SnapshotEvery | None) -> None:
    """A snapshot hides what comes before it."""
    numbers = count()

    def fold(state: Balance, event: Deposited) -> Balance:
        return Balance(state.total + event.amount, next(numbers))

    async with EventSourcedTestKit(account(fold, snapshots=snapshots)) as kit:
        await kit.run(Deposit(1))
        await kit.run(Deposit(1))
        if snapshots is None:
            with pytest.raises(AssertionError, match=r"did not survive a restart: last was \d and is \d"):
                await kit.restart()
        else:
            await kit.restart()


async def test_a_history_that_cannot_be_replayed_says_why() -> None:
    replays = count()

    def fold(state: Balance, event: Deposited) -> Balance:
        if next(replays) > 1:
            raise Overdrawn("on replay")
        return on_event(state, event)

    async with EventSourcedTestKit(account(fold)) as kit:
        await kit.run(Deposit(1))
        with pytest.raises(AssertionError, match=r"What stopped it: Overdrawn\('on replay'\)"):
            await kit.restart()


async def test_goes_by_the_clock_that_it_is_given() -> None:
    async with EventSourcedTestKit(account(), clock=(clock := manual_time())) as kit:
        probe = TestProbe[str](kit.system)
        kit.system.schedule("key", probe.ref, "x", delay=1.0)
        await kit.run(Deposit(1))
        await clock.advance(1.0)
        await probe.expect_message("x")


async def test_a_command_that_takes_too_long_is_named() -> None:
    async def hang(_ctx: ActorContext[str], _state: str, _command: str) -> Behavior[Any]:
        await asyncio.sleep(0.05)
        return Behaviors.same()

    behavior = Behaviors.event_sourced(entity_id="e", initial_state="", on_event=lambda s, e: s, on_command=hang)
    async with EventSourcedTestKit[str](behavior) as kit:
        with pytest.raises(AssertionError, match=r"'x' was not done within 0\.01 s"):
            await kit.run("x", within=0.01)


async def remember(ctx: ActorContext[Command], state: list[Any], command: Command) -> Behavior[Any]:
    match command:
        case Deposit(amount, reply_to):
            if amount == 13:
                state.append(amount)
            new = [*state, amount]
            return Behaviors.updated(new, reply=None if reply_to is None else (reply_to, len(new)))
        case _:
            return Behaviors.same()


async def test_a_durable_state_is_run_as_the_events_that_its_states_are() -> None:
    behavior = Behaviors.durable_state(
        entity_id="list", initial_state=list[Any](), on_command=remember, journal="nowhere://"
    )
    async with EventSourcedTestKit(Behaviors.supervise(behavior, OneForOneStrategy())) as kit:
        await kit.given([1, 2])
        result = await kit.run(lambda reply_to: Deposit(3, reply_to))
        assert (result.events, result.state, result.reply) == (([1, 2, 3],), [1, 2, 3], 3)
        assert (await kit.run("nothing")).has_no_events
        await kit.restart()
        assert kit.state == [1, 2, 3]
        with pytest.raises(AssertionError, match=r"changed the state in place, from \[1, 2, 3\] to \[1, 2, 3, 13\]"):
            await kit.run(Deposit(13))
        with pytest.raises(AssertionError, match=r"\[.*Rounded.* does not survive serialization"):
            await kit.run(Deposit(Rounded("x")))


async def test_other_behaviors_are_refused() -> None:
    async def handler(_ctx: ActorContext[str], _message: str) -> Behavior[str]:
        return Behaviors.same()

    with pytest.raises(BehaviorError, match="but this is a ReceiveBehavior; BehaviorTestKit"):
        EventSourcedTestKit(Behaviors.receive(handler))

    async def set_up(_ctx: ActorContext[str]) -> Behavior[str]:
        return Behaviors.receive(handler)

    with pytest.raises(AssertionError, match="ReceiveBehavior"):
        async with EventSourcedTestKit(Behaviors.setup(set_up)):
            pass
