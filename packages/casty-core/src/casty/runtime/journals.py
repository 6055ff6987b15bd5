"""The journals that one system uses: opened on first use, shared by its entities, given back when the system stops."""

import asyncio
import logging
from collections.abc import Callable, Collection, Generator
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from typing import Any

from casty.config import CastyConfig
from casty.errors import PluginError
from casty.journals.memory import InMemoryJournal
from casty.persistence.entity_log import EntityLog, LogFactory, LogRequest
from casty.persistence.failing import as_journal_error
from casty.persistence.journal import OpenJournal, StoreJournal, journal_from_provider
from casty.persistence.log import PlainLog, StoreLog
from casty.persistence.serializers import Serializers, configured_serializers
from casty.plugins import PluginRegistry, build_options
from casty.plugins.serializers import split_bounds
from casty.spi.event_journal import EventJournal
from casty.spi.journal import JournalKind
from casty.spi.serializer import RefResolver, Serializer

logger = logging.getLogger("casty")


class Journals:
    """Finds the journal that a behavior or the configuration names, and opens it for as long as the system runs."""

    def __init__(self, config: CastyConfig, plugins: PluginRegistry, resolve_ref: RefResolver) -> None:
        self._config = config.journal
        self._configured = _configured_urls(config)
        self._plugins = plugins
        self._make_serializers = partial(configured_serializers, plugins, config.serialization, resolve_ref)
        self._serializers: Serializers | None = None
        self._bounded: dict[StoreJournal, Serializers] = {}
        """Those of journals that have bounds of their own."""
        self._by_url: dict[str, StoreJournal] = {}
        self._opening: dict[StoreJournal, asyncio.Task[OpenJournal]] = {}
        self._leases = AsyncExitStack()
        self._threaded: list[OpenJournal] = []
        self._fallback: StoreJournal | None = None
        self._warned = False
        """Whether a warning has named an entity whose events are kept in memory."""
        self.log_of: LogFactory = self._log_of
        """Makes the log of an event-sourced actor, each time that it starts."""

    def resolve(self) -> None:
        """Find the plugins of all journals that the configuration names, and check their options. Opens none of them.

        Raises `PluginError` that names the setting.
        """
        for setting, url in self._configured.items():
            with _naming(setting):
                self._by_name(url)
        with _naming("[serialization]"):
            self._default_serializers()

    def wrap(self, wrapping: Callable[[LogFactory], LogFactory]) -> None:
        """Put a feature's factory around the one that there is, for all actors that start from now on."""
        self.log_of = wrapping(self.log_of)

    def kind_of(self, journal: EventJournal | str | None) -> JournalKind | None:
        """Which nodes can read what that journal has; None for one that does not say."""
        found = self._by_name(journal) if isinstance(journal, str) else journal
        return found.kind if isinstance(found, StoreJournal) else None

    async def check(self, journal: str | None, wall_time: Callable[[], float]) -> None:
        """Read from a journal that the configuration names. Raises what it raises, if it cannot be used now."""
        if journal is not None:
            request = LogRequest(entity_id="_check", actor="/_check", journal=journal, wall_time=wall_time)
            await (await self._log_of(request)).load_snapshot()

    async def open(
        self, journal: EventJournal | str | None, serializer: Serializer
    ) -> tuple[EventJournal, Serializers]:
        """The journal itself, open for as long as the system runs, for events that `serializer` writes; and what
        encodes those of its entities.
        """
        found = self._found(journal)
        if isinstance(found, StoreJournal):
            return found.written_with(serializer), (await self._opened(found)).serializers
        return found, self._default_serializers()

    async def _log_of(self, request: LogRequest) -> EntityLog:
        if request.journal is None:
            self._warn(request.entity_id)
        journal = self._found(request.journal)
        if isinstance(journal, StoreJournal):
            return StoreLog(request.entity_id, await self._opened(journal), request.wall_time)
        return PlainLog(request.entity_id, journal, request.wall_time)

    def _found(self, journal: EventJournal | str | None) -> EventJournal:
        if journal is None:
            self._fallback = self._fallback or InMemoryJournal()
            return self._fallback
        return self._by_name(journal) if isinstance(journal, str) else journal

    def writing_in_threads(self) -> bool:
        """Whether a thread of ours is writing, which it cannot while the event loop never rests."""
        return any(journal.writer.storing for journal in self._threaded)

    async def close(self) -> None:
        """Give every journal back; those without another user close."""
        for task in self.opening:  # the actors that waited for it have stopped
            task.cancel()
        await asyncio.gather(*self.opening, return_exceptions=True)
        await self._leases.aclose()

    @property
    def opening(self) -> Collection[asyncio.Task[OpenJournal]]:
        """The journals that are being opened."""
        return [task for task in self._opening.values() if not task.done()]

    @property
    def tasks(self) -> Collection[asyncio.Task[Any]]:
        """What `close` waits for, where it has not ended."""
        return [*self.opening, *(task for journal in self._opening for task in journal.unended)]

    def _by_name(self, url: str) -> StoreJournal:
        if url not in self._by_url:
            provider = self._plugins.journal(url)
            table = self._config.options if url == self._config.url else dict[str, object]()
            own, bounds = split_bounds(table, provider.options)
            journal = journal_from_provider(provider, url, build_options(provider, own))
            if bounds:
                self._bounded[journal] = self._make_serializers(bounds)
            self._by_url[url] = journal
        return self._by_url[url]

    def _warn(self, entity_id: str) -> None:
        if not self._warned:
            self._warned = True
            logger.warning(
                "no journal is configured: the events of %r, and of others like it, are kept in memory "
                "and lost with the process; "
                'give the behavior a journal=, or set [journal] url = "sqlite:///…" in casty.toml '
                "and pass ActorSystem(config=load_config())",
                entity_id,
            )

    async def _opened(self, journal: StoreJournal) -> OpenJournal:
        opening = self._opening.get(journal)
        if opening is None or (opening.done() and opening.exception() is not None):
            opening = self._opening[journal] = asyncio.create_task(self._lease(journal), name="casty-journal-lease")
            opening.add_done_callback(_note_failure)
        return await asyncio.shield(opening)

    def _serializers_of(self, journal: StoreJournal) -> Serializers:
        return self._bounded.get(journal) or self._default_serializers()

    def _default_serializers(self) -> Serializers:
        if self._serializers is None:
            self._serializers = self._make_serializers()
        return self._serializers

    async def _lease(self, journal: StoreJournal) -> OpenJournal:
        with as_journal_error("the journal did not open"):
            opened = await self._leases.enter_async_context(journal.lease(serializers=self._serializers_of(journal)))
        if journal.capabilities.threaded:
            self._threaded.append(opened)
        return opened


def _note_failure(opening: asyncio.Task[OpenJournal]) -> None:
    """All that waited for it may have been cancelled. What needs the journal next opens it anew, and has its error."""
    if not opening.cancelled():
        opening.exception()


def _configured_urls(config: CastyConfig) -> dict[str, str]:
    """The URLs of journals by the settings that name them."""
    of_actors = {f"[actors.{pattern!r}] journal": actor.journal for pattern, actor in config.actors.items()}
    return {setting: url for setting, url in {"[journal]": config.journal.url, **of_actors}.items() if url}


@contextmanager
def _naming(setting: str) -> Generator[None]:
    try:
        yield
    except PluginError as error:
        raise PluginError(f"{setting}: {error}") from error
