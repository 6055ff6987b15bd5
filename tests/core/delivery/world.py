"""A model of reliable delivery: both machines, a network that loses, doubles and reorders, and crashes of either side.

A step is one of: a message is produced, something in the network arrives or is lost, a deadline comes, a handler ends,
a machine is replaced by a new incarnation. The seed decides; what must never happen is checked after each step.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from casty.delivery import inbound, outbound
from casty.delivery.inbound import Inbound
from casty.delivery.outbound import Outbound

WINDOW = 4
MESSAGES = 30
PRODUCER = "producer"
STEPS = 300
"""With faults."""
PATIENCE = 5_000
"""Steps of a network without faults, after which everything must have been confirmed."""

type ToConsumer = outbound.OpenChannel[str] | outbound.Transmit[str] | outbound.ProbeChannel[str]
type ToProducer = inbound.Offer[str] | inbound.Acknowledge[str] | inbound.Refuse[str]


@dataclass(frozen=True, slots=True)
class Machines:
    """What is explored; an ablation replaces one of the two."""

    outbound: type[Outbound[str]] = Outbound
    inbound: type[Inbound[str]] = Inbound


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How often the network and the processes fail, in steps of a thousand."""

    lose: int = 0
    double: int = 0
    reorder: bool = False
    fail: int = 0
    """Of handlers."""
    restart_consumer: int = 0
    restart_producer: int = 0
    change_consumers: int = 0


@dataclass(slots=True, eq=False)
class Consumer:
    """One consumer: an incarnation of its machine, and what it is handling."""

    name: str
    machine: Inbound[str]
    handling: list[inbound.Handle] = field(default_factory=list[inbound.Handle])


class World:
    """One run."""

    def __init__(self, seed: int, faults: Faults, machines: Machines, *, consumers: int, shares: bool) -> None:
        self.random = Random(seed)
        self.faults = faults
        self._machines = machines
        self._shares = shares
        self._incarnations = 0
        self.now = 0.0
        self.log: list[str] = []
        self.produced = 0
        self.done: list[int] = []
        self.handled: list[int] = []
        """Positions, in the order in which their handlers succeeded."""
        self._handled: set[tuple[str, int]] = set()
        """By channel and number."""
        self._crashes_so_far = 0
        self._to_consumers: list[tuple[str, ToConsumer]] = []
        self._to_producer: list[ToProducer] = []
        names = [f"consumer {number}" for number in range(consumers)]
        self._consumers = {name: self._make_consumer(name) for name in names}
        self._present = list(self._consumers)
        self._producer = self._make_producer()
        self._drive(outbound.Present(tuple(self._present)))

    # The run.

    def run(self, steps: int) -> None:
        """Take `steps` with faults, and then others without, until everything is confirmed."""
        for _ in range(steps):
            self.step()
        self.faults = Faults(reorder=self.faults.reorder)
        self._present = list(self._consumers)
        self._drive(outbound.Present(tuple(self._present)))
        for _ in range(PATIENCE):
            if self.produced == MESSAGES == len(self.done):
                return
            self.step()
        raise AssertionError(f"stuck: {len(self.done)} of {MESSAGES} are confirmed")

    def step(self) -> None:
        choices = [*self._crashes(), *self._moves()]
        self.random.choice(choices)()
        self._producer.validate()
        for consumer in self._consumers.values():
            consumer.machine.validate()

    def _moves(self) -> list[Callable[[], None]]:
        moves: list[Callable[[], None]] = []
        if self.produced < MESSAGES:
            moves.append(self._produce)
        moves += [self._arrive_at_consumer] * min(3, len(self._to_consumers))
        moves += [self._arrive_at_producer] * min(3, len(self._to_producer))
        moves += [self._end_handler for consumer in self._consumers.values() if consumer.handling]
        if not moves or self.random.random() < 0.05:
            moves = [self._wait]
        return moves

    def _crashes(self) -> list[Callable[[], None]]:
        faults = self.faults
        kinds = (
            (faults.restart_consumer, self._restart_consumer),
            (faults.restart_producer, self._restart_producer),
            (faults.change_consumers, self._change_consumers),
        )
        return [crash for rate, crash in kinds if self.random.randrange(1_000) < rate for _ in range(20)]

    def _produce(self) -> None:
        self.produced += 1
        self._drive(outbound.Add(self.produced))

    def _wait(self) -> None:
        deadlines = [self._producer.next_deadline(), *(c.machine.next_deadline() for c in self._consumers.values())]
        due = [deadline for deadline in deadlines if deadline is not None]
        self.now = max(self.now, min(due, default=self.now + 1.0))
        self._drive(outbound.Tick())
        for consumer in self._consumers.values():
            self._drive_consumer(consumer, inbound.Tick())

    def _take[T](self, network: list[T]) -> T | None:
        """The next of the network, or any; None if it is lost."""
        index = self.random.randrange(len(network)) if self.faults.reorder else 0
        taken = network[index]
        if self.random.randrange(1_000) >= self.faults.double:
            del network[index]
        return None if self.random.randrange(1_000) < self.faults.lose else taken

    def _arrive_at_consumer(self) -> None:
        taken = self._take(self._to_consumers)
        if taken is None:
            return
        name, sent = taken
        consumer = self._consumers[name]
        match sent:
            case outbound.OpenChannel(_, attempt):
                self._drive_consumer(consumer, inbound.Opening(PRODUCER, attempt, PRODUCER))
            case outbound.ProbeChannel(_, channel):
                self._drive_consumer(consumer, inbound.Probed(PRODUCER, channel, PRODUCER))
            case outbound.Transmit(_, channel, number, position):
                self._drive_consumer(consumer, inbound.Arrived(PRODUCER, channel, number, position, None))

    def _arrive_at_producer(self) -> None:
        taken = self._take(self._to_producer)
        if taken is None:
            return
        match taken:
            case inbound.Offer(_, attempt, channel, granted):
                self._drive(outbound.ChannelOpened(attempt, channel, granted))
            case inbound.Refuse(_, channel):
                self._drive(outbound.ChannelClosed(channel))
            case inbound.Acknowledge():
                numbers = taken.received, taken.confirmed, taken.granted
                self._drive(outbound.Progress(taken.channel, *numbers, taken.behind))

    def _end_handler(self) -> None:
        consumer = self.random.choice([consumer for consumer in self._consumers.values() if consumer.handling])
        handled = consumer.handling.pop(0)
        succeeded = self.random.randrange(1_000) >= self.faults.fail
        if succeeded:
            self._succeeded(handled)
        ended = inbound.Handled(handled.producer, handled.channel, handled.number, succeeded)
        self._drive_consumer(consumer, ended)

    def _restart_consumer(self) -> None:
        name = self.random.choice(list(self._consumers))
        self._consumers[name] = self._make_consumer(name)
        self._crashed()

    def _restart_producer(self) -> None:
        """Its journal keeps what is unconfirmed; what was on its way to it is not for the new incarnation."""
        self._producer = self._make_producer()
        for position in range(1, self.produced + 1):
            if position not in self.done:
                self._drive(outbound.Add(position))
        self._drive(outbound.Present(tuple(self._present)))
        self._crashed()

    def _change_consumers(self) -> None:
        names = list(self._consumers)
        self.random.shuffle(names)
        self._present = names[: self.random.randrange(len(names) + 1)]
        self._drive(outbound.Present(tuple(self._present)))
        self._crashed()

    # What must hold.

    def _succeeded(self, handled: inbound.Handle) -> None:
        """A message may be handled twice only on two channels, and there are as many channels as crashes need."""
        position = handled.position
        assert (handled.channel, handled.number) not in self._handled, f"{position} was handled twice"
        self._handled.add((handled.channel, handled.number))
        used = {channel for channel, _ in self._handled}
        wanted = (1 + self._crashes_so_far) * (len(self._consumers) if self._shares else 1)
        assert len(used) <= wanted, f"{len(used)} channels were used, and {self._crashes_so_far} crashes happened"
        if not self._shares and position not in self.handled:
            first = len(set(self.handled)) + 1
            assert position == first, f"{position} was handled where {first} was due"
        self.handled.append(position)

    def _crashed(self) -> None:
        self._crashes_so_far += 1

    def _drive(self, given: outbound.Input[str]) -> None:
        for effect in self._producer.handle(given, self.now):
            match effect:
                case outbound.Done(positions):
                    for position in positions:
                        assert position in self.handled, f"{position} is done and was not handled"
                        assert position not in self.done, f"{position} is done twice"
                        self.done.append(position)
                case _:
                    self._to_consumers.append((effect.consumer, effect))

    def _drive_consumer(self, consumer: Consumer, given: inbound.Input[str]) -> None:
        for effect in consumer.machine.handle(given, self.now):
            match effect:
                case inbound.Handle():
                    consumer.handling.append(effect)
                    assert len(consumer.handling) == 1, "two messages of a producer are handled at a time"
                case _:
                    self._to_producer.append(effect)

    def _make_consumer(self, name: str) -> Consumer:
        self._incarnations += 1
        return Consumer(name, self._machines.inbound(str(self._incarnations), window=WINDOW))

    def _make_producer(self) -> Outbound[str]:
        self._incarnations += 1
        return self._machines.outbound(str(self._incarnations), shares=self._shares)


def explore(
    seeds: Sequence[int], faults: Faults, machines: Machines, *, consumers: int = 1, shares: bool = False
) -> None:
    """Run a world for each seed. Raises AssertionError that names the seed."""
    for seed in seeds:
        try:
            World(seed, faults, machines, consumers=consumers, shares=shares).run(STEPS)
        except AssertionError as error:
            error.add_note(f"seed {seed}, {faults}")
            raise
