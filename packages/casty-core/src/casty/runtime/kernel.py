"""What all actors of one system share: its services, its settings and its root."""

import itertools
from asyncio import AbstractEventLoop
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from casty import entropy
from casty.address import ActorAddress
from casty.behaviors.clustered import ServiceKey
from casty.behaviors.discovery import ReceptionistMessage, Register
from casty.behaviors.system import System
from casty.behaviors.values import IGNORE
from casty.clock import Clock, SystemClock
from casty.config import ActorSettingsResolver, CastyConfig
from casty.objects.regions import ClassRegions
from casty.plugins import PluginRegistry
from casty.ref import ActorRef
from casty.replication import ReplicationConfig
from casty.runtime.adapters import ADAPTER
from casty.runtime.ask import Asks
from casty.runtime.cell import STOPPED, Cell, LocalRef
from casty.runtime.children import spawn_cell
from casty.runtime.dead_letters import DeadLetters
from casty.runtime.dispatcher import Dispatcher
from casty.runtime.journals import Journals
from casty.runtime.patience import Patience
from casty.runtime.receptionist import RECEPTIONIST, receptionist
from casty.runtime.remote import Remote
from casty.runtime.revocable import Revocable
from casty.runtime.threads import ThreadsafeCalls, check_thread
from casty.runtime.timers import KeyedTimers
from casty.runtime.watch import watched_cell
from casty.spi.event_journal import EventJournal

if TYPE_CHECKING:
    from casty.coordination import Distributed, Regions


class Kernel:
    """The inside of a running actor system; `ActorSystem` is its face. Its actors see it as `Services`."""

    def __init__(
        self,
        system: System,
        journals: Journals,
        *,
        loop: AbstractEventLoop,
        clock: Clock | None,
        config: CastyConfig,
        plugins: PluginRegistry,
    ) -> None:
        self.system: System = system
        self.journals = journals
        self.clock: Clock = loop if clock is None else clock
        self.system_clock = SystemClock(self.clock)
        self.random = entropy.source().random()
        self.config = config
        self.plugins = plugins
        self.settings = ActorSettingsResolver(config)
        self.patience = Patience(loop, config.system.stop_timeout)
        self.event_stream = system.event_stream
        # Random where it begins, so that an address of an earlier process never names an actor of this one.
        self.uids: Iterator[int] = itertools.count(int.from_bytes(entropy.source().token(6)) << 14 | 1)
        self.remote: Remote | None = None
        self.dead_letters = DeadLetters(system.name, self.event_stream, self.clock, self.log_fields)
        self.dispatcher = Dispatcher(self, loop, config.system, journals.writing_in_threads)
        self.asks = Asks(self, self.dispatcher)
        self.dead_letters.fail_asks = self.asks.undeliverable
        self.timers = KeyedTimers(self.clock, self._tell_due)
        self.threads = ThreadsafeCalls(self, loop)
        self._structures: Regions | None = None
        """Those of `distributed`, once it has been called."""
        self.class_regions = ClassRegions(
            system,
            lambda name: self.settings.resolve(name).replication,
            lambda name: journals.check(self.settings.resolve(name).journal, self.system_clock.wall_time),
        )
        self.root = Cell(self.dispatcher, None, "", next(self.uids), IGNORE)
        self.internal = Cell(self.dispatcher, None, "", next(self.uids), IGNORE)
        """The root of the actors whose names begin with `_`; they outlive the users' actors at shutdown."""

    @property
    def receptionist(self) -> ActorRef[ReceptionistMessage]:
        """That of the cluster, or of this system where there is none, which starts at its first use."""
        if self.remote is not None:
            return self.remote.receptionist
        found = self.find(f"/{RECEPTIONIST}")
        return spawn_cell(self.internal, receptionist(), RECEPTIONIST, None).ref if found is None else found

    def discovered(self, key: ServiceKey[Any], ref: ActorRef[Any]) -> None:
        """Let an actor be found under `key` as long as it lives. Raises `ScopeError` where it cannot be."""
        if self.remote is not None:
            self.remote.discovered(key, ref)
        else:
            self.receptionist.tell(Register(key, ref))

    def find(self, path: str, uid: int = 0) -> LocalRef[Any] | None:
        """The living actor at an absolute path, with that uid unless it is 0."""
        cell = self._cell_at(path)
        return cell.ref if cell is not None and uid in (0, cell.uid) else None

    def _cell_at(self, path: str) -> Cell | None:
        names = path.strip("/").split("/")
        cell = self.internal if names[0].startswith("_") else self.root
        for name in names:
            child = cell.extras.children.get(name) if cell.extras is not None else None
            if child is None:
                return None
            cell = child
        return cell

    def top_level_actors(self) -> Iterator[LocalRef[Any]]:
        """The living actors at the top of the tree: the users' first, then those whose names begin with `_`."""
        for root in (self.root, self.internal):
            for cell in tuple(root.own_extras().children.values()):
                yield cell.ref

    def distributed(
        self, journal: EventJournal | str | None, replication: ReplicationConfig | None, party: str | None
    ) -> "Distributed":
        """See `ActorSystem.distributed`; `party` is the name of this process at barriers."""
        # Here, as only programs with structures should take the time to load them: a sixth of what the rest takes.
        from casty.coordination import Regions, open_distributed

        if self._structures is None:
            self._structures = Regions(self.system)
        return open_distributed(self.system, self._structures, journal, replication, party)

    def check_thread(self) -> None:
        """Raises RuntimeError in another thread than that of the event loop."""
        check_thread(self.dispatcher.thread)

    def find_adapter(self, address: ActorAddress) -> ActorRef[Any] | None:
        """The message adapter of that address, which has travelled."""
        path, _, name = address.path.rpartition("/")
        owner = self._cell_at(path) if name == ADAPTER else None
        return None if owner is None or owner.extras is None else owner.extras.exported.get(address.uid)

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

    def log_fields(self, path: str) -> dict[str, str | None]:
        """The `extra` of a log record about the actor at `path`, as this process sees it."""
        node = None if self.remote is None else self.remote.node_id
        return {"actor": path, "system": self.system.name, "node": node}

    def _tell_due(self, ref: ActorRef[Any], due: Revocable) -> bool:
        """Send the message of a timer of the system's."""
        if type(ref) is LocalRef:
            return ref.cell.tell_revocable(due)
        self.dead_letters.tell(ref, due.take())
        cell = watched_cell(ref)
        return cell is None or cell.state != STOPPED
