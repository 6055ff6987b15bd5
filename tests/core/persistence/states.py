"""What the tests of durable states use: an actor that adds, and a store whose deletions its test steers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, override

from casty import ActorContext, Behavior, Behaviors
from casty.journal import EventJournal, StoreJournal
from casty.spi.journal import EventRecord, JournalCapabilities

from tests.core.persistence.fakes import SteeredStore
from tests.core.persistence.ledger import Add

type OnCommand = Callable[[ActorContext[Any], Any, Any], Awaitable[Behavior[Any]]]


async def add(_ctx: object, state: str, command: Add) -> Behavior[Any]:
    """Answers before it stores, as users like to write it."""
    command.reply_to.tell(state + command.text)
    return Behaviors.updated(state + command.text)


def note(journal: EventJournal | str | None, on_command: OnCommand = add, initial: Any = "") -> Behavior[Any]:
    return Behaviors.durable_state(entity_id="note", journal=journal, initial_state=initial, on_command=on_command)


class WatchedStore(SteeredStore):
    """Notes what is read and deleted as well, and may promise something else."""

    def __init__(self, **promises: Any) -> None:
        super().__init__()
        self._promised = replace(super().capabilities, **promises)
        self.answered: list[int] = []
        """The numbers of all events that were read."""
        self.deleted: list[int] = []
        """The bounds of all deletions."""
        self.deleting = asyncio.Event()
        """Deletions wait for it."""
        self.deleting.set()
        self.deletion_failure: Exception | None = None

    @property
    @override
    def capabilities(self) -> JournalCapabilities:
        return self._promised

    @override
    async def replay(
        self, entity_id: str, from_sequence_nr: int, to_sequence_nr: int, limit: int
    ) -> Sequence[EventRecord]:
        found = await super().replay(entity_id, from_sequence_nr, to_sequence_nr, limit)
        self.answered += [record.sequence_nr for record in found]
        return found

    @override
    async def delete_events(self, entity_id: str, to_sequence_nr: int) -> None:
        self.deleted.append(to_sequence_nr)
        await self.deleting.wait()
        if self.deletion_failure is not None:
            raise self.deletion_failure
        await super().delete_events(entity_id, to_sequence_nr)

    def journal(self) -> StoreJournal:
        return StoreJournal(lambda: nullcontext(self), capabilities=self.capabilities)

    async def numbers(self) -> list[int]:
        """Those of the states that are stored."""
        return [record.sequence_nr for record in await super().replay("note", 1, 1_000_000, 1_000_000)]
