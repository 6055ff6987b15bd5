"""What an event-sourced actor needs of its journal, and how a feature changes it: the history of one entity.

A feature wraps the factory of logs (`Journals.wrap`), and returns a `WrappedLog` for the actors that are its own. With
`take_over` it decides under which fence they write, with `append` when their events count as durable.
"""

from asyncio import Task
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from casty.errors import ArgumentError
from casty.spi.event_journal import EventJournal, PersistedEvent, Snapshot

type Settle = Callable[[int, Exception | None], None]
"""Receives a number up to which every event is durable; or why they are not, from the last that is. After a
`ReplicationTimeoutError` the actor waits on: another call follows when they are durable, or have failed.
"""
type Save = Callable[[], Coroutine[Any, Any, None]]

HIGHEST_EPOCH: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Claim:
    """A fence that a coordinator has granted, for an entity or for a shard of them. Raises `ArgumentError`."""

    key: str
    """Name of the fence, such as `shard/accounts/7`."""
    owner: str
    """Name under which all events behind the fence are written, such as `uid/accounts/7`: unique for ever, and of this
    fence only, because a store finds the fence of an event by it.
    """
    epoch: int

    def __post_init__(self) -> None:
        for name in (self.key, self.owner):
            if not isinstance(name, str) or not name or "\0" in name:  # pyright: ignore[reportUnnecessaryIsInstance] - the values may come from another node
                raise ArgumentError(f"a claim's key and owner are texts that are not empty and hold no NUL: {self!r}")
        if type(self.epoch) is not int or not 0 < self.epoch <= HIGHEST_EPOCH:
            raise ArgumentError(f"a claim's epoch is a whole number from 1 to {HIGHEST_EPOCH}: {self!r}")


class EntityLog(Protocol):
    """Where an event-sourced actor reads and writes its history."""

    async def take_over(self, claim: Claim | None = None) -> None:
        """Shut out every earlier owner of this history. Called first, at each start of the actor.

        With a claim, the history is written under that fence, which many entities may share: the first of them claims
        it, for the others it is only looked at. Without one, the entity has a fence of its own where another process
        could write to it, and claims the next epoch. Raises `FencedError` with the epoch that is held if the claim's is
        too low. Where the store does not fence, nothing happens: a conflict of numbers is all that can be noticed.
        """
        ...

    async def load_snapshot(self) -> Snapshot[Any] | None: ...

    async def replay(self, from_sequence_nr: int) -> Iterable[PersistedEvent[Any]]:
        """The next events from that number on, ascending; none at the end. Each is decoded when its turn comes."""
        ...

    def append(self, first: int, events: Sequence[Any], tags: Sequence[Sequence[str]], settle: Settle) -> None:
        """Write events numbered from `first` on, behind what was appended before; `settle` is called later, once for
        all that was stored together. Until then the actor holds back what depends on them, and does not end.
        """
        ...

    @property
    def tasks(self) -> Collection[Task[None]]:
        """The entity's own writes that are under way."""
        ...

    @property
    def is_contested(self) -> bool:
        """Whether another process may take the history over, so that `confirm` has something to find out."""
        ...

    async def confirm(self) -> None:
        """Raises `FencedError` if another owner has followed, and what a journal raises where it cannot find out. After
        a `ReplicationTimeoutError`, which takes its time, the actor waits on and asks again.
        """
        ...

    def prepare_snapshot(self, sequence_nr: int, state: Any, keep: int) -> Save:
        """Encode the state now; the result saves it."""
        ...

    def prepare_forgetting(self, sequence_nr: int) -> Save:
        """The result deletes the events up to that number, which a snapshot has made needless, if the journal can."""
        ...

    async def newest(self, initial: Any) -> tuple[int, Any]:
        """The last number and its event, where each is the whole state; `initial` where there is no event, or none any
        more.
        """
        ...

    def prepare_deletion(self, sequence_nr: int, state: Any) -> Save:
        """The result sees to it that `newest` needs no event before that one, which is the state."""
        ...


class WrappedLog:
    """A log that passes everything on to another one; a feature overrides what it changes."""

    def __init__(self, log: EntityLog) -> None:
        self.log = log

    async def take_over(self, claim: Claim | None = None) -> None:
        await self.log.take_over(claim)

    async def load_snapshot(self) -> Snapshot[Any] | None:
        return await self.log.load_snapshot()

    async def replay(self, from_sequence_nr: int) -> Iterable[PersistedEvent[Any]]:
        return await self.log.replay(from_sequence_nr)

    def append(self, first: int, events: Sequence[Any], tags: Sequence[Sequence[str]], settle: Settle) -> None:
        self.log.append(first, events, tags, settle)

    @property
    def tasks(self) -> Collection[Task[None]]:
        return self.log.tasks

    @property
    def is_contested(self) -> bool:
        return self.log.is_contested

    async def confirm(self) -> None:
        await self.log.confirm()

    def prepare_snapshot(self, sequence_nr: int, state: Any, keep: int) -> Save:
        return self.log.prepare_snapshot(sequence_nr, state, keep)

    def prepare_forgetting(self, sequence_nr: int) -> Save:
        return self.log.prepare_forgetting(sequence_nr)

    async def newest(self, initial: Any) -> tuple[int, Any]:
        return await self.log.newest(initial)

    def prepare_deletion(self, sequence_nr: int, state: Any) -> Save:
        return self.log.prepare_deletion(sequence_nr, state)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRequest:
    """What an event-sourced actor asks for at each of its starts."""

    entity_id: str
    actor: str
    """Path of the actor."""
    journal: EventJournal | str | None
    """Journal of the behavior, or else the one configured for the actor; None for the default in memory."""
    wall_time: Callable[[], float]


type LogFactory = Callable[[LogRequest], Awaitable[EntityLog]]
"""Makes the log of one start. What it raises is a failed start, about which supervision decides."""
