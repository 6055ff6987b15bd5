"""Input to an event-sourced actor that no journal can store or read: the caller's error says what is wrong and
how to mend it, the same with every journal, and nothing is stored.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import pytest
from casty import (
    ActorContext,
    ActorFailedError,
    ActorRef,
    ActorStoppedError,
    ActorSystem,
    Behavior,
    Behaviors,
    SnapshotEvery,
)
from casty.errors import BehaviorError, EncodeError, UnknownManifestError
from casty.journal import StoreJournal
from casty.serialization import message
from casty.spi.journal import EventRecord

MEBIBYTE = 1024 * 1024


@message("bad_input.Said")
@dataclass(frozen=True, slots=True)
class Said:
    what: object


@dataclass(frozen=True, slots=True)
class Say:
    what: object
    reply_to: ActorRef[int]


class Heard(tuple[Said, ...]):
    """A state of a type that would not come back."""


def echo(journal: StoreJournal, entity_id: str = "echo", snapshots: SnapshotEvery | None = None) -> Behavior[Say]:
    async def on_command(ctx: ActorContext[Say], heard: Heard, command: Say) -> Behavior[Say]:
        return Behaviors.persisted([Said(command.what)], reply=(command.reply_to, len(heard) + 1))

    def on_event(heard: Heard, event: Said) -> Heard:
        return Heard((*heard, event))

    return Behaviors.event_sourced(
        entity_id=entity_id,
        journal=journal,
        initial_state=Heard(),
        on_event=on_event,
        on_command=on_command,
        snapshot_policy=snapshots,
    )


@pytest.fixture
async def system() -> AsyncGenerator[ActorSystem]:
    async with ActorSystem() as running:
        yield running


async def say(system: ActorSystem, behavior: Behavior[Say], what: object = "hello") -> int:
    return await system.ask(system.spawn(behavior), lambda reply_to: Say(what, reply_to))


async def why_not(system: ActorSystem, behavior: Behavior[Say], what: object = "hello") -> BaseException:
    with pytest.raises((ActorFailedError, ActorStoppedError)) as refused:
        await say(system, behavior, what)
    assert refused.value.__cause__ is not None
    return refused.value.__cause__


async def events_of(journal: StoreJournal, entity_id: str = "echo") -> list[Any]:
    return [stored.event for stored in await journal.load(entity_id)]


@pytest.mark.parametrize("entity_id", ["a\0b", "a\ud800"], ids=["NUL", "surrogate"])
async def test_an_id_that_databases_cannot_store(journal: StoreJournal, entity_id: str) -> None:
    with pytest.raises(BehaviorError) as refused:
        echo(journal, entity_id)
    assert str(refused.value) == (
        f"the entity id {entity_id!r} holds a NUL character or half a surrogate pair, which databases cannot store; "
        "use an id without it"
    )


async def test_an_id_that_is_too_long_for_an_index(system: ActorSystem, journal: StoreJournal) -> None:
    ideographs = "".join(map(chr, range(0x4E00, 0x5200)))  # 3 bytes each, and nothing in them to compress
    with pytest.raises(BehaviorError) as refused:
        echo(journal, ideographs)
    assert str(refused.value) == (
        f"the entity id {ideographs[:40]!r}… is 3,072 bytes long, and databases store ids of at most 2,500; use a "
        "shorter one, such as a hash of it"
    )
    assert await say(system, echo(journal, ideographs[:833])) == 1


async def test_an_id_of_a_thousand_characters_is_none_of_them(system: ActorSystem, journal: StoreJournal) -> None:
    assert await say(system, echo(journal, "ä" * 1_000)) == 1
    assert await say(system, echo(journal, "ä" * 1_000)) == 2


async def test_an_event_of_nearly_a_mebibyte_is_none_of_them(system: ActorSystem, journal: StoreJournal) -> None:
    assert await say(system, echo(journal), b"x" * (MEBIBYTE - 100)) == 1
    assert await events_of(journal) == [Said(b"x" * (MEBIBYTE - 100))]


async def test_an_event_that_is_larger(system: ActorSystem, journal: StoreJournal) -> None:
    error = await why_not(system, echo(journal), b"x" * MEBIBYTE)
    assert isinstance(error, EncodeError)
    assert str(error).startswith("cannot encode Said.what: its 1048581 bytes are beyond max_payload=1048576")
    assert "split it, or raise the bound" in str(error)
    assert await events_of(journal) == []


async def test_an_event_that_cannot_be_serialized(system: ActorSystem, journal: StoreJournal) -> None:
    error = await why_not(system, echo(journal), object())
    assert isinstance(error, EncodeError)
    assert "cannot encode Said.what: builtins.object is not a wire type; " in str(error)
    assert error.__notes__ == ["This would be event 1 of the entity 'echo'."]
    assert await events_of(journal) == []


async def test_a_state_that_cannot_be_serialized_is_a_warning(
    system: ActorSystem, journal: StoreJournal, caplog: pytest.LogCaptureFixture
) -> None:
    assert await say(system, echo(journal, snapshots=SnapshotEvery(1))) == 1
    assert "Heard is a subclass of tuple, and would come back as one" in caplog.text
    assert "This would be the state of the entity 'echo' at event 1." in caplog.text
    assert await events_of(journal) == [Said("hello")]


async def test_an_unknown_event_type(system: ActorSystem, journal: StoreJournal) -> None:
    stranger = EventRecord("echo", 1, 0, "old", b"0" * 16, "bank.Renamed", 1, b"\x80", 0.0, ())
    assert list(await (await journal.open()).store.append([[stranger]])) == [None]
    error = await why_not(system, echo(journal))
    assert isinstance(error, UnknownManifestError)
    assert "no type is known as 'bank.Renamed'; import its module before decoding" in str(error)
    assert error.__notes__ == ["This is event 1 of the entity 'echo'."]
