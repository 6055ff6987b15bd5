"""Mistakes in the arguments of `Behaviors` are errors where they are made."""

# The point is to hand over what a type checker would refuse.
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

from collections import UserList, deque
from collections.abc import Callable
from dataclasses import dataclass
from math import nan
from typing import Any, NamedTuple

import pytest
from casty import (
    AllForOneStrategy,
    ArgumentError,
    Backoff,
    Behavior,
    BehaviorError,
    Behaviors,
    ConsistentHashing,
    Directive,
    Mailbox,
    OneForOneStrategy,
    RandomChoice,
    ReplicationConfig,
    ServiceKey,
    SnapshotEvery,
)
from casty.journal import InMemoryJournal

B: Any = Behaviors
HASHING: Any = ConsistentHashing
"""Without types: a checker would refuse most of what is tried here."""


async def handler(ctx: Any, message: Any) -> Behavior[Any]:
    return Behaviors.same()


async def on_command(ctx: Any, state: Any, command: Any) -> Behavior[Any]:
    return Behaviors.same()


async def hook(ctx: Any) -> None: ...


def plain(*_: Any) -> Any: ...


def plain_hook(ctx: Any) -> None: ...


def on_event(state: Any, event: Any) -> Any:
    return event


async def async_on_event(state: Any, event: Any) -> Any:
    return event


async def async_tagger(event: Any) -> list[str]:
    return []


ACTOR: Behavior[Any] = Behaviors.receive(handler)


def sourced(**changed: Any) -> Behavior[Any]:
    arguments = {"entity_id": "e", "initial_state": 0, "on_event": on_event, "on_command": on_command}
    return B.event_sourced(**{**arguments, **changed})


class HalfAJournal:
    async def persist(self, entity_id: str, events: Any) -> None: ...
    async def load(self, entity_id: str, from_sequence_nr: int = 0) -> Any: ...
    async def load_snapshot(self, entity_id: str) -> None: ...


class SynchronousJournal(HalfAJournal):
    def persist(self, entity_id: str, events: Any) -> None: ...  # pyright: ignore[reportIncompatibleMethodOverride]  # a mistake
    async def save_snapshot(self, entity_id: str, snapshot: Any) -> None: ...


class AsyncStrategy:
    async def decide(self, exception: BaseException) -> Directive:
        return Directive.restart


class StrategyOfNothing:
    def decide(self) -> Directive:
        return Directive.restart


class Booked(NamedTuple):
    amount: int


@dataclass
class Closed:
    amount: int = 0


MISTAKES: dict[str, tuple[Callable[[], object], str]] = {
    "a directive for a strategy": (lambda: B.supervise(ACTOR, Directive.restart), "decider=lambda error: Directive.re"),
    "the class of a strategy": (
        lambda: B.supervise(ACTOR, OneForOneStrategy),
        r"make one: OneForOneStrategy\(\)",
    ),
    "a decider for a strategy": (lambda: B.supervise(ACTOR, lambda error: Directive.stop), "OneForOneStrategy"),
    "no strategy": (lambda: B.supervise(ACTOR, None), "OneForOneStrategy.*not None"),
    "a strategy that is async": (lambda: B.supervise(ACTOR, AsyncStrategy()), "coroutine function"),
    "a strategy that takes nothing": (lambda: B.supervise(ACTOR, StrategyOfNothing()), "decide.*with the exception"),
    "a function to supervise": (lambda: B.supervise(handler, OneForOneStrategy()), "call the function that returns it"),
    "a class to supervise": (lambda: B.supervise(Closed, OneForOneStrategy()), "not Closed; that is a class"),
    "a setup that is not async": (lambda: B.setup(plain_hook), r"plain_hook.*async def setup\(ctx\)"),
    "a behavior for a setup": (lambda: B.setup(ACTOR), r"takes a function, async def setup\(ctx\)"),
    "a setup of two": (lambda: B.setup(handler), "with 1 argument"),
    "a hook that is not async": (lambda: B.with_lifecycle(ACTOR, pre_start=plain_hook), r"pre_start of .* plain_hook"),
    "a failure hook of one": (lambda: B.with_lifecycle(ACTOR, pre_restart=hook), r"pre_restart\(ctx, exception\)"),
    "a hook of two": (lambda: B.with_lifecycle(ACTOR, post_stop=handler), r"async def post_stop\(ctx\)"),
    "hooks around nothing": (lambda: B.with_lifecycle(None, post_stop=hook), "with_lifecycle takes a behavior"),
    "a spy without an observer": (lambda: B.spy(ACTOR, plain), r"Behaviors\.spy tells a reference"),
    "a command handler that is not async": (lambda: sourced(on_command=on_event), "on_command of .*event_sourced"),
    "a command handler of two": (lambda: sourced(on_command=handler), r"on_command\(ctx, state, command\)"),
    "an async fold": (lambda: sourced(on_event=async_on_event), r"plain function.*def on_event\(state, event\)"),
    "a fold of one": (lambda: sourced(on_event=lambda state: state), "with 2 arguments"),
    "an async tagger": (lambda: sourced(tagger=async_tagger), r"def tagger\(event\)"),
    "the class of a journal": (lambda: sourced(journal=InMemoryJournal), r"InMemoryJournal\(\.\.\.\), once"),
    "half a journal": (lambda: sourced(journal=HalfAJournal()), "HalfAJournal has no async save_snapshot"),
    "a journal that is not async": (lambda: sourced(journal=SynchronousJournal()), "has no async persist"),
    "an object for a journal": (lambda: sourced(journal=object()), "URL, or an object with the async methods"),
    "a number for a snapshot policy": (lambda: sourced(snapshot_policy=100), r"SnapshotEvery\(n_events\), not 100"),
    "the class of a snapshot policy": (lambda: sourced(snapshot_policy=SnapshotEvery), r"SnapshotEvery\(n_events\)"),
    "a number for an entity": (lambda: sourced(entity_id=7), "an entity id is a text.*not 7"),
    "an entity without a name": (lambda: sourced(entity_id=""), "an entity id is a text that is not empty"),
    "half a character": (lambda: sourced(entity_id="\ud800"), "half a surrogate pair"),
    "a durable state without await": (
        lambda: B.durable_state(entity_id="e", initial_state=0, on_command=on_event),
        "on_command of Behaviors.durable_state",
    ),
    "an async factory of entities": (lambda: B.sharded(async_tagger), r"def entity\(entity_id\) -> Behavior"),
    "a behavior for a factory of entities": (lambda: B.sharded(ACTOR), r"Behaviors\.sharded takes a function"),
    "no shards": (lambda: B.sharded(lambda _: ACTOR, num_shards=0), "num_shards of Behaviors.sharded"),
    "too many shards": (
        lambda: B.sharded(lambda _: ACTOR, num_shards=10**9),
        "number from 1 to 100,000, not 1000000000",
    ),
    "no role": (lambda: B.sharded(lambda _: ACTOR, role=""), "role of Behaviors.sharded is a text"),
    "a passivation after nothing": (lambda: B.sharded(lambda _: ACTOR, passivate_after=-1), "passivate_after of"),
    "a limit of none": (lambda: B.sharded(lambda _: ACTOR, limit=0), "limit of Behaviors.sharded"),
    "a path for a journal of ids": (lambda: B.sharded(lambda _: ACTOR, remember_entities="a.db"), "a journal is a URL"),
    "a number of replicas": (lambda: B.sharded(lambda _: ACTOR, replication=2), r"ReplicationConfig\(\.\.\.\), not 2"),
    "a behavior for a factory": (lambda: B.singleton(ACTOR), r"Behaviors\.singleton takes a function, def factory\(\)"),
    "no daemons": (lambda: B.daemons(lambda n: ACTOR, 0), "count of Behaviors.daemons is a whole number from 1 on"),
    "too many daemons": (lambda: B.daemons(lambda n: ACTOR, 1_001), r"at most 1,000 actors, not 1,001"),
    "daemons without numbers": (lambda: B.daemons(lambda: ACTOR, 2), "with 1 argument"),
    "a daemon for a factory": (lambda: B.daemons(ACTOR, 2), r"Behaviors\.daemons takes a function"),
    "a pool of none": (lambda: B.pool(0, lambda: ACTOR), "size of Behaviors.pool is a whole number from 1 on, not 0"),
    "a pool of half": (lambda: B.pool(1.5, lambda: ACTOR), "not 1.5"),
    "a pool of a behavior": (lambda: B.pool(2, ACTOR), r"Behaviors\.pool takes a function, def factory\(\)"),
    "a pool of numbered actors": (lambda: B.pool(2, lambda number: ACTOR), "with 0 arguments"),
    "a pool with a name for its routing": (lambda: B.pool(2, lambda: ACTOR, routing="random"), "not 'random'"),
    "the class of a routing": (lambda: B.pool(2, lambda: ACTOR, routing=RandomChoice), r"make one: RandomChoice\("),
    "a group of a name": (lambda: B.group("workers"), r"key of Behaviors\.group is ServiceKey\(name\), not 'workers'"),
    "a group with a function for its routing": (lambda: B.group(ServiceKey("k"), routing=hash), "RoundRobin"),
    "a text for a key function": (lambda: HASHING("id"), "key of ConsistentHashing takes a function"),
    "an async key function": (lambda: HASHING(handler), r"plain function.*def key\(message\)"),
    "a broadcast of a function": (lambda: B.broadcasted(handler), "call the function that returns it"),
    "a text for a key": (lambda: B.discoverable(ACTOR, "key"), r"ServiceKey\(name\), not 'key'"),
    "a text for an event": (lambda: B.persisted("booked"), r"not str: write Behaviors\.persisted\(\[event\]\)"),
    "a dict for an event": (lambda: B.persisted({"amount": 1}), r"not dict: write Behaviors\.persisted\(\[event\]\)"),
    "a named tuple for an event": (lambda: B.persisted(Booked(1)), r"not Booked: .*persisted\(\[event\]\)"),
    "a dataclass for an event": (lambda: B.persisted(Closed()), r"not Closed: .*persisted\(\[event\]\)"),
    "a set of events": (lambda: B.persisted({1, 2}), r"list\(events\)"),
    "a generator of events": (lambda: B.persisted(n for n in (1, 2)), r"list\(events\)"),
    "bytes for an event": (lambda: B.persisted(b"booked"), r"not bytes"),
    "no events": (lambda: B.persisted(None), r"not NoneType"),
    "a reply without a receiver": (
        lambda: B.persisted([1], reply="done"),
        r"\(command.reply_to, message\), and not 'done'",
    ),
    "a reply with nothing": (lambda: B.persisted([1], reply=(1,)), "is a pair"),
    "a reply to a text": (lambda: B.persisted([1], reply=("you", "done")), "is a pair"),
    "a text for what is next": (lambda: B.persisted([1], then="stop"), r"then= of Behaviors\.persisted is a behavior"),
    "an async next": (lambda: B.persisted([1], then=hook), r"then= of .* plain function.* def then\(state\)"),
    "a next of nothing": (lambda: B.persisted([1], then=lambda: None), "with 1 argument"),
    "an updated state with a wrong reply": (lambda: B.updated(1, reply="done"), r"reply= of Behaviors\.updated"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_an_error_that_says_how_it_is_written(mistake: str) -> None:
    make, text = MISTAKES[mistake]
    with pytest.raises((BehaviorError, ArgumentError), match=f"(?s){text}"):
        make()


@pytest.mark.parametrize("events", [[], (), [1], (1, 2), deque([1]), UserList([1])])
def test_any_sequence_of_events_is_taken(events: Any) -> None:
    assert Behaviors.persisted(events).events is events


def test_a_lambda_may_say_what_is_next() -> None:
    assert callable(Behaviors.persisted([1], then=lambda state: None).then)


@pytest.mark.parametrize(
    "make",
    [
        lambda: OneForOneStrategy(max_restarts=-1),
        lambda: OneForOneStrategy(3, within=0.0),
        lambda: AllForOneStrategy(within=nan),
        lambda: OneForOneStrategy(decider=hook),  # pyright: ignore[reportArgumentType]
        lambda: OneForOneStrategy(backoff=0.1),  # pyright: ignore[reportArgumentType]
        lambda: Backoff(initial=-1.0),
        lambda: Backoff(maximum=nan),
        lambda: Backoff(jitter="much"),  # pyright: ignore[reportArgumentType]
        lambda: SnapshotEvery(0),
        lambda: SnapshotEvery(True),
        lambda: SnapshotEvery(10, keep="2"),  # pyright: ignore[reportArgumentType]
        lambda: ReplicationConfig(replicas=1, min_acks=2),
        lambda: ReplicationConfig(ack_timeout=nan),
        lambda: Mailbox(0),
        lambda: Mailbox("10"),  # pyright: ignore[reportArgumentType]
        lambda: Mailbox(10, "drop_new"),  # pyright: ignore[reportArgumentType]
        lambda: ServiceKey(""),
        lambda: ServiceKey(7),  # pyright: ignore[reportArgumentType]
    ],
)
def test_values_out_of_range_are_refused(make: Callable[[], object]) -> None:
    with pytest.raises((ArgumentError, BehaviorError)):
        make()


def test_the_first_two_of_a_strategy_need_no_names() -> None:
    assert OneForOneStrategy(5, 30.0) == OneForOneStrategy(max_restarts=5, within=30.0)
