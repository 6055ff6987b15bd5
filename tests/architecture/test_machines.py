"""One kind of machine, one driver: protocols are pure, and no shell runs one in a loop of its own."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from typing import Any, Final

import pytest
from casty_cluster.protocol.bulk.receiving import Receiving
from casty_cluster.protocol.bulk.sending import Sending
from casty_cluster.protocol.client.contact import Contact
from casty_cluster.protocol.forwarding import Forwarding
from casty_cluster.protocol.lease_holder import LeaseHolder
from casty_cluster.protocol.liveness import Liveness
from casty_cluster.protocol.machine import Machine
from casty_cluster.protocol.membership.machine import Membership
from casty_cluster.protocol.membership.participant import Participant
from casty_cluster.protocol.registry import Registry
from casty_cluster.protocol.replication.member import Member
from casty_cluster.protocol.replication.primary import Primary
from casty_cluster.protocol.replication.replica import Replica
from casty_cluster.protocol.sharding.coordinator import Coordinator
from casty_cluster.protocol.sharding.held import Held
from casty_cluster.protocol.sharding.owner import Owner
from casty_cluster.protocol.sharding.region import Region
from casty_cluster.protocol.sharding.replicating import ReplicatingCoordinator
from casty_cluster.protocol.sharding.sender import Sender
from casty_cluster.protocol.singleton import Singleton
from casty_cluster.protocol.view_tracker import ViewTracker
from casty_cluster.protocol.watched import WatchedActors
from casty_cluster.protocol.watching import Watches

from tests.architecture.source import Module, all_imports, source_modules

PROTOCOLS: Final = "casty_cluster.protocol"
DRIVER: Final = "casty_cluster.node.driver"
SYSTEM_MESSAGES: Final = "casty_cluster.wire.system."

MACHINES: Final[tuple[type[Machine[Any, Any]], ...]] = (
    Contact,
    Coordinator,
    Forwarding,
    Held,
    LeaseHolder,
    Liveness,
    Member,
    Membership,
    Owner,
    Participant,
    Primary,
    Receiving,
    Region,
    Registry,
    Replica,
    ReplicatingCoordinator,
    Sender,
    Sending,
    Singleton,
    ViewTracker,
    WatchedActors,
    Watches,
)
"""The type checker compares each of them with the protocol."""

PARTS: Final = {
    "membership.cluster_merge.ClusterMerge": "a part of Participant, which has the state",
    "membership.exchange.GossipExchange": "a part of Participant, which has the state",
    "membership.joining.JoinProcess": "a part of Membership, which translates its steps",
    "membership.rounds.Rounds": "a part of GossipExchange",
    "membership.split.SplitWatch": "a part of Participant",
    "phi_accrual.detector.PhiAccrualDetector": "implements the plugin interface `FailureDetector`",
    "replication.commits.Commits": "a part of Primary",
    "replication.follower.Follower": "a part of Promotion, which has one for each copy",
    "replication.reads.Reads": "a part of Primary, which passes on the replies of copies",
    "replication.promotion.Promotion": "a part of Primary, which passes on the replies of copies",
    "swim.detector.SwimDetector": "implements the plugin interface `FailureDetector`",
}
"""Classes that have deadlines and are no machines, with the reason."""


def protocol_modules() -> Iterator[Module]:
    return (module for module in source_modules() if module.name.startswith(PROTOCOLS))


def classes_with_deadlines() -> Iterator[type]:
    for module in protocol_modules():
        for _, found in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if found.__module__ == module.name and found is not Machine and hasattr(found, "next_deadline"):
                yield found


def test_every_class_with_deadlines_is_a_machine_or_has_its_reason() -> None:
    found = {kind for kind in classes_with_deadlines() if kind not in MACHINES}
    assert {f"{kind.__module__}.{kind.__qualname__}".removeprefix(f"{PROTOCOLS}.") for kind in found} == PARTS.keys()


@pytest.mark.parametrize("machine", MACHINES)
def test_a_machine_takes_an_input_and_the_time(machine: type[Machine[Any, Any]]) -> None:
    assert [*inspect.signature(machine.handle).parameters] == ["self", "given", "now"]
    assert [*inspect.signature(machine.next_deadline).parameters] == ["self"]
    assert [*inspect.signature(machine.validate).parameters] == ["self"]


def effect_loops(module: Module) -> list[str]:
    """Loops that match what they iterate over, and machines that are handed the time."""
    return [
        f"{module.name}:{node.lineno}"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.For | ast.Call) and (_matches_its_target(node) or _hands_the_time(node))
    ]


def _matches_its_target(node: ast.AST) -> bool:
    match node:
        case ast.For(target=ast.Name(target), body=[*_, ast.Match(subject=ast.Name(subject))]):
            return target == subject
        case _:
            return False


def _hands_the_time(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(attr="handle"), args=[_, _]):
            return True
        case _:
            return False


def test_no_shell_has_an_effect_loop_of_its_own() -> None:
    shells = [
        module
        for module in source_modules()
        if module.name.startswith("casty_cluster.") and not module.name.startswith((PROTOCOLS, DRIVER))
    ]
    assert len(shells) > 20
    assert [found for module in shells for found in effect_loops(module)] == []


def test_the_driver_has_one() -> None:
    (driver,) = (module for module in source_modules() if module.name == DRIVER)
    assert len(effect_loops(driver)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "for effect in machine.tick(now):\n    match effect:\n        case 1: pass",
        "for effect in effects:\n    log(effect)\n    match effect:\n        case 1: pass",
        "machine.handle(Tick(), now)",
    ],
)
def test_a_planted_loop_is_found(text: str) -> None:
    assert effect_loops(Module("planted", text)) == ["planted:1"]


def test_sending_over_a_system_link_has_one_name() -> None:
    """`protocol.system_link.SendSystem`: no other effect pairs a receiver with a message of `wire.system`."""
    assert [name for module in protocol_modules() for name in sends_over_a_system_link(module)] == []


def sends_over_a_system_link(module: Module) -> Iterator[str]:
    messages = {
        found.target.rpartition(".")[2] for found in all_imports([module]) if found.target.startswith(SYSTEM_MESSAGES)
    }
    for node in module.tree.body:
        if isinstance(node, ast.ClassDef):
            fields = [field for field in node.body if isinstance(field, ast.AnnAssign)]
            names = {name.id for field in fields for name in ast.walk(field.annotation) if isinstance(name, ast.Name)}
            if {"NodeId", *messages} & names > {"NodeId"} and any(
                ast.unparse(field.target) == "to" for field in fields
            ):
                yield f"{module.name}.{node.name}"


def test_a_planted_effect_that_sends_is_found() -> None:
    text = "from casty_cluster.wire.system import Watch\nclass Send:\n    to: NodeId\n    message: Watch | int"
    assert list(sends_over_a_system_link(Module("planted", text))) == ["planted.Send"]
