"""Seed nodes that are configured by other names than by which they call themselves."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, permutations
from random import Random

import pytest
from casty.address import PeerAddress
from casty.member import Member, NodeId
from casty.spi.transport import ConnectFailure
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.membership import Membership, MembershipSettings
from casty_cluster.protocol.membership.effects import Effect, Joined, Out, Send
from casty_cluster.protocol.membership.inputs import ConnectFailed, Received, Start

A, B, C = ADDRESSES = [PeerAddress(f"10.0.0.{number}", 25520) for number in (1, 2, 3)]
NAMES = [PeerAddress(name, 25520) for name in ("zeta", "eta", "theta")]
"""The lowest name is not that of the lowest address."""
DELAY = 0.01


@dataclass
class World:
    """Nodes that reach each other by address and by name, as the look-up of names says."""

    names: dict[PeerAddress, PeerAddress] = field(default_factory=dict[PeerAddress, PeerAddress])
    machines: dict[PeerAddress, Membership] = field(default_factory=dict[PeerAddress, Membership])
    founders: list[PeerAddress] = field(default_factory=list[PeerAddress])
    now: float = 0.0
    outs: int = 0
    """How often a node has left its cluster for another one."""
    _uids: Iterator[int] = field(default_factory=lambda: count(1))
    _seeds: dict[PeerAddress, tuple[PeerAddress, ...]] = field(
        default_factory=dict[PeerAddress, tuple[PeerAddress, ...]]
    )
    _mail: list[tuple[NodeId, PeerAddress, object]] = field(default_factory=list[tuple[NodeId, PeerAddress, object]])
    _nodes: dict[PeerAddress, NodeId] = field(default_factory=dict[PeerAddress, NodeId])

    def start(self, address: PeerAddress, *seeds: PeerAddress, contacts: tuple[PeerAddress, ...] = ()) -> None:
        node = self._nodes[address] = NodeId(*address, next(self._uids))
        settings = MembershipSettings(system="bank", seeds=seeds, contacts=contacts)
        self._seeds[address] = seeds
        local = Member(node=node, node_id=str(address))
        self.machines[address] = Membership(local, settings, strategy=None, random=Random(1))
        self._carry_out(address, self.machines[address].handle(Start(), self.now))

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += DELAY
            mail, self._mail = self._mail, []
            for sender, to, message in mail:
                self._deliver(sender, to, message)
            for address, machine in list(self.machines.items()):
                due = machine.next_deadline()
                if due is not None and due <= self.now:
                    self._carry_out(address, machine.handle(Tick(), self.now))

    def is_one(self) -> bool:
        states = [machine.state for machine in self.machines.values()]
        return all(state is not None and set(state.members) == set(self._nodes.values()) for state in states)

    def _deliver(self, sender: NodeId, to: PeerAddress, message: object) -> None:
        target = self.names.get(to, to)
        if target == sender.address:
            why = ConnectFailed(to, ConnectFailure.itself, "it is this node itself")
            self._carry_out(target, self.machines[target].handle(why, self.now))
        elif target in self.machines:
            received = Received(sender, message)  # pyright: ignore[reportArgumentType]
            self._carry_out(target, self.machines[target].handle(received, self.now))

    def _carry_out(self, address: PeerAddress, effects: list[Effect]) -> None:
        node = self._nodes[address]
        for effect in effects:
            if isinstance(effect, Out):
                self.outs += 1
                self.start(address, *self._seeds[address], contacts=effect.contacts)
            if isinstance(effect, Joined) and effect.cluster == node.uid:
                self.founders.append(address)
            if isinstance(effect, Send):
                self._mail.append(
                    (node, effect.to.address if isinstance(effect.to, NodeId) else effect.to, effect.message)
                )


def test_a_node_whose_only_seed_is_its_own_name_forms_a_cluster_after_a_while() -> None:
    """Not at once: the name may be that of several nodes."""
    world = World(names={NAMES[0]: A})
    world.start(A, NAMES[0])
    world.run(4.0)
    assert not world.founders
    world.run(2.0)
    assert world.founders == [A]


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("pause", [0.0, 0.3, 7.0])
def test_nodes_with_the_same_names_are_one_cluster(order: tuple[int, ...], pause: float) -> None:
    world = World(names=dict(zip(NAMES, ADDRESSES, strict=True)))
    for number in order:
        world.start(ADDRESSES[number], *NAMES)
        world.run(pause)
    world.run(8.0)
    assert world.is_one()
    assert len(world.founders) == 1


def test_nodes_with_the_same_names_are_one_cluster_at_once() -> None:
    world = World(names=dict(zip(NAMES, ADDRESSES, strict=True)))
    for address in ADDRESSES:
        world.start(address, *NAMES)
    world.run(1.0)
    assert world.founders == [B], "the one with the lowest name"


@pytest.mark.parametrize("order", list(permutations(range(2))))
def test_two_nodes_that_name_only_each_other_are_one_cluster_at_once(order: tuple[int, ...]) -> None:
    world = World(names=dict(zip(NAMES[:2], ADDRESSES[:2], strict=True)))
    for number in order:
        world.start(ADDRESSES[number], NAMES[1 - number])
    world.run(1.5)
    assert world.is_one()
    assert len(world.founders) == 1


def test_seeds_by_name_on_one_node_and_by_address_on_another_are_the_same() -> None:
    for lists in permutations(([A, NAMES[1]], [NAMES[0], B], [NAMES[0], NAMES[1]])):
        world = World(names=dict(zip(NAMES, ADDRESSES, strict=True)))
        for address, seeds in zip(ADDRESSES, lists, strict=True):
            world.start(address, *seeds)
        world.run(12.0)
        assert world.is_one(), lists
        assert len(world.founders) == 1


def test_a_name_that_leads_to_another_node_later_is_asked_again() -> None:
    world = World(names={NAMES[0]: A})
    world.start(A, NAMES[0])
    world.run(1.0)
    world.names[NAMES[0]] = B
    world.start(B)
    world.run(3.0)
    assert world.founders == [B]
    assert world.is_one()


def test_one_name_for_all_nodes_finds_them_in_the_end() -> None:
    """As the name of a service that leads to any of its nodes."""
    world = World(names={NAMES[0]: A})
    for address in ADDRESSES:
        world.start(address, NAMES[0])
    for turn in range(100):
        world.names[NAMES[0]] = ADDRESSES[turn % 3]
        world.run(0.7)
    world.run(40.0)
    assert world.is_one()
