"""Where a configuration is found, and what is said about one that is wrong."""

from pathlib import Path

import pytest
from casty.config import CastyConfig, load_config
from casty.errors import ConfigError

pytestmark = pytest.mark.usefixtures("nothing_in_the_environment")


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def error_of(path: Path) -> str:
    with pytest.raises(ConfigError) as raised:
        load_config(path)
    return str(raised.value)


def test_an_explicit_path_may_be_a_string(tmp_path: Path) -> None:
    path = written(tmp_path / "infra" / "any.toml", '[system]\nname = "shop"')

    assert load_config(path).system.name == "shop"
    assert load_config(str(path)).system.name == "shop"


def test_without_a_file_every_setting_has_its_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert load_config() == CastyConfig()


def test_the_nearest_file_above_the_working_directory_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "casty.toml", '[system]\nname = "far"')
    written(tmp_path / "a" / "casty.toml", '[system]\nname = "near"')
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b" / "c")

    assert load_config().system.name == "near"


def test_a_pyproject_counts_where_it_has_a_table_for_casty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "pyproject.toml", '[tool.casty.system]\nname = "project"')
    written(tmp_path / "a" / "pyproject.toml", '[project]\nname = "other"')
    monkeypatch.chdir(tmp_path / "a")

    assert load_config().system.name == "project"
    assert load_config(tmp_path / "pyproject.toml").system.name == "project"


def test_a_casty_toml_goes_before_the_pyproject_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "pyproject.toml", '[tool.casty.system]\nname = "project"')
    written(tmp_path / "casty.toml", '[system]\nname = "own"')
    monkeypatch.chdir(tmp_path)

    assert load_config().system.name == "own"


def test_a_named_pyproject_without_a_table_for_casty_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path / "pyproject.toml", "[tool.other]")

    assert error_of(path) == f"{path}: has no [tool.casty] table; add one, or name a casty.toml"


def test_a_pyproject_whose_entry_is_no_table_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path / "pyproject.toml", "[tool]\ncasty = 5")

    assert error_of(path) == f"{path}: tool.casty must be a table; it is 5"


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "casty.toml"

    assert error_of(path) == f"{path}: cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[cluster]\nprot = 1", "cluster.prot is no setting; did you mean cluster.port?"),
        ("[clutser]\nport = 1", "clutser is no setting; did you mean cluster?"),
        (
            "[defaults.supervision]\nwithin = 1",
            "defaults.supervision.within is no setting; did you mean defaults.supervision.within_seconds?",
        ),
        (
            "[defaults.mailbox]\nxyz = 1",
            "defaults.mailbox.xyz is no setting; there is capacity, strategy",
        ),
        (
            "[actors.'a-\\d']\nmailbox = { capasity = 1 }",
            "actors.'a-\\d'.mailbox.capasity is no setting; did you mean actors.'a-\\d'.mailbox.capacity?",
        ),
        ('"two words" = 1', "'two words' is no setting; there is system, defaults, actors"),
        ("[cluster]\nport = 'x'", "cluster.port must be an integer; it is 'x'"),
        ("[cluster.gossip]\ninterval = 0", "cluster.gossip.interval must be more than 0; it is 0.0"),
        ("cluster = 5", "cluster must be a table; it is 5"),
        ("[actors]\norders = 5", "actors key 'orders' must be a table; it is 5"),
        ("[actors.'(']", "actors key '(' must be a regular expression"),
        ("[cluster.tls]\ncertfile = 'a'", "cluster.tls.certfile and cafile belong together"),
        ("[actors.a.replication]\nmin_acks = 1", "actors.'a': replication needs 0 <= min_acks <= replicas"),
        ("[system]\nname = \n", "is not TOML: Invalid value (at line 2, column 8)"),
    ],
)
def test_an_error_names_the_file_and_the_key(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path / "casty.toml", text)

    assert error_of(path).startswith(f"{path}: {message}")


def test_an_error_in_a_pyproject_names_the_table_too(tmp_path: Path) -> None:
    path = written(tmp_path / "pyproject.toml", "[tool.casty.cluster]\nprot = 1")

    assert error_of(path).startswith(f"{path} [tool.casty]: cluster.prot is no setting")


def test_a_file_in_another_encoding_is_an_error_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "casty.toml"
    path.write_bytes(b'[system]\nname = "caf\xe9"\n')

    assert error_of(path) == f"{path}: is not UTF-8 (at line 2); save it in that encoding"


def test_options_of_a_journal_are_free(tmp_path: Path) -> None:
    path = written(tmp_path / "casty.toml", '[journal]\nurl = "a://b"\noptions = { any = { thing = [1, "x"] } }')

    assert load_config(path).journal.options == {"any": {"thing": [1, "x"]}}
