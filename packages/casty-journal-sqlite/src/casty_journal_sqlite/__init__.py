"""SQLite journal for Casty's event-sourced actors."""

from casty_journal_sqlite.journal import SqliteJournal as SqliteJournal
from casty_journal_sqlite.offsets import SqliteOffsets as SqliteOffsets
from casty_journal_sqlite.options import SqliteOptions as SqliteOptions
from casty_journal_sqlite.options import Synchronous as Synchronous
