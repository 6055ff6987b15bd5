"""A simulated cluster, and a host with a client that uses it without a pause."""

import asyncio
from dataclasses import dataclass
from typing import Final, override

from casty import ActorContext, ActorRef, Behavior, Behaviors, Request
from casty.cluster import ClusterClient
from casty.errors import ActorStoppedError, MailboxFullError, NoContactError, NodeLostError
from casty.testing import simulation
from casty.testing.simulation import Simulation
from casty_cluster import ClusteredActorSystem

from tests.simulation.clusters import PORT, RECOVERY, SimulatedCluster, Where

HOST: Final = "client"
TIMEOUT: Final = 5.0
"""Of an ask, in virtual seconds."""
PLANNED: Final = 30.0
"""The same where nothing may fail: a node that leaves may take a while."""
PACE: Final = 0.05
LATE: Final = 1.0
"""Virtual seconds by which an ask may end later than its timeout, besides pauses of the client's host."""


ENTITIES: Final = tuple(f"account-{number}" for number in range(4))


@dataclass(frozen=True)
class Add:
    """The next number for an entity."""

    number: int


@dataclass(frozen=True)
class Count(Request[int]):
    """Reply with the number."""

    number: int


class ServedCluster(SimulatedCluster):
    """A cluster, and a host with a client of it that asks without a pause."""

    def __init__(self, sim: Simulation, size: int) -> None:
        super().__init__(sim, size)
        self.received: set[tuple[str, int]] = set()
        """Each message that an actor has been given, by the actor's name and the message's number."""
        self.doubled: list[tuple[str, int]] = []
        self.numbers = 0
        self.told = 0
        """The last number that the client has sent to each entity."""
        self.added: dict[str, list[int]] = {name: [] for name in ENTITIES}
        """What the entities have been given, all incarnations together."""
        self.replies = 0
        self.failures: list[Exception] = []
        self.client: ClusterClient | None = None
        self.is_busy = True
        self.slowest = 0.0
        """Virtual seconds that an ask has taken."""
        self.timeout = TIMEOUT
        self.may_pause = False
        """Whether the client's host may be paused."""
        sim.invariant(self.no_message_is_doubled)

    @override
    def populate(self, name: str, system: ClusteredActorSystem) -> None:
        super().populate(name, system)
        system.spawn(self._counting(), "counter")
        system.spawn(Behaviors.sharded(self._entity, num_shards=10), "accounts")

    def _counting(self) -> Behavior[Count]:
        async def receive(_: ActorContext[Count], message: Count) -> Behavior[Count]:
            self._note("", message.number)
            message.reply_to.tell(message.number)
            return Behaviors.same()

        return Behaviors.receive(receive)

    def _entity(self, entity_id: str) -> Behavior[Add | Count]:
        async def receive(_: ActorContext[Add | Count], message: Add | Count) -> Behavior[Add | Count]:
            match message:
                case Add(number):
                    self._note(entity_id, number)
                    self.added[entity_id].append(number)
                case Count(number, reply_to=reply_to):
                    self._note("", number)
                    reply_to.tell(number)
            return Behaviors.same()

        return Behaviors.receive(receive)

    def _note(self, name: str, number: int) -> None:
        if (name, number) in self.received:
            self.doubled.append((name, number))
        self.received.add((name, number))

    def no_message_is_doubled(self) -> None:
        assert not self.doubled, f"received twice: {self.doubled[0]}"

    def start_client(self) -> None:
        self.sim.host(HOST).start(self._run_client)

    async def _run_client(self) -> None:
        points = [(name, PORT) for name in self.names]
        while True:
            client = ClusterClient(
                contact_points=points, system_name="sim", transport="sim", plugins=[simulation.plugin]
            )
            try:
                async with client:
                    self.client = client
                    await asyncio.gather(
                        self._tell(client),
                        *(self._use(client, client.actor(path)) for path in ("/counter", "/counter", "/singleton")),
                        *(self._use(client, client.entity_ref("accounts", name)) for name in ENTITIES[:2]),
                    )
                    return
            except NoContactError:
                continue
            finally:
                self.client = None

    async def _tell(self, client: ClusterClient) -> None:
        refs = [client.entity_ref("accounts", name) for name in ENTITIES]
        while self.is_busy:
            self.told += 1
            for ref in refs:
                ref.tell(Add(self.told))
            await asyncio.sleep(PACE)

    async def _use(self, client: ClusterClient, ref: ActorRef[Where | Count]) -> None:
        while self.is_busy:
            await asyncio.sleep(PACE)
            begun = asyncio.get_running_loop().time()
            try:
                await self._ask(client, ref)
            except (TimeoutError, NodeLostError, ActorStoppedError, MailboxFullError) as error:
                self.failures.append(error)
            else:
                self.replies += 1
            taken = asyncio.get_running_loop().time() - begun
            self.slowest = max(self.slowest, taken)
            assert taken < self.timeout + LATE or self.may_pause, f"an ask took {taken:.3f} s"

    async def _ask(self, client: ClusterClient, ref: ActorRef[Where | Count]) -> None:
        if ref.address.path == "/singleton":
            assert await client.ask(ref, Where, self.timeout) in self.names
            return
        number = self.numbers = self.numbers + 1
        assert await client.ask(ref, Count(number), self.timeout) == number

    async def leaves(self, name: str) -> None:
        """A node leaves, for good."""
        system = self.systems[name]
        self._leaving[name].set()
        await self.sim.eventually(lambda: not system.is_running)

    async def everything_arrives(self) -> None:
        """Each entity gets all that the client has told it, in order."""
        self.is_busy = False
        everything = list(range(1, self.told + 1))
        await self.sim.eventually(lambda: all(len(added) >= self.told for added in self.added.values()))
        assert all(added == everything for added in self.added.values())

    async def works_again(self) -> None:
        """After all faults: the client gets replies, one after the other."""
        before = self.replies
        await self.sim.eventually(lambda: self.replies > before + 20, within=RECOVERY)
