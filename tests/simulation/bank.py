"""Accounts on a simulated disk, and clients that remember what was acknowledged, whatever happens to the bank."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from casty import ActorContext, ActorRef, ActorSystem, Behavior, Behaviors, CastyError, OneForOneStrategy, SnapshotEvery
from casty.errors import JournalUnavailableError
from casty.serialization import MsgpackSerializer
from casty.testing.simulation import Simulation, plugin

ACCOUNTS = 3
CLIENTS = 6
ATTEMPTS = 60
"""Looks at an account whose journal is away, half a virtual second apart."""
SERIALIZER = MsgpackSerializer()


@dataclass(frozen=True)
class Deposit:
    number: int
    """No two deposits have the same."""
    reply_to: ActorRef[int]


@dataclass(frozen=True)
class Look:
    reply_to: ActorRef[tuple[int, ...]]


@dataclass(frozen=True)
class LookUp:
    """A linearizable read."""

    reply_to: ActorRef[tuple[int, ...]]


@dataclass(frozen=True)
class Deposited:
    number: int


type Command = Deposit | Look | LookUp
type State = tuple[int, ...]


async def on_command(ctx: ActorContext[Command], state: State, command: Command) -> Behavior[Command]:
    match command:
        case Deposit(number, reply_to):
            return Behaviors.persisted([Deposited(number)], reply=(reply_to, number))
        case Look(reply_to):
            reply_to.tell(state)
            return Behaviors.same()
        case LookUp(reply_to):
            reply_to.tell(state)
            return Behaviors.confirmed()


def on_event(state: State, event: Deposited) -> State:
    return (*state, event.number)


def account(name: str, journal: str) -> Behavior[Command]:
    behavior: Behavior[Command] = Behaviors.event_sourced(
        entity_id=name,
        initial_state=(),
        on_event=on_event,
        on_command=on_command,
        journal=journal,
        snapshot_policy=SnapshotEvery(5),
    )
    return Behaviors.supervise(behavior, OneForOneStrategy(max_restarts=1_000))


class Bank:
    """A host with accounts, and with the clients that deposit there as long as it runs."""

    def __init__(self, sim: Simulation, name: str = "bank", journal: str = "sim-disk://bank") -> None:
        self.host = sim.host(name)
        self.acknowledged: list[int] = []
        self._journal = journal
        self._numbers = iter(range(100_000))

    def begin_at(self, number: int) -> None:
        """Number its deposits from there."""
        self._numbers = iter(range(number, number + 100_000))

    def start(self) -> None:
        self.host.start(self._main)

    async def _main(self) -> None:
        async with ActorSystem(plugins=[plugin]) as self._system, asyncio.TaskGroup() as clients:
            names = [f"account-{number}" for number in range(ACCOUNTS)]
            self._accounts = [self._system.spawn(account(name, self._journal), name) for name in names]
            for number in range(CLIENTS):
                clients.create_task(self._deposit(self._accounts[number % ACCOUNTS]))

    async def _deposit(self, target: ActorRef[Command]) -> None:
        for number in self._numbers:
            # Refused by a disk that fails, or unanswered, it may be stored or not.
            with suppress(CastyError, TimeoutError):
                await self._system.ask(target, lambda to, n=number: Deposit(n, to), timeout=1.0)
                self.acknowledged.append(number)
            await asyncio.sleep(0.01)

    async def check(self) -> None:
        """What was acknowledged is stored, nothing is stored twice, and the accounts know it all."""
        known = await self.host.run(self._look)
        stored = await self.stored()
        # They have gone on since they were asked.
        assert known == [of_one[: len(seen)] for of_one, seen in zip(stored, known, strict=True)]
        numbers = [number for of_one in stored for number in of_one]
        assert sorted(set(self.acknowledged) - set(numbers)) == []
        assert len(numbers) == len(set(numbers))

    async def stored(self) -> list[State]:
        """What is in the journal, by account."""
        return [await self._stored(f"account-{number}") for number in range(ACCOUNTS)]

    async def _look(self) -> list[State]:
        return [await self._answer(account) for account in self._accounts]

    async def _answer(self, account: ActorRef[Command]) -> State:
        """It may still wait for its next attempt to read a disk that is well again."""
        for _ in range(ATTEMPTS):
            with suppress(JournalUnavailableError):
                return await self._system.ask(account, Look)
            await asyncio.sleep(0.5)
        return await self._system.ask(account, Look)

    async def _stored(self, name: str) -> State:
        disk = self.host.server if "database" in self._journal else self.host.disk
        records = await disk.store("bank").replay(name, 1, 1_000_000, 1_000_000)
        assert [record.sequence_nr for record in records] == list(range(1, len(records) + 1))
        events = [SERIALIZER.decode(record.manifest, record.version, record.payload) for record in records]
        return tuple(event.number for event in events if isinstance(event, Deposited))


async def crashes(sim: Simulation) -> int:
    """A bank that crashes again and again, in the middle of whatever it is doing. Answers how much it acknowledged."""
    bank = Bank(sim)
    bank.start()
    for _ in range(3):
        await asyncio.sleep(sim.random.uniform(0.0, 0.3))
        bank.host.crash()
        bank.host.restart()
    await asyncio.sleep(0.1)
    await bank.check()
    return len(bank.acknowledged)
