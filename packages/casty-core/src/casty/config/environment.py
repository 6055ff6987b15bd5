"""Environment variables that override a file: `CASTY_CLUSTER__PORT=0` sets `cluster.port`.

A value is read as TOML. Where that gives nothing that the setting takes, the text itself is tried, so that
`CASTY_SYSTEM__NAME=shop` needs no quotes. Names become lower case.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final, cast

from casty.config.convert import converted, hint_of
from casty.config.schema import CastyConfig
from casty.config.tables import as_mapping, as_table, checked
from casty.errors import ConfigError

PREFIX: Final = "CASTY_"
SEPARATOR: Final = "__"
DISABLED_PLUGINS: Final = "CASTY_DISABLED_PLUGINS"


def overridden(data: Mapping[str, object], environ: Mapping[str, str]) -> Mapping[str, object]:
    """`data` with the settings of every variable that has the prefix and a separator.

    Raises `ConfigError`, which begins with the variable's name, for a key or value that is wrong by itself.
    """
    for variable in sorted(environ):
        if variable.startswith(PREFIX) and SEPARATOR in variable:
            keys = variable.removeprefix(PREFIX).lower().split(SEPARATOR)
            try:
                value = _reading(keys, environ[variable])
            except ConfigError as error:
                raise ConfigError(f"{variable}: {error}") from None
            data = _placed(data, keys, value)
    return data


def disabled_plugins(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The names in the comma-separated `CASTY_DISABLED_PLUGINS`."""
    return tuple(name for part in environ.get(DISABLED_PLUGINS, "").split(",") if (name := part.strip()))


def _placed(data: object, keys: Sequence[str], value: object) -> Mapping[str, object]:
    table = cast(Mapping[str, object], data if isinstance(data, dict) else {})
    first, *rest = keys
    return {**table, first: _placed(table.get(first), rest, value) if rest else value}


def _reading(keys: Sequence[str], text: str) -> object:
    """The first reading of `text` that the setting takes."""
    hint, path = _hint_at(keys), ".".join(keys)
    problems: list[ValueError] = []
    for value in _readings(text):
        try:
            checked(hint, converted(hint, value, path))
        except ConfigError:
            raise
        except ValueError as problem:
            problems.append(problem)
        else:
            return value
    raise ConfigError(f"{path} {problems[0]}")


def _readings(text: str) -> Iterable[object]:
    with suppress(tomllib.TOMLDecodeError):
        yield tomllib.loads(f"value = {text}")["value"]
    yield text


def _hint_at(keys: Sequence[str]) -> object:
    hint: object = CastyConfig
    for depth, key in enumerate(keys):
        path = ".".join(keys[:depth])
        if (table := as_table(hint)) is not None:
            hint = hint_of(table, key, path)
        elif (mapping := as_mapping(hint)) is not None:
            hint = mapping[1]
        else:
            raise ConfigError(f"{path} is a single setting; it has no {key}")
    return hint
