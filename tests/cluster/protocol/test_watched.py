"""Death watch across nodes as a machine, watched side."""

from random import Random

from casty.member import NodeId
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.protocol.watched import (
    ActorStopped,
    Ignore,
    Input,
    Observe,
    UnwatchReceived,
    WatchedActors,
    WatchReceived,
)
from casty_cluster.protocol.watching import Members
from casty_cluster.wire.system import Stopped, Watch

B = NodeId("b", 1, 11)
C = NodeId("c", 1, 12)
REQUEST = Watch("/worker", 7)


def test_an_actor_is_observed_from_its_first_watch_to_its_last() -> None:
    watched = WatchedActors[str]()
    assert watched.handle(WatchReceived(B, REQUEST, "worker"), 0.0) == [Observe("worker")]
    assert watched.handle(WatchReceived(B, REQUEST, "worker"), 0.0) == [], "it is sent twice"
    assert watched.handle(WatchReceived(C, REQUEST, "worker"), 0.0) == []
    watched.validate()
    assert watched.handle(UnwatchReceived(B, REQUEST), 0.0) == []
    assert watched.handle(UnwatchReceived(B, REQUEST), 0.0) == [], "a second time changes nothing"
    assert watched.handle(UnwatchReceived(C, REQUEST), 0.0) == [Ignore("worker")]
    watched.validate()


def test_each_watch_is_answered_when_the_actor_stops() -> None:
    """One actor has two paths where one of them is an adapter's."""
    adapter = Watch("/worker", 8)
    watched = WatchedActors[str]()
    for node, request in ((B, REQUEST), (B, adapter), (C, REQUEST)):
        watched.handle(WatchReceived(node, request, "worker"), 0.0)
    assert watched.handle(ActorStopped("worker", "ValueError()"), 1.0) == [
        SendSystem(B, Stopped("/worker", 7, "ValueError()")),
        SendSystem(B, Stopped("/worker", 8, "ValueError()")),
        SendSystem(C, Stopped("/worker", 7, "ValueError()")),
    ]
    assert watched.handle(ActorStopped("worker", None), 2.0) == []
    watched.validate()


def test_the_watch_of_an_actor_that_is_not_alive_is_answered_at_once() -> None:
    watched = WatchedActors[str]()
    assert watched.handle(WatchReceived(B, REQUEST, None), 0.0) == [SendSystem(B, Stopped("/worker", 7, None))]
    watched.validate()
    assert watched.handle(Members(()), 0.0) == []


def test_the_watches_of_a_removed_member_end() -> None:
    other = Watch("/other", 9)
    watched = WatchedActors[str]()
    watched.handle(WatchReceived(B, REQUEST, "worker"), 0.0)
    watched.handle(WatchReceived(B, other, "other"), 0.0)
    watched.handle(WatchReceived(C, REQUEST, "worker"), 0.0)
    assert watched.handle(Members([C]), 1.0) == [Ignore("other")]
    watched.validate()
    assert watched.handle(ActorStopped("worker", None), 2.0) == [SendSystem(C, Stopped("/worker", 7, None))]


def test_whatever_comes_in_whatever_order_the_indexes_agree() -> None:
    random = Random(1)
    watched = WatchedActors[int]()
    observed = set[int]()
    for _ in range(2_000):
        node, uid = random.choice((B, C)), random.randrange(3)
        request = Watch("/a", uid)
        given: Input[int] = random.choice(
            (
                WatchReceived(node, request, uid),
                UnwatchReceived(node, request),
                ActorStopped(uid, None),
                Members(random.choice(((B, C), (B,), ()))),
            )
        )
        for effect in watched.handle(given, 0.0):
            match effect:
                case Observe(actor):
                    assert actor not in observed
                    observed.add(actor)
                case Ignore(actor):
                    observed.remove(actor)
                case SendSystem(_, stopped):
                    observed.discard(stopped.uid)
        watched.validate()
    assert watched.handle(Tick(), 0.0) == []
    assert watched.next_deadline() is None
