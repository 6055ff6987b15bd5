"""What the actors of one system share, as the code of each of them sees it.

Everything that acts on a cell reaches the rest of the system through this protocol. `Kernel` provides it and knows how
the system is put together; nothing below it does.
"""

from collections.abc import Iterator
from random import Random
from typing import Any, Protocol

from casty.address import ActorAddress
from casty.behaviors.clustered import ServiceKey
from casty.behaviors.discovery import ReceptionistMessage
from casty.behaviors.system import System
from casty.clock import Clock, SystemClock
from casty.config import ActorSettingsResolver
from casty.event_stream import EventStream
from casty.ref import ActorRef, Asking
from casty.runtime.dead_letters import DeadLetters
from casty.runtime.journals import Journals
from casty.runtime.patience import Patience
from casty.runtime.remote import Remote


class Services(Protocol):
    """The services of one actor system."""

    system: System
    clock: Clock
    """Monotonic seconds, by which timers, back-off and the timeouts of asks go."""
    system_clock: SystemClock
    """The same, and the time of day."""
    random: Random
    uids: Iterator[int]
    """Distinct numbers for actors and reply references; an earlier process of the same address had other ones."""
    settings: ActorSettingsResolver
    event_stream: EventStream
    dead_letters: DeadLetters
    patience: Patience
    journals: Journals
    remote: Remote | None
    """The other nodes, where there are any."""

    @property
    def asks(self) -> Asking: ...

    @property
    def receptionist(self) -> ActorRef[ReceptionistMessage]:
        """That of the cluster, or of this system where there is none."""
        ...

    def discovered(self, key: ServiceKey[Any], ref: ActorRef[Any]) -> None:
        """Let an actor be found under `key` as long as it lives. Raises `ScopeError` where it cannot be."""
        ...

    def address(self, path: str, uid: int) -> ActorAddress:
        """The address of an actor of this process."""
        ...

    def log_fields(self, path: str) -> dict[str, str | None]:
        """The `extra` of a log record about the actor at `path`."""
        ...
