"""Replies that nothing stores: they leave when the journal has confirmed that no other owner has followed."""

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, override

import pytest
from casty import ActorContext, ActorSystem, Behavior, Behaviors, JournalUnavailableError, Request
from casty.behaviors.persistent import CONFIRMED
from casty.errors import FencedError, JournalError, JournalOverloadedError, ReplicationTimeoutError
from casty.journal import StoreJournal
from casty.journals.memory import CAPABILITIES, MemoryStore
from casty.persistence import entity
from casty.spi.journal import JournalCapabilities, JournalKind
from casty.testing import settle

CENTRALIZED = replace(CAPABILITIES, kind=JournalKind.centralized)


@dataclass(frozen=True)
class Add(Request[int]): ...


@dataclass(frozen=True)
class Look(Request[int]): ...


@dataclass(frozen=True)
class Note:
    """Nothing is sent."""


class Store(MemoryStore):
    """Counts the claims, which wait while it is not `open`, and fail with `failure`."""

    def __init__(self, promised: JournalCapabilities = CENTRALIZED) -> None:
        super().__init__()
        self.promised = promised
        self.claims: list[tuple[str, str, int | None]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.failure: Exception | None = None

    @property
    @override
    def capabilities(self) -> JournalCapabilities:
        return self.promised

    @override
    async def claim(self, key: str, owner: str, epoch: int | None = None) -> int:
        self.claims.append((key, owner, epoch))
        await self.open.wait()
        if isinstance(self.failure, ReplicationTimeoutError):
            self.open.clear()
        if self.failure is not None:
            raise self.failure
        return await super().claim(key, owner, epoch)

    def confirmations(self) -> int:
        return len([epoch for _, _, epoch in self.claims if epoch is not None])


def add(total: int, one: int) -> int:
    return total + one


def counter(store: Store) -> Behavior[Add | Look | Note]:
    async def on_command(ctx: ActorContext[Any], total: int, command: Add | Look | Note) -> Behavior[Any]:
        match command:
            case Add():
                return Behaviors.persisted([1], reply=(command.reply_to, total + 1))
            case Look():
                command.reply_to.tell(total)
                return CONFIRMED
            case Note():
                return CONFIRMED

    return Behaviors.event_sourced(
        entity_id="counter",
        initial_state=0,
        on_event=add,
        on_command=on_command,
        journal=StoreJournal(lambda: nullcontext(store), capabilities=store.capabilities),
    )


async def test_a_reply_is_confirmed_by_repeating_the_claim() -> None:
    store = Store()
    async with ActorSystem() as system:
        ref = system.spawn(counter(store))
        await ref.ask(Add())
        assert await ref.ask(Look()) == 1
        first, second = store.claims
        assert (first[:2], second) == (second[:2], (*first[:2], 1))


async def test_an_owner_that_another_one_has_followed_does_not_reply() -> None:
    store = Store()
    async with ActorSystem() as system:
        ref = system.spawn(counter(store))
        await ref.ask(Add())
        await store.claim("entity/counter", "another process")
        with pytest.raises(FencedError, match="cannot answer: its reply could not be confirmed"):
            await ref.ask(Look())
        assert await ref.ask(Look()) == 1  # of the next incarnation, which has claimed the fence again


async def test_replies_keep_their_order_and_wait_for_one_confirmation_together() -> None:
    store = Store()
    async with ActorSystem() as system:
        ref = system.spawn(counter(store))
        await ref.ask(Add())
        store.open.clear()
        ended: list[int] = []

        async def look(number: int) -> None:
            await ref.ask(Look())
            ended.append(number)

        async def add() -> None:
            assert await ref.ask(Add()) == 2
            ended.append(-1)

        async with asyncio.TaskGroup() as group:
            for number in range(50):
                group.create_task(look(number))
            group.create_task(add())
            group.create_task(look(50))
            await settle()
            assert (ended, store.confirmations()) == ([], 1)
            group.create_task(look(51))
            group.create_task(look(52))
            await settle()
            store.open.set()
        assert ended == [*range(50), -1, 50, 51, 52]
        assert store.confirmations() == 2  # of the first one, and of all that came while it was under way


async def test_what_sends_nothing_is_not_confirmed() -> None:
    store = Store()
    async with ActorSystem() as system:
        ref = system.spawn(counter(store))
        await ref.ask(Add())
        ref.tell(Note())
        await settle()
        assert store.confirmations() == 0
        assert await ref.ask(Look()) == 1
        assert store.confirmations() == 1


async def test_a_store_of_this_process_alone_is_not_asked() -> None:
    store = Store(CAPABILITIES)
    async with ActorSystem() as system:
        ref = system.spawn(counter(store))
        assert await ref.ask(Look()) == 0
        assert store.claims == []


@pytest.mark.parametrize(
    ("failure", "error"), [(JournalUnavailableError("away"), JournalUnavailableError), (OSError("odd"), JournalError)]
)
async def test_a_store_that_cannot_tell_lets_no_reply_go(failure: Exception, error: type[Exception]) -> None:
    store = Store()
    async with ActorSystem() as system:
        ref = system.spawn(counter(store))
        await ref.ask(Add())
        store.failure = failure
        with pytest.raises(error):
            await ref.ask(Look())
        store.failure = None


async def test_an_actor_that_stops_waits_for_its_confirmation() -> None:
    store = Store()
    async with ActorSystem() as system:
        ref = system.spawn(counter(store))
        await ref.ask(Add())
        store.open.clear()
        looking = asyncio.create_task(ref.ask(Look()))
        await settle()
        stopping = asyncio.create_task(system.shutdown())
        await settle()
        assert not looking.done()
        store.open.set()
        await stopping
        assert await looking == 1


async def test_a_confirmation_that_is_late_fails_the_ask_and_not_the_actor() -> None:
    store = Store()
    async with ActorSystem() as system:
        ref = system.spawn(counter(store))
        await ref.ask(Add())
        store.open.clear()
        store.failure = ReplicationTimeoutError("too few copies")
        looking, adding = asyncio.create_task(ref.ask(Look())), asyncio.create_task(ref.ask(Add()))
        await settle()
        store.open.set()
        with pytest.raises(ReplicationTimeoutError, match="too few copies"):
            await looking
        assert not adding.done(), "it keeps its place behind the reply that is held"
        store.failure = None
        store.open.set()
        assert await adding == 2
        assert len([epoch for _, _, epoch in store.claims if epoch is None]) == 1, "it is the same incarnation"


async def test_no_more_commands_wait_for_a_confirmation_than_for_a_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entity, "MAX_UNCONFIRMED", 2)
    store = Store()
    async with ActorSystem() as system:
        ref = system.spawn(counter(store))
        await ref.ask(Add())
        store.open.clear()
        looking = [asyncio.create_task(ref.ask(Look()))]
        await settle()  # it is being confirmed: two more may wait
        looking += [asyncio.create_task(ref.ask(Look())) for _ in range(2)]
        refused = asyncio.create_task(ref.ask(Look()))
        await settle()
        store.open.set()
        with pytest.raises(JournalOverloadedError, match="2 commands of 'counter' wait until it is certain"):
            await refused
        assert await asyncio.gather(*looking) == [1, 1, 1]
