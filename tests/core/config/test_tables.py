"""Values made in code: each table refuses what a file could not say either."""

from dataclasses import replace

import pytest
from casty.behaviors.supervision import Directive
from casty.config import (
    ActorConfig,
    CastyConfig,
    ClusterConfig,
    DefaultsConfig,
    HeartbeatConfig,
    JournalConfig,
    MailboxOverrides,
    ReplicationOverrides,
    SerializationConfig,
    SupervisionOverrides,
    SystemConfig,
    TlsConfig,
)
from casty.config.convert import table_from
from casty.config.tables import Table
from casty.errors import ConfigError
from casty.mailbox import MailboxOverflowStrategy
from casty.spi.transport import PeerAddress

WRONG: list[tuple[type[Table], str, object, str]] = [
    (SystemConfig, "name", "", "name must be a string that is not empty; it is ''"),
    (SystemConfig, "name", 5, "name must be a string; it is 5"),
    (SystemConfig, "stop_timeout", 0, "stop_timeout must be more than 0; it is 0.0"),
    (SystemConfig, "stop_timeout", "5", "stop_timeout must be a number; it is '5'"),
    (SystemConfig, "stop_timeout", True, "stop_timeout must be a number; it is True"),
    (SystemConfig, "stop_timeout", float("nan"), "stop_timeout must be more than 0; it is nan"),
    (SystemConfig, "high_water", 0, "high_water must be at least 1; it is 0"),
    (SystemConfig, "high_water", None, "high_water must be an integer; it is None"),
    (ClusterConfig, "port", 65536, "port must be from 0 to 65535; it is 65536"),
    (ClusterConfig, "port", -1, "port must be from 0 to 65535; it is -1"),
    (ClusterConfig, "port", True, "port must be an integer; it is True"),
    (ClusterConfig, "port", 1.0, "port must be an integer; it is 1.0"),
    (ClusterConfig, "roles", "worker", "roles must be a list; it is 'worker'"),
    (ClusterConfig, "roles", ["worker", 5], "roles item 2 must be a string; it is 5"),
    (
        ClusterConfig,
        "seed_nodes",
        ["node1"],
        "seed_nodes item 1 must be host:port with a port from 1 to 65535",
    ),
    (ClusterConfig, "seed_nodes", ["a:0"], "seed_nodes item 1 must be host:port"),
    (ClusterConfig, "seed_nodes", ["a:65536"], "seed_nodes item 1 must be host:port"),
    (ClusterConfig, "seed_nodes", ["::1:80"], "seed_nodes item 1 must be host:port"),
    (ClusterConfig, "heartbeat", 5, "heartbeat must be a table; it is 5"),
    (HeartbeatConfig, "interval", -1.0, "interval must be more than 0; it is -1.0"),
    (MailboxOverrides, "capacity", 0, "capacity must be at least 1; it is 0"),
    (
        MailboxOverrides,
        "strategy",
        "drop",
        "strategy must be one of drop_new, drop_oldest, backpressure, reject",
    ),
    (SupervisionOverrides, "max_restarts", -1, "max_restarts must be at least 0; it is -1"),
    (SupervisionOverrides, "backoff_multiplier", 0.5, "backoff_multiplier must be at least 1; it is 0.5"),
    (SupervisionOverrides, "backoff_jitter", -0.1, "backoff_jitter must be at least 0; it is -0.1"),
    (JournalConfig, "url", "events.db", "url must be a URL such as sqlite:///events.db; it is 'events.db'"),
    (JournalConfig, "options", [], "options must be a table; it is []"),
    (SerializationConfig, "strict", 1, "strict must be true or false; it is 1"),
    (CastyConfig, "actors", {"(": ActorConfig()}, "actors key '(' must be a regular expression; it is '('"),
    (CastyConfig, "actors", {"a": 5}, "actors key 'a' must be a table; it is 5"),
]


@pytest.mark.parametrize(("table", "key", "value", "message"), WRONG)
def test_a_wrong_value_is_refused(table: type[Table], key: str, value: object, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        table_from(table, {key: value})

    assert str(raised.value).startswith(message)


def test_values_made_in_code_are_refused_as_well() -> None:
    with pytest.raises(ConfigError, match="port must be from 0 to 65535; it is 99999"):
        ClusterConfig(port=99999)
    with pytest.raises(ConfigError, match="port must be from 0 to 65535; it is -5"):
        replace(ClusterConfig(), port=-5)


def test_values_take_the_form_of_their_type() -> None:
    mailbox = table_from(MailboxOverrides, {"strategy": "drop_oldest"})
    cluster = table_from(ClusterConfig, {"roles": ["worker"]})
    system = table_from(SystemConfig, {"stop_timeout": 3})

    assert mailbox.strategy is MailboxOverflowStrategy.drop_oldest
    assert cluster.roles == ("worker",)
    assert type(system.stop_timeout) is float


def test_a_table_equal_to_one_made_in_code_comes_of_the_same_values() -> None:
    data = {
        "system": {"name": "shop"},
        "defaults": {"supervision": {"strategy": "escalate"}},
        "actors": {"a": {"mailbox": {"capacity": 5}}},
    }

    assert table_from(CastyConfig, data) == CastyConfig(
        system=SystemConfig(name="shop"),
        defaults=DefaultsConfig(supervision=SupervisionOverrides(strategy=Directive.escalate)),
        actors={"a": ActorConfig(mailbox=MailboxOverrides(capacity=5))},
    )


def test_seed_nodes_are_taken_apart() -> None:
    cluster = ClusterConfig(seed_nodes=("node1:25520", "10.0.0.2:1", "[::1]:65535"))

    assert cluster.seed_addresses == (
        PeerAddress("node1", 25520),
        PeerAddress("10.0.0.2", 1),
        PeerAddress("::1", 65535),
    )


def test_tls_takes_all_of_its_files_or_none() -> None:
    assert TlsConfig(certfile="a", cafile="b", keyfile="c").keyfile == "c"
    with pytest.raises(ConfigError, match="certfile and cafile belong together"):
        TlsConfig(certfile="a", keyfile="c")


def test_options_of_a_journal_without_its_url_are_refused() -> None:
    assert JournalConfig(url="memory://", options={"max_payload": 9}).options == {"max_payload": 9}
    with pytest.raises(ConfigError, match=r"^options need a url, .* or remove the options: max_payload, pool$"):
        JournalConfig(options={"max_payload": 9, "pool": 2})
    with pytest.raises(ConfigError, match=r"^journal\.options need a url"):
        table_from(CastyConfig, {"journal": {"options": {"pool": 2}}})


def test_tables_that_contradict_each_other_only_together_are_refused() -> None:
    defaults = DefaultsConfig(replication=ReplicationOverrides(replicas=1))
    with pytest.raises(ConfigError, match=r"^actors.'orders': replication needs 0 <= min_acks <= replicas"):
        CastyConfig(defaults=defaults, actors={"orders": ActorConfig(replication=ReplicationOverrides(min_acks=2))})
    with pytest.raises(ConfigError, match=r"^defaults: a back-off needs 0 <= initial <= maximum"):
        CastyConfig(defaults=DefaultsConfig(supervision=SupervisionOverrides(backoff_initial=9.0, backoff_max=1.0)))


def test_later_changes_to_a_callers_dict_do_not_reach_a_configuration() -> None:
    actors = {"a": ActorConfig()}
    config = CastyConfig(actors=actors)
    actors["b"] = ActorConfig()

    assert list(config.actors) == ["a"]
