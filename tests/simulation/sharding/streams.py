"""Entities in memory, and senders that number their messages to each of them."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, override

from casty import ActorContext, ActorRef, Behavior, Behaviors, CastyError, RegionRef, ShardEnvelope
from casty.member import MemberStatus
from casty.testing.simulation import Simulation
from casty_cluster import ClusteredActorSystem

from tests.simulation.sharding.regions import ENTITIES, EntityCluster

SENDERS: Final = 2
"""On each node."""
PACE: Final = 0.1
"""Virtual seconds, on average, between two bursts of a sender."""
BURST: Final = 4
"""Messages of a burst, at most."""
SLOW: Final = 0.005
"""Virtual seconds that some messages take, so that others wait in the mailbox meanwhile."""
PATIENCE: Final = 30.0
"""Virtual seconds that an ask waits: longer than any planned move takes."""
MOST_TURNS: Final = 80


@dataclass(frozen=True)
class Line:
    """The `number`th message of a sender to one entity."""

    sender: int
    number: int
    slow: bool


@dataclass(frozen=True)
class Heard:
    """Answered with the number of lines that the entity has heard of the sender."""

    sender: int
    reply_to: ActorRef[int]


@dataclass(frozen=True)
class Hang:
    """Never answered."""

    reply_to: ActorRef[int]


type Message = Line | Heard | Hang
type Stream = tuple[str, int]
"""An entity and a sender."""


async def ask_heard(entity: ActorRef[Message], sender: int, timeout: float) -> int:
    """The number of lines that the entity has heard of the sender."""
    return await entity.ask(lambda reply_to: Heard(sender, reply_to), timeout=timeout)


class Streams(EntityCluster):
    """Each sender numbers its messages to each entity. Entities start with nothing where they move to, so this cluster
    remembers what they have heard: all of it in order where all moves are `planned`, and else whatever has not been
    lost, in order.
    """

    def __init__(self, sim: Simulation, size: int, *, planned: bool = True, **arguments: Any) -> None:
        super().__init__(sim, size, **arguments)
        self.told: Counter[Stream] = Counter()
        self.heard: defaultdict[Stream, int] = defaultdict(int)
        self._planned = planned
        self._senders = count()

    @override
    def entity(self, name: str, entity_id: str) -> Behavior[Message]:
        local, earlier = self.systems[name].self_node.node, defaultdict[int, int](int)

        async def receive(_: ActorContext[Message], message: Message) -> Behavior[Message]:
            match message:
                case Line(sender, number, slow):
                    if slow:
                        await asyncio.sleep(SLOW)
                    last = earlier[sender]
                    # A removed node may run an entity for a while that runs elsewhere, too.
                    if self._planned or self.is_member_for_all(local):
                        last = max(last, self.heard[entity_id, sender])
                    self._hear((entity_id, sender), number, last)
                    earlier[sender] = number
                case Heard(sender, reply_to):
                    reply_to.tell(self.heard[entity_id, sender])
                case Hang():
                    pass
            return Behaviors.same()

        return Behaviors.receive(receive)

    def _hear(self, stream: Stream, number: int, last: int) -> None:
        if number <= last or (self._planned and number != last + 1):
            self.wrong.append(f"{stream[0]} heard {number} of sender {stream[1]} after {last}")
        self.heard[stream] = max(number, self.heard[stream])

    @override
    def clients(
        self, name: str, system: ClusteredActorSystem, region: RegionRef[Message]
    ) -> list[Coroutine[Any, Any, None]]:
        tells = [self._tell(system, region, next(self._senders)) for _ in range(SENDERS)]
        return [*tells, self._ask(system, region, next(self._senders))]

    def may_send(self, system: ClusteredActorSystem) -> bool:
        """A node that leaves sends no more; what it has sent before it was up may never have had a home."""
        return system not in self.left_at and system.self_node.status is MemberStatus.up

    async def _tell(self, system: ClusteredActorSystem, region: RegionRef[Message], sender: int) -> None:
        random = self.sim.random
        while await self.goes_on(system, PACE) and system not in self.left_at:
            for _ in range(random.randint(1, BURST) if self.may_send(system) else 0):
                entity_id = random.choice(ENTITIES)
                line = self._next_line(entity_id, sender)
                if random.random() < 0.5:
                    region.tell(ShardEnvelope(entity_id, line))
                else:
                    region.entity(entity_id).tell(line)

    def _next_line(self, entity_id: str, sender: int) -> Line:
        self.told[entity_id, sender] += 1
        return Line(sender, self.told[entity_id, sender], slow=self.sim.random.random() < 0.3)

    async def _ask(self, system: ClusteredActorSystem, region: RegionRef[Message], sender: int) -> None:
        while await self.goes_on(system, PACE) and system not in self.left_at:
            if self.may_send(system):
                await self._ask_once(system, region, self.sim.random.choice(ENTITIES), sender)

    async def _ask_once(
        self, system: ClusteredActorSystem, region: RegionRef[Message], entity_id: str, sender: int
    ) -> None:
        """The reply counts what the sender told before: an ask takes the way of a tell."""
        entity, line = region.entity(entity_id), self._next_line(entity_id, sender)
        entity.tell(line)
        try:
            heard = await ask_heard(entity, sender, PATIENCE)
        except (CastyError, TimeoutError) as error:
            if self._planned and system not in self.left_at:
                self.wrong.append(f"an ask of {entity_id} failed: {type(error).__name__}: {error}")
        else:
            if heard != line.number and self._planned:
                self.wrong.append(f"{entity_id} has heard {heard} lines of sender {sender}, not {line.number}")

    def all_was_heard(self) -> None:
        missing = {stream: told for stream, told in self.told.items() if self.heard[stream] != told}
        assert not missing, f"of these streams not all was heard: {missing}"

    async def until_moved(self, times: int, turn: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Repeat the turn until shards have moved more often than that: some seeds need more turns than others, as a
        node that has just joined runs no shards, and moves none when it leaves.
        """
        for _ in range(MOST_TURNS):
            if self.moves > times:
                return
            await turn()
