"""Turns a free table of the configuration into the options that a provider declares.

The fields of an options dataclass may be bool, int, float, str, an Enum, `tuple[X, ...]`, `Mapping[str, X]`,
`X | None`, or one of these with a rule in `Annotated[X, Rule(...)]` (`casty.config.tables`).
"""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from difflib import get_close_matches
from typing import Any, get_type_hints

from casty.config.tables import checked
from casty.errors import PluginError
from casty.plugins.kinds import KINDS, Provider


def build_options(provider: Provider, table: Mapping[str, object]) -> Any:
    """An instance of `provider.options`. Raises `PluginError` for an unknown, missing or wrong option."""
    owner = _owner(provider)
    known = {field.name: field for field in fields(provider.options) if field.init}
    for key in table:
        if key not in known:
            raise PluginError(f"{owner} has no option {key!r}; {_advice(key, list(known))}")
    missing = [
        name
        for name, field in known.items()
        if name not in table and field.default is MISSING and field.default_factory is MISSING
    ]
    if missing:
        raise PluginError(f"{owner} needs the option {missing[0]!r}")
    try:
        hints = get_type_hints(provider.options, include_extras=True)
    except Exception as error:
        raise PluginError(f"the options class of {owner} has annotations that cannot be resolved: {error!r}") from error
    arguments: dict[str, object] = {}
    for key, value in table.items():
        try:
            arguments[key] = checked(hints[key], value)
        except ValueError as error:
            raise PluginError(f"option {key!r} of {owner} {error}") from None
    try:
        return provider.options(**arguments)
    except Exception as error:
        raise PluginError(f"the options of {owner} do not fit together: {error}") from error


def _owner(provider: Provider) -> str:
    word = next(kind.word for kind in KINDS if isinstance(provider, kind.provider))
    return f"{word} {provider.names[0]!r}"


def _advice(key: str, known: list[str]) -> str:
    if not known:
        return "it takes none"
    near = get_close_matches(key, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"its options are: {', '.join(known)}"
