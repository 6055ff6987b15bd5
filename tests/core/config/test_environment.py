"""Environment variables over a file."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from casty.config import CastyConfig, load_config
from casty.config.convert import table_from
from casty.config.environment import overridden
from casty.errors import ConfigError
from casty.mailbox import MailboxOverflowStrategy

pytestmark = pytest.mark.usefixtures("nothing_in_the_environment")


def configured(environ: Mapping[str, str], data: Mapping[str, object] | None = None) -> CastyConfig:
    return table_from(CastyConfig, overridden(data or {}, environ))


def test_a_variable_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "casty.toml"
    path.write_text('[cluster]\nhost = "node1"\nport = 1')
    monkeypatch.setenv("CASTY_CLUSTER__PORT", "0")

    cluster = load_config(path).cluster

    assert (cluster.host, cluster.port) == ("node1", 0)


def test_a_variable_counts_without_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CASTY_CLUSTER__FAILURE_DETECTOR__THRESHOLD", "12")

    assert load_config().cluster.failure_detector.threshold == 12.0


def test_values_are_toml() -> None:
    config = configured(
        {
            "CASTY_CLUSTER__SEED_NODES": '["a:1", "b:2"]',
            "CASTY_SERIALIZATION__STRICT": "true",
            "CASTY_SYSTEM__NAME": '"quoted"',
            "CASTY_JOURNAL__URL": "redis://localhost/0",
            "CASTY_JOURNAL__OPTIONS": "{ pool = 5 }",
            "CASTY_JOURNAL__OPTIONS__RETRIES": "3",
        }
    )

    assert config.cluster.seed_nodes == ("a:1", "b:2")
    assert config.serialization.strict is True
    assert config.system.name == "quoted"
    assert config.journal.options == {"pool": 5, "retries": 3}


@pytest.mark.parametrize("name", ["shop", "123", "true", "1.5", "a b"])
def test_a_string_needs_no_quotes(name: str) -> None:
    assert configured({"CASTY_SYSTEM__NAME": name}).system.name == name


def test_an_optional_string_and_a_choice_need_no_quotes_either() -> None:
    config = configured({"CASTY_JOURNAL__URL": "sqlite:///x.db", "CASTY_DEFAULTS__MAILBOX__STRATEGY": "reject"})

    assert config.journal.url == "sqlite:///x.db"
    assert config.defaults.mailbox.strategy is MailboxOverflowStrategy.reject


def test_a_pattern_of_the_file_is_reached_by_its_lower_case_name() -> None:
    file = {"actors": {"orders": {"mailbox": {"capacity": 1, "strategy": "reject"}}, "x": {}}}
    config = configured({"CASTY_ACTORS__ORDERS__MAILBOX__CAPACITY": "9"}, file)

    assert config.actors["orders"].mailbox.capacity == 9
    assert config.actors["orders"].mailbox.strategy is MailboxOverflowStrategy.reject
    assert list(config.actors) == ["orders", "x"]


def test_other_variables_are_left_alone() -> None:
    assert configured({"CASTY_HOME": "/x", "MY_CASTY_CLUSTER__PORT": "1", "PATH": "a__b"}) == CastyConfig()


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("CASTY_CLUSTER__PROT", "1", "cluster.prot is no setting; did you mean cluster.port?"),
        ("CASTY_CLUSTER__PORT", "abc", "cluster.port must be an integer; it is 'abc'"),
        ("CASTY_CLUSTER__PORT", "99999", "cluster.port must be from 0 to 65535; it is 99999"),
        ("CASTY_CLUSTER__PORT__X", "1", "cluster.port is a single setting; it has no x"),
        ("CASTY_CLUSTER__TLS", "5", "cluster.tls must be a table; it is 5"),
        ("CASTY_CLUSTER__GOSSIP", "{ intervall = 1 }", "cluster.gossip.intervall is no setting"),
    ],
)
def test_an_error_names_the_variable(variable: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        overridden({}, {variable: value})

    assert str(raised.value).startswith(f"{variable}: {message}")


def test_variables_may_complete_each_other() -> None:
    files = {f"CASTY_CLUSTER__TLS__{key}": f"{key}.pem" for key in ("CERTFILE", "CAFILE", "KEYFILE")}

    assert configured(files).cluster.tls.cafile == "CAFILE.pem"


def test_disabled_plugins_are_added_to_those_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "casty.toml"
    path.write_text('[plugins]\ndisabled = ["a"]')
    monkeypatch.setenv("CASTY_DISABLED_PLUGINS", "b, c,")

    assert load_config(path).plugins.disabled == ("a", "b", "c")
