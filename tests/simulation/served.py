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
    """How often have you been given this number?"""

    number: int


class ServedCluster(SimulatedCluster):
    """A cluster, and a host with a client of it that asks without a pause."""

    def __init__(self, sim: Simulation, size: int) -> None:
        super().__init__(sim, size)
        self.received: dict[int, int] = {}
        """How often each number has been received."""
        self.numbers = 0
        self.told = 0
        """The last number that the client has sent to each entity."""
        self.added: dict[str, list[int]] = {name: [] for name in ENTITIES}
        """What the entities have been given, all incarnations together."""
        self.replies = 0
        self.failures: list[Exception] = []
        self.client: ClusterClient | None = None
        self.is_busy = True
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
            times = self.received[message.number] = self.received.get(message.number, 0) + 1
            message.reply_to.tell(times)
            return Behaviors.same()

        return Behaviors.receive(receive)

    def _entity(self, entity_id: str) -> Behavior[Add | Count]:
        async def receive(_: ActorContext[Add | Count], message: Add | Count) -> Behavior[Add | Count]:
            match message:
                case Add(number):
                    self.added[entity_id].append(number)
                case Count(number, reply_to=reply_to):
                    times = self.received[number] = self.received.get(number, 0) + 1
                    reply_to.tell(times)
            return Behaviors.same()

        return Behaviors.receive(receive)

    def no_message_is_doubled(self) -> None:
        assert all(times == 1 for times in self.received.values())
        assert all(len(set(numbers)) == len(numbers) for numbers in self.added.values())

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
            assert taken < self.timeout + LATE or self.may_pause, f"an ask took {taken:.3f} s"

    async def _ask(self, client: ClusterClient, ref: ActorRef[Where | Count]) -> None:
        if ref.address.path == "/singleton":
            assert await client.ask(ref, Where, self.timeout) in self.names
            return
        self.numbers += 1
        assert await client.ask(ref, Count(self.numbers), self.timeout) == 1

    async def works_again(self) -> None:
        """After all faults: the client gets replies, one after the other."""
        before = self.replies
        await self.sim.eventually(lambda: self.replies > before + 20, within=RECOVERY)
