"""The actors that can be found under a key, on every node alike."""

import pytest
from casty.member import NodeId
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.registry import (
    COMBINED,
    MAX_ENTRIES,
    MAX_ENTRY,
    ActorStopped,
    Add,
    Effect,
    Input,
    ListingChanged,
    Members,
    PeerChanged,
    Publish,
    Refuse,
    Registry,
    Remove,
    Subscribed,
)
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.wire import codec, frames
from casty_cluster.wire.portions import MAX_BYTES
from casty_cluster.wire.system import Changed, Entry

A, B, C = (NodeId("n", port, port) for port in (1, 2, 3))


class Net:
    """Registries whose changes arrive at once."""

    def __init__(self, *nodes: NodeId) -> None:
        self.nodes = {node: Registry[str](node) for node in nodes}
        self.announced: list[tuple[NodeId, str]] = []

    def do(self, node: NodeId, given: Input[str]) -> None:
        effects = self.nodes[node].handle(given, 0.0)
        self.nodes[node].validate()
        for effect in effects:
            match effect:
                case SendSystem(to, change):
                    self.do(to, PeerChanged(node, change))
                case ListingChanged(key):
                    self.announced.append((node, key))
                case Publish() | Refuse():
                    raise AssertionError(effect)

    def meet(self, *present: NodeId) -> None:
        for node in present:
            self.do(node, Members(node, [other for other in present if other != node]))


def test_what_is_added_anywhere_is_found_everywhere_own_first() -> None:
    net = Net(A, B)
    net.meet(A, B)
    net.do(A, Add("k", "a1"))
    net.do(B, Add("k", "b1"))
    assert net.nodes[A].find("k") == [(A, "a1"), (B, "b1")]
    assert net.nodes[B].find("k") == [(B, "b1"), (A, "a1")]
    assert net.nodes[B].find("other") == []


def test_what_is_removed_is_found_nowhere() -> None:
    net = Net(A, B, C)
    net.meet(A, B, C)
    net.do(A, Add("k", "a1"))
    net.announced.clear()
    net.do(A, Remove("k", "a1"))
    assert [net.nodes[node].find("k") for node in (A, B, C)] == [[], [], []]
    assert net.announced == [(A, "k"), (B, "k"), (C, "k")]
    assert net.nodes[A].handle(Remove("k", "a1"), 0.0) == []


def test_a_newcomer_learns_all_there_is() -> None:
    net = Net(A, B)
    for number in range(1_000):
        net.do(A, Add("k", f"a{number}"))
    net.meet(A, B)
    assert len(net.nodes[B].find("k")) == 1_000


def test_the_entries_for_a_newcomer_fit_into_frames_however_long_the_addresses_are() -> None:
    registry = Registry[str](A)
    longest = (MAX_ENTRY - 100) // 2
    for number in range(100):
        registry.handle(Add("é" * (longest // 2), f"{number:0{longest}}"), 0.0)
    changes = sent(registry.handle(Members(A, [B]), 0.0))
    assert len(changes) > 100 * longest / MAX_BYTES
    assert all(codec.encode(frames.SYSTEM, change) for change in changes)
    assert len({entry for change in changes for entry in change.added}) == 100


def sent(effects: list[Effect]) -> list[Changed]:
    return [effect.message for effect in effects if isinstance(effect, SendSystem)]


def test_an_entry_that_fits_into_no_frame_is_refused() -> None:
    registry = Registry[str](A)
    [refused] = registry.handle(Add("k" * MAX_ENTRY, "a"), 0.0)
    assert isinstance(refused, Refuse)
    assert "at most" in refused.reason
    with pytest.raises(ValueError, match="at most"):
        registry.reserve("k" * MAX_ENTRY, "a")
    assert registry.find("k" * MAX_ENTRY) == []


def test_a_removed_member_takes_its_entries_with_it_and_that_is_announced() -> None:
    net = Net(A, B)
    net.meet(A, B)
    net.do(B, Add("k", "b1"))
    net.announced.clear()
    net.do(A, Members(A, []))
    assert net.nodes[A].find("k") == []
    assert net.announced == [(A, "k")]


def test_entries_that_arrive_before_their_node_is_known_are_kept() -> None:
    net = Net(A, B)
    net.do(B, Members(B, [A]))
    net.do(B, Add("k", "b1"))
    net.do(A, Members(A, [B]))
    assert net.nodes[A].find("k") == [(B, "b1")]


def test_a_node_takes_only_so_many_entries_of_itself_and_of_another() -> None:
    registry = Registry[str](A)
    for number in range(MAX_ENTRIES):
        registry.handle(Add("k", f"a{number}"), 0.0)
    [refused] = registry.handle(Add("k", "one too many"), 0.0)
    assert isinstance(refused, Refuse)
    assert "most" in refused.reason
    assert registry.handle(Add("k", "a1"), 0.0) == [], "it is there already"
    registry.validate()
    other = Registry[str](B)
    for change in sent(registry.handle(Members(A, [B]), 0.0)):
        other.handle(PeerChanged(A, change), 0.0)
        other.handle(PeerChanged(A, Changed(tuple(entry._replace(key="more") for entry in change.added), ())), 0.0)
    assert len(other.find("k")) + len(other.find("more")) == MAX_ENTRIES
    other.validate()


def test_a_reservation_keeps_room_until_its_entry_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("casty_cluster.protocol.registry.MAX_ENTRIES", 2)
    registry = Registry[str](A)
    registry.reserve("k", "a1")
    registry.handle(Add("k", "a2"), 0.0)
    with pytest.raises(ValueError, match="most"):
        registry.reserve("k", "a3")
    registry.reserve("k", "a2")  # no second entry
    registry.handle(Add("k", "a2", is_reserved=True), 0.0)
    assert registry.handle(Add("k", "a1", is_reserved=True), 0.0) == [ListingChanged("k")]
    registry.handle(Remove("k", "a1"), 0.0)
    registry.reserve("k", "a3")
    registry.validate()


def test_a_stopped_actor_is_found_no_more_under_any_key_and_subscribes_no_more() -> None:
    registry = Registry[str](A)
    registry.handle(Members(A, [B]), 0.0)
    for key in ("k", "l"):
        registry.handle(Add(key, "a1"), 0.0)
    assert registry.handle(Subscribed("k", "a1"), 1.0) == [Publish("k", ("a1",))]
    effects = registry.handle(ActorStopped("a1", "a1"), 2.0)
    assert len(sent(effects)) == 2
    assert not any(isinstance(effect, Publish) for effect in effects)
    assert registry.find("k") == registry.find("l") == []
    assert registry.handle(Add("k", "a2"), 3.0)[0] == ListingChanged("k"), "no subscriber is left"
    registry.validate()


def test_changes_in_quick_succession_are_published_together() -> None:
    registry = Registry[str](A)
    for subscriber in ("s", "t"):
        assert registry.handle(Subscribed("k", subscriber), 0.0) == [Publish("k", (subscriber,))]
    assert registry.handle(Add("k", "a1"), 1.0) == [Publish("k", ("s", "t"))]
    assert registry.next_deadline() is None
    for number in range(2, 10):
        assert registry.handle(Add("k", f"a{number}"), 1.01) == []
    assert registry.next_deadline() == 1.0 + COMBINED
    assert registry.handle(Tick(), 1.02) == [], "a tick before its time changes nothing"
    assert registry.handle(Tick(), 1.0 + COMBINED) == [Publish("k", ("s", "t"))]
    assert registry.next_deadline() is None


def test_a_subscriber_that_stops_before_its_listing_is_due_gets_none() -> None:
    registry = Registry[str](A)
    registry.handle(Subscribed("k", "s"), 0.0)
    registry.handle(Add("k", "a1"), 1.0)
    registry.handle(Remove("k", "a1"), 1.01)
    assert registry.handle(ActorStopped("s", "s"), 1.02) == [ListingChanged("k")]
    assert registry.next_deadline() is None
    registry.validate()


def test_a_new_incarnation_keeps_its_own_entries_and_tells_them_all_members_again() -> None:
    registry = Registry[str](A)
    registry.handle(Members(A, [B]), 0.0)
    registry.handle(Add("k", "a1"), 0.0)
    registry.handle(PeerChanged(B, Changed((Entry("k", "b1"),), ())), 0.0)
    registry.handle(Subscribed("k", "s"), 0.0)
    again = A._replace(uid=99)
    effects = registry.handle(Members(again, [B]), 1.0)
    assert Publish("k", ("s",)) in effects
    assert sent(effects) == [Changed((Entry("k", "a1"),), ())]
    assert registry.find("k") == [(again, "a1")], "what the last incarnation knew of others may have changed"
    registry.validate()
