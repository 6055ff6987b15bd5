"""Structures that are large, and retries that are late."""

import time
from zlib import crc32

import pytest
from casty import ActorSystem, InMemoryJournal
from casty.coordination import results
from casty.coordination.operations import Instant, Operation, OperationId
from casty.coordination.state import State
from casty.coordination.structures import Bucket, Counter
from casty.coordination.structures.counter import Add
from casty.coordination.structures.map_commands import Page, Put
from casty.coordination.structures.paging import PAGE

from tests.core.coordination.test_bucket import Shelf
from tests.core.coordination.world import SERIALIZER, WALL

SHARDS = 100


def test_a_map_of_a_hundred_thousand_keys_is_read_in_pages() -> None:
    shelves = [Shelf() for _ in range(SHARDS)]
    keys = {b"key-%06d" % number for number in range(100_000)}
    for key in keys:
        shelves[crc32(key) % SHARDS].do(Put(SHARDS, key, b"value"))
    began = time.process_time()
    found: list[bytes] = []
    for shelf in shelves:
        after = b""
        while page := shelf.do(Page(SHARDS, after)):
            assert len(page) <= PAGE
            found += [key for key, _ in page]
            after = found[-1]
    assert time.process_time() - began < 10.0  # it is linear: 0.1 s on an idle machine
    assert len(found) == 100_000
    assert set(found) == keys
    assert all(isinstance(SERIALIZER.loads(SERIALIZER.dumps(shelf.bucket)), Bucket) for shelf in shelves[:3])


async def test_a_set_of_several_pages_yields_each_member_once() -> None:
    async with ActorSystem() as system:
        members = system.distributed().set[int]("s")
        for number in range(2 * PAGE + 5):
            await members.add(number)
        found = [member async for member in members.members()]
        assert sorted(found) == list(range(2 * PAGE + 5))
        assert await members.size() == 2 * PAGE + 5


class Tally:
    """A counter on virtual time."""

    def __init__(self) -> None:
        self.state = State(Counter())
        self.time = 0.0

    def add(self, client: str, number: int, *, attempt: int = 1) -> object:
        """Carry out an increment; its result."""
        operation = Operation(id=OperationId(client, number), settled=number, attempt=attempt, command=Add(1))
        facts, answers = self.state.decide(operation, Instant(self.time, WALL + self.time))
        for fact in facts:
            self.state.apply(fact)
        self.state = self.restored()
        return answers[0].value if answers else self.state.results.find(operation.id)

    def restored(self) -> State:
        """As after a restart from a snapshot."""
        state = SERIALIZER.loads(SERIALIZER.dumps(self.state))
        assert isinstance(state, State)
        return state


def test_a_retry_after_a_minute_and_two_thousand_other_operations_changes_nothing() -> None:
    tally = Tally()
    assert tally.add("late", 1) == 1
    for number in range(2_000):
        tally.add(f"client-{number % 20}", number)
    tally.time = 60.0
    assert tally.add("late", 1, attempt=2) == 1
    assert tally.state.structure.value == 2_001


@pytest.mark.parametrize(("others", "applied"), [(7, 8), (8, 10)])
def test_a_retry_is_known_until_so_many_other_clients_have_changed_the_structure(
    others: int, applied: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "MAX_CLIENTS", 8)
    tally = Tally()
    tally.add("late", 1)
    for number in range(others):
        tally.add(f"client-{number}", 1)
    tally.add("late", 1, attempt=2)
    assert tally.state.structure.value == applied


async def test_permits_and_terms_outlive_their_system() -> None:
    journal = InMemoryJournal()
    async with ActorSystem() as system:
        d = system.distributed(journal)
        held = [await d.semaphore("s", 2).acquire() for _ in range(2)]
        term = await d.election("e", candidate="first").campaign()
    async with ActorSystem() as system:
        d = system.distributed(journal)
        assert await d.semaphore("s", 2).try_acquire() is False  # leases of the process before, which have not ended
        assert await d.election("e", candidate="second").leader() == "first"
        assert await d.election("e", candidate="second").try_acquire() is False
        await d.semaphore("s", 2).destroy()
        await d.election("e").destroy()
        assert (await d.semaphore("s", 2).acquire()).token == held[-1].token + 1
        assert (await d.election("e", candidate="second").campaign()).token == term.token + 1
