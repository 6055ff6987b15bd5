"""What `verify` finds in stores that are wrong themselves, or gone; SQLite and PostgreSQL cannot be brought to that."""

from collections.abc import Sequence
from typing import override

import pytest
from casty.errors import JournalError
from casty.journals.memory import MemoryStore
from casty.persistence.serializers import default_serializers
from casty.spi.journal import EventRecord, OrderedEvent
from casty_cli.entity_checks import EntityChecks
from casty_cli.findings import Findings
from casty_cli.order_checks import check_order
from casty_cli.values import Values

from tests.cli.histories import deposits


def ignore(done: int) -> None:
    pass


async def checked(store: MemoryStore) -> list[str]:
    """What is said of three events of one entity."""
    await store.append([deposits("a", 1, 3)])
    findings = Findings()
    await EntityChecks(store, Values(default_serializers()), findings).check_events("a", ignore)
    await check_order(store, findings, ignore)
    return [str(finding) for finding in findings.told]


class ForgetfulStore(MemoryStore):
    @override
    async def highest_sequence_nr(self, entity_id: str) -> int:
        return 2


class StandingStore(MemoryStore):
    @override
    async def read(self, after: int, limit: int, tags: Sequence[str] = ()) -> Sequence[OrderedEvent]:
        return [OrderedEvent(7, entry.record) for entry in await super().read(after, limit, tags)]


class LostStore(MemoryStore):
    """Its server is gone."""

    @override
    async def replay(
        self, entity_id: str, from_sequence_nr: int, to_sequence_nr: int, limit: int
    ) -> Sequence[EventRecord]:
        raise JournalError("gone")

    @override
    async def highest_sequence_nr(self, entity_id: str) -> int:
        raise JournalError("gone")


class LostLaterStore(MemoryStore):
    """Its server is gone when the order is read."""

    @override
    async def read(self, after: int, limit: int, tags: Sequence[str] = ()) -> Sequence[OrderedEvent]:
        raise JournalError("gone")

    @override
    async def entity_ids(self, after: str, limit: int) -> Sequence[str]:
        raise JournalError("gone")


async def test_a_number_that_would_be_given_again_is_found() -> None:
    assert await checked(ForgetfulStore()) == [
        "a: event 3: the journal takes 2 for the entity's last number, and would give this one again; restore a backup"
    ]


async def test_offsets_that_do_not_grow_are_found() -> None:
    assert await checked(StandingStore()) == [
        f"a: event {number}: its offset, 7, does not follow 7, that of the event before; restore a backup"
        for number in (2, 3)
    ]


@pytest.mark.parametrize("store", [LostStore(), LostLaterStore()], ids=["at once", "later"])
async def test_a_journal_that_does_not_answer_is_a_failure_and_no_finding(store: MemoryStore) -> None:
    with pytest.raises(JournalError, match="gone"):
        await checked(store)
