"""Large shards: a report in parts, and decisions and comparisons in steps, come to the same as all at once."""

from random import Random

import pytest
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.replication import follower, promotion, reports
from casty_cluster.protocol.replication.decision import Decision, Report
from casty_cluster.protocol.replication.effects import Send
from casty_cluster.protocol.replication.inputs import Received, Stored
from casty_cluster.protocol.replication.replica import Replica
from casty_cluster.protocol.replication.stored import Contents, StoreEntries
from casty_cluster.wire.replication import Entry, Epoch, Position, Prepare

from tests.cluster.protocol.replication.group import Group

E1, E2 = Epoch(1, 7), Epoch(2, 7)


def reported(random: Random) -> dict[str, Report]:
    return {
        copy: Report(
            confirmed=random.choice((E1, E2)),
            positions={f"e{n}": Position(E1, random.randint(1, 3)) for n in range(20) if random.random() < 0.7},
        )
        for copy in "ABC"
    }


@pytest.mark.parametrize("seed", range(10))
def test_steps_of_any_size_choose_the_same(seed: int) -> None:
    found = reported(Random(seed))
    choices = Decision(found, "AB")
    assert choices.step(10_000)
    for size in (1, 7, 20):
        decision, steps = Decision(found, "AB"), 1
        while not decision.step(size):
            steps += 1
        assert decision.choices == choices.choices
        assert steps > sum(len(report.positions) for report in found.values()) // size
    assert choices.choices.keys() == {entity for report in found.values() for entity in report.positions}


def test_a_report_leaves_time_between_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "PART", 1)
    contents = Contents()
    for entity in "abc":
        contents.apply(StoreEntries(entity, 0, (Entry(E1, b""),)))
    replica = Replica("C", contents, 1)
    replica.handle(Received("P", Prepare(E1)), 1.0)
    assert replica.next_deadline() is None, "the promise is not stored yet"
    assert len(replica.handle(Stored(2), 2.0)) == 1
    assert replica.next_deadline() == 2.0
    assert replica.handle(Received("P", Prepare(E1)), 2.0) == [], "what is on its way does not start again"
    assert [len(replica.handle(Tick(), 2.0)) for _ in range(3)] == [1, 1, 0]
    assert replica.next_deadline() is None


def test_a_higher_promise_ends_a_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "PART", 1)
    contents = Contents()
    for entity in "abc":
        contents.apply(StoreEntries(entity, 0, (Entry(E1, b""),)))
    replica = Replica("C", contents, 1)
    replica.handle(Received("P", Prepare(E1)), 0.0)
    replica.handle(Stored(2), 0.0)
    replica.handle(Received("Q", Prepare(E2)), 0.0)
    replica.validate()
    assert replica.handle(Tick(), 0.0) == []
    assert [effect.to for effect in replica.handle(Stored(3), 0.0) if isinstance(effect, Send)] == ["Q"]


def test_a_large_shard_is_promoted_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events that come while copies are compared reach them as well."""
    for module in (follower, promotion):
        monkeypatch.setattr(module, "SLICE", 3)
    monkeypatch.setattr(reports, "PART", 40)
    group = Group()
    group.promote("A")
    group.run()
    for entity in range(20):
        group.append("A", entity)
        group.run(without="C" if entity % 3 else "B")
    group.promote("B")
    while not group.is_active("B"):
        assert group.step(set())
    for entity in (0, 5, 19, 30):
        group.append("B", entity)
    group.run(ticks=3)
    for entity in range(31):
        assert group.events("A", entity) == group.events("B", entity) == group.events("C", entity)
    assert group.ledger.last("e19") == 2
    assert group.ledger.last("e30") == 1
