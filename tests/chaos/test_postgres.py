"""What was acknowledged is in PostgreSQL, once: with processes that are killed, a server that crashes, connections that
are cut between the commit and its answer, and two processes that write to the same accounts.
"""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from random import Random
from uuid import uuid4

import pytest
from casty_journal_postgres import PostgresJournal

from tests.chaos.bank import ROUNDS, SEED
from tests.chaos.depositor import ACCOUNTS, Deposited
from tests.examples.programs import ROOT
from tests.journal_postgres.proxy import Proxy
from tests.journal_postgres.server import OwnServer, own_server

KILLS = 5 * ROUNDS
CRASHES = 2 * ROUNDS
CUTS = 20 * ROUNDS
MOST = 2_000
"""Acknowledgements between two blows."""
NUMBERS = 10**6
"""Deposit numbers of one process."""


@pytest.fixture(scope="module")
def server() -> Generator[OwnServer]:
    with own_server() as running:
        yield running


class Bank:
    """The accounts in one PostgreSQL schema, and all that they have acknowledged."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.schema = f"bank_{uuid4().hex}"
        self.acknowledged: set[int] = set()
        self._processes = 0

    @asynccontextmanager
    async def depositor(self, dsn: str | None = None) -> AsyncGenerator[Process]:
        """A process that deposits, and is killed at the end."""
        arguments = [dsn or self.dsn, self.schema, str(self._processes * NUMBERS)]
        self._processes += 1
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.chaos.postgres_depositor", *arguments, cwd=ROOT, stdout=PIPE, stderr=DEVNULL
        )
        try:
            yield process
        finally:
            process.kill()
            await self.hear(process, sys.maxsize)
            await process.wait()

    async def hear(self, process: Process, times: int) -> int:
        """Note so many acknowledgements, or all until its end; answers how many."""
        assert process.stdout is not None
        for heard in range(times):
            line = await process.stdout.readline()
            # A line without its end was being written when the process died.
            if not line.endswith(b"\n"):
                return heard
            self.acknowledged.add(int(line))
        return times

    async def check(self) -> None:
        stored: Counter[int] = Counter()
        async with PostgresJournal(self.dsn, schema=self.schema) as journal:
            for account in range(ACCOUNTS):
                events = await journal.load(f"account-{account}")
                assert [event.sequence_nr for event in events] == list(range(1, len(events) + 1))
                for persisted in events:
                    assert isinstance(persisted.event, Deposited)
                    stored[persisted.event.number] += 1
        assert self.acknowledged - stored.keys() == set()
        assert [number for number, times in stored.items() if times > 1] == []


@pytest.fixture
def random() -> Random:
    print(f"CASTY_CHAOS_SEED={SEED}")
    return Random(SEED)


@pytest.mark.timeout(60 * ROUNDS)
async def test_over_kills_none_is_lost_and_none_is_doubled(server: OwnServer, random: Random) -> None:
    bank = Bank(server.dsn)
    for _ in range(KILLS):
        async with bank.depositor() as process:
            assert await bank.hear(process, random.randint(1, MOST))
    await bank.check()


@pytest.mark.timeout(60 * ROUNDS)
async def test_over_crashes_of_the_server_none_is_lost_and_writing_goes_on(server: OwnServer, random: Random) -> None:
    bank = Bank(server.dsn)
    async with bank.depositor() as process:
        for _ in range(CRASHES):
            times = random.randint(1, MOST)
            assert await bank.hear(process, times) == times
            await asyncio.to_thread(server.stop, "immediate")
            await asyncio.sleep(random.uniform(0, 1))
            await asyncio.to_thread(server.start)
        before = len(bank.acknowledged)
        assert await bank.hear(process, 1000) == 1000
        assert len(bank.acknowledged) == before + 1000
    await bank.check()


@pytest.mark.timeout(60 * ROUNDS)
async def test_over_lost_answers_none_is_lost_and_none_is_doubled(server: OwnServer, random: Random) -> None:
    bank = Bank(server.dsn)
    async with Proxy(server.dsn).serving() as proxy, bank.depositor(proxy.dsn) as process:
        for _ in range(CUTS):
            times = random.randint(1, 200)
            assert await bank.hear(process, times) == times
            proxy.cut_at_answer = True
        assert await bank.hear(process, 1000) == 1000
    await bank.check()


@pytest.mark.timeout(60 * ROUNDS)
async def test_of_two_processes_with_the_same_accounts_none_loses_what_it_acknowledged(server: OwnServer) -> None:
    bank = Bank(server.dsn)
    async with bank.depositor() as one, bank.depositor() as two:
        for process in (one, two):
            assert await bank.hear(process, 100 * ROUNDS) == 100 * ROUNDS
    await bank.check()
