"""Processes that deposit, what they said, and whether their journal holds just that."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from casty.journal import StoreJournal
from casty.persistence.journal import journal_from_provider
from casty.plugins import PluginRegistry, build_options

from tests.chaos.depositor import Deposited
from tests.examples.programs import ROOT

NUMBERS = 10**6
"""Deposit numbers of one process."""


class Depositor:
    """One process, and what it has said so far."""

    def __init__(self) -> None:
        self.acknowledged: list[int] = []
        self.refused: Counter[str] = Counter()
        """How many deposits failed, by the name of the error."""
        self.restarted: Counter[tuple[str, str]] = Counter()
        """How often each account began again, by the name of the error that was the reason."""
        self._ended = False
        self._heard = asyncio.Condition()

    async def listen(self, process: Process) -> None:
        """Take down what it says, to its end."""
        assert process.stdout is not None
        async for line in process.stdout:
            # A line without its end was being written when the process died.
            if line.endswith(b"\n"):
                self._take_down(line.decode().split())
                async with self._heard:
                    self._heard.notify_all()
        self._ended = True
        async with self._heard:
            self._heard.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until it has said what makes the condition true."""
        async with self._heard:
            await self._heard.wait_for(lambda: self._ended or condition())
        assert condition(), "the process has ended by itself; what it said is above"

    async def acknowledges(self, times: int) -> None:
        """Wait for so many more acknowledgements."""
        wanted = len(self.acknowledged) + times
        await self.until(lambda: len(self.acknowledged) >= wanted)

    async def serves(self, accounts: int, *, since: int = 0) -> None:
        """Wait until each account has acknowledged something after so many acknowledgements of all."""
        await self.until(lambda: len({number % accounts for number in self.acknowledged[since:]}) == accounts)

    def _take_down(self, words: list[str]) -> None:
        match words:
            case "acknowledged", number:
                self.acknowledged.append(int(number))
            case "refused", _, error:
                self.refused[error] += 1
            case "restarted", account, error:
                self.restarted[account, error] += 1
            case _:
                raise AssertionError(f"a depositor said {words}")


class Bank:
    """Accounts in one journal, and the processes that have deposited there."""

    def __init__(self, url: str, accounts: int = 7) -> None:
        self.url = url
        self.accounts = accounts
        self.depositors: list[Depositor] = []

    @asynccontextmanager
    async def depositor(self, url: str | None = None) -> AsyncGenerator[Depositor]:
        """A process that deposits, and is killed at the end. It may have a way of its own to the journal."""
        arguments = [url or self.url, str(len(self.depositors) * NUMBERS), str(self.accounts)]
        depositor = Depositor()
        self.depositors.append(depositor)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.chaos.depositor", *arguments, cwd=ROOT, stdout=PIPE
        )
        listening = asyncio.create_task(depositor.listen(process))
        try:
            yield depositor
        finally:
            process.kill()
            await listening
            await process.wait()

    async def check(self) -> None:
        """What was acknowledged is stored, nothing is stored twice, and events are numbered without gaps."""
        stored = await self.stored()
        acknowledged = {number for depositor in self.depositors for number in depositor.acknowledged}
        assert acknowledged
        assert acknowledged - stored.keys() == set()
        assert [number for number, times in stored.items() if times > 1] == []

    async def stored(self) -> Counter[int]:
        """How often each deposit is in the journal."""
        stored: Counter[int] = Counter()
        async with journal_at(self.url) as journal:
            for account in range(self.accounts):
                events = await journal.load(f"account-{account}")
                assert [event.sequence_nr for event in events] == list(range(1, len(events) + 1))
                for persisted in events:
                    assert isinstance(persisted.event, Deposited)
                    stored[persisted.event.number] += 1
        return stored


def journal_at(url: str) -> StoreJournal:
    provider = PluginRegistry.discover().journal(url)
    return journal_from_provider(provider, url, build_options(provider, {}))
