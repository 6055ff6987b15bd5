"""What the entry point names: the hook, and the provider with its options."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from casty.plugins import JournalProvider, hookimpl
from casty.spi.journal import JournalCapabilities, JournalStore

CAPABILITIES = JournalCapabilities(durable=False)


@dataclass(frozen=True, slots=True)
class ExampleOptions:
    """The options of `example://`."""

    create: bool = True
    """Make the file where there is none."""


@asynccontextmanager
async def open_journal(url: str, options: ExampleOptions) -> AsyncGenerator[JournalStore]:
    # Here and not above: what a journal is built on is imported by those who use it only.
    from casty_journal_example.store import open_store

    store = await open_store(unquote(urlsplit(url).path), CAPABILITIES, create=options.create)
    try:
        yield store
    finally:
        await store.close()


@hookimpl
def casty_journals() -> list[JournalProvider]:
    return [JournalProvider(names=("example",), open=open_journal, capabilities=CAPABILITIES, options=ExampleOptions)]
