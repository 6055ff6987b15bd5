"""Members whose machines refuse connections: suspected sooner, and never for one refusal alone."""

import pytest
from casty.address import PeerAddress
from casty.member import NodeId
from casty.spi.transport import ConnectFailure
from casty_cluster.protocol.refused_connections import STALE, RefusedConnections

A = NodeId("a", 1, 1)
B = NodeId("b", 1, 2)
PATIENCE = 1.0


def watching(*others: NodeId) -> RefusedConnections:
    machine = RefusedConnections(PATIENCE)
    machine.members(others)
    return machine


def refused(machine: RefusedConnections, *times: float, address: PeerAddress = A.address) -> None:
    for now in times:
        machine.failed(address, ConnectFailure.refused, now)


def test_a_member_that_is_refused_again_and_again_is_suspected() -> None:
    machine = watching(A, B)
    refused(machine, 10.0, 10.1)
    assert machine.suspects(10.9) == set()
    assert machine.suspects(11.0) == {A}


def test_one_refusal_is_not_enough() -> None:
    machine = watching(A)
    refused(machine, 10.0)
    assert machine.suspects(12.0) == set()


def test_a_sign_of_life_ends_it() -> None:
    machine = watching(A)
    refused(machine, 10.0, 11.0)
    machine.heard(A)
    assert machine.suspects(11.0) == set()
    refused(machine, 11.1)
    assert machine.suspects(12.5) == set(), "and it begins anew"


@pytest.mark.parametrize("failure", [ConnectFailure.unreachable, ConnectFailure.rejected])
def test_so_does_an_attempt_that_fails_otherwise(failure: ConnectFailure) -> None:
    machine = watching(A)
    refused(machine, 10.0, 10.5)
    machine.failed(A.address, failure, 11.0)
    assert machine.suspects(11.0) == set()


def test_what_was_refused_long_ago_says_nothing() -> None:
    machine = watching(A)
    refused(machine, 10.0, 11.0)
    assert machine.suspects(11.0 + STALE) == {A}
    assert machine.suspects(11.1 + STALE) == set()
    refused(machine, 30.0)
    assert machine.suspects(30.0) == set()


def test_only_members_are_suspected() -> None:
    machine = watching(B)
    refused(machine, 10.0, 11.0)
    assert machine.suspects(11.0) == set()
    machine.heard(A)
    refused(machine, 10.0, 11.0, address=B.address)
    machine.members([])
    assert machine.suspects(11.0) == set()


def test_what_a_new_incarnation_says_does_not_revive_the_one_before_it() -> None:
    machine = watching(A)
    refused(machine, 10.0, 11.0)
    again = NodeId("a", 1, 77)
    machine.heard(again)
    machine.members([A, again])
    machine.heard(again)
    assert machine.suspects(11.5) == {A}
