"""Records for the store, and the program that the tests run in processes of their own."""

import sys
from pathlib import Path
from subprocess import PIPE, Popen

from casty.spi.journal import EventRecord, SnapshotRecord

PREAMBLE = """
import asyncio, sys
from casty_journal_sqlite.options import SqliteOptions
from casty_journal_sqlite.store import open_store
from tests.journal_sqlite.fakes import event
path = sys.argv[1]
"""


def event(
    entity_id: str,
    sequence_nr: int,
    payload: bytes = b"x",
    tags: tuple[str, ...] = (),
    *,
    writer: str = "w",
    epoch: int = 0,
) -> EventRecord:
    event_id = f"{writer} {sequence_nr}".encode().ljust(16)
    return EventRecord(entity_id, sequence_nr, epoch, writer, event_id, "bank.Deposited", 2, payload, 1.25, tags)


def snapshot(sequence_nr: int, payload: bytes = b"s") -> SnapshotRecord:
    return SnapshotRecord("a", sequence_nr, "bank.Account", 1, payload, 1.25)


def child(program: str, path: Path) -> Popen[str]:
    """A process that runs `program` after the preamble; `path` is the journal's file."""
    command = [sys.executable, "-W", "error", "-c", PREAMBLE + program, str(path)]
    return Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True)
