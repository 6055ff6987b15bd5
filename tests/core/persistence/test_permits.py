"""Operations of one store: so many at a time, in their order, and none waits for a store that is away."""

import asyncio
from contextlib import nullcontext
from typing import override

import pytest
from casty import ActorSystem
from casty.errors import JournalUnavailableError
from casty.journal import StoreJournal
from casty.journals.memory import CAPABILITIES, MemoryStore
from casty.persistence.permits import AT_ONCE, AWAY, Permits
from casty.spi.journal import SnapshotRecord
from casty.testing import settle

from tests.core.persistence.ledger import adding, ledger


class Operations:
    """Operations that end when the test says so."""

    def __init__(self, at_once: int) -> None:
        self.permits = Permits(at_once)
        self.running: list[int] = []
        self._ends: dict[int, asyncio.Future[None]] = {}

    def begin(self, number: int) -> asyncio.Task[None]:
        return asyncio.create_task(self._run(number))

    async def _run(self, number: int) -> None:
        async with self.permits:
            self.running.append(number)
            self._ends[number] = asyncio.get_running_loop().create_future()
            try:
                await self._ends[number]
            finally:
                self.running.remove(number)

    def cancel_before_it_runs(self, task: asyncio.Task[None]) -> None:
        """Cancel it between the end of operation 0, which has to follow, and its own next step."""
        self._ends[0].add_done_callback(lambda _: task.cancel())

    async def end(self, number: int, error: Exception | None = None) -> None:
        if error is None:
            self._ends[number].set_result(None)
        else:
            self._ends[number].set_exception(error)
        await settle()


async def test_so_many_run_at_a_time_and_the_others_follow_in_their_order() -> None:
    operations = Operations(2)
    tasks = [operations.begin(number) for number in range(5)]
    await settle()
    assert operations.running == [0, 1]
    for ended, running in (1, [0, 2]), (0, [2, 3]), (3, [2, 4]), (2, [4]), (4, []):
        await operations.end(ended)
        assert operations.running == running
    await asyncio.gather(*tasks)


async def test_an_operation_that_fails_gives_its_permit_back() -> None:
    operations = Operations(1)
    failing, following = operations.begin(0), operations.begin(1)
    await settle()
    await operations.end(0, ValueError("broken"))
    assert operations.running == [1]
    await operations.end(1)
    await following
    with pytest.raises(ValueError, match="broken"):
        await failing


async def test_where_the_store_is_away_no_other_waits_for_its_turn() -> None:
    operations = Operations(AWAY + 1)
    running = [operations.begin(number) for number in range(AWAY + 1)]
    waiting = [operations.begin(number) for number in range(10, 16)]
    await settle()
    for number in range(AWAY):
        await operations.end(number, JournalUnavailableError("the server is away"))
    failed = running[:AWAY] + waiting[AWAY - 1 :]
    assert [str(error) for error in await asyncio.gather(*failed, return_exceptions=True)] == [
        "the server is away"
    ] * len(failed)
    later = operations.begin(20)
    await settle()
    assert operations.running == [AWAY, 10, 11, 20]
    for number in operations.running[:]:
        await operations.end(number)
    await asyncio.gather(running[AWAY], *waiting[: AWAY - 1], later)


async def test_operations_that_fail_now_and_then_end_no_waiting() -> None:
    operations = Operations(1)
    tasks = [operations.begin(number) for number in range(2 * AWAY + 1)]
    await settle()
    for number in range(0, 2 * AWAY, 2):
        await operations.end(number, JournalUnavailableError("this one takes too long"))
        await operations.end(number + 1)
    assert operations.running == [2 * AWAY]
    await operations.end(2 * AWAY)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert outcomes.count(None) == AWAY + 1


@pytest.mark.parametrize("had_its_turn", [False, True])
async def test_a_cancelled_one_keeps_no_permit(had_its_turn: bool) -> None:
    operations = Operations(1)
    first, cancelled, last = (operations.begin(number) for number in range(3))
    await settle()
    if had_its_turn:
        operations.cancel_before_it_runs(cancelled)
    else:
        cancelled.cancel()
    await operations.end(0)
    await first
    assert operations.running == [2]
    await operations.end(2)
    await last
    with pytest.raises(asyncio.CancelledError):
        await cancelled


async def test_one_that_is_refused_and_cancelled_at_once_leaves_the_number_of_permits() -> None:
    operations = Operations(1)
    operations.permits._failures = AWAY - 1
    first, refused = operations.begin(0), operations.begin(1)
    await settle()
    operations.cancel_before_it_runs(refused)
    await operations.end(0, JournalUnavailableError("away"))
    with pytest.raises(JournalUnavailableError):
        await first
    tasks = [operations.begin(number) for number in (2, 3)]
    await settle()
    assert refused.cancelled()
    assert operations.running == [2]
    await operations.end(2)
    await operations.end(3)
    await asyncio.gather(*tasks)


class CountingStore(MemoryStore):
    """Counts how many of its reads run at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.most = self._reading = 0

    @override
    async def load_snapshot(self, entity_id: str, to_sequence_nr: int) -> SnapshotRecord | None:
        self._reading += 1
        self.most = max(self.most, self._reading)
        await asyncio.sleep(0)
        self._reading -= 1
        return await super().load_snapshot(entity_id, to_sequence_nr)


async def test_however_many_entities_recover_so_many_read_at_a_time() -> None:
    store = CountingStore()
    journal = StoreJournal(lambda: nullcontext(store), capabilities=CAPABILITIES)
    async with ActorSystem("many") as system:
        refs = [system.spawn(ledger(journal, entity_id=f"entity-{number}")) for number in range(5 * AT_ONCE)]
        assert await asyncio.gather(*(system.ask(ref, adding("a")) for ref in refs)) == ["a"] * len(refs)
    assert store.most == AT_ONCE
