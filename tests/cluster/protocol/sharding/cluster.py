"""A whole cluster of the machines, and all that may happen next in it: `steps` and `faults`, and `apply` to do one.

The environment is that of `handoff.md` §7: each node learns each change of the membership when it likes, ups in order;
a node comes up once all unremoved members know it; a removed node runs on for any time. S1, S2, S3 and S5 are asserted
with each step, S4 at the end.
"""

from collections.abc import Sequence
from random import Random
from typing import Any

from casty.member import NodeId
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.sharding import coordinator, effects, region
from casty_cluster.protocol.sharding.coordinator import Phase
from casty_cluster.protocol.sharding.inputs import (
    Claimed,
    ClaimRefused,
    Dispatch,
    Drained,
    Fenced,
    Viewed,
)
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.wire import sharding as wire

from tests.cluster.protocol.sharding.lanes import Lanes
from tests.cluster.protocol.sharding.ledger import Ledger, Letter
from tests.cluster.protocol.sharding.node import Node, Shard
from tests.cluster.protocol.sharding.placing import Placing
from tests.cluster.protocol.sharding.scenarios import Scenario

TO_COORDINATOR = (
    wire.Report, wire.Register, wire.GetHome, wire.Started, wire.Refused, wire.Stopped, wire.Forgotten,
)  # fmt: skip
FOR_EVER = 1e9


class Cluster:
    """See the module. Which step happens is not decided here."""

    def __init__(self, scenario: Scenario, random: Random) -> None:
        self.scenario = scenario
        self.random = random
        self.now = 0.0
        self.ledger = Ledger()
        self.users, self.system = Lanes(), Lanes()
        self.budget = dict(scenario.budget)
        self.placing = Placing(random.randrange(100))
        self.drops_removed = random.random() < 0.5
        """Whether the transport drops frames of removed peers: the protocol does not need it."""
        self.misdirected: list[wire.Bounce[Letter]] = []
        """Messages to an incarnation that has ended, which the next one at its address has returned."""
        first = scenario.nodes + scenario.joiners
        self.nodes = [self._node(i, i if i < first else i - first) for i in range(first + scenario.restarts)]
        self.indices = {node.id: node.index for node in self.nodes}
        self.to_send = {
            (node.index, actor): 0 if node.index in scenario.quiet else scenario.messages
            for node in self.nodes
            for actor in range(scenario.actors)
        }
        self.up = list(range(scenario.nodes))
        self.joined, self.gone, self.leaving = set(self.up), set[int](), set[int]()
        self.fences = dict.fromkeys(range(scenario.shards), (scenario.old_fence, len(self.nodes)))
        self.openers: dict[tuple[int, int], int] = {}
        """The node that has run a shard at an epoch."""
        self.writes: dict[int, int] = {}
        """The epoch of the last write to a shard."""
        for node in self.nodes[: scenario.nodes]:
            node.runs, node.known, node.ups = True, dict.fromkeys(self.up), len(self.up)
        for node in self.nodes[: scenario.nodes]:
            self.show(node)

    def _node(self, index: int, address: int) -> Node:
        return Node(
            index,
            NodeId(f"node{address}", 1, index + 1),
            self.scenario.shards,
            able=index not in self.scenario.proxies,
            capacity=self.scenario.capacity,
            strategy=self.placing,
        )

    def is_member(self, node: Node) -> bool:
        """Whether it runs, and no node has removed it."""
        return node.runs and node.index not in self.gone

    @property
    def survivors(self) -> list[Node]:
        return [node for node in self.nodes if self.is_member(node) and node.index in self.up]

    # What the machines do

    def give(self, node: Node, given: Any) -> None:
        self.carry_out(node, node.region.handle(given, self.now))

    def give_coordinator(self, node: Node, given: Any) -> None:
        self.carry_out(node, node.coordinator.handle(given, self.now))

    def show(self, node: Node) -> None:
        """Show the node what it knows of the membership now."""
        viewed = Viewed(node.state(lambda index: self.nodes[index].id, self.up))
        self.give(node, viewed)
        self.give_coordinator(node, viewed)

    def carry_out(self, node: Node, wanted: Sequence[region.Effect[Letter] | coordinator.Effect]) -> None:
        for effect in wanted:
            match effect:
                case SendSystem(to, message):
                    self._send_system(node, self.indices[to], message)
                case effects.SendUser(to, message):
                    self._send_user(node, to, message)
                case effects.Deliver():
                    self._deliver(node, effect.shard, effect.entity, effect.message)
                case effects.ReportCopies():
                    raise AssertionError("no region is replicated here")
                case effects.Drop():
                    self._drop(effect.message, effect.cause)
                case effects.Claim(shard, epoch):
                    assert not node.retires, (
                        f"{node.id} takes shard {shard} while it leaves: its actors may have stopped"
                    )
                    node.claims[shard] = epoch
                case effects.Run(shard, epoch):
                    self._run(node, shard, epoch)
                case effects.Drain(shard, epoch):
                    assert node.shards[shard].epoch == epoch
                    node.shards[shard].drains = True
                case effects.Halt(shard, epoch):
                    self._halt(node, shard, epoch)
                case effects.Warn() | effects.ShardRuns() | effects.ShardEnds():
                    pass
                case effects.ShardLeaves() | effects.ShardArrives():
                    pass
        node.validate()

    def _send_system(self, node: Node, to: int, message: Any) -> None:
        if to in node.known and to not in node.removed and self.nodes[to].runs:
            self.system.put((node.index, to), (self.nodes[to].id, message))

    def _send_user(self, node: Node, to: NodeId, message: Any) -> None:
        """Frames go to an address, where another incarnation may listen by now."""
        listens = next((n for n in self.nodes if n.runs and n.id.address == to.address), None)
        if listens is None or listens is node:
            self._lose(message, "the receiver has ended")
        else:
            self.users.put((node.index, listens.index), (to, message))

    def _lose(self, message: Any, why: str) -> None:
        match message:
            case wire.Message(message=Letter() as letter) | wire.Bounce(message=Letter() as letter):
                self.ledger.lost(letter, why)
            case _:
                pass

    def _drop(self, letter: Letter, cause: effects.DropCause) -> None:
        excused = cause is effects.DropCause.overflow or self.scenario.tell_timeout is not None
        self.ledger.faulty |= excused
        self.ledger.lost(letter, cause.value, excused=excused)

    def _deliver(self, node: Node, number: int, entity: str, letter: Letter) -> None:
        shard = node.shards.get(number)
        assert shard is not None, f"node {node.index} handles a message of shard {number}, which it does not run"
        assert not shard.drains, f"node {node.index} accepts a message of shard {number} while that drains"
        shard.deliver(entity, letter)

    def _run(self, node: Node, number: int, epoch: int) -> None:
        opener = self.openers.setdefault((number, epoch), node.index)
        assert opener == node.index, f"S1: epoch {epoch} of shard {number} has two owners: {opener} and {node.index}"
        if node.index not in self.gone:
            others = [n.index for n in self.nodes if n is not node and self.is_member(n) and number in n.shards]
            assert not others, f"S1: shard {number} runs on {others} and now on {node.index} at epoch {epoch}"
            acting = [n for n in self.nodes if self.is_member(n) and n.coordinator.phase is Phase.active]
            assert len(acting) <= 1, f"S5: coordinators act on {[n.index for n in acting]}"
            for host in acting:
                entry = host.coordinator.table.get(number)
                granted = entry is not None and (entry.owner, entry.epoch) == (node.id, epoch)
                assert granted, f"S1: node {node.index} starts shard {number} at {epoch}, while the table has {entry}"
        node.shards[number] = Shard(epoch)

    def _halt(self, node: Node, number: int, epoch: int) -> None:
        if node.claims.get(number) == epoch:
            del node.claims[number]
            return
        shard = node.shards[number]
        assert shard.epoch == epoch
        self.ledger.faulty |= self.scenario.reluctant
        for letter in shard.letters:
            self.ledger.lost(letter, "halted")
        shard.entities.clear()
        hosted = {hosted.shard for hosted in node.region.owner.hosted if hosted.epoch == epoch}
        if number not in hosted:
            del node.shards[number]

    # Steps of actors, entities and the journal

    def do_send(self, index: int, actor: int, shard: int, entity: int) -> None:
        self.to_send[index, actor] -= 1
        name = f"{shard}.{entity}"
        letter = self.ledger.send(index * 10 + actor, name)
        dispatch = Dispatch(shard=shard, entity=name, message=letter, size=1, deadline=self._deadline())
        self.give(self.nodes[index], dispatch)

    def _deadline(self) -> float:
        patience = self.scenario.tell_timeout
        return FOR_EVER if patience is None else self.now + patience

    def do_claim(self, index: int, shard: int) -> None:
        node = self.nodes[index]
        epoch = node.claims.pop(shard)
        held = self.refused_at(shard, epoch, index)
        self.give(node, Claimed(shard, epoch) if held is None else ClaimRefused(shard, epoch, held))

    def refused_at(self, shard: int, epoch: int, index: int) -> int | None:
        """Claim the fence. Returns the epoch that it is held at by another owner, if it is."""
        if not self.scenario.journal:
            return None
        held, owner = self.fences[shard]
        if epoch < held or (epoch == held and owner != index):
            return held
        self.fences[shard] = (epoch, index)
        return None

    def is_fenced(self, shard: int, epoch: int, index: int) -> bool:
        return self.scenario.journal and self.fences[shard] != (epoch, index)

    def do_handle(self, index: int, number: int, entity: str) -> None:
        node, shard = self.nodes[index], self.nodes[index].shards[number]
        letter = shard.entities[entity].mailbox.popleft()
        if self.is_fenced(number, shard.epoch, index):
            self.ledger.lost(letter, "fenced")
            self.give(node, Fenced(number, shard.epoch))
        elif not self.scenario.journal and index in self.gone:
            self.ledger.lost(letter, "handled on a removed node")
        else:
            if self.scenario.journal:
                assert shard.epoch >= self.writes.get(number, 0), f"S1: a write at the old epoch {shard.epoch}"
                self.writes[number] = shard.epoch
            self.ledger.handled(letter)

    def do_passivate(self, index: int, number: int, entity: str) -> None:
        self.budget["passivate"] -= 1
        self.nodes[index].shards[number].entities[entity].passivates = True

    def do_terminated(self, index: int, number: int, entity: str) -> None:
        entities = self.nodes[index].shards[number].entities
        entities[entity].passivates = False
        if not entities[entity].mailbox:
            del entities[entity]

    def do_drained(self, index: int, number: int) -> None:
        shard = self.nodes[index].shards.pop(number)
        self.give(self.nodes[index], Drained(number, shard.epoch))

    def do_time(self, index: int) -> None:
        node = self.nodes[index]
        self.now = max(self.now, self._due(node))
        self.give(node, Tick())
        self.give_coordinator(node, Tick())

    def _due(self, node: Node) -> float:
        waiting = node.region.next_deadline() if self.scenario.tell_timeout is not None else None
        return min((*node.deadlines(), FOR_EVER if waiting is None else waiting))
