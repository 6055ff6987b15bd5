"""A client of a cluster through all faults, and through a rolling restart. `CASTY_SIM_SEEDS=1000` runs more."""

import asyncio
from dataclasses import dataclass
from typing import Final, override

from casty import ActorContext, ActorRef, Behavior, Behaviors, Request
from casty.cluster import ClusterClient
from casty.errors import ActorStoppedError, NoContactError, NodeLostError
from casty.testing import simulation
from casty.testing.simulation import Simulation, faults, nemesis, simulate_seeds
from casty_cluster import ClusteredActorSystem

from tests.simulation.clusters import PORT, RECOVERY, SimulatedCluster, Where

SEEDS = 4
HOST: Final = "client"
TIMEOUT: Final = 5.0
"""Of an ask, in virtual seconds."""
PLANNED: Final = 30.0
"""The same where nothing may fail: a node that leaves may take a while."""
PACE: Final = 0.05
LATE: Final = 1.0
"""Virtual seconds by which an ask may end later than its timeout, besides pauses of the client's host."""


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

    def _counting(self) -> Behavior[Count]:
        async def receive(_: ActorContext[Count], message: Count) -> Behavior[Count]:
            times = self.received[message.number] = self.received.get(message.number, 0) + 1
            message.reply_to.tell(times)
            return Behaviors.same()

        return Behaviors.receive(receive)

    def no_message_is_doubled(self) -> None:
        assert all(times == 1 for times in self.received.values())

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
                    await asyncio.gather(*(self._use(client, path) for path in ("/counter", "/counter", "/singleton")))
                    return
            except NoContactError:
                continue
            finally:
                self.client = None

    async def _use(self, client: ClusterClient, path: str) -> None:
        ref = client.actor(path)
        while self.is_busy:
            await asyncio.sleep(PACE)
            begun = asyncio.get_running_loop().time()
            try:
                await self._ask(client, ref)
            except (TimeoutError, NodeLostError, ActorStoppedError) as error:
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


def test_through_all_faults_every_ask_ends_in_time_and_the_client_works_again_after_them() -> None:
    async def scenario(sim: Simulation) -> tuple[int, int]:
        cluster = ServedCluster(sim, 3)
        cluster.may_pause = True
        await cluster.begin()
        cluster.start_client()
        await asyncio.gather(
            nemesis(sim, faults.NETWORK, seconds=40.0, lasting=(0.5, 15.0)),
            nemesis(sim, [faults.kill, faults.pause, cluster.departure], seconds=40.0, lasting=(0.1, 15.0)),
        )
        await sim.eventually(cluster.is_one, within=RECOVERY)
        await cluster.works_again()
        return cluster.replies, len(cluster.failures)

    runs = [run.result for run in simulate_seeds(scenario, SEEDS)]
    assert sum(replies for replies, _ in runs) > 100 * len(runs)


def test_in_a_rolling_restart_no_ask_of_a_client_fails() -> None:
    async def scenario(sim: Simulation) -> int:
        cluster = ServedCluster(sim, 3)
        cluster.timeout = PLANNED
        await cluster.begin()
        cluster.start_client()
        await sim.eventually(lambda: cluster.replies > 50)
        for _ in range(6):
            await cluster.departure(sim, sim.random, 0.5)
            await sim.eventually(cluster.is_one, within=RECOVERY)
        await cluster.works_again()
        assert cluster.failures == []
        return cluster.replies

    simulate_seeds(scenario, SEEDS)


def test_a_client_goes_on_within_seconds_when_its_contact_is_killed() -> None:
    async def scenario(sim: Simulation) -> None:
        cluster = ServedCluster(sim, 3)
        await cluster.begin()
        cluster.start_client()
        await sim.eventually(lambda: cluster.replies > 50)
        client = cluster.client
        assert client is not None
        contact = client.contact
        assert contact is not None
        sim.host(contact.host).crash()
        await sim.eventually(lambda: client.contact not in (None, contact), within=3.0)
        ref = client.actor("/counter")
        cluster.numbers += 1
        assert await sim.host(HOST).run(lambda: client.ask(ref, Count(cluster.numbers))) == 1

    simulate_seeds(scenario, SEEDS)


def test_a_client_leaves_a_contact_that_it_cannot_reach_any_more() -> None:
    """As if a cable had been pulled: neither side is notified."""

    async def scenario(sim: Simulation) -> None:
        cluster = ServedCluster(sim, 3)
        await cluster.begin()
        cluster.start_client()
        await sim.eventually(lambda: cluster.replies > 50)
        client = cluster.client
        assert client is not None
        contact = client.contact
        assert contact is not None
        with sim.network.partition([HOST], [contact.host]):
            await sim.eventually(lambda: client.contact not in (None, contact), within=12.0)
            await cluster.works_again()

    simulate_seeds(scenario, SEEDS)


def test_a_client_whose_process_was_paused_goes_on() -> None:
    async def scenario(sim: Simulation) -> None:
        cluster = ServedCluster(sim, 2)
        cluster.may_pause = True
        await cluster.begin()
        cluster.start_client()
        await sim.eventually(lambda: cluster.replies > 50)
        sim.host(HOST).pause()
        await asyncio.sleep(30.0)
        sim.host(HOST).resume()
        await cluster.works_again()

    simulate_seeds(scenario, SEEDS)
