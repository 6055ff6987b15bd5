"""Death watch across nodes as a machine, watching side."""

from typing import NoReturn

from casty.errors import ActorFailedError, NodeLostError
from casty.member import NodeId
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.protocol.watching import (
    PATIENCE,
    AddWatch,
    Effect,
    Members,
    Notify,
    Out,
    RemoveWatch,
    RemoveWatcher,
    StoppedReceived,
    Target,
    Watches,
)
from casty_cluster.wire.system import Stopped, Unwatch, Watch

NODE = NodeId("b", 1, 11)
RESTARTED = NodeId("b", 1, 12)
TARGET = Target(NODE.address, "/worker", 7)


def knowing(*nodes: NodeId) -> Watches[str]:
    watches = Watches[str]()
    assert watches.handle(Members(nodes), 0.0) == []
    return watches


def told(effects: list[Effect]) -> list[tuple[str, object]]:
    assert all(isinstance(effect, Notify) for effect in effects)
    return [(effect.watcher, effect.notice) for effect in effects if isinstance(effect, Notify)]


def test_the_first_watcher_asks_the_node_and_the_last_one_takes_it_back() -> None:
    watches = knowing(NODE)
    assert watches.handle(AddWatch(TARGET, "w1", "gone"), 0.0) == [SendSystem(NODE, Watch("/worker", 7))]
    assert watches.handle(AddWatch(TARGET, "w2", "gone"), 0.0) == []
    watches.validate()
    assert watches.handle(RemoveWatch(TARGET, "w1"), 0.0) == []
    assert watches.handle(RemoveWatch(TARGET, "w1"), 0.0) == [], "a second time means nothing"
    assert watches.handle(RemoveWatch(TARGET, "w2"), 0.0) == [SendSystem(NODE, Unwatch("/worker", 7))]
    watches.validate()


def test_every_watcher_is_notified_once_when_the_actor_stops() -> None:
    watches = knowing(NODE)
    watches.handle(AddWatch(TARGET, "w1", "first"), 0.0)
    watches.handle(AddWatch(TARGET, "w1", "second"), 0.0)
    watches.handle(AddWatch(TARGET, "w2", "third"), 0.0)
    stopped = StoppedReceived(NODE, Stopped("/worker", 7, None))
    assert told(watches.handle(stopped, 0.0)) == [("w1", "second"), ("w2", "third")]
    assert watches.handle(stopped, 0.0) == []
    watches.validate()


def test_a_failure_travels_with_the_notice() -> None:
    watches = knowing(NODE)
    watches.handle(AddWatch(TARGET, "w", "gone"), 0.0)
    [effect] = watches.handle(StoppedReceived(NODE, Stopped("/worker", 7, "ValueError('x')")), 0.0)
    assert isinstance(effect, Notify)
    assert isinstance(effect.reason, ActorFailedError)


def test_a_lost_node_takes_its_actors_with_it_and_a_new_incarnation_says_nothing_about_them() -> None:
    watches = knowing(NODE)
    watches.handle(AddWatch(TARGET, "w", "gone"), 0.0)
    [effect] = watches.handle(Members([RESTARTED]), 5.0)
    assert isinstance(effect, Notify)
    assert effect.watcher == "w"
    assert isinstance(effect.reason, NodeLostError)
    watches.validate()


def test_another_incarnation_cannot_report_an_actor_that_it_was_not_asked_about() -> None:
    watches = knowing(NODE)
    watches.handle(AddWatch(TARGET, "w", "gone"), 0.0)
    assert watches.handle(StoppedReceived(RESTARTED, Stopped("/worker", 7, None)), 0.0) == []


def test_a_node_that_is_not_known_yet_is_waited_for() -> None:
    watches = knowing()
    assert watches.handle(AddWatch(TARGET, "w", "gone"), 3.0) == []
    watches.validate()
    assert watches.next_deadline() == 3.0 + PATIENCE
    assert watches.handle(Tick(), 3.0 + PATIENCE - 0.1) == []
    assert watches.handle(Members([NODE]), 9.0) == [SendSystem(NODE, Watch("/worker", 7))]
    assert watches.next_deadline() is None
    watches.validate()


def test_a_node_that_never_joins_counts_as_lost() -> None:
    watches = knowing()
    watches.handle(AddWatch(TARGET, "w", "gone"), 0.0)
    assert told(watches.handle(Tick(), PATIENCE)) == [("w", "gone")]
    watches.validate()


def test_a_watcher_that_stops_takes_all_its_watches_back() -> None:
    other = Target(NODE.address, "/other", 8)
    watches = knowing(NODE)
    watches.handle(AddWatch(TARGET, "w1", "gone"), 0.0)
    watches.handle(AddWatch(other, "w1", "gone"), 0.0)
    watches.handle(AddWatch(other, "w2", "gone"), 0.0)
    assert watches.handle(RemoveWatcher("w1"), 0.0) == [SendSystem(NODE, Unwatch("/worker", 7))]
    assert told(watches.handle(StoppedReceived(NODE, Stopped("/other", 8, None)), 0.0)) == [("w2", "gone")]


def test_the_end_of_a_watcher_visits_its_own_watches_only() -> None:
    watches = knowing(NODE)
    for number in range(100):
        watches.handle(AddWatch(TARGET._replace(uid=number), f"w{number}", "gone"), 0.0)

    class Unread(dict[Target, dict[str, object]]):
        def items(self) -> NoReturn:
            raise AssertionError("it looks at all watches")

        __iter__ = values = keys = items

    watches._watchers = Unread(watches._watchers)
    assert watches.handle(RemoveWatcher("w7"), 0.0) == [SendSystem(NODE, Unwatch("/worker", 7))]
    assert watches.handle(RemoveWatcher("w7"), 0.0) == []


def test_a_node_that_is_out_notifies_no_watcher_and_asks_again_once_it_has_rejoined() -> None:
    watches = knowing(NODE)
    watches.handle(AddWatch(TARGET, "w", "gone"), 0.0)
    watches.handle(Out(), 5.0)
    watches.validate()
    assert watches.handle(StoppedReceived(NODE, Stopped("/worker", 7, None)), 0.0) == [], (
        "it answers to an incarnation that is no more"
    )
    assert watches.next_deadline() == 5.0 + PATIENCE
    assert watches.handle(Members([NODE]), 6.0) == [SendSystem(NODE, Watch("/worker", 7))]
    watches.validate()


def test_a_node_that_stays_out_ends_its_watches() -> None:
    watches = knowing(NODE)
    watches.handle(AddWatch(TARGET, "w", "gone"), 0.0)
    watches.handle(Out(), 5.0)
    assert watches.handle(Tick(), 5.0 + PATIENCE - 0.1) == []
    assert told(watches.handle(Tick(), 5.0 + PATIENCE)) == [("w", "gone")]
    watches.validate()


def test_while_two_members_are_at_one_address_no_actor_is_taken_for_dead() -> None:
    other = Target(NODE.address, "/other", 8)
    watches = knowing(NODE)
    watches.handle(AddWatch(TARGET, "w", "gone"), 0.0)
    assert watches.handle(Members([NODE, RESTARTED]), 1.0) == [], "one of them is gone, and it may be either"
    assert watches.handle(AddWatch(other, "w", "gone"), 1.0) == []
    watches.validate()
    assert watches.handle(Members([NODE]), 2.0) == [SendSystem(NODE, Watch("/other", 8))]
    watches.validate()
