"""From the nested dicts of a file to tables, by the tables' own type hints; knows no table by name."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import cast

from casty.config.tables import Table, as_mapping, as_table, hints
from casty.errors import ConfigError


def table_from[T: Table](table: type[T], data: Mapping[str, object], path: str = "") -> T:
    """The table that `data` describes. Raises `ConfigError`, beginning with the dotted key in question."""
    values = {key: converted(hint_of(table, key, path), raw, dotted(path, key)) for key, raw in data.items()}
    try:
        return table(**values)
    except ConfigError as error:
        raise ConfigError(dotted(path, str(error))) from None


def converted(hint: object, raw: object, path: str) -> object:
    """`raw` with tables for its dicts. Single values stay as they are: the table around them checks them."""
    if not isinstance(raw, dict):
        return raw
    data = cast(Mapping[str, object], raw)
    if (table := as_table(hint)) is not None:
        return table_from(table, data, path)
    if (mapping := as_mapping(hint)) is not None:
        return {key: converted(mapping[1], item, f"{path}.{_quoted(key)}") for key, item in data.items()}
    return data


def hint_of(table: type[Table], key: str, path: str) -> object:
    """The type hint of a table's key. Raises `ConfigError` with the nearest key that there is."""
    known = hints(table)
    if key in known:
        return known[key]
    nearest = get_close_matches(key, known, n=1)
    advice = f"did you mean {dotted(path, nearest[0])}?" if nearest else f"there is {', '.join(known)}"
    raise ConfigError(f"{dotted(path, _quoted(key))} is no setting; {advice}")


def dotted(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _quoted(key: str) -> str:
    """The key as TOML writes it."""
    return key if re.fullmatch(r"[\w-]+", key, re.ASCII) else f"'{key}'"
