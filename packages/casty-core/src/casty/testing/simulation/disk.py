"""What a host has on its disk: journals, which outlive its processes, and the faults of the disk itself."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from random import Random
from typing import Final

from casty.journals.memory import MemoryStore
from casty.spi.journal import AppendGroup, AppendOutcome
from casty.testing.simulation.loop import SimulatedLoop
from casty.testing.stepping import step_through

SYNC: Final = 1.0
"""Seconds after which a disk that lies has really written what it has acknowledged, at the latest."""
ARRIVES: Final = 0.5
"""The chance of a request to reach a server although its sender is gone."""
LATE: Final = 10.0
"""Seconds that it may take to do so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskFaults:
    """How a disk is; by default a good one, whose only faults are those of a crash."""

    delay: float = 0.000_5
    """Seconds that each access takes."""
    jitter: float = 0.001
    """Seconds on top, on average."""
    refused: float = 0.0
    """The chance of a write to fail before anything is stored."""
    doubtful: float = 0.0
    """The chance of a write to be stored, or to be stored in part, and to fail all the same."""
    broken: bool = False
    """Whether every access fails."""
    lying: bool = False
    """Whether it acknowledges what it has not written yet: a crash then loses what nobody may lose."""


class Platter:
    """One journal on a disk: what is stored, and what only seems to be."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.store = MemoryStore()
        self._unsynced: list[Sequence[AppendGroup]] = []
        """What a lying disk has yet to write, in order."""
        self._synced: MemoryStore | None = None
        """What it has really written, where that is less than `store`."""

    def write(self, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
        return _append(self.store, groups)

    def pretend(self, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
        """Write it later, as a disk does that lies."""
        if self._synced is None:
            self._synced = deepcopy(self.store)
        self._unsynced.append(groups)
        return _append(self.store, groups)

    def sync(self) -> None:
        """Write the oldest of what only seems to be stored."""
        if self._synced is not None:
            _append(self._synced, self._unsynced.pop(0))
            if not self._unsynced:
                self._synced = None

    def lose_unsynced(self, random: Random) -> None:
        """As a loss of power does: of what only seems to be stored, all is gone from some point on."""
        for _ in range(random.randint(0, len(self._unsynced))):
            self.sync()
        self.store, self._synced = self._synced or self.store, None
        self._unsynced.clear()


@dataclass(frozen=True, slots=True, eq=False)
class Write:
    """An append between its begin and its end."""

    platter: Platter
    groups: Sequence[AppendGroup]


class Disk:
    """Journals by their names, and how well they work: of one host, or of a server that many hosts use."""

    def __init__(self, owner: str, random: Random, loop: SimulatedLoop) -> None:
        self.owner = owner
        self.usual = DiskFaults()
        """How it is when nothing is wrong with it in particular."""
        self.faults = self.usual
        """How it is now; may be replaced at any time."""
        self.random = random
        self._loop = loop
        self._platters: dict[str, Platter] = {}
        self._writing: dict[Write, str] = {}
        """What is being written, and by which host."""

    def platter(self, name: str) -> Platter:
        if name not in self._platters:
            self._platters[name] = Platter(name)
        return self._platters[name]

    def store(self, name: str) -> MemoryStore:
        """What a journal holds now, for a test to look at."""
        return self.platter(name).store

    def wipe(self) -> None:
        """Lose everything."""
        self._platters.clear()
        self._loop.record("has an empty disk", self.owner)

    def mend(self) -> None:
        """Be as usual."""
        self.faults = self.usual

    def begin(self, host: str, write: Write) -> None:
        self._writing[write] = host

    def end(self, write: Write) -> None:
        del self._writing[write]

    def crash(self) -> None:
        """Its host is gone: of what is being written some groups are stored, from the first on, or none, or all."""
        for write in self._writing:
            stored = write.groups[: self.random.randint(0, len(write.groups))]
            write.platter.write(stored)
            self._loop.record(f"{len(stored)} of {len(write.groups)} groups that were being written are", self.owner)
        self._writing.clear()
        for platter in self._platters.values():
            platter.lose_unsynced(self.random)

    def client_crashed(self, host: str) -> None:
        """One of many users is gone. What it has asked for is done nevertheless, and perhaps late, or it never is."""
        for write in [write for write, writer in self._writing.items() if writer == host]:
            del self._writing[write]
            if self.random.random() < ARRIVES:
                self._loop.carry(self.random.uniform(0.0, LATE), write.platter.write, write.groups)

    def latency(self) -> float:
        faults = self.faults
        return faults.delay + (self.random.expovariate(1 / faults.jitter) if faults.jitter else 0.0)


def _append(store: MemoryStore, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
    return step_through(store.append(groups), "a store in memory")
