"""What may happen next to the copies of a shard: messages arrive or do not, disks store or fail, nodes end and return.

The coordinator of the exploration grants epochs as it likes, to any node, while others act or are about to. It knows
the newest view that a live copy reports, as a real one does, or knows of none, as one whose reports are old.
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.replication.effects import (
    Activated,
    CaughtUp,
    Committed,
    Ended,
    Load,
    Outdated,
    Overdue,
    Readable,
    Refused,
    Reload,
    Send,
    Store,
    Unavailable,
    Unreadable,
)
from casty_cluster.protocol.replication.inputs import (
    Append,
    AwaitCopies,
    Loaded,
    Promote,
    Read,
    Received,
    SaveSnapshot,
    Stored,
    StoreFailed,
)
from casty_cluster.protocol.replication.member import Effect, Input
from casty_cluster.protocol.replication.promises import novelty
from casty_cluster.protocol.replication.quorum import decides
from casty_cluster.protocol.replication.stored import StoreEntries, StoreSnapshot, StoreView
from casty_cluster.wire.replication import START, CopyId, Epoch, View

from tests.cluster.protocol.replication.ledger import Ledger, position_of
from tests.cluster.protocol.replication.node import Disk, Node, entries_in, state_after
from tests.cluster.protocol.replication.scenarios import Scenario

type Step = tuple[Any, ...]
"""A kind, which names the method `do_<kind>`, and its arguments."""


class World:
    """Nodes with a copy each, of which the first ones keep the shard at first."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.now = 0.0
        self.budget = dict(scenario.budget)
        self.ledger = Ledger()
        self.network: list[tuple[CopyId, CopyId, Any]] = []
        self.nodes = [Node(index) for index in range(scenario.copies + scenario.spares)]
        self.counter = 0
        self.payloads = 0
        self.unavailable: dict[int, str] = {}
        self.reads: list[tuple[str, int]] = []
        """The entity of each, and the last of its events that was committed then."""
        self.grants: list[tuple[CopyId, Promote]] = []
        self.founders = tuple(node.copy for node in self.nodes)
        """Those that all coordinators name."""
        for node in self.nodes:
            node.start()

    # Steps

    def apply(self, step: Step) -> None:
        getattr(self, f"do_{step[0]}")(*step[1:])

    def steps(self) -> Iterator[Step]:
        """What happens without a fault."""
        yield from (("deliver", index) for index in range(len(self.network)))
        yield from (("disk", node.index) for node in self.nodes if node.queue)
        yield from (("work", node.index) for node in self.ticking if self.is_due(node))

    def requests(self) -> Iterator[Step]:
        active = [node.index for node in self.nodes if node.member is not None and node.member.is_active]
        for kind in ("append", "save", "read"):
            if self.budget.get(kind):
                yield from ((kind, index, entity) for index in active for entity in range(self.scenario.entities))
        if self.budget.get("move"):
            yield from (("move", index) for index in active)
        if self.budget.get("promote"):
            yield from (("promote", node.index) for node in self.nodes if node.member is not None)

    def _late_grants(self) -> Iterator[Step]:
        if self.budget.get("grant"):
            for number, (copy, _) in enumerate(self.grants):
                yield from (("grant", number) for node in self.nodes if node.copy == copy and node.member is not None)

    def faults(self) -> Iterator[Step]:
        if self.budget.get("drop"):
            yield from (("drop", index) for index in range(len(self.network)))
        if self.budget.get("repeat"):
            yield from (("repeat", index) for index in range(len(self.network)))
        for node in self.nodes:
            if node.member is None:
                yield "restart", node.index
            else:
                yield from ((kind, node.index) for kind in ("crash", "wipe") if self.budget.get(kind))
                if self.budget.get("restore") and self.outdated(node):
                    yield "restore", node.index
                if self.budget.get("fail") and node.queue:
                    yield "fail", node.index
        yield from (("tick", node.index) for node in self.ticking if self.budget.get("tick"))
        yield from self._late_grants()

    @property
    def ticking(self) -> list[Node]:
        """The nodes that wait for a deadline, the next one first."""
        due = {node.index: node.member.next_deadline() for node in self.nodes if node.member is not None}
        waiting = sorted((deadline, index) for index, deadline in due.items() if deadline is not None)
        return [self.nodes[index] for _, index in waiting]

    def do_deliver(self, index: int) -> None:
        sender, to, message = self.network[index]
        self.network[index] = self.network[-1]
        self.network.pop()
        for node in self.nodes:
            if node.copy == to:
                self.give(node, Received(sender, message))

    def do_repeat(self, index: int) -> None:
        """The message arrives, and will arrive again."""
        self.budget["repeat"] -= 1
        self.network.append(self.network[index])
        self.do_deliver(index)

    def do_drop(self, index: int) -> None:
        self.budget["drop"] -= 1
        self.lose(index)

    def lose(self, index: int) -> None:
        """A message is lost on its way."""
        self.network.pop(index)

    def do_disk(self, index: int) -> None:
        node = self.nodes[index]
        match node.queue.popleft():
            case Store() as store:
                self._stored(node, store)
                self.give(node, Stored(store.number))
            case Load(to, fetch):
                self.give(node, Loaded(to, node.disk.read(fetch)))

    def _stored(self, node: Node, store: Store) -> None:
        change = store.change
        if isinstance(change, StoreEntries):
            after = position_of(node.disk.entries.get(change.entity, ()), change.after)
            self.ledger.stored(node.copy, change.entity, after, change.entries)
            if self.scenario.min_acks:
                self.ledger.removed(change, node.disk.entries.get(change.entity, ()))
        if isinstance(change, StoreView):
            known = node.disk.contents.view
            assert known is None or known.epoch <= change.view.epoch, f"R3: {node.copy} goes back to {change.view}"
            self.ledger.sealed(node.copy, change.view)
        if isinstance(change, StoreSnapshot):
            self.ledger.stored(node.copy, change.entity, START, entries_in(change))
        node.disk.apply(change)

    def do_append(self, index: int, entity: int) -> None:
        self.budget["append"] -= 1
        node, name = self.nodes[index], f"e{entity}"
        assert node.member is not None
        self.payloads += 1
        history = node.member.contents.histories.get(name)
        self.give(node, Append(name, history.last if history else 0, (str(self.payloads).encode(),)))

    def do_save(self, index: int, entity: int, back: int = 0) -> None:
        """The primary saves a snapshot of all events but these last ones, whether they are committed or not."""
        self.budget["save"] -= 1
        node, name = self.nodes[index], f"e{entity}"
        entries = node.foreseen().get(name, [])
        last = len(entries) - back
        if last > 0:
            self.give(node, SaveSnapshot(name, last, state_after(entries[:last])))

    def do_read(self, index: int, entity: int) -> None:
        self.budget["read"] -= 1
        number, name = len(self.reads), f"e{entity}"
        self.reads.append((name, self.ledger.last(name)))
        self.give(self.nodes[index], Read(number, name))

    def do_move(self, index: int) -> None:
        """The shard is about to move: its primary waits for the other copies."""
        self.budget["move"] -= 1
        self.give(self.nodes[index], AwaitCopies())

    def do_tick(self, index: int) -> None:
        self.budget["tick"] -= 1
        self.wake(self.nodes[index])

    def is_due(self, node: Node) -> bool:
        due = node.member.next_deadline() if node.member is not None else None
        return due is not None and due <= self.now

    def do_work(self, index: int) -> None:
        """What is too much for one step goes on, or a time-out has come that others had to wait for as well."""
        self.wake(self.nodes[index])

    def wake(self, node: Node) -> None:
        """The next deadline of that node has come."""
        assert node.member is not None
        due = node.member.next_deadline()
        assert due is not None
        self.now = max(self.now, due)
        self.give(node, Tick())

    # Promotion

    def do_promote(
        self,
        index: int,
        others: Sequence[int] | None = None,
        forced: bool = False,
        min_acks: int | None = None,
        is_outdated: bool = False,
    ) -> None:
        """By default, the shard stays on the copies that have it, as far as these include the new primary."""
        self.budget["promote"] -= 1
        node = self.nodes[index]
        assert node.member is not None
        previous = self.newest()
        kept = previous.copies if previous else tuple(other.copy for other in self.nodes[: self.scenario.copies])
        if others is not None:
            kept = tuple(self.nodes[other].copy for other in others)
        copies = (node.copy, *[copy for copy in kept if copy != node.copy])[: self.scenario.copies]
        self.counter += 1
        epoch = Epoch(self.counter, index)
        min_acks = self.scenario.min_acks if min_acks is None else min_acks
        given = Promote(
            epoch=epoch,
            copies=copies,
            min_acks=min_acks,
            previous=None if is_outdated else previous,
            founders=self.founders,
            allow_data_loss=forced,
        )
        self.grants.append((node.copy, given))
        self.give(node, given)

    def do_grant(self, number: int) -> None:
        """A grant arrives for the second time, perhaps at a later life of the node."""
        self.budget["grant"] -= 1
        copy, given = self.grants[number]
        for node in self.nodes:
            if node.copy == copy:
                self.give(node, given)

    def newest(self) -> View | None:
        """The newest view that a live copy reports."""
        views = [node.member.view for node in self.nodes if node.member is not None and node.member.view is not None]
        return max(views, key=novelty, default=None)

    # Faults

    def do_crash(self, index: int, kept: int = 0) -> None:
        """The process ends; the first of the changes that it has asked for are stored."""
        self.budget["crash"] -= 1
        node = self.nodes[index]
        for store in [asked for asked in node.queue if isinstance(asked, Store)][:kept]:
            self._stored(node, store)
        node.stop()

    def do_wipe(self, index: int) -> None:
        self.budget["wipe"] -= 1
        node = self.nodes[index]
        node.stop()
        node.wipe()

    def do_restart(self, index: int) -> None:
        self.nodes[index].start()

    def do_fail(self, index: int, kept: int = 0) -> None:
        """A change cannot be stored, or it is not known whether it could."""
        self.budget["fail"] -= 1
        node = self.nodes[index]
        stores = [asked for asked in node.queue if isinstance(asked, Store)]
        for store in stores[:kept]:
            self._stored(node, store)
        node.queue.clear()
        self.give(node, StoreFailed(stores[0].number if stores else 0, "no space left on device"))

    def outdated(self, node: Node) -> list[Disk]:
        """Backups of the node's disk that all other disks know a later start of."""
        others = [other.disk.contents.lives[node.copy].starts for other in self.nodes if other is not node]
        return [disk for disk in node.backups if disk.contents.lives[node.copy].starts < min(others)]

    def do_restore(self, index: int) -> None:
        """An old backup of its disk is put back, and the node starts."""
        self.budget["restore"] -= 1
        node = self.nodes[index]
        node.disk, node.is_old = deepcopy(self.outdated(node)[-1]), True
        node.stop()
        node.start()

    @property
    def copies(self) -> list[CopyId]:
        return [node.copy for node in self.nodes]

    # Effects

    def give(self, node: Node, given: Input | Tick) -> None:
        if node.member is None:
            return
        member = node.member
        for effect in member.handle(given, self.now):
            self._carry_out(node, effect)
        if node.member is member:
            member.validate()

    def _carry_out(self, node: Node, effect: Effect) -> None:
        match effect:
            case Send(to, message):
                self.network.append((node.copy, to, message))
            case Store() | Load():
                node.queue.append(effect)
            case Reload():
                node.stop()
                node.start()
            case Outdated(reason):
                assert node.is_old, f"D1: the disk of {node.copy} is up to date, and is abandoned: {reason}"
                node.stop()
                node.wipe()
                node.start()
            case Activated(view):
                self.unavailable.pop(node.index, None)
                self.ledger.activated((node.index, node.lives), view, node.foreseen())
            case Committed(entity, sequence_nr):
                view = self._view_of(node)
                self.ledger.count(view, entity, node.foreseen()[entity][:sequence_nr])
            case Unavailable(_, reason):
                self.unavailable[node.index] = reason
            case Refused(reason=reason):
                raise AssertionError(f"R6: an active primary refuses an event: {reason}")
            case Readable(read, sequence_nr):
                name, committed = self.reads[read]
                self.ledger.read(self._view_of(node), name, committed, node.foreseen().get(name, ())[:sequence_nr])
            case CaughtUp():
                self._have_caught_up(node)
            case Overdue() | Ended() | Unreadable():
                pass

    def _have_caught_up(self, primary: Node) -> None:
        """The next primary has all events, or another one follows a later primary by now, and had them before."""
        if primary.member is None or not primary.member.is_active:
            return
        view, histories = self._view_of(primary), primary.foreseen()
        followers = [
            other for other in self.nodes if other is not primary and other.disk.contents.promised <= view.epoch
        ]
        lacking = [
            other.copy
            for other in followers
            if any(other.disk.entries.get(entity, []) != entries for entity, entries in histories.items())
        ]
        if not view.min_acks:
            assert not decides(view.group, lacking), f"D1: {', '.join(lacking)} lack events of {histories}"

    def _view_of(self, node: Node) -> View:
        assert node.member is not None
        assert node.member._primary is not None
        return node.member._primary._promotion.view
