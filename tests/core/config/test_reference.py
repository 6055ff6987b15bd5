"""`docs/reference/casty.toml` lists every setting with its default and its reason, and nothing else."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from casty.behaviors.supervision import Backoff, Directive, OneForOneStrategy
from casty.config import ActorSettingsResolver, CastyConfig, load_config
from casty.config.actors import Always
from casty.config.convert import table_from
from casty.config.tables import Table, as_mapping, as_table, hints
from casty.mailbox import Mailbox
from casty.replication import ReplicationConfig

pytestmark = pytest.mark.usefixtures("nothing_in_the_environment")

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "casty.toml"
PATTERN = r"order-\d+"
TEXT = REFERENCE.read_text()
FULL_TEXT = re.sub(r"^#(?=[\w\[])", "", TEXT, flags=re.MULTILINE)
"""With the settings that have no default, and their examples, switched on."""


def settings_of(table: type[Table], path: str = "") -> Iterator[str]:
    """The dotted keys of the schema; the tables of `[actors]` under the file's example of a pattern."""
    for key, hint in hints(table).items():
        mapping = as_mapping(hint)
        inner = as_table(hint) or (as_table(mapping[1]) if mapping else None)
        if inner is None:
            yield f"{path}{key}"
        else:
            yield from settings_of(inner, f"{path}{key}.{PATTERN}." if mapping else f"{path}{key}.")


def leaves_of(data: dict[str, object], path: str = "") -> Iterator[str]:
    for key, value in data.items():
        if isinstance(value, dict) and value:
            yield from leaves_of(cast(dict[str, object], value), f"{path}{key}.")
        else:
            yield f"{path}{key}"


def value_at(config: object, dotted: str) -> object:
    for key in dotted.split("."):
        config = getattr(config, key)
    return config


def test_the_file_loads_and_equals_the_defaults() -> None:
    assert load_config(REFERENCE) == CastyConfig()


def test_the_file_has_exactly_the_settings_of_the_schema() -> None:
    assert sorted(leaves_of(tomllib.loads(FULL_TEXT))) == sorted(settings_of(CastyConfig))


def test_a_setting_is_switched_off_only_where_it_has_no_default() -> None:
    settings = {key for key in settings_of(CastyConfig) if not key.startswith("actors.")}
    shown = settings.intersection(leaves_of(tomllib.loads(TEXT)))

    assert shown == {key for key in settings if value_at(CastyConfig(), key) is not None}


def test_every_example_is_valid() -> None:
    table_from(CastyConfig, tomllib.loads(FULL_TEXT))


def test_the_defaults_of_the_code_are_shown_as_they_are() -> None:
    config = table_from(CastyConfig, tomllib.loads(FULL_TEXT))
    settings = ActorSettingsResolver(config).resolve("an-actor")

    assert settings.mailbox.overflow is Mailbox().overflow
    assert settings.supervision == OneForOneStrategy(decider=Always(Directive.stop), backoff=Backoff())
    assert settings.num_shards == 100
    assert settings.replication == ReplicationConfig()


def test_every_setting_has_its_reason_above_it() -> None:
    """A group of settings without an empty line in it shares the comment that begins it."""
    groups = TEXT.strip().split("\n\n")

    assert [group for group in groups if not re.match(r"# |\[.+\]$", group)] == []
