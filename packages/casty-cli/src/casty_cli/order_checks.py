"""Checks of the order of all events, on which projections and exports rely."""

from typing import Final

from casty.errors import JournalError
from casty.spi.journal import OrderedStore

from casty_cli.findings import RESTORE, Findings
from casty_cli.paging import ordered_pages
from casty_cli.terminal import Report

REMEMBERED: Final = 100_000
"""Number of entities whose last number is remembered at a time."""


async def check_order(store: OrderedStore, findings: Findings, report: Report) -> None:
    """Check that offsets grow, and with them the numbers of each entity."""
    offset = 0
    reached: dict[str, int] = {}
    try:
        async for page in ordered_pages(store):
            if len(reached) > REMEMBERED:
                reached.clear()
            for entry in page:
                entity_id, number = entry.record.entity_id, entry.record.sequence_nr
                if entry.offset <= offset:
                    problem = f"its offset, {entry.offset}, does not follow {offset}, that of the event before"
                    findings.add(entity_id, number, f"{problem}; {RESTORE}")
                if number <= reached.get(entity_id, 0):
                    problem = f"in the order of all events it comes after event {reached[entity_id]}"
                    findings.add(entity_id, number, f"{problem}; {RESTORE}, and rebuild the projections")
                offset, reached[entity_id] = entry.offset, number
            report(offset)
    except JournalError as error:
        # Raises if the journal does not respond at all.
        await store.entity_ids("", 1)
        findings.add(None, None, f"after the offset {offset} the order of all events cannot be read: {error}")
