"""What a scenario is given: hosts, their network, chance, and a view of everything that no real system offers."""

import asyncio
from collections.abc import Callable, Sequence
from random import Random
from typing import Final, final

from casty.testing.simulation.disk import Disk
from casty.testing.simulation.hosts import Host
from casty.testing.simulation.invariants import Invariant, Invariants
from casty.testing.simulation.loop import SimulatedLoop
from casty.testing.simulation.network import Network
from casty.testing.simulation.process import PROCESS
from casty.testing.simulation.seeded import stream
from casty.testing.simulation.settings import Settings
from casty.testing.simulation.store import SERVER
from casty.testing.simulation.trace import Trace

LOOK: Final = 0.05
"""Seconds between two looks whether something has come true."""


@final
class Simulation:
    """One run. The scenario itself runs on no host, is never paused and sees everything."""

    def __init__(self, seed: int, settings: Settings, trace: Trace) -> None:
        self.seed = seed
        self.random: Random = stream(seed, "scenario")
        """For the scenario's own choices."""
        self.trace = trace
        self.invariants = Invariants()
        self.loop = SimulatedLoop(stream(seed, "schedule"), trace, self.invariants, settings)
        self.network = Network(stream(seed, "network"), settings.link, self.invariants.changed)
        self.network.changed.append(self.invariants.changed)
        self.database = Disk(SERVER, stream(seed, SERVER), self.loop)
        """The server of `sim-database://`."""
        self._hosts: dict[str, Host] = {}

    @property
    def hosts(self) -> Sequence[Host]:
        """In the order in which they were made."""
        return tuple(self._hosts.values())

    def host(self, name: str, *, clock_rate: float = 1.0) -> Host:
        """The host of that name, made when it is asked for first. Its clock may run faster or slower than time does."""
        if name not in self._hosts:
            self._hosts[name] = Host(
                name,
                len(self._hosts) + 1,
                seed=self.seed,
                loop=self.loop,
                network=self.network,
                server=self.database,
                clock_rate=clock_rate,
            )
        return self._hosts[name]

    def invariant(self, invariant: Invariant, name: str | None = None) -> None:
        """Have it looked at after every frame that arrives, every write of a journal and every fault. It raises
        AssertionError, or answers False, where something is wrong, and must change nothing.
        """
        self.invariants.add(invariant, name)

    def time(self) -> float:
        """Virtual seconds since the run began."""
        return self.loop.seconds()

    def note(self, text: str) -> None:
        """Put a line into the trace. It has to be the same in each run of a seed: no addresses of objects."""
        self.loop.record(text)

    def remark(self, text: str) -> None:
        """Like `note`, but no part of the trace's hash: it may be any text."""
        process = PROCESS.get()
        self.trace.remark(self.loop.now, "" if process is None else process.host, text)

    def fault(self, text: str) -> None:
        """Note a fault, so that a failure shows it with all the others."""
        self.trace.fault(self.loop.now, text)

    def heal(self) -> None:
        """End what can be ended: cuts of the network, pauses, crashes, faults of disks. Links stay as they are."""
        self.network.heal()
        for disk in (self.database, *(host.disk for host in self.hosts)):
            disk.mend()
        for host in self.hosts:
            host.resume()
            if not host.is_up and host.was_started:
                host.restart()

    async def eventually(self, condition: Callable[[], object], within: float = 30.0) -> None:
        """Wait until the condition holds: it answers True, or raises no AssertionError and answers None.

        Raises AssertionError after `within` virtual seconds. This is how liveness is tested, once all faults are over.
        """
        latest = self.time() + within
        while True:
            try:
                holds = condition()
                if holds or holds is None:
                    return
                missing = None
            except AssertionError as error:
                holds, missing = False, error
            if self.time() >= latest:
                raise AssertionError(f"it has not come true within {within:g} virtual seconds") from missing
            await asyncio.sleep(LOOK)
