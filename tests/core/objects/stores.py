"""Journals for durable actors: one that a test steers, and one on disk."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, override

from casty import (
    ActorSystem,
    CastyConfig,
)
from casty.config import JournalConfig
from casty.journals.memory import CAPABILITIES, MemoryStore
from casty.plugins import JournalProvider, NoOptions, hookimpl
from casty.spi.journal import AppendGroup, AppendOutcome

from tests.core.persistence.fakes import SteeredStore


class Steered(SteeredStore):
    """A journal in memory that its test counts, holds back, and takes away."""

    def __init__(self) -> None:
        super().__init__()
        self.away: Exception | None = None
        self.hangs: asyncio.Event | None = None
        """What it waits for as it is opened."""

    @hookimpl
    def casty_journals(self) -> list[JournalProvider[Any]]:
        return [JournalProvider(names=("steered",), open=self._open, options=NoOptions, capabilities=CAPABILITIES)]

    @asynccontextmanager
    async def _open(self, url: str, options: NoOptions) -> AsyncGenerator[MemoryStore]:
        if self.hangs is not None:
            await self.hangs.wait()
        if self.away is not None:
            raise self.away
        yield self

    @property
    def stored(self) -> int:
        """How many states have been stored."""
        return sum(len(group) for batch in self.batches for group in batch)

    @override
    async def append(self, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
        if self.away is not None:
            raise self.away
        return await super().append(groups)


def system_over(store: Steered) -> ActorSystem:
    return ActorSystem(config=CastyConfig(journal=JournalConfig(url="steered://")), plugins=[store])


def on_disk(folder: Path) -> ActorSystem:
    return ActorSystem(config=CastyConfig(journal=JournalConfig(url=f"sqlite:///{folder}/states.db")))
