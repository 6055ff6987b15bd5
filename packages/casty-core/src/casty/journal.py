"""Journals, as users import them, and a door: those of other distributions are loaded when they are asked for."""

from typing import TYPE_CHECKING, Any

from casty._doors import Room, resolve
from casty.journals.memory import InMemoryJournal as InMemoryJournal
from casty.persistence.journal import StoreJournal as StoreJournal
from casty.spi.event_journal import EventEnvelope as EventEnvelope
from casty.spi.event_journal import EventJournal as EventJournal
from casty.spi.event_journal import PersistedEvent as PersistedEvent
from casty.spi.event_journal import Snapshot as Snapshot
from casty.spi.journal import JournalKind as JournalKind

if TYPE_CHECKING:
    from casty_journal_postgres import PostgresJournal as PostgresJournal
    from casty_journal_postgres import PostgresOffsets as PostgresOffsets
    from casty_journal_sqlite import SqliteJournal as SqliteJournal
    from casty_journal_sqlite import SqliteOffsets as SqliteOffsets

_LAZY = {
    "PostgresJournal": Room("casty_journal_postgres", "postgres"),
    "PostgresOffsets": Room("casty_journal_postgres", "postgres"),
    "SqliteJournal": Room("casty_journal_sqlite", "sqlite"),
    "SqliteOffsets": Room("casty_journal_sqlite", "sqlite"),
}


def __getattr__(name: str) -> Any:
    return resolve(__name__, name, _LAZY)
