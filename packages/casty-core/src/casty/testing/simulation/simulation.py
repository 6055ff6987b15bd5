"""The argument of a scenario: hosts, their network, random numbers, and a view of the whole system."""

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
"""Seconds between two checks of a condition."""


@final
class Simulation:
    """One run. The scenario itself runs on no host, is never paused and may access everything."""

    def __init__(self, seed: int, settings: Settings, trace: Trace) -> None:
        self.seed = seed
        self.random: Random = stream(seed, "scenario")
        """Random numbers for the scenario."""
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
        """All hosts, in the order of their creation."""
        return tuple(self._hosts.values())

    def host(self, name: str, *, clock_rate: float = 1.0) -> Host:
        """The host with that name, created on first use. Its clock may run faster or slower than time."""
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
        """Check it after every delivered frame, every write of a journal and every fault. It raises
        AssertionError, or returns False, if it does not hold, and must change nothing.
        """
        self.invariants.add(invariant, name)

    def time(self) -> float:
        """Virtual seconds since the start of the run."""
        return self.loop.seconds()

    def note(self, text: str) -> None:
        """Add a line to the trace. It must be the same in each run of a seed: no addresses of objects."""
        self.loop.record(text)

    def remark(self, text: str) -> None:
        """Like `note`, but not part of the trace's hash: it may be any text."""
        process = PROCESS.get()
        self.trace.remark(self.loop.now, "" if process is None else process.host, text)

    def fault(self, text: str) -> None:
        """Record a fault, so that a failure shows it."""
        self.trace.fault(self.loop.now, text)

    def heal(self) -> None:
        """End all cuts of the network, pauses, crashes and disk faults. Links stay as they are."""
        self.network.heal()
        for disk in (self.database, *(host.disk for host in self.hosts)):
            disk.mend()
        for host in self.hosts:
            host.resume()
            if not host.is_up and host.was_started:
                host.restart()

    async def eventually(self, condition: Callable[[], object], within: float = 30.0) -> None:
        """Wait until the condition holds: it returns True, or returns None without an AssertionError.

        Raises AssertionError after `within` virtual seconds. Use it to test liveness, once all faults are over.
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
                raise AssertionError(f"the condition did not hold within {within:g} virtual seconds") from missing
            await asyncio.sleep(LOOK)
