"""What may happen next in a cluster: messages arrive, views change, nodes join, leave, crash and are removed."""

from collections.abc import Iterator
from typing import Any, cast

from casty_cluster.protocol.sharding.coordinator import Phase
from casty_cluster.protocol.sharding.effects import Drop, DropCause
from casty_cluster.protocol.sharding.inputs import (
    Bounced,
    Connected,
    Enable,
    Quiesce,
    Rebalance,
    Received,
    Retire,
    Unsent,
)
from casty_cluster.protocol.sharding.table import Allotment
from casty_cluster.wire import sharding as wire
from casty_cluster.wire.sharding import HostPhase

from tests.cluster.protocol.sharding.cluster import TO_COORDINATOR, Cluster
from tests.cluster.protocol.sharding.lanes import Ends
from tests.cluster.protocol.sharding.ledger import Letter
from tests.cluster.protocol.sharding.node import Node

type Step = tuple[Any, ...]
"""A kind, which names the method `do_<kind>`, and its arguments, the node first."""


class World(Cluster):
    """See the module: `steps` are what the protocol waits for, `faults` what the budget allows."""

    def apply(self, step: Step) -> None:
        getattr(self, f"do_{step[0]}")(*step[1:])

    def steps(self) -> Iterator[Step]:
        yield from (("user", *ends) for ends in self.users if self._reads(*ends))
        yield from (("system", *ends) for ends in self.system if ends[0] in self.nodes[ends[1]].known)
        for node in self.nodes:
            if node.runs:
                yield from self._work_of(node)
                yield from self._views_of(node)
                yield from self._leave_of(node)
            elif self._is_crashed(node):
                yield "down", node.index
        yield from (("come_up", index) for index in sorted(self.joined) if self._may_come_up(index))

    def delays(self) -> Iterator[Step]:
        """Time-outs that end before all else has happened."""
        yield from (("time", node.index) for node in self.nodes if node.runs and self._due(node) <= self.scenario.clock)

    def last_resort(self) -> list[Step]:
        """The next time-out, once nothing else happens."""
        waiting = [(self._due(node), node.index) for node in self.nodes if node.runs and list(node.deadlines())]
        return [("time", min(waiting)[1])] if waiting else []

    def _reads(self, source: int, index: int) -> bool:
        """Whether the node reads the next frame: backpressure holds it back while the mailboxes are full."""
        _, message = self.users.head((source, index))
        if not self.scenario.mailbox or not isinstance(message, wire.Message):
            return True
        shard = self.nodes[index].shards.get(message.shard)
        return shard is None or shard.drains or len(shard.letters) < self.scenario.mailbox

    def _work_of(self, node: Node) -> Iterator[Step]:
        index = node.index
        yield from (("claim", index, shard) for shard in node.claims)
        for number, shard in node.shards.items():
            for name, entity in shard.entities.items():
                if entity.passivates:
                    yield "terminated", index, number, name
                elif entity.mailbox:
                    yield "handle", index, number, name
                elif self.budget.get("passivate"):
                    yield "passivate", index, number, name
            if shard.has_drained:
                yield "drained", index, number
        for actor in range(self.scenario.actors):
            if self.to_send[index, actor]:
                for shard in range(self.scenario.shards):
                    yield from (("send", index, actor, shard, entity) for entity in range(self.scenario.entities))
        yield from (("connect", index, other) for other in sorted(node.reconnects))

    def _views_of(self, node: Node) -> Iterator[Step]:
        index = node.index
        if index in self.gone:
            yield "out", index
            return
        yield from (("see", index, other) for other in sorted(self.joined - node.known.keys()))
        yield from (("see_removed", index, other) for other in sorted((self.gone & node.known.keys()) - node.removed))
        going = (self.leaving & node.known.keys()) - node.leaving - node.removed
        yield from (("see_leaving", index, other) for other in sorted(going))
        if node.ups < len(self.up) and self.up[node.ups] in node.known:
            yield "see_up", index

    def _leave_of(self, node: Node) -> Iterator[Step]:
        if not node.retires or node.index in self.gone:
            return
        is_busy = any(self.to_send[node.index, actor] for actor in range(self.scenario.actors))
        if not is_busy and not node.quiesced:
            yield "quiesce", node.index
        if node.region.may_leave and (node.quiesced or node.host(self.up) is None):
            yield "exit", node.index
        elif node.quiesced and not node.shards and not node.claims and not self._has_takers:
            yield "exit", node.index  # the time-out of the shutdown: no region can take what it buffers

    @property
    def _has_takers(self) -> bool:
        return any(n.able and self.is_member(n) and n.index not in self.leaving for n in self.nodes)

    def _is_crashed(self, node: Node) -> bool:
        return node.ended and node.index in self.joined and node.index not in self.gone

    def _may_come_up(self, index: int) -> bool:
        """Coming up needs convergence: all members know the node, and none of those that are up is unreachable."""
        if index in self.up or index in self.gone or not self.nodes[index].runs:
            return False
        members = [node for node in self.nodes if self.is_member(node) and node.index in self.joined]
        return all(index in node.known for node in members) and not any(
            self._is_crashed(self.nodes[i]) for i in self.up
        )

    # Messages and views

    def do_user(self, source: int, index: int) -> None:
        to, message = self.users.pop((source, index))
        node = self.nodes[index]
        if source in node.removed and self.drops_removed:
            self._lose(message, "the transport drops it")
        elif not self.is_for(node, to):
            self._misdirected(source, index, message)
        elif isinstance(message, wire.Bounce):
            self._return(self.nodes[source], node, cast(wire.Bounce[Letter], message))
        else:
            self.give(node, Received(self.nodes[source].id, message))

    def _misdirected(self, source: int, index: int, message: Any) -> None:
        """The incarnation at that address is another one by now, which returns what it can."""
        if isinstance(message, wire.Message):
            sent = cast(wire.Message[Letter], message)
            bounce = wire.Bounce(shard=sent.shard, epoch=sent.epoch, entity=sent.entity, message=sent.message)
            self.users.put((index, source), (self.nodes[source].id, bounce))
            self.misdirected.append(bounce)
        else:
            self._lose(message, "it names another incarnation")

    def _return(self, source: Node, node: Node, bounce: wire.Bounce[Letter]) -> None:
        given = Bounced(node=source.id, bounce=bounce, size=1, deadline=self._deadline())
        wanted = node.region.handle(given, self.now)
        # What another incarnation returns may be late: its predecessor was removed meanwhile.
        if self.is_member(source) and source.index not in node.removed and bounce not in self.misdirected:
            late = [effect for effect in wanted if isinstance(effect, Drop) and effect.cause is DropCause.late_bounce]
            assert not late, f"S2: node {node.index} drops what the live node {source.index} returns: {late}"
        self.carry_out(node, wanted)

    def is_for(self, node: Node, to: object) -> bool:
        """Whether a frame names this incarnation."""
        return node.id == to

    def do_system(self, source: int, index: int) -> None:
        _, message = self.system.pop((source, index))
        node = self.nodes[index]
        if source not in node.removed:
            received = Received(self.nodes[source].id, message)
            give = self.give_coordinator if isinstance(message, TO_COORDINATOR) else self.give
            give(node, received)

    def do_see(self, index: int, other: int) -> None:
        self.nodes[index].known[other] = None
        self.show(self.nodes[index])

    def do_see_up(self, index: int) -> None:
        self.nodes[index].ups += 1
        self.show(self.nodes[index])

    def do_see_removed(self, index: int, other: int) -> None:
        self.nodes[index].removed.add(other)
        self.show(self.nodes[index])

    def do_see_leaving(self, index: int, other: int) -> None:
        self.nodes[index].leaving.add(other)
        self.show(self.nodes[index])

    def do_come_up(self, index: int) -> None:
        self.up.append(index)

    def do_connect(self, index: int, other: int) -> None:
        self.nodes[index].reconnects.discard(other)
        self.give(self.nodes[index], Connected(self.nodes[other].id))

    # Leaving

    def do_leave(self, index: int) -> None:
        self.budget["leave"] -= 1
        node = self.nodes[index]
        self.give_coordinator(node, Retire())  # before any other node can see that this one leaves
        self.leaving.add(index)
        self.do_see_leaving(index, index)

    def do_quiesce(self, index: int) -> None:
        self.nodes[index].quiesced = True
        self.give(self.nodes[index], Quiesce())

    def do_exit(self, index: int) -> None:
        self.ledger.faulty |= self.nodes[index].host(self.up) is None or not self._has_takers
        self._end(index, "the node has left")

    def _end(self, index: int, why: str) -> None:
        node = self.nodes[index]
        for letter in [*node.buffered(), *(letter for shard in node.shards.values() for letter in shard.letters)]:
            self.ledger.lost(letter, why)
        node.runs, node.ended = False, True
        node.shards.clear()
        node.claims.clear()
        for actor in range(self.scenario.actors):
            self.to_send[index, actor] = 0
        if "unsend" in self.scenario.budget:
            for ends in [ends for ends in self.users if ends[1] == index]:
                self._give_back(ends)
        for _, message in self.users.clear(to=index):
            self._lose(message, why)
        self.system.clear(to=index)
        if index in self.leaving and why == "the node has left":
            self.gone.add(index)

    # Faults and operators

    def faults(self) -> Iterator[Step]:
        live = [node.index for node in self.survivors]
        staying = [index for index in live if index not in self.leaving]
        for kind in ("break", "unsend"):
            if self.budget.get(kind):
                yield from ((kind, *ends) for ends in self.users)
        for kind, hit in (("crash", live), ("remove", live), ("leave", staying)):
            if self.budget.get(kind) and (len(hit) > 1 or (kind == "leave" and self.scenario.all_leave)):
                yield from ((kind, index) for index in hit if index in self.scenario.only.get(kind, hit))
        if self.budget.get("join") and live:
            yield from (("join", node.index) for node in self.nodes if self._may_join(node))
        if self.budget.get("enable"):
            late = (self.nodes[index] for index in self.scenario.only["enable"])
            yield from (("enable", node.index) for node in late if node.runs and not node.able)
        if self.budget.get("move"):
            yield from (move for node in self.nodes if node.runs for move in self._moves_of(node))

    def _may_join(self, node: Node) -> bool:
        is_new = not node.runs and not node.ended
        return is_new and not any(other.runs for other in self.nodes if other.id.address == node.id.address)

    def _moves_of(self, node: Node) -> Iterator[Step]:
        coordinator = node.coordinator
        if coordinator.phase is not Phase.active or coordinator.table.moving:
            return
        for shard, entry in coordinator.table.entries.items():
            if entry.state is Allotment.owned:
                targets = (self.indices[target] for target in coordinator._census.eligible if target != entry.owner)
                yield from (("move", node.index, shard, target) for target in targets)

    def do_move(self, index: int, shard: int, target: int) -> None:
        self.budget["move"] -= 1
        self.placing.next_moves = [(shard, self.nodes[target].id)]
        self.give_coordinator(self.nodes[index], Rebalance())

    def do_enable(self, index: int) -> None:
        self.budget["enable"] -= 1
        self.nodes[index].able = True
        self.give(self.nodes[index], Enable())

    def do_join(self, index: int) -> None:
        self.budget["join"] -= 1
        node, seed = self.nodes[index], self.random.choice(self.survivors)
        node.runs = True
        self.joined.add(index)
        node.known, node.ups = {**seed.known, index: None}, seed.ups
        node.removed, node.leaving = set(seed.removed), set(seed.leaving)
        self.show(node)

    def do_crash(self, index: int) -> None:
        """All or some of what the node had sent arrives."""
        self.budget["crash"] -= 1
        self.do_out(index)
        for lanes in (self.users, self.system):
            for ends in [ends for ends in lanes if ends[0] == index]:
                for _, message in lanes.cut(ends, self.random):
                    self._lose(message, "the sender has crashed")

    def do_out(self, index: int) -> None:
        self.ledger.faulty = True
        self._end(index, "the node has ended")

    def do_remove(self, index: int) -> None:
        """The others have downed a node that runs."""
        self.budget["remove"] -= 1
        self.ledger.faulty = True
        self.gone.add(index)

    def do_down(self, index: int) -> None:
        self.gone.add(index)

    def do_break(self, one: int, other: int) -> None:
        """A connection breaks: the last messages of both directions are lost."""
        self.budget["break"] -= 1
        self.ledger.faulty = True
        for ends in ((one, other), (other, one)):
            for _, message in self.users.cut(ends, self.random):
                self._lose(message, "the connection broke")
            self.nodes[ends[0]].reconnects.add(ends[1])

    def do_unsend(self, one: int, other: int) -> None:
        """A connection breaks, and the transport drops the last messages, which it has not sent."""
        self.budget["unsend"] -= 1
        for ends in ((one, other), (other, one)):
            self._give_back(ends)
            self.nodes[ends[0]].reconnects.add(ends[1])

    def _give_back(self, ends: Ends) -> None:
        source = self.nodes[ends[0]]
        for to, message in self.users.unsend(ends, self.random):
            if isinstance(message, wire.Message) and source.runs:
                given = Unsent(node=to, message=cast(wire.Message[Letter], message), size=1, deadline=self._deadline())
                self.give(source, given)
            else:
                self.ledger.faulty |= isinstance(message, wire.Bounce)
                self._lose(message, "the transport drops it")

    # The end

    def check_end(self) -> None:
        """Nothing more happens: what was asked for has been done, and nothing is left over."""
        live = self.survivors
        stuck = [node.index for node in live if node.index in self.leaving]
        assert not stuck, f"S4: nodes {stuck} do not get to leave"
        if not live:
            return
        acting = [node for node in live if node.coordinator.phase is Phase.active]
        assert len(acting) == 1, f"S4, S5: coordinators at the end: {[n.index for n in acting]}"
        coordinator = acting[0].coordinator
        if not coordinator._census.eligible:
            return
        assert not coordinator._requests.shards, f"S4: members wait for homes of {coordinator._requests.shards}"
        for node in live:
            waiting = [route for route in node.region.sender._routes if route.leaving]
            assert not waiting, f"S4: node {node.index} flushes for ever: {waiting}"
            assert not node.region.sender._buffer, f"S4: node {node.index} buffers for ever"
            phases = {hosted.phase for hosted in node.region.owner.hosted}
            assert phases <= {HostPhase.running}, f"S4: node {node.index} is stuck: {node.region.owner.hosted}"
        owned = {shard: (entry.owner, entry.epoch) for shard, entry in coordinator.table.entries.items()}
        hosts = {h.shard: (node.id, h.epoch) for node in live for h in node.region.owner.hosted}
        assert owned == hosts, f"S1, S5: the table {owned} and the owners {hosts} differ"
        self.ledger.check_all_settled()
