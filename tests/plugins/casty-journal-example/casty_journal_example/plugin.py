"""What the entry point names: the hooks, a provider with its options, and a codec."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from fractions import Fraction
from urllib.parse import unquote, urlsplit

from casty.plugins import CodecProvider, JournalProvider, hookimpl
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
def casty_journals() -> list[JournalProvider[ExampleOptions]]:
    return [JournalProvider(names=("example",), open=open_journal, capabilities=CAPABILITIES, options=ExampleOptions)]


def dump_fraction(value: Fraction) -> tuple[int, int]:
    return value.numerator, value.denominator


def load_fraction(plain: tuple[int, int]) -> Fraction:
    return Fraction(*plain)


@hookimpl
def casty_codecs() -> list[CodecProvider]:
    """A distribution may offer several things. This lets events and messages hold fractions."""
    return [CodecProvider(names=("fraction",), for_type=Fraction, dump=dump_fraction, load=load_fraction)]
