"""What a configuration comes to for an actor: every key takes effect, and the nearest table wins."""

from collections.abc import Mapping

import pytest
from casty.behaviors.supervision import Backoff, Directive, OneForOneStrategy
from casty.config import ActorSettings, ActorSettingsResolver, CastyConfig
from casty.config.actors import Always
from casty.config.convert import table_from
from casty.mailbox import Mailbox, MailboxOverflowStrategy
from casty.replication import ReplicationConfig

type Data = Mapping[str, object]


def resolved(data: Data, name: str = "orders") -> ActorSettings:
    return ActorSettingsResolver(table_from(CastyConfig, data)).resolve(name)


EFFECTS: list[tuple[Data, ActorSettings]] = [
    ({"mailbox": {"capacity": 7}}, ActorSettings(mailbox=Mailbox(7))),
    (
        {"mailbox": {"strategy": "reject"}},
        ActorSettings(mailbox=Mailbox(None, MailboxOverflowStrategy.reject)),
    ),
    ({"supervision": {"strategy": "restart"}}, ActorSettings(supervision=OneForOneStrategy())),
    (
        {"supervision": {"strategy": "stop"}},
        ActorSettings(supervision=OneForOneStrategy(decider=Always(Directive.stop))),
    ),
    (
        {"supervision": {"strategy": "escalate"}},
        ActorSettings(supervision=OneForOneStrategy(decider=Always(Directive.escalate))),
    ),
    (
        {"supervision": {"strategy": "resume"}},
        ActorSettings(supervision=OneForOneStrategy(decider=Always(Directive.resume))),
    ),
    ({"supervision": {"max_restarts": 0}}, ActorSettings(supervision=OneForOneStrategy(max_restarts=0))),
    ({"supervision": {"within_seconds": 9}}, ActorSettings(supervision=OneForOneStrategy(within=9.0))),
    (
        {"supervision": {"backoff_initial": 0}},
        ActorSettings(supervision=OneForOneStrategy(backoff=Backoff(initial=0.0))),
    ),
    (
        {"supervision": {"backoff_max": 5}},
        ActorSettings(supervision=OneForOneStrategy(backoff=Backoff(maximum=5.0))),
    ),
    (
        {"supervision": {"backoff_multiplier": 3}},
        ActorSettings(supervision=OneForOneStrategy(backoff=Backoff(multiplier=3.0))),
    ),
    (
        {"supervision": {"backoff_jitter": 0}},
        ActorSettings(supervision=OneForOneStrategy(backoff=Backoff(jitter=0.0))),
    ),
    ({"sharding": {"num_shards": 8}}, ActorSettings(num_shards=8)),
    (
        {"sharding": {"allocation": "ring", "allocation_options": {"points": 3}}},
        ActorSettings(allocation="ring", allocation_options={"points": 3}),
    ),
    ({"replication": {"replicas": 2}}, ActorSettings(replication=ReplicationConfig(replicas=2))),
    (
        {"replication": {"replicas": 2, "min_acks": 1}},
        ActorSettings(replication=ReplicationConfig(replicas=2, min_acks=1)),
    ),
    ({"replication": {"ack_timeout": 1}}, ActorSettings(replication=ReplicationConfig(ack_timeout=1.0))),
]


@pytest.mark.parametrize(("tables", "expected"), EFFECTS)
def test_a_key_takes_effect_as_a_default(tables: Data, expected: ActorSettings) -> None:
    assert resolved({"defaults": tables}) == expected


@pytest.mark.parametrize(("tables", "expected"), EFFECTS)
def test_a_key_takes_effect_for_the_actors_that_its_pattern_names(tables: Data, expected: ActorSettings) -> None:
    data = {"actors": {"orders": tables}}

    assert resolved(data) == expected
    assert resolved(data, "others") == ActorSettings()


def test_journal() -> None:
    data: Data = {
        "journal": {"url": "sqlite:///all.db"},
        "actors": {"orders": {"journal": "sqlite:///orders.db"}},
    }

    assert resolved(data).journal == "sqlite:///orders.db"
    assert resolved(data, "others").journal == "sqlite:///all.db"
    assert resolved(data, "_coordinator").journal == "sqlite:///all.db"
    assert resolved({}).journal is None


def test_always_answers_every_exception_alike() -> None:
    strategy = resolved({"defaults": {"supervision": {"strategy": "escalate"}}}).supervision

    assert strategy is not None
    assert strategy.decide(ValueError()) is Directive.escalate
    assert strategy.decide(KeyError()) is Directive.escalate


def test_an_actors_table_overrides_key_by_key() -> None:
    settings = resolved(
        {
            "defaults": {
                "mailbox": {"capacity": 10, "strategy": "drop_oldest"},
                "supervision": {"strategy": "stop", "max_restarts": 9},
                "replication": {"replicas": 3, "ack_timeout": 2.0},
            },
            "actors": {
                "orders": {
                    "mailbox": {"capacity": 5000},
                    "supervision": {"strategy": "restart"},
                    "replication": {"min_acks": 2},
                }
            },
        }
    )

    assert settings == ActorSettings(
        mailbox=Mailbox(5000, MailboxOverflowStrategy.drop_oldest),
        supervision=OneForOneStrategy(max_restarts=9),
        replication=ReplicationConfig(replicas=3, min_acks=2, ack_timeout=2.0),
    )


def test_the_first_pattern_that_matches_the_whole_name_wins() -> None:
    data: Data = {
        "actors": {
            "sensor": {"sharding": {"num_shards": 1}},
            r"sensor-\d+": {"sharding": {"num_shards": 2}},
            "sensor-.*": {"sharding": {"num_shards": 3}},
        }
    }

    names = ("sensor", "sensor-17", "sensor-x", "a-sensor", "sensors")
    assert [resolved(data, name).num_shards for name in names] == [1, 2, 3, 100, 100]


def test_casty_s_own_actors_are_out_of_reach() -> None:
    data: Data = {
        "defaults": {"mailbox": {"capacity": 1}, "supervision": {"strategy": "restart"}},
        "actors": {".*": {"sharding": {"num_shards": 1}}},
    }

    assert resolved(data, "_gossip") == ActorSettings()


def test_actors_share_their_settings() -> None:
    resolver = ActorSettingsResolver(table_from(CastyConfig, {"actors": {"a.*": {"mailbox": {"capacity": 5}}}}))

    assert resolver.resolve("a1") is resolver.resolve("a2")
    assert resolver.resolve("b") is resolver.resolve("c")


def test_an_actor_with_a_strategy_of_its_own_has_none_of_the_options_of_the_default_one() -> None:
    defaults = {"sharding": {"allocation": "ring", "allocation_options": {"points": 3}}}
    data: Data = {"defaults": defaults, "actors": {"a": {"sharding": {"allocation": "other"}}, "b": {}}}
    assert resolved(data, "a").allocation_options == {}
    assert resolved(data, "b").allocation_options == {"points": 3}
