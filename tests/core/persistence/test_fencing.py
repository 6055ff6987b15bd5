"""Two systems with one entity on a journal that both reach: the later owner shuts out the earlier one."""

from contextlib import nullcontext
from dataclasses import replace
from typing import override

from casty import ActorSystem, DeadLetter
from casty.journal import StoreJournal
from casty.journals.memory import MemoryStore
from casty.spi.journal import JournalCapabilities, JournalKind
from casty.testing import TestProbe, settle

from tests.core.persistence.ledger import Add, adding, ledger
from tests.core.runtime.probe import Events


class CentralStore(MemoryStore):
    """Memory that says of itself that every node reaches it."""

    @property
    @override
    def capabilities(self) -> JournalCapabilities:
        return replace(super().capabilities, kind=JournalKind.centralized)


def journal_on(store: CentralStore) -> StoreJournal:
    return StoreJournal(lambda: nullcontext(store), capabilities=store.capabilities)


async def test_a_new_owner_shuts_out_the_old_one() -> None:
    store = CentralStore()
    async with ActorSystem("old") as old, ActorSystem("new") as new:
        first, lost = old.spawn(ledger(journal_on(store))), Events(old, DeadLetter)
        assert await old.ask(first, adding("a")) == "a"
        second = new.spawn(ledger(journal_on(store)))
        assert await new.ask(second, adding("b")) == "ab"

        probe = TestProbe[str](old)
        first.tell(Add("stale", probe.ref))
        await settle()
        assert await probe.receive_all() == []
        assert "claimed" in lost.seen[0].reason
        # It begins again as the newest owner, on what the other has written.
        assert await old.ask(first, adding("c")) == "abc"

    records = await store.replay("ledger", 1, 99, 99)
    assert [record.epoch for record in records] == [1, 2, 3]
    assert len({record.writer for record in records}) == 3
