"""A host's disk: its journals, which outlive processes, and its faults."""

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
"""Seconds after which a lying disk has actually written what it has acknowledged, at the latest."""
ARRIVES: Final = 0.5
"""Probability that a request reaches a server after its sender has crashed."""
LATE: Final = 10.0
"""Seconds that such a request may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskFaults:
    """The faults of a disk; by default none except those of a crash."""

    delay: float = 0.000_5
    """Least duration of each access, in seconds."""
    jitter: float = 0.001
    """Average additional duration, in seconds."""
    refused: float = 0.0
    """Probability that a write fails before anything is stored."""
    doubtful: float = 0.0
    """Probability that a write is stored, wholly or in part, and fails nevertheless."""
    broken: bool = False
    """Whether every access fails."""
    lying: bool = False
    """Whether it acknowledges writes before they are stored: a crash then loses acknowledged data."""


class Platter:
    """One journal on a disk: its stored events, and acknowledged ones that are not stored yet."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.store = MemoryStore()
        self._unsynced: list[Sequence[AppendGroup]] = []
        """Writes that a lying disk has acknowledged but not stored, in order."""
        self._synced: MemoryStore | None = None
        """The contents that are really stored, if less than `store`."""

    def write(self, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
        return _append(self.store, groups)

    def pretend(self, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
        """Acknowledge now and write later, as a lying disk does."""
        if self._synced is None:
            self._synced = deepcopy(self.store)
        self._unsynced.append(groups)
        return _append(self.store, groups)

    def sync(self) -> None:
        """Store the oldest write that was only acknowledged."""
        if self._synced is not None:
            _append(self._synced, self._unsynced.pop(0))
            if not self._unsynced:
                self._synced = None

    def lose_unsynced(self, random: Random) -> None:
        """Lose power: from some point on, all acknowledged but unstored writes are gone."""
        for _ in range(random.randint(0, len(self._unsynced))):
            self.sync()
        self.store, self._synced = self._synced or self.store, None
        self._unsynced.clear()


@dataclass(frozen=True, slots=True, eq=False)
class Write:
    """An append in progress."""

    platter: Platter
    groups: Sequence[AppendGroup]


class Disk:
    """Journals by name, and their faults: of one host, or of a server that many hosts use."""

    def __init__(self, owner: str, random: Random, loop: SimulatedLoop) -> None:
        self.owner = owner
        self.usual = DiskFaults()
        """The faults outside of injected ones."""
        self.faults = self.usual
        """The current faults; may be replaced at any time."""
        self.random = random
        self._loop = loop
        self._platters: dict[str, Platter] = {}
        self._writing: dict[Write, str] = {}
        """Writes in progress, and their hosts."""

    def platter(self, name: str) -> Platter:
        if name not in self._platters:
            self._platters[name] = Platter(name)
        return self._platters[name]

    def store(self, name: str) -> MemoryStore:
        """The contents of a journal, for a test to inspect."""
        return self.platter(name).store

    def wipe(self) -> None:
        """Lose everything."""
        self._platters.clear()
        self._loop.record("has an empty disk", self.owner)

    def mend(self) -> None:
        """End injected faults."""
        self.faults = self.usual

    def begin(self, host: str, write: Write) -> None:
        self._writing[write] = host

    def end(self, write: Write) -> None:
        del self._writing[write]

    def crash(self) -> None:
        """Crash of its host: of each write in progress, a prefix of the groups is stored, possibly none or all."""
        for write in self._writing:
            stored = write.groups[: self.random.randint(0, len(write.groups))]
            write.platter.write(stored)
            self._loop.record(f"{len(stored)} of {len(write.groups)} groups that were being written are", self.owner)
        self._writing.clear()
        for platter in self._platters.values():
            platter.lose_unsynced(self.random)

    def client_crashed(self, host: str) -> None:
        """Crash of one of many users: its requests are executed nevertheless, perhaps late, or never."""
        for write in [write for write, writer in self._writing.items() if writer == host]:
            del self._writing[write]
            if self.random.random() < ARRIVES:
                self._loop.carry(self.random.uniform(0.0, LATE), write.platter.write, write.groups)

    def latency(self) -> float:
        faults = self.faults
        return faults.delay + (self.random.expovariate(1 / faults.jitter) if faults.jitter else 0.0)


def _append(store: MemoryStore, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
    return step_through(store.append(groups), "a store in memory")
