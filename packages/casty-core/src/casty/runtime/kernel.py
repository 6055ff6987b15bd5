"""What all actors of one system share: its services, its settings and its root."""

import itertools
from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import TYPE_CHECKING

from casty import entropy
from casty.address import ActorAddress
from casty.behaviors.values import IGNORE
from casty.clock import Clock, SystemClock
from casty.config import ActorSettingsResolver, CastyConfig
from casty.event_stream import EventStream
from casty.runtime.adapters import ADAPTER, AdapterRef
from casty.runtime.ask import Asks
from casty.runtime.cell import Cell
from casty.runtime.dead_letters import DeadLetters
from casty.runtime.dispatcher import Dispatcher
from casty.runtime.high_water import HighWater
from casty.runtime.patience import Patience
from casty.runtime.threads import ThreadsafeCalls
from casty.runtime.timers import KeyedTimers

if TYPE_CHECKING:
    from casty.runtime.journals import Journals
    from casty.runtime.remote import Remote
    from casty.runtime.system import ActorSystem


class Kernel:
    """The inside of a running actor system; `ActorSystem` is its face."""

    def __init__(
        self,
        system: "ActorSystem",
        journals: "Journals",
        *,
        loop: AbstractEventLoop,
        clock: Clock | None,
        config: CastyConfig,
        event_stream: EventStream,
    ) -> None:
        self.system = system
        self.journals = journals
        self.clock = loop if clock is None else clock
        self.system_clock = SystemClock(self.clock)
        self.random = entropy.source().random()
        self.config = config
        self.settings = ActorSettingsResolver(config)
        self.high_water = config.system.high_water
        self.patience = Patience(loop, config.system.stop_timeout)
        self.event_stream = event_stream
        # Random where it begins, so that an address of an earlier process never names an actor of this one.
        self.uids = itertools.count(int.from_bytes(entropy.source().token(6)) << 14 | 1)
        self.dead_letters = DeadLetters(self)
        self.high_waters = HighWater(self)
        self.dispatcher = Dispatcher(self, loop)
        self.asks = Asks(self)
        self.dead_letters.fail_asks = self.asks.undeliverable
        self.timers = KeyedTimers(self.clock, self.dead_letters)
        self.threads = ThreadsafeCalls(self)
        self.root = Cell(self.dispatcher, None, "", next(self.uids), IGNORE)
        self.internal = Cell(self.dispatcher, None, "", next(self.uids), IGNORE)
        """The root of the actors whose names begin with `_`; they outlive the users' actors at shutdown."""
        self.threads_wait: Callable[[], bool] = journals.writing_in_threads
        self.remote: Remote | None = None
        """The other nodes, where there are any."""

    def find(self, path: str) -> Cell | None:
        """The living actor at an absolute path."""
        names = path.strip("/").split("/")
        cell = self.internal if names[0].startswith("_") else self.root
        for name in names:
            child = cell.life.children.get(name) if cell.life is not None else None
            if child is None:
                return None
            cell = child
        return cell

    def find_adapter(self, address: ActorAddress) -> AdapterRef | None:
        """The message adapter of that address, which has travelled."""
        path, _, name = address.path.rpartition("/")
        owner = self.find(path) if name == ADAPTER else None
        return None if owner is None or owner.life is None else owner.life.exported.get(address.uid)

    def address(self, path: str, uid: int) -> ActorAddress:
        remote = self.remote
        if remote is None:
            return ActorAddress(system=self.system.name, path=path, uid=uid)
        host, port = remote.home
        return ActorAddress(system=self.system.name, path=path, host=host, port=port, node_id=remote.node_id, uid=uid)

    def is_here(self, address: ActorAddress) -> bool:
        """Whether an address names an actor of this node, alive or not."""
        here = address.host is None or (self.remote is not None and self.remote.home == (address.host, address.port))
        return here and address.system == self.system.name

    def address_of(self, cell: Cell) -> ActorAddress:
        return self.address(cell.path, cell.uid)
